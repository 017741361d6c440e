"""What of a run is tracked: parameters, metrics and curves as flat names and numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

EPOCH = "epoch"
REPEATS = frozenset({"fold", "member", "seed"})
NUMERIC_LABELS = frozenset({"alpha"})


@dataclass(frozen=True)
class Point:
    """One value of a metric; `step` is the epoch, or 0 for what is measured once."""

    key: str
    value: float
    step: int = 0


def leaves(tree: Any, name: str, separator: str) -> Iterator[tuple[str, Any]]:
    """Walk through nested dictionaries and parameter models, with the path to each value."""
    if hasattr(tree, "model_dump"):
        tree = tree.model_dump(mode="json")
    if not isinstance(tree, Mapping):
        yield name, tree
        return
    for key, value in tree.items():
        yield from leaves(value, f"{name}{separator}{key}", separator)


def parameters(inputs: Mapping[str, Any]) -> dict[str, str]:
    """Give the declared parameters among a node's inputs; data sets are left out."""
    given = ((name.removeprefix("params:"), value) for name, value in inputs.items() if ":" in name)
    return {path: str(leaf) for name, value in given for path, leaf in leaves(value, name, ".")}


def metrics(tree: Mapping[str, Any], name: str) -> list[Point]:
    """Give the numbers of a nested dictionary of metrics."""
    found = leaves(tree, name, "/")
    return [Point(key, float(value)) for key, value in found if _is_number(value)]


def curves(table: pd.DataFrame, name: str) -> list[Point]:
    """Give each measure of a training history, epoch by epoch, averaged over folds and seeds.

    Parameters
    ----------
    table
        One row an epoch and network, with a column ``epoch``. Columns of floats are measures
        (``alpha`` is not); ``fold``, ``member`` and ``seed`` number repeats; all others are labels.
    name
        The first part of each key; labels and measure follow.
    """
    floats = table.select_dtypes("float").columns
    measures = [column for column in floats if column not in NUMERIC_LABELS]
    labels = [column for column in table if column not in {*measures, *REPEATS, EPOCH}]
    means = table.groupby([*labels, EPOCH], observed=True)[measures].mean().reset_index()
    return [
        Point("/".join([name, *map(str, row), measure]), float(value), int(epoch))
        for *row, epoch, value, measure in _long(means, labels, measures)
        if math.isfinite(value)
    ]


def _long(means: pd.DataFrame, labels: list[Any], measures: list[Any]) -> Iterator[tuple[Any, ...]]:
    """Walk through a table of means: labels, epoch, value, and the name of the measure."""
    for measure in measures:
        for row in means[[*labels, EPOCH, measure]].itertuples(index=False, name=None):
            yield (*row, measure)


def _is_number(value: Any) -> bool:
    is_real = isinstance(value, int | float) and not isinstance(value, bool)
    return is_real and math.isfinite(value)
