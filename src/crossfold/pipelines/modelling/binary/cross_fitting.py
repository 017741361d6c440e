"""Cross-validate models with encoding, calibration and threshold fitted inside each fold.

A *single* model learns from all parts of its training fold but one, which calibrates it and sets
its threshold. An *ensemble* has several members, each of which leaves out another part: together
the parts are out-of-fold predictions for the training fold, and nothing is wasted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.modelling.binary.encoding import Encoded, TableEncoder, fit_encoder
from crossfold.pipelines.modelling.binary.folds import OuterFold
from crossfold.pipelines.modelling.binary.parameters import (
    DecisionParameters,
    PreparationParameters,
)

if TYPE_CHECKING:
    from crossfold.validation import Calibrator

Probabilities = NDArray[np.float32]

_TINY = np.float32(1e-6)


@dataclass(frozen=True)
class Decision:
    """How a fold turns a model's output into a probability and a flag.

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
        cls, raw: Probabilities, target: NDArray[Any], parameters: DecisionParameters
    ) -> Decision:
        """Learn from predictions for training rows that the model did not learn from."""
        from crossfold.validation import choose_threshold, fit_calibrator

        calibrator = fit_calibrator(parameters.calibration, raw, target)
        calibrated = calibrator.apply(raw)
        return cls(calibrator, choose_threshold(target, calibrated, **dict(parameters.threshold)))

    def apply(self, raw: Probabilities) -> pd.DataFrame:
        """Give ``probability`` and ``flagged`` for raw probabilities of shape ``(n,)``."""
        probability = self.calibrator.apply(raw).astype(np.float32)
        return pd.DataFrame(
            {"probability": probability, "flagged": probability >= np.float32(self.threshold)}
        )


@dataclass(frozen=True)
class EncodedFold:
    """An outer fold with the table as its encoder sees it.

    Attributes
    ----------
    outer
        The fold.
    encoder
        Fitted on its training rows.
    inputs
        All rows of the table, shape ``(n, width)``, float32.
    """

    outer: OuterFold
    encoder: TableEncoder
    inputs: Encoded

    @classmethod
    def of(
        cls, features: pd.DataFrame, outer: OuterFold, preparation: PreparationParameters
    ) -> EncodedFold:
        """Fit the encoder on the training rows of a feature table and encode all its rows."""
        encoder = fit_encoder(features.iloc[outer.train_rows], preparation)
        return cls(outer, encoder, encoder.transform(features))


@dataclass(frozen=True)
class Labelled:
    """What training reads of every row beside its inputs.

    Attributes
    ----------
    target
        0 or 1, shape ``(n,)``, int8.
    part
        Part that calibration leaves out together, shape ``(n,)``, int8.
    """

    target: NDArray[np.int8]
    part: NDArray[np.int8]

    @classmethod
    def of(cls, features: pd.DataFrame, folds: pd.DataFrame, target: str) -> Labelled:
        """Read the target of a feature table and the part of a fold table."""
        return cls(features[target].to_numpy(dtype=np.int8), folds["part"].to_numpy())


@dataclass(frozen=True)
class CrossFitted:
    """What one model learnt in one outer fold.

    Attributes
    ----------
    model
        Name of the model.
    outer
        The fold.
    encoder
        Fitted on the fold's training rows.
    estimators
        The members, one for a single model.
    decision
        Calibrator and threshold.
    """

    model: str
    outer: OuterFold
    encoder: TableEncoder
    estimators: Sequence[Any]
    decision: Decision


def predict_validation(
    fitted: CrossFitted, encoded: EncodedFold, labelled: Labelled
) -> pd.DataFrame:
    """Score the validation rows of an outer fold; see `prediction_table`."""
    rows = encoded.outer.validation_rows
    raw = pooled_probability(fitted.estimators, encoded.inputs[rows])
    return prediction_table(fitted.model, encoded.outer, labelled, raw, fitted.decision)


def positive_probability(estimator: Any, inputs: Encoded) -> Probabilities:
    """Give an estimator's probability of class 1, shape ``(n,)``, float32."""
    return np.asarray(estimator.predict_proba(inputs)[:, 1], dtype=np.float32)


def pooled_probability(estimators: Sequence[Any], inputs: Encoded) -> Probabilities:
    """Pool the members' probabilities of class 1, shape ``(n,)``, float32.

    The mean is taken of the log odds, where calibrators work too; that of the probabilities
    themselves would pull every prediction towards the middle (Ranjan and Gneiting 2010).
    """
    from scipy.special import expit, logit

    log_odds = np.zeros(len(inputs), dtype=np.float32)
    for estimator in estimators:
        probability = positive_probability(estimator, inputs)
        log_odds += logit(np.clip(probability, _TINY, 1 - _TINY))
    return np.asarray(expit(log_odds / np.float32(len(estimators))))


def prediction_table(
    model: str, outer: OuterFold, labelled: Labelled, raw: Probabilities, decision: Decision
) -> pd.DataFrame:
    """Give one row for each validation row of a fold: target, probabilities, flag.

    The target is the one that the model was to learn: under permuted labels, the permuted one.
    """
    return pd.DataFrame(
        {
            "model": model,
            "protocol": outer.protocol,
            "row": outer.validation_rows.astype(np.int32),
            "fold": np.int8(outer.fold),
            "target": labelled.target[outer.validation_rows],
            "raw_probability": raw,
            "threshold": np.float32(decision.threshold),
            **decision.apply(raw),
        }
    ).astype({"model": "category", "protocol": "category"})
