"""Typed parameters of the image audits; Kedro checks them before any node runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from crossfold.pipelines.images.audit.measures import MEASURES
from crossfold.pipelines.images.parameters import ExperimentParameters
from crossfold.templates.audit import Claims
from crossfold.templates.audit.claims import MeasureFunction
from crossfold.templates.cross_validation.parameters import NetworkParameters
from crossfold.templates.parameters import Parameters


class ImageClaims(Claims):
    """The claims of an image study's source."""

    measures: ClassVar[Mapping[str, MeasureFunction]] = MEASURES


class DigitsClaims(ImageClaims):
    """The claims of the report on handwritten digits."""

    study: ClassVar[str] = "digits"
    switches: ClassVar[tuple[str, ...]] = (
        *("relu_as_derivative", "dropout_backward", "global_max_softmax", "swapped_arguments"),
        *("unlike_regimes", "unlike_networks", "other_test_rows", "dropout_in_prediction"),
    )


class FashionClaims(ImageClaims):
    """The claims of the course solution on images of clothes."""

    study: ClassVar[str] = "fashion"
    switches: ClassVar[tuple[str, ...]] = (
        *("small_test_sample", "drop_last_batch", "one_hidden_layer", "small_training_sample"),
        "penalty_not_applied",
    )


class FurtherNetwork(ExperimentParameters):
    """A network that the source trained beside the study's experiments.

    Attributes
    ----------
    learning_rate_init
        Its learning rate; None for the protocol's.
    """

    learning_rate_init: PositiveFloat | None = None


class ProtocolParameters(Parameters):
    """How the source trained and tested.

    Attributes
    ----------
    regime
        Regime of the study whose networks are those without faults.
    network
        Solver, batches, penalty, learning rate and epochs of the source.
    source_epochs
        Epochs in the source; a run of fewer says that it was shortened.
    short_epochs
        Epochs of the runs that single faults, or values that the source does not state, are
        compared in.
    short_rows
        Training images of these runs; None for all.
    n_seeds, short_seeds
        Trainings of each experiment, from the run's seed upwards.
    mini_batch
        How PyTorch trained, if not like NumPy.
    experiments
        The study's experiments by their names in the audit; empty for all under their own names.
    further
        Networks beside them.
    train_parts
        Parts of the source's split that are learned from.
    held_out
        Part on which networks are scored after their epochs.
    train_sample_rows
        Training images under ``small_training_sample``.
    sample_rows
        Test images under ``small_test_sample``.
    score_every
        Epochs between two scorings of the runs of single faults.
    n_resamples
        Bootstrap resamples, of images and of seeds at once.
    """

    regime: str
    network: NetworkParameters
    source_epochs: PositiveInt
    short_epochs: PositiveInt
    short_rows: PositiveInt | None = None
    n_seeds: PositiveInt = 1
    short_seeds: PositiveInt = 1
    mini_batch: NetworkParameters | None = None
    experiments: dict[str, str] = Field(default_factory=dict)
    further: dict[str, FurtherNetwork] = Field(default_factory=dict)
    train_parts: tuple[Literal["train", "validation"], ...] = ("train",)
    held_out: Literal["validation", "test"] = "validation"
    train_sample_rows: PositiveInt = 10_000
    sample_rows: PositiveInt = 30
    score_every: PositiveInt = 10
    n_resamples: Annotated[int, Field(ge=50)] = 1000
