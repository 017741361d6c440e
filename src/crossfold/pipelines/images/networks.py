"""Stacks of networks on images: how they are made and trained, what they say, how they are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.images.data import TEST, TRAIN, VALIDATION, Rows, SplitImages
from crossfold.pipelines.images.parameters import ExperimentParameters, StartParameters
from crossfold.templates.cross_validation.parameters import NetworkParameters
from crossfold.templates.cross_validation.training import make_network
from crossfold.validation.tables import concatenate, probability_columns

if TYPE_CHECKING:
    from crossfold.mlp import ExperimentHistory, ExperimentStack, MLPClassifier

BYTE_SCALE = 1 / 255
_CURVES = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "seconds")
_MACRO = ("precision", "recall", "f1")


class Member(NamedTuple):
    """One training of one experiment: its row of the table, its seed and its learning rate.

    The seed drives its start and its dropout.
    """

    experiment: str
    settings: ExperimentParameters
    seed: int
    learning_rate: float

    def network_parameters(self, starts: StartParameters) -> dict[str, Any]:
        """Give what sets this training apart, as arguments of `MLPClassifier`."""
        names: dict[str, str | float] = {"random": starts.uniform_bound, "kaiming": "he"}
        init = names.get(self.settings.init, self.settings.init)
        return {
            **self.settings.model_dump(),
            "init": init,
            "bias_init": init if self.settings.init in {"random", "pytorch"} else "zeros",
            "random_state": self.seed,
            "learning_rate_init": self.learning_rate,
        }


def image_network(network: NetworkParameters, seed: int) -> MLPClassifier:
    """Make an untrained network that reads bytes as numbers from 0 to 1."""
    from crossfold.mlp import ProgressBar

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
    """Train members at once, scored on the validation images every so many epochs.

    They share `network` and the order of the images, which `seed` draws; they learn from
    `train_rows`, or from the training images of the split.
    """
    from crossfold.mlp import ExperimentStack

    learnt = data.rows(TRAIN) if train_rows is None else train_rows
    return ExperimentStack(
        image_network(network, seed),
        member_params=[member.network_parameters(starts) for member in members],
        score_every=score_every,
    ).fit(*data.take(learnt), validation_data=data.take(data.rows(VALIDATION)))


def outcome_of(
    stack: ExperimentStack, models: Sequence[tuple[str, int]], data: SplitImages, n_classes: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Arrange what was measured of a trained stack, and what it says of the test images.

    `models` are names and members of its networks. The tables have the schemas ``HISTORY`` (with
    the measures of `epoch_table`) and ``PREDICTIONS`` of `crossfold.validation.schemas`; the
    protocol is the split.
    """
    history = [
        epoch_table(one).assign(model=model, protocol=data.split, fold=0, member=member)
        for (model, member), one in zip(models, stack.histories_, strict=True)
    ]
    said = [
        predict_test(network, model, member, data, n_classes)
        for (model, member), network in zip(models, stack.estimators_, strict=True)
    ]
    return concatenate(history), concatenate(said)


def epoch_table(history: ExperimentHistory) -> pd.DataFrame:
    """Arrange what was measured of a network after its epochs.

    The columns are ``epoch``, ``measure`` (``train_loss``, ``train_accuracy``, ``validation_loss``,
    ``validation_accuracy``, ``seconds`` since training began, and the means over classes
    ``validation_precision``, ``validation_recall`` and ``validation_f1``) and ``value``.
    """
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
    """Predict some images, shape ``(rows, n_classes)``, float32.

    A class that the network never saw has probability 0. A network that diverged knows nothing: to
    it all classes are equally likely.
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
    """Arrange what a network says of some images, in the schema ``PREDICTIONS``.

    The protocol is the split; a row is the position among all images, each a group of its own.
    """
    said = {"model": model, "protocol": data.split, "fold": 0, "member": member, "row": rows}
    said |= {"group": rows, "target": data.labels[rows], "predicted": probabilities.argmax(axis=1)}
    kinds = {"fold": "int8", "member": "int16", "row": "int32", "group": "int32"}
    kinds |= dict.fromkeys(("target", "predicted"), "uint8")
    return pd.DataFrame(said).astype(kinds).assign(**probability_columns(probabilities))


def predict_test(
    network: MLPClassifier, model: str, member: int, data: SplitImages, n_classes: int
) -> pd.DataFrame:
    """Predict the test images of the split; the table of `prediction_table`."""
    rows = data.rows(TEST)
    said = class_probabilities(network, data, rows, n_classes)
    return prediction_table(model, member, data, rows, said)


def keep_networks(
    networks: Sequence[MLPClassifier], described: Sequence[Mapping[Any, Any]]
) -> Networks:
    """Arrange fitted networks as the catalog stores them: a list, and what each of them is.

    A file holds no functions: a start that is one is only named in the description.
    """
    kept = [one.set_params(init="auto") if callable(one.init) else one for one in networks]
    return kept, {"fitted": list(described)}
