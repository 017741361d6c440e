"""The synthetic appointments of the sample environment, made when they are read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crossfold.datasets.bases import SampleDataset
from crossfold.datasets.identifiers import hash_identifiers
from crossfold.datasets.synthetic_appointments import (
    PUBLISHED,
    add_invalid_rows,
    coming_again,
    make_appointments,
)

INVALID_ROWS_EACH = 2
SOURCE_FILE = "synthetic sample"


class SampleAppointmentsDataset(SampleDataset):
    """Synthetic appointments in the form in which `ExportDataset` gives real ones.

    Parameters
    ----------
    n_rows
        Number of valid rows; two rows that break each row rule come on top.
    seed
        Equal seeds give equal rows.
    credentials
        ``{"key": secret}`` for the hashes of patients.
    days_later
        None for past appointments; else the same ones come again so many days later, without
        outcomes.
    metadata
        Ignored here; read by Kedro-Viz.
    """

    def __init__(
        self,
        *,
        n_rows: int,
        seed: int,
        credentials: dict[str, str],
        days_later: int | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._n_rows = n_rows
        self._seed = seed
        self._key = credentials["key"]
        self._days_later = days_later
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Make the rows."""
        made = make_appointments(self._n_rows, np.random.default_rng(self._seed))
        if self._days_later is not None:
            made = coming_again(made, self._days_later)
        table = add_invalid_rows(made, INVALID_ROWS_EACH)
        table = table.rename(columns={own: name for name, own in PUBLISHED.items()})
        table["patient"] = hash_identifiers(table["patient"], self._key)
        table["source_file"] = pd.Categorical([SOURCE_FILE] * len(table))
        table["source_row"] = pd.RangeIndex(1, len(table) + 1).astype("int32")
        return table

    def _describe(self) -> dict[str, Any]:
        return {"n_rows": self._n_rows, "seed": self._seed, "days_later": self._days_later}
