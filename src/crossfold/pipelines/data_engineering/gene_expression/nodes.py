"""Nodes of the gene expression tables."""

from typing import Any

import numpy as np
import pandas as pd

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.data_engineering.gene_expression.joining import (
    CLASSES,
    ORIGINS,
    describe_probes,
    join,
    labels_of,
)
from crossfold.pipelines.data_engineering.gene_expression.parameters import ExpressionParameters
from crossfold.pipelines.data_engineering.gene_expression.source_table import parse


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
    expression, calls = join(sources)
    patients = expression.index.get_level_values("patient")
    facts = pd.DataFrame(
        {
            "patient": patients,
            "origin": pd.Categorical(expression.index.get_level_values("origin"), ORIGINS),
            "label": pd.Categorical(labels_of(labels_raw, patients), CLASSES),
        }
    )
    probes = describe_probes(sources[0], calls)
    tables = [
        pd.concat([facts, table[probes["probe"]].reset_index(drop=True)], axis=1)
        for table in (expression, calls)
    ]
    return *tables, probes, _counts(facts, probes)


def _counts(facts: pd.DataFrame, probes: pd.DataFrame) -> dict[str, Any]:
    by_origin = pd.crosstab(facts["origin"], facts["label"])
    return {
        "read": len(facts),
        "kept": len(facts),
        "by_origin": by_origin.to_dict(orient="index"),
        "probes": len(probes),
        "control_probes": int(probes["control"].sum()),
    }


def build_expression_features(
    expression: pd.DataFrame, probes: pd.DataFrame, parameters: ExpressionParameters
) -> pd.DataFrame:
    """Build what models read: no patient numbers, and nothing that is learnt from other patients.

    Returns
    -------
    ``aml`` (int8), ``origin`` (category), then one float32 column a probe; patients in the order of
    `expression`.
    """
    kept = probes if parameters.control_probes else probes[~probes["control"]]
    values = expression[kept["probe"].tolist()].astype("float64")
    if parameters.log10:
        bounds = parameters.floor, parameters.ceiling
        values = np.log10(values.clip(*bounds))
    if parameters.standardise_patients:
        values = _standardised(values, expression["patient"])
    aml = (expression["label"] == "AML").astype("int8").rename("aml")
    return pd.concat([aml, expression["origin"], values.astype("float32")], axis=1)


def _standardised(values: pd.DataFrame, patient: pd.Series) -> pd.DataFrame:
    """Move and scale each row to mean 0 and standard deviation 1."""
    spread = values.std(axis=1, ddof=0)
    if (spread == 0).any():
        raise CrossfoldError(
            f"Patient {patient[spread == 0].iloc[0]} has the same expression everywhere between "
            "floor and ceiling: mend the source file, or lower the floor under leukaemia in the "
            "parameters."
        )
    return values.sub(values.mean(axis=1), axis=0).div(spread, axis=0)
