"""Which values the estimators' parameters may have."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from crossfold.mlp._spec import Activation

NON_NEGATIVE = Interval(Real, 0, None, closed="left")
_POSITIVE = Interval(Real, 0, None, closed="neither")
_COUNT = Interval(Integral, 1, None, closed="left")
_FRACTION = Interval(Real, 0, 1, closed="left")
_ACTIVATIONS = {"relu", "leaky_relu", "sigmoid", "tanh", "hard_sigmoid", "linear", "softmax"}
_INITIALIZERS = {"auto", "he", "xavier", "uniform", "normal", "zeros", "ones"}

WHOLE_RUN_SCHEDULES = ("one_cycle", "cosine")
"""Learning-rate schedules that are laid out over all epochs of a training."""

CONSTRAINTS: dict[str, list[Any]] = {
    "hidden_layer_sizes": ["array-like", _COUNT],
    "activation": [StrOptions({*_ACTIVATIONS, "logistic", "identity"}), Activation],
    "solver": [StrOptions({"sgd", "adam", "adamw"})],
    "alpha": [NON_NEGATIVE],
    "l1": [NON_NEGATIVE],
    "dropout": [_FRACTION, "array-like"],
    "batch_size": [StrOptions({"auto", "full"}), _COUNT],
    "learning_rate": [
        StrOptions({"auto", "constant", "invscaling", "adaptive", *WHOLE_RUN_SCHEDULES})
    ],
    "learning_rate_init": [_POSITIVE],
    "power_t": [NON_NEGATIVE],
    "max_iter": [_COUNT],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [NON_NEGATIVE],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [_FRACTION],
    "beta_1": [_FRACTION],
    "beta_2": [_FRACTION],
    "epsilon": [_POSITIVE],
    "n_iter_no_change": [_COUNT, Options(Real, {np.inf})],
    "init": [StrOptions(_INITIALIZERS), callable],
    "input_scale": [_POSITIVE],
    "engine": [StrOptions({"numpy", "torch"})],
    "device": [StrOptions({"auto", "cpu", "cuda"})],
    "dtype": [StrOptions({"float32", "float64"})],
    "callbacks": [list, tuple],
}
