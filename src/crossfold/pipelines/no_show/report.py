"""Tables, figures and words of the page on appointment no-shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from crossfold.reports import charts
from crossfold.reports.tables import Estimate, widen
from crossfold.reports.words import fitting_interval, percent, percent_interval, plain
from crossfold.templates.parallel import side_by_side
from crossfold.templates.parameters import Parameters
from crossfold.templates.reporting.results import ReportParameters, Results
from crossfold.templates.reporting.summaries import confusion_counts
from crossfold.templates.wiring import by_name
from crossfold.validation.estimates import Predicted
from crossfold.validation.intervals import GroupBootstrap, percentile_interval
from crossfold.validation.metrics import wilson_interval
from crossfold.validation.subgroups import subgroup_table
from crossfold.validation.thresholds import threshold_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CONDITIONS = ("scholarship", "hypertension", "diabetes", "alcoholism")
LEAD_TIME_DAYS = {
    "Same day": 0,
    "1 day": 1,
    "2 days": 2,
    "3–7 days": 7,
    "8–14 days": 14,
    "15–30 days": 30,
    "31–60 days": 60,
    "Over 60 days": np.inf,
}
AGE_BANDS = {"0–17": 17, "18–34": 34, "35–49": 49, "50–64": 64, "65 and over": np.inf}
FIRST_DAY_WITH_SMS = 3
OLDEST = 90
EVERYONE = "Everyone"
FEWEST_ROWS = 30
NOTHING = pd.DataFrame(columns=["n", "events", "estimate", "low", "high"])
RATE = "No-show rate"
SHOWN = {"rate": RATE, "flagged_share": "Share flagged", "recall": "Recall"}
SCOPES = {"pooled": "all", "same_day": "same day", "later": "later days"}
APART = ("mlp_tuned", "hist_gradient_boosting", "logistic_regression", "same_day_flag")
TWINS = ("mlp_numpy", "mlp_torch")
PLAIN_AND_WEIGHTED = ("mlp_numpy", "mlp_weighted")
# Precision of fewer rows than this is noise, and is not drawn.
FEWEST_FLAGGED = 50
_YES_NO = {True: "Yes", False: "No"}
_F1 = ("validation_f1", "validation_f1_best")
_SUBGROUPS: dict[str, tuple[str, Callable[[pd.Series], pd.Series]]] = {
    "Sex": ("gender", lambda sex: sex.astype(str).map({"F": "Female", "M": "Male"})),
    "Age": ("age", lambda age: cut(age, AGE_BANDS)),
    "Scholarship": ("scholarship", lambda flag: flag.map(_YES_NO)),
    "Disability": ("handicap", lambda level: (level > 0).map(_YES_NO)),
}


class Extra(Parameters):
    """What the page says of calls."""

    share: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Share of appointments that a clinic can call, riskiest first."""


class NoShowReportParameters(ReportParameters):
    """The words of the report on no-shows."""

    extra: Extra = Extra()


TYPES = {"report": NoShowReportParameters}


def rate_table(groups: Mapping[str, pd.Series], outcome: pd.Series) -> pd.DataFrame:
    """Compute the rate of an outcome, True where the event happened, in every group that occurs.

    Groups are columns by name, with the index of the outcome. Returns one row a group, sorted: the
    columns of `groups`, ``n``, ``events``, ``estimate`` (rate in [0, 1]), ``low`` and ``high``
    (95 % Wilson interval).
    """
    keys = pd.DataFrame(dict(groups))
    counted = outcome.groupby([keys[name] for name in keys], observed=True).agg(["size", "sum"])
    table = counted.reset_index().rename(columns={"size": "n", "sum": "events"})
    low, high = wilson_interval(table["events"].to_numpy(), table["n"].to_numpy())
    return table.assign(estimate=table["events"] / table["n"], low=low, high=high)


def no_show_by_lead_time(table: pd.DataFrame) -> pd.DataFrame:
    """Compute rates by days between booking and appointment."""
    return rate_table({"lead_time": lead_time(table)}, table["no_show"])


def no_show_by_age(table: pd.DataFrame) -> pd.DataFrame:
    """Compute rates by year of age; the oldest share one."""
    if "age" not in table:
        return NOTHING.assign(age=[])
    return rate_table({"age": table["age"].clip(upper=OLDEST)}, table["no_show"])


def no_show_by_condition(table: pd.DataFrame) -> pd.DataFrame:
    """Compare rates with and without each condition that the table has."""
    tables = [
        rate_table({"present": table[column]}, table["no_show"]).assign(condition=plain(column))
        for column in CONDITIONS
        if column in table
    ]
    return pd.concat(tables or [NOTHING.assign(present=[], condition=[])], ignore_index=True)


def no_show_by_handicap(table: pd.DataFrame) -> pd.DataFrame:
    """Compute rates by handicap level."""
    if "handicap" not in table:
        return NOTHING.assign(handicap_level=[])
    return rate_table({"handicap_level": table["handicap"]}, table["no_show"])


def sms_by_lead_time(table: pd.DataFrame) -> pd.DataFrame:
    """Compare rates with and without an SMS: over all rows, and in each range of lead time.

    No SMS goes out for appointments booked less than three days ahead, which are also the ones
    that are kept, so the rates over all rows compare unlike appointments.
    """
    if "sms_received" not in table:
        return NOTHING.assign(stratum=[], sms_received=[])
    outcome, sent = table["no_show"], table["sms_received"]
    long_enough = lead_time_days(table) >= FIRST_DAY_WITH_SMS
    parts = (
        pd.Series("All rows", table.index),
        pd.Series(f"{FIRST_DAY_WITH_SMS} days or more", table.index)[long_enough],
        lead_time(table),
    )
    tables = [
        rate_table({"stratum": part, "sms_received": sent[part.index]}, outcome[part.index])
        for part in parts
    ]
    return pd.concat([one.astype({"stratum": str}) for one in tables], ignore_index=True)


def lead_time_days(table: pd.DataFrame) -> pd.Series:
    """Count calendar days from the booking day to the appointment."""
    days: pd.Series = (table["appointment_day"] - table["booked_at"].dt.normalize()).dt.days
    return days


def lead_time(table: pd.DataFrame) -> pd.Series:
    """Sort rows into ranges of lead time, an ordered category."""
    return cut(lead_time_days(table), LEAD_TIME_DAYS)


def cut(values: pd.Series, last_value_of: dict[str, float]) -> pd.Series:
    """Sort values into named ranges, given the last value of each range."""
    return pd.cut(values, [-np.inf, *last_value_of.values()], labels=list(last_value_of))


def subgroup_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Make the columns by which the report asks who is affected, in readable levels."""
    levels = {
        name: read(table[column]) for name, (column, read) in _SUBGROUPS.items() if column in table
    }
    return pd.DataFrame(levels, index=table.index)


def subgroups(results: Results, seed: int) -> pd.DataFrame:
    """Compute what the model does by sex, age band, scholarship and disability, and for everyone.

    Returns columns ``group``, ``level``, ``n``, ``positives``, ``metric`` (``rate`` with its Wilson
    interval, and those of `subgroup_table`), ``estimate``, ``low``, ``high``.
    """
    # In the order in which the metrics were computed, so that everyone's intervals are theirs.
    rows = results.predicted(results.reference).sort_index()
    levels: dict[str, Any] = {EVERYONE: np.full(len(rows), "all")}
    levels |= dict(subgroup_columns(results.table).take(rows["row"].to_numpy()))
    draws = GroupBootstrap(rows["group"], results.evaluation.n_resamples, seed)
    predicted = Predicted.of(rows, "binary")
    jobs = [(predicted, own, draws) for own in levels.values()]
    tables: list[pd.DataFrame] = side_by_side(subgroup_table, jobs)
    table = pd.concat(tables, keys=list(levels), names=["group"])
    table = table.reset_index("group").reset_index(drop=True)
    rates = table.drop_duplicates(["group", "level"])
    low, high = wilson_interval(rates["positives"], rates["n"])
    observed = rates.assign(metric="rate", estimate=rates["observed_rate"], low=low, high=high)
    both = pd.concat([observed, table], ignore_index=True)
    return both.drop(columns="observed_rate")


def subgroup_gaps(results: Results) -> pd.DataFrame:
    """Compare the levels that are flagged most and least often, by sex, age and so on.

    Returns columns ``group``, ``most``, ``least``, their ``flagged`` shares and recalls, and with
    95 % intervals from a bootstrap by patient ``flagged_ratio`` and ``recall_gap``.
    """
    rows = results.predicted(results.reference)
    levels = subgroup_columns(results.table).take(rows["row"].to_numpy())
    draws = results.bootstrap
    lines = []
    for group, of_row in levels.items():
        names = [n for n in pd.unique(of_row.dropna()) if (of_row == n).sum() >= FEWEST_ROWS]
        if len(names) > 1:
            shares, recalls = _drawn(rows, [(of_row == name).to_numpy() for name in names], draws)
            most, least = int(shares[0].argmax()), int(shares[0].argmin())
            # NaN where nobody was flagged.
            fewest = np.where(shares[:, least] > 0, shares[:, least], np.nan)
            lines.append(
                {
                    "group": str(group),
                    "most": str(names[most]),
                    "least": str(names[least]),
                    "most_flagged": shares[0, most],
                    "least_flagged": shares[0, least],
                    "most_recall": recalls[0, most],
                    "least_recall": recalls[0, least],
                    **_with_interval("flagged_ratio", shares[:, most] / fewest),
                    **_with_interval("recall_gap", recalls[:, most] - recalls[:, least]),
                }
            )
    columns = ["group", "most", "least", "most_flagged", "least_flagged", "most_recall"]
    columns += ["least_recall", "flagged_ratio", "flagged_ratio_low", "flagged_ratio_high"]
    columns += ["recall_gap", "recall_gap_low", "recall_gap_high"]
    return pd.DataFrame(lines, columns=columns)


def _drawn(
    rows: pd.DataFrame, levels: list[NDArray[np.bool_]], draws: Any
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute share flagged and recall of each level: of all rows, then of each resample."""
    flagged, missed = rows["flagged"].to_numpy(dtype=bool), rows["target"].to_numpy(dtype=bool)
    columns = np.array(
        [level & part for part in (True, flagged, missed, flagged & missed) for level in levels],
        dtype=np.float64,
    )
    sums = np.vstack([columns.sum(axis=1), draws.sums(columns)])
    n, called, events, hits = np.split(sums, 4, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return called / n, hits / events


def _with_interval(name: str, values: NDArray[np.float64]) -> dict[str, float]:
    low, high = percentile_interval(values[1:])
    return {name: float(values[0]), f"{name}_low": low, f"{name}_high": high}


def thresholds(results: Results) -> pd.DataFrame:
    """Compute precision, recall, false positive rate and F1 over 101 thresholds."""
    rows = results.predicted(results.reference)
    return threshold_table(rows["target"], rows["p1"])


def draw_no_show_by_lead_time(table_no_show_by_lead_time: pd.DataFrame) -> Figure:
    """Draw the rate by range of lead time."""
    return _rates(table_no_show_by_lead_time, "lead_time")


def draw_no_show_by_handicap(table_no_show_by_handicap: pd.DataFrame) -> Figure:
    """Draw the rate by handicap level; the rare levels have wide intervals."""
    table = table_no_show_by_handicap
    levels = "Level " + table["handicap_level"].astype("Int64").astype(str)
    return _rates(table.assign(handicap_level=levels), "handicap_level")


def draw_no_show_by_condition(table_no_show_by_condition: pd.DataFrame) -> Figure:
    """Draw the rates with and without each condition side by side."""
    table = table_no_show_by_condition
    present = table["present"].map({True: "with it", False: "without"})
    return _rates(table.assign(present=present), "condition", "present")


def draw_sms_by_lead_time(table_sms_by_lead_time: pd.DataFrame) -> Figure:
    """Draw the rates with and without an SMS: all rows first, then ranges of lead time."""
    table = table_sms_by_lead_time
    sent = table["sms_received"].map({True: "SMS sent", False: "no SMS"})
    return _rates(table.assign(sms_received=sent), "stratum", "sms_received")


def _rates(table: pd.DataFrame, label: str, series: str | None = None) -> Figure:
    sizes = table.groupby(label, observed=True, sort=False)["n"].sum()
    names = {str(name): f"{name} (n = {n:,.0f})" for name, n in sizes.items()}
    shown = table.assign(metric="rate")
    shown[label] = shown[label].astype(str)
    return charts.estimates(
        shown, label, ["rate"], series=series, names=names, percent=True, axis=RATE
    )


def draw_no_show_by_age(table_no_show_by_age: pd.DataFrame) -> Figure:
    """Draw the rate by year of age as a line with its interval."""
    return charts.lines(
        table_no_show_by_age, "age", x_axis="Age in years", y_axis=RATE, percent=True
    )


def rows_apart(results: Results) -> Figure:
    """Draw the ROC-AUC on all rows, on same-day rows and on later ones."""
    metrics = results.metrics_table[results.metrics_table["model"].isin(list(APART))]
    own = (metrics["protocol"] == results.protocol) & metrics["scope"].isin(list(SCOPES))
    table = metrics[own & (metrics["metric"] == "roc_auc")].astype({"model": str, "scope": str})
    order = {name: place for place, name in enumerate([*results.models, *SCOPES])}
    table = table.sort_values(["model", "scope"], key=lambda names: names.map(order))
    return charts.estimates(
        table, "model", ["roc_auc"], series="scope", bold=results.reference, reference=0.5,
        axis="ROC-AUC; the line is chance", names={**results.report.labels, **SCOPES},
    )  # fmt: skip


def draw_subgroups(table_subgroups: pd.DataFrame) -> Figure:
    """Draw who misses, who is flagged, and whose no-shows are found, by subgroup."""
    table = table_subgroups[table_subgroups["group"] != "Everyone"]
    told = table["group"].astype(str) + ": " + table["level"].astype(str)
    return charts.estimates(
        table.assign(told=told), "told", list(SHOWN), names=SHOWN, percent=True, ranked=False
    )


def draw_thresholds(table_thresholds: pd.DataFrame, results: Results) -> Figure:
    """Draw precision, recall, false positive rate and F1 over 101 decision thresholds."""
    n_rows = len(results.features)
    few = table_thresholds["flagged_share"] * n_rows < FEWEST_FLAGGED
    wide = table_thresholds.assign(precision=table_thresholds["precision"].mask(few))
    rates = ["precision", "recall", "false_positive_rate", "f1"]
    long = wide.melt("threshold", rates, value_name="estimate")
    names = {name: plain(name) for name in rates}
    return charts.lines(long, "threshold", series="variable", names=names, y_axis="Value")


def confusion_matrix(results: Results) -> Figure:
    """Draw the counts at the thresholds chosen inside the training folds."""
    counts = confusion_counts(results, results.reference)
    return charts.confusion(counts, [results.report.no_event, results.report.event])


def twin_training(history: pd.DataFrame, results: Results) -> Figure:
    """Draw loss, F1 and time of the same network on both engines, which lie on each other."""
    return _training(history, results, TWINS, "validation_loss", *_F1, "seconds")


def loss_weighting(history: pd.DataFrame, results: Results) -> Figure:
    """Draw what weighting the loss does to F1, at one threshold and at the best one."""
    return _training(history, results, PLAIN_AND_WEIGHTED, "train_loss", "validation_loss", *_F1)


def _training(
    history: pd.DataFrame, results: Results, models: Sequence[str], *measures: str
) -> Figure:
    own = history[history["protocol"] == results.protocol]
    table = charts.over_epochs(own, measures, models)
    return charts.lines(
        table, "epoch", series="model", panel="measure", names=results.report.labels,
        share_y=False, height=2.2,
    )  # fmt: skip


def words(
    results: Results,
    table_decision: pd.DataFrame,
    table_sms_by_lead_time: pd.DataFrame,
    table_subgroups: pd.DataFrame,
    table_subgroup_gaps: pd.DataFrame,
    report: NoShowReportParameters,
) -> dict[str, Any]:
    """Compute what the page names: what calling a tenth brings, texts on SMS and subgroups."""
    share = report.extra.share
    row = table_decision.iloc[int((table_decision["share"] - share).abs().argmin())]
    found = {
        name: Estimate(
            name, float(row[name]), float(row[f"{name}_low"]), float(row[f"{name}_high"])
        )
        for name in ("precision", "recall")
    }
    measured = list(table_subgroups["metric"].unique())
    return {
        "ref": results.reference,
        "called": found | {"share": float(row["share"]), "n": int(row["n_called"])},
        "base_rate": float(results.predicted(results.reference)["target"].mean()),
        "groups": widen(table_subgroups, ["group", "level", "n"], "metric", measured),
        "gaps": [_gap(one, results) for one in table_subgroup_gaps.to_dict("records")],
        "sms": _sms(table_sms_by_lead_time),
    }


def _gap(row: Mapping[Any, Any], results: Results) -> str:
    most, least = (results.label(f"{row['group']}: {row[end]}") for end in ("most", "least"))
    ratio, gap = (
        np.array([row[f"{name}{end}"] for end in ("", "_low", "_high")])
        for name in ("flagged_ratio", "recall_gap")
    )
    told = (
        f"{percent(row['most_flagged'])} of the appointments of {most} are flagged, and "
        f"{percent(row['least_flagged'])} of those of {least}"
    )
    if np.isfinite(ratio[0]):
        told += f": {fitting_interval(*ratio)} times as often{_by_chance(ratio, 1)}"
    return (
        f"{told}. Of their no-shows {percent(row['most_recall'])} and "
        f"{percent(row['least_recall'])} are found, a gap of {fitting_interval(*(100 * gap))} "
        f"percentage points{_by_chance(gap, 0)}."
    )


def _by_chance(estimate: NDArray[np.float64], nothing: float) -> str:
    """Say that an interval leaves open whether there is any difference."""
    return ", which may be chance" if estimate[1] <= nothing <= estimate[2] else ""


def _sms(table: pd.DataFrame) -> str:
    """Say what the raw rates by SMS hide."""
    said = []
    for stratum in ("All rows", f"{FIRST_DAY_WITH_SMS} days or more"):
        own = table[table["stratum"] == stratum].set_index("sms_received")
        if not {True, False} <= set(own.index):
            return ""
        with_sms, without = (
            percent_interval(*own.loc[sent, ["estimate", "low", "high"]]) for sent in (True, False)
        )
        said.append(f"{with_sms} with an SMS and {without} without")
    return (
        f"The raw rates are {said[0]}; among appointments booked {FIRST_DAY_WITH_SMS} days ahead "
        f"or more they are {said[1]}."
    )


TABLES = by_name(
    *(no_show_by_lead_time, no_show_by_age, no_show_by_condition, no_show_by_handicap),
    *(sms_by_lead_time, subgroups, subgroup_gaps, thresholds),
)
FIGURES = by_name(
    *(draw_no_show_by_lead_time, draw_no_show_by_age, draw_no_show_by_condition),
    *(draw_no_show_by_handicap, draw_sms_by_lead_time, rows_apart, draw_subgroups),
    *(draw_thresholds, confusion_matrix, twin_training, loss_weighting),
)
