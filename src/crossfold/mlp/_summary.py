"""What a training looked like, and the table of a fitted network's layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crossfold.mlp._base import BaseMLP
from dataclasses import dataclass

from crossfold.mlp._spec import Trained


@dataclass(frozen=True)
class History:
    """What one network's training looked like, one figure per epoch.

    Attributes
    ----------
    train_loss
        Mean training loss, penalties included.
    validation_loss, validation_score
        On the fold's validation rows, or with early stopping on the rows set aside; empty without
        such rows. The score is accuracy for classifiers and R² for regressors.
    seconds
        Wall-clock seconds since the start of the stack's training.
    """

    train_loss: list[float]
    validation_loss: list[float]
    validation_score: list[float]
    seconds: list[float]

    @classmethod
    def of(cls, trained: Trained) -> History:
        """Read the history of what was trained."""
        return cls(
            trained.loss_curve,
            trained.validation_loss,
            trained.validation_scores,
            trained.seconds,
        )


_ROW = "{:<10}  {:<14}  {:<12}  {:>12}\n"


class Text(str):
    """Text of several lines that a console or notebook shows as such without `print`."""

    __slots__ = ()

    __repr__ = str.__str__


def write_summary(estimator: BaseMLP) -> Text:
    """Give the table: layer, output shape, activation, number of parameters."""
    layers = list(list_layers(estimator))
    lines = [
        _ROW.format("layer", "output shape", "activation", "parameters"),
        *(_ROW.format(name, f"(n, {n})", what, f"{count:,}") for name, n, what, count in layers),
        _ROW.format("total", "", "", f"{sum(count for *_, count in layers):,}"),
    ]
    return Text("".join(lines))


def list_layers(estimator: BaseMLP) -> Iterator[tuple[str, int, str, int]]:
    """List each layer's name, units, activation and number of parameters, inputs first."""
    yield "input", estimator.n_features_in_, "", 0
    last = len(estimator.coefs_)
    hidden = getattr(estimator.activation, "name", estimator.activation)
    layers = zip(estimator.coefs_, estimator.intercepts_, strict=True)
    for number, (coefs, intercepts) in enumerate(layers, start=1):
        is_last = number == last
        name, activation = (
            ("output", estimator.out_activation_) if is_last else (f"hidden {number}", hidden)
        )
        yield name, len(intercepts), str(activation), coefs.size + intercepts.size
