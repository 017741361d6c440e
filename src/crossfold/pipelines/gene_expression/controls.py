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

from crossfold.pipelines.gene_expression.columns import TARGET
from crossfold.pipelines.gene_expression.parameters import ControlParameters
from crossfold.templates.cross_validation.parameters import (
    FamilyParameters,
    FoldParameters,
    Model,
)
from crossfold.templates.cross_validation.training import (
    class_separation,
    make_network,
    make_sampler,
)

Inputs = NDArray[np.float32]
Target = NDArray[np.int8]

INSIDE, BEFORE = "inside each training fold", "before the split"
SELECTION, SMOTE = "selection", "smote"
CONTROL_METRICS = ("accuracy", "balanced_accuracy", "roc_auc")
DECISION_THRESHOLD = 0.5


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

    def with_selection(self, select: int | None) -> Permuted:
        """Select probes and scale them on all rows, before anything is split."""
        chosen = make_preprocessor(select).fit_transform(self.inputs, self.aml)
        return replace(self, inputs=chosen)


def _two_parents(shares: NDArray[np.float32]) -> NDArray[np.intp]:
    """Find the two rows that a synthetic row lies between."""
    return np.argsort(shares)[-2:]


def permutations(inputs: Inputs, aml: Target, n: int, seed: int) -> Iterator[Permuted]:
    """Permute the labels `n` times; equal seeds give equal labels."""
    rng = np.random.default_rng(seed)
    return (Permuted.of(inputs, aml, rng) for _ in range(n))


def make_preprocessor(select: int | None) -> Any:
    """Make the steps before resampling, unfitted: selection and scaling, as models have them."""
    from sklearn.feature_selection import SelectKBest, VarianceThreshold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    selection = [] if select is None else [SelectKBest(class_separation, k=select)]
    return make_pipeline(VarianceThreshold(), *selection, StandardScaler())


@dataclass(frozen=True)
class CrossValidation:
    """What all controls share.

    Attributes
    ----------
    model
        The network that is trained; one in each fold.
    n_splits
        Folds of each permutation.
    seed
        Of folds, networks and samplers.
    """

    model: Model
    n_splits: int
    seed: int

    def run(
        self, name: str, when: str, tables: Sequence[Permuted], **changed: Any
    ) -> tuple[pd.DataFrame, dict[str, Any]]:
        """Cross-validate on permuted labels.

        Parameters
        ----------
        name, when
            Of the control.
        tables
            One for each permutation.
        **changed
            What the model has other than itself.

        Returns
        -------
        Columns ``control``, ``when``, ``permutation``, ``target``, ``p1`` and ``flagged``; and what
        the leak guard finds in these folds.
        """
        from crossfold.validation import assign_folds

        folds = [assign_folds(t.aml, n_splits=self.n_splits, seed=self.seed) for t in tables]
        p = self._out_of_fold(tables, folds, self.model.model_copy(update=changed))
        sizes = [len(t.aml) for t in tables]
        predictions = pd.DataFrame(
            {
                "control": name,
                "when": when,
                "permutation": np.repeat(np.arange(len(tables)), sizes),
                "target": np.concatenate([t.aml for t in tables]),
                "p1": p,
                "flagged": p >= DECISION_THRESHOLD,
            }
        )
        return predictions, {
            "control": name,
            "when": when,
            "synthetic_leaks": _guard(tables, folds),
        }

    def _out_of_fold(
        self, tables: Sequence[Permuted], folds: Sequence[NDArray[np.int8]], model: Model
    ) -> NDArray[np.float32]:
        """Train all permutations as one stack; predict each row by the fold that left it out."""
        from crossfold.mlp import FoldStack, ProgressBar
        from crossfold.validation import fold_rows

        starts = np.cumsum([0, *(len(t.aml) for t in tables)])
        network = make_network(model.network, "binary", [ProgressBar()])
        stack = FoldStack(
            network.set_params(random_state=self.seed),
            preprocessor=make_preprocessor(model.select),
            sampler=make_sampler(model.sampler, self.seed),
        ).fit(
            np.concatenate([t.inputs for t in tables]),
            np.concatenate([t.aml for t in tables]),
            [
                (train + start, validation + start)
                for start, fold in zip(starts, folds, strict=False)
                for train, validation in fold_rows(fold)
            ],
        )
        p: NDArray[np.float32] = stack.out_of_fold_[0]
        return p


def _guard(tables: Sequence[Permuted], folds: Sequence[NDArray[np.int8]]) -> int:
    """Count the synthetic rows that are validated, or train beside what they were made from."""
    from crossfold.validation import find_leaks

    found = [find_leaks(f, synthetic=t.parents) for f, t in zip(folds, tables, strict=True)]
    return int(sum(table["crossing"].sum() for table in found))


def run_controls(
    features: pd.DataFrame,
    family: FamilyParameters,
    folds: FoldParameters,
    controls: ControlParameters,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cross-validate the first network on permuted labels, soundly and with two leaks.

    Probes are selected, and synthetic patients added, inside each training fold and before the
    split.

    Returns
    -------
    Predictions of all controls, and what the leak guard finds in each.
    """
    _, model = next(iter(family))
    one = CrossValidation(model, folds.n_splits, seed)
    inputs = features.drop(columns=TARGET).to_numpy(dtype=np.float32)
    aml = features[TARGET].to_numpy()
    selected = list(permutations(inputs, aml, controls.n_permutations, seed))
    resampled = list(permutations(inputs, aml, controls.smote_permutations, seed))
    results = [
        one.run(SELECTION, INSIDE, selected),
        one.run(SELECTION, BEFORE, [t.with_selection(model.select) for t in selected], select=None),
        one.run(SMOTE, INSIDE, resampled, select=None, sampler="smote"),
        one.run(
            SMOTE, BEFORE, [t.with_smote(seed) for t in resampled], select=None, sampler="none"
        ),
    ]
    predictions, leaks = zip(*results, strict=True)
    names = {"control": "category", "when": "category"}
    return pd.concat(predictions, ignore_index=True).astype(names), pd.DataFrame(leaks)


def evaluate_controls(control_predictions: pd.DataFrame, leaks: pd.DataFrame) -> pd.DataFrame:
    """Compute the figures of the controls: the mean over permutations with its 95 % t-interval.

    Returns
    -------
    Columns ``control``, ``when``, ``metric``, ``estimate``, ``low``, ``high``, ``permutations``
    and ``synthetic_leaks`` (what the leak guard counts).
    """
    from crossfold.validation import t_interval

    keys = ["control", "when"]
    tables = []
    for names, rows in control_predictions.groupby(keys, sort=False, observed=True):
        per_permutation = pd.DataFrame(
            [_control_figures(part) for _, part in rows.groupby("permutation")]
        )
        figures = [t_interval(per_permutation[metric]) for metric in CONTROL_METRICS]
        table = pd.DataFrame(figures, columns=["estimate", "low", "high"]).assign(
            metric=CONTROL_METRICS, control=str(names[0]), when=str(names[1])
        )
        tables.append(table.assign(permutations=len(per_permutation)))
    columns = [*keys, "metric", "estimate", "low", "high", "permutations"]
    return pd.concat(tables, ignore_index=True)[columns].merge(leaks, on=keys)


def _control_figures(rows: pd.DataFrame) -> dict[str, float]:
    from crossfold.validation import binary_metrics

    metrics = binary_metrics(rows["target"], rows["p1"], rows["flagged"])
    figures = {name: float(value[0]) for name, value in metrics.items()}
    balanced = (figures["recall"] + figures["specificity"]) / 2
    return {**figures, "balanced_accuracy": balanced}
