"""Controls on permuted labels: nothing can be learnt, so what scores above chance is a leak.

All permutations of a control are blocks of rows in one table, so that all their folds train as
one stack.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import PositiveInt

from crossfold.pipelines.gene_expression.nodes import TARGET
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
from crossfold.templates.parameters import Parameters

INSIDE, BEFORE = "inside each training fold", "before the split"
SELECTION, SMOTE = "selection", "smote"
CONTROL_METRICS = ("accuracy", "balanced_accuracy", "roc_auc")
DECISION_THRESHOLD = 0.5


class ControlParameters(Parameters):
    """Controls on permuted labels, where nothing can be learnt.

    Attributes
    ----------
    n_permutations
        How often labels are permuted.
    smote_permutations
        The same for the controls of SMOTE, whose networks read all probes.
    """

    n_permutations: PositiveInt = 20
    smote_permutations: PositiveInt = 5


class Permuted(NamedTuple):
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

    inputs: NDArray[np.float32]
    aml: NDArray[np.int8]
    parents: NDArray[np.intp]

    def with_smote(self, seed: int) -> Permuted:
        """Add synthetic patients to the smaller class before anything is split."""
        # A row's own column of the identity follows it into the rows made from it; it moves all
        # rows equally far apart, so that their neighbours stay the same.
        n, width = self.inputs.shape
        marked = np.hstack([self.inputs, np.eye(n, dtype=self.inputs.dtype)])
        resampled, aml = make_sampler("smote", seed).fit_resample(marked, self.aml)
        parents = np.argsort(resampled[n:, width:])[:, -2:]
        return Permuted(resampled[:, :width], aml, np.vstack([self.parents, parents]))

    def with_selection(self, select: int | None) -> Permuted:
        """Select probes and scale them on all rows, before anything is split."""
        chosen = make_preprocessor(select).fit_transform(self.inputs, self.aml)
        return self._replace(inputs=chosen)


def permutations(
    inputs: NDArray[np.float32], aml: NDArray[np.int8], n: int, seed: int
) -> list[Permuted]:
    """Permute the labels `n` times; equal seeds give equal labels."""
    from crossfold.validation import NOT_SYNTHETIC, permute_labels

    rng, parents = np.random.default_rng(seed), np.full((len(aml), 2), NOT_SYNTHETIC)
    return [Permuted(inputs, permute_labels(aml, rng), parents) for _ in range(n)]


def make_preprocessor(select: int | None) -> Any:
    """Make the steps before resampling, unfitted: selection and scaling, as models have them."""
    from sklearn.feature_selection import SelectKBest, VarianceThreshold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    selection = [] if select is None else [SelectKBest(class_separation, k=select)]
    return make_pipeline(VarianceThreshold(), *selection, StandardScaler())


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
    Predictions of all controls: ``control``, ``when``, ``permutation``, ``target``, ``p1`` and
    ``flagged``; and what the leak guard finds in each.
    """
    _, model = next(iter(family))
    inputs = features.drop(columns=TARGET).to_numpy(dtype=np.float32)
    aml = features[TARGET].to_numpy()
    selected = permutations(inputs, aml, controls.n_permutations, seed)
    resampled = permutations(inputs, aml, controls.smote_permutations, seed)
    plain: dict[str, Any] = {"select": None}
    runs: list[tuple[str, str, list[Permuted], dict[str, Any]]] = [
        (SELECTION, INSIDE, selected, {}),
        (SELECTION, BEFORE, [one.with_selection(model.select) for one in selected], plain),
        (SMOTE, INSIDE, resampled, {**plain, "sampler": "smote"}),
        (SMOTE, BEFORE, [one.with_smote(seed) for one in resampled], {**plain, "sampler": "none"}),
    ]
    predictions, leaks = [], []
    for control, when, tables, changed in runs:
        changed_model = model.model_copy(update=changed)
        said, crossing = _cross_validate(tables, changed_model, folds.n_splits, seed)
        predictions.append(said.assign(control=control, when=when))
        leaks.append({"control": control, "when": when, "synthetic_leaks": crossing})
    joined = pd.concat(predictions, ignore_index=True)
    keys = ["control", "when"]
    joined = joined[[*keys, *joined.columns.drop(keys)]].astype(dict.fromkeys(keys, "category"))
    return joined, pd.DataFrame(leaks)


def _cross_validate(
    tables: Sequence[Permuted], model: Model, n_splits: int, seed: int
) -> tuple[pd.DataFrame, int]:
    """Train all permutations as one stack; predict each row by the fold that left it out.

    Returns
    -------
    The predictions, and how many synthetic rows the leak guard finds that are validated, or train
    beside what they were made from.
    """
    from crossfold.mlp import FoldStack, ProgressBar
    from crossfold.validation import assign_folds, find_leaks, fold_rows

    folds = [assign_folds(one.aml, n_splits=n_splits, seed=seed) for one in tables]
    sizes = [len(one.aml) for one in tables]
    target = np.concatenate([one.aml for one in tables])
    network = make_network(model.network, "binary", [ProgressBar()])
    stack = FoldStack(
        network.set_params(random_state=seed),
        preprocessor=make_preprocessor(model.select),
        sampler=make_sampler(model.sampler, seed),
    ).fit(
        np.concatenate([one.inputs for one in tables]),
        target,
        [
            (train + start, validation + start)
            for start, fold in zip(np.cumsum([0, *sizes[:-1]]), folds, strict=True)
            for train, validation in fold_rows(fold)
        ],
    )
    p = stack.out_of_fold_[0]
    said = {"permutation": np.repeat(np.arange(len(tables)), sizes), "target": target, "p1": p}
    found = [
        find_leaks(fold, synthetic=one.parents)["crossing"].sum()
        for fold, one in zip(folds, tables, strict=True)
    ]
    return pd.DataFrame({**said, "flagged": p >= DECISION_THRESHOLD}), int(sum(found))


def evaluate_controls(control_predictions: pd.DataFrame, leaks: pd.DataFrame) -> pd.DataFrame:
    """Compute the figures of the controls: the mean over permutations with its 95 % t-interval.

    Returns
    -------
    Columns ``control``, ``when``, ``metric``, ``estimate``, ``low``, ``high``, ``permutations``
    and ``synthetic_leaks`` (what the leak guard counts).
    """
    from crossfold.validation import t_interval

    keys, rows = ["control", "when"], []
    for names, part in control_predictions.groupby(keys, sort=False, observed=True):
        found = pd.DataFrame([_control_figures(one) for _, one in part.groupby("permutation")])
        rows += [(*names, metric, *t_interval(found[metric]), len(found)) for metric in found]
    columns = [*keys, "metric", "estimate", "low", "high", "permutations"]
    return pd.DataFrame(rows, columns=columns).merge(leaks, on=keys)


def _control_figures(rows: pd.DataFrame) -> dict[str, float]:
    from crossfold.validation import binary_metrics

    own = binary_metrics(rows["target"], rows["p1"], rows["flagged"])
    balanced = (own["recall"] + own["specificity"]) / 2
    figures = {**own, "balanced_accuracy": balanced}
    return {name: float(figures[name][0]) for name in CONTROL_METRICS}
