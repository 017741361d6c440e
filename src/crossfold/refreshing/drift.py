"""Drift: whether new rows come from where those before came from, told on a page with a figure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pandas as pd
from kedro.io import CatalogProtocol, Version
from kedro.io.core import generate_timestamp
from kedro.pipeline import Pipeline

from crossfold.refreshing.hooks import DriftRule
from crossfold.refreshing.promotion import Decision, Difference
from crossfold.reports import charts, style, words
from crossfold.reports.page import figure_html, render_page, today
from crossfold.reports.tables import to_html
from crossfold.validation.drift import feature_drift, label_rates, rate_changes
from kedro_refresh import RefreshError
from kedro_refresh.fingerprint import Content, Fingerprint
from kedro_refresh.ledger import Ledger, NodeRecord, Output
from kedro_refresh.stored import ContentReader, locate, pin, stamp

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Catalog = CatalogProtocol[Any, Any]

KINDS = ("drift_table", "drift_figure", "drift_report")
ROWS, RATE, FEATURE, MODEL = "rows", "rate", "feature", "model"
COLUMNS = ["measure", "name", "before", "before_low", "before_high", "now", "now_low", "now_high"]
COLUMNS += ["estimate", "low", "high", "by_chance", "n", "verdict"]
ROW_INCHES = 0.24
LEAST_SHOWN = 0.001
MOST_FEATURES = 40
SHIFTED = ("shifted", "shifted far")
OTHERWISE = ("too few rows to tell", "new", "gone")
LOOKS = {
    "stable": (style.BLUE, "o"),
    "too few rows to tell": (style.GREY, "^"),
    "shifted": (style.ORANGE, "s"),
    "shifted far": (style.VERMILLION, "D"),
}


@dataclass(frozen=True)
class Change:
    """A table that has changed: what was written now, and before, or None for the first time."""

    now: Output
    before: Output | None


@dataclass(frozen=True)
class Drift:
    """What has changed in the data of a study."""

    study: str  # its name
    rule: DriftRule  # what is compared
    table: pd.DataFrame  # as `drift_table` gives it
    change: Change  # versions of the data
    notice: str = ""  # first line of the page, or nothing
    decision: Decision | None = None  # what becomes of the new model, or None where there is none

    def part(self, measure: str) -> pd.DataFrame:
        """Give the rows of a measure."""
        return self.table[self.table["measure"] == measure]

    @property
    def in_a_sentence(self) -> str:
        """Say how much has changed."""
        if self.change.before is None:
            return f"{self.study}: there are no data from before to compare with."
        rows, features = self.part(ROWS).iloc[0], self.part(FEATURE)
        verdicts = features["verdict"]
        told = f"{int(verdicts.isin(SHIFTED).sum())} of {len(features)} features have shifted"
        others = [f"{one}: {n}" for one in OTHERWISE if (n := int((verdicts == one).sum()))]
        told += f" ({'; '.join(others)})" if others else ""
        return f"{self.study}: {rows['before']:,.0f} rows before, {rows['now']:,.0f} now; {told}."


def drift_table(
    rule: DriftRule, now: pd.DataFrame, before: pd.DataFrame | None, difference: Difference | None
) -> pd.DataFrame:
    """Compare the data of a study with those before, if any, and its model with the one in use.

    Returns one row for each ``measure``: ``rows``; the ``rate`` of each level of the label, with
    Wilson intervals, and Newcombe's for the difference; each ``feature``, whose ``estimate`` is the
    population stability index; the ``model``, whose ``estimate`` is positive where the new one is
    better. No row tells of a single row of the data. Raises a `RefreshError` if the data have no
    such label.
    """
    parts = [
        _rows(rule.table, now, before),
        _rates(rule, now, before),
        _features(rule, now, before),
        pd.DataFrame([_model(rule.model, difference)] if difference else []),
    ]
    table = pd.concat([part for part in parts if len(part)], ignore_index=True)
    return table.reindex(columns=COLUMNS)


def _rows(name: str, now: pd.DataFrame, before: pd.DataFrame | None) -> pd.DataFrame:
    row: dict[str, object] = {"measure": ROWS, "name": name, "now": len(now), "n": len(now)}
    if before is not None:
        row |= {"before": len(before), "estimate": len(now) - len(before)}
    return pd.DataFrame([row])


def _rates(rule: DriftRule, now: pd.DataFrame, before: pd.DataFrame | None) -> pd.DataFrame:
    rates = [label_rates(_label(rule, table)) for table in (now, before) if table is not None]
    changes = rate_changes(*rates)
    names = f"{rule.label} " + changes.pop("level")
    return changes.assign(measure=RATE, name=names, n=len(now))


def _label(rule: DriftRule, table: pd.DataFrame) -> pd.Series:
    if rule.label not in table:
        raise RefreshError(
            f"{rule.table} has no column {rule.label}: name its label under drift in refresh.yml."
        )
    return table[rule.label]


def _features(rule: DriftRule, now: pd.DataFrame, before: pd.DataFrame | None) -> pd.DataFrame:
    if before is None:
        return now.iloc[:0, :0]
    left_out = [rule.label, *rule.ignore]
    before, now = (table.drop(columns=left_out, errors="ignore") for table in (before, now))
    table = feature_drift(before, now).rename(columns={"index": "estimate"})
    return table.assign(measure=FEATURE, n=len(now))


def _model(name: str | None, difference: Difference) -> dict[str, object]:
    fields = asdict(difference)
    named = {"measure": MODEL, "name": f"{name} {fields.pop('metric')}", "n": fields.pop("n_rows")}
    verdict = "worse" if difference.high < 0 else "better" if difference.low > 0 else "as good"
    return {**named, **fields, "verdict": verdict}


def outputs(studies: Iterable[str]) -> set[str]:
    """Name the datasets that are written about some studies."""
    return {f"{study}.{kind}" for study in studies for kind in KINDS}


def find_change(
    catalog: Catalog, ledger: Ledger, pipeline: Pipeline, study: str, rule: DriftRule
) -> Change | None:
    """Find out from the ledger whether the data have changed since they were last compared.

    None as well where the pipeline does not make the data, or the model that belongs to them.
    """
    if not {rule.table, *filter(None, [rule.model])} <= pipeline.all_outputs():
        return None
    maker = next(node for node in pipeline.nodes if rule.table in node.outputs)
    written = ledger.written(maker.name, rule.table)
    record = ledger.latest_nodes().get(_node(study))
    compared = record.outputs.get(rule.table) if record else None
    if not written or (compared is not None and compared.digest == written[0].digest):
        return None
    earlier = [compared] if compared else written[1:]
    others = (one for one in earlier if one.version and one.digest != written[0].digest)
    usable = (one for one in others if _version(catalog, rule.table, one).exists())
    return Change(now=written[0], before=next(usable, None))


def measure(
    catalog: Catalog, study: str, rule: DriftRule, change: Change, decision: Decision | None
) -> Drift:
    """Compare the data before and now, and the models."""
    # Past the catalog's checks: data of an older crossfold need not be as it demands today.
    now = _version(catalog, rule.table, change.now).load()
    before = _version(catalog, rule.table, change.before).load() if change.before else None
    table = drift_table(rule, now, before, decision.difference if decision else None)
    notice = catalog.load("params:data_notice") if "params:data_notice" in catalog else ""
    return Drift(study, rule, table, change, notice, decision)


def save(catalog: Catalog, drift: Drift) -> str:
    """Save table, figure and page, and say in one sentence what they say."""
    stamp(catalog, outputs([drift.study]), generate_timestamp())
    pin(catalog, outputs([drift.study]))
    catalog.save(f"{drift.study}.drift_table", drift.table)
    figure = None
    if drift.change.before is not None:
        catalog.save(f"{drift.study}.drift_figure", draw(drift))
        figure = catalog.load(f"{drift.study}.drift_figure")
    catalog.save(f"{drift.study}.drift_report", write(drift, figure))
    page = locate(catalog.get(f"{drift.study}.drift_report"))
    place = f" See {page.files[0]}." if page and page.files else ""
    return f"{drift.in_a_sentence}{place}"


def note(ledger: Ledger, run: str, catalog: Catalog, drift: Drift) -> None:
    """Note in the ledger what was written, and the data, which are kept for the next comparison."""
    name, data = drift.rule.table, drift.change.now
    inputs = {name: Content(data.digest)}
    fingerprint = Fingerprint(inputs, {}, function="", modules={}, libraries={}, catalog={})
    written = {name: data, **dict(_written(catalog, drift.study))}
    ledger.begin_node(run, _node(drift.study))
    ledger.end_node(NodeRecord(_node(drift.study), run, fingerprint, written))


def _written(catalog: Catalog, study: str) -> Iterator[tuple[str, Output]]:
    reader = ContentReader({})
    for name in sorted(outputs([study])):
        stored = locate(catalog.get(name))
        content = reader.of(stored) if stored else None
        if stored and content:
            yield name, Output(stored.version, content.digest)


def _node(study: str) -> str:
    return f"{study}.drift"


def _version(catalog: Catalog, name: str, output: Output) -> Any:
    datasets: Any = catalog  # Kedro's protocol leaves out the version
    return datasets.get(name, version=Version(output.version, None))


# The page and the figure


def draw(drift: Drift) -> Figure:
    """Draw rates before and now with 95 % intervals, and the index of the most shifted features."""
    rows, rates, features = (drift.part(measure) for measure in (ROWS, RATE, FEATURE))
    features = features.dropna(subset="estimate").head(MOST_FEATURES)
    n_rows = [len(rates) + 2.5, len(features) + 2.5]
    with style.figure_style():
        figure, [above, below] = style.new_figure(
            1.6 + ROW_INCHES * sum(n_rows), 2, gridspec_kw={"height_ratios": n_rows}
        )
        _draw_rates(above, rates, rows.iloc[0])
        _draw_features(below, features)
        style.name_series(figure, below)
    return figure


def _draw_rates(axes: Axes, rates: pd.DataFrame, rows: pd.Series) -> None:
    parts = {
        f"{when} (n = {words.count(rows[when])})": rates[["name"]].assign(
            estimate=rates[when], low=rates[f"{when}_low"], high=rates[f"{when}_high"]
        )
        for when in ("now", "before")
    }
    table = pd.concat(parts, names=["when"]).reset_index("when")
    names = {name: words.plain(name.removesuffix(" True")) for name in rates["name"]}
    charts.dots(axes, table, "name", list(names), "when", list(parts))
    axes.set_yticks(range(len(names)), list(names.values()))
    axes.set_xlabel("share of rows, 95 % Wilson interval")
    style.percent_axis(axes.xaxis)
    axes.locator_params(axis="x", nbins=4)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, columnspacing=1)


def _draw_features(axes: Axes, features: pd.DataFrame) -> None:
    style.shade_rows(axes, max(len(features), 1))
    shown = features.assign(
        place=range(len(features)),
        estimate=features["estimate"].clip(lower=LEAST_SHOWN).astype(float),
        by_chance=features["by_chance"].clip(lower=LEAST_SHOWN),
    )
    for verdict, (colour, marker) in LOOKS.items():
        own = shown[shown["verdict"] == verdict]
        if len(own):
            axes.plot(own["estimate"], own["place"], marker, color=colour, label=verdict)
    by_chance: dict[str, Any] = {"color": style.GREY, "markersize": 10, "label": "by chance, 95 %"}
    axes.plot(shown["by_chance"], shown["place"], "|", **by_chance)
    for mark, look in ((0.1, "--"), (0.25, "-")):
        axes.axvline(mark, color=style.BLACK, linestyle=look, linewidth=1, label=f"mark {mark:g}")
    axes.set_xscale("log")
    axes.set_xlim(0.8 * LEAST_SHOWN, max(1, 1.5 * shown["estimate"].max() if len(shown) else 0))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_yticks(shown["place"], [words.plain(name) for name in shown["name"]])
    axes.set_xlabel(f"population stability index,\n{LEAST_SHOWN:g} also for less (log scale)")


def write(drift: Drift, figure: bytes | None) -> str:
    """Write the page, with what `draw` drew as PNG or SVG, or None for data that are the first."""
    change, tables = drift.change, _tables(drift)

    def table(part: str, caption: str, **names: str) -> Markup:
        return to_html(tables[part], caption, columns=[*names], names=names)

    names = {
        "study": drift.study.replace("_", " "),
        "answer": drift.in_a_sentence,
        "label": drift.rule.label,
        "rates": tables[RATE].to_dict("records"),
        "decision": drift.decision.sentence if drift.decision else "",
        "draw": partial(figure_html, "drift", figure) if figure else None,
        "table": table,
        "has_before": change.before is not None,
        "n": int(drift.part(ROWS)["n"].iloc[0]),
        "n_both": int(drift.part(MODEL)["n"].max()) if len(drift.part(MODEL)) else 0,
        "now": _told(drift.rule.table, change.now),
        "before": _told(drift.rule.table, change.before) if change.before else "none",
        "today": today(),
    }
    source = files("crossfold.refreshing").joinpath("drift.md.j2").read_text(encoding="utf-8")
    return render_page(source, names, drift.notice)


def _told(name: str, output: Output) -> str:
    return f"{name} {output.version} (sha256 {output.digest[:12]}…)"


def _tables(drift: Drift) -> dict[str, pd.DataFrame]:
    """Prepare the tables of the page, by measure; without columns of what there was not before."""
    rows, rates, models = (drift.part(measure) for measure in (ROWS, RATE, MODEL))
    per_cent = {name: _printed(rates, name) for name in ("before", "now", "estimate")}
    moved = ~rates["low"].le(0) | ~rates["high"].ge(0)
    fixed = _printed(models, "estimate", partial(words.interval, decimals=4))
    found = {
        ROWS: rows[["name", "before", "now", "estimate"]],
        RATE: rates.assign(moved=moved & (drift.change.before is not None), **per_cent),
        FEATURE: drift.part(FEATURE).rename(columns={"estimate": "index"}),
        MODEL: models.assign(estimate=fixed),
    }
    if drift.change.before is None:
        lacks = ["before", "estimate"]
        found = {one: table.drop(columns=lacks, errors="ignore") for one, table in found.items()}
    whole = found[ROWS].columns.drop("name")
    return found | {ROWS: found[ROWS].astype(dict.fromkeys(whole, "int64"))}


def _printed(
    part: pd.DataFrame, name: str, printer: Callable[..., str] = words.percent_interval
) -> list[str]:
    of_name = "" if name == "estimate" else f"{name}_"
    found = part[[name, f"{of_name}low", f"{of_name}high"]].astype(float)
    return [printer(*row) for row in found.itertuples(index=False)]
