"""Controls on permuted labels: nothing can be learnt, so what scores above chance is a leak.

All permutations of a control are blocks of rows in one table, so that all their folds train as
one stack.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.modelling.gene_expression.networks import (
    DECISION_THRESHOLD,
    Target,
    fit_stack,
)
from crossfold.pipelines.modelling.gene_expression.parameters import (
    NetworkParameters,
    VariantParameters,
)
from crossfold.pipelines.modelling.gene_expression.preparation import (
    Inputs,
    make_preprocessor,
    make_sampler,
)

INSIDE, BEFORE = "inside each training fold", "before the split"
SELECTION, SMOTE = "selection", "smote"
ALL_PROBES = VariantParameters(n_probes="all")


@dataclass(frozen=True)
class Permuted:
    """Patients with labels that say nothing of them.

    Attributes
    ----------
    inputs
        Shape ``(rows, width)``.
    aml
        Permuted labels, shape ``(rows,)``.
    parents
        Rows that each synthetic row was made from, shape ``(rows, 2)``, else `NOT_SYNTHETIC`.
    """

    inputs: Inputs
    aml: Target
    parents: NDArray[np.intp]

    @classmethod
    def of(cls, inputs: Inputs, aml: Target, rng: np.random.Generator) -> Permuted:
        """Permute the labels."""
        from crossfold.validation import NOT_SYNTHETIC, permute_labels

        return cls(inputs, permute_labels(aml, rng), np.full((len(aml), 2), NOT_SYNTHETIC))

    def with_smote(self, seed: int) -> Permuted:
        """Add synthetic patients to the smaller class before anything is split."""
        # A row's own column of the identity follows it into the rows made from it; it moves all
        # rows equally far apart, so that their neighbours stay the same.
        n, width = self.inputs.shape
        marked = np.hstack([self.inputs, np.eye(n, dtype=self.inputs.dtype)])
        resampled, aml = make_sampler("smote", seed).fit_resample(marked, self.aml)
        parents = np.array([_two_parents(row) for row in resampled[n:, width:]])
        return Permuted(resampled[:, :width], aml, np.vstack([self.parents, parents]))

    def with_selection(self, variant: VariantParameters) -> Permuted:
        """Select probes and scale them on all rows, before anything is split."""
        chosen = make_preprocessor(variant).fit_transform(self.inputs, self.aml)
        return replace(self, inputs=chosen)


def _two_parents(shares: NDArray[np.float32]) -> NDArray[np.intp]:
    """Give the two rows that a synthetic row lies between."""
    return np.argsort(shares)[-2:]


def permutations(inputs: Inputs, aml: Target, n: int, seed: int) -> Iterator[Permuted]:
    """Permute the labels `n` times; equal seeds give equal labels."""
    rng = np.random.default_rng(seed)
    return (Permuted.of(inputs, aml, rng) for _ in range(n))


def run_control(
    name: str,
    when: str,
    tables: Sequence[Permuted],
    variant: VariantParameters,
    network: NetworkParameters,
    n_splits: int,
    seed: int,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Cross-validate a variant on permuted labels.

    Returns
    -------
    Columns ``control``, ``when``, ``permutation``, ``target``, ``score`` and ``flagged``; and what
    the leak guard finds in these folds.
    """
    from crossfold.validation import assign_folds, fold_rows

    fold_of_row = [assign_folds(t.aml, n_splits=n_splits, seed=seed) for t in tables]
    starts = np.cumsum([0, *(len(t.aml) for t in tables)])
    pairs = [
        (train + start, validation + start)
        for start, fold in zip(starts, fold_of_row, strict=False)
        for train, validation in fold_rows(fold)
    ]
    aml = np.concatenate([t.aml for t in tables])
    inputs = np.concatenate([t.inputs for t in tables])
    stack = fit_stack(inputs, aml, pairs, variant, network, seed)
    score = stack.out_of_fold_[0]
    predictions = pd.DataFrame(
        {
            "control": name,
            "when": when,
            "permutation": np.repeat(np.arange(len(tables)), np.diff(starts)),
            "target": aml,
            "score": score,
            "flagged": score >= DECISION_THRESHOLD,
        }
    )
    found = _guard(tables, fold_of_row)
    return predictions, {"control": name, "when": when, "synthetic_leaks": found}


def _guard(tables: Sequence[Permuted], folds: Sequence[NDArray[np.int8]]) -> int:
    """Count the synthetic rows that are validated, or train beside what they were made from."""
    from crossfold.validation import find_leaks

    found = [find_leaks(f, synthetic=t.parents) for f, t in zip(folds, tables, strict=True)]
    return int(sum(table["crossing"].sum() for table in found))


def selection_controls(
    inputs: Inputs,
    aml: Target,
    variant: VariantParameters,
    network: NetworkParameters,
    *,
    n_permutations: int,
    n_splits: int,
    seed: int,
) -> list[tuple[pd.DataFrame, dict[str, Any]]]:
    """Select probes inside each training fold, and before the split."""
    sound = list(permutations(inputs, aml, n_permutations, seed))
    leaky = [table.with_selection(variant) for table in sound]
    rest = (network, n_splits, seed)
    return [
        run_control(SELECTION, INSIDE, sound, variant, *rest),
        run_control(SELECTION, BEFORE, leaky, ALL_PROBES, *rest),
    ]


def smote_controls(
    inputs: Inputs,
    aml: Target,
    network: NetworkParameters,
    *,
    n_permutations: int,
    n_splits: int,
    seed: int,
) -> list[tuple[pd.DataFrame, dict[str, Any]]]:
    """Add synthetic patients inside each training fold, and before the split."""
    sound = list(permutations(inputs, aml, n_permutations, seed))
    leaky = [table.with_smote(seed) for table in sound]
    rest = (network, n_splits, seed)
    with_sampler = ALL_PROBES.model_copy(update={"sampler": "smote"})
    return [
        run_control(SMOTE, INSIDE, sound, with_sampler, *rest),
        run_control(SMOTE, BEFORE, leaky, ALL_PROBES, *rest),
    ]
