"""Networks on all folds of all protocols: one stack for each variant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.modelling.gene_expression.parameters import (
    NetworkParameters,
    VariantParameters,
)
from crossfold.pipelines.modelling.gene_expression.preparation import (
    Inputs,
    make_preprocessor,
    make_sampler,
    selected_probes,
)
from crossfold.pipelines.modelling.gene_expression.splits import Split

if TYPE_CHECKING:
    from crossfold.mlp import EpochLog, FoldStack

Target = NDArray[np.int8]

DECISION_THRESHOLD = 0.5
_TINY = np.float32(1e-6)


def fit_stack(
    inputs: Inputs,
    aml: Target,
    pairs: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]],
    variant: VariantParameters,
    network: NetworkParameters,
    seed: int,
    callbacks: Sequence[Any] = (),
) -> FoldStack:
    """Train fresh networks on all folds at once; selection, scaling, resampling in the fold.

    Parameters
    ----------
    inputs
        What the variant's preprocessor reads, shape ``(n, width)``, float32.
    aml
        0 or 1, shape ``(n,)``.
    pairs
        Training and validation rows of each fold.
    seed
        Member ``j`` starts from ``seed + j`` in every fold.
    """
    from crossfold.mlp import FoldStack, MLPClassifier, ProgressBar

    estimator = MLPClassifier(
        **network.arguments(),
        class_weight=variant.class_weight,
        callbacks=(ProgressBar(), *callbacks),
    )
    return FoldStack(
        estimator,
        preprocessor=make_preprocessor(variant),
        sampler=make_sampler(variant.sampler, seed),
        member_params=[{"random_state": seed + member} for member in range(variant.members)],
    ).fit(inputs, aml, pairs)


def pooled_score(estimators: Sequence[Any], inputs: Inputs) -> NDArray[np.float32]:
    """Average the log odds of several networks; gives probabilities of class 1, shape ``(n,)``."""
    from scipy.special import expit, logit

    probabilities = [estimator.predict_proba(inputs)[:, 1] for estimator in estimators]
    log_odds = logit(np.clip(probabilities, _TINY, 1 - _TINY))
    return np.asarray(expit(log_odds.mean(axis=0)), dtype=np.float32)


def score_folds(stack: FoldStack, inputs: Inputs, splits: Sequence[Split]) -> list[Any]:
    """Give the scores of each fold's validation rows by that fold's networks."""
    return [
        pooled_score(members, preprocessor.transform(inputs[split.validation_rows]))
        for split, preprocessor, *members in zip(
            splits, stack.preprocessors_, *stack.estimators_, strict=True
        )
    ]


def prediction_table(
    model: str, aml: Target, splits: Sequence[Split], scores: Sequence[NDArray[np.float32]]
) -> pd.DataFrame:
    """Give one line for each fold and row that it validates.

    Returns
    -------
    Columns ``model`` and ``protocol`` (category), ``fold`` (int16), ``row`` (int32), ``target``
    (int8), ``score`` (float32, in [0, 1]) and ``flagged`` (bool): called AML.
    """
    tables = [
        pd.DataFrame(
            {
                "model": model,
                "protocol": split.protocol,
                "fold": split.fold,
                "row": split.validation_rows,
                "target": aml[split.validation_rows],
                "score": score,
                "flagged": score >= DECISION_THRESHOLD,
            }
        )
        for split, score in zip(splits, scores, strict=True)
    ]
    return pd.concat(tables, ignore_index=True).astype(
        {"model": "category", "protocol": "category", "fold": "int16", "row": "int32"}
    )


def count_errors(target: NDArray[Any], probability: NDArray[Any]) -> Mapping[str, float]:
    """Count the errors of each kind among a network's validation rows, for an `EpochLog`."""
    flagged = probability >= DECISION_THRESHOLD
    return {
        "false_positives": float((flagged & (target == 0)).sum()),
        "false_negatives": float((~flagged & (target == 1)).sum()),
    }


def history_table(
    model: str, stack: FoldStack, log: EpochLog, splits: Sequence[Split]
) -> pd.DataFrame:
    """Give one line for each network and epoch.

    Returns
    -------
    Columns ``model``, ``protocol``, ``fold``, ``member``, ``epoch`` (from 1), ``train_loss``,
    ``validation_loss``, ``false_positives`` and ``false_negatives``.
    """
    tables = [
        pd.DataFrame(
            {
                "protocol": split.protocol,
                "fold": split.fold,
                "member": member,
                "epoch": np.arange(1, len(history.train_loss) + 1),
                "train_loss": history.train_loss,
                "validation_loss": history.validation_loss,
            }
        )
        for member, histories in enumerate(stack.histories_)
        for split, history in zip(splits, histories, strict=True)
    ]
    wide = pd.DataFrame(log.records).pivot_table(
        index=["member", "fold", "epoch"], columns="name", values="value"
    )
    table = pd.concat(tables, ignore_index=True).join(wide.reset_index(drop=True))
    return table.assign(model=model).astype({"model": "category", "protocol": "category"})


def selection_table(
    model: str, stack: FoldStack, splits: Sequence[Split], probes: list[str]
) -> pd.DataFrame:
    """Give one line for each fold and probe that it chose: ``model``, ``protocol``, ``fold``."""
    tables = [
        pd.DataFrame(
            {
                "model": model,
                "protocol": split.protocol,
                "fold": split.fold,
                "probe": selected_probes(preprocessor, probes),
            }
        )
        for split, preprocessor in zip(splits, stack.preprocessors_, strict=True)
    ]
    return pd.concat(tables, ignore_index=True)
