"""The primer's tables have the common shape, and its page says what they say."""

from html import unescape
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml

from crossfold.api import run_in_memory
from crossfold.pipelines.primer import create_pipeline, report
from crossfold.pipelines.primer.logistic import sigmoid
from crossfold.validation.schemas import COMPARISON, HISTORY, METRICS, PREDICTIONS

WANTED = (
    *("toy", "points", "logistic_comparison", "longer_training", "network_epochs"),
    *("predictions", "history", "metrics_table", "comparison", "report"),
)


@pytest.fixture(scope="module")
def run() -> SimpleNamespace:
    conf = yaml.safe_load(Path("conf/base/primer/parameters.yml").read_text(encoding="utf-8"))
    own = conf["primer"]
    own["logistic"]["exercise_epochs"] = [2000, 3000]
    names = {name: f"primer.{name}" for name in WANTED}
    figures = {name: f"primer.figures.{name}" for name in report.FIGURES}
    made = run_in_memory(
        create_pipeline(),
        {},
        {"primer": own, "seed": 42, "data_notice": ""},
        [*names.values(), *figures.values()],
    )
    made[names["report"]] = unescape(made[names["report"]])
    return SimpleNamespace(
        **{name: made[full] for name, full in names.items()},
        figures={name: made[full] for name, full in figures.items()},
    )


def test_the_tables_have_the_common_shape(run) -> None:
    PREDICTIONS.validate(run.predictions)
    HISTORY.validate(run.history)
    METRICS.validate(run.metrics_table)
    COMPARISON.validate(run.comparison)


def test_predictions_of_longer_trainings_are_those_of_their_weights(run) -> None:
    models = run.predictions["model"].unique()
    assert {"logistic_by_hand_2000", "logistic_by_hand_3000"} <= set(models)
    weights = run.longer_training.set_index("epoch").loc[3000, ["w1", "w2", "w3", "b"]].to_numpy()
    expected = sigmoid(run.toy[["x1", "x2", "x3"]].to_numpy() @ weights[:3] + weights[3])
    own = run.predictions[run.predictions["model"] == "logistic_by_hand_3000"]
    np.testing.assert_allclose(own["p1"], expected)


def test_the_network_in_numpy_is_the_one_by_hand(run) -> None:
    gaps = run.comparison.set_index("model_b")["difference"]
    assert gaps["network_crossfold"] < 1e-12
    assert gaps["logistic_crossfold"] < 1e-12
    assert gaps["logistic_scikit_learn"] > 0.01
    accuracy = run.metrics_table.query("metric == 'accuracy' and protocol == 'new_points'")
    assert set(accuracy["estimate"]) == {run.network_epochs["validation_accuracy"].iloc[-1]}


def test_training_stops_where_the_loss_hardly_falls(run) -> None:
    epoch = report.stopped(run.logistic_comparison)
    assert 500 < epoch < 3000
    losses = run.longer_training.set_index("epoch")["loss"]
    # The last known losses before it fall by about the smallest gain or less for each epoch.
    near = losses[(losses.index > epoch - 250) & (losses.index <= epoch)]
    slope = -np.diff(near) / np.diff(near.index)
    assert (slope < 2e-4).all()


def test_the_history_starts_before_the_first_step(run) -> None:
    first = run.history[run.history["epoch"] == 0]
    assert set(zip(first["model"], first["measure"], strict=True)) == {
        ("logistic_by_hand", "train_loss"),
        *(("network_by_hand", name) for name in report.MEASURES),
    }


def test_the_page_says_what_the_tables_say(run) -> None:
    opening = run.report.split("</nav>")[0]
    n = (run.points["part"] == "validation").sum()
    right = run.network_epochs["validation_accuracy"].iloc[-1]
    assert f"<b>{100 * right:.1f}\u00a0%</b>" in opening
    assert f"of {n} points" in opening
    assert f"here after {report.stopped(run.logistic_comparison):,}." in run.report
    assert run.report.count("data:image/") == len(report.FIGURES)
    for p in run.logistic_comparison["row 6"]:
        assert f"{p:.5f}" in run.report


def test_all_weights_of_the_first_network_are_shown_by_epoch(run) -> None:
    table = report.network_weights(run.network_epochs)
    assert len(table) == 8 + 4 + 4 + 1
    assert table["epoch 10"].tolist() == run.network_epochs.iloc[-1][table["weight"]].tolist()
    panels = [axes for axes in run.figures["weights_by_epoch"].axes if axes.get_visible()]
    assert sum(len(axes.lines) for axes in panels) == len(table)


def test_the_confusion_matrix_counts_six_rows(run) -> None:
    figure = report.confusion(run.toy, run.logistic_comparison)
    assert sum(int(text.get_text()) for text in figure.axes[0].texts) == len(run.toy)
    wrong = run.logistic_comparison.assign(**{f"row {n}": 0.1 for n in range(1, 7)})
    shown = [int(text.get_text()) for text in report.confusion(run.toy, wrong).axes[0].texts]
    assert shown == pd.Series(run.toy["label"]).value_counts().sort_index().tolist()
