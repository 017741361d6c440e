"""Sources at web addresses, asked once before a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from crossfold.datasets.web_copy import WebCopy


def web_copies(pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> Iterator[WebCopy]:
    """Give the copies of what a pipeline reads from web addresses."""
    for name in sorted(pipeline.inputs()):
        copy = getattr(catalog.get(name), "web_copy", None)
        if copy is not None:
            yield copy
