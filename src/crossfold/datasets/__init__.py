"""Datasets: what reads and writes files, and nothing else.

`SourceDataset` fetches a source file and verifies it, `WebSourceDataset` follows a web address,
`ExportDataset` reads a CSV export and `TableDataset` any table, both with identifiers hashed,
`ExportPartsDataset` and `PartsDataset` read tables in parts for a cluster, `IdxDataset` and
`LabelledImagesDataset` read images, `SampleDataset` makes what the sample environment reads,
`FigureDataset` and `MLPDataset` store figures and models.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # kedro refresh reads here whose code a dataset is
    from crossfold.datasets.export_dataset import ExportDataset as ExportDataset
    from crossfold.datasets.figure_dataset import FigureDataset as FigureDataset
    from crossfold.datasets.images import IdxDataset as IdxDataset
    from crossfold.datasets.images import LabelledImagesDataset as LabelledImagesDataset
    from crossfold.datasets.networks import MLPDataset as MLPDataset
    from crossfold.datasets.networks import PromotedModelDataset as PromotedModelDataset
    from crossfold.datasets.parts import ExportPartsDataset as ExportPartsDataset
    from crossfold.datasets.parts import PartsDataset as PartsDataset
    from crossfold.datasets.samples import SampleDataset as SampleDataset
    from crossfold.datasets.source_dataset import SourceDataset as SourceDataset
    from crossfold.datasets.source_dataset import WebSourceDataset as WebSourceDataset
    from crossfold.datasets.table_dataset import TableDataset as TableDataset

_MODULES = {
    "export_dataset": ("ExportDataset",),
    "figure_dataset": ("FigureDataset",),
    "images": ("IdxDataset", "LabelledImagesDataset"),
    "networks": ("MLPDataset", "PromotedModelDataset"),
    "parts": ("ExportPartsDataset", "PartsDataset"),
    "samples": ("SampleDataset",),
    "source_dataset": ("SourceDataset", "WebSourceDataset"),
    "table_dataset": ("TableDataset",),
}


def __getattr__(name: str) -> Any:
    """Import a dataset when it is first used, so that start-up stays light."""
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
