"""Tables of the experiments: one line each, and their training over epochs."""

from __future__ import annotations

import pandas as pd

SETTINGS = ["layers", "init", "activation", "dropout", "learning_rate", "epochs"]
MEASURES = (
    "train_loss",
    "validation_loss",
    "train_accuracy",
    "validation_accuracy",
    "validation_precision",
    "validation_recall",
    "validation_f1",
)


def experiment_summary(experiments: pd.DataFrame) -> pd.DataFrame:
    """Give one row for each regime, experiment, part and metric, over all seeds.

    One seed keeps its interval over images. Several give their mean, with the t interval over
    seeds.

    Returns
    -------
    Columns ``regime``, ``experiment``, those of `SETTINGS`, ``part``, ``metric``, ``estimate``,
    ``low``, ``high`` (95 %), ``n`` (images), ``seeds`` and ``seconds`` (mean).
    """
    keys = ["regime", "experiment", *SETTINGS, "part", "metric"]
    rows = [
        (*key, *_over_seeds(part))
        for key, part in experiments.groupby(keys, sort=False, dropna=False)
    ]
    return pd.DataFrame(rows, columns=[*keys, "estimate", "low", "high", "n", "seeds", "seconds"])


def _over_seeds(part: pd.DataFrame) -> tuple[float, float, float, int, int, float]:
    estimates = part["estimate"]
    low, high = part[["low", "high"]].iloc[0] if len(part) == 1 else _t_interval(estimates)
    return (
        estimates.mean(), low, high, int(part["n"].max()), len(part), part["seconds"].mean(),
    )  # fmt: skip


def _t_interval(estimates: pd.Series) -> tuple[float, float]:
    from scipy.stats import t

    half = t.ppf(0.975, len(estimates) - 1) * estimates.sem()
    return estimates.mean() - half, estimates.mean() + half


def epochs(history: pd.DataFrame) -> pd.DataFrame:
    """Average each measure of training over seeds; give the seeds' range too.

    Returns
    -------
    Columns ``regime``, ``experiment``, ``epoch``, ``measure``, ``estimate`` (mean), ``low``,
    ``high`` (range) and ``seeds``; measures that the run does not hold are left out.
    """
    keys = ["regime", "experiment", "epoch", "measure"]
    held = [name for name in MEASURES if name in history]
    long = history.melt(keys[:3], held, "measure", "value").dropna(subset="value")
    over_seeds = long.groupby(keys, observed=True)["value"].agg(["mean", "min", "max", "size"])
    names = {"mean": "estimate", "min": "low", "max": "high", "size": "seeds"}
    return over_seeds.rename(columns=names).reset_index()
