"""The node that trains the source's networks in every setup that a claim is measured in.

Networks that learn from the same images for as long share a stack; what a fault leaves as it was is
trained once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import groupby
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.images.audit.measures import (
    DROPOUT_IN_PREDICTION,
    MINI_BATCH,
    OTHER,
    OTHER_TEST_ROWS,
    TEST,
    cross_entropies,
    small_sample,
)
from crossfold.pipelines.images.audit.parameters import (
    TRAINING_FAULTS,
    TRAINING_SETTINGS,
    ImageClaims,
    ProtocolParameters,
)
from crossfold.pipelines.images.data import SOURCE, TRAIN, VALIDATION, Rows, SplitImages
from crossfold.pipelines.images.networks import (
    Member,
    class_probabilities,
    history_table,
    image_network,
    uniform_start,
)
from crossfold.pipelines.images.parameters import (
    ExperimentParameters,
    ExperimentsParameters,
    StartParameters,
)
from crossfold.templates.audit import Setup
from crossfold.templates.audit.setups import setups_of

if TYPE_CHECKING:
    from crossfold.mlp import MLPClassifier

Arguments = dict[str, Any]
# More would need more memory, and the products are wide enough.
NETWORKS_AT_ONCE = 60
LINES_IN_LOG = 50


def one_hidden_layer(network: Arguments) -> Arguments:
    """Leave out all hidden layers but the first."""
    return {**network, "hidden_layer_sizes": network["hidden_layer_sizes"][:1]}


def dropout_backward(network: Arguments) -> Arguments:
    """Pass errors through a layer with dropout by its mask alone, without the derivative."""
    if not network["dropout"]:
        return network
    from crossfold.mlp import faults

    return {**network, "activation": faults.without_derivative(network["activation"])}


def relu_as_derivative(network: Arguments) -> Arguments:
    """Multiply errors by relu(z), whatever the activation, in layers that use a derivative."""
    if not isinstance(network["activation"], str):
        return network
    from crossfold.mlp import faults

    return {**network, "activation": faults.relu_as_derivative(network["activation"])}


def global_max_softmax(network: Arguments) -> Arguments:
    """Subtract the maximum of the whole batch, not of each row, in the softmax of training."""
    from crossfold.mlp import faults

    return {**network, "loss": faults.GLOBAL_MAX_SOFTMAX}


def penalty_not_applied(network: Arguments) -> Arguments:
    """Leave the penalty out of the gradient."""
    return {**network, "alpha": 0.0}


def drop_last_batch(network: Arguments) -> Arguments:
    """Learn nothing from the last batch of an epoch, other rows each time."""
    if not isinstance(network["batch_size"], int):
        return network
    from crossfold.mlp import faults

    return {**network, "loss": faults.whole_batches_only(network["batch_size"])}


# In the order in which they are applied; ``small_training_sample`` changes the rows instead.
NETWORK_FAULTS: dict[str, Callable[[Arguments], Arguments]] = {
    "one_hidden_layer": one_hidden_layer,
    "dropout_backward": dropout_backward,
    "relu_as_derivative": relu_as_derivative,
    "global_max_softmax": global_max_softmax,
    "penalty_not_applied": penalty_not_applied,
    "drop_last_batch": drop_last_batch,
}


@dataclass(frozen=True)
class Training:
    """One network to train.

    Attributes
    ----------
    setup
        With the faults and settings of training only.
    experiment, member
        Which network, from which of the seeds.
    arguments
        Of `MLPClassifier`, with the faults in them.
    """

    setup: Setup
    experiment: str
    member: int
    arguments: Arguments


def training_setup(study: str, setup: Setup) -> Setup:
    """Leave out of a setup what makes no difference to training."""
    setting = setup.setting if setup.setting and setup.setting[0] in TRAINING_SETTINGS else None
    return setup.keep(TRAINING_FAULTS[study])._replace(setting=setting)


def list_trainings(claims: ImageClaims, names: Sequence[str]) -> dict[Setup, list[str]]:
    """List which networks each setup has to train: those that a claim measured in it names.

    The source's own protocol trains all. The study's networks stand for those without faults.
    """
    of_source = training_setup(claims.study, Setup(claims.on))
    wanted = {of_source: set(names)}
    for claim in claims.claims.values():
        named = set(_texts(claim.measure.arguments if claim.measure else {})) & set(names)
        for setup in setups_of(claims, claim).values():
            wanted.setdefault(training_setup(claims.study, setup), set()).update(named)
    return {
        setup: [name for name in names if name in own]
        for setup, own in wanted.items()
        if setup == of_source or setup != Setup()
    }


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from _texts(list(value.values()))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
    else:
        yield str(value)


def train_setups(
    images: NDArray[np.uint8],
    split_table: pd.DataFrame,
    experiments: ExperimentsParameters,
    starts: StartParameters,
    protocol: ProtocolParameters,
    claims: ImageClaims,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train every network that a claim needs.

    Returns
    -------
    What each said of the test images, and of as many images drawn from all where that is a fault:
    ``run``, ``experiment``, ``member``, ``part`` (test or other), ``row``, ``target``,
    ``predicted``, ``dropped`` (predicted with dropout left on) and ``loss`` (cross-entropy). And
    what was measured after its epochs: ``run``, ``experiment``, ``member``, ``epoch``, ``measure``
    and ``value``; ``validation_…`` is of images that were not learned from.
    """
    data = SplitImages.of(images, split_table, SOURCE)
    tested = {TEST: data.rows(TEST)}
    if OTHER_TEST_ROWS in claims.on:
        every = data.rows(TRAIN, VALIDATION, TEST)
        tested[OTHER] = small_sample(every, len(tested[TEST]), seed)
    drops = DROPOUT_IN_PREDICTION in claims.on
    answers, curves = [], []
    for stack in _stacks(_trainings(experiments, starts, protocol, claims, seed)):
        for training, network, history in _fit(stack, data, protocol, seed):
            about: dict[str, Any] = {
                "run": training.setup.name,
                "experiment": training.experiment,
                "member": training.member,
            }
            curves.append(history.assign(**about))
            answers += [
                _answers(network, data, rows, drops, seed).assign(part=part, **about)
                for part, rows in tested.items()
            ]
    if protocol.mini_batch:
        answers += _train_mini_batch(data, tested, protocol, starts, seed)
    texts = {name: "category" for name in ("run", "experiment", "part")}
    return pd.concat(answers, ignore_index=True).astype(texts), pd.concat(curves).astype(
        {"run": "category", "experiment": "category", "measure": "category"}
    )


def _train_mini_batch(
    data: SplitImages,
    tested: Mapping[str, Rows],
    protocol: ProtocolParameters,
    starts: StartParameters,
    seed: int,
) -> list[pd.DataFrame]:
    """Train the further networks as PyTorch trained, where that is unlike NumPy."""
    as_pytorch = protocol.model_copy(update={"network": protocol.mini_batch})
    found = []
    for name in protocol.further:
        arguments = network_arguments(name, {}, as_pytorch, starts, seed)
        [(network, _)] = _Stack(Setup(), data, as_pytorch, seed).fit([arguments])
        found += [
            _answers(network, data, rows, False, seed).assign(
                part=part, run=MINI_BATCH, experiment=name, member=0
            )
            for part, rows in tested.items()
        ]
    return found


def _trainings(
    experiments: ExperimentsParameters,
    starts: StartParameters,
    protocol: ProtocolParameters,
    claims: ImageClaims,
    seed: int,
) -> list[Training]:
    own = protocol.experiments or {name: name for name in experiments.root}
    networks = {name: experiments.root[study] for name, study in own.items()}
    names = [*networks, *protocol.further]
    return [
        Training(setup, name, member, _with_faults(arguments, setup, protocol))
        for setup, wanted in list_trainings(claims, names).items()
        for member in range(_n_members(setup, protocol))
        for name in wanted
        for arguments in [network_arguments(name, networks, protocol, starts, seed + member)]
    ]


def _n_members(setup: Setup, protocol: ProtocolParameters) -> int:
    if setup.setting:
        return 1
    return protocol.short_seeds if setup.short else protocol.n_seeds


def network_arguments(
    name: str,
    experiments: Mapping[str, ExperimentParameters],
    protocol: ProtocolParameters,
    starts: StartParameters,
    seed: int,
) -> Arguments:
    """Give the arguments of a network without faults."""
    network, further = protocol.network, protocol.further.get(name)
    settings = further or experiments[name]
    rate = (further and further.learning_rate_init) or network.learning_rate_init
    arguments = Member(name, settings, seed, rate).network_parameters(starts)
    arguments |= {"alpha": network.alpha, "batch_size": network.batch_size}
    if settings.init == "random":
        arguments["init"] = _uniform_start(starts.uniform_bound)
    return arguments


@cache
def _uniform_start(bound: float) -> Callable[..., Any]:
    """Give the same function for the same bound, so that equal networks are seen to be equal."""
    return partial(uniform_start, bound)


def _with_faults(network: Arguments, setup: Setup, protocol: ProtocolParameters) -> Arguments:
    """Put a setup's faults, and its value of what is not stated, into a network's arguments."""
    if setup.setting is not None:
        name, value = setup.setting
        if name != "dropout" or network["dropout"]:
            network = {**network, TRAINING_SETTINGS[name]: value}
    for name, change in NETWORK_FAULTS.items():
        if name in setup.faults:
            network = change(network)
    return network


def _stacks(trainings: Sequence[Training]) -> list[list[Training]]:
    """Put networks together that learn from the same images for as long."""

    def key(one: Training) -> tuple[bool, bool]:
        return one.setup.short, "small_training_sample" in one.setup.faults

    return [list(stack) for _, stack in groupby(sorted(trainings, key=key), key=key)]


def _fit(
    trainings: Sequence[Training], data: SplitImages, protocol: ProtocolParameters, seed: int
) -> Iterator[tuple[Training, MLPClassifier, pd.DataFrame]]:
    """Train what differs, and give each network with what was measured after its epochs."""
    distinct: list[Arguments] = []
    for one in trainings:
        if one.arguments not in distinct:
            distinct.append(one.arguments)
    fitted: list[tuple[MLPClassifier, pd.DataFrame]] = []
    for start in range(0, len(distinct), NETWORKS_AT_ONCE):
        networks = distinct[start : start + NETWORKS_AT_ONCE]
        fitted += _Stack(trainings[0].setup, data, protocol, seed).fit(networks)
    for one in trainings:
        yield one, *fitted[distinct.index(one.arguments)]


@dataclass(frozen=True)
class _Stack:
    """Trains networks that share a setup's images and epochs."""

    setup: Setup
    data: SplitImages
    protocol: ProtocolParameters
    seed: int

    def fit(self, networks: Sequence[Arguments]) -> list[tuple[MLPClassifier, pd.DataFrame]]:
        """Train; of full batches part by part, since what has diverged needs no more steps."""
        network = self.protocol.network
        short = min(self.protocol.short_epochs, network.max_iter)
        if self.setup.short:
            return self._fit_for(short, networks, self.protocol.score_every)
        score_every = -(-network.max_iter // LINES_IN_LOG)
        if network.batch_size != "full" or network.momentum:
            return self._fit_for(network.max_iter, networks, score_every)
        found = self._fit_for(short, networks, score_every)
        for done in range(short, network.max_iter, short):
            going = [place for place, (one, _) in enumerate(found) if _is_finite(one)]
            if not going:
                break
            starts = [_go_on(networks[place], found[place][0], done) for place in going]
            later = self._fit_for(min(short, network.max_iter - done), starts, score_every)
            for place, (one, curves) in zip(going, later, strict=True):
                own = curves.assign(epoch=curves["epoch"] + done)
                found[place] = one, pd.concat([found[place][1], own])
        return found

    def _fit_for(
        self, epochs: int, networks: Sequence[Arguments], score_every: int
    ) -> list[tuple[MLPClassifier, pd.DataFrame]]:
        from crossfold.mlp import ExperimentStack

        data, network = self.data, self.protocol.network.changed(max_iter=epochs)
        estimator = image_network(network, self.seed)
        stack = ExperimentStack(estimator, member_params=networks, score_every=score_every)
        held_out = data.take(data.rows(self.protocol.held_out))
        stack.fit(*data.take(self._rows()), validation_data=held_out)
        places = [(str(place), 0) for place in range(len(networks))]
        history = history_table(stack, places, SOURCE)
        columns = ["epoch", "measure", "value"]
        curves = history[history["measure"] != "seconds"].groupby("model", observed=True)
        return [
            (one, curves.get_group(name)[columns])
            for (name, _), one in zip(places, stack.estimators_, strict=True)
        ]

    def _rows(self) -> Rows:
        """Give the images to learn from."""
        rows = self.data.rows(*self.protocol.train_parts)
        if "small_training_sample" in self.setup.faults:
            rows = small_sample(rows, self.protocol.train_sample_rows, self.seed)
        if self.setup.short and self.protocol.short_rows:
            rows = small_sample(rows, self.protocol.short_rows, self.seed)
        return rows


def _is_finite(network: MLPClassifier) -> bool:
    return all(np.isfinite(one).all() for one in (*network.coefs_, *network.intercepts_))


def _go_on(arguments: Arguments, network: MLPClassifier, done: int) -> Arguments:
    """Start where a network is, with new masks; plain gradient steps remember nothing else."""
    start = network.coefs_, network.intercepts_
    own = {"init": lambda rng, sizes: start, "random_state": arguments["random_state"] + done}
    return {**arguments, **own}


def _answers(
    network: MLPClassifier, data: SplitImages, rows: Rows, drops: bool, seed: int
) -> pd.DataFrame:
    """Predict some images; a network that diverged gives them all the first class."""
    probabilities = class_probabilities(network, data, rows, int(data.labels.max()) + 1)
    target, predicted = data.labels[rows], probabilities.argmax(axis=1)
    dropped = predicted
    if drops and network.dropout:
        dropped = predict_with_dropout(network, data.pixels[rows], np.random.default_rng(seed))
    return pd.DataFrame(
        {
            "row": rows.astype(np.int32),
            "target": target.astype(np.uint8),
            "predicted": predicted.astype(np.uint8),
            "dropped": dropped.astype(np.uint8),
            "loss": cross_entropies(probabilities, target),
        }
    )


def predict_with_dropout(
    network: MLPClassifier, pixels: NDArray[np.uint8], rng: np.random.Generator
) -> NDArray[np.intp]:
    """Predict as in training, with hidden units dropped at random; shape ``(rows,)``."""
    from crossfold.mlp import Activation, faults

    own = network.activation
    activation = own if isinstance(own, Activation) else faults.without_derivative(own)
    a, keep = pixels * network.input_scale, 1 - cast("float", network.dropout)
    with np.errstate(all="ignore"):
        for weights, biases in zip(network.coefs_[:-1], network.intercepts_[:-1], strict=True):
            a = activation.function(a @ weights + biases)
            a = a * (rng.random(a.shape) < keep) / keep
        logits = a @ network.coefs_[-1] + network.intercepts_[-1]
    classes: NDArray[np.intp] = network.classes_[logits.argmax(axis=1)]
    return classes
