"""Both source files and the labels as one table, a patient a row."""

from collections.abc import Sequence

import pandas as pd

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.data_engineering.gene_expression.source_table import SourceTable

LABEL = "cancer"
CLASSES = ("ALL", "AML")
ORIGINS = ("train", "independent")
CONTROL_PREFIX = "AFFX"


def join(sources: Sequence[SourceTable]) -> tuple[pd.DataFrame, pd.DataFrame]:
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


def labels_of(labels_raw: pd.DataFrame, patients: pd.Index) -> pd.Series:
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


def describe_probes(source: SourceTable, calls: pd.DataFrame) -> pd.DataFrame:
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
