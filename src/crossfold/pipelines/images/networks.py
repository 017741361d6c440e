"""Stacks of networks on images: how they are made and trained, and what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.images.data import TEST, TRAIN, VALIDATION, Rows, SplitImages
from crossfold.pipelines.images.parameters import (
    ExperimentParameters,
    StartParameters,
    TrainingParameters,
)
from crossfold.templates.cross_validation.nodes import Networks
from crossfold.templates.cross_validation.parameters import NetworkParameters
from crossfold.templates.cross_validation.training import make_network
from crossfold.validation.metrics import multiclass_metrics
from crossfold.validation.tables import concatenate, probability_columns

if TYPE_CHECKING:
    from crossfold.mlp import ExperimentStack, History, MLPClassifier

BYTE_SCALE = 1 / 255
_CURVES = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "seconds")


class Member(NamedTuple):
    """One training of one experiment; the seed drives its start and its dropout.

    `model` and `number` name it in the tables: its model, and which of its trainings it is.
    """

    experiment: str
    settings: ExperimentParameters
    seed: int
    learning_rate: float
    model: str = ""
    number: int = 0

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


class Trained(NamedTuple):
    """A trained stack: what its networks are, a row each, their history and what they predict.

    The predictions are of the test images; the protocol is the split.
    """

    described: pd.DataFrame
    networks: Sequence[MLPClassifier]
    history: pd.DataFrame
    said: pd.DataFrame


def image_network(network: NetworkParameters, seed: int) -> MLPClassifier:
    """Make an untrained network that reads bytes as numbers from 0 to 1."""
    from crossfold.mlp import ProgressBar

    made = make_network(network, "multiclass", [ProgressBar()])
    made.set_params(input_scale=BYTE_SCALE, random_state=seed)
    return made


def fit_stack(
    arguments: Sequence[Mapping[str, Any]],
    how: TrainingParameters,
    data: SplitImages,
    rows: tuple[Rows, Rows],
    seed: int,
) -> ExperimentStack:
    """Train networks at once, scored every so many epochs.

    `arguments` set each apart; they share the order of the images, which `seed` draws. `rows` are
    the images that they learn from and those that they are scored on.
    """
    from crossfold.mlp import ExperimentStack

    network, learnt, held_out = image_network(how.network, seed), *map(data.take, rows)
    stack = ExperimentStack(network, member_params=arguments, score_every=how.score_every)
    return stack.fit(*learnt, validation_data=held_out)


def train(
    members: Sequence[Member],
    regime: str,
    how: TrainingParameters,
    starts: StartParameters,
    data: SplitImages,
    n_classes: int,
    seed: int,
) -> Trained:
    """Train members at once on the training images, and let them name the test images."""
    arguments = [member.network_parameters(starts) for member in members]
    stack = fit_stack(arguments, how, data, (data.rows(TRAIN), data.rows(VALIDATION)), seed)
    rows, histories, said = [], [], []
    for one, network, history in zip(members, stack.estimators_, stack.histories_, strict=True):
        keys: dict[str, Any] = {"model": one.model, "protocol": data.split, "member": one.number}
        row = {**keys, "regime": regime, "experiment": one.experiment, "seed": one.seed}
        row |= {"layers": layers_text(network)}
        row |= one.settings.model_dump(exclude={"hidden_layer_sizes"})
        row |= {"learning_rate": one.learning_rate, "epochs": how.network.max_iter}
        rows.append({**row, "seconds": stack.histories_[0].seconds[-1]})
        histories.append(epoch_table(history).assign(**keys, fold=0))
        said.append(predict_test(network, data, n_classes, one.model, one.number))
    return Trained(pd.DataFrame(rows), stack.estimators_, concatenate(histories), concatenate(said))


def join_trained(
    trained: Sequence[Trained],
) -> tuple[pd.DataFrame, Networks, pd.DataFrame, pd.DataFrame]:
    """Put several stacks together; the networks are described by the rows of the first table."""
    described, networks, histories, said = zip(*trained, strict=True)
    table = pd.concat(described, ignore_index=True)
    kept = [one for own in networks for one in own], {"fitted": table.to_dict("records")}
    return table, kept, concatenate(histories), concatenate(said)


def epoch_table(history: History) -> pd.DataFrame:
    """Arrange what was measured of a network after its epochs.

    The columns are ``epoch``, ``measure`` (``train_loss``, ``train_accuracy``, ``validation_loss``,
    ``validation_accuracy``, ``seconds`` since training began, and the means over classes
    ``validation_precision``, ``validation_recall`` and ``validation_f1``) and ``value``.
    """
    macro = multiclass_metrics(np.array(history.validation_confusion))
    scores = {name: name.replace("accuracy", "score") for name in _CURVES}
    columns = {"epoch": history.epochs, **{n: getattr(history, own) for n, own in scores.items()}}
    columns |= {f"validation_{n}": macro[f"macro_{n}"] for n in ("precision", "recall", "f1")}
    return pd.DataFrame(columns).melt("epoch", var_name="measure", value_name="value")


def layers_text(network: MLPClassifier) -> str:
    """Print the sizes of all layers: ``784-20-10``."""
    return "-".join(map(str, [len(network.coefs_[0]), *map(len, network.intercepts_)]))


def class_probabilities(
    network: MLPClassifier, data: SplitImages, rows: Rows, n_classes: int
) -> NDArray[np.float32]:
    """Predict some images, shape ``(rows, n_classes)``.

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
    model: str, member: int, data: SplitImages, rows: Rows, probabilities: NDArray[np.float32]
) -> pd.DataFrame:
    """Arrange what a network says of some images, in the schema ``PREDICTIONS``.

    A row is the position among all images, each a group of its own.
    """
    said = {"model": model, "protocol": data.split, "fold": 0, "member": member, "row": rows}
    said |= {"group": rows, "target": data.labels[rows], "predicted": probabilities.argmax(axis=1)}
    kinds = {"fold": "int8", "member": "int16", "row": "int32", "group": "int32"}
    kinds |= dict.fromkeys(("target", "predicted"), "uint8")
    return pd.DataFrame(said).astype(kinds).assign(**probability_columns(probabilities))


def predict_test(
    network: MLPClassifier, data: SplitImages, n_classes: int, model: str, member: int = 0
) -> pd.DataFrame:
    """Predict the test images of the split; the table of `prediction_table`."""
    rows = data.rows(TEST)
    said = class_probabilities(network, data, rows, n_classes)
    return prediction_table(model, member, data, rows, said)
