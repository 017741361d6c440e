"""Nodes of the reporting template: tables, figures, then the page."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from markupsafe import Markup

from crossfold.exceptions import CrossfoldError
from crossfold.reports.page import Lazy, figure_html, render_page, this_command, today
from crossfold.reports.tables import to_html
from crossfold.templates.cross_validation.final_model import library_versions
from crossfold.templates.parallel import side_by_side
from crossfold.templates.reporting import findings, summaries
from crossfold.templates.reporting.results import ReportParameters, Results
from crossfold.templates.wiring import by_name

DEFAULT_PAGE = "default.md.j2"
PAGES = Path(__file__).parent
"""Where pages that a page may extend or include are."""
TABLES = by_name(
    *(summaries.models, summaries.comparisons, summaries.columns, summaries.left_out),
    *(summaries.decision, summaries.calibration, summaries.net_benefit, summaries.importance),
    *(summaries.effects, summaries.settings, summaries.data),
)
FIGURES = (
    *("models", "differences", "protocols", "training_curves", "outcomes", "calibration"),
    *("decision", "net_benefit", "by_outcome", "importance", "effects", "target", "missing"),
)
_FINDINGS = by_name(
    *(findings.answer, findings.standing, findings.comparisons, findings.twins, findings.leaks),
    *(findings.control, findings.over_time, findings.calibration, findings.decision),
    *(findings.confusions, findings.residuals, findings.importance, findings.effects),
    findings.limits,
)


def make_tables(*, names: Sequence[str] = tuple(TABLES), **made: Any) -> dict[str, pd.DataFrame]:
    """Compute tables of the report by name; `made` are the datasets of `Results`."""
    results = Results(**made)
    made_tables = side_by_side(lambda name: TABLES[name](results), [(name,) for name in names])
    return dict(zip(names, made_tables, strict=True))


def draw_figures(
    *, names: Sequence[str] = FIGURES, decision_table: pd.DataFrame | None = None, **made: Any
) -> dict[str, Any]:
    """Draw figures of the report; they are figures of matplotlib by name."""
    from crossfold.reports.style import figure_style
    from crossfold.templates.reporting import figures

    results = Results(**made)
    with figure_style():
        drawn = {n: getattr(figures, n)(results) for n in names if n != "decision"}
        if decision_table is not None:
            drawn["decision"] = figures.decision(results, decision_table)
        return drawn


def make_own_table(function: Callable[..., pd.DataFrame], /, **made: Any) -> pd.DataFrame:
    """Run a function of a study that makes a table."""
    return function(**_asked(function, made))


def draw_own_figure(function: Callable[..., Any], /, **made: Any) -> Any:
    """Run a function of a study that draws a figure, in the common look."""
    from crossfold.reports.style import figure_style

    with figure_style():
        return function(**_asked(function, made))


def _asked(function: Callable[..., Any], made: dict[str, Any]) -> dict[str, Any]:
    """Choose what a function asks for by the names of its arguments."""
    names = signature(function).parameters
    of_results = {n: made[n] for n in Results.__dataclass_fields__ if n in made}
    offered = {**made, "results": Results(**of_results)} if "results" in names else made
    return {name: offered[name] for name in names}


def write_report(
    *,
    report: ReportParameters,
    data_notice: str,
    seed: int,
    own_page: str | None = None,
    own_words: Callable[..., Mapping[str, Any]] | None = None,
    **made: Any,
) -> str:
    """Fill the page: tables come as ``table_NAME``, figures as ``figure_NAME``.

    A study's own page that cannot be filled is a `CrossfoldError`.
    """
    made |= {"report": report, "seed": seed, "data_notice": data_notice}
    own = own_words(**_asked(own_words, made)) if own_words else {}
    tables, images = (_taken(made, prefix) for prefix in ("table_", "figure_"))
    known = {n: made[n] for n in Results.__dataclass_fields__ if n in made}
    results = Results(**known, tables=tables)
    drawing = results.model[0][0].draw() if results.model[0] else None
    images |= {"network": drawing.encode()} if drawing else {}
    names = {
        **_words(results, seed),
        "layers": drawing.description if drawing else "",
        **{"metric": results.metric, "label": results.label},
        **{"table": _printer(results, tables), "figure": _embedder(images)},
        **own,
    }
    page = Path(report.page) if report.page else PAGES / DEFAULT_PAGE
    text = own_page if own_page is not None and report.page is None else page.read_text("utf-8")
    return render_page(text, names, data_notice, PAGES)


def _taken(made: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Take out of `made` what has a prefix, and name it without."""
    names = [n for n in made if n.startswith(prefix) and n != "table_parameters"]
    return {name.removeprefix(prefix): made.pop(name) for name in names}


def _words(results: Results, seed: int) -> dict[str, Any]:
    """Collect what a page can name; sentences are computed where it names them."""
    return {
        **{name: Lazy(partial(one, results)) for name, one in _FINDINGS.items()},
        "title": results.report.title or Lazy(partial(findings.title, results)),
        "command": this_command() or results.report.command,
        "parameters": Lazy(partial(_yaml, results)),
        "seed": seed,
        "today": today(),
        "card": results.model_card,
        "versions": results.model_card.get("versions") or library_versions(),
        "results": results,
        "report": results.report,
        "main": Lazy(lambda: results.metric(results.reference, results.main_metric)),
    }


def _yaml(results: Results) -> str:
    blocks = {"table": results.table_parameters, "evaluation": results.evaluation}
    listed = {"columns", "left_out"}  # In the table of columns.
    plain = {n: block.model_dump(mode="json", exclude=listed) for n, block in blocks.items()}
    plain["network"] = json.loads(json.dumps(results.model_card.get("network")))
    return str(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True))


def _printer(results: Results, tables: dict[str, pd.DataFrame]) -> Callable[..., Markup]:
    given = {"leak_guard": results.leak_guard, **tables}

    def table(
        name: str | pd.DataFrame,
        caption: str = "",
        decimals: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> Markup:
        if isinstance(name, pd.DataFrame):
            return to_html(name, caption, decimals=decimals, columns=columns)
        models = name == "models"
        found, told = _found(given, name, "table"), caption or name
        of_models = any(column.startswith("model") for column in found)
        names = results.report.labels if of_models else results.column_labels
        bold = results.reference if models else None
        return to_html(found, told, bold, decimals, columns=columns, names=names, join=models)

    return table


def _embedder(images: dict[str, bytes]) -> Callable[..., Markup]:
    def figure(name: str, caption: str, alt: str = "", title: str = "") -> Markup:
        return figure_html(name, _found(images, name, "figure"), caption, alt or caption, title)

    return figure


def _found(given: dict[str, Any], name: str, kind: str) -> Any:
    if name not in given:
        known = ", ".join(sorted(given))
        raise CrossfoldError(f"The report's page asks for a {kind} {name!r}; there are {known}.")
    return given[name]
