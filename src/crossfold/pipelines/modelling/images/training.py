"""Nodes that train the table of experiments in every regime and score it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.modelling.images.experiments import (
    Member,
    history_table,
    layers_text,
    train_members,
)
from crossfold.pipelines.modelling.images.learning_rates import chosen_rate
from crossfold.pipelines.modelling.images.parameters import (
    EvaluationParameters,
    ExperimentsParameters,
    RegimeParameters,
    RegimesParameters,
    StartParameters,
)
from crossfold.pipelines.modelling.images.predictions import (
    class_probabilities,
    experiment_model,
    prediction_table,
    stack_tables,
)
from crossfold.pipelines.modelling.images.split_images import (
    PARTS,
    SOURCE,
    STANDARD,
    TEST,
    SplitImages,
)

if TYPE_CHECKING:
    from crossfold.mlp import MLPClassifier

Tables = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]

EXPERIMENT_COLUMNS = [
    "regime",
    "experiment",
    "seed",
    "layers",
    "init",
    "activation",
    "dropout",
    "learning_rate",
    "epochs",
    "part",
    "metric",
    "estimate",
    "low",
    "high",
    "n",
    "seconds",
]


@dataclass(frozen=True)
class _Scoring:
    """How many classes there are, and how figures get their intervals."""

    n_classes: int
    n_resamples: int
    seed: int


def train_experiments(
    images: NDArray[np.uint8],
    split_table: pd.DataFrame,
    learning_rates: pd.DataFrame,
    experiments: ExperimentsParameters,
    starts: StartParameters,
    regimes: RegimesParameters,
    classes: list[str],
    evaluation: EvaluationParameters,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Train every experiment in every regime, from all its seeds.

    That is done on the source's split, and on the standard one in the regimes that ask for it,
    with the learning rates that were chosen on the source's.

    Returns
    -------
    The figures of each training on each part (`EXPERIMENT_COLUMNS`; ``seconds`` are those of the
    whole stack); the same on the standard split; the history of each training on the source's
    split; the predictions of each on the test images of both splits.
    """
    scoring = _Scoring(len(classes), evaluation.n_resamples, seed)
    seeds = range(seed, seed + starts.n_seeds)
    figures, histories, predictions = [], [], []
    for name, regime in regimes.root.items():
        members = [
            Member(experiment, settings, one, chosen_rate(learning_rates, name, experiment))
            for experiment, settings in experiments.root.items()
            for one in seeds
        ]
        for split in (SOURCE, STANDARD) if regime.on_standard_split else (SOURCE,):
            data = SplitImages.of(images, split_table, split)
            results = _train_regime(data, name, regime, members, starts, scoring)
            for tables, table in zip((figures, histories, predictions), results, strict=True):
                tables.append(table)
    scored, trained = (pd.concat(tables, ignore_index=True) for tables in (figures, histories))
    return (
        _of_split(scored, SOURCE),
        _of_split(scored, STANDARD),
        _of_split(trained, SOURCE),
        stack_tables(predictions),
    )


def _of_split(table: pd.DataFrame, split: str) -> pd.DataFrame:
    return table[table["split"] == split].drop(columns="split").reset_index(drop=True)


def _train_regime(
    data: SplitImages,
    name: str,
    regime: RegimeParameters,
    members: Sequence[Member],
    starts: StartParameters,
    scoring: _Scoring,
) -> Tables:
    stack = train_members(
        members, regime.network, starts, data, score_every=regime.score_every, seed=scoring.seed
    )
    history = history_table(members, stack).assign(regime=name, split=data.split)
    figures, predictions = [], []
    for member, network in zip(members, stack.estimators_, strict=True):
        table = _describe(member, network).merge(_score(network, data, scoring), how="cross")
        figures.append(table)
        predictions.append(_predict_test(name, member, network, data, scoring))
    epochs, seconds = regime.network.max_iter, stack.histories_[0].seconds[-1]
    scored = pd.concat(figures, ignore_index=True).assign(
        split=data.split, regime=name, epochs=epochs, seconds=seconds
    )
    return scored[["split", *EXPERIMENT_COLUMNS]], history, stack_tables(predictions)


def _describe(member: Member, network: MLPClassifier) -> pd.DataFrame:
    """Give a table of one row: what was trained."""
    return pd.DataFrame(
        {
            "experiment": [member.experiment],
            "seed": member.seed,
            "layers": layers_text(network),
            "init": member.settings.init,
            "activation": member.settings.activation,
            "dropout": member.settings.dropout,
            "learning_rate": member.learning_rate,
        }
    )


def _score(network: MLPClassifier, data: SplitImages, scoring: _Scoring) -> pd.DataFrame:
    """Score a network on every part."""
    from crossfold.validation import multiclass_metric_rows

    tables = []
    for part in PARTS:
        rows = data.rows(part)
        probabilities = class_probabilities(network, data, rows, scoring.n_classes)
        table = multiclass_metric_rows(
            data.labels[rows], probabilities, n_resamples=scoring.n_resamples, seed=scoring.seed
        )
        tables.append(table.assign(part=part))
    return pd.concat(tables, ignore_index=True)


def _predict_test(
    regime: str, member: Member, network: MLPClassifier, data: SplitImages, scoring: _Scoring
) -> pd.DataFrame:
    rows = data.rows(TEST)
    probabilities = class_probabilities(network, data, rows, scoring.n_classes)
    model = experiment_model(regime, member.experiment)
    return prediction_table(model, member.seed, data, rows, probabilities)
