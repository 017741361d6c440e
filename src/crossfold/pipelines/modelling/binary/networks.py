"""Cross-fit networks: all outer folds, members and variants train as one stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.modelling.binary.cross_fitting import (
    CrossFitted,
    Decision,
    EncodedFold,
    Labelled,
    positive_probability,
)
from crossfold.pipelines.modelling.binary.history import epoch_scores, history_table
from crossfold.pipelines.modelling.binary.parameters import DecisionParameters, NetworkParameters

if TYPE_CHECKING:
    from crossfold.mlp import MLPClassifier

_VARIED = {"loss", "focal_gamma", "class_weight"}


@dataclass(frozen=True)
class Slot:
    """The place of one network in a stack: an outer fold, and the part that the network leaves out.

    Attributes
    ----------
    encoded
        The outer fold.
    member
        Number of the member, and of the part that it leaves out.
    rows
        Training rows and left-out rows.
    """

    encoded: EncodedFold
    member: int
    rows: tuple[NDArray[np.intp], NDArray[np.intp]]


def make_slots(
    encoded: Sequence[EncodedFold], part: NDArray[np.int8], n_members: int
) -> list[Slot]:
    """List the members of each outer fold, fold by fold."""
    return [
        Slot(fold, member, fold.outer.inner(part, member))
        for fold, member in product(encoded, range(n_members))
    ]


def make_network(network: NetworkParameters, callbacks: Sequence[Any] = ()) -> MLPClassifier:
    """Make an untrained network from its parameters."""
    from crossfold.mlp import MLPClassifier

    return MLPClassifier(**network.model_dump(), callbacks=tuple(callbacks))


def cross_fit_networks(
    encoded: Sequence[EncodedFold],
    labelled: Labelled,
    networks: Mapping[str, NetworkParameters],
    decision: DecisionParameters,
    *,
    n_members: int = 1,
    seed: int = 0,
) -> tuple[list[CrossFitted], pd.DataFrame]:
    """Train networks that differ in their loss alone, on all outer folds at once.

    Parameters
    ----------
    encoded
        Outer folds.
    labelled
        Target and part of every row.
    networks
        Parameters by name of the model; all but the loss and the class weights are the same.
    decision
        How each fold is calibrated, on the parts that its members left out.
    n_members
        Networks per model and outer fold. Member ``j`` starts from ``seed + j``, whatever the
        fold and the engine.

    Returns
    -------
    One result for each model and outer fold, model by model, and the history of all networks
    (see `history_table`).
    """
    from crossfold.mlp import EpochLog, FoldStack, ProgressBar

    slots = make_slots(encoded, labelled.part, n_members)
    template, *_ = networks.values()
    log = EpochLog(epoch_scores)
    stack = FoldStack(
        make_network(template, [ProgressBar(), log]),
        member_params=[network.model_dump(include=_VARIED) for network in networks.values()],
    ).fit(
        [slot.encoded.inputs for slot in slots],
        labelled.target,
        [slot.rows for slot in slots],
        fold_params=[{"random_state": seed + slot.member} for slot in slots],
    )
    fitted = [
        _cross_fitted(model, fold_slots, estimators, labelled, decision)
        for model, trained in zip(networks, stack.estimators_, strict=True)
        for fold_slots, estimators in zip(
            _chunks(slots, n_members), _chunks(trained, n_members), strict=True
        )
    ]
    return fitted, history_table(stack, log, list(networks), slots)


def _chunks(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _cross_fitted(
    model: str,
    slots: Sequence[Slot],
    estimators: Sequence[MLPClassifier],
    labelled: Labelled,
    decision: DecisionParameters,
) -> CrossFitted:
    """Calibrate the members of one outer fold on the rows that each of them left out."""
    encoded = slots[0].encoded
    left_out = [slot.rows[1] for slot in slots]
    raw = [
        positive_probability(estimator, encoded.inputs[rows])
        for estimator, rows in zip(estimators, left_out, strict=True)
    ]
    fitted = Decision.fit(np.concatenate(raw), labelled.target[np.concatenate(left_out)], decision)
    return CrossFitted(model, encoded.outer, encoded.encoder, estimators, fitted)
