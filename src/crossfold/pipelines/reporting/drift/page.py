"""The page about changed data: rows, label, features, models."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from crossfold.pipelines.reporting.document import (
    Document,
    Figure,
    Section,
    Table,
    render_document,
)
from crossfold.pipelines.reporting.report import Caption
from crossfold.refreshing.drift_table import FEATURE, MODEL, RATE, ROWS, Drift
from crossfold.reports.words import (
    count,
    interval,
    number,
    percent_interval,
    plain,
)

CAPTION = Caption(
    "Rates of the label before and now, and the population stability index of each feature.",
    "Above: the label's rates, with 95 % Wilson intervals. Below: how far each feature has shifted;"
    " 0.1 marks some shift, 0.25 a large one. The grey strokes are what chance alone would stay"
    " below in 95 of 100 cases, if rows were independent.",
)
FEATURES_PARAGRAPH = (
    "The population stability index adds up, over bins, the change of a bin's share times the"
    " logarithm of its ratio. Numbers fall into ten bins between quantiles of the data before;"
    " categories and flags are bins as they are, and missing values are a bin. Means are of"
    " numbers and flags only."
)
MODEL_PARAGRAPH = (
    "Both models are scored out of fold, on the same rows: those that both tables hold. Groups are"
    " drawn as wholes and for both models alike; a difference above zero speaks for the new one."
)


def write(drift: Drift, figure: bytes | None) -> str:
    """Write the page.

    Parameters
    ----------
    drift
        What has changed.
    figure
        What `draw` drew, as PNG or SVG; None where there were no data before.
    """
    document = Document(
        title=f"{plain(drift.study)}: what has changed in the data",
        opening=tuple(_opening(drift)),
        lead=(Figure("drift", figure, CAPTION),) if figure else (),
        sections=tuple(_sections(drift)),
        data_notice=drift.notice,
        command="kedro refresh",
        facts=_facts(drift),
    )
    return render_document(document)


def _opening(drift: Drift) -> Iterator[str]:
    yield drift.in_a_sentence
    for row in _part(drift, RATE).itertuples():
        if drift.change.before is not None and not row.low <= 0 <= row.high:
            yield (
                f"The share of {row.name} went from {percent_interval(*_before(row))} to"
                f" {percent_interval(*_now(row))}."
            )
    if drift.decision is not None:
        yield drift.decision.sentence


def _sections(drift: Drift) -> Iterator[Section]:
    parts = (_rows_table(drift), _rates_table(drift))
    yield Section("data", "Rows and label", parts=parts)
    if drift.change.before is None:
        return
    yield Section("features", "Features", (FEATURES_PARAGRAPH,), (_features_table(drift),))
    yield _models_section(drift)


def _rows_table(drift: Drift) -> Table:
    [row] = _part(drift, ROWS).itertuples()
    if drift.change.before is None:
        return Table("Rows", ("Table", "Now"), ((row.name, count(row.now)),))
    cells = (row.name, count(row.before), count(row.now), f"{row.estimate:+,.0f}".replace("-", "−"))
    return Table("Rows", ("Table", "Before", "Now", "Difference"), (cells,))


def _rates_table(drift: Drift) -> Table:
    rows = list(_part(drift, RATE).itertuples())
    caption = f"Rates of {drift.rule.label}, with 95 % Wilson intervals, n = {count(rows[0].n)} now"
    if drift.change.before is None:
        cells = tuple((row.name, percent_interval(*_now(row))) for row in rows)
        return Table(caption, ("Level", "Now"), cells)
    cells = tuple(
        (
            row.name,
            percent_interval(*_before(row)),
            percent_interval(*_now(row)),
            percent_interval(row.estimate, row.low, row.high),
        )
        for row in rows
    )
    return Table(caption, ("Level", "Before", "Now", "Difference"), cells)


def _features_table(drift: Drift) -> Table:
    table = _part(drift, FEATURE)
    header = ("Feature", "Index", "By chance, 95 %", "Mean before", "Mean now", "Verdict")
    rows = tuple(
        (
            plain(row.name),
            number(row.estimate),
            number(row.by_chance),
            number(row.before),
            number(row.now),
            row.verdict,
        )
        for row in table.itertuples()
    )
    caption = f"Features, the most shifted first, n = {count(table['n'].max())} now"
    return Table(caption, header, rows)


def _models_section(drift: Drift) -> Section:
    rows = list(_part(drift, MODEL).itertuples())
    if not rows:
        why = drift.decision.sentence if drift.decision else "There is no new model to compare."
        return Section("models", "Models", (why,))
    cells = tuple(
        (
            row.name,
            number(row.before),
            number(row.now),
            interval(row.estimate, row.low, row.high, decimals=4),
            row.verdict,
        )
        for row in rows
    )
    caption = (
        "The new model and the one in use before, 95 % interval of a paired bootstrap,"
        f" n = {count(rows[0].n)} rows of both"
    )
    header = ("Metric", "In use", "New", "Difference", "The new one is")
    decided = drift.decision.sentence if drift.decision else ""
    return Section("models", "Models", (MODEL_PARAGRAPH, decided), (Table(caption, header, cells),))


def _facts(drift: Drift) -> dict[str, str]:
    before, now = drift.change.before, drift.change.now
    return {
        "Data now": f"{drift.rule.table} {now.version} (sha256 {now.digest[:12]}…)",
        "Data before": (
            f"{drift.rule.table} {before.version} (sha256 {before.digest[:12]}…)"
            if before
            else "none"
        ),
    }


def _part(drift: Drift, measure: str) -> pd.DataFrame:
    return drift.table[drift.table["measure"] == measure]


def _before(row: object) -> tuple[float, float, float]:
    return row.before, row.before_low, row.before_high  # type: ignore[attr-defined]


def _now(row: object) -> tuple[float, float, float]:
    return row.now, row.now_low, row.now_high  # type: ignore[attr-defined]
