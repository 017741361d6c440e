"""The model that is kept: the tuned ensemble, learnt from every row."""

from __future__ import annotations

import hashlib
from typing import Any

import pandas as pd

from crossfold.pipelines.modelling.binary.cross_fitting import (
    CrossFitted,
    Decision,
    EncodedFold,
    Labelled,
    pooled_probability,
)
from crossfold.pipelines.modelling.binary.encoding import TableEncoder
from crossfold.pipelines.modelling.binary.folds import all_rows
from crossfold.pipelines.modelling.binary.networks import cross_fit_networks
from crossfold.pipelines.modelling.binary.parameters import (
    CardParameters,
    DecisionParameters,
    PreparationParameters,
    TunedParameters,
)
from crossfold.pipelines.modelling.versions import library_versions

Model = tuple[list[Any], dict[str, Any]]

_MODEL = "mlp_tuned"
# Blocks of this size stay in the processor's cache: a third faster than one of 50,000 rows.
_ROWS_AT_ONCE = 8192


def fit_final_model(
    features: pd.DataFrame,
    fold_table: pd.DataFrame,
    preparation: PreparationParameters,
    decision: DecisionParameters,
    tuned: TunedParameters,
    seed: int,
) -> Model:
    """Fit the tuned ensemble on every row, calibrated on the parts that its members leave out.

    Returns the members, and what else scoring needs as JSON values: encoder, calibrator,
    threshold.
    """
    outer = all_rows(fold_table)
    (fitted,), _ = cross_fit_networks(
        [EncodedFold.of(features, outer, preparation)],
        Labelled.of(features, fold_table, preparation.target),
        {_MODEL: tuned.network},
        decision,
        n_members=tuned.members,
        seed=seed,
    )
    return list(fitted.estimators), _scoring_state(fitted)


def _scoring_state(fitted: CrossFitted) -> dict[str, Any]:
    return {
        "encoder": fitted.encoder.to_dict(),
        "calibrator": fitted.decision.calibrator.to_dict(),
        "threshold": fitted.decision.threshold,
    }


def score(model: Model, features: pd.DataFrame) -> pd.DataFrame:
    """Score a feature table with a final model.

    Rows are encoded and scored a block at a time, so that memory does not grow with them.

    Returns
    -------
    Columns ``probability`` (calibrated, float32) and ``flagged`` (bool); same rows in the same
    order.
    """
    from crossfold.validation import calibrator_from_dict

    estimators, state = model
    encoder = TableEncoder.from_dict(state["encoder"])
    decision = Decision(calibrator_from_dict(state["calibrator"]), state["threshold"])
    blocks = [
        decision.apply(pooled_probability(estimators, encoder.transform(block)))
        for block in _blocks(features)
    ]
    return pd.concat(blocks, ignore_index=True).set_axis(features.index)


def _blocks(features: pd.DataFrame) -> list[pd.DataFrame]:
    starts = range(0, len(features), _ROWS_AT_ONCE)
    return [features.iloc[start : start + _ROWS_AT_ONCE] for start in starts]


def write_model_card(
    model: Model,
    features: pd.DataFrame,
    metrics: dict[str, Any],
    tuned: TunedParameters,
    card: CardParameters,
    seed: int,
) -> dict[str, Any]:
    """Describe the final model: data, figures with intervals, threshold, use and limits."""
    _, state = model
    return {
        "model": _MODEL,
        **tuned.model_dump(),
        "threshold": state["threshold"],
        "data": {
            "rows": len(features),
            "columns": list(features.columns),
            "fingerprint": table_fingerprint(features),
        },
        "metrics": metrics[_MODEL],
        "seed": seed,
        "versions": library_versions(),
        **card.model_dump(),
    }


def table_fingerprint(table: pd.DataFrame) -> str:
    """Give the SHA-256 of a table's content: equal tables, equal fingerprints."""
    hashes = pd.util.hash_pandas_object(table, index=False).to_numpy()
    return hashlib.sha256(hashes.tobytes()).hexdigest()
