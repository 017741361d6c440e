"""Typed parameters of the studies of images; Kedro checks them before any node runs."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, RootModel

from crossfold.datasets.images import CLASSES
from crossfold.exceptions import CrossfoldError
from crossfold.templates.cross_validation.parameters import (
    DropoutRate,
    IntervalParameters,
    NetworkParameters,
)
from crossfold.templates.parameters import Parameters
from crossfold.user_input import unknown_names

STRONG = "strong"
"""Name of the strong network among the models."""

_Value = TypeVar("_Value")


class SplitParameters(Parameters):
    """Which images train, validate and test."""

    n_rows: PositiveInt | None = None
    """Images of the source's split, drawn from the published training images; None for all."""
    n_validation: PositiveInt = 2100
    """Of these, the images on which learning rates are chosen."""
    n_test: PositiveInt | None = None
    """Of these, the test images; None where the published test images are the test."""
    n_standard_validation: PositiveInt = 5000
    """Published training images that the experiments on the standard split do not learn from."""


class StartParameters(Parameters):
    """How the experiments start."""

    n_seeds: PositiveInt = 1
    """Trainings of each experiment, from the run's seed upwards."""
    uniform_bound: PositiveFloat = 0.5
    """The ``random`` start draws weights and biases from ``Uniform(-bound, bound)``."""


class ExperimentParameters(Parameters):
    """One row of the table of experiments."""

    hidden_layer_sizes: Annotated[tuple[PositiveInt, ...], Field(min_length=1, max_length=16)]
    """Units of each hidden layer."""
    init: Literal["random", "xavier", "kaiming", "pytorch"]
    """``random`` (see `StartParameters`), ``xavier``, ``kaiming``, or ``pytorch`` for that
    library's own start of a linear layer."""
    activation: Literal["relu", "leaky_relu", "sigmoid", "tanh", "hard_sigmoid"]
    """Of the hidden layers."""
    dropout: DropoutRate = 0.0
    """Share of hidden units left out in each step, in [0, 1)."""


class SearchParameters(Parameters):
    """How learning rates are tried."""

    n_rows: PositiveInt = 10_000
    """Training images that the trials learn from, at the most."""
    epochs: PositiveInt = 5
    """Epochs of each trial."""


class TrainingParameters(Parameters):
    """How networks are trained."""

    network: NetworkParameters
    """Solver, schedule, batches, penalty and epochs; shapes are those of the experiments."""
    score_every: PositiveInt | tuple[PositiveInt, ...] = 1
    """Epochs between two points of the curves, or the epochs that have one beside the last."""


class RegimeParameters(TrainingParameters):
    """One way to train all experiments."""

    learning_rates: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)]
    """Rates among which each experiment's own is chosen on the validation images."""
    search: SearchParameters = SearchParameters()
    """How they are tried; not read where there is one rate."""
    on_standard_split: bool = False
    """Whether the experiments are also trained on the standard split."""


class TwinRegimeParameters(TrainingParameters):
    """How the twins are trained in one regime; the engine is set by the twin."""

    learning_rate: PositiveFloat | None = None
    """Their learning rate; None for the one chosen for the experiment in the regime of the same
    name."""


class TwinParameters(Parameters):
    """One experiment, trained by NumPy and by PyTorch."""

    experiment: str
    """Name of the experiment."""
    regimes: Annotated[dict[str, TwinRegimeParameters], Field(min_length=1)]
    """Regimes by name. The twins of the first are called ``twin_numpy`` and ``twin_torch``, those
    of others ``twin_numpy_REGIME`` and ``twin_torch_REGIME``."""


class AugmentationParameters(Parameters):
    """What the strong network learns from beside the training images; as it is, nothing."""

    n_copies: NonNegativeInt = 0
    """Copies of every training image, each changed at random in its own way. An epoch goes through
    the images and all copies."""
    max_shift_pixels: NonNegativeInt = 0
    """Pixels that a copy is shifted by at the most, across and down."""
    flips: bool = False
    """Whether half of the copies are mirrored, left to right."""


ClassNames = Annotated[list[str], Field(min_length=CLASSES, max_length=CLASSES)]
ExperimentsParameters = RootModel[dict[str, ExperimentParameters]]
RegimesParameters = RootModel[dict[str, RegimeParameters]]
# Pairs of models to compare, A with B, by the question that they answer.
ComparisonsParameters = RootModel[dict[str, tuple[tuple[str, str], ...]]]


def misfits(blocks: Mapping[str, Any]) -> Iterator[str]:
    """Tell what the blocks of a study name that its experiments and regimes do not have."""
    experiments, twin = blocks["experiments"], TwinParameters.model_validate(blocks["twin"])
    yield from unknown_names("twin.experiment", [twin.experiment], experiments, "experiment")
    without_rate = [name for name, how in twin.regimes.items() if how.learning_rate is None]
    yield from unknown_names("twin.regimes", without_rate, blocks["regimes"], "regime with rates")
    endings = ["", *(f"_{regime}" for regime in [*twin.regimes][1:])]
    trained = [f"{regime}/{name}" for regime in blocks["regimes"] for name in experiments]
    trained += [f"twin_{framework}{end}" for framework in ("numpy", "torch") for end in endings]
    of_pairs = (name for pairs in blocks["comparisons"].values() for pair in pairs for name in pair)
    yield from unknown_names("comparisons", dict.fromkeys(of_pairs), trained, "model")
    extra, models = blocks["report"]["extra"], [*trained, STRONG]
    for place, names in {
        "evaluation.reference": [IntervalParameters(**blocks["evaluation"]).reference],
        "report.extra.shown": extra["shown"],
        "report.extra.precision_recall": extra["precision_recall"],
        "report.extra.named_by": [extra.get("named_by", STRONG)],
    }.items():
        yield from unknown_names(place, names, models, "model")


def look_up(known: Mapping[str, _Value], name: str, kind: str) -> _Value:
    """Give what has a name, or refuse (CrossfoldError); `kind` says what it is."""
    if name not in known:
        raise CrossfoldError(
            f"The parameters name the {kind} {name!r}, but there are only {', '.join(known)}; "
            "correct the study's parameters."
        )
    return known[name]
