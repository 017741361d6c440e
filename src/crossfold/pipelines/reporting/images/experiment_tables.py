"""Tables of the experiments: one line each, and their training over epochs."""

from __future__ import annotations

import pandas as pd

from crossfold.pipelines.reporting.images.labels import SOURCE, STANDARD

SETTINGS = ["layers", "init", "activation", "dropout", "learning_rate", "epochs"]
MACRO = ("validation_precision", "validation_recall", "validation_f1")
MEASURES = (
    "train_loss",
    "validation_loss",
    "train_accuracy",
    "validation_accuracy",
    *MACRO,
)


def of_both_splits(experiments: pd.DataFrame, standard: pd.DataFrame) -> pd.DataFrame:
    """Stack the experiments on the drawn and on the standard split; names become texts."""
    tables = {SOURCE: experiments, STANDARD: standard}
    held = [table.assign(split=split) for split, table in tables.items() if len(table)]
    return pd.concat(held, ignore_index=True).astype({"experiment": str})


def experiment_summary(experiments: pd.DataFrame) -> pd.DataFrame:
    """Give one row for each split, regime, experiment, part and metric, over all seeds.

    One seed keeps its interval over images. Several give their mean, with the t interval over
    seeds.

    Returns
    -------
    Columns ``split``, ``regime``, ``experiment``, those of `SETTINGS`, ``part``, ``metric``,
    ``estimate``, ``low``, ``high`` (95 %), ``n`` (images), ``seeds`` and ``seconds`` (of the
    regime's training of all experiments at once).
    """
    keys = ["split", "regime", "experiment", *SETTINGS, "part", "metric"]
    rows = [
        (*key, *_over_seeds(part))
        for key, part in experiments.groupby(keys, sort=False, dropna=False)
    ]
    return pd.DataFrame(rows, columns=[*keys, "estimate", "low", "high", "n", "seeds", "seconds"])


def _over_seeds(part: pd.DataFrame) -> tuple[float, float, float, int, int, float]:
    estimates = part["estimate"]
    low, high = part[["low", "high"]].iloc[0] if len(part) == 1 else _t_interval(estimates)
    if part["metric"].iloc[0] != "loss":
        high = min(high, 1.0)
    return (
        estimates.mean(), low, high, int(part["n"].max()), len(part), part["seconds"].max(),
    )  # fmt: skip


def _t_interval(estimates: pd.Series) -> tuple[float, float]:
    from scipy.stats import t

    half = t.ppf(0.975, len(estimates) - 1) * estimates.sem()
    return estimates.mean() - half, estimates.mean() + half


def epochs(history: pd.DataFrame, series: str) -> pd.DataFrame:
    """Average each measure of training over seeds; give the seeds' range too.

    Parameters
    ----------
    history
        One row for each regime, series, seed and epoch.
    series
        Column that tells what is compared: ``experiment`` or ``framework``.

    Returns
    -------
    Columns ``regime``, ``series`` (text), ``epoch``, ``measure``, ``estimate`` (mean), ``low``,
    ``high`` (range) and ``seeds``; measures that the run does not hold are left out.
    """
    history = history.rename(columns={series: "series"}).astype({"series": str})
    keys = ["regime", "series", "epoch", "measure"]
    held = [name for name in MEASURES if name in history]
    long = history.melt(keys[:3], held, "measure", "value").dropna(subset="value")
    over_seeds = long.groupby(keys, observed=True)["value"].agg(["mean", "min", "max", "size"])
    names = {"mean": "estimate", "min": "low", "max": "high", "size": "seeds"}
    return over_seeds.rename(columns=names).reset_index()


def has_scores(epochs: pd.DataFrame) -> bool:
    """Tell whether the run scored more than loss and accuracy at each epoch."""
    return bool(epochs["measure"].isin(MACRO).any())


def tried_rates(learning_rates: pd.DataFrame) -> pd.DataFrame:
    """Give the learning rates of the regimes that had a choice."""
    return learning_rates[learning_rates["validation_accuracy"].notna()]
