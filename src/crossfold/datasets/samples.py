"""What the sample environment reads: synthetic tables and small images, made when they are read."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd

from crossfold.datasets.bases import ReadOnlyDataset, SampleDataset
from crossfold.datasets.identifiers import hash_identifiers
from crossfold.datasets.synthetic_appointments import (
    PUBLISHED,
    add_invalid_rows,
    coming_again,
    make_appointments,
)
from crossfold.images import LabelledImages

INVALID_ROWS_EACH = 2
SOURCE_FILE = "synthetic sample"

Part = Literal["train", "independent", "labels"]
# Patients of each class in the two published files of gene expression.
PATIENTS = {"train": (27, 11), "independent": (20, 14)}
CONTROLS_SHARE, INFORMATIVE_SHARE, SHIFT = 0.01, 0.05, 1.0

Colour = Literal["red", "white"]
# Mean and standard deviation of the published measurements: red, then white.
WINES: dict[str, tuple[float, float, float, float]] = {
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


class SampleExpressionDataset(SampleDataset):
    """Synthetic expressions in the form in which `ExportDataset` gives the published files.

    One probe in twenty differs between the classes; there are as many patients of each class in
    each file as were published.

    Parameters
    ----------
    part
        ``train``, ``independent`` or ``labels``.
    n_probes
        Number of probes.
    seed
        Equal seeds give the same patients, whatever the part.
    metadata
        Ignored here; read by Kedro-Viz.
    """

    def __init__(
        self, *, part: Part, n_probes: int, seed: int, metadata: dict[str, Any] | None = None
    ) -> None:
        self._part = part
        self._n_probes = n_probes
        self._seed = seed
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Make the part."""
        rng = np.random.default_rng(self._seed)
        origin = np.repeat(list(PATIENTS), [sum(counts) for counts in PATIENTS.values()])
        is_aml = np.concatenate([np.repeat([0, 1], counts) for counts in PATIENTS.values()])
        if self._part == "labels":
            label = np.where(is_aml, "AML", "ALL")
            table = pd.DataFrame({"patient": np.arange(1, len(label) + 1), "cancer": label})
        else:
            table = self._make_probes(is_aml, rng)
            patients = np.flatnonzero(origin != self._part) + 1
            drop = [name for number in patients for name in (str(number), f"call.{number}")]
            table = table.drop(columns=drop)
        return _as_text(table)

    def _make_probes(self, is_aml: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
        """Draw the expressions of all patients; calls are present above the background."""
        n = self._n_probes
        shift = rng.normal(0, SHIFT, n) * (rng.random(n) < INFORMATIVE_SHARE)
        level = rng.normal(5, 1.2, n)[:, None] + shift[:, None] * is_aml
        noise = rng.normal(0, 0.5, (n, len(is_aml)))
        values = np.exp(level + noise) + rng.normal(-50, 100, noise.shape)
        controls = round(n * CONTROLS_SHARE)
        names = [f"AFFX-{i}_at" if i < controls else f"S{i:05d}_at" for i in range(n)]
        columns: dict[str, Any] = {
            "Gene Description": [f"synthetic gene {i}" for i in range(n)],
            "Gene Accession Number": names,
        }
        for patient, of_patient in enumerate(values.T.round().astype(int), start=1):
            columns[str(patient)] = of_patient
            columns[f"call.{patient}"] = np.where(of_patient > 200, "P", "A")
        return pd.DataFrame(columns)

    def _describe(self) -> dict[str, Any]:
        return {"part": self._part, "n_probes": self._n_probes, "seed": self._seed}


def _as_text(table: pd.DataFrame) -> pd.DataFrame:
    rows = pd.RangeIndex(1, len(table) + 1).astype("int32")
    return table.astype("str").assign(source_file=SOURCE_FILE, source_row=rows)


class SampleImagesDataset(ReadOnlyDataset[LabelledImages]):
    """scikit-learn's 1,797 handwritten digits of 8×8 pixels, enlarged to 28×28.

    They are in the place of published images where there is no network. Every fourth is a test
    image.

    Parameters
    ----------
    part
        ``train`` or ``test``.
    metadata
        Ignored here; read by Kedro-Viz.
    """

    def __init__(
        self, *, part: Literal["train", "test"], metadata: dict[str, Any] | None = None
    ) -> None:
        self._part = part
        self.metadata = metadata

    def load(self) -> LabelledImages:
        """Enlarge each pixel to 3×3 and put a margin of two pixels around."""
        from sklearn.datasets import load_digits

        digits = load_digits()
        is_test = np.arange(len(digits.target)) % 4 == 3
        chosen = is_test if self._part == "test" else ~is_test
        small = np.minimum(digits.images[chosen] * 16, 255).astype(np.uint8)
        enlarged = small.repeat(3, axis=1).repeat(3, axis=2)
        images = np.pad(enlarged, ((0, 0), (2, 2), (2, 2)))
        return LabelledImages(images, digits.target[chosen].astype(np.uint8))

    def _describe(self) -> dict[str, Any]:
        return {"part": self._part}

    def _exists(self) -> bool:
        return True


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
            for name, figures in WINES.items()
        }
        table = pd.DataFrame(columns).assign(quality=rng.integers(4, 8, self._n_rows))
        copies = rng.random(self._n_rows) < DUPLICATED_SHARE
        originals = rng.integers(self._n_rows, size=self._n_rows)
        rows = np.where(copies, originals, np.arange(self._n_rows))
        return table.iloc[rows].reset_index(drop=True)

    def _describe(self) -> dict[str, Any]:
        return {"colour": self._colour, "n_rows": self._n_rows, "seed": self._seed}
