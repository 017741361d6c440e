"""The synthetic wines of the sample environment, made when they are read."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd

from crossfold.datasets.bases import SampleDataset

Colour = Literal["red", "white"]
# Mean and standard deviation of the published measurements: red, then white.
PUBLISHED: dict[str, tuple[float, float, float, float]] = {
    "fixed acidity": (8.32, 1.74, 6.85, 0.84),
    "volatile acidity": (0.53, 0.18, 0.28, 0.10),
    "citric acid": (0.27, 0.19, 0.33, 0.12),
    "residual sugar": (2.54, 1.41, 6.39, 5.07),
    "chlorides": (0.087, 0.047, 0.046, 0.022),
    "free sulfur dioxide": (15.9, 10.5, 35.3, 17.0),
    "total sulfur dioxide": (46.5, 32.9, 138.4, 42.5),
    "density": (0.9967, 0.0019, 0.9940, 0.0030),
    "pH": (3.31, 0.154, 3.19, 0.151),
    "sulphates": (0.66, 0.17, 0.49, 0.114),
    "alcohol": (10.4, 1.07, 10.5, 1.23),
}
DUPLICATED_SHARE = 0.18


class SampleWinesDataset(SampleDataset):
    """Synthetic wines of one colour, with the columns and about the figures of the published ones.

    Measurements are drawn one by one, so wines are further from real ones than their means suggest.
    About one row in six repeats another.

    Parameters
    ----------
    colour
        ``red`` or ``white``.
    n_rows
        Number of rows.
    seed
        Equal seeds give equal rows.
    metadata
        Ignored here; read by Kedro-Viz.
    """

    def __init__(
        self, *, colour: Colour, n_rows: int, seed: int, metadata: dict[str, Any] | None = None
    ) -> None:
        self._colour = colour
        self._n_rows = n_rows
        self._seed = seed
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Make the rows."""
        first = 2 * (self._colour == "white")
        rng = np.random.default_rng((self._seed, first))
        columns = {
            name: np.abs(rng.normal(figures[first], figures[first + 1], self._n_rows)).round(4)
            for name, figures in PUBLISHED.items()
        }
        table = pd.DataFrame(columns).assign(quality=rng.integers(4, 8, self._n_rows))
        copies = rng.random(self._n_rows) < DUPLICATED_SHARE
        originals = rng.integers(self._n_rows, size=self._n_rows)
        rows = np.where(copies, originals, np.arange(self._n_rows))
        return table.iloc[rows].reset_index(drop=True)

    def _describe(self) -> dict[str, Any]:
        return {"colour": self._colour, "n_rows": self._n_rows, "seed": self._seed}
