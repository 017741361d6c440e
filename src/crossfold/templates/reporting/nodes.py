"""Nodes of the reporting template: tables, figures, then the page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from markupsafe import Markup

from crossfold.exceptions import CrossfoldError
from crossfold.reports.page import figure_html, render_page
from crossfold.reports.tables import to_html
from crossfold.templates.cross_validation.parameters import EvaluationParameters
from crossfold.templates.parameters import TableParameters
from crossfold.templates.reporting import findings, summaries
from crossfold.templates.reporting.parameters import ReportParameters
from crossfold.templates.reporting.results import Results

DEFAULT_PAGE = "default.md.j2"
TABLES: dict[str, Callable[[Results], pd.DataFrame]] = {
    "models": summaries.models,
    "comparisons": summaries.comparison,
    "columns": summaries.columns,
    "left_out": summaries.left_out,
    "decision": summaries.decision,
    "importance": summaries.importance,
    "settings": summaries.settings,
    "data": summaries.data,
}
FIGURES = (
    "models",
    "differences",
    "protocols",
    "training_curves",
    "outcomes",
    "calibration",
    "decision",
    "importance",
    "target",
    "missing",
)
_FINDINGS: dict[str, Callable[[Results], Any]] = {
    name: getattr(findings, name)
    for name in (
        "answer",
        "standing",
        "comparisons",
        "twins",
        "leaks",
        "control",
        "over_time",
        "importance",
        "limits",
    )
}
_FINDINGS_OF_TASK: dict[str, dict[str, Callable[[Results], str]]] = {
    "binary": {"calibration": findings.calibration, "decision": findings.decision},
    "multiclass": {"confusions": findings.confusions},
    "regression": {"residuals": findings.residuals},
}


def make_tables(
    *, table_parameters: TableParameters, evaluation: EvaluationParameters, **made: Any
) -> dict[str, pd.DataFrame]:
    """Compute every table of the report; `made` are the other datasets of `Results`."""
    results = Results(table_parameters=table_parameters, evaluation=evaluation, **made)
    return {name: compute(results) for name, compute in TABLES.items()}


def draw_figures(
    *,
    table_parameters: TableParameters,
    evaluation: EvaluationParameters,
    decision_table: pd.DataFrame,
    **made: Any,
) -> dict[str, Any]:
    """Draw every figure of the report; they are figures of matplotlib by name."""
    from crossfold.reports.style import figure_style
    from crossfold.templates.reporting import figures

    results = Results(table_parameters=table_parameters, evaluation=evaluation, **made)
    with figure_style():
        drawn = {n: getattr(figures, n)(results) for n in FIGURES if n != "decision"}
        return {**drawn, "decision": figures.decision(results, decision_table)}


def write_report(
    *,
    table_parameters: TableParameters,
    evaluation: EvaluationParameters,
    report: ReportParameters,
    data_notice: str,
    seed: int,
    **made: Any,
) -> str:
    """Fill the page: tables come as ``table_NAME``, figures as ``figure_NAME``.

    Raises
    ------
    CrossfoldError
        The study's own page does not exist or cannot be filled.
    """
    tables, images = (_taken(made, prefix) for prefix in ("table_", "figure_"))
    results = Results(table_parameters=table_parameters, evaluation=evaluation, **made)
    names = {
        **_words(results, report, seed),
        "metric": results.metric,
        "table": _printer(results, tables),
        "figure": _embedder(images),
    }
    return render_page(_page(report.page), names, data_notice)


def _taken(made: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Take out of `made` what has a prefix, and name it without."""
    names = [name for name in made if name.startswith(prefix)]
    return {name.removeprefix(prefix): made.pop(name) for name in names}


def _words(results: Results, report: ReportParameters, seed: int) -> dict[str, Any]:
    """Collect what a page can name, beside metrics, tables and figures."""
    compute = {**_FINDINGS, **_FINDINGS_OF_TASK[results.task]}
    found: dict[str, Any] = dict.fromkeys(("calibration", "decision", "confusions", "residuals"))
    return {
        **found,
        **{name: one(results) for name, one in compute.items()},
        "title": report.title or findings.title(results),
        "command": report.command,
        "parameters": _yaml(results),
        "seed": seed,
        "results": results,
        "main": results.metric(results.reference, results.main_metric),
    }


def _yaml(results: Results) -> str:
    blocks = {"table": results.table_parameters, "evaluation": results.evaluation}
    listed = {"columns", "left_out"}  # In the table of columns.
    plain = {n: block.model_dump(mode="json", exclude=listed) for n, block in blocks.items()}
    plain["network"] = json.loads(json.dumps(results.model_card.get("network")))
    return str(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True))


def _printer(results: Results, tables: dict[str, pd.DataFrame]) -> Callable[..., Markup]:
    given = {"leak_guard": results.leak_guard, **tables}

    def table(name: str, caption: str = "") -> Markup:
        bold = results.reference if name == "models" else None
        return to_html(_found(given, name, "table"), caption or name, bold)

    return table


def _embedder(images: dict[str, bytes]) -> Callable[..., Markup]:
    def figure(name: str, caption: str, alt: str = "") -> Markup:
        return figure_html(name, _found(images, name, "figure"), caption, alt or caption)

    return figure


def _found(given: dict[str, Any], name: str, kind: str) -> Any:
    if name not in given:
        known = ", ".join(sorted(given))
        raise CrossfoldError(f"The report's page asks for a {kind} {name!r}; there are {known}.")
    return given[name]


def _page(path: str | None) -> str:
    page = Path(path) if path else Path(__file__).with_name(DEFAULT_PAGE)
    if not page.is_file():
        raise CrossfoldError(
            f"The report's page {path!r} is no file: correct `report: page:` in the study's "
            "parameters, or set it to null for the page of every table."
        )
    return page.read_text(encoding="utf-8")
