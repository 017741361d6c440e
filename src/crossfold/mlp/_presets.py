"""Settings for whoever does not want to choose any, and those worth choosing among."""

from __future__ import annotations

from typing import Any

from sklearn.pipeline import Pipeline, make_pipeline

from crossfold.mlp._base import BaseMLP
from crossfold.mlp._ensemble import MLPEnsemble
from crossfold.mlp._tabular_encoder import TabularEncoder
from crossfold.mlp.exceptions import ParameterError

TABULAR: dict[str, Any] = {
    "hidden_layer_sizes": (96, 48),
    "activation": "silu",
    "solver": "adamw",
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.004,
    "alpha": 0.03,
    "dropout": 0.15,
    "max_iter": 60,
    "early_stopping": "loss",
    "validation_fraction": 0.15,
    "n_iter_no_change": float("inf"),
}
"""Chosen on half of the tables of ``benchmarks/tables.py``; of all epochs the best is kept."""

N_STEPS = 600
"""Steps of each network, whatever the number of rows."""

SEARCH_SPACE: dict[str, list[Any]] = {
    "dropout": [0.05, 0.15, 0.3],
    "learning_rate_init": [0.002, 0.008],
    "alpha": [0.03, 0.3],
}
"""Parameters of the networks in which candidates of a `GridStack` may share a stack."""


def make_preset(name: str, kind: type[BaseMLP], random_state: Any, params: Any) -> Pipeline:
    """Make what `BaseMLP.preset` describes."""
    if name != "tabular":
        raise ParameterError(f"There is no preset {name!r}; there is 'tabular'.")
    network = kind(**{**TABULAR, **params})
    return make_pipeline(
        TabularEncoder(), MLPEnsemble(network, n_steps=N_STEPS, random_state=random_state)
    )
