"""Tables made from the pooled out-of-fold predictions, one row a point or a cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from crossfold.pipelines.reporting.binary.labels import EVERYONE
from crossfold.pipelines.reporting.binary.lookup import GROUPED

SHARES = np.arange(1, 41) / 40
HISTOGRAM_EDGES = np.linspace(0, 1, 51)
CURVE_POINTS = 200
KINDS = {"raw": "raw_p1", "calibrated": "p1"}
MEASURES = ("train_loss", "validation_loss", "validation_f1", "validation_f1_best", "seconds")
SUBGROUP_COLUMNS = ["group", "level", "n", "positives", "metric", "estimate", "low", "high"]


def grouped_predictions(predictions: pd.DataFrame) -> pd.DataFrame:
    """Give the predictions of the grouped folds: one for each row and model, rows in order."""
    grouped = predictions[predictions["protocol"] == GROUPED]
    return grouped.sort_values(["model", "row"], kind="stable", ignore_index=True)


def calibration(predictions: pd.DataFrame) -> pd.DataFrame:
    """Compute reliability curves of raw and calibrated probabilities of every model."""
    from crossfold.validation import reliability_curve

    tables = [
        reliability_curve(part["target"].to_numpy(), part[column].to_numpy()).assign(
            model=model, kind=kind
        )
        for model, part in _by_model(predictions)
        for kind, column in KINDS.items()
    ]
    return pd.concat(tables, ignore_index=True)


def calibration_scores(predictions: pd.DataFrame, n_resamples: int, seed: int) -> pd.DataFrame:
    """Score raw and calibrated probabilities of every model, with bootstrap intervals by group.

    Returns
    -------
    Columns ``model``, ``kind``, ``metric``, ``estimate``, ``low``, ``high``, ``n``, ``positives``.
    """
    from crossfold.validation import GroupBootstrap, metric_rows

    tables = []
    for model, part in _by_model(predictions):
        bootstrap = GroupBootstrap(part["group"].to_numpy(), n_resamples, seed)
        for kind, column in KINDS.items():
            scores = metric_rows(
                part["target"].to_numpy(), part[column].to_numpy(), None, bootstrap
            )
            tables.append(scores.assign(model=model, kind=kind))
    return pd.concat(tables, ignore_index=True)


def histogram(predictions: pd.DataFrame) -> pd.DataFrame:
    """Count raw and calibrated probabilities of every model in 50 bins of equal width."""
    bins = {"left": HISTOGRAM_EDGES[:-1], "right": HISTOGRAM_EDGES[1:]}
    tables = [
        pd.DataFrame({"model": model, "kind": kind, **bins, "n": _count(part[column])})
        for model, part in _by_model(predictions)
        for kind, column in KINDS.items()
    ]
    return pd.concat(tables, ignore_index=True)


def _count(values: pd.Series) -> np.ndarray:
    return np.histogram(values, HISTOGRAM_EDGES)[0]


def curves(predictions: pd.DataFrame) -> pd.DataFrame:
    """Compute ROC and precision-recall curves of every model, thinned to about 200 points."""
    from sklearn.metrics import precision_recall_curve, roc_curve

    def points(part: pd.DataFrame) -> pd.DataFrame:
        x, y, _ = roc_curve(part["target"], part["p1"])
        precision, recall, _ = precision_recall_curve(part["target"], part["p1"])
        return pd.concat(
            [_thinned("roc", x, y), _thinned("pr", recall[::-1], precision[::-1])],
            ignore_index=True,
        )

    return _for_each_model(predictions, points)


def _thinned(curve: str, x: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    """Keep points that are evenly spread along x, both ends among them."""
    wanted = np.searchsorted(x, np.linspace(x[0], x[-1], CURVE_POINTS))
    kept = np.unique(np.clip([0, *wanted, len(x) - 1], 0, len(x) - 1))
    return pd.DataFrame({"curve": curve, "x": x[kept], "y": y[kept]})


def thresholds(predictions: pd.DataFrame) -> pd.DataFrame:
    """Compute precision, recall, false positive rate and F1 of every model over 101 thresholds."""
    from crossfold.validation import threshold_table

    return _for_each_model(
        predictions, lambda part: threshold_table(*_scored(part)).assign(n=len(part))
    )


def chosen_thresholds(predictions: pd.DataFrame) -> pd.DataFrame:
    """Give the threshold that every model chose inside each training fold."""
    keys = ["model", "fold"]
    return predictions.groupby(keys, observed=True)["threshold"].first().reset_index()


def capacity(predictions: pd.DataFrame, n_resamples: int, seed: int) -> pd.DataFrame:
    """Compute precision and recall by the share of rows called, with bootstrap intervals.

    Parameters
    ----------
    predictions
        Rows of each model, in the same order of rows for all.
    n_resamples, seed
        Of the bootstrap by group, which resamples all models alike.

    Returns
    -------
    Columns ``model``, ``share``, ``n_called``, ``metric`` (``precision`` or ``recall``),
    ``estimate``, ``low`` and ``high`` (95 %).
    """
    from crossfold.validation import GroupBootstrap, capacity_table

    def of_model(part: pd.DataFrame) -> pd.DataFrame:
        bootstrap = GroupBootstrap(part["group"].to_numpy(), n_resamples, seed)
        wide = capacity_table(*_scored(part), SHARES, bootstrap)
        return pd.concat([_one_metric(wide, name) for name in ("precision", "recall")])

    return _for_each_model(predictions, of_model)


def _one_metric(wide: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Give one metric of a wide table with its interval as rows of a long one."""
    names = {metric: "estimate", f"{metric}_low": "low", f"{metric}_high": "high"}
    columns = ["share", "n_called", *names]
    return wide[columns].rename(columns=names).assign(metric=metric)


def decision_curves(predictions: pd.DataFrame) -> pd.DataFrame:
    """Compute the net benefit of calling by each model, and of calling all rows.

    Returns
    -------
    Columns ``model`` (``all`` for calling every row), ``threshold`` and ``net_benefit``.
    """
    from crossfold.validation import decision_curve

    wide = _for_each_model(
        predictions,
        lambda part: decision_curve(*_scored(part)).rename(columns={"model": "benefit"}),
    )
    columns = ["model", "threshold", "net_benefit"]
    everyone = wide.drop_duplicates("threshold").assign(model="all")
    return pd.concat(
        [
            wide.rename(columns={"benefit": "net_benefit"})[columns],
            everyone.rename(columns={"all": "net_benefit"})[columns],
        ],
        ignore_index=True,
    )


def subgroups(
    predictions: pd.DataFrame, columns: pd.DataFrame, n_resamples: int, seed: int
) -> pd.DataFrame:
    """Compute what one model does in every level of every column, and for everyone.

    Parameters
    ----------
    predictions
        Rows of one model.
    columns
        Readable levels, one row for each row of the study's table.
    n_resamples, seed
        Of the bootstrap by group.

    Returns
    -------
    Columns ``group``, ``level``, ``n``, ``positives``, ``metric`` (``rate`` with its Wilson
    interval, and those of `crossfold.validation.subgroup_table`), ``estimate``, ``low``, ``high``.
    """
    from crossfold.validation import GroupBootstrap, subgroup_table

    levels = {EVERYONE: np.full(len(predictions), "all")}
    levels |= dict(columns.take(predictions["row"]))
    bootstrap = GroupBootstrap(predictions["group"].to_numpy(), n_resamples, seed)
    flagged = predictions["flagged"].to_numpy()
    table = subgroup_table(*_scored(predictions), flagged, levels, bootstrap)
    return pd.concat([_observed_rates(table), table], ignore_index=True)[SUBGROUP_COLUMNS]


def _observed_rates(table: pd.DataFrame) -> pd.DataFrame:
    """Give the observed rate of each subgroup as a metric of its own."""
    from crossfold.validation import wilson_interval

    rates = table.drop_duplicates(["group", "level"])
    low, high = wilson_interval(rates["positives"], rates["n"])
    return rates.assign(metric="rate", estimate=rates["observed_rate"], low=low, high=high)


def _scored(part: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    return part["target"].to_numpy(), part["p1"].to_numpy()


def confusion(predictions: pd.DataFrame) -> pd.DataFrame:
    """Count rows by true class and flag, each fold at its own threshold."""
    keys = ["model", "target", "flagged"]
    return predictions.groupby(keys, observed=True).size().rename("n").reset_index()


def epochs(history: pd.DataFrame) -> pd.DataFrame:
    """Average each measure of training over folds and members; give the folds' range too.

    Returns
    -------
    Columns ``model``, ``epoch``, ``measure``, ``estimate`` (mean), ``low``, ``high`` (range over
    folds) and ``folds``.
    """
    keys = ["model", "epoch", "measure"]
    long = history[(history["protocol"] == GROUPED) & history["measure"].isin(MEASURES)]
    by_fold = long.groupby([*keys, "fold"], observed=True)["value"].mean()
    over_folds = by_fold.groupby(keys, observed=True).agg(["mean", "min", "max", "size"])
    names = {"mean": "estimate", "min": "low", "max": "high", "size": "folds"}
    return over_folds.rename(columns=names).reset_index()


def _by_model(predictions: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    for model, part in predictions.groupby("model", observed=True):
        yield str(model), part


def _for_each_model(
    predictions: pd.DataFrame, compute: Callable[[pd.DataFrame], pd.DataFrame]
) -> pd.DataFrame:
    """Compute a table for every model and stack them, with the model in the first column."""
    tables = {model: compute(part) for model, part in _by_model(predictions)}
    return pd.concat(tables, names=["model"]).reset_index("model").reset_index(drop=True)
