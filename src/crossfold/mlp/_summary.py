"""A fitted network as a table of its layers and as a drawing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree.ElementTree import Element, SubElement, tostring

import numpy as np
from sklearn.utils._optional_dependencies import check_pandas_support

from crossfold.mlp._batches import dropout_rates
from crossfold.mlp._spec import Activation, Array, Network
from crossfold.mlp._start import spread

if TYPE_CHECKING:
    from crossfold.mlp._base import BaseMLP


_ROW = "{:<10}  {:<9}  {:<9}  {:<12}  {:<8}  {:<12}  {:>10}\n"
_COLUMNS = ("layer", "input", "output", "weights", "biases", "activation", "parameters")


class Text(str):
    """Text of several lines that a console or notebook shows as such without `print`."""

    __slots__ = ()

    __repr__ = str.__str__


class Layer(NamedTuple):
    """What a summary and a drawing say of a layer.

    `name` is ``input``, ``dropout``, ``hidden 1`` and so on, ``output``; `n_in` is 0 for the
    inputs; `activation` is of dropout the share that is left out.
    """

    name: str
    n_in: int
    units: int
    activation: str = ""
    has_bias: bool = False

    @property
    def is_dense(self) -> bool:
        return bool(self.n_in) and self.name != "dropout"

    @property
    def n_parameters(self) -> int:
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


def summarise(layers: Iterable[Layer], *, as_frame: bool) -> Any:
    """Give the table of all layers as text, or as a DataFrame."""
    rows: list[tuple[Any, ...]] = [layer.cells() for layer in layers]
    rows.append(("total", "", "", "", "", "", sum(row[-1] for row in rows)))
    if as_frame:
        pandas = check_pandas_support("A summary as a DataFrame")
        return pandas.DataFrame(rows, columns=list(_COLUMNS)).set_index("layer")
    lines = [_ROW.format(*row[:-1], f"{row[-1]:,}") for row in rows]
    return Text("".join([_ROW.format(*_COLUMNS), *lines]))


def list_layers(network: Network, settings: Mapping[str, Any]) -> Iterator[Layer]:
    """List inputs, dropout and all layers of weights, given `settings_of_layers`."""
    n_layers = len(network.layer_sizes) - 1
    use_bias = spread(settings["use_bias"], n_layers)
    dropout = dropout_rates(settings["dropout"], n_layers)
    functions = [*map(_name_of, network.activations), output_name(network)]
    yield Layer("input", 0, network.layer_sizes[0])
    for number, (n_in, units) in enumerate(pairwise(network.layer_sizes), start=1):
        if rate := dropout[number - 1]:
            yield Layer("dropout", n_in, n_in, f"{rate:g}")
        name = "output" if number == n_layers else f"hidden {number}"
        yield Layer(name, n_in, units, functions[number - 1], use_bias[number - 1])


def output_name(network: Network) -> str:
    """Name what the outputs go through; scikit-learn's names, unless another was given."""
    names = {"sigmoid": "logistic", "linear": "identity"} if network.output is None else {}
    return names.get(str(network.link), _name_of(network.link))


def _name_of(activation: str | Activation) -> str:
    return activation if isinstance(activation, str) else activation.name


MOST_UNITS, _ENDS = 10, 3
"""A layer of more units is shortened to its first and last ones."""

_COLUMN, _HEIGHT, _TOP, _NAME, _LETTERS = 132, 26, 18, 80, 18
_THIN, _THICK = 0.5, 4.0
_KEY = "Lines are weights: wide ones large, beside the layer's largest; dashed ones negative."
_LOOK = {
    **{"xmlns": "http://www.w3.org/2000/svg", "role": "img", "fill": "currentColor"},
    **{"font-family": "system-ui, sans-serif", "font-size": "13"},
    "style": "max-width: 100%; height: auto",
}
_Places = list[tuple[float, float]]


class Drawing(str):
    """SVG as text, which a notebook shows as a picture.

    Attributes
    ----------
    description
        The layers in words, for those who do not see it.
    """

    description: str = ""

    def _repr_svg_(self) -> str:
        return str(self)


def draw(estimator: BaseMLP) -> Drawing:
    """Draw a fitted network; see `BaseMLP.draw`."""
    layers = [layer for layer in estimator._layers() if layer.name != "dropout"]
    sizes = [layer.units for layer in layers]
    rows = max(min(units, MOST_UNITS if units <= MOST_UNITS else 2 * _ENDS + 1) for units in sizes)
    weighs = any(max(pair) <= MOST_UNITS for pair in pairwise(sizes))
    inputs, outputs = _names(estimator)
    left, foot = (_NAME if inputs else 0), _TOP + _HEIGHT * rows
    width = left + _COLUMN * len(layers) + (_NAME if outputs else 0)
    box = max(width, 6 * len(_KEY) if weighs else 0), foot + (92 if weighs else 72)
    svg = Element("svg", {**_LOOK, "width": str(box[0]), "height": str(box[1])})
    svg.set("viewBox", f"0 0 {box[0]} {box[1]}")
    SubElement(svg, "title").text = f"Network of layers {'-'.join(map(str, sizes))}"
    told = "; ".join(", ".join(_words(layer)) for layer in layers)
    SubElement(svg, "desc").text = f"{told}. Biases are not drawn."
    xs = [left + _COLUMN * (column + 0.5) for column in range(len(layers))]
    places = [_places(x, units, rows) for x, units in zip(xs, sizes, strict=True)]
    for coefs, ends in zip(estimator.coefs_, pairwise(places), strict=True):
        _add_edges(svg, *ends, coefs if max(coefs.shape) <= MOST_UNITS else None)
    for layer, own in zip(layers, places, strict=True):
        _add_layer(svg, layer, own, foot)
    for names, own, side, anchor in (
        (inputs, places[0], -14, "end"),
        (outputs, places[-1], 14, "start"),
    ):
        for name, (x, y) in zip(names, own, strict=False):
            _text(svg, name, x + side, y + 4, {"text-anchor": anchor})
    if weighs:
        _text(svg, _KEY, 4, foot + 84, {"font-size": "11"})
    drawing = Drawing(tostring(svg, encoding="unicode"))
    drawing.description = f"{svg.findtext('title')}: {svg.findtext('desc')}"
    return drawing


def _words(layer: Layer) -> list[str]:
    words = [layer.name, f"{layer.units:,} unit{'s' if layer.units > 1 else ''}"]
    if not layer.is_dense:
        return words
    return [*words, layer.activation, f"{layer.n_parameters:,} parameters"]


def _places(x: float, units: int, rows: int) -> _Places:
    """Place the units that are drawn around the middle; a gap is left where some are not."""
    taken = list(range(units))
    if units > MOST_UNITS:
        taken = [n for n in range(2 * _ENDS + 1) if n != _ENDS]
    top = _TOP + _HEIGHT * (rows - taken[-1]) / 2
    return [(x, top + _HEIGHT * n) for n in taken]


def _add_edges(svg: Element, sources: _Places, targets: _Places, weights: Array | None) -> None:
    """Join all units of two layers; weights, shape ``(sources, targets)``, make lines wide."""
    group = SubElement(svg, "g", {"class": "edges", "stroke": "currentColor"})
    group.set("stroke-opacity", "0.4" if weights is None else "0.7")
    shares = np.zeros((len(sources), len(targets)))
    if weights is not None and weights.any():
        shares = weights / np.abs(weights).max()
    for (x1, y1), row in zip(sources, shares, strict=True):
        for (x2, y2), share in zip(targets, row, strict=True):
            ends = {"x1": f"{x1:g}", "y1": f"{y1:g}", "x2": f"{x2:g}", "y2": f"{y2:g}"}
            width = f"{_THIN + (_THICK - _THIN) * abs(share):.2f}"
            dashes = {"stroke-dasharray": "5 3"} if share < 0 else {}
            SubElement(group, "line", {**ends, "stroke-width": width, **dashes})


def _add_layer(svg: Element, layer: Layer, places: _Places, foot: float) -> None:
    """Add a layer's units, and below them what it is."""
    group, x = SubElement(svg, "g", {"class": "layer", "text-anchor": "middle"}), places[0][0]
    for _, y in places:
        SubElement(group, "circle", {"cx": f"{x:g}", "cy": f"{y:g}", "r": "7"})
    if layer.units > MOST_UNITS:
        _text(group, "⋮", x, places[_ENDS - 1][1] + _HEIGHT + 5, {})
    for line, words in enumerate(_words(layer)):
        _text(group, words, x, foot + 16 * (line + 1), {} if line else {"font-weight": "bold"})


def _text(parent: Element, words: str, x: float, y: float, how: dict[str, str]) -> None:
    SubElement(parent, "text", {"x": f"{x:g}", "y": f"{y:g}", **how}).text = words


def _names(estimator: BaseMLP) -> tuple[list[str], list[str]]:
    """List the names of inputs and of outputs, as far as they are known and few."""
    classes: Sequence[object] = list(getattr(estimator, "classes_", ()))
    if estimator.n_outputs_ == 1:  # A number alone would not say what it stands for.
        classes = [name for name in classes[1:] if isinstance(name, str)]
    return _short(getattr(estimator, "feature_names_in_", ())), _short(classes)


def _short(names: Sequence[object]) -> list[str]:
    words = [str(name) for name in names] if len(names) <= MOST_UNITS else []
    return [one if len(one) <= _LETTERS else f"{one[: _LETTERS - 1]}…" for one in words]
