"""What decides each claim of the leukaemia study's source."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.gene_expression.audit.training import (
    DOWN_SAMPLED,
    ORIGINAL,
    PERMUTED,
    SMOTE,
    SWITCHES,
)
from crossfold.templates.audit import Claims, Measured, exact, from_interval, resampled, share_of
from crossfold.templates.audit.measured import effect
from crossfold.templates.cross_validation.folds import K_FOLD, LEAVE_ONE_OUT, ORIGINAL_SPLIT
from crossfold.validation.intervals import GroupBootstrap, percentile_interval
from crossfold.validation.metrics import binary_metrics

# The sound study's networks that stand for the audit's.
STUDY_MODELS = {ORIGINAL: "mlp", DOWN_SAMPLED: "mlp_down_sampled", SMOTE: "mlp_smote"}
SOURCE_SHAPE = "mlp_all_probes"
Array = NDArray[Any]


@dataclass(frozen=True)
class Case:
    """What one setup shows: its runs by subject, a row for each draw or fold and epoch.

    With `is_study` (without faults, where no single fault is compared) the sound study speaks, by
    its `predictions`. `n_resamples` and `seed` are of the bootstrap.
    """

    is_study: bool
    runs: Callable[[str], pd.DataFrame]
    predictions: pd.DataFrame
    n_resamples: int
    seed: int

    def last(self, subject: str) -> pd.DataFrame:
        """Take the last epoch of every draw or fold."""
        table = self.runs(subject)
        last: pd.DataFrame = table[table["epoch"] == table["epoch"].max()].sort_values("fold")
        return last

    def study(self, model: str, protocol: str = K_FOLD) -> pd.DataFrame:
        """Take the sound study's predictions of a model, and whether they are ``right``."""
        table = self.predictions
        own = table[(table["model"] == model) & (table["protocol"] == protocol)]
        return own.assign(right=own["flagged"] == (own["target"] == 1))

    def bootstrap(self, values: Array) -> Array:
        """Resample values, a row each time, alike for all that have as many."""
        return np.random.default_rng(self.seed).choice(values, (self.n_resamples, len(values)))

    def over(self, values: Array) -> Measured:
        """Measure a mean over draws with its bootstrap interval."""
        return resampled(values.mean(), self.bootstrap(values).mean(axis=1), len(values))

    def of_patients(self, rows: pd.DataFrame, figure: Callable[[Any], Array]) -> Measured:
        """Measure a figure of metrics of predictions, patients drawn as wholes."""
        y, p, flagged = (rows[name].to_numpy() for name in ("target", "p1", "flagged"))
        bootstrap = GroupBootstrap(rows["row"], self.n_resamples, self.seed)
        estimate = float(figure(binary_metrics(y, p, flagged))[0])
        drawn = figure(binary_metrics(y, p, flagged, bootstrap))
        return resampled(estimate, drawn, rows["row"].nunique())


def score(case: Case, table: str, metric: str = "f1") -> Measured:
    """Measure a metric of a table: of the sound study, else over draws, their mean and range."""
    if case.is_study:
        rows = case.study(STUDY_MODELS[table]).sort_values(["row", "fold"])
        if metric == "balanced_accuracy":
            return case.of_patients(rows, lambda own: (own["recall"] + own["specificity"]) / 2)
        return case.of_patients(rows, itemgetter(metric))
    values = case.last(table)[metric].to_numpy()
    low, high = percentile_interval(values)
    return replace(case.over(values), low=low, high=high)


def gain(case: Case, tables: Sequence[str], metric: str = "f1") -> Measured:
    """Measure a metric with resampling minus without, the mean over tables, in pairs."""
    if case.is_study:
        before, *after = (score(case, table, metric) for table in (ORIGINAL, *tables))
        estimate = float(np.mean([one.estimate for one in after])) - before.estimate
        drawn = np.mean([np.asarray(one.draws) for one in after], axis=0)
        return resampled(estimate, drawn - before.draws, before.n)
    without, *values = (case.last(table)[metric].to_numpy() for table in (ORIGINAL, *tables))
    return case.over(np.mean(values, axis=0) - without)


def accuracy(case: Case, protocol: str) -> Measured:
    """Measure the share of patients called rightly by the networks that validate them."""
    if case.is_study and protocol != PERMUTED:
        rows = case.study(SOURCE_SHAPE, protocol)
        n = rows["row"].nunique()
        return share_of(float(rows["right"].mean()) * n, n)
    folds = case.last(protocol)
    return share_of(float(folds["right"].sum()), int(folds["n"].sum()))


def epochs_saved(case: Case, table: str) -> Measured:
    """Measure how many epochs sooner a table's loss has settled than the original one's."""
    return case.over(_settled(case.runs(ORIGINAL)) - _settled(case.runs(table)))


def _settled(history: pd.DataFrame) -> Array:
    """Find the epoch at which the loss on rows put aside has made nine tenths of its fall."""
    by_draw = history.pivot_table(index="epoch", columns="fold", values="loss")
    first, lowest = by_draw.iloc[0], by_draw.min()
    return np.asarray((by_draw <= lowest + 0.1 * (first - lowest)).idxmax(), dtype=float)


def sway(case: Case, aml_share: float) -> Measured:
    """Measure how much more F1 moves than accuracy if AML is as rare as that, not half of all.

    Both are computed from the sound study's recall and specificity, which do not depend on how
    many patients have AML.
    """

    def moved(own: Any) -> Array:
        found, alarm = own["recall"], 1 - own["specificity"]

        def figures(share: float) -> tuple[Array, Array]:
            true, false = share * found, (1 - share) * alarm
            return 2 * true / (true + false + share), true + (1 - share) - false

        (f1, right), (f1_rare, right_rare) = figures(0.5), figures(aml_share)
        return np.asarray(np.abs(f1 - f1_rare) - np.abs(right - right_rare))

    return case.of_patients(case.study(STUDY_MODELS[ORIGINAL]), moved)


def spread_of_splits(case: Case) -> Measured:
    """Measure how far apart the middle 95 % of accuracies of single splits lie."""
    values = _split_accuracies(case)
    ends = [np.percentile(one, [2.5, 97.5], axis=-1) for one in (values, case.bootstrap(values))]
    spread, drawn = (high - low for low, high in ends)
    return resampled(spread, drawn, len(values))


def steadier(case: Case) -> Measured:
    """Measure the deviation of accuracy over single splits minus that over repeated ten-fold."""
    splits, rows = _split_accuracies(case), case.study(SOURCE_SHAPE)
    n_repeats = len(rows) // rows["row"].nunique()
    if n_repeats < 2:
        return exact(math.nan)
    repeat = rows["fold"] // (rows["fold"].nunique() // n_repeats)
    repeats = rows["right"].groupby(repeat).mean().to_numpy()
    drawn = [case.bootstrap(values).std(axis=1, ddof=1) for values in (splits, repeats)]
    estimate = splits.std(ddof=1) - repeats.std(ddof=1)
    return resampled(estimate, drawn[0] - drawn[1], len(splits))


def _split_accuracies(case: Case) -> Array:
    draws = case.last(ORIGINAL)
    return (draws["right"] / draws["n"]).to_numpy()


def bias(case: Case) -> Measured:
    """Measure accuracy in leave-one-out minus accuracy on the second file's patients."""
    return effect(accuracy(case, LEAVE_ONE_OUT), accuracy(case, ORIGINAL_SPLIT))


def cost_ratio(case: Case) -> Measured:
    """Measure the processor seconds of an epoch of leave-one-out over those of ten-fold."""
    one_out, k_fold = (
        float((table["seconds"] / table["epoch"].max()).iloc[0])
        for table in (case.runs(LEAVE_ONE_OUT), case.runs(K_FOLD))
    )
    return exact(one_out / k_fold)


def own_split(case: Case, table: str, metric: str) -> Measured:
    """Measure what the source printed of a table: its own split, draw 0; middle 95 % of draws."""
    values = case.last(table)[metric].to_numpy()
    return from_interval(values[0], percentile_interval(values), len(values))


class GeneExpressionClaims(
    Claims,
    study="gene_expression",
    switches=SWITCHES,
    measures=(
        score, gain, accuracy, epochs_saved, sway, spread_of_splits, steadier, bias, cost_ratio,
    ),
):  # fmt: skip
    """The claims of the gene expression study's source."""
