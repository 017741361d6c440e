"""From what models say to calibrated probabilities and decisions: learnt after training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.templates.cross_validation.folds import PERMUTED, group_of_row
from crossfold.templates.cross_validation.parameters import DecisionParameters
from crossfold.templates.parameters import TableParameters, Task
from crossfold.validation.tables import (
    CALIBRATION,
    VALIDATION,
    concatenate,
    probabilities,
    probability_columns,
)

if TYPE_CHECKING:
    from crossfold.validation import Calibrator


@dataclass(frozen=True)
class Decision:
    """How a fold turns the raw probability of class 1 into a calibrated one and a flag.

    Attributes
    ----------
    calibrator
        Maps raw to calibrated probabilities.
    threshold
        Rows with a calibrated probability of at least this are flagged, in [0, 1].
    """

    calibrator: Calibrator
    threshold: float

    @classmethod
    def fit(
        cls, raw: NDArray[np.float32], target: NDArray[Any], parameters: DecisionParameters
    ) -> Decision:
        """Learn from predictions for training rows that the model did not learn from.

        Without such rows nothing is calibrated, and the threshold is the fixed one.
        """
        from crossfold.validation import choose_threshold, fit_calibrator

        if not len(raw):
            return cls(fit_calibrator("none", raw, target), parameters.threshold.value)
        calibrator = fit_calibrator(parameters.calibration, raw, target)
        calibrated = calibrator.apply(raw)
        return cls(calibrator, choose_threshold(target, calibrated, **dict(parameters.threshold)))

    def apply(self, raw: NDArray[np.float32]) -> pd.DataFrame:
        """Decide on rows with raw probabilities of shape ``(n,)``.

        Returns
        -------
        Columns ``predicted`` (the more probable class), ``p1``, ``threshold`` and ``flagged``.
        """
        p = self.calibrator.apply(raw).astype(np.float32)
        return pd.DataFrame(
            {
                "predicted": (p >= np.float32(0.5)).astype(np.int8),
                "p1": p,
                "threshold": np.float32(self.threshold),
                "flagged": p >= np.float32(self.threshold),
            }
        )


def decide(
    fold_table: pd.DataFrame,
    decision: DecisionParameters,
    table_parameters: TableParameters,
    *scores: pd.DataFrame,
) -> pd.DataFrame:
    """Calibrate what all models say of their validation rows, and decide.

    Of two classes each model is calibrated, and its threshold chosen, on the rows that its members
    left out of their training. The control on permuted labels is not calibrated: the slope of a
    calibrator of noise has either sign, and folds whose rankings are turned over would be pooled
    with others.

    Parameters
    ----------
    scores
        Tables of `score_table`, one for each family of models.

    Returns
    -------
    A table of the schema `crossfold.validation.schemas.PREDICTIONS`.
    """
    keys = ["model", "protocol", "fold"]
    tables = [
        _decide_one(rows, decision, table_parameters.task)
        for table in scores
        for _, rows in table.groupby(keys, observed=True, sort=False)
        if (rows["role"] == VALIDATION).any()
    ]
    joined = concatenate(tables)
    group = group_of_row(fold_table)
    joined.insert(5, "group", group[joined["row"].to_numpy()])
    return joined


def _decide_one(rows: pd.DataFrame, decision: DecisionParameters, task: Task) -> pd.DataFrame:
    """Decide for one model in one fold."""
    of_validation = (rows["role"] == VALIDATION).to_numpy()
    scored = rows[of_validation].drop(columns="role").reset_index(drop=True)
    if task == "regression":
        return scored
    if task == "multiclass":
        p = probabilities(scored, "raw_p")
        named = probability_columns(p)
        return scored.assign(predicted=p.argmax(axis=1).astype(np.int16), **named)
    if rows["protocol"].iloc[0] == PERMUTED:
        decision = decision.model_copy(update={"calibration": "none"})
    made = fit_decision(rows, decision)
    return pd.concat([scored, made.apply(scored["raw_p1"].to_numpy())], axis=1)


def fit_decision(scores: pd.DataFrame, decision: DecisionParameters) -> Decision:
    """Learn the decision of one model in one fold from the parts that its members left out."""
    left_out = scores[(scores["role"] == CALIBRATION).to_numpy()]
    return Decision.fit(left_out["raw_p1"].to_numpy(), left_out["target"].to_numpy(), decision)
