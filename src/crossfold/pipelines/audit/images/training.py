"""The node that trains an audit's runs: those of the same length on the same rows share a stack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.audit.images.faults import Arguments, small_sample
from crossfold.pipelines.audit.images.parameters import (
    FaultsParameters,
    ProtocolParameters,
    UnstatedParameters,
)
from crossfold.pipelines.audit.images.protocol import Run, list_runs
from crossfold.pipelines.audit.runs import RUN_COLUMNS, measured_share
from crossfold.pipelines.images.data import (
    SOURCE,
    TEST,
    TRAIN,
    VALIDATION,
    SplitImages,
)
from crossfold.pipelines.images.networks import Member, class_probabilities, image_network
from crossfold.pipelines.images.parameters import ExperimentsParameters, StartParameters

if TYPE_CHECKING:
    from crossfold.mlp import ExperimentHistory, ExperimentStack, MLPClassifier


# More would need more memory, and the products are wide enough.
NETWORKS_AT_ONCE = 40
# Only the last scores are used; the others show how far a training has come.
LINES_IN_LOG = 10


@dataclass(frozen=True)
class _Training:
    """One experiment in one run."""

    run: Run
    experiment: str
    arguments: Arguments


def train_runs(
    images: NDArray[np.uint8],
    split_table: pd.DataFrame,
    experiments: ExperimentsParameters,
    starts: StartParameters,
    protocol: ProtocolParameters,
    faults: FaultsParameters,
    unstated: UnstatedParameters,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train every run of an audit.

    Returns
    -------
    The accuracy of each training on each part (`RUN_COLUMNS`); and the predictions of each on the
    test images: ``run``, ``experiment``, ``epochs``, ``row``, ``target``, ``predicted``.
    """
    data = SplitImages.of(images, split_table, SOURCE)
    networks = _networks(experiments, starts, protocol, seed)
    n_images = {part: len(data.rows(part)) for part in (VALIDATION, TEST)}
    n_train = len(data.rows(*protocol.train_parts))
    figures, predictions = [], []
    for runs in _alike(list_runs(faults, protocol, unstated)):
        trainings = [
            _Training(run, name, run.arguments(network))
            for run in runs
            for name, network in networks.items()
        ]
        for training, network, history in _train(trainings, data, protocol, seed):
            predicted = _predict_test(training, network, data)
            n_images[TRAIN] = n_train
            if training.run.has_small_sample:
                n_images[TRAIN] = min(n_train, protocol.train_sample_rows)
            figures += _figures(training, history, predicted, n_images)
            predictions.append(predicted)
    return pd.DataFrame(figures, columns=list(RUN_COLUMNS)), _stack(predictions)


def _networks(
    experiments: ExperimentsParameters,
    starts: StartParameters,
    protocol: ProtocolParameters,
    seed: int,
) -> dict[str, Arguments]:
    """Give the arguments of each experiment's network without faults."""
    network = protocol.network
    rate, shared = (
        network.learning_rate_init,
        {"alpha": network.alpha, "batch_size": network.batch_size},
    )
    return {
        name: {
            **shared,
            **Member(name, experiments.root[study_name], seed, rate).network_parameters(starts),
        }
        for study_name, name in protocol.audit_names(experiments.root).items()
    }


def _alike(runs: Sequence[Run]) -> list[list[Run]]:
    """Put runs together that train for as long on the same rows."""

    def key(run: Run) -> tuple[int, bool]:
        return run.epochs, run.has_small_sample

    return [list(group) for _, group in groupby(sorted(runs, key=key, reverse=True), key=key)]


def _train(
    trainings: Sequence[_Training], data: SplitImages, protocol: ProtocolParameters, seed: int
) -> Iterator[tuple[_Training, MLPClassifier, ExperimentHistory]]:
    """Train at once what is alike; what a fault leaves as it was is trained once."""
    distinct: list[Arguments] = []
    for training in trainings:
        if training.arguments not in distinct:
            distinct.append(training.arguments)
    fitted = []
    for start in range(0, len(distinct), NETWORKS_AT_ONCE):
        networks = distinct[start : start + NETWORKS_AT_ONCE]
        stack = _fit(networks, trainings[0].run, data, protocol, seed)
        fitted += zip(stack.estimators_, stack.histories_, strict=True)
    for training in trainings:
        yield training, *fitted[distinct.index(training.arguments)]


def _fit(
    networks: Sequence[Arguments],
    run: Run,
    data: SplitImages,
    protocol: ProtocolParameters,
    seed: int,
) -> ExperimentStack:
    from crossfold.mlp import ExperimentStack

    rows = data.rows(*protocol.train_parts)
    if run.has_small_sample:
        rows = small_sample(rows, protocol.train_sample_rows, seed)
    network = image_network(protocol.network.changed(max_iter=run.epochs), seed)
    score_every = -(-run.epochs // LINES_IN_LOG)
    stack = ExperimentStack(network, member_params=networks, score_every=score_every)
    return stack.fit(*data.take(rows), validation_data=data.take(data.rows(VALIDATION)))


def _predict_test(training: _Training, network: MLPClassifier, data: SplitImages) -> pd.DataFrame:
    """Predict the test images; a network that diverged gives them all the first class."""
    rows = data.rows(TEST)
    probabilities = class_probabilities(network, data, rows, int(data.labels.max()) + 1)
    return pd.DataFrame(
        {
            "run": training.run.name,
            "experiment": training.experiment,
            "epochs": training.run.epochs,
            "row": rows.astype(np.int32),
            "target": data.labels[rows].astype(np.uint8),
            "predicted": probabilities.argmax(axis=1).astype(np.uint8),
        }
    )


def _figures(
    training: _Training, history: ExperimentHistory, predicted: pd.DataFrame, n: Mapping[str, int]
) -> list[tuple[Any, ...]]:
    """Give the accuracy on each part, and the loss on the training images."""
    about, epochs = (training.run.name, subject(training.experiment)), training.run.epochs
    shares = {
        TRAIN: history.train_accuracy[-1],
        VALIDATION: history.validation_accuracy[-1],
        TEST: (predicted["target"] == predicted["predicted"]).mean(),
    }
    accuracies = [
        (*about, f"{part}_accuracy", *measured_share(share * n[part], n[part]), epochs)
        for part, share in shares.items()
    ]
    loss = history.train_loss[-1]
    return [*accuracies, (*about, "train_loss", loss, np.nan, np.nan, n[TRAIN], epochs)]


def subject(experiment: str) -> str:
    """Name an experiment in the table of runs."""
    return f"experiment {experiment}" if experiment.isdigit() else experiment.replace("_", " ")


def _stack(predictions: Sequence[pd.DataFrame]) -> pd.DataFrame:
    names = {"run": "category", "experiment": "category"}
    return pd.concat(predictions, ignore_index=True).astype(names)
