"""Small studies of each kind of target, cross-validated once, for every test of their reports."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from crossfold.templates.cross_validation import create_pipeline
from crossfold.templates.cross_validation.parameters import (
    CardParameters,
    DecisionParameters,
    EvaluationParameters,
    FamilyParameters,
    FoldParameters,
    ImportanceParameters,
    PreparationParameters,
)
from crossfold.templates.parameters import TableParameters

MADE = (
    "folds",
    "leak_guard",
    "predictions",
    "history",
    "metrics_table",
    "comparison",
    "feature_importance",
    "feature_effects",
    "tuned_search",
    "model_card",
    "model",
)
NASTY = ("<script>alert(1)</script>", "a|b", "*bold* _x_", "${x}", "n" * 100)
NETWORK = {
    "hidden_layer_sizes": [4],
    "max_iter": 6,
    "batch_size": 50,
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.05,
}
BASELINES = {
    "binary": ("dummy.DummyClassifier", "linear_model.LogisticRegression"),
    "multiclass": ("dummy.DummyClassifier", "linear_model.LogisticRegression"),
    "regression": ("dummy.DummyRegressor", "linear_model.Ridge"),
}


class Kept(MemoryDataset):
    """A dataset that keeps its content after the run."""

    def _release(self) -> None:
        """Keep it."""


def small_table(task: str, n_rows: int = 150, n_columns: int = 40, n_classes: int = 12):
    """Make a table with nasty names, missing values, a group and a date; its target last."""
    rng = np.random.default_rng(0)
    names = [*NASTY, *(f"column {number}" for number in range(n_columns - len(NASTY) - 1))]
    x = pd.DataFrame(rng.normal(size=(n_rows, len(names))).astype("float32"), columns=names)
    score = x[NASTY[0]] + x[NASTY[1]] + rng.normal(size=n_rows) / 2
    x.iloc[::7, 2] = np.nan
    x["city"] = pd.Categorical(rng.choice(["Łódź", "<b>Rome</b>"], n_rows))
    target: pd.Series = score.astype("float64")
    if task == "binary":
        target = score > 0.3
    elif task == "multiclass":
        ranks = score.rank(method="first").to_numpy(dtype=int) - 1
        classes = [f"class {number} | *" for number in range(n_classes)]
        target = pd.Series(pd.Categorical.from_codes(ranks * n_classes // n_rows, classes))
    return x.assign(
        person=np.arange(n_rows) // 2,
        day=pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(n_rows), "D"),
        **{"the <i>target</i>": target},
    )


def _estimators(task: str) -> FamilyParameters:
    baseline, linear = BASELINES[task]
    return FamilyParameters.model_validate(
        {
            "baseline": {"estimator": f"sklearn.{baseline}", "preparation": "ordinal"},
            "linear": {"estimator": f"sklearn.{linear}", "preparation": "standard"},
        }
    )


def _network(name: str, **others: Any) -> FamilyParameters:
    model = {"params": NETWORK, "preparation": "standard", **others}
    return FamilyParameters.model_validate({name: model})


def cross_validate(
    table: pd.DataFrame, parameters: TableParameters, **settings: Any
) -> dict[str, Any]:
    """Run the cross-validation template on a table; what a report reads, by name."""
    aside = [name for name in (parameters.group, parameters.time) if name is not None]
    features = table.drop(columns=aside)
    blocks = {
        "table": parameters,
        "folds": FoldParameters(n_splits=3, parts=2),
        "preparation": PreparationParameters(n_bins=4),
        "models.numpy": _network("mlp_numpy"),
        "models.tuned": _network("mlp_tuned", search={"alpha": [1e-4, 1e-2]}, search_folds=2),
        "models.baselines": _estimators(parameters.task),
        "decision": DecisionParameters(),
        "evaluation": EvaluationParameters(n_resamples=50, twins=("mlp_numpy", "mlp_tuned")),
        "importance": ImportanceParameters(n_repeats=1, max_rows=100),
        "card": CardParameters(limits=("Made for tests, not for use.",)),
    } | settings
    catalog = DataCatalog(
        {
            **{f"params:s.{name}": MemoryDataset(value) for name, value in blocks.items()},
            **{"params:seed": MemoryDataset(0), "s.table": MemoryDataset(table)},
            "s.features": MemoryDataset(features),
            **{f"s.{name}": Kept() for name in MADE},
        }
    )
    pipeline = create_pipeline(
        "s", "s.table", "s.features", networks=("numpy", "tuned"), estimators=("baselines",)
    )
    SequentialRunner().run(pipeline, catalog)
    rows = {"read": len(table) + 3, "kept": len(table), "rejected": {"missing_target": 3}}
    return {
        **{name: catalog[f"s.{name}"].load() for name in MADE},
        "table": table,
        "features": features,
        "row_counts": {**rows, "duplicates": 1},
        "table_parameters": parameters,
        "evaluation": blocks["evaluation"],
    }


@cache
def _study(task: str, grouped: bool) -> dict[str, Any]:
    table = small_table(task, n_columns=40 if task == "multiclass" else 9)
    kinds = dict.fromkeys(table.columns[:-4], "number") | {"city": "category"}
    parameters = TableParameters(
        target="the <i>target</i>",
        task=task,
        positive="<u>yes</u>" if task == "binary" else None,
        group="person" if grouped else None,
        time="day" if grouped else None,
        columns=kinds,
        left_out={"note <s>": "free text, as `10 % | of rows` differ"},
    )
    return cross_validate(table if grouped else table.drop(columns=["person", "day"]), parameters)


@pytest.fixture(scope="session")
def study() -> Callable[..., Mapping[str, Any]]:
    """Get what the report of a small study reads, by its task; made once."""
    return lambda task, grouped=True: _study(task, grouped)
