"""The choice of learning rates."""

import numpy as np
import pandas as pd
import pytest

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.images.nodes import choose_best, chosen_rate


def test_every_rate_is_tried_for_every_experiment(learning_rates) -> None:
    tried = learning_rates[learning_rates["regime"] == "mini_batch"]
    assert list(zip(tried["experiment"], tried["learning_rate"], strict=True)) == [
        ("7", 0.001),
        ("7", 0.3),
        ("deep", 0.001),
        ("deep", 0.3),
    ]
    assert (tried["epochs"] == 3).all()
    assert tried["validation_accuracy"].between(0, 1).all()


def test_the_better_rate_on_the_validation_images_is_chosen(learning_rates) -> None:
    tried = learning_rates[learning_rates["regime"] == "mini_batch"]
    best = tried.loc[tried.groupby("experiment")["validation_accuracy"].idxmax()]
    assert best["chosen"].all()
    assert tried["chosen"].sum() == 2
    assert chosen_rate(learning_rates, "mini_batch", "7") == 0.3


def test_a_single_rate_is_chosen_without_trial(learning_rates) -> None:
    single = learning_rates[learning_rates["regime"] == "full_batch"]
    assert single["chosen"].tolist() == [True, True]
    assert single["epochs"].tolist() == [0, 0]
    assert single["validation_accuracy"].isna().all()


def test_names_that_a_file_gives_back_as_numbers_are_found(learning_rates) -> None:
    table = learning_rates[learning_rates["experiment"] == "7"].assign(experiment=7)
    assert chosen_rate(table, "full_batch", "7") == 0.5


@pytest.mark.parametrize(
    ("accuracies", "losses", "best"),
    [
        ([0.5, 0.7, 0.6], [1, 2, 3], 1),
        ([0.6, 0.6, 0.5], [2, 1, 1], 1),
        ([0.9, 0.1], [np.nan, 2], 1),
    ],
    ids=["accuracy", "loss of equals", "diverged"],
)
def test_the_best_trial(accuracies: list[float], losses: list[float], best: int) -> None:
    trials = pd.DataFrame(
        {
            "experiment": "7",
            "learning_rate": range(len(losses)),
            "epochs": 3,
            "validation_accuracy": accuracies,
            "validation_loss": losses,
        }
    )
    assert choose_best(trials)["chosen"].to_numpy().nonzero()[0].tolist() == [best]


def test_an_unknown_regime_is_named(learning_rates) -> None:
    with pytest.raises(CrossfoldError, match=r"experiment '7' in the regime 'monthly'"):
        chosen_rate(learning_rates, "monthly", "7")
