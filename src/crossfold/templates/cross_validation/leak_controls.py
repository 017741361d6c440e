"""Controls on permuted labels: nothing can be learnt, so what scores above chance is a leak.

All permutations of a control are blocks of rows in one table, so that all their folds train as
one stack.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.templates.cross_validation import parameters as given
from crossfold.templates.cross_validation.encoding import (
    fit_encoder,
    inputs_by_kind,
    target_numbers,
)
from crossfold.templates.cross_validation.history import DECISION
from crossfold.templates.cross_validation.training import (
    class_separation,
    make_network,
    make_sampler,
)
from crossfold.templates.parameters import TableParameters
from crossfold.validation.intervals import t_interval
from crossfold.validation.leak_guard import NOT_SYNTHETIC, find_leaks
from crossfold.validation.metrics import binary_metrics
from crossfold.validation.splits import assign_folds, fold_rows

INSIDE, BEFORE = "inside each training fold", "before the split"
SELECTION, SMOTE = "selection", "smote"
_METRICS = ("accuracy", "balanced_accuracy", "roc_auc")
_KEYS = ["control", "when"]


class Permuted(NamedTuple):
    """Rows with labels that say nothing of them."""

    inputs: NDArray[np.float32]  # shape ``(n, width)``
    labels: NDArray[np.int8]  # permuted, 0 or 1, shape ``(n,)``
    # rows that each synthetic row was made from, shape ``(n, 2)``, else `NOT_SYNTHETIC`
    parents: NDArray[np.intp]


def permutations(
    inputs: NDArray[np.float32], labels: NDArray[np.int8], n: int, seed: int
) -> list[Permuted]:
    """Permute the labels `n` times, row by row; equal seeds give equal labels."""
    rng, parents = np.random.default_rng(seed), np.full((len(labels), 2), NOT_SYNTHETIC)
    return [Permuted(inputs, rng.permutation(labels), parents) for _ in range(n)]


def add_synthetic(table: Permuted, seed: int) -> Permuted:
    """Add synthetic rows to the smaller class before anything is split."""
    # A row's own column of the identity follows it into the rows made from it; it moves all rows
    # equally far apart, so that their neighbours stay the same.
    n, width = table.inputs.shape
    marked = np.hstack([table.inputs, np.eye(n, dtype=table.inputs.dtype)])
    resampled, labels = make_sampler("smote", seed).fit_resample(marked, table.labels)
    parents = np.argsort(resampled[n:, width:])[:, -2:]
    return Permuted(resampled[:, :width], labels, np.vstack([table.parents, parents]))


def _preprocessor(select: int | None) -> Any:
    """Make the steps before resampling, unfitted: selection and scaling, as models have them."""
    from sklearn.feature_selection import SelectKBest, VarianceThreshold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    selection = [] if select is None else [SelectKBest(class_separation, k=select)]
    return make_pipeline(VarianceThreshold(), *selection, StandardScaler())


def run_leak_controls(
    features: pd.DataFrame,
    table_parameters: TableParameters,
    preparation: given.PreparationParameters,
    family: given.FamilyParameters,
    folds: given.FoldParameters,
    controls: given.LeakControlParameters,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cross-validate the first network of a family on permuted labels, soundly and with two leaks.

    Inputs are selected, if the network selects any, and synthetic rows added, inside each training
    fold and before the split. Labels are permuted row by row, so that groups say nothing either.

    Returns predictions of all controls: ``control``, ``when``, ``permutation``, ``target``, ``p1``
    and ``flagged``; and how many synthetic rows the leak guard finds in each.
    """
    _, model = next(iter(family))
    kinds = inputs_by_kind(features, table_parameters.target, preparation)
    inputs = fit_encoder(features, kinds, preparation, "filled").transform(features)
    labels = target_numbers(features[table_parameters.target], table_parameters)
    selected = permutations(inputs, labels, controls.n_permutations, seed)
    resampled = permutations(inputs, labels, controls.smote_permutations, seed)
    select = _preprocessor(model.select).fit_transform
    on_all_rows = [one._replace(inputs=select(one.inputs, one.labels)) for one in selected]
    runs: list[tuple[str, str, list[Permuted], dict[str, Any]]] = [
        (SELECTION, INSIDE, selected, {}),
        (SELECTION, BEFORE, on_all_rows, {"select": None}),
        (SMOTE, INSIDE, resampled, {"select": None, "sampler": "smote"}),
        (SMOTE, BEFORE, [add_synthetic(one, seed) for one in resampled],
         {"select": None, "sampler": "none"}),
    ]  # fmt: skip
    predictions, leaks = {}, []
    for control, when, tables, changed in runs if model.select else runs[2:]:
        own = model.model_copy(update=changed)
        predictions[control, when], n = _cross_validate(tables, own, folds.n_splits, seed)
        leaks.append({"control": control, "when": when, "synthetic_leaks": n})
    joined = pd.concat(predictions, names=_KEYS).reset_index(_KEYS).reset_index(drop=True)
    return joined.astype(dict.fromkeys(_KEYS, "category")), pd.DataFrame(leaks)


def _cross_validate(
    tables: Sequence[Permuted], model: given.Model, n_splits: int, seed: int
) -> tuple[pd.DataFrame, int]:
    """Train all permutations as one stack; predict each row by the fold that left it out.

    Counts too how many synthetic rows the leak guard finds that are validated, or train beside what
    they were made from.
    """
    from crossfold.mlp import FoldStack, ProgressBar

    inputs, labels = (np.concatenate([one[part] for one in tables]) for part in (0, 1))
    folds = [assign_folds(one.labels, n_splits=n_splits, seed=seed) for one in tables]
    sizes = [len(fold) for fold in folds]
    pairs = [
        (train + start, validation + start)
        for start, fold in zip(np.cumsum([0, *sizes[:-1]]), folds, strict=True)
        for train, validation in fold_rows(fold)
    ]
    network = make_network(model.network, "binary", [ProgressBar()])
    stack = FoldStack(
        network.set_params(random_state=seed),
        preprocessor=_preprocessor(model.select),
        sampler=make_sampler(model.sampler, seed),
    ).fit(inputs, labels, pairs)
    p = stack.out_of_fold_[0]
    said = {"permutation": np.repeat(np.arange(len(tables)), sizes), "target": labels, "p1": p}
    found = [
        find_leaks(fold, synthetic=one.parents)["crossing"].sum()
        for fold, one in zip(folds, tables, strict=True)
    ]
    return pd.DataFrame({**said, "flagged": p >= DECISION}), int(sum(found))


def evaluate_leak_controls(
    control_predictions: pd.DataFrame, control_leaks: pd.DataFrame
) -> pd.DataFrame:
    """Compute the figures of the controls: the mean over permutations with its 95 % t-interval.

    Returns columns ``control``, ``when``, ``metric``, ``estimate``, ``low``, ``high``,
    ``permutations`` and ``synthetic_leaks`` (what the leak guard counts).
    """
    rows = []
    for names, part in control_predictions.groupby(_KEYS, sort=False, observed=True):
        found = pd.DataFrame([_figures(one) for _, one in part.groupby("permutation")])
        rows += [(*names, metric, *t_interval(found[metric]), len(found)) for metric in found]
    columns = [*_KEYS, "metric", "estimate", "low", "high", "permutations"]
    return pd.DataFrame(rows, columns=columns).merge(control_leaks, on=_KEYS)


def _figures(rows: pd.DataFrame) -> dict[str, float]:
    own = binary_metrics(rows["target"], rows["p1"], rows["flagged"])
    figures = {**own, "balanced_accuracy": (own["recall"] + own["specificity"]) / 2}
    return {name: float(figures[name][0]) for name in _METRICS}
