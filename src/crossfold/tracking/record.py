"""What has been collected of a run, to be stored when it ends."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossfold.tracking.contents import EPOCH, Point, curves, metrics, parameters

if TYPE_CHECKING:
    from kedro.io import CatalogProtocol

HISTORY = "history"
REPORT_TABLE = ".tables."


@dataclass
class Record:
    """One run: its parameters, its metrics, and the names of the data sets that it has saved.

    Parameters
    ----------
    name
        The names of its pipelines.
    tags
        What tells the run apart: Kedro's run id, the environment.
    """

    name: str
    tags: dict[str, str]
    started_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    parameters: dict[str, str] = field(default_factory=dict)
    points: dict[str, list[Point]] = field(default_factory=dict)
    saved: list[str] = field(default_factory=list)

    def read(self, inputs: Mapping[str, Any]) -> None:
        """Take the parameters among what a node reads."""
        self.parameters.update(parameters(inputs))

    def wrote(self, name: str, data: Any) -> None:
        """Take the metrics and curves of what a node has written; remember its name."""
        self.saved.append(name)
        if name.endswith(".metrics") and isinstance(data, Mapping):
            self.points[name] = metrics(data, name)
        elif REPORT_TABLE not in name and EPOCH in getattr(data, "columns", ()):
            self.points[name] = curves(data, name)

    def all_points(self) -> list[Point]:
        """Give all points; those of a history that another has collected are not repeated."""
        return [
            p for name, points in self.points.items() if not self._is_part(name) for p in points
        ]

    def _is_part(self, name: str) -> bool:
        study, _, table = name.rpartition(".")
        return table.endswith(f"_{HISTORY}") and f"{study}.{HISTORY}" in self.points

    def artifacts(self, catalog: CatalogProtocol[Any, Any]) -> dict[str, list[Path]]:
        """Give the files of the figures and models of this run, by the data set's name."""
        from crossfold.datasets import FigureDataset, MLPDataset

        datasets = {name: catalog.get(name) for name in self.saved}
        return {
            name: sorted(file for file in _saved_file(dataset).parent.iterdir() if file.is_file())
            for name, dataset in datasets.items()
            if isinstance(dataset, FigureDataset | MLPDataset)
        }


def _saved_file(dataset: Any) -> Path:
    """Give the file of the version that this run has saved."""
    return Path(dataset._get_versioned_path(dataset.resolve_save_version()))
