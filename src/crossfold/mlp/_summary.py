"""The table of a fitted network's layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crossfold.mlp._base import BaseMLP

_ROW = "{:<10}  {:<14}  {:<12}  {:>12}\n"


class Text(str):
    """Text of several lines that a console or notebook shows as such without `print`."""

    __slots__ = ()

    __repr__ = str.__str__


def write_summary(estimator: BaseMLP) -> Text:
    """Give the table: layer, output shape, activation, number of parameters."""
    total = sum(array.size for array in (*estimator.coefs_, *estimator.intercepts_))
    lines = [
        _ROW.format("layer", "output shape", "activation", "parameters"),
        _ROW.format("input", f"(n, {estimator.n_features_in_})", "", "0"),
        *(_ROW.format(*row) for row in _layers(estimator)),
        _ROW.format("total", "", "", f"{total:,}"),
    ]
    return Text("".join(lines))


def _layers(estimator: BaseMLP) -> Iterator[tuple[str, str, str, str]]:
    last = len(estimator.coefs_)
    hidden = getattr(estimator.activation, "name", estimator.activation)
    layers = zip(estimator.coefs_, estimator.intercepts_, strict=True)
    for number, (coefs, intercepts) in enumerate(layers, start=1):
        yield (
            "output" if number == last else f"hidden {number}",
            f"(n, {coefs.shape[1]})",
            estimator.out_activation_ if number == last else str(hidden),
            f"{coefs.size + intercepts.size:,}",
        )
