"""Tables by class, of every model that kept its predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

KEYS = ["model", "protocol"]
RECALLS = np.linspace(0, 1, 101)


def classification_report(predictions: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """Give scikit-learn's classification report of every model, with intervals where there are.

    Returns
    -------
    Columns ``model``, ``protocol``, ``class`` (its name, ``accuracy``, ``macro avg`` or ``weighted
    avg``), ``precision``, ``precision_low``, ``precision_high``, ``recall``, ``recall_low``,
    ``recall_high`` (95 % Wilson), ``f1``, ``average_precision`` and ``support``. Accuracy stands
    in the column of recall.
    """
    return _for_each_model(predictions, lambda part: _one_report(part, classes))


def _one_report(part: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    from sklearn.metrics import classification_report as report

    printed: Any = report(
        part["target"], part["predicted"], labels=range(len(classes)), target_names=list(classes),
        output_dict=True, zero_division=0,
    )  # fmt: skip
    accuracy = printed.pop("accuracy")
    printed["accuracy"] = {"recall": accuracy, "support": len(part)}
    table = pd.DataFrame(printed).T.rename(columns={"f1-score": "f1"})
    called = part["predicted"].value_counts().reindex(range(len(classes)), fill_value=0)
    named = dict(zip(classes, called, strict=True))
    table = _with_interval(table, "precision", pd.Series(named).reindex(table.index))
    of_means = table.index.str.endswith(" avg")
    table = _with_interval(table, "recall", table["support"].mask(of_means))
    table["average_precision"] = pd.Series(_average_precision(part, classes))
    return table.rename_axis("class").reset_index().astype({"support": int})


def _with_interval(table: pd.DataFrame, rate: str, n: pd.Series) -> pd.DataFrame:
    """Add the Wilson interval of a rate out of `n`; none where there is no `n`."""
    from crossfold.validation import wilson_interval

    known = n.fillna(0) > 0
    low, high = wilson_interval((table[rate] * n)[known].to_numpy(), n[known].to_numpy())
    ends = pd.DataFrame({f"{rate}_low": low, f"{rate}_high": high}, index=table.index[known])
    return table.join(ends)


def _average_precision(part: pd.DataFrame, classes: Sequence[str]) -> dict[str, float]:
    from sklearn.metrics import average_precision_score

    return {
        name: float(average_precision_score(part["target"] == label, part[f"p{label}"]))
        for label, name in _present(part, classes)
    }


def confusion(predictions: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """Count images by true and predicted class, every pair of classes among them.

    Returns
    -------
    Columns ``model``, ``protocol``, ``target``, ``predicted``, ``n``, ``share_of_truth`` and
    ``share_of_prediction`` (in [0, 1], 0 where a class is never predicted).
    """
    codes = pd.MultiIndex.from_product([range(len(classes))] * 2, names=["target", "predicted"])

    def counted(part: pd.DataFrame) -> pd.DataFrame:
        counts = part.groupby(["target", "predicted"]).size().reindex(codes, fill_value=0)
        return counts.rename("n").reset_index().assign(
            share_of_truth=_share(counts, "target").to_numpy(),
            share_of_prediction=_share(counts, "predicted").to_numpy(),
        )  # fmt: skip

    return _for_each_model(predictions, counted)


def _share(counts: pd.Series, level: str) -> pd.Series:
    totals = counts.groupby(level=level).transform("sum")
    return counts / totals.clip(lower=1)


def precision_recall(predictions: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """Compute the precision-recall curve of each class against all others, at 101 recalls.

    Returns
    -------
    Columns ``model``, ``protocol``, ``target``, ``class``, ``recall`` and ``precision`` (that of
    the highest threshold which reaches the recall).
    """

    def curves(part: pd.DataFrame) -> pd.DataFrame:
        of_classes = [_curve(part, label, name) for label, name in _present(part, classes)]
        return pd.concat(of_classes, ignore_index=True)

    return _for_each_model(predictions, curves)


def _curve(part: pd.DataFrame, label: int, name: str) -> pd.DataFrame:
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(part["target"] == label, part[f"p{label}"])
    # The last point, recall 0 and precision 1, belongs to no threshold.
    precision, recall = precision[-2::-1], recall[-2::-1]
    at = np.searchsorted(recall, RECALLS)
    columns = {"target": label, "class": name, "recall": RECALLS, "precision": precision[at]}
    return pd.DataFrame(columns)


def _present(part: pd.DataFrame, classes: Sequence[str]) -> list[tuple[int, str]]:
    """Give the classes, by number and name, of which there are images."""
    labels = set(part["target"])
    return [(label, name) for label, name in enumerate(classes) if label in labels]


def _by_model(predictions: pd.DataFrame) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
    for (model, protocol), part in predictions.groupby(KEYS, observed=True, sort=False):
        yield (str(model), str(protocol)), part


def _for_each_model(
    predictions: pd.DataFrame, compute: Callable[[pd.DataFrame], pd.DataFrame]
) -> pd.DataFrame:
    """Compute a table for every model and protocol and stack them, the two in the first columns."""
    tables = {key: compute(part) for key, part in _by_model(predictions)}
    return pd.concat(tables, names=KEYS).reset_index(KEYS).reset_index(drop=True)
