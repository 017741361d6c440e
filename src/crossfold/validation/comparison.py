"""Compare models: is one better than another, or are they the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from crossfold.validation.estimates import Task
from crossfold.validation.intervals import percentile_interval
from crossfold.validation.tables import probabilities

COMPARISON_COLUMNS = (
    *("model_a", "model_b", "protocol", "metric", "test"),
    *("difference", "low", "high", "p_value", "n", "verdict"),
)


@dataclass(frozen=True)
class TestResult:
    """The result of a comparison of model A with model B.

    Attributes
    ----------
    difference, low, high
        A minus B, and its 95 % interval (90 % for an equivalence test, as is customary).
    p_value
        Of the test; NaN where it has none.
    n
        Folds or discordant pairs, or rows: what the test counts.
    """

    difference: float
    low: float
    high: float
    p_value: float
    n: int

    __test__ = False


def corrected_resampled_t_test(
    scores_a: ArrayLike, scores_b: ArrayLike, *, test_share: float
) -> TestResult:
    """Compare fold scores of two models, allowing for training sets that overlap.

    The variance of the mean difference is ``(1/k + test_share/(1 − test_share))·s²`` instead of
    ``s²/k`` (Nadeau and Bengio 2003, equation 9).

    Parameters
    ----------
    scores_a, scores_b
        Score of each fold, of all repeats, shape ``(k,)``, k ≥ 2.
    test_share
        Share of rows that each fold validates, in (0, 1).
    """
    from scipy.stats import t

    differences, error, degrees = _corrected_error(scores_a, scores_b, test_share)
    mean = float(differences.mean())
    half = float(t.ppf(0.975, degrees) * error)
    p_value = float(2 * t.sf(abs(mean) / error, degrees)) if error else float(mean == 0)
    return TestResult(mean, mean - half, mean + half, p_value, degrees + 1)


def equivalence_test(
    scores_a: ArrayLike, scores_b: ArrayLike, *, margin: float, test_share: float
) -> TestResult:
    """Test whether two models differ by less than a margin: two one-sided tests (Schuirmann 1987).

    Parameters
    ----------
    scores_a, scores_b, test_share
        As in `corrected_resampled_t_test`.
    margin
        Largest difference that counts as none, > 0.

    Returns
    -------
    A p-value below 0.05 means that the models are equivalent within the margin; the interval is
    the 90 % one, which then lies within ± margin.
    """
    from scipy.stats import t

    differences, error, degrees = _corrected_error(scores_a, scores_b, test_share)
    mean = float(differences.mean())
    distance = margin - abs(mean)
    half = float(t.ppf(0.95, degrees) * error)
    p_value = float(t.sf(distance / error, degrees) if error else distance <= 0)
    return TestResult(mean, mean - half, mean + half, p_value, degrees + 1)


def _corrected_error(
    scores_a: ArrayLike, scores_b: ArrayLike, test_share: float
) -> tuple[NDArray[np.float64], float, int]:
    """Give the differences, the corrected standard error of their mean, and its degrees."""
    differences = np.asarray(scores_a, dtype=np.float64) - np.asarray(scores_b, dtype=np.float64)
    k = len(differences)
    factor = 1 / k + test_share / (1 - test_share)
    return differences, float(np.sqrt(factor * differences.var(ddof=1))), k - 1


def mcnemar_test(y: ArrayLike, flagged_a: ArrayLike, flagged_b: ArrayLike) -> TestResult:
    """Compare the decisions of two models on the same rows: McNemar's exact test (McNemar 1947).

    Rows that both models decide alike say nothing; of the others, the discordant ones, each model
    would be right in half if there were no difference.

    Parameters
    ----------
    y, flagged_a, flagged_b
        0/1 or bool, shape ``(n,)``.

    Returns
    -------
    The difference of the accuracies with the exact interval that belongs to the test: that of the
    share of discordant rows in which A is right (Clopper and Pearson 1934), so that it leaves out
    zero where the p-value is below 0.05. `n` counts the discordant rows.
    """
    from scipy.stats import binomtest

    y, a, b = (np.asarray(values).astype(bool) for values in (y, flagged_a, flagged_b))
    only_a, only_b = int(((a == y) & (b != y)).sum()), int(((a != y) & (b == y)).sum())
    discordant = only_a + only_b
    if not discordant:
        return TestResult(0.0, 0.0, 0.0, 1.0, 0)
    test = binomtest(only_a, discordant)
    share = test.proportion_ci(method="exact")
    low, high = (float((2 * bound - 1) * discordant / len(y)) for bound in (share.low, share.high))
    difference = (only_a - only_b) / len(y)
    return TestResult(difference, low, high, float(test.pvalue), discordant)


def paired_bootstrap(differences: ArrayLike, *, n_resamples: int, seed: int) -> TestResult:
    """Resample rows to give the mean of their differences an interval.

    Parameters
    ----------
    differences
        What model A scores more than model B on each row, shape ``(n,)``: with several trainings
        of each, the difference of the shares that are right.
    n_resamples
        Bootstrap resamples.
    seed
        Seeds the draws.

    Returns
    -------
    The mean, its 95 % percentile interval and the number of rows; no p-value.
    """
    values, counts = np.unique(np.asarray(differences, dtype=np.float64), return_counts=True)
    n = int(counts.sum())
    drawn = np.random.default_rng(seed).multinomial(n, counts / n, size=n_resamples)
    low, high = percentile_interval(drawn @ values / n)
    return TestResult(float(counts @ values / n), low, high, np.nan, n)


def paired_t_test(scores_a: ArrayLike, scores_b: ArrayLike) -> TestResult:
    """Compare the scores of two models that were trained from the same seeds: paired t-test.

    Parameters
    ----------
    scores_a, scores_b
        Score of each seed, shape ``(k,)``, k ≥ 2.

    Returns
    -------
    The mean difference with its 95 % interval; a p-value of 1 or 0 where all differ alike.
    """
    from scipy.stats import ttest_rel

    a, b = (np.asarray(scores, dtype=np.float64) for scores in (scores_a, scores_b))
    mean = float((a - b).mean())
    if np.ptp(a - b) == 0:
        return TestResult(mean, mean, mean, float(mean == 0), len(a))
    result = ttest_rel(a, b)
    low, high = result.confidence_interval()
    return TestResult(mean, low, high, float(result.pvalue), len(a))


def verdict(low: float, high: float) -> str:
    """Say whether two models differ: by the one rule of all studies.

    They do where the 95 % interval of their difference leaves out zero. Each test gives the
    interval that belongs to it, so that what is said can be seen in every table and figure.
    """
    return "differ" if low > 0 or high < 0 else "not told apart"


def comparison_row(pair: tuple[str, str], metric: str, test: str, **figures: Any) -> dict[str, Any]:
    """Begin a row of the schema `COMPARISON`, without its ``protocol``."""
    return {"model_a": pair[0], "model_b": pair[1], "metric": metric, "test": test, **figures}


def result_row(
    pair: tuple[str, str], metric: str, test: str, result: TestResult, told: str | None = None
) -> dict[str, Any]:
    """Arrange a test of the first model minus the second as a row of the schema `COMPARISON`.

    It has no ``protocol`` yet; the verdict `told` is that of the one rule of all studies if None.
    """
    told = told or verdict(result.low, result.high)
    return comparison_row(pair, metric, test, **vars(result), verdict=told)


def compare_resampled(
    pair: tuple[str, str], resampled: dict[str, pd.DataFrame]
) -> list[dict[str, Any]]:
    """Compare pooled figures on the same resamples, a row of the schema `COMPARISON` for each.

    Columns of a model's table are metrics; its first row is the estimate, the others are resamples.
    """
    rows = []
    for metric, (estimate, *resamples) in (resampled[pair[0]] - resampled[pair[1]]).items():
        low, high = percentile_interval(np.asarray(resamples))
        figures = {"difference": estimate, "low": low, "high": high, "n": len(resamples)}
        told = verdict(low, high)
        rows.append(comparison_row(pair, str(metric), "paired bootstrap", **figures, verdict=told))
    return rows


def compare_by_row(
    pair: tuple[str, str], models: Mapping[str, pd.DataFrame], task: Task
) -> dict[str, Any]:
    """Find the largest difference between what two models of `pair` say of a row.

    `models` are the predictions by model, the same rows in the same order; a row of the schema
    `crossfold.validation.schemas.COMPARISON` without ``protocol`` is returned.
    """
    tables = [models[name] for name in pair]
    if task == "regression":
        metric, said = "predicted", [one["predicted"].to_numpy(np.float64) for one in tables]
    else:
        metric, said = "raw_probability", [probabilities(one, "raw_p") for one in tables]
    gap = float(np.abs(said[0] - said[1]).max())
    scale = float(said[0].std()) if task == "regression" else 1.0
    told = "equal to rounding" if gap < 1e-3 * scale else "differ"
    test = "largest difference of any row"
    return comparison_row(pair, metric, test, difference=gap, n=len(said[0]), verdict=told)
