"""Every metric of a model with its interval, for two classes, several classes and numbers.

There is one rule for intervals. Where rows belong to groups, whole groups are drawn again (a
percentile bootstrap); so are rows, where every row stands for itself, except for plain rates, such
as accuracy, which have Wilson's interval: it holds for few rows too, and at 0 and 1. A row that is
predicted several times, in repeats of a cross-validation, is drawn with all its predictions, and
counts once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.validation.intervals import GroupBootstrap, Values, percentile_interval
from crossfold.validation.metrics import (
    METRICS,
    MULTICLASS_METRICS,
    binary_metrics,
    drawn_confusions,
    multiclass_metrics,
    wilson_interval,
)
from crossfold.validation.tables import probabilities

Task = Literal["binary", "multiclass", "regression"]

MAIN_METRIC: dict[Task, str] = {"binary": "roc_auc", "multiclass": "accuracy", "regression": "r2"}
COMPARED: dict[Task, tuple[str, ...]] = {
    "binary": ("roc_auc", "pr_auc", "brier"),
    "multiclass": ("accuracy", "macro_f1", "log_loss"),
    "regression": ("r2", "rmse", "mae"),
}
METRICS_OF: dict[Task, tuple[str, ...]] = {
    "binary": METRICS,
    "multiclass": (*MULTICLASS_METRICS, "log_loss"),
    "regression": ("r2", "rmse", "mae", "mean_error"),
}
"""All that there are, in the order in which they are computed."""
SMALLER_IS_BETTER = {"brier", "log_loss", "expected_calibration_error", "rmse", "mae"}


@dataclass(frozen=True)
class Predicted:
    """What a model says of rows, and what is true."""

    task: Task
    y: NDArray[Any]  # numbers of the classes, or values; shape ``(n,)``
    # of two classes the probability of class 1, shape ``(n,)``; of several that of each, shape
    # ``(n, k)``; of numbers the predicted ones, shape ``(n,)``
    p: NDArray[Any]
    flagged: NDArray[np.bool_] | None = None  # decisions of two classes, shape ``(n,)``

    def __getitem__(self, rows: Any) -> Predicted:
        flagged = None if self.flagged is None else self.flagged[rows]
        return Predicted(self.task, self.y[rows], self.p[rows], flagged)

    @classmethod
    def of(cls, predictions: pd.DataFrame, task: Task) -> Predicted:
        """Read a table of predictions of one model."""
        y = predictions["target"].to_numpy()
        if task == "regression":
            return cls(task, y, predictions["predicted"].to_numpy(dtype=np.float64))
        if task == "multiclass":
            return cls(task, y, probabilities(predictions))
        return cls(task, y, predictions["p1"].to_numpy(), predictions["flagged"].to_numpy())


def point_estimates(predicted: Predicted) -> dict[str, float]:
    """Compute every metric once, each row counted once."""
    whole = GroupBootstrap.each_once(len(predicted.y))
    return {name: float(value[0]) for name, value in resampled_estimates(predicted, whole).items()}


def resampled_estimates(predicted: Predicted, bootstrap: GroupBootstrap) -> dict[str, Values]:
    """Compute every metric on every resample of the predicted rows.

    Returns for each metric an array of shape ``(n_resamples,)``.
    """
    if predicted.task == "binary":
        return binary_metrics(predicted.y, predicted.p, predicted.flagged, bootstrap)
    metrics = _multiclass if predicted.task == "multiclass" else _regression
    return metrics(predicted, bootstrap)


def estimate_rows(
    predicted: Predicted, bootstrap: GroupBootstrap, repeats: float = 1
) -> pd.DataFrame:
    """Compute every metric of one model with its interval, on the same ``n`` rows.

    Each row of the table is predicted `repeats` times. Returns columns ``metric``, ``estimate``,
    ``low``, ``high`` (95 %) and ``n``, each row counted once.
    """
    resampled = resampled_estimates(predicted, bootstrap)
    counts = {} if bootstrap.is_grouped(repeats) else _counts(predicted)
    records = []
    for name, value in point_estimates(predicted).items():
        low, high = percentile_interval(resampled[name])
        if name in counts:
            low, high = map(float, wilson_interval(*(n / repeats for n in counts[name])))
        records.append((name, value, low, high))
    table = pd.DataFrame(records, columns=["metric", "estimate", "low", "high"])
    return table.assign(n=round(len(predicted.y) / repeats))


def _counts(predicted: Predicted) -> dict[str, tuple[float, float]]:
    n = len(predicted.y)
    if predicted.task == "regression":
        return {}
    if predicted.task == "multiclass":
        return {"accuracy": (float((predicted.p.argmax(axis=1) == predicted.y).sum()), n)}
    if predicted.flagged is None:
        return {}
    y, flagged = predicted.y.astype(bool), predicted.flagged
    hits = float((y & flagged).sum())
    return {
        "accuracy": (float((y == flagged).sum()), n),
        "precision": (hits, float(flagged.sum())),
        "recall": (hits, float(y.sum())),
        "specificity": (float((~y & ~flagged).sum()), float((~y).sum())),
        "flagged_share": (float(flagged.sum()), n),
        "observed_rate": (float(y.sum()), n),
    }


def _multiclass(predicted: Predicted, bootstrap: GroupBootstrap) -> dict[str, Values]:
    """Metrics of the confusion matrix, and the mean of ``-log p[y]``."""
    y, p = predicted.y.astype(np.intp), predicted.p
    k = p.shape[1]
    counts = drawn_confusions(y, p.argmax(axis=1), k, bootstrap)
    terms = -np.log(np.maximum(p[np.arange(len(y)), y], np.finfo(np.float32).eps))
    loss, total = bootstrap.sums([terms, np.ones(len(y))]).T
    return {**multiclass_metrics(counts), "log_loss": loss / total}


def _regression(predicted: Predicted, bootstrap: GroupBootstrap) -> dict[str, Values]:
    """Coefficient of determination, root mean squared, mean absolute and mean error."""
    y, error = predicted.y.astype(np.float64), (predicted.p - predicted.y).astype(np.float64)
    y = y - y.mean()  # squares of numbers far from zero would hide how they spread
    total, *sums = bootstrap.sums([np.ones(len(y)), y, y**2, error, error**2, np.abs(error)]).T
    mean, squares, bias, squared, absolute = sums / total
    spread = squares - mean**2
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = np.where(spread > 0, 1 - squared / spread, np.nan)
    return {"r2": r2, "rmse": np.sqrt(squared), "mae": absolute, "mean_error": bias}
