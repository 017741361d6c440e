"""What a training looked like, and the table of a fitted network's layers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from sklearn.utils._optional_dependencies import check_pandas_support

from crossfold.mlp._spec import Activation, Network, Trained


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


_ROW = "{:<10}  {:<9}  {:<9}  {:<12}  {:<8}  {:<12}  {:>10}\n"
_COLUMNS = ("layer", "input", "output", "weights", "biases", "activation", "parameters")


class Text(str):
    """Text of several lines that a console or notebook shows as such without `print`."""

    __slots__ = ()

    __repr__ = str.__str__


class Layer(NamedTuple):
    """What a summary and a drawing say of a layer.

    Attributes
    ----------
    name
        ``input``, ``dropout``, ``hidden 1`` and so on, ``output``.
    n_in, units
        Units of the layer below, 0 for the inputs, and its own.
    activation
        Its name, or of dropout the share that is left out.
    has_bias
        Whether its units have biases.
    """

    name: str
    n_in: int
    units: int
    activation: str = ""
    has_bias: bool = False

    @property
    def is_dense(self) -> bool:
        """Whether it has weights."""
        return bool(self.n_in) and self.name != "dropout"

    @property
    def n_parameters(self) -> int:
        """Weights and biases."""
        return (self.n_in + self.has_bias) * self.units if self.is_dense else 0

    def cells(self) -> tuple[str, str, str, str, str, str, int]:
        """Give its row of a summary; ``n`` is the number of rows."""
        return (
            self.name,
            f"(n, {self.n_in})" if self.n_in else "",
            f"(n, {self.units})",
            f"({self.n_in}, {self.units})" if self.is_dense else "",
            f"({self.units},)" if self.has_bias else "",
            self.activation,
            self.n_parameters,
        )


def write_summary(layers: Iterable[Layer]) -> Text:
    """Give the table of all layers as text."""
    *rows, total = _rows(layers)
    lines = [_ROW.format(*_COLUMNS)]
    lines += [_ROW.format(*row[:-1], f"{row[-1]:,}") for row in (*rows, total)]
    return Text("".join(lines))


def frame_summary(layers: Iterable[Layer]) -> Any:
    """Give the table of all layers as a DataFrame."""
    pandas = check_pandas_support("A summary as a DataFrame")
    return pandas.DataFrame(_rows(layers), columns=list(_COLUMNS)).set_index("layer")


def _rows(layers: Iterable[Layer]) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = [layer.cells() for layer in layers]
    return [*rows, ("total", "", "", "", "", "", sum(row[-1] for row in rows))]


def list_layers(
    network: Network, use_bias: Sequence[bool], dropout: Sequence[float]
) -> Iterator[Layer]:
    """List inputs, dropout and all layers of weights; `use_bias` and `dropout` have one of each."""
    functions = [*map(_name_of, network.activations), output_name(network)]
    yield Layer("input", 0, network.layer_sizes[0])
    last = len(functions)
    for number, (n_in, units) in enumerate(pairwise(network.layer_sizes), start=1):
        if rate := dropout[number - 1]:
            yield Layer("dropout", n_in, n_in, f"{rate:g}")
        name = "output" if number == last else f"hidden {number}"
        yield Layer(name, n_in, units, functions[number - 1], use_bias[number - 1])


def output_name(network: Network) -> str:
    """Name what the outputs go through; scikit-learn's names, unless another was given."""
    names = {"sigmoid": "logistic", "linear": "identity"} if network.output is None else {}
    return names.get(str(network.link), _name_of(network.link))


def _name_of(activation: str | Activation) -> str:
    return activation if isinstance(activation, str) else activation.name
