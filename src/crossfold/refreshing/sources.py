"""Sources at web addresses, asked once before a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from crossfold.datasets.web_copy import WebCopy


def ensure(pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> None:
    """Copy what the addresses hold that a pipeline reads, where there is no copy yet.

    Raises
    ------
    SourceError
        If an address does not answer as it should.
    """
    for copy in _copies(pipeline, catalog):
        copy.ensure()


def update(pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> None:
    """Copy anew what has changed at the addresses that a pipeline reads.

    Raises
    ------
    SourceError
        If an address does not answer as it should; its copy stays as it was.
    """
    for copy in _copies(pipeline, catalog):
        copy.update()


def look(pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> None:
    """Learn what has changed at the addresses that a pipeline reads, and copy nothing.

    Raises
    ------
    SourceError
        If an address does not answer as it should.
    """
    for copy in _copies(pipeline, catalog):
        copy.look()


def _copies(pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> Iterator[WebCopy]:
    for name in sorted(pipeline.inputs()):
        copy = getattr(catalog.get(name), "web_copy", None)
        if copy is not None:
            yield copy
