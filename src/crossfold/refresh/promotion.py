"""Put new models into use, unless they are worse than the one in use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import CatalogProtocol

from crossfold.datasets.promoted_model import Promotion, read_promotion, write_promotion
from crossfold.refresh.settings import ModelRule, Promote
from crossfold.refresh.stored import locate

N_RESAMPLES = 200
SEED = 0
LOWER_IS_BETTER = {"brier", "log_loss", "expected_calibration_error"}


@dataclass(frozen=True)
class Difference:
    """How much better a new model is, with its 95 % interval, on so many rows."""

    estimate: float
    low: float
    high: float
    n_rows: int


def consider(
    catalog: CatalogProtocol[Any, Any], name: str, rule: ModelRule, policy: Promote
) -> str | None:
    """Promote the latest version of a model if the policy says so.

    Parameters
    ----------
    catalog
        The datasets.
    name
        The model.
    rule
        What it is compared by.
    policy
        ``auto``: unless it is worse beyond its interval; ``always``; ``never``, but the first.

    Returns
    -------
    What was decided, or None where there is no new version.
    """
    dataset: Any = catalog.get(name)
    folder = Path(dataset._filepath)
    evidence = dict(_versions(catalog, [rule.predictions, rule.records]))
    latest = dict(_versions(catalog, [name])).get(name)
    before = read_promotion(folder)
    if latest is None or (before is not None and before.considered == latest):
        return None
    promoted, why = _decide(catalog, rule, policy, before)
    if promoted or before is None:
        write_promotion(folder, Promotion(latest, latest, evidence))
        return f"{name} {latest} is in use: {why}."
    write_promotion(folder, Promotion(before.version, latest, before.evidence))
    return f"{name} {latest} is written but not in use: {why}; {before.version} stays in use."


def _decide(
    catalog: CatalogProtocol[Any, Any],
    rule: ModelRule,
    policy: Promote,
    before: Promotion | None,
) -> tuple[bool, str]:
    if before is None:
        return True, "it is the first"
    if policy != "auto":
        return policy == "always", f"promote is {policy}"
    rows = common_rows(catalog, rule, before)
    if rows.empty:
        return True, "it shares no row with the one before"
    found = difference(rows, rule.metric)
    return found.high >= 0, (
        f"{rule.metric} {found.estimate:+.4f} (95 % {found.low:+.4f} to {found.high:+.4f}) against"
        f" the one before, on the {found.n_rows:,} rows of both"
    )


def common_rows(
    catalog: CatalogProtocol[Any, Any], rule: ModelRule, before: Promotion
) -> pd.DataFrame:
    """Join the out-of-fold predictions of two versions of a model on the rows of both.

    Returns
    -------
    ``target``, ``probability`` and ``group`` of the new version, ``probability_before``.
    """
    new = _out_of_fold(catalog, rule, {})
    old = _out_of_fold(catalog, rule, before.evidence)
    return new.join(old["probability"].rename("probability_before"), how="inner")


def difference(rows: pd.DataFrame, metric: str) -> Difference:
    """Compare two models on the same rows; groups are resampled as wholes, for both alike."""
    from crossfold.validation import (
        GroupBootstrap,
        binary_metrics,
        bootstrap_metrics,
        percentile_interval,
    )

    target, sign = rows["target"].to_numpy(), -1 if metric in LOWER_IS_BETTER else 1
    new, old = rows["probability"].to_numpy(), rows["probability_before"].to_numpy()
    point = binary_metrics(target, new)[metric] - binary_metrics(target, old)[metric]
    bootstrap = GroupBootstrap(rows["group"].to_numpy(), N_RESAMPLES, SEED)
    resampled = (
        bootstrap_metrics(target, new, None, bootstrap)[metric]
        - bootstrap_metrics(target, old, None, bootstrap)[metric]
    )
    low, high = percentile_interval(sign * resampled)
    return Difference(sign * float(point[0]), low, high, len(rows))


def _out_of_fold(
    catalog: CatalogProtocol[Any, Any], rule: ModelRule, versions: dict[str, str]
) -> pd.DataFrame:
    predictions, records = (
        catalog.load(name, version=versions.get(name)) for name in (rule.predictions, rule.records)
    )
    of_model = (predictions["model"] == rule.model) & (predictions["protocol"] == rule.protocol)
    own: pd.DataFrame = predictions.loc[of_model, ["row", "target", "probability", "group"]]
    return own.set_axis(records[rule.key].to_numpy()[own.pop("row")])


def _versions(catalog: CatalogProtocol[Any, Any], names: list[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        stored = locate(catalog.get(name))
        if stored is not None and stored.version is not None:
            yield name, stored.version
