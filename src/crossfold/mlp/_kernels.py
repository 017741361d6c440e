"""Passes over memory for numba to compile: one where NumPy takes several, with the same results.

Bit for bit: every number goes through the operations that NumPy would do, in their order.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np

from crossfold.mlp._spec import Array


def relu(z: Array, shift: Any) -> None:
    """Clear what is not positive of the bits ``(n,)``; `shift` is all bits of a number but one.

    See `crossfold.mlp._functions.Relu`. The mask is not kept: ``a`` gives it again.
    """
    for i in range(z.size):
        z[i] &= -z[i] >> shift


def relu_slope(delta: Array, a: Array, shift: Any) -> None:
    """Clear the bits of ``dL/da`` where ``a`` is not positive; as above."""
    for i in range(a.size):
        delta[i] &= -a[i] >> shift


def adam(
    p: Array, g: Array, m: Array, v: Array, scale: Array, size: Array, constants: Array
) -> None:
    """Scale gradients and take the step of `crossfold.mlp._update.Adam`.

    Arrays have shape ``(k, n_parameters)``, scale and step sizes ``(k,)``; constants are β₁, β₂ and
    what is added to the root.
    """
    beta_1, beta_2, epsilon = constants
    for row in range(p.shape[0]):
        factor, step = scale[row], size[row]
        for i in range(p.shape[1]):
            gradient = g[row, i] * factor
            first = m[row, i] * beta_1 + gradient
            second = v[row, i] * beta_2 + gradient * gradient
            m[row, i], v[row, i] = first, second
            p[row, i] -= first / (np.sqrt(second) + epsilon) * step


def take(source: Array, rows: Array, out: Array) -> None:
    """Cast rows of ``(n, columns)`` into ``(k, steps, r, columns)``; numbers ``(k, steps · r)``."""
    _, n_steps, n_rows, n_columns = out.shape
    for member in range(out.shape[0]):
        for step in range(n_steps):
            for place in range(n_rows):
                row = rows[member, step * n_rows + place]
                for column in range(n_columns):
                    out[member, step, place, column] = source[row, column]


TAKEN = "?bBhHiIlLqQfd"
"""Types of numbers that `take` is compiled for."""


class Kernels(NamedTuple):
    """The functions above, compiled."""

    relu: Callable[..., None]
    relu_slope: Callable[..., None]
    adam: Callable[..., None]
    take: Callable[..., None]


@cache
def compiled() -> Kernels | None:
    """Give the kernels, or None where numba is not installed or ``NUMBA_DISABLE_JIT`` is set.

    Each is compiled when it first meets arrays of some types, and kept on disk for later processes
    where there is a folder to write to.
    """
    try:
        from numba import config, njit
    except ModuleNotFoundError:
        return None
    if config.DISABLE_JIT:  # type: ignore[attr-defined]
        return None
    functions = relu, relu_slope, adam, take
    # Python's way with errors would look for a zero before every division.
    compile_: Any = partial(njit, nogil=True, error_model="numpy")
    try:
        return Kernels(*map(compile_(cache=True), functions))
    except RuntimeError:  # numba finds no folder for its cache
        return Kernels(*map(compile_, functions))
