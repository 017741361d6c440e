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
    "solver": "adamw",
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.004,
    "alpha": 0.03,
    "dropout": 0.3,
    "max_iter": 60,
    "n_iter_no_change": float("inf"),
}
"""Those of the tuned ensemble in studies of own tables of some thousand rows."""

N_STEPS = 600

SEARCH_SPACE: dict[str, list[Any]] = {
    "dropout": [0.05, 0.3],
    "learning_rate_init": [0.002, 0.008],
    "alpha": [0.003, 0.03, 0.3],
}


def make_preset(name: str, kind: type[BaseMLP], random_state: Any, params: Any) -> Pipeline:
    """Make what `BaseMLP.preset` describes."""
    if name != "tabular":
        raise ParameterError(f"There is no preset {name!r}; there is 'tabular'.")
    network = kind(**{**TABULAR, **params})
    return make_pipeline(
        TabularEncoder(), MLPEnsemble(network, n_steps=N_STEPS, random_state=random_state)
    )
