"""The node that trains the table of experiments in every regime."""

from __future__ import annotations

from collections.abc import Sequence
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
    ExperimentsParameters,
    RegimeParameters,
    RegimesParameters,
    StartParameters,
)
from crossfold.pipelines.modelling.images.predictions import (
    Networks,
    class_probabilities,
    experiment_model,
    keep_networks,
    prediction_table,
)
from crossfold.pipelines.modelling.images.split_images import (
    SOURCE,
    STANDARD,
    TEST,
    SplitImages,
)
from crossfold.validation.tables import concatenate

if TYPE_CHECKING:
    from crossfold.mlp import ExperimentStack


def train_experiments(
    images: NDArray[np.uint8],
    split_table: pd.DataFrame,
    learning_rates: pd.DataFrame,
    experiments: ExperimentsParameters,
    starts: StartParameters,
    regimes: RegimesParameters,
    classes: list[str],
    seed: int,
) -> tuple[pd.DataFrame, Networks, pd.DataFrame, pd.DataFrame]:
    """Train every experiment in every regime, from all its seeds: one member each.

    That is done on the source's split, and on the standard one in the regimes that ask for it,
    with the learning rates that were chosen on the source's.

    Returns
    -------
    What was trained, one row a network: ``model``, ``protocol`` (the split), ``member``,
    ``regime``, ``experiment``, ``seed``, ``layers``, ``init``, ``activation``, ``dropout``,
    ``learning_rate``, ``epochs`` and ``seconds`` (of the whole stack); the networks, described by
    these rows; their history; and what they say of the test images of both splits.
    """
    seeds = range(seed, seed + starts.n_seeds)
    networks, tables, histories, scores = [], [], [], []
    for name, regime in regimes.root.items():
        members = [
            Member(experiment, settings, one, chosen_rate(learning_rates, name, experiment))
            for experiment, settings in experiments.root.items()
            for one in seeds
        ]
        for split in (SOURCE, STANDARD) if regime.on_standard_split else (SOURCE,):
            data = SplitImages.of(images, split_table, split)
            stack = train_members(
                members, regime.network, starts, data, score_every=regime.score_every, seed=seed
            )
            table = _describe(members, stack, name, regime, split)
            models = list(zip(table["model"], table["member"], strict=True))
            networks += stack.estimators_
            tables.append(table)
            histories.append(history_table(stack, models, split))
            scores.append(_score(stack, models, data, len(classes)))
    described = pd.concat(tables, ignore_index=True)
    kept = keep_networks(networks, described.to_dict("records"))
    return described, kept, concatenate(histories), concatenate(scores)


def _describe(
    members: Sequence[Member],
    stack: ExperimentStack,
    name: str,
    regime: RegimeParameters,
    split: str,
) -> pd.DataFrame:
    """Say what was trained, one row a network."""
    return pd.DataFrame(
        [
            {
                "model": experiment_model(name, member.experiment),
                "protocol": split,
                "member": member.seed - members[0].seed,
                "regime": name,
                "experiment": member.experiment,
                "seed": member.seed,
                "layers": layers_text(network),
                "init": member.settings.init,
                "activation": member.settings.activation,
                "dropout": member.settings.dropout,
                "learning_rate": member.learning_rate,
                "epochs": regime.network.max_iter,
                "seconds": stack.histories_[0].seconds[-1],
            }
            for member, network in zip(members, stack.estimators_, strict=True)
        ]
    )


def _score(
    stack: ExperimentStack, models: Sequence[tuple[str, int]], data: SplitImages, n_classes: int
) -> pd.DataFrame:
    """Predict the test images with every network."""
    rows = data.rows(TEST)
    return concatenate(
        [
            prediction_table(
                model, member, data, rows, class_probabilities(network, data, rows, n_classes)
            )
            for (model, member), network in zip(models, stack.estimators_, strict=True)
        ]
    )
