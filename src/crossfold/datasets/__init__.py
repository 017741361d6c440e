"""Datasets: what reads and writes files, and nothing else.

`SourceDataset` fetches a source file and verifies it, `WebSourceDataset` follows a web address,
`ExportDataset` reads a CSV export and `TableDataset` any table, both with identifiers hashed,
`IdxDataset` and `LabelledImagesDataset` read images, `SampleAppointmentsDataset`,
`SampleExpressionDataset`, `SampleImagesDataset` and `SampleWinesDataset` make what the sample
environment reads, `FigureDataset` and `MLPDataset` store figures and models.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crossfold.datasets.export_dataset import ExportDataset
    from crossfold.datasets.figure_dataset import FigureDataset
    from crossfold.datasets.idx_dataset import IdxDataset
    from crossfold.datasets.labelled_images import LabelledImagesDataset
    from crossfold.datasets.mlp_dataset import MLPDataset
    from crossfold.datasets.promoted_model import PromotedModelDataset
    from crossfold.datasets.samples import (
        SampleAppointmentsDataset,
        SampleExpressionDataset,
        SampleImagesDataset,
        SampleWinesDataset,
    )
    from crossfold.datasets.source_dataset import SourceDataset
    from crossfold.datasets.table_dataset import TableDataset
    from crossfold.datasets.web_source import WebSourceDataset

__all__ = [
    "ExportDataset",
    "FigureDataset",
    "IdxDataset",
    "LabelledImagesDataset",
    "MLPDataset",
    "PromotedModelDataset",
    "SampleAppointmentsDataset",
    "SampleExpressionDataset",
    "SampleImagesDataset",
    "SampleWinesDataset",
    "SourceDataset",
    "TableDataset",
    "WebSourceDataset",
]

_MODULES = {
    "ExportDataset": "export_dataset",
    "FigureDataset": "figure_dataset",
    "IdxDataset": "idx_dataset",
    "LabelledImagesDataset": "labelled_images",
    "MLPDataset": "mlp_dataset",
    "PromotedModelDataset": "promoted_model",
    "SampleAppointmentsDataset": "samples",
    "SampleExpressionDataset": "samples",
    "SampleImagesDataset": "samples",
    "SampleWinesDataset": "samples",
    "SourceDataset": "source_dataset",
    "TableDataset": "table_dataset",
    "WebSourceDataset": "web_source",
}


def __getattr__(name: str) -> Any:
    """Import a dataset when it is first used, so that start-up stays light."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
