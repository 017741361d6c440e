"""From the source files to what models read: patients joined, features made, probes listed."""

from typing import Any, NamedTuple, Self, cast

import numpy as np
import pandas as pd
from pydantic import PositiveFloat, model_validator

from crossfold.datasets.identifiers import masked
from crossfold.exceptions import CrossfoldError
from crossfold.templates.parameters import Parameters

DESCRIPTION, PROBE, LABEL = "Gene Description", "Gene Accession Number", "cancer"
CLASSES = ("ALL", "AML")
ORIGINS = ("train", "independent")
TARGET = "aml"


class FeatureParameters(Parameters):
    """How measured expressions become what a model reads."""

    control_probes: bool = True
    """Whether the chip's own control probes (AFFX) are kept."""
    log10: bool = True
    """Whether a model reads the decimal logarithm."""
    standardise_patients: bool = True
    """Whether each patient's values are moved and scaled to mean 0 and standard deviation 1, by the
    patient's own values alone: chips differ in brightness."""
    floor: PositiveFloat = 100
    """Values below, in the scanner's units, are set to it before the logarithm is taken; 100 and
    16,000 are customary (Dudoit et al. 2002)."""
    ceiling: PositiveFloat = 16000
    """Values above are set to it, before the logarithm too; without it neither is read."""

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        if self.floor >= self.ceiling:
            raise ValueError("the floor must be below the ceiling")
        return self


class SourceTable(NamedTuple):
    """A source file taken apart: patients in rows, by number, probes in columns, in its order."""

    file: str
    descriptions: pd.Series  # by probe
    expression: pd.DataFrame  # int32


def parse(raw: pd.DataFrame) -> SourceTable:
    """Take a source file apart, as `crossfold.datasets.ExportDataset` reads it.

    All of it is text; repeated names of columns are numbered. The scanner's calls are not read.
    Raises a `CrossfoldError`: a probe comes twice, a patient's column has no calls beside it, or a
    cell holds something else than a whole number.
    """
    file = str(raw["source_file"].iloc[0])
    patients = _patients(raw, file)
    probes = pd.Index(raw[PROBE].str.strip(), name="probe")
    if probes.has_duplicates:
        raise CrossfoldError(
            f"{file} has the probe {probes[probes.duplicated()][0]} twice: each probe must have "
            "one row."
        )
    numbers = pd.Index([int(number) for number in patients], dtype="int32", name="patient")
    written = raw[patients].set_axis(probes).set_axis(numbers, axis=1)
    expression = written.apply(pd.to_numeric, errors="coerce")
    _refuse(written, expression.isna() | (expression % 1 != 0), file)
    descriptions = pd.Series(raw[DESCRIPTION].str.strip().to_numpy(), probes)
    return SourceTable(file, descriptions, expression.astype("int32").T)


def _patients(raw: pd.DataFrame, file: str) -> list[str]:
    """Find the column of each patient, which has one of calls beside it."""
    columns = list(raw.columns.drop([DESCRIPTION, PROBE, "source_file", "source_row"]))
    pairs = dict(zip(columns[::2], columns[1::2], strict=False))
    wrong = [
        patient
        for patient, call in pairs.items()
        if not (patient.isdecimal() and call.partition(".")[0] == "call")
    ]
    if wrong or not columns or len(columns) % 2:
        raise CrossfoldError(
            f"In {file} the column {masked([*wrong, *columns[-1:], 'the descriptions'][0])} is "
            "not a patient's number followed by a column 'call': use the file as published, or "
            "give each patient these two columns."
        )
    return list(pairs)


def _refuse(cells: pd.DataFrame, bad: pd.DataFrame, file: str) -> None:
    for row, column in np.argwhere(bad.to_numpy()):
        raise CrossfoldError(
            f"In {file} the probe {cells.index[row]} of patient {masked(cells.columns[column])} "
            f"holds {masked(cells.iloc[row, column])!r} where a whole number was expected: mend "
            "the file or fetch it again."
        )


def join_patients(
    train_raw: pd.DataFrame, independent_raw: pd.DataFrame, labels_raw: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Join both source files and the labels to one table, a patient a row.

    The published files have probes in rows, and a column of calls after each patient's; the labels
    have the columns ``patient`` and ``cancer``.

    Returns expressions: ``patient`` (int32), ``origin`` (category: train or independent), ``label``
    (category: ALL or AML), then one int32 column a probe. Probes: ``probe``, ``description``,
    ``control``. Counts.
    """
    sources = parse(train_raw), parse(independent_raw)
    _refuse_unlike(*sources)
    joined = pd.concat([one.expression for one in sources], keys=ORIGINS, names=["origin"])
    expression = joined.sort_index(level="patient", sort_remaining=False).reset_index()
    descriptions = sources[0].descriptions
    probes = pd.DataFrame({"probe": descriptions.index, "description": descriptions.to_numpy()})
    names = probes["probe"].tolist()
    probes["control"] = probes["probe"].str.startswith("AFFX")
    facts: dict[str, Any] = {
        "patient": expression["patient"],
        "origin": pd.Categorical(expression["origin"], ORIGINS),
        "label": pd.Categorical(_labels_of(labels_raw, expression["patient"]), CLASSES),
    }
    counts = {
        "read": len(expression),
        "kept": len(expression),
        "by_origin": pd.crosstab(facts["origin"], facts["label"]).to_dict(orient="index"),
        "probes": len(probes),
        "control_probes": int(probes["control"].sum()),
    }
    return pd.concat([pd.DataFrame(facts), expression[names]], axis=1), probes, counts


def _refuse_unlike(first: SourceTable, second: SourceTable) -> None:
    """Stop where the files have other probes, or a patient is in both."""
    unlike = first.descriptions.index.symmetric_difference(second.descriptions.index)
    if len(unlike):
        raise CrossfoldError(
            f"{first.file} and {second.file} differ in {len(unlike)} probes, {unlike[0]} for one: "
            "both must have the same."
        )
    both = first.expression.index.intersection(second.expression.index)
    if len(both):
        raise CrossfoldError(
            f"Patient {masked(both[0])} is in {first.file} and in {second.file}: each patient "
            "must be in one of them."
        )


def _labels_of(labels_raw: pd.DataFrame, patients: pd.Series) -> pd.Series:
    """Find the class of each patient, in the order of `patients`; stop where that is not one."""
    file = str(labels_raw["source_file"].iloc[0])
    numbers = pd.to_numeric(labels_raw["patient"], errors="coerce")
    labels = labels_raw[LABEL].str.strip().set_axis(numbers)
    unknown = labels[~labels.isin(CLASSES)]
    if len(unknown):
        raise CrossfoldError(
            f"{file} holds the label {masked(unknown.iloc[0])!r} where ALL or AML was expected: "
            "mend it."
        )
    wrong = [number for number in patients if (labels.index == number).sum() != 1]
    if wrong:
        raise CrossfoldError(
            f"{file} has no label, or more than one, for patient {masked(wrong[0])}: each "
            "patient of the two expression files must have one."
        )
    return labels.loc[patients]


def build_features(
    expression: pd.DataFrame, probes: pd.DataFrame, parameters: FeatureParameters
) -> pd.DataFrame:
    """Build what models read: no patient numbers, and nothing that is learnt from other patients.

    Returns ``aml`` (int8), then one float32 column a probe; patients in the order of `expression`.
    Raises a `CrossfoldError`: a patient is to be standardised whose values are all the same.
    """
    kept = probes if parameters.control_probes else probes[~probes["control"]]
    values = expression[kept["probe"].tolist()].astype("float64")
    if parameters.log10:
        values = cast("pd.DataFrame", np.log10(values.clip(parameters.floor, parameters.ceiling)))
    if parameters.standardise_patients:
        spread = values.std(axis=1, ddof=0)
        if (spread == 0).any():
            raise CrossfoldError(
                f"Patient {masked(expression['patient'][spread == 0].iloc[0])} has the same "
                "expression everywhere between floor and ceiling: mend the source file, or lower "
                "gene_expression.features.floor in the parameters."
            )
        values = values.sub(values.mean(axis=1), axis=0).div(spread, axis=0)
    aml = (expression["label"] == "AML").astype("int8").rename(TARGET)
    return pd.concat([aml, values.astype("float32")], axis=1)
