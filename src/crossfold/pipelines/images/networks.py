"""Stacks of networks on images: how they are made and trained, what they say, how they are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.images.data import TEST, TRAIN, VALIDATION, Rows, SplitImages
from crossfold.pipelines.images.parameters import ExperimentParameters, StartParameters
from crossfold.templates.cross_validation.parameters import NetworkParameters
from crossfold.validation.tables import concatenate, probability_columns

if TYPE_CHECKING:
    from crossfold.mlp import ExperimentHistory, ExperimentStack, MLPClassifier

BYTE_SCALE = 1 / 255
_CURVES = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "seconds")
_MACRO = ("precision", "recall", "f1")


@dataclass(frozen=True)
class Member:
    """One training of one experiment.

    Attributes
    ----------
    experiment
        Name of the experiment.
    settings
        Its row of the table.
    seed
        Drives its start and its dropout.
    learning_rate
        Its learning rate.
    """

    experiment: str
    settings: ExperimentParameters
    seed: int
    learning_rate: float

    def network_parameters(self, starts: StartParameters) -> dict[str, Any]:
        """Give what sets this training apart, as arguments of `MLPClassifier`."""
        inits: dict[str, Any] = {
            "random": partial(uniform_start, starts.uniform_bound),
            "kaiming": "he",
            "pytorch": pytorch_start,
        }
        return {
            **self.settings.model_dump(),
            "init": inits.get(self.settings.init, self.settings.init),
            "random_state": self.seed,
            "learning_rate_init": self.learning_rate,
        }


def uniform_start(
    bound: float, rng: np.random.Generator, layer_sizes: Sequence[int]
) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
    """Draw weights and biases of all layers from ``Uniform(-bound, bound)``."""
    coefs = [rng.uniform(-bound, bound, size=shape) for shape in pairwise(layer_sizes)]
    return coefs, [rng.uniform(-bound, bound, size=n_out) for n_out in layer_sizes[1:]]


def pytorch_start(
    rng: np.random.Generator, sizes: Sequence[int]
) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
    """Draw weights and biases uniformly within ``1 / sqrt(n_in)``, as ``torch.nn.Linear`` does."""
    bounds = [(n_in, n_out, n_in**-0.5) for n_in, n_out in pairwise(sizes)]
    coefs = [rng.uniform(-b, b, size=(n_in, n_out)) for n_in, n_out, b in bounds]
    return coefs, [rng.uniform(-b, b, size=n_out) for _, n_out, b in bounds]


def image_network(network: NetworkParameters, seed: int) -> MLPClassifier:
    """Make an untrained network that reads bytes as numbers from 0 to 1."""
    from crossfold.mlp import ProgressBar
    from crossfold.templates.cross_validation.training import make_network

    made = make_network(network, "multiclass", [ProgressBar()])
    made.set_params(input_scale=BYTE_SCALE, random_state=seed)
    return made


def fit_stack(
    members: Sequence[Member],
    network: NetworkParameters,
    starts: StartParameters,
    data: SplitImages,
    *,
    score_every: int,
    seed: int,
    train_rows: Rows | None = None,
) -> ExperimentStack:
    """Train members at once, scored on the validation images of the split.

    Parameters
    ----------
    members
        What to train.
    network
        What all share.
    starts
        How they start.
    data
        All images.
    score_every
        Epochs between two scorings.
    seed
        Draws the order of the images, the same for all.
    train_rows
        Images to learn from; None for the training images of the split.
    """
    from crossfold.mlp import ExperimentStack

    learnt = data.rows(TRAIN) if train_rows is None else train_rows
    return ExperimentStack(
        image_network(network, seed),
        member_params=[member.network_parameters(starts) for member in members],
        score_every=score_every,
    ).fit(*data.take(learnt), validation_data=data.take(data.rows(VALIDATION)))


def history_table(
    stack: ExperimentStack, models: Sequence[tuple[str, int]], protocol: str
) -> pd.DataFrame:
    """Arrange what was measured after every scored epoch of every network of a stack.

    Parameters
    ----------
    stack
        Trained.
    models
        Name and member of each of its networks.
    protocol
        The split.

    Returns
    -------
    A table of the schema `crossfold.validation.schemas.HISTORY`, with the measures ``train_loss``,
    ``train_accuracy``, ``validation_loss``, ``validation_accuracy``, ``seconds`` (since training
    began), and the means over classes ``validation_precision``, ``validation_recall`` and
    ``validation_f1``.
    """
    return concatenate(
        [
            epoch_table(history).assign(model=model, protocol=protocol, fold=0, member=member)
            for (model, member), history in zip(models, stack.histories_, strict=True)
        ]
    )


def epoch_table(history: ExperimentHistory) -> pd.DataFrame:
    """Arrange what was measured of one network: columns ``epoch``, ``measure`` and ``value``."""
    from crossfold.validation import multiclass_metrics

    macro = multiclass_metrics(history.validation_confusion)
    columns = {
        "epoch": history.epochs,
        **{name: getattr(history, name) for name in _CURVES},
        **{f"validation_{name}": macro[f"macro_{name}"] for name in _MACRO},
    }
    return pd.DataFrame(columns).melt("epoch", var_name="measure", value_name="value")


def layers_text(network: MLPClassifier) -> str:
    """Print the sizes of all layers: ``784-20-10``."""
    sizes = [network.coefs_[0].shape[0], *(weights.shape[1] for weights in network.coefs_)]
    return "-".join(map(str, sizes))


Probabilities = NDArray[np.float32]
Networks = tuple[list[Any], dict[str, Any]]


def class_probabilities(
    network: MLPClassifier, data: SplitImages, rows: Rows, n_classes: int
) -> Probabilities:
    """Predict some images; a class that the network never saw has probability 0.

    Returns
    -------
    Shape ``(rows, n_classes)``, float32. A network that diverged knows nothing: to it all classes
    are equally likely.
    """
    from crossfold.mlp.exceptions import DivergenceError

    probabilities = np.zeros((len(rows), n_classes), dtype=np.float32)
    try:
        probabilities[:, network.classes_] = network.predict_proba(data.pixels[rows])
    except DivergenceError:
        probabilities[:] = 1 / n_classes
    return probabilities


def prediction_table(
    model: str, member: int, data: SplitImages, rows: Rows, probabilities: Probabilities
) -> pd.DataFrame:
    """Arrange what a network says of some images.

    Returns
    -------
    A table of the schema `crossfold.validation.schemas.PREDICTIONS`: the protocol is the split, the
    row is the position among all images, each of which is a group of its own.
    """
    return pd.DataFrame(
        {
            "model": model,
            "protocol": data.split,
            "fold": np.int8(0),
            "member": np.int16(member),
            "row": rows.astype(np.int32),
            "group": rows.astype(np.int32),
            "target": data.labels[rows].astype(np.uint8),
            "predicted": probabilities.argmax(axis=1).astype(np.uint8),
            **probability_columns(probabilities),
        }
    )


def predict_test(
    network: MLPClassifier, model: str, member: int, data: SplitImages, n_classes: int
) -> pd.DataFrame:
    """Predict the test images of the split; the table of `prediction_table`."""
    rows = data.rows(TEST)
    return prediction_table(
        model, member, data, rows, class_probabilities(network, data, rows, n_classes)
    )


def keep_networks(
    networks: Sequence[MLPClassifier], described: Sequence[Mapping[Any, Any]]
) -> Networks:
    """Arrange fitted networks as the catalog stores them: a list, and what each of them is.

    A file holds no functions: a start that is one is only named in the description.
    """
    kept = [one.set_params(init="auto") if callable(one.init) else one for one in networks]
    return kept, {"fitted": list(described)}


def experiment_model(regime: str, experiment: str) -> str:
    """Name the model of an experiment in a regime."""
    return f"{regime}/{experiment}"


def collect_predictions(*tables: pd.DataFrame) -> pd.DataFrame:
    """Join the predictions of the experiments, the twins and the strong model."""
    return concatenate(tables)
