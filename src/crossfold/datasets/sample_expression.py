"""The synthetic leukaemia patients of the sample environment, made when they are read."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd

from crossfold.datasets.bases import SampleDataset

Part = Literal["train", "independent", "labels"]
# Patients of each class in the two published files.
PATIENTS = {"train": (27, 11), "independent": (20, 14)}
CONTROLS_SHARE, INFORMATIVE_SHARE, SHIFT = 0.01, 0.05, 1.0
SOURCE_FILE = "synthetic sample"


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
