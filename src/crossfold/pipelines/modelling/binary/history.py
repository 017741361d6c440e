"""The training history of a stack as one tidy table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from crossfold.mlp import EpochLog, FoldStack
    from crossfold.pipelines.modelling.binary.networks import Slot

F1_THRESHOLD = 0.4


def epoch_scores(target: NDArray[Any], probability: NDArray[Any]) -> dict[str, float]:
    """Give the F1 of one epoch at a fixed threshold, and at the best one.

    The fixed threshold is the customary one of the source reports; the best is what F1 could be
    at most, so that losses which move the probabilities can be compared.

    Parameters
    ----------
    target, probability
        Shape ``(n,)``: 0/1, and the probability of class 1.
    """
    order = np.argsort(probability)[::-1]
    hits = np.cumsum(target[order])
    flagged = np.arange(1, len(order) + 1)
    f1 = 2 * hits / (flagged + hits[-1])
    at_threshold = np.searchsorted(-probability[order], -F1_THRESHOLD, side="right")
    return {
        "validation_f1": float(f1[at_threshold - 1]) if at_threshold else 0.0,
        "validation_f1_best": float(f1.max()),
    }


def history_table(
    stack: FoldStack, log: EpochLog, models: Sequence[str], slots: Sequence[Slot]
) -> pd.DataFrame:
    """Give one row for each network and epoch of a stack.

    Validation figures are on the rows that the network left out of its training fold.

    Returns
    -------
    Columns ``model``, ``protocol``, ``fold``, ``member``, ``epoch`` (from 1), ``train_loss``,
    ``validation_loss``, ``seconds`` (since training began) and those of `epoch_scores`.
    """
    tables = [
        _one_network(model, slot, history)
        for model, histories in zip(models, stack.histories_, strict=True)
        for slot, history in zip(slots, histories, strict=True)
    ]
    table = pd.concat(tables, ignore_index=True)
    scores = pd.DataFrame(log.records)
    wide = scores.pivot_table(index=["member", "fold", "epoch"], columns="name", values="value")
    return table.join(wide.reset_index(drop=True)).astype(
        {"model": "category", "protocol": "category"}
    )


def _one_network(model: str, slot: Slot, history: Any) -> pd.DataFrame:
    outer = slot.encoded.outer
    return pd.DataFrame(
        {
            "model": model,
            "protocol": outer.protocol,
            "fold": np.int8(outer.fold),
            "member": np.int16(slot.member),
            "epoch": np.arange(1, len(history.train_loss) + 1, dtype=np.int16),
            "train_loss": history.train_loss,
            "validation_loss": history.validation_loss,
            "seconds": history.seconds,
        }
    )
