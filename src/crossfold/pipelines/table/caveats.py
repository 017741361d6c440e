"""What should be known about a table before it is trained on, and what gives its target away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.table.kinds import INPUT_KINDS, UNIT_NOTE, as_number

if TYPE_CHECKING:
    from crossfold.pipelines.table.profile import Profile

GIVES_AWAY = "gives the target away by itself"
MOST_BINS = 200
LIMIT = 0.99
# So sure that no lucky column of a small table is suspected: k errors in n rows leave up to about
# (k + 3) / n (the rule of three, Hanley and Lippman-Hand 1983).
MOST_ERRORS, FEWEST_OF_A_CLASS = 0.05, 20

Integers = NDArray[np.intp]
FEWEST_ROWS, FOLDS = 50, 5
RARE_SHARE = 0.01
MOST_SPREADS = 1000  # interquartile ranges from the median


def find_giveaways(
    inputs: pd.DataFrame, target: pd.Series, task: str, groups: pd.Series | None
) -> dict[str, str]:
    """Predict the target from each column alone, on rows held out.

    A column is cut into bins or levels; the rows of one half say what each means, those of the
    other half are scored.

    Parameters
    ----------
    inputs
        Columns by kind, as the readers give them.
    target
        Numbers for a regression, else text. Not missing.
    task
        ``binary``, ``multiclass`` or ``regression``.
    groups
        Who must stay in one half, or None.

    Returns
    -------
    Columns that give the target away, with the evidence in words.
    """
    random = np.random.default_rng(0)
    unit = np.arange(len(target)) if groups is None else pd.factorize(groups)[0]
    train = (random.permutation(unit.max() + 1) % 2 == 0)[unit]
    bins = ((str(name), _bins(inputs[name], train)) for name in inputs.columns)
    if task == "regression":
        numbers = target.to_numpy(dtype="float64")
        told = ((name, _of_number(places, numbers, train)) for name, places in bins)
    else:
        classes = pd.factorize(target)[0]
        told = ((name, _of_class(places, classes, train)) for name, places in bins)
    return {name: evidence for name, evidence in told if evidence}


def _bins(values: pd.Series, train: NDArray[np.bool_]) -> Integers:
    """Tell the bin or level of each value, from 1; 0 is missing."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values.cat.codes.to_numpy().astype(np.intp) + 1
    if values.dtype.kind == "M":
        values = (values - values.min()).dt.total_seconds()
    numbers = values.to_numpy(dtype="float64")
    learnt = numbers[train & ~np.isnan(numbers)]
    known = np.unique(learnt)
    between = (known[1:] + known[:-1]) / 2  # a new value counts as the nearest known one
    if len(known) > MOST_BINS:
        between = np.unique(np.quantile(learnt, np.linspace(0, 1, MOST_BINS + 1)[1:-1]))
    return np.where(np.isnan(numbers), 0, np.searchsorted(between, numbers) + 1)


def _of_number(bins: Integers, y: NDArray[np.float64], train: NDArray[np.bool_]) -> str:
    n, total = _sums(bins, train, np.ones_like(y)), _sums(bins, train, y)
    mean = y[train].mean()
    predicted = np.where(n > 0, total / np.maximum(n, 1), mean)[bins[~train]]
    held_out = y[~train]
    spread = ((held_out - mean) ** 2).sum()
    r2 = 1 - ((held_out - predicted) ** 2).sum() / spread if spread else 0
    sure = r2 > LIMIT and len(held_out) >= 2 * FEWEST_OF_A_CLASS
    return f"R² {r2:.3f} on rows held out" if sure else ""


def _sums(bins: Integers, train: NDArray[np.bool_], y: NDArray[np.float64]) -> NDArray[np.float64]:
    sums = np.bincount(bins[train], weights=y[train], minlength=bins.max() + 1)
    return sums.astype(np.float64)


def _of_class(bins: Integers, y: Integers, train: NDArray[np.bool_]) -> str:
    n_classes = int(y.max()) + 1
    size = (bins.max() + 1) * n_classes
    counts = np.bincount(bins[train] * n_classes + y[train], minlength=size)
    base = np.bincount(y[train], minlength=n_classes) / train.sum()
    shares = counts.reshape(-1, n_classes) + base
    shares = shares / shares.sum(axis=1, keepdims=True)
    held_out, predicted = y[~train], shares[bins[~train]]
    right = predicted.argmax(axis=1) == held_out
    majority = float((held_out == base.argmax()).mean())
    errors = int((~right).sum())
    if errors + 3 <= MOST_ERRORS * len(right) and errors <= (1 - majority) * len(right) / 10:
        return f"accuracy {right.mean():.3f} on rows held out, {majority:.3f} by the largest class"
    if n_classes == 2 and np.bincount(held_out, minlength=2).min() >= FEWEST_OF_A_CLASS:
        auc = _auc(predicted[:, 1], held_out)
        return f"ROC-AUC {auc:.3f} on rows held out" if auc > LIMIT else ""
    return ""


def _auc(score: NDArray[np.float64], y: Integers) -> float:
    ranks = pd.Series(score).rank().to_numpy()
    n_one = int(y.sum())
    return float((ranks[y == 1].sum() - n_one * (n_one + 1) / 2) / (n_one * (len(y) - n_one)))


def find_caveats(frame: pd.DataFrame, target: pd.Series, profile: Profile) -> list[str]:
    """Warn of what makes results worse than they look, or better.

    Parameters
    ----------
    frame
        The table, missing values found.
    target
        Its target as it is read, NaN where it is missing.
    profile
        What was found out so far.

    Returns
    -------
    Sentences.
    """
    parameters = profile.parameters
    declared = [*parameters.columns, parameters.target]
    declared += [name for name in (parameters.group, parameters.time) if name]
    duplicates = int(frame.duplicated(list(dict.fromkeys(declared))).sum())
    told = [
        f"{name} {why}: it is left out. If it is known before the target, move it to `columns`."
        for name, why in parameters.left_out.items()
        if why.startswith(GIVES_AWAY)
    ]
    told += _group_warnings(frame, profile)
    told += _class_warnings(target, profile)
    if duplicates:
        told.append(f"Rows that repeat another one in every column that is used: {duplicates:,}.")
    if missing := int(target.isna().sum()):
        told.append(f"{missing:,} rows have no {parameters.target}: they go to the rejected rows.")
    if profile.n_rows < FEWEST_ROWS:
        told.append(f"{profile.n_rows} rows are too few to learn from: expect wide intervals.")
    noted = [c for c in profile.columns if c.note.startswith(UNIT_NOTE) or c.kind in INPUT_KINDS]
    return told + [f"{column.name}: {column.note}." for column in noted if column.note]


def _group_warnings(frame: pd.DataFrame, profile: Profile) -> list[str]:
    """Warn of groups that keep nothing together, and of identifiers that repeat without a group."""
    group = profile.parameters.group
    if group is not None:
        n_groups = frame[group].nunique()
        if n_groups == frame[group].notna().sum():
            return [f"{group} has another value in every row: it keeps nothing together."]
        few = f"{group} has {n_groups} values, fewer than {FOLDS} folds need."
        return [few] if n_groups < FOLDS else []
    repeated = []
    for column in profile.columns:
        n = profile.n_rows - column.missing
        if column.kind == "identifier" and column.distinct <= n - max(2, n // 100):
            repeated.append(column.name)
    if not repeated:
        return []
    return [
        f"{' and '.join(repeated)} may say who or what a row belongs to, and repeats: give --group"
        f" {repeated[0]!r}, so that its rows stay together, or results will look too good."
    ]


def _class_warnings(target: pd.Series, profile: Profile) -> list[str]:
    parameters = profile.parameters
    if parameters.task == "regression":
        numbers = as_number(target).dropna()
        top = numbers.value_counts(normalize=True)
        if top.iloc[0] > 1 - RARE_SHARE:
            return [f"{parameters.target} is nearly always {top.index[0]:g}."]
        low, middle, high = numbers.quantile([0.25, 0.5, 0.75])
        far = numbers[(numbers - middle).abs() > MOST_SPREADS * (high - low)]
        return [_far_values(parameters.target, far, middle)] if high > low and len(far) else []
    counts = target.value_counts()
    told = []
    if counts.iloc[0] / counts.sum() > 1 - RARE_SHARE:
        share = counts.iloc[0] / counts.sum()
        told.append(f"{parameters.target} is nearly constant: {share:.1%} are {counts.index[0]}.")
    rare = counts[counts < parameters.fewest_of_class]
    few = counts[(counts >= FOLDS) & (counts < 2 * FOLDS)]
    if len(rare):
        told.append(
            f"Classes with too few rows for {FOLDS} folds: {_listed(rare)}. They go to the"
            " rejected rows."
        )
    if len(few):
        told.append(f"Classes with hardly more rows than {FOLDS} folds need: {_listed(few)}.")
    return told


def _far_values(name: str, far: pd.Series, middle: float) -> str:
    return (
        f"{name} has values so far from its median of {middle:g} that they alone decide how good a"
        f" model looks: {', '.join(f'{one:g}' for one in far[:3])}{', …' * (len(far) > 3)} (rows:"
        f" {len(far):,}). Check them."
    )


def _listed(counts: pd.Series) -> str:
    return ", ".join(f"{name} ({n})" for name, n in counts.items())
