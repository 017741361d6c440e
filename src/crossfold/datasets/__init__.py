"""Datasets: what reads and writes files, and nothing else.

`SourceDataset` fetches a source file and verifies it, `WebSourceDataset` follows a web address,
`ExportDataset` reads a CSV export and `TableDataset` any table, both with identifiers hashed,
`ExportPartsDataset` and `PartsDataset` read tables in parts for a cluster, `IdxDataset` and
`LabelledImagesDataset` read images, `SampleAppointmentsDataset`, `SampleExpressionDataset`,
`SampleImagesDataset` and `SampleWinesDataset` make what the sample environment reads,
`FigureDataset` and `MLPDataset` store figures and models.
"""

from importlib import import_module
from typing import Any

_MODULES = {
    "export_dataset": ("ExportDataset", "ExportPartsDataset", "PartsDataset"),
    "figure_dataset": ("FigureDataset",),
    "images": ("IdxDataset", "LabelledImagesDataset"),
    "networks": ("MLPDataset", "PromotedModelDataset"),
    "samples": (
        *("SampleAppointmentsDataset", "SampleExpressionDataset"),
        *("SampleImagesDataset", "SampleWinesDataset"),
    ),
    "source_dataset": ("SourceDataset", "WebSourceDataset"),
    "table_dataset": ("TableDataset",),
}


def __getattr__(name: str) -> Any:
    """Import a dataset when it is first used, so that start-up stays light."""
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
