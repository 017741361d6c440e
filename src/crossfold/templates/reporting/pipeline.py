"""The reporting template: tables, figures, one page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kedro.pipeline import Node, Pipeline

from crossfold.templates.reporting.nodes import (
    FIGURES,
    TABLES,
    draw_figures,
    make_tables,
    write_report,
)

_DATASETS = (
    "table",
    "features",
    "row_counts",
    "folds",
    "leak_guard",
    "predictions",
    "history",
    "metrics_table",
    "comparison",
    "feature_importance",
    "tuned_search",
    "model_card",
)
_RESULTS = {
    **{name: name for name in _DATASETS},
    "table_parameters": "params:table",
    "evaluation": "params:evaluation",
}


def create_pipeline(
    study: str,
    *,
    inputs: Mapping[str, str] | None = None,
    figures: Sequence[str] = (),
    tables: Sequence[str] = (),
) -> Pipeline:
    """Build the reporting pipeline of a study.

    Parameters
    ----------
    study
        Name of the study and of its namespace; its parameters are the blocks ``table``,
        ``evaluation`` and ``report``.
    inputs
        Datasets of other names than the study's own, such as ``{"table": "wines"}``.
    figures, tables
        Names of those that the study makes itself, as ``STUDY.figures.NAME`` and
        ``STUDY.tables.NAME``, for its own page.
    """
    made, own = _named(study, FIGURES, TABLES), _named(study, figures, tables)
    nodes = [
        Node(
            make_tables,
            _RESULTS,
            {name: f"table_{name}" for name in TABLES},
            name="make_tables",
            namespace="reporting",
        ),
        Node(
            draw_figures,
            {**_RESULTS, "decision_table": "table_decision"},
            {name: f"figure_{name}" for name in FIGURES},
            name="draw_figures",
            namespace="reporting",
        ),
        _report_node([*made, *own]),
    ]
    return Pipeline(
        nodes,
        namespace=study,
        inputs={**own, **(inputs or {})},
        outputs=made,
        parameters={name: name for name in ("params:data_notice", "params:seed")},
        tags=["reporting"],
    )


def _named(study: str, figures: Iterable[str], tables: Iterable[str]) -> dict[str, str]:
    """Find the datasets of figures and tables by their names within the pipeline."""
    return {
        **{f"figure_{name}": f"{study}.figures.{name}" for name in figures},
        **{f"table_{name}": f"{study}.tables.{name}" for name in tables},
    }


def _report_node(parts: Sequence[str]) -> Node:
    return Node(
        write_report,
        {
            **_RESULTS,
            "report": "params:report",
            "data_notice": "params:data_notice",
            "seed": "params:seed",
            **{name: name for name in parts},
        },
        "report",
        name="write_report",
        namespace="reporting",
    )
