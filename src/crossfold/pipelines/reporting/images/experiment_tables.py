"""Tables of the experiments: one line each, and their training over epochs."""

from __future__ import annotations

import pandas as pd

from crossfold.validation.tables import POOLED

KEYS = ["model", "protocol"]
SETTINGS = [
    "regime",
    "experiment",
    "layers",
    "init",
    "activation",
    "dropout",
    "learning_rate",
    "epochs",
]
MACRO = ("validation_precision", "validation_recall", "validation_f1")
MEASURES = (
    "train_loss",
    "validation_loss",
    "train_accuracy",
    "validation_accuracy",
    *MACRO,
)


def experiment_summary(
    experiments: pd.DataFrame, metrics: pd.DataFrame, history: pd.DataFrame
) -> pd.DataFrame:
    """Put the figures of every experiment beside its settings, over all seeds.

    Figures on the test images are the study's, with their intervals; those on the training and the
    validation images are the means over seeds after the last epoch, without.

    Returns
    -------
    Columns ``model``, ``protocol``, those of `SETTINGS`, ``seeds``, ``seconds`` (of the regime's
    training of all experiments at once), ``part``, ``metric``, ``estimate``, ``low``, ``high``
    (95 %) and ``n`` (test images).
    """
    by_model = experiments.astype({"experiment": str}).groupby([*KEYS, *SETTINGS], sort=False)
    trained = by_model["seconds"].agg(seeds="size", seconds="max").reset_index()
    tested = metrics[metrics["scope"] == POOLED].drop(columns="scope").assign(part="test")
    figures = pd.concat([tested, _last_accuracies(history)], ignore_index=True)
    summary = trained.merge(figures, on=KEYS)
    return summary.assign(n=summary["n"] / summary["seeds"])  # an image has one row a seed


def _last_accuracies(history: pd.DataFrame) -> pd.DataFrame:
    """Average the accuracy after the last epoch over seeds, on training and validation images."""
    history = history.astype(dict.fromkeys([*KEYS, "measure"], "str"))
    last = history[history["epoch"] == history.groupby(KEYS)["epoch"].transform("max")]
    accuracies = last[last["measure"].isin(["train_accuracy", "validation_accuracy"])]
    means = accuracies.groupby([*KEYS, "measure"])["value"].mean().rename("estimate").reset_index()
    part = means["measure"].str.removesuffix("_accuracy")
    return means.drop(columns="measure").assign(part=part, metric="accuracy")


def epochs(history: pd.DataFrame, models: pd.DataFrame, series: str) -> pd.DataFrame:
    """Average each measure of training over seeds; give the seeds' range too.

    Parameters
    ----------
    history
        Of the drawn split.
    models
        Says of each model its ``regime`` and its series.
    series
        Column that tells what is compared: ``experiment`` or ``framework``.

    Returns
    -------
    Columns ``regime``, ``series`` (text), ``epoch``, ``measure``, ``estimate`` (mean), ``low``,
    ``high`` (range) and ``seeds``; measures that the run does not hold are left out.
    """
    named = models.rename(columns={series: "series"}).astype({"series": str, "model": str})
    named = named[["model", "regime", "series"]].drop_duplicates()
    history = history.astype({"model": "str", "measure": "str"}).dropna(subset="value")
    long = history[history["measure"].isin(MEASURES)].merge(named, on="model")
    keys = ["regime", "series", "epoch", "measure"]
    over_seeds = long.groupby(keys)["value"].agg(["mean", "min", "max", "size"])
    names = {"mean": "estimate", "min": "low", "max": "high", "size": "seeds"}
    return over_seeds.rename(columns=names).reset_index()


def has_scores(epochs: pd.DataFrame) -> bool:
    """Tell whether the run scored more than loss and accuracy at each epoch."""
    return bool(epochs["measure"].isin(MACRO).any())


def tried_rates(learning_rates: pd.DataFrame) -> pd.DataFrame:
    """Give the learning rates of the regimes that had a choice."""
    return learning_rates[learning_rates["validation_accuracy"].notna()]
