"""Tables of the experiments, against numbers worked out by hand."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from crossfold.pipelines.reporting.images import experiment_tables

MODEL = {"model": "mini_batch/relu", "protocol": "source"}


def trained(n_seeds: int) -> pd.DataFrame:
    table = pd.DataFrame({"member": range(n_seeds)})
    return table.assign(
        **MODEL, regime="mini_batch", experiment="relu", layers="784-25-10", init="random",
        activation="relu", dropout=0.0, learning_rate=0.1, epochs=5, seconds=3.0,
    )  # fmt: skip


def measured(values: dict[int, list[float]], measure: str) -> pd.DataFrame:
    """Make a history: of each epoch the values of all members."""
    rows = [
        {**MODEL, "member": member, "epoch": epoch, "measure": measure, "value": value}
        for epoch, of_members in values.items()
        for member, value in enumerate(of_members)
    ]
    return pd.DataFrame(rows)


def test_figures_on_test_images_keep_their_intervals_and_count_each_image_once() -> None:
    metrics = pd.DataFrame({"scope": ["pooled", "member 0"], "estimate": [0.8, 0.7]}).assign(
        **MODEL, metric="accuracy", low=0.75, high=0.85, n=300
    )
    history = measured({4: [0.2, 0.3, 0.4], 5: [0.7, 0.8, 0.9]}, "validation_accuracy")
    summary = experiment_tables.experiment_summary(trained(3), metrics, history)
    test, validation = summary.itertuples()
    assert (test.part, test.estimate, test.low, test.high) == ("test", 0.8, 0.75, 0.85)
    assert (test.n, test.seeds, test.experiment) == (100, 3, "relu")
    assert (validation.part, validation.metric) == ("validation", "accuracy")
    assert validation.estimate == pytest.approx(0.8), "the mean after the last epoch"
    assert np.isnan(validation.low)


def test_both_splits_are_summed_up_with_names_as_texts(inputs: SimpleNamespace, tables) -> None:
    summary = tables["experiment_summary"]
    assert set(summary["protocol"]) == set(inputs.experiments["protocol"])
    assert all(isinstance(name, str) for name in summary["experiment"])
    assert set(summary["part"]) == {"train", "validation", "test"}


def test_epochs_average_seeds_and_give_their_range() -> None:
    history = pd.concat(
        [measured({1: [1.0, 3.0]}, "train_loss"), measured({1: [np.nan] * 2}, "validation_f1")]
    )
    (row,) = experiment_tables.epochs(history, trained(2), "experiment").itertuples()
    assert (row.series, row.measure) == ("relu", "train_loss")
    assert (row.estimate, row.low, row.high, row.seeds) == (2.0, 1.0, 3.0, 2)


def test_scores_are_found_where_the_run_holds_them(tables: dict[str, pd.DataFrame]) -> None:
    epochs = tables["epochs"]
    assert experiment_tables.has_scores(epochs)
    without = epochs[~epochs["measure"].isin(experiment_tables.MACRO)]
    assert not experiment_tables.has_scores(without)
