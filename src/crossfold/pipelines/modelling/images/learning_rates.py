"""Choose the learning rate of each experiment on the validation images."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.modelling.images.experiments import Member, fit_stack
from crossfold.pipelines.modelling.images.parameters import (
    ExperimentParameters,
    ExperimentsParameters,
    RegimeParameters,
    RegimesParameters,
    StartParameters,
    changed,
)
from crossfold.pipelines.modelling.images.split_images import SOURCE, TRAIN, Rows, SplitImages


def choose_learning_rates(
    images: NDArray[np.uint8],
    split_table: pd.DataFrame,
    experiments: ExperimentsParameters,
    starts: StartParameters,
    regimes: RegimesParameters,
    seed: int,
) -> pd.DataFrame:
    """Try the learning rates of each regime, all experiments and rates as one stack.

    Of equal accuracies the lower loss wins.

    Returns
    -------
    Columns ``regime``, ``experiment``, ``learning_rate``, ``epochs`` (of the trial),
    ``validation_accuracy``, ``validation_loss`` and ``chosen``; where there is one rate to choose
    from, it is not tried: 0 epochs, no accuracy.
    """
    data = SplitImages.of(images, split_table, SOURCE)
    tables = [
        _choose(_trials(data, experiments.root, starts, regime, seed)).assign(regime=name)
        for name, regime in regimes.root.items()
    ]
    table = pd.concat(tables, ignore_index=True)
    return table[["regime", *(column for column in table if column != "regime")]]


def _trials(
    data: SplitImages,
    experiments: Mapping[str, ExperimentParameters],
    starts: StartParameters,
    regime: RegimeParameters,
    seed: int,
) -> pd.DataFrame:
    """Train every experiment with every rate, for a few epochs on some of the images."""
    members = [
        Member(name, experiment, seed, rate)
        for name, experiment in experiments.items()
        for rate in regime.learning_rates
    ]
    table = pd.DataFrame(
        {
            "experiment": [member.experiment for member in members],
            "learning_rate": [member.learning_rate for member in members],
        }
    )
    if len(regime.learning_rates) == 1:
        return table.assign(epochs=0, validation_accuracy=np.nan, validation_loss=np.nan)
    epochs = regime.search.epochs
    network = changed(regime.network, max_iter=epochs)
    rows = _some(data.rows(TRAIN), regime.search.n_rows, seed)
    stack = fit_stack(members, network, starts, data, rows, score_every=epochs, seed=seed)
    return table.assign(
        epochs=epochs,
        validation_accuracy=[one.validation_accuracy[-1] for one in stack.histories_],
        validation_loss=[one.validation_loss[-1] for one in stack.histories_],
    )


def _some(rows: Rows, n: int, seed: int) -> Rows:
    """Draw `n` of the rows, or all if there are fewer."""
    drawn = np.random.default_rng(seed).permutation(rows)[:n]
    return np.sort(drawn)


def _choose(trials: pd.DataFrame) -> pd.DataFrame:
    """Mark the best trial of each experiment; one whose weights are not finite is never best."""
    diverged = trials["validation_loss"].isna() & (trials["epochs"] > 0)
    accuracy = trials["validation_accuracy"].mask(diverged, -1)
    ranked = trials.assign(accuracy=accuracy).sort_values(
        ["accuracy", "validation_loss"], ascending=[False, True], kind="stable"
    )
    best = ranked.drop_duplicates("experiment").index
    return trials.assign(chosen=trials.index.isin(best))


def chosen_rate(learning_rates: pd.DataFrame, regime: str, experiment: str) -> float:
    """Look up the learning rate that an experiment has in a regime.

    Raises
    ------
    CrossfoldError
        There is no such regime or experiment.
    """
    of_experiment = learning_rates["experiment"].astype("str") == experiment
    rows = learning_rates[of_experiment & (learning_rates["regime"] == regime)]
    chosen = rows.loc[rows["chosen"], "learning_rate"]
    if chosen.empty:
        raise CrossfoldError(
            f"No learning rate was chosen for experiment {experiment!r} in the regime {regime!r}; "
            "give one with learning_rate, or name a regime of the experiments."
        )
    return float(chosen.item())
