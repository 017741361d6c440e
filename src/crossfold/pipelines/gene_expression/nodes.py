"""Nodes that join the source files, build what models read, and list what folds selected."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pandas as pd

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.gene_expression.columns import CLASSES, LABEL, ORIGINS, TARGET
from crossfold.pipelines.gene_expression.parameters import FeatureParameters
from crossfold.pipelines.gene_expression.source_table import SourceTable, parse
from crossfold.templates.cross_validation.encoding import TableEncoder
from crossfold.templates.cross_validation.nodes import Networks
from crossfold.templates.cross_validation.parameters import FamilyParameters

CONTROL_PREFIX = "AFFX"


def join_patients(
    train_raw: pd.DataFrame, independent_raw: pd.DataFrame, labels_raw: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Join both source files and the labels to one table, a patient a row.

    Parameters
    ----------
    train_raw, independent_raw
        The published files: probes in rows, a column of calls after each patient's.
    labels_raw
        Columns ``patient`` and ``cancer``.

    Returns
    -------
    Expressions: ``patient`` (int32), ``origin`` (category: train or independent), ``label``
    (category: ALL or AML), then one int32 column a probe. Calls: the same, each A, M or P. Probes:
    ``probe``, ``description``, ``control``, ``present_share``. Counts.
    """
    sources = [parse(train_raw), parse(independent_raw)]
    expression, calls = _join(sources)
    patients = expression.index.get_level_values("patient")
    facts = pd.DataFrame(
        {
            "patient": patients,
            "origin": pd.Categorical(expression.index.get_level_values("origin"), ORIGINS),
            "label": pd.Categorical(_labels_of(labels_raw, patients), CLASSES),
        }
    )
    probes = _describe_probes(sources[0], calls)
    tables = [
        pd.concat([facts, table[probes["probe"]].reset_index(drop=True)], axis=1)
        for table in (expression, calls)
    ]
    return tables[0], tables[1], probes, _counts(facts, probes)


def _counts(facts: pd.DataFrame, probes: pd.DataFrame) -> dict[str, Any]:
    by_origin = pd.crosstab(facts["origin"], facts["label"])
    return {
        "read": len(facts),
        "kept": len(facts),
        "by_origin": by_origin.to_dict(orient="index"),
        "probes": len(probes),
        "control_probes": int(probes["control"].sum()),
    }


def _join(sources: Sequence[SourceTable]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Put the patients of two files under each other, in the order of their numbers.

    Returns
    -------
    Expressions and calls, each indexed by patient and origin.

    Raises
    ------
    CrossfoldError
        The files have other probes, or a patient is in both.
    """
    first, second = sources
    unlike = first.descriptions.index.symmetric_difference(second.descriptions.index)
    if len(unlike):
        raise CrossfoldError(
            f"{first.file} and {second.file} differ in {len(unlike)} probes, {unlike[0]} for one: "
            "both must have the same."
        )
    both = first.expression.index.intersection(second.expression.index)
    if len(both):
        raise CrossfoldError(
            f"Patient {both[0]} is in {first.file} and in {second.file}: each patient must be in "
            "one of them."
        )
    return _stack([s.expression for s in sources]), _stack([s.calls for s in sources])


def _stack(tables: list[pd.DataFrame]) -> pd.DataFrame:
    joined = pd.concat(tables, keys=ORIGINS, names=["origin", "patient"])
    return joined.swaplevel().sort_index(level="patient", sort_remaining=False)


def _labels_of(labels_raw: pd.DataFrame, patients: pd.Index) -> pd.Series:
    """Give the class of each patient, in the order of `patients`.

    Raises
    ------
    CrossfoldError
        A patient has no label or two, or a label is neither ALL nor AML.
    """
    file = str(labels_raw["source_file"].iloc[0])
    numbers = pd.to_numeric(labels_raw["patient"], errors="coerce")
    labels = labels_raw[LABEL].str.strip().set_axis(numbers)
    unknown = labels[~labels.isin(CLASSES)]
    if len(unknown):
        raise CrossfoldError(
            f"{file} holds the label {unknown.iloc[0]!r} where ALL or AML was expected: mend it."
        )
    wrong = [number for number in patients if (labels.index == number).sum() != 1]
    if wrong:
        raise CrossfoldError(
            f"{file} has no label, or more than one, for patient {wrong[0]}: each patient of the "
            "two expression files must have one."
        )
    return labels.loc[patients]


def _describe_probes(source: SourceTable, calls: pd.DataFrame) -> pd.DataFrame:
    """Give one row for each probe: name, description, whether a control, share called present."""
    probes = source.descriptions.index
    return pd.DataFrame(
        {
            "probe": probes,
            "description": source.descriptions.to_numpy(),
            "control": probes.str.startswith(CONTROL_PREFIX),
            "present_share": (calls[probes] == "P").mean().to_numpy(),
        }
    )


def build_features(
    expression: pd.DataFrame, probes: pd.DataFrame, parameters: FeatureParameters
) -> pd.DataFrame:
    """Build what models read: no patient numbers, and nothing that is learnt from other patients.

    Returns
    -------
    ``aml`` (int8), then one float32 column a probe; patients in the order of `expression`.
    """
    kept = probes if parameters.control_probes else probes[~probes["control"]]
    values = expression[kept["probe"].tolist()].astype("float64")
    if parameters.log10:
        bounds = parameters.floor, parameters.ceiling
        values = cast("pd.DataFrame", np.log10(values.clip(*bounds)))
    if parameters.standardise_patients:
        values = _standardised(values, expression["patient"])
    aml = (expression["label"] == "AML").astype("int8").rename(TARGET)
    return pd.concat([aml, values.astype("float32")], axis=1)


def _standardised(values: pd.DataFrame, patient: pd.Series) -> pd.DataFrame:
    """Move and scale each row to mean 0 and standard deviation 1."""
    spread = values.std(axis=1, ddof=0)
    if (spread == 0).any():
        raise CrossfoldError(
            f"Patient {patient[spread == 0].iloc[0]} has the same expression everywhere between "
            "floor and ceiling: mend the source file, or lower gene_expression.features.floor "
            "in the parameters."
        )
    return values.sub(values.mean(axis=1), axis=0).div(spread, axis=0)


def list_selected_probes(networks: Networks, family: FamilyParameters) -> pd.DataFrame:
    """List the probes that each fold of the first model selected.

    Returns
    -------
    Columns ``model``, ``protocol``, ``fold`` and ``probe``.
    """
    name, _ = next(iter(family))
    tables = [
        pd.DataFrame(
            {
                **{key: fitted[key] for key in ("model", "protocol", "fold")},
                "probe": TableEncoder.from_dict(fitted["encoder"]).inputs,
            }
        )
        for fitted in networks[1]["fitted"]
        if fitted["model"] == name
    ]
    return pd.concat(tables, ignore_index=True)
