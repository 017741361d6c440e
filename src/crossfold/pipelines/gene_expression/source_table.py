"""One source file: probes in rows, each patient a column of expressions and one of calls."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.gene_expression.columns import DESCRIPTION, PROBE

CALL = "call"
CALLS = ("A", "M", "P")
_OWN_COLUMNS = ("source_file", "source_row")


@dataclass(frozen=True)
class SourceTable:
    """A source file taken apart.

    Attributes
    ----------
    file
        Name of the file.
    descriptions
        Description of each probe, by probe in the file's order.
    expression
        Patients in rows, by number, in the file's order; probes in columns, int32.
    calls
        Patients and probes alike: ``A`` absent, ``M`` marginal, ``P`` present.
    """

    file: str
    descriptions: pd.Series
    expression: pd.DataFrame
    calls: pd.DataFrame


def parse(raw: pd.DataFrame) -> SourceTable:
    """Take a source file apart.

    Parameters
    ----------
    raw
        A file as `crossfold.datasets.ExportDataset` reads it: text, repeated column names numbered.

    Raises
    ------
    CrossfoldError
        A probe comes twice, a patient's column has no calls beside it, or a cell holds something
        else than a whole number or a call.
    """
    file = str(raw["source_file"].iloc[0])
    patients = _patients(raw, file)
    probes = raw[PROBE].str.strip()
    if probes.duplicated().any():
        raise CrossfoldError(
            f"{file} has the probe {probes[probes.duplicated()].iloc[0]} twice: each probe must "
            "have one row."
        )
    index = pd.Index(probes.to_numpy(), name="probe")
    return SourceTable(
        file,
        pd.Series(raw[DESCRIPTION].str.strip().to_numpy(), index=index, name="description"),
        _expressions(raw[list(patients)].set_axis(index), file),
        _calls(raw[list(patients.values())].set_axis(index), list(patients), file),
    )


def _patients(raw: pd.DataFrame, file: str) -> dict[str, str]:
    """Give the column of calls beside the column of each patient."""
    columns = [c for c in raw.columns if c not in (DESCRIPTION, PROBE, *_OWN_COLUMNS)]
    patients, calls = columns[::2], columns[1::2]
    for patient, call in zip(patients, calls, strict=False):
        if not (patient.isdecimal() and call.partition(".")[0] == CALL):
            break
    else:
        if patients and len(patients) == len(calls):
            return dict(zip(patients, calls, strict=True))
        patient = patients[-1] if patients else "the descriptions"
    raise CrossfoldError(
        f"In {file} the column {patient} is not a patient's number followed by a column "
        f"{CALL!r}: use the file as published, or give each patient these two columns."
    )


def _expressions(cells: pd.DataFrame, file: str) -> pd.DataFrame:
    """Turn text into whole numbers, patients in rows."""
    numbers = cells.apply(pd.to_numeric, errors="coerce")
    bad = numbers.isna() | (numbers % 1 != 0)
    _refuse(cells, bad, file, "a whole number")
    table: pd.DataFrame = numbers.T.astype("int32")
    table.index = pd.Index(table.index.astype("int32"), name="patient")
    return table


def _calls(cells: pd.DataFrame, patients: list[str], file: str) -> pd.DataFrame:
    cells = cells.set_axis(patients, axis=1).apply(lambda column: column.str.strip())
    _refuse(cells, ~cells.isin(CALLS), file, "one of the calls A, M and P")
    table = cells.T
    table.index = pd.Index(table.index.astype("int32"), name="patient")
    return table


def _refuse(cells: pd.DataFrame, bad: pd.DataFrame, file: str, expected: str) -> None:
    """Stop on the first cell that holds something else."""
    places = np.argwhere(bad.to_numpy())
    if not len(places):
        return
    row, column = places[0]
    raise CrossfoldError(
        f"In {file} the probe {cells.index[row]} of patient {cells.columns[column]} holds "
        f"{cells.iloc[row, column]!r} where {expected} was expected: mend the file or fetch it "
        "again."
    )
