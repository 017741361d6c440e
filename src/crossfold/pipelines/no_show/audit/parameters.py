"""Typed parameters of the no-show audit; Kedro checks them before any node runs."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, PositiveInt

from crossfold.pipelines.no_show.audit.faults import SWITCHES
from crossfold.pipelines.no_show.audit.measures import MEASURES
from crossfold.templates.audit import Claims
from crossfold.templates.cross_validation.parameters import Fraction, Model, NetworkParameters
from crossfold.templates.parameters import Parameters


class NoShowClaims(Claims):
    """The claims of the no-show study's source."""

    study: ClassVar[str] = "no_show"
    switches: ClassVar[tuple[str, ...]] = SWITCHES
    measures = MEASURES


class ProtocolParameters(Parameters):
    """How the source trained and tested.

    Attributes
    ----------
    network
        The network that both libraries train; its batch size is PyTorch's.
    numpy_batch_size
        Batch size of NumPy under ``unlike_twins``.
    source_epochs
        Epochs in the source; a run of fewer says that it was shortened.
    trees
        The tree ensembles that are compared with the network, by name.
    short_epochs, short_folds
        Epochs, and the first folds, of the protocols that single faults are compared by.
    timed_epochs
        Epochs in which the libraries are timed; the first waits for what is made once.
    gpu_copies, gpu_batch_sizes
        On a GPU, how often the table is repeated, and in which batches it is learned from.
    n_splits
        Number of folds.
    threshold
        Probability from which the source predicts a no-show.
    n_thresholds
        Thresholds of the sweep, evenly from 0.01 to 0.99.
    n_resamples
        Bootstrap resamples, by patient.
    """

    network: NetworkParameters
    numpy_batch_size: PositiveInt = 100
    source_epochs: PositiveInt
    trees: dict[str, Model]
    short_epochs: PositiveInt
    short_folds: PositiveInt
    timed_epochs: Annotated[int, Field(ge=2)]
    gpu_copies: tuple[PositiveInt, ...] = (1, 10)
    gpu_batch_sizes: tuple[PositiveInt, ...] = (1000, 10_000)
    n_splits: Annotated[int, Field(ge=2)] = 5
    threshold: Fraction = 0.4
    n_thresholds: Annotated[int, Field(ge=3)] = 101
    n_resamples: Annotated[int, Field(ge=50)] = 200
