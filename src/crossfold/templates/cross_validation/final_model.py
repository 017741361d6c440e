"""The model that is kept: fitted on every row, with all that scoring needs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

from crossfold.templates.cross_validation.decision import Decision, fit_decision
from crossfold.templates.cross_validation.encoding import TableEncoder
from crossfold.templates.cross_validation.estimators import pooled_outputs
from crossfold.templates.cross_validation.nodes import Networks
from crossfold.templates.cross_validation.parameters import (
    CardParameters,
    DecisionParameters,
    FamilyParameters,
)
from crossfold.templates.parameters import TableParameters

_LIBRARIES = ("crossfold", "numpy", "pandas", "scikit-learn", "imbalanced-learn", "torch")
# Blocks of this size stay in the processor's cache: a third faster than one of 50,000 rows.
_ROWS_AT_ONCE = 8192


def assemble_model(
    networks: Networks,
    scores: pd.DataFrame,
    features: pd.DataFrame,
    decision: DecisionParameters,
    table_parameters: TableParameters,
) -> Networks:
    """Put together what scoring needs: networks, encoder, classes, and the decision.

    Parameters
    ----------
    networks, scores
        Of `fit_final_networks`.
    features
        The feature table, for the names of the classes.
    """
    estimators, document = networks
    (fitted,) = document["fitted"]
    target = features[table_parameters.target]
    state = {
        "task": table_parameters.task,
        "target": table_parameters.target,
        "classes": target.cat.categories.tolist() if target.dtype == "category" else None,
        "encoder": fitted["encoder"],
    }
    if table_parameters.task == "binary":
        empty = pd.DataFrame({"role": [], "raw_p1": [], "target": []})
        made = fit_decision(scores if len(scores) else empty, decision)
        state |= {"calibrator": made.calibrator.to_dict(), "threshold": made.threshold}
    return estimators, state


def score(model: Networks, features: pd.DataFrame) -> pd.DataFrame:
    """Score a feature table with a final model.

    Rows are encoded and scored a block at a time, so that memory does not grow with them.

    Returns
    -------
    Same rows in the same order. Of two classes ``probability`` (calibrated, float32) and
    ``flagged``; of more, ``predicted`` (name of the class) and ``p_NAME`` for each; of numbers
    ``predicted``.
    """
    blocks = [_score_block(model, block) for block in _blocks(features)]
    return pd.concat(blocks, ignore_index=True).set_axis(features.index)


def _score_block(model: Networks, features: pd.DataFrame) -> pd.DataFrame:
    from crossfold.validation import calibrator_from_dict

    estimators, state = model
    inputs = TableEncoder.from_dict(state["encoder"]).transform(features)
    outputs = pooled_outputs(estimators, inputs, state["task"])
    if state["task"] == "regression":
        return pd.DataFrame({"predicted": outputs[:, 0]})
    if state["task"] == "multiclass":
        names = np.array(state["classes"], dtype=object)
        shares = {f"p_{name}": outputs[:, number] for number, name in enumerate(names)}
        return pd.DataFrame({"predicted": names[outputs.argmax(axis=1)], **shares})
    decision = Decision(calibrator_from_dict(state["calibrator"]), state["threshold"])
    decided = decision.apply(outputs[:, 0]).rename(columns={"p1": "probability"})
    return decided[["probability", "flagged"]]


def _blocks(features: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for start in range(0, len(features), _ROWS_AT_ONCE):
        yield features.iloc[start : start + _ROWS_AT_ONCE]


def write_model_card(
    model: Networks,
    features: pd.DataFrame,
    metrics: dict[str, Any],
    family: FamilyParameters,
    card: CardParameters,
    seed: int,
) -> dict[str, Any]:
    """Describe the final model: data, inputs, figures with intervals, threshold, use and limits."""
    name, own = next(iter(family))
    return {
        "model": name,
        "members": own.members,
        "network": own.network.model_dump(),
        "sampler": own.sampler,
        "inputs": TableEncoder.from_dict(model[1]["encoder"]).inputs,
        "threshold": model[1].get("threshold"),
        "data": {
            "rows": len(features),
            "columns": features.shape[1],
            "fingerprint": table_fingerprint(features),
        },
        "metrics": metrics.get(name, {}),
        "seed": seed,
        "versions": library_versions(),
        **card.model_dump(),
    }


def library_versions() -> dict[str, str]:
    """Look up the version of crossfold and of each numeric library, by name."""
    return {library: version(library) for library in _LIBRARIES}


def table_fingerprint(table: pd.DataFrame) -> str:
    """Compute the SHA-256 of a table's content: equal tables, equal fingerprints."""
    hashes = pd.util.hash_pandas_object(table, index=False).to_numpy()
    return hashlib.sha256(hashes.tobytes()).hexdigest()
