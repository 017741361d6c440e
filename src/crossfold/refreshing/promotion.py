"""Put new models into use, unless they are worse than the one in use."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import CatalogProtocol

from crossfold.datasets.networks import Promotion, read_promotion, write_promotion
from crossfold.refreshing.hooks import ModelRule, Promote
from crossfold.validation.intervals import GroupBootstrap, percentile_interval
from crossfold.validation.metrics import binary_metrics
from kedro_refresh import RefreshError
from kedro_refresh.adapter import path_of
from kedro_refresh.stored import locate

N_RESAMPLES = 200
SEED = 0
IF_RIGHT = "If the new data are right, kedro refresh --params=promote=always brings it into use."
LOWER_IS_BETTER = {"brier", "log_loss", "expected_calibration_error"}


@dataclass(frozen=True)
class Difference:
    """How much better a new model is than the one in use."""

    metric: str  # what they are compared by
    # the metric of the model in use, and of the new one
    before: float
    now: float
    # the difference, positive where the new one is better, with its 95 % interval
    estimate: float
    low: float
    high: float
    n_rows: int  # rows that both have scored out of fold

    def __str__(self) -> str:
        """Say it in words."""
        return (
            f"{self.metric} {self.estimate:+.4f} (95 % {self.low:+.4f} to {self.high:+.4f}) against"
            f" the one before, on the {self.n_rows:,} rows of both"
        )


@dataclass(frozen=True)
class Decision:
    """What becomes of a new version of a model."""

    folder: Path  # the model's versions
    promotion: Promotion  # what is in use from now on
    sentence: str  # the decision in words
    difference: Difference | None = None  # what it rests on; None where there is nothing to compare

    def carry_out(self) -> None:
        """Put the model into use that the decision names."""
        write_promotion(self.folder, self.promotion)


def consider(
    catalog: CatalogProtocol[Any, Any], name: str, rule: ModelRule, policy: Promote
) -> Decision | None:
    """Decide whether the latest version of a model comes into use; None where there is no new one.

    The policy is ``auto``: unless it is worse beyond its interval, or something speaks against its
    data; ``always``, also for one that was kept out of use; ``never``, but the first. The decision
    is still to be carried out.
    """
    folder = _folder(catalog, name)
    evidence = dict(_versions(catalog, [rule.predictions, rule.records]))
    latest = dict(_versions(catalog, [name])).get(name)
    before = read_promotion(folder)
    if latest is None:
        return None
    if before is None:
        first = Promotion(latest, latest, evidence)
        return Decision(folder, first, f"{name} {latest} is in use: it is the first.")
    if latest == (before.version if policy == "always" else before.considered):
        return None
    needed, found, against = {rule.predictions, rule.records}, None, list[str]()
    was_scored = needed <= before.evidence.keys()
    is_scored = was_scored and needed <= evidence.keys()
    # Without evidence of the one before, the new model would be compared with itself.
    if is_scored or (was_scored and policy == "auto"):
        new, old = scored_rows(catalog, rule, before)
        rows = common_rows(new, old)
        has_both = rows["target"].min() < rows["target"].max()
        found = difference(rows, rule.metric) if has_both else None
        against = list(_doubts(new, old, rows, found, rule.metric))
    why = "; ".join([*_reasons(policy, is_scored, found), *against])
    is_worse = found is not None and found.high < 0
    if policy == "always" or (policy == "auto" and not is_worse and not against):
        sentence = f"{name} {latest} is in use: {why}."
        return Decision(folder, Promotion(latest, latest, evidence), sentence, found)
    sentence = f"{name} {latest} is written but not in use: {why}; {before.version} stays in use."
    if against:
        sentence += f" {IF_RIGHT}"
    kept = Promotion(before.version, latest, before.evidence, doubted=bool(against))
    return Decision(folder, kept, sentence, found)


def _reasons(policy: Promote, is_scored: bool, found: Difference | None) -> Iterator[str]:
    if policy != "auto":
        yield f"promote is {policy}"
    if found:
        yield str(found)
    elif is_scored:
        yield "it shares no rows of two outcomes with the one before"
    else:
        yield "there is nothing to compare"


def _doubts(
    new: pd.DataFrame, old: pd.DataFrame, rows: pd.DataFrame, found: Difference | None, metric: str
) -> Iterator[str]:
    """Say what speaks against data that a new model is from: the comparison cannot show it."""
    n_other = int((rows["target"] != rows["target_before"]).sum())
    if 2 * n_other > len(rows):
        yield f"the outcome of {n_other:,} of the {len(rows):,} rows of both is not what it was"
    if found is None and difference(new.assign(p1_before=new["target"].mean()), metric).low <= 0:
        yield "it is not shown to know more than the rate of the outcome"
    if 2 * len(new) < len(old) and not (found and found.low > 0):
        yield f"there are {len(new):,} rows, and there were {len(old):,}"


def scored_rows(
    catalog: CatalogProtocol[Any, Any], rule: ModelRule, before: Promotion
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Load the out-of-fold predictions of a new version of a model, and of the one in use.

    Both have ``target``, ``p1`` and ``group``, one row for each key; a key that does not tell the
    rows apart is refused.
    """
    new, old = (_out_of_fold(catalog, rule, versions) for versions in ({}, before.evidence))
    if not (new.index.is_unique and old.index.is_unique):
        raise RefreshError(
            f"{', '.join(rule.key)} of {rule.records} do not tell its rows apart, so two models"
            " cannot be compared row by row: name another key in refresh.yml."
        )
    return new, old


def common_rows(new: pd.DataFrame, old: pd.DataFrame) -> pd.DataFrame:
    """Join the predictions of two versions of a model on the rows of both.

    Gives ``target``, ``p1`` and ``group`` of the new version, ``target_before`` and ``p1_before``.
    """
    return new.join(old[["target", "p1"]].add_suffix("_before"), how="inner")


def difference(rows: pd.DataFrame, metric: str) -> Difference:
    """Compare two models on the same rows; groups are resampled as wholes, for both alike."""
    target, sign = rows["target"].to_numpy(), -1 if metric in LOWER_IS_BETTER else 1
    bootstrap = GroupBootstrap(rows["group"].to_numpy(), N_RESAMPLES, SEED)
    point, resampled = {}, {}
    for name in ("p1", "p1_before"):
        point[name] = float(binary_metrics(target, rows[name].to_numpy())[metric][0])
        resampled[name] = binary_metrics(target, rows[name].to_numpy(), bootstrap=bootstrap)[metric]
    now, before = point["p1"], point["p1_before"]
    low, high = percentile_interval(sign * (resampled["p1"] - resampled["p1_before"]))
    return Difference(metric, before, now, sign * (now - before), low, high, len(rows))


def _out_of_fold(
    catalog: CatalogProtocol[Any, Any], rule: ModelRule, versions: dict[str, str]
) -> pd.DataFrame:
    predictions, records = (
        catalog.load(name, version=versions.get(name)) for name in (rule.predictions, rule.records)
    )
    of_protocol = predictions["protocol"].isin(rule.protocol)
    of_model = of_protocol & (predictions["model"] == rule.model)
    own: pd.DataFrame = predictions.loc[of_model, ["row", "target", "p1", "group"]]
    own = own.drop_duplicates("row")  # a row comes again in repeats of the cross-validation
    row = own.pop("row")
    return own.set_index([records[name].to_numpy()[row] for name in rule.key])


def _folder(catalog: CatalogProtocol[Any, Any], model: str) -> Path:
    return Path(str(path_of(catalog.get(model))))


def _versions(catalog: CatalogProtocol[Any, Any], names: list[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        stored = locate(catalog.get(name))
        if stored is not None and stored.version is not None:
            yield name, stored.version


def in_use(catalog: CatalogProtocol[Any, Any], model: str) -> Iterator[tuple[str, str]]:
    """List the promoted version of a model, and those that its successor is compared by."""
    promotion = read_promotion(_folder(catalog, model)) if model in catalog else None
    if promotion is not None:
        yield model, promotion.version
        yield from promotion.evidence.items()
