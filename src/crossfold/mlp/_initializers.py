"""Starting weights, by name; biases start at zero."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from crossfold.mlp._layout import Layout
from crossfold.mlp._spec import Activation, Array, Initializer
from crossfold.mlp.exceptions import ParameterError

LayerInitializer = Callable[[np.random.Generator, int, int], Array]


def he(rng: np.random.Generator, n_in: int, n_out: int) -> Array:
    """Draw from ``Normal(0, sqrt(2 / n_in))`` (He et al. 2015)."""
    return rng.normal(scale=np.sqrt(2 / n_in), size=(n_in, n_out))


def xavier(rng: np.random.Generator, n_in: int, n_out: int) -> Array:
    """Draw from ``Uniform(-b, b)`` with ``b = sqrt(6 / (n_in + n_out))`` (Glorot, Bengio 2010)."""
    bound = np.sqrt(6 / (n_in + n_out))
    return rng.uniform(-bound, bound, size=(n_in, n_out))


def uniform(rng: np.random.Generator, n_in: int, n_out: int) -> Array:
    """Draw from ``Uniform(-0.05, 0.05)``, whatever the layer's size."""
    return rng.uniform(-0.05, 0.05, size=(n_in, n_out))


def normal(rng: np.random.Generator, n_in: int, n_out: int) -> Array:
    """Draw from ``Normal(0, 0.05)``, whatever the layer's size."""
    return rng.normal(scale=0.05, size=(n_in, n_out))


def zeros(rng: np.random.Generator, n_in: int, n_out: int) -> Array:
    """Give zeros: all units of a layer stay alike, which shows why starts are drawn."""
    return np.zeros((n_in, n_out))


def ones(rng: np.random.Generator, n_in: int, n_out: int) -> Array:
    """Give ones."""
    return np.ones((n_in, n_out))


INITIALIZERS: dict[str, LayerInitializer] = {
    "he": he,
    "xavier": xavier,
    "uniform": uniform,
    "normal": normal,
    "zeros": zeros,
    "ones": ones,
}


def draw_start(
    rng: np.random.Generator,
    layout: Layout,
    init: str | Initializer,
    activation: str | Activation,
    dtype: str,
) -> Array:
    """Draw the flat parameters of one network, shape ``(n_parameters,)``.

    Parameters
    ----------
    rng
        The member's own generator; drawn from in float64, layer by layer.
    layout
        The member's own layer sizes.
    init
        A name in `INITIALIZERS`, or ``auto``: he for ReLU kinds, xavier for all others; or a
        function that draws weights and biases of all layers.
    activation
        The hidden activation.
    dtype
        Of the result.
    """
    if not isinstance(init, str):
        return _join_drawn(layout, *init(rng, layout.sizes), dtype)
    if init == "auto":
        init = "he" if activation in {"relu", "leaky_relu"} else "xavier"
    coefs = [INITIALIZERS[init](rng, n_in - 1, n_out) for n_in, n_out in layout.shapes]
    return layout.join(coefs, [np.zeros(n_out) for _, n_out in layout.shapes], dtype)


def _join_drawn(layout: Layout, coefs: list[Array], intercepts: list[Array], dtype: str) -> Array:
    """Join what a function of the user's own has drawn, if it has the right shapes."""
    drawn = [np.shape(array) for array in (*coefs, *intercepts)]
    weights = [(n_in - 1, n_out) for n_in, n_out in layout.shapes]
    if drawn != [*weights, *((n_out,) for _, n_out in weights)]:
        raise ParameterError(
            f"The function given as init drew arrays of shapes {drawn}; layers of {layout.sizes} "
            f"units need weights {weights} and one bias per unit."
        )
    return layout.join(coefs, intercepts, dtype)
