"""Decisions, and the model that is kept: fitted on every row, with all that scoring needs."""

import hashlib
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.exceptions import CrossfoldError
from crossfold.templates.cross_validation import parameters as given
from crossfold.templates.cross_validation.encoding import TableEncoder
from crossfold.templates.cross_validation.folds import PERMUTED, group_of_row
from crossfold.templates.cross_validation.nodes import Networks
from crossfold.templates.cross_validation.training import pooled_outputs
from crossfold.templates.parameters import TableParameters, Task
from crossfold.validation.calibration import Calibrator, calibrator_from_dict, fit_calibrator
from crossfold.validation.tables import (
    CALIBRATION,
    VALIDATION,
    concatenate,
    probabilities,
    probability_columns,
)
from crossfold.validation.thresholds import choose_threshold

_LIBRARIES = ("crossfold", "numpy", "pandas", "scikit-learn", "imbalanced-learn", "torch")
# Blocks of this size stay in the processor's cache: a third faster than one of 50,000 rows.
_ROWS_AT_ONCE = 8192


@dataclass(frozen=True)
class Decision:
    """How a fold turns the raw probability of class 1 into a calibrated one and a flag."""

    calibrator: Calibrator
    threshold: float  # the calibrated probability, in [0, 1], from which on rows are flagged

    def apply(self, raw: NDArray[np.float32]) -> pd.DataFrame:
        """Decide on rows with raw probabilities of shape ``(n,)``.

        Returns columns ``predicted`` (the more probable class), ``p1``, ``threshold`` and
        ``flagged``.
        """
        p, threshold = self.calibrator.apply(raw).astype(np.float32), np.float32(self.threshold)
        predicted = (p >= np.float32(0.5)).astype(np.int8)
        decided = {"predicted": predicted, "p1": p, "threshold": threshold}
        return pd.DataFrame({**decided, "flagged": p >= threshold})


def decide(
    fold_table: pd.DataFrame,
    decision: given.DecisionParameters,
    table_parameters: TableParameters,
    *scores: pd.DataFrame,
) -> pd.DataFrame:
    """Calibrate what all models say of their validation rows, and decide.

    Of two classes each model is calibrated, and its threshold chosen, on the rows that its members
    left out of their training. The control on permuted labels is not calibrated: the slope of a
    calibrator of noise has either sign, and folds whose rankings are turned over would be pooled
    with others. Of `scores`, the tables of `score_table` of each family of models, a table of the
    schema `crossfold.validation.schemas.PREDICTIONS` is made.
    """
    keys = ["model", "protocol", "fold"]
    tables = [
        _decide_one(rows, decision, table_parameters.task)
        for table in scores
        for _, rows in table.groupby(keys, observed=True, sort=False)
        if (rows["role"] == VALIDATION).any()
    ]
    joined = concatenate(tables)
    joined.insert(5, "group", group_of_row(fold_table)[joined["row"].to_numpy()])
    return joined


def _decide_one(rows: pd.DataFrame, decision: given.DecisionParameters, task: Task) -> pd.DataFrame:
    of_validation = (rows["role"] == VALIDATION).to_numpy()
    scored = rows[of_validation].drop(columns="role").reset_index(drop=True)
    if task == "regression":
        return scored
    if task == "multiclass":
        p = probabilities(scored, "raw_p")
        predicted = p.argmax(axis=1).astype(np.int16)
        return scored.assign(predicted=predicted, **probability_columns(p))
    if rows["protocol"].iloc[0] == PERMUTED:
        decision = decision.model_copy(update={"calibration": "none"})
    made = fit_decision(rows, decision)
    return pd.concat([scored, made.apply(scored["raw_p1"].to_numpy())], axis=1)


def fit_decision(scores: pd.DataFrame, decision: given.DecisionParameters) -> Decision:
    """Learn the decision of one model in one fold from the parts that its members left out.

    Without such rows nothing is calibrated, and the threshold is the fixed one.
    """
    left_out = scores[(scores["role"] == CALIBRATION).to_numpy()]
    raw, target = left_out["raw_p1"].to_numpy(), left_out["target"].to_numpy()
    if not len(raw):
        return Decision(fit_calibrator("none", raw, target), decision.threshold.value)
    calibrator = fit_calibrator(decision.calibration, raw, target)
    threshold = choose_threshold(target, calibrator.apply(raw), **dict(decision.threshold))
    return Decision(calibrator, threshold)


def assemble_model(
    final_networks: Networks,
    final_scores: pd.DataFrame,
    features: pd.DataFrame,
    decision: given.DecisionParameters,
    table_parameters: TableParameters,
) -> Networks:
    """Put together what scoring needs: networks, encoder, classes, and the decision.

    Networks and scores are those of `fit_final_networks`; features tell the classes' names, and, in
    their `attrs`, how they were made.
    """
    estimators, document = final_networks
    (fitted,) = document["fitted"]
    target = features[table_parameters.target]
    state = {
        "task": table_parameters.task,
        "target": table_parameters.target,
        "classes": target.cat.categories.tolist() if target.dtype == "category" else None,
        "encoder": fitted["encoder"],
        "made_with": dict(getattr(features, "attrs", {})),  # which Dask's do not have
    }
    if table_parameters.task == "binary":
        empty = pd.DataFrame({"role": [], "raw_p1": [], "target": []})
        made = fit_decision(final_scores if len(final_scores) else empty, decision)
        state |= {"calibrator": made.calibrator.to_dict(), "threshold": made.threshold}
    return estimators, state


def score(model: Networks, features: pd.DataFrame) -> pd.DataFrame:
    """Score a feature table with a final model.

    Rows are encoded and scored a block at a time, so that memory does not grow with them.

    Returns the same rows in the same order. Of two classes ``probability`` (calibrated, float32)
    and ``flagged``; of more, ``predicted`` (name of the class) and ``p_NAME`` for each; of numbers
    ``predicted``. Raises a `CrossfoldError`: the table lacks columns that the model reads.
    """
    read = TableEncoder.from_dict(model[1]["encoder"]).inputs
    if missing := [name for name in read if name not in features]:
        raise CrossfoldError(
            f"The model in use reads {', '.join(missing)}, which the rows to score do not have:"
            " give them these columns, or put a model into use that was trained without (`promote`"
            " in refresh.yml)."
        )
    starts = range(0, len(features), _ROWS_AT_ONCE)
    blocks = [_score_block(model, features.iloc[n : n + _ROWS_AT_ONCE]) for n in starts]
    return pd.concat(blocks, ignore_index=True).set_axis(features.index)


def _score_block(model: Networks, features: pd.DataFrame) -> pd.DataFrame:
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
    decided = decision.apply(outputs[:, 0])
    return decided[["p1", "flagged"]].set_axis(["probability", "flagged"], axis=1)


def write_model_card(
    model: Networks,
    features: pd.DataFrame,
    metrics: dict[str, Any],
    family: given.FamilyParameters,
    card: given.CardParameters,
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
            **dict(zip(("rows", "columns"), features.shape, strict=True)),
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
