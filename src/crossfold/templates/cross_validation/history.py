"""The training history of a stack as one tidy table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from crossfold.mlp import EpochLog, FoldStack

F1_THRESHOLD = 0.4
DECISION = 0.5
_AVERAGED = ["train_loss", "train_accuracy", "train_f1"]
_ADDED = ["validation_loss", "false_positives", "false_negatives"]


def binary_scores(target: NDArray[Any], probability: NDArray[Any]) -> dict[str, float]:
    """Measure F1 (`f1_scores`), and count the errors of each kind, which can be added over folds.

    `target` is 0/1 and `probability` that of class 1, shape ``(n,)``.
    """
    flagged = probability >= DECISION
    return {
        **f1_scores(target, probability),
        "false_positives": float((flagged & (target == 0)).sum()),
        "false_negatives": float((~flagged & (target == 1)).sum()),
    }


def train_scores(target: NDArray[Any], probability: NDArray[Any]) -> dict[str, float]:
    """Measure accuracy and F1 of training rows at a probability of 0.5; see `binary_scores`."""
    flagged, positive = probability >= DECISION, target == 1
    both = flagged.sum() + positive.sum()
    f1 = 2 * (flagged & positive).sum() / both if both else 0.0
    return {"train_accuracy": float((flagged == positive).mean()), "train_f1": float(f1)}


def f1_scores(target: NDArray[Any], probability: NDArray[Any]) -> dict[str, float]:
    """Compute the F1 of one epoch at a fixed threshold, and at the best one.

    The fixed threshold is the customary one of the source reports; the best is what F1 could be
    at most, so that losses which move the probabilities can be compared. See `binary_scores`.
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
    stack: FoldStack,
    log: EpochLog | None,
    models: Sequence[str],
    slots: Sequence[tuple[str, int, int]],
) -> pd.DataFrame:
    """Arrange what was measured after every epoch of every network of a stack.

    Validation figures are on the rows that follow the network's training. `log` is that of the
    fitted stack, if it had one; `models` are the names of its members, and `slots` the protocol,
    number of the fold and member of each of its folds.

    Returns a table of the schema `crossfold.validation.schemas.HISTORY`, with the measures
    ``train_loss``, ``validation_loss``, ``validation_score`` (accuracy, or R² of numbers),
    ``seconds`` (since training began) and those of `binary_scores`.
    """
    of_stack = [
        _curves(history).assign(member=member, fold=number)
        for member, histories in enumerate(stack.histories_)
        for number, history in enumerate(histories)
    ]
    records = pd.DataFrame(log.records if log else []).rename(columns={"name": "measure"})
    table = pd.concat([*of_stack, records], ignore_index=True)
    places = pd.DataFrame(slots, columns=["protocol", "fold", "member"])
    own = places.iloc[table["fold"]].reset_index(drop=True)
    own.insert(0, "model", np.array(models, dtype=object)[table["member"]])
    numbers = {"fold": np.int16, "member": np.int16, "epoch": np.int32, "value": np.float64}
    names = dict.fromkeys(("model", "protocol", "measure"), "category")
    return own.join(table[["epoch", "measure", "value"]]).astype({**numbers, **names})


def _curves(history: Any) -> pd.DataFrame:
    names = ("train_loss", "validation_loss", "validation_score", "seconds")
    curves = {name: getattr(history, name) for name in names}
    wide = pd.DataFrame({name: values for name, values in curves.items() if len(values)})
    wide.insert(0, "epoch", range(1, len(wide) + 1))
    return wide.melt(id_vars="epoch", var_name="measure", value_name="value")


def pool_epochs(history: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """Pool each epoch of two-class networks over all folds of a protocol.

    Predictions give each fold's number of patients and of positives.

    Returns columns ``model``, ``protocol``, ``epoch``, ``measure`` (``train_`` or ``validation_``
    before ``loss``, ``accuracy`` or ``f1``), ``estimate`` (mean over members), ``low`` and ``high``
    (their range), ``folds``. Of training rows, figures are means over folds; of validation rows,
    losses are means over patients, and accuracy and F1 are counted over all folds' patients.
    """
    keys, by = ["model", "protocol", "fold"], ["model", "protocol", "member", "epoch"]
    sizes = predictions.groupby(keys, observed=True)["target"].agg(n="size", positives="sum")
    chosen = history[history["measure"].isin([*_ADDED, *_AVERAGED])].astype({"measure": "str"})
    wide = chosen.pivot_table("value", [*by, "fold"], "measure", observed=True)
    table = wide.reset_index().merge(sizes.reset_index(), on=keys)
    table["validation_loss"] *= table["n"]
    averaged = [name for name in _AVERAGED if name in table]
    added = dict.fromkeys([*_ADDED, "n", "positives"], "sum")
    how = {**dict.fromkeys(averaged, "mean"), **added, "fold": "size"}
    sums = table.groupby(by, observed=True).agg(how).rename(columns={"fold": "folds"})
    wrong = sums["false_positives"] + sums["false_negatives"]
    hits = sums["positives"] - sums["false_negatives"]
    sums["validation_loss"] /= sums["n"]
    sums["validation_accuracy"] = 1 - wrong / sums["n"]
    sums["validation_f1"] = 2 * hits / (2 * hits + wrong)
    measures = [*averaged, "validation_loss", "validation_accuracy", "validation_f1"]
    long = sums.reset_index().melt([*by, "folds"], measures, "measure")
    of_members = long.groupby(["model", "protocol", "epoch", "measure", "folds"], observed=True)
    return of_members["value"].agg(estimate="mean", low="min", high="max").reset_index()
