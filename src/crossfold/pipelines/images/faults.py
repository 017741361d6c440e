"""The audits' node that trains the sources' networks in every setup that a claim is measured in.

Networks that learn from the same images for as long share a stack; what a fault leaves as it was is
trained once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, groupby
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, cast

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, PositiveFloat, PositiveInt

from crossfold.pipelines.images import parameters as given
from crossfold.pipelines.images.data import SOURCE, TEST, TRAIN, VALIDATION, Rows, SplitImages
from crossfold.pipelines.images.networks import Member, class_probabilities, epoch_table, fit_stack
from crossfold.templates.audit import Claims, Protocol, Setup, run_side_by_side
from crossfold.templates.audit.claims import setups_of
from crossfold.templates.cross_validation.parameters import NetworkParameters

if TYPE_CHECKING:
    from crossfold.mlp import MLPClassifier

_logger = logging.getLogger(__name__)
Arguments = dict[str, Any]
Fitted = tuple["MLPClassifier", pd.DataFrame]
OTHER, MINI_BATCH = "other", "mini-batch"
# More would need more memory, and the products are wide enough.
NETWORKS_AT_ONCE = 60
LINES_IN_LOG = 50
# ``small_training_sample`` changes the rows instead.
NETWORK_FAULTS = (
    *("one_hidden_layer", "dropout_backward", "relu_as_derivative", "global_max_softmax"),
    *("penalty_not_applied", "drop_last_batch"),
)
TRAINING_FAULTS = (*NETWORK_FAULTS, "small_training_sample")
TRAINING_SETTINGS = {"learning_rate": "learning_rate_init", "dropout": "dropout"}


class FurtherNetwork(given.ExperimentParameters):
    """A network that the source trained beside the study's experiments."""

    learning_rate_init: PositiveFloat | None = None
    """Its learning rate; None for the protocol's."""


class ProtocolParameters(Protocol):
    """How the source trained and tested."""

    regime: str
    """Regime of the study whose networks are those without faults."""
    network: NetworkParameters
    """Solver, batches, penalty, learning rate and epochs of the source."""
    short_epochs: PositiveInt
    """Epochs of the runs that single faults, or values that the source does not state, are compared
    in."""
    short_rows: PositiveInt | None = None
    """Training images of these runs; None for all."""
    n_seeds: PositiveInt = 1
    """Trainings of each experiment, from the run's seed upwards."""
    short_seeds: PositiveInt = 1
    """The same of the runs that single faults are compared in."""
    mini_batch: NetworkParameters | None = None
    """How PyTorch trained, if not like NumPy."""
    experiments: dict[str, str] = Field(default_factory=dict)
    """The study's experiments by their names in the audit; empty for all under their own names."""
    further: dict[str, FurtherNetwork] = Field(default_factory=dict)
    """Networks beside them."""
    train_parts: tuple[Literal["train", "validation"], ...] = ("train",)
    """Parts of the source's split that are learned from."""
    held_out: Literal["validation", "test"] = "validation"
    """Part on which networks are scored after their epochs."""
    train_sample_rows: PositiveInt = 10_000
    """Training images under ``small_training_sample``."""
    sample_rows: PositiveInt = 30
    """Test images under ``small_test_sample``."""
    score_every: PositiveInt = 10
    """Epochs between two scorings of the runs of single faults."""
    n_resamples: Annotated[int, Field(ge=50)] = 1000
    """Bootstrap resamples, of images and of seeds at once."""

    def n_trainings(self, setup: Setup) -> int:
        """Count the trainings of each network in a setup."""
        return 1 if setup.setting else self.short_seeds if setup.short else self.n_seeds


def with_faults(network: Arguments, setup: Setup) -> Arguments:
    """Put a setup's value of what is not stated, then its faults, into a network's arguments."""
    from crossfold.mlp import faults

    name, value = setup.setting or ("", 0.0)
    argument = TRAINING_SETTINGS.get(name, "")
    if network.get(argument):  # A network without dropout stays without.
        network = {**network, argument: value}
    changed, activation, batch_size = {**network}, network["activation"], network["batch_size"]
    if "one_hidden_layer" in setup.faults:
        changed["hidden_layer_sizes"] = network["hidden_layer_sizes"][:1]
    if "relu_as_derivative" in setup.faults:
        changed["activation"] = faults.relu_as_derivative(activation)
    if "dropout_backward" in setup.faults and network["dropout"]:
        # Errors pass a layer with dropout by its mask alone.
        changed["activation"] = faults.without_derivative(activation)
    if "global_max_softmax" in setup.faults:
        changed["loss"] = faults.GLOBAL_MAX_SOFTMAX
    if "penalty_not_applied" in setup.faults:
        changed["alpha"] = 0.0
    if "drop_last_batch" in setup.faults and isinstance(batch_size, int):
        changed["loss"] = faults.whole_batches_only(batch_size)
    return changed


class Training(NamedTuple):
    """A network to train in a setup of training, from the seed of a member, faults included."""

    setup: Setup
    experiment: str
    member: int
    arguments: Arguments

    @property
    def network(self) -> str:
        """The network as a text, the same for equal networks."""
        return repr(self.arguments)

    @property
    def about(self) -> Arguments:
        """What names it in the tables."""
        return {"run": self.setup.name, "experiment": self.experiment, "member": self.member}


def training_setup(setup: Setup) -> Setup:
    """Leave out of a setup what makes no difference to training."""
    setting = setup.setting if setup.setting and setup.setting[0] in TRAINING_SETTINGS else None
    return setup.keep(TRAINING_FAULTS)._replace(setting=setting)


def list_trainings(claims: Claims, names: Sequence[str]) -> dict[Setup, list[str]]:
    """List which networks each setup has to train: those that a claim measured in it names.

    The source's own protocol trains all. The study's networks stand for those without faults.
    """
    of_source = training_setup(Setup(claims.on))
    wanted = {of_source: set(names)}
    for claim in claims.claims.values():
        arguments = claim.measure.arguments.values() if claim.measure else ()
        lists = [one if isinstance(one, list | tuple) else [one] for one in arguments]
        named = set(map(str, chain.from_iterable(lists))) & set(names)
        for setup in setups_of(claims, claim).values():
            wanted.setdefault(training_setup(setup), set()).update(named)
    return {
        setup: [name for name in names if name in own]
        for setup, own in wanted.items()
        if setup == of_source or setup != Setup()
    }


def train_setups(
    images: NDArray[np.uint8],
    split_table: pd.DataFrame,
    experiments: given.ExperimentsParameters,
    starts: given.StartParameters,
    protocol: ProtocolParameters,
    claims: Claims,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train every network that a claim needs.

    Returns what each said of the test images, and of as many images drawn from all where that is a
    fault: ``run``, ``experiment``, ``member``, ``part`` (test or other), ``row``, ``target``,
    ``predicted``, ``dropped`` (predicted with dropout left on) and ``loss`` (cross-entropy). And
    what was measured after its epochs: ``run``, ``experiment``, ``member``, ``epoch``, ``measure``
    and ``value``; ``validation_…`` is of images that were not learned from.
    """
    data = SplitImages.of(images, split_table, SOURCE)
    tested = {TEST: data.rows(TEST)}
    if "other_test_rows" in claims.on:
        every = data.rows(TRAIN, VALIDATION, TEST)
        tested[OTHER] = small_sample(every, len(tested[TEST]), seed)
    drops = "dropout_in_prediction" in claims.on
    trainings = _trainings(experiments, starts, protocol, claims, seed)
    by_images = groupby(sorted(trainings, key=_learns_from), key=_learns_from)
    stacks = [own for _, alike in by_images for own in _divide(list(alike), protocol.n_jobs)]
    _logger.info("The audit trains %d stacks of networks.", len(stacks))
    jobs = [(own, data, protocol, claims, tested, drops, seed) for own in stacks]
    found = run_side_by_side(_train, jobs, protocol.n_jobs)
    answers, curves = (pd.concat(tables, ignore_index=True) for tables in zip(*found, strict=True))
    kinds = dict.fromkeys(("run", "experiment"), "category")
    curves = curves[curves["run"] != MINI_BATCH].astype({**kinds, "measure": "category"})
    return answers.astype({**kinds, "part": "category"}), curves


def _trainings(
    experiments: given.ExperimentsParameters,
    starts: given.StartParameters,
    protocol: ProtocolParameters,
    claims: Claims,
    seed: int,
) -> list[Training]:
    """List every network of every setup and seed, and those that trained on mini-batches."""
    own = protocol.experiments or {name: name for name in experiments.root}
    networks = {**{n: experiments.root[o] for n, o in own.items()}, **protocol.further}

    def make(setup: Setup, name: str, member: int, how: NetworkParameters) -> Training:
        rate = getattr(networks[name], "learning_rate_init", None) or how.learning_rate_init
        arguments = Member("", networks[name], seed + member, rate).network_parameters(starts)
        arguments |= {"alpha": how.alpha, "batch_size": how.batch_size}
        return Training(setup, name, member, with_faults(arguments, setup))

    trainings = [
        make(setup, name, member, protocol.network)
        for setup, wanted in list_trainings(claims, list(networks)).items()
        for member in range(protocol.n_trainings(setup))
        for name in wanted
    ]
    if protocol.mini_batch:
        alone = Setup(frozenset({MINI_BATCH}))
        trainings += [make(alone, name, 0, protocol.mini_batch) for name in protocol.further]
    return trainings


def _learns_from(one: Training) -> tuple[bool, ...]:
    """Tell apart what cannot share a stack; what takes longest comes first."""
    faults = one.setup.faults
    return MINI_BATCH in faults, one.setup.short, "small_training_sample" in faults


def _divide(trainings: Sequence[Training], n_jobs: int) -> list[list[Training]]:
    """Divide what learns from the same images among jobs; equal networks stay together."""
    from joblib import effective_n_jobs

    every, jobs = list(dict.fromkeys(one.network for one in trainings)), effective_n_jobs(n_jobs)
    # Neighbours take about as long.
    ordered = [one for job in range(jobs) for one in every[job::jobs]]
    size = min(NETWORKS_AT_ONCE, -(-len(ordered) // jobs))
    parts = [set(ordered[at : at + size]) for at in range(0, len(ordered), size)]
    return [[one for one in trainings if one.network in part] for part in parts]


def _train(
    trainings: Sequence[Training],
    data: SplitImages,
    protocol: ProtocolParameters,
    claims: Claims,
    tested: Mapping[str, Rows],
    drops: bool,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train at once what learns from the same images; see `train_setups` for the tables."""
    networks = {one.network: one.arguments for one in trainings}
    fitted = _fit(list(networks.values()), trainings[0].setup, data, protocol, claims, seed)
    made = {
        name: (pd.concat(_answers(one, data, tested, drops, seed)), curves)
        for name, (one, curves) in zip(networks, fitted, strict=True)
    }
    answers, curves = (
        pd.concat(made[one.network][place].assign(**one.about) for one in trainings)
        for place in (0, 1)
    )
    return answers, curves


def _fit(
    networks: Sequence[Arguments],
    setup: Setup,
    data: SplitImages,
    protocol: ProtocolParameters,
    claims: Claims,
    seed: int,
) -> list[Fitted]:
    """Train at once; of full batches part by part, since what has diverged needs no more steps."""
    network = (MINI_BATCH in setup.faults and protocol.mini_batch) or protocol.network
    rows = _train_rows(setup, data, protocol, seed), data.rows(protocol.held_out)
    short = min(protocol.short_epochs, network.max_iter)
    total = short if setup.short else network.max_iter
    part = short if network.batch_size == "full" and not network.momentum else total
    every = protocol.score_every if setup.short else -(-total // LINES_IN_LOG)
    # What diverges ends with a part, and then its curves are read at shares of fewer epochs.
    score_every = every if part < total else epochs_read(claims, total, every)
    found: dict[int, Fitted] = {}
    going = list(range(len(networks)))
    for done in range(0, total, part):
        own = network.changed(max_iter=min(part, total - done))
        how = given.TrainingParameters(network=own, score_every=score_every)
        members = [_go_on(networks[n], found[n][0], done) if done else networks[n] for n in going]
        stack = fit_stack(members, how, data, rows, seed)
        for n, one, history in zip(going, stack.estimators_, stack.histories_, strict=True):
            curves = epoch_table(history).query("measure != 'seconds'")
            curves = curves.assign(epoch=curves["epoch"] + done)
            found[n] = one, pd.concat([found[n][1], curves]) if done else curves
        going = [n for n in going if _is_finite(found[n][0])]
        if not going:
            break
    return [found[n] for n in range(len(networks))]


def epochs_read(claims: Claims, n_epochs: int, every: int) -> tuple[int, ...]:
    """List the epochs whose figures claims read, of those that are scored if one of `every` is."""
    arguments = [one.measure.arguments for one in claims.claims.values() if one.measure]
    named = {key: [own[key] for own in arguments if key in own] for key in ("at", "since", "epoch")}
    scored = np.array([*range(every, n_epochs, every), n_epochs])
    shares = [share for share in (*named["at"], *named["since"], 1) if share is not None]
    nearest = {int(scored[np.abs(scored - share * n_epochs).argmin()]) for share in shares}
    return tuple(sorted(nearest | set(scored.tolist()).intersection(named["epoch"])))


def _is_finite(network: MLPClassifier) -> bool:
    return all(np.isfinite(weights).all() for weights in (*network.coefs_, *network.intercepts_))


def _train_rows(setup: Setup, data: SplitImages, protocol: ProtocolParameters, seed: int) -> Rows:
    rows = data.rows(*protocol.train_parts)
    if "small_training_sample" in setup.faults:
        rows = small_sample(rows, protocol.train_sample_rows, seed)
    if setup.short and protocol.short_rows:
        rows = small_sample(rows, protocol.short_rows, seed)
    return rows


def small_sample(rows: Rows, n: int, seed: int) -> Rows:
    """Draw a few of some rows, in their order."""
    drawn = np.random.default_rng(seed).choice(rows, size=min(n, len(rows)), replace=False)
    return np.sort(drawn)


def _go_on(arguments: Arguments, network: MLPClassifier, done: int) -> Arguments:
    """Start where a network is, with new masks; plain gradient steps remember nothing else."""
    start = network.coefs_, network.intercepts_
    own = {"init": lambda rng, sizes: start, "random_state": arguments["random_state"] + done}
    return {**arguments, **own}


def _answers(
    network: MLPClassifier, data: SplitImages, tested: Mapping[str, Rows], drops: bool, seed: int
) -> Iterator[pd.DataFrame]:
    """Predict the images of each part; a network that diverged gives them all the first class."""
    for part, rows in tested.items():
        said = class_probabilities(network, data, rows, int(data.labels.max()) + 1)
        target, predicted = data.labels[rows], said.argmax(axis=1)
        dropped = predicted
        if drops and network.dropout:
            dropped = predict_with_dropout(network, data.pixels[rows], np.random.default_rng(seed))
        classes = {"target": target, "predicted": predicted, "dropped": dropped}
        table = pd.DataFrame({"row": rows, **classes, "loss": cross_entropies(said, target)})
        kinds = {"row": np.int32, **dict.fromkeys(classes, np.uint8)}
        yield table.astype(kinds).assign(part=part)


def cross_entropies(probabilities: NDArray[np.floating], target: ArrayLike) -> NDArray[np.float32]:
    """Compute every row's loss; a sure wrong answer has a large, finite one."""
    of_target = probabilities[np.arange(len(probabilities)), np.asarray(target)]
    losses: NDArray[np.float32] = -np.log(np.clip(of_target, np.finfo(np.float32).tiny, 1))
    return losses


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
