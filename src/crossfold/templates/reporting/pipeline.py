"""The reporting template: tables, figures, one page."""

from collections.abc import Callable, Mapping, Sequence
from functools import update_wrapper
from inspect import Parameter, Signature, signature
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, get_type_hints

from kedro.pipeline import Node, Pipeline

from crossfold.templates.cross_validation.parameters import EvaluationParameters
from crossfold.templates.parameters import Parameters, TableParameters
from crossfold.templates.reporting import nodes
from crossfold.templates.reporting.results import DATASETS, ReportParameters

_TYPES: dict[str, Any] = {
    "table_parameters": TableParameters,
    "evaluation": EvaluationParameters,
    "report": ReportParameters,
    "seed": int,
}
Functions = Mapping[str, Callable[..., Any]]

_PARAMETERS = {
    "table_parameters": "params:table",
    "evaluation": "params:evaluation",
    "report": "params:report",
    "seed": "params:seed",
    "data_notice": "params:data_notice",
}


def create_pipeline(
    study: str,
    *,
    page: Path | None = None,
    inputs: Mapping[str, str] | None = None,
    tables: Functions | None = None,
    figures: Functions | None = None,
    words: Callable[..., Mapping[str, Any]] | None = None,
    without: Sequence[str] = (),
    default_tables: Sequence[str] = tuple(nodes.TABLES),
    default_figures: Sequence[str] = nodes.FIGURES,
    types: Mapping[str, type[Parameters]] = MappingProxyType({}),
) -> Pipeline:
    """Build the reporting pipeline of a study.

    Own functions name what they read by their arguments: any dataset of the study by its name
    (``history``), tables of the report (``table_models``), ``results`` for a `Results` of all that
    the study has, and the parameters ``report``, ``evaluation``, ``table_parameters`` and ``seed``.

    Parameters
    ----------
    study
        Name of the study and of its namespace; its parameters are the blocks ``table``,
        ``evaluation`` and ``report``.
    page
        The study's own page, Markdown with Jinja; None for the page of every table. It may extend
        ``default.md.j2`` or ``base.md.j2``, and override blocks of it.
    inputs
        Datasets of other names than the study's own, such as ``{"table": "wines"}``, and
        parameters by the names of arguments, ``{"network": "params:network"}``.
    tables, figures
        Functions by name that make a data frame or draw a figure, for the study's own page; stored
        as ``STUDY.tables.NAME`` and ``STUDY.figures.NAME``.
    words
        Function that computes what else the page can name.
    without
        Datasets of `Results` that the study does not have; its page does not ask for them.
    default_tables, default_figures
        Those of every table that are made; a study without a table of features has none.
    types
        Those of the parameters ``report`` and ``evaluation``, where they are not `ReportParameters`
        and `EvaluationParameters`.
    """
    types = {**_TYPES, **types}
    study_inputs = {name: name for name in DATASETS if name not in without}
    given = {name: one.removeprefix(f"{study}.") for name, one in (inputs or {}).items()}
    reads = {**study_inputs, **_PARAMETERS, **given}
    if "features" in without:
        del reads["table_parameters"], reads["evaluation"]
        default_tables = default_figures = ()
    nodes_ = _default_nodes(reads, default_tables, default_figures, types)
    for kind, verb, run, own in (
        ("table", "make", nodes.make_own_table, tables),
        ("figure", "draw", nodes.draw_own_figure, figures),
    ):
        for name, function in (own or {}).items():
            read = _read_by(function, reads)
            made_of = run, read, f"{kind}_{name}", f"{verb}_{name}"
            nodes_.append(_node(*made_of, types, shown=function))
    made = {f"figure_{n}": f"{study}.figures.{n}" for n in (*default_figures, *(figures or {}))}
    made |= {f"table_{n}": f"{study}.tables.{n}" for n in (*default_tables, *(tables or {}))}
    nodes_.append(_page_node(page, words, reads, list(made), types))
    free = Pipeline(nodes_).inputs()
    return Pipeline(
        nodes_,
        namespace=study,
        inputs={n: n for n in {*free} & {*(inputs or {}).values()} if not n.startswith("params:")},
        outputs=made,
        parameters={n: n for n in ("params:data_notice", "params:seed") if n in free},
        tags=["reporting"],
    )


def parts_of(report: ModuleType) -> dict[str, Any]:
    """Give a study's module `report` as arguments of `create_pipeline`.

    It has ``TABLES``, ``FIGURES`` and ``words``, perhaps ``TYPES``, and the page ``report.md.j2``
    beside it.
    """
    page = Path(str(report.__file__)).with_suffix(".md.j2")
    given = {"tables": report.TABLES, "figures": report.FIGURES, "words": report.words}
    return {"page": page, **given, "types": getattr(report, "TYPES", {})}


def _default_nodes(
    reads: Mapping[str, str],
    tables: Sequence[str],
    figures: Sequence[str],
    types: Mapping[str, Any],
) -> list[Node]:
    inputs, found = _of_results(reads), []
    if tables:
        made = {name: f"table_{name}" for name in tables}
        own = nodes.make_tables, inputs, made, "make_tables"
        found.append(_node(*own, types, names=tuple(tables)))
    if figures:
        made = {name: f"figure_{name}" for name in figures}
        inputs |= {"decision_table": "table_decision"} if "decision" in figures else {}
        own = nodes.draw_figures, inputs, made, "draw_figures"
        found.append(_node(*own, types, names=tuple(figures)))
    return found


def _of_results(reads: Mapping[str, str]) -> dict[str, str]:
    names = (*DATASETS, "table_parameters", "evaluation", "report")
    return {name: reads[name] for name in names if name in reads}


def _read_by(function: Callable[..., Any], reads: Mapping[str, str]) -> dict[str, str]:
    """Find what a function reads, by the names of its arguments."""
    found: dict[str, str] = {}
    for name in signature(function).parameters:
        found |= _of_results(reads) if name == "results" else {name: reads.get(name, name)}
    return found


def _node(
    function: Callable[..., Any],
    inputs: Mapping[str, str],
    outputs: str | dict[str, str],
    name: str,
    types: Mapping[str, Any],
    shown: Callable[..., Any] | None = None,
    **values: Any,
) -> Node:
    """Make a node of a function, with values bound to it, that reads whatever it is given.

    The node's function has an argument for each input, with the type of each parameter: Kedro
    pairs inputs with arguments by their order. It is a closure and no `partial`, so that Kedro-Viz
    shows the code of what it holds. `types` are those of parameters, before those that functions
    name; `shown` is a study's own function, which `function` runs as its first argument.
    """
    own = shown or function

    def run(**made: Any) -> Any:
        return function(own, **made, **values) if shown else function(**made, **values)

    update_wrapper(run, own)
    hints = {**own.__annotations__, **types}
    run.__annotations__ = {"return": Any} | {
        name: hints[name]
        for name, read in inputs.items()
        if read.startswith("params:") and name in hints
    }
    arguments = [Parameter(name, Parameter.KEYWORD_ONLY) for name in inputs]
    run.__signature__ = Signature(arguments)  # type: ignore[attr-defined]
    return Node(run, dict(inputs), outputs, name=name, namespace="reporting")


def _page_node(
    page: Path | None,
    words: Callable[..., Any] | None,
    reads: Mapping[str, str],
    parts: Sequence[str],
    types: Mapping[str, Any],
) -> Node:
    fixed = {name: reads[name] for name in ("report", "data_notice", "seed")}
    own = _read_by(words, reads) if words else {}
    types = {**(get_type_hints(words, include_extras=True) if words else {}), **types}
    inputs = {**_of_results(reads), **fixed, **own, **{name: name for name in parts}}
    bound: dict[str, Any] = {
        "own_page": page.read_text("utf-8") if page else None,
        "own_words": words,
    }
    return _node(nodes.write_report, inputs, "report", "write_report", types, **bound)
