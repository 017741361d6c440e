"""The reporting template: tables, figures, one page."""

from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from kedro.pipeline import Node, Pipeline

from crossfold.templates.parameters import Parameters
from crossfold.templates.reporting import nodes
from crossfold.templates.reporting.results import DATASETS

Functions = Mapping[str, Callable[..., Any]]

_PARAMETERS = {
    **{"report": "params:report", "table_parameters": "params:table"},
    **{name: f"params:{name}" for name in ("evaluation", "seed", "data_notice")},
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
    default_figures: Sequence[str] = tuple(nodes.FIGURES),
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
    given = {name: one.removeprefix(f"{study}.") for name, one in (inputs or {}).items()}
    reads = {**{name: name for name in DATASETS}, **_PARAMETERS, **given}
    looked_up = ["report", "table_parameters", "evaluation"]
    if "features" in without:
        looked_up, default_tables, default_figures = ["report"], (), ()
    looked_up += [name for name in DATASETS if name not in without]
    usual = [name for name in default_figures if name != "decision"]  # which reads a table
    apart = {name: nodes.FIGURES[name] for name in {*default_figures} - {*usual}}
    apart |= figures or {}
    parts = [f"table_{name}" for name in (*default_tables, *(tables or {}))]
    parts += [f"figure_{name}" for name in (*usual, *apart)]
    on_page = ["results", "data_notice", "seed", *(["words"] if words else []), *parts]

    def node(
        function: Callable[..., Any],
        made: str | dict[str, str],
        *first: Any,
        name: str = "",
        read: Sequence[str] = (),
        draws: bool = False,
    ) -> Node:
        """Make a node, which reads what its arguments name, or what is said."""
        run = nodes.node_function(function, types, *first, draws=draws)
        inputs = {one: reads.get(one, one) for one in read or signature(run).parameters}
        return Node(run, inputs, made, name=name or run.__name__, namespace="reporting")

    made = [node(nodes.collect_results, "results", read=looked_up)]
    if default_tables:
        tables_made = {name: f"table_{name}" for name in default_tables}
        made.append(node(nodes.make_tables, tables_made, tuple(default_tables)))
    if usual:
        figures_made = {name: f"figure_{name}" for name in usual}
        made.append(node(nodes.draw_figures, figures_made, tuple(usual), draws=True))
    made += [node(own, f"table_{n}", name=f"make_{n}") for n, own in (tables or {}).items()]
    made += [node(own, f"figure_{n}", name=f"draw_{n}", draws=True) for n, own in apart.items()]
    made += [node(words, "words", name="find_words")] if words else []
    text = page.read_text("utf-8") if page else None
    made.append(node(nodes.write_report, "report", text, read=on_page))
    free = Pipeline(made).inputs()
    return Pipeline(
        made,
        namespace=study,
        inputs={n: n for n in {*free} & {*(inputs or {}).values()} if not n.startswith("params:")},
        outputs={name: f"{study}.{name.replace('_', 's.', 1)}" for name in parts},
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
