"""What a study of a table is made of when nobody says otherwise: written into its configuration."""

from __future__ import annotations

from typing import Any

from crossfold.templates.parameters import TableParameters, Task

FEW_ROWS, MANY_ROWS = 2_000, 20_000
MEMBERS = 5
STEPS = {"twins": 1_000, "tuned": 600}

_BASELINES: dict[Task, dict[str, str]] = {
    "binary": {
        "prevalence": "sklearn.dummy.DummyClassifier",
        "logistic_regression": "sklearn.linear_model.LogisticRegression",
        "random_forest": "sklearn.ensemble.RandomForestClassifier",
        "hist_gradient_boosting": "sklearn.ensemble.HistGradientBoostingClassifier",
    },
    "regression": {
        "mean": "sklearn.dummy.DummyRegressor",
        "ridge_regression": "sklearn.linear_model.Ridge",
        "random_forest": "sklearn.ensemble.RandomForestRegressor",
        "hist_gradient_boosting": "sklearn.ensemble.HistGradientBoostingRegressor",
    },
}
_BASELINES["multiclass"] = _BASELINES["binary"]
_FOREST = {"n_estimators": 100, "min_samples_leaf": 3, "n_jobs": -1}
_BOOSTING = {"learning_rate": 0.06, "max_iter": 150, "max_leaf_nodes": 15, "l2_regularization": 1.0}


def study_parameters(table: TableParameters, n_rows: int) -> dict[str, Any]:
    """Choose the parameters of a study by the kind of its target and its number of rows.

    Parameters
    ----------
    table
        What the columns are.
    n_rows
        Rows of the table.

    Returns
    -------
    The blocks that `crossfold.templates.cross_validation.create_pipeline` reads, but for ``table``.
    """
    return {
        "folds": {"n_splits": 5, "parts": 5 if n_rows < FEW_ROWS else 10},
        "preparation": {"n_bins": 24 if n_rows < MANY_ROWS else 12, "min_count": 10},
        "models": {
            "baselines": _baselines(table.task),
            "references": _references(table.task),
            "numpy": {"mlp_numpy": {"preparation": "standard", "params": _twin(n_rows, "numpy")}},
            "torch": {"mlp_torch": {"preparation": "standard", "params": _twin(n_rows, "torch")}},
            "tuned": {"mlp_tuned": _tuned(n_rows)},
        },
        "decision": {"calibration": "platt", "threshold": {"policy": "fixed", "value": 0.5}},
        "evaluation": {"n_resamples": 200, "reference": "mlp_tuned"},
        "importance": {"n_repeats": 2, "max_rows": 1_000},
        "card": {},
    }


def _baselines(task: Task) -> dict[str, Any]:
    nothing, linear, forest, boosting = _BASELINES[task].items()
    own = {"alpha": 1.0} if task == "regression" else {"C": 1.0, "max_iter": 1_000}
    return {
        nothing[0]: {"estimator": nothing[1], "preparation": "ordinal"},
        linear[0]: {"estimator": linear[1], "params": own, "dtype": "float64"},
        forest[0]: {"estimator": forest[1], "params": _FOREST, "preparation": "filled"},
        boosting[0]: {"estimator": boosting[1], "params": _BOOSTING, "preparation": "ordinal"},
    }


def _references(task: Task) -> dict[str, Any]:
    """Describe boosting of other packages, with as many members as the tuned ensemble has."""
    kind = "Regressor" if task == "regression" else "Classifier"
    quiet = {"verbose": False, "allow_writing_files": False}
    boosted = {
        "lightgbm": ("lightgbm.LGBM", {"n_estimators": 200, "learning_rate": 0.05, "verbose": -1}),
        "catboost": ("catboost.CatBoost", {"iterations": 300, **quiet}),
        "xgboost": ("xgboost.XGB", {"n_estimators": 200, "learning_rate": 0.05}),
    }
    return {
        name: {
            "estimator": f"{path}{kind}",
            "params": params,
            "preparation": "ordinal",
            "members": MEMBERS,
        }
        for name, (path, params) in boosted.items()
    }


def _twin(n_rows: int, engine: str) -> dict[str, Any]:
    """Describe the network of the twins; in double precision, so that rounding stays small."""
    return {
        "engine": engine,
        "dtype": "float64",
        "hidden_layer_sizes": [64, 32],
        "solver": "adamw",
        "learning_rate": "one_cycle",
        "learning_rate_init": 0.005,
        "alpha": 0.01,
        **_batches(n_rows, STEPS["twins"]),
    }


def _tuned(n_rows: int) -> dict[str, Any]:
    """Describe the ensemble; the fewer rows, the more there is to choose inside the folds."""
    search: dict[str, list[Any]] = {"dropout": [0.05, 0.3]}
    if n_rows < FEW_ROWS:
        search["learning_rate_init"] = [0.002, 0.008]
    return {
        "members": MEMBERS,
        "params": {
            "engine": "torch",
            "hidden_layer_sizes": [96, 48],
            "solver": "adamw",
            "learning_rate": "one_cycle",
            "learning_rate_init": 0.004,
            "alpha": 0.03,
            "dropout": 0.3,
            **_batches(n_rows, STEPS["tuned"]),
        },
        **({"search": search, "search_folds": 3} if n_rows < MANY_ROWS else {}),
    }


def _batches(n_rows: int, steps: int) -> dict[str, int]:
    """Choose the size of batches, a power of two, and as many epochs as take so many steps."""
    batch = 16
    while batch < min(n_rows / 40, 512):
        batch *= 2
    return {"batch_size": batch, "max_iter": max(6, min(60, round(steps * batch / n_rows)))}
