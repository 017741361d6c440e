"""Nodes of the reporting template: tables, figures, then the page."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial, wraps
from inspect import Signature, signature
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from markupsafe import Markup

from crossfold.exceptions import CrossfoldError
from crossfold.reports.page import Lazy, figure_html, render_page, this_command, today
from crossfold.reports.style import figure_style
from crossfold.reports.tables import to_html
from crossfold.templates.cross_validation.final_model import library_versions
from crossfold.templates.cross_validation.parameters import EvaluationParameters
from crossfold.templates.parallel import side_by_side
from crossfold.templates.parameters import TableParameters
from crossfold.templates.reporting import figures, findings, summaries
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
FIGURES = by_name(
    *(figures.models, figures.differences, figures.protocols, figures.training_curves),
    *(figures.outcomes, figures.calibration, figures.decision, figures.net_benefit),
    *(figures.by_outcome, figures.importance, figures.effects, figures.target, figures.missing),
)
_FINDINGS = by_name(
    *(findings.answer, findings.standing, findings.comparisons, findings.twins, findings.leaks),
    *(findings.control, findings.over_time, findings.calibration, findings.decision),
    *(findings.confusions, findings.residuals, findings.importance, findings.effects),
    findings.limits,
)
_NO_TABLE, _USUAL = TableParameters(target=""), EvaluationParameters()


def node_function(
    function: Callable[..., Any], types: Mapping[str, Any], *first: Any, draws: bool = False
) -> Callable[..., Any]:
    """Make the function of a node, with values bound to its first arguments; figures in one look.

    `types` are those of parameters, in place of its own. It is a closure and no `partial`, so that
    Kedro-Viz shows the code of what it holds.
    """

    @wraps(function)
    def run(*inputs: Any, **named: Any) -> Any:
        with figure_style() if draws else nullcontext():
            return function(*first, *inputs, **named)

    arguments = list(signature(function).parameters.values())[len(first) :]
    # The type of what is drawn may be known to type checkers alone.
    hints = {**function.__annotations__, **types, "return": Any}
    names = [*(one.name for one in arguments), "return"]
    run.__annotations__ = {name: hints[name] for name in names if name in hints}
    run.__signature__ = Signature(arguments)  # type: ignore[attr-defined]
    return run


def collect_results(
    report: ReportParameters,
    table_parameters: TableParameters = _NO_TABLE,
    evaluation: EvaluationParameters = _USUAL,
    **datasets: Any,
) -> Results:
    """Put together what tables, figures and the page look up: the datasets of `Results`.

    Parameters come first, as Kedro pairs inputs with arguments by their order.
    """
    return Results(
        report=report, table_parameters=table_parameters, evaluation=evaluation, **datasets
    )


def make_tables(names: Sequence[str], results: Results) -> dict[str, pd.DataFrame]:
    """Compute tables of every report by name, side by side."""
    made = side_by_side(lambda name: TABLES[name](results), [(name,) for name in names])
    return dict(zip(names, made, strict=True))


def draw_figures(names: Sequence[str], results: Results) -> dict[str, Any]:
    """Draw figures of every report; they are figures of matplotlib by name."""
    return {name: FIGURES[name](results) for name in names}


def write_report(
    own_page: str | None,
    results: Results,
    data_notice: str,
    seed: int,
    words: Mapping[str, Any] | None = None,
    **parts: Any,
) -> str:
    """Fill the study's own page, or that of every table.

    Tables come as ``table_NAME``, figures as ``figure_NAME``. A page that cannot be filled is a
    `CrossfoldError`.
    """
    tables, images = (
        {name.removeprefix(kind): one for name, one in parts.items() if name.startswith(kind)}
        for kind in ("table_", "figure_")
    )
    results = replace(results, tables=tables)
    drawing = results.model[0][0].draw() if results.model[0] else None
    images |= {"network": drawing.encode()} if drawing else {}
    names = {
        **_words(results, seed),
        "layers": drawing.description if drawing else "",
        **{"metric": results.metric, "label": results.label},
        **{"table": _printer(results, tables), "figure": _embedder(images)},
        **(words or {}),
    }
    named = results.report.page
    page = Path(named) if named else PAGES / DEFAULT_PAGE
    text = own_page if own_page is not None and named is None else page.read_text("utf-8")
    return render_page(text, names, data_notice, PAGES)


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
