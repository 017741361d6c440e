"""Tables of the experiments, against numbers worked out by hand."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from crossfold.pipelines.reporting.images import experiment_tables


def experiment(estimates: list[float], metric: str = "accuracy") -> pd.DataFrame:
    table = pd.DataFrame({"estimate": estimates, "seed": range(len(estimates))})
    return table.assign(
        split="source", regime="mini_batch", experiment="relu", layers="784-25-10", init="random",
        activation="relu", dropout=0.0, learning_rate=0.1, epochs=5, part="test", metric=metric,
        low=0.1, high=0.9, n=100, seconds=3.0,
    )  # fmt: skip


def test_one_seed_keeps_its_interval_over_images() -> None:
    (row,) = experiment_tables.experiment_summary(experiment([0.8])).itertuples()
    assert (row.estimate, row.low, row.high, row.n, row.seeds) == (0.8, 0.1, 0.9, 100, 1)


def test_several_seeds_give_their_mean_and_t_interval() -> None:
    (row,) = experiment_tables.experiment_summary(experiment([0.7, 0.8, 0.9])).itertuples()
    # Standard deviation 0.1, and 4.302653 is the 97.5 % point of t with 2 degrees of freedom.
    half = 4.302653 * 0.1 / np.sqrt(3)
    assert row.estimate == pytest.approx(0.8)
    assert row.low == pytest.approx(0.8 - half, abs=1e-6)
    assert row.high == 1.0, "an accuracy above 1 is none"
    assert row.seeds == 3


def test_a_loss_may_exceed_one() -> None:
    (row,) = experiment_tables.experiment_summary(experiment([1.4, 1.6], "loss")).itertuples()
    assert row.high > 1.6


def test_both_splits_are_stacked_with_names_as_texts(inputs: SimpleNamespace) -> None:
    both = experiment_tables.of_both_splits(inputs.experiments, inputs.standard_experiments)
    assert len(both) == len(inputs.experiments) + len(inputs.standard_experiments)
    assert (both["split"] == "standard").sum() == len(inputs.standard_experiments)
    assert all(isinstance(name, str) for name in both["experiment"])


def test_an_empty_standard_table_read_from_a_file_is_left_out(inputs: SimpleNamespace) -> None:
    nothing = pd.DataFrame(columns=inputs.experiments.columns)
    both = experiment_tables.of_both_splits(inputs.experiments, nothing)
    assert set(both["split"]) == {"source"}
    assert both["estimate"].dtype == float


def test_epochs_average_seeds_and_give_their_range() -> None:
    history = pd.DataFrame(
        {
            "regime": "mini_batch",
            "experiment": "relu",
            "seed": [1, 2],
            "epoch": 1,
            "train_loss": [1.0, 3.0],
            "validation_f1": [np.nan, np.nan],
        }
    )
    (row,) = experiment_tables.epochs(history, "experiment").itertuples()
    assert (row.series, row.measure) == ("relu", "train_loss")
    assert (row.estimate, row.low, row.high, row.seeds) == (2.0, 1.0, 3.0, 2)


def test_scores_are_found_where_the_run_holds_them(tables: dict[str, pd.DataFrame]) -> None:
    epochs = tables["epochs"]
    assert experiment_tables.has_scores(epochs)
    without = epochs[~epochs["measure"].isin(experiment_tables.MACRO)]
    assert not experiment_tables.has_scores(without)
