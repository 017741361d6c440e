"""A small run of the wine study on the sample: what it hands to its report."""

from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import yaml

from crossfold.api import run_in_memory
from crossfold.datasets import SampleDataset
from crossfold.pipelines.wine import create_pipeline

SEED = 3
PARAMETERS = Path(__file__).parents[3] / "conf/base/wine/parameters.yml"
MADE = (
    "predictions",
    "metrics_table",
    "comparison",
    "tuned_search",
    "feature_importance",
    "feature_effects",
    "history",
    "leak_guard",
    "report",
)
DRAWN = ("accuracy", "measurements")


def parameters() -> dict[str, Any]:
    """The study's own, with a small network and few repeats."""
    own = yaml.safe_load(PARAMETERS.read_text(encoding="utf-8"))["wine"]
    small = {
        "hidden_layer_sizes": [6],
        "learning_rate": "cosine",
        "learning_rate_init": 0.02,
        "batch_size": 50,
        "max_iter": 8,
    }
    for family in ("numpy", "tuned"):
        for model in own["models"][family].values():
            model["params"] = small
    own["models"]["tuned"]["mlp_tuned"] |= {
        "search": {"hidden_layer_sizes": [[6]], "learning_rate_init": [0.00001, 0.02]},
        "search_folds": 2,
    }
    own["folds"]["n_splits"] = 3
    own["evaluation"]["n_resamples"] = 50
    own["importance"]["n_repeats"] = 2
    return own


@pytest.fixture(scope="session")
def run() -> SimpleNamespace:
    return run_study(parameters())


def run_study(own: dict[str, Any]) -> SimpleNamespace:
    raw = {
        f"{colour}_wines_raw": SampleDataset(of="wines", colour=colour, n_rows=n, seed=SEED).load()
        for colour, n in (("red", 100), ("white", 200))
    }
    names = {f"wine.{name}": name for name in MADE} | {"wines": "wines"}
    names["wines_row_counts"] = "row_counts"
    study = create_pipeline()
    figures = {name for name in study.all_outputs() if ".figures." in name}
    made = run_in_memory(
        study,
        raw,
        {"wine": own, "seed": SEED, "data_notice": ""},
        [*names, *figures],
    )
    made["wine.report"] = unescape(made["wine.report"])
    metrics = made["wine.metrics_table"]
    return SimpleNamespace(
        **{short: made[name] for name, short in names.items()},
        figures={name: made[f"wine.figures.{name}"] for name in DRAWN},
        n_single=metrics.loc[metrics["scope"] == "fold 0", "n"].iloc[0],
    )


@pytest.fixture(scope="session")
def accuracies(run: SimpleNamespace) -> pd.DataFrame:
    """Share of wines called correctly, and wines called wrongly, by model."""
    sound = run.predictions[run.predictions["protocol"] == "grouped_k_fold"]
    right = sound["flagged"] == (sound["target"] == 1)
    of_model = right.groupby(sound["model"], observed=True)
    return of_model.agg(accuracy="mean", right="sum", n="size").assign(
        wrong=lambda table: table["n"] - table["right"]
    )
