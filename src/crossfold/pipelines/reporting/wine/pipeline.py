"""The wine report: figures, then one HTML page."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.reporting.wine import nodes

STUDY = "wine"
FIGURES = (
    "accuracy",
    "nested_search",
    "grid",
    "importance",
    "training_curves",
    "permuted_control",
    "measurements",
)
_MADE = (
    "metrics_table",
    "comparison",
    "history",
    "leak_guard",
)


def create_pipeline() -> Pipeline:
    """Build the reporting pipeline of the wine study."""
    return Pipeline(
        [_figure_node(), _report_node()],
        namespace=STUDY,
        inputs={
            "wines": "wines",
            "row_counts": "wines_row_counts",
            "grid": f"{STUDY}.tuned_search",
            "importance": f"{STUDY}.feature_importance",
            **{name: f"{STUDY}.{name}" for name in _MADE},
        },
        outputs={f"figure_{name}": f"{STUDY}.figures.{name}" for name in FIGURES},
        parameters={name: name for name in ("params:data_notice", "params:seed")},
        tags=["reporting"],
    )


def _figure_node() -> Node:
    given = ("wines", "metrics_table", "grid", "importance", "history")
    return Node(
        nodes.draw_wine_figures,
        {name: name for name in given},
        {name: f"figure_{name}" for name in FIGURES},
        name="draw_wine_figures",
        namespace="reporting",
    )


def _report_node() -> Node:
    given = ("row_counts", "metrics_table", "comparison", "grid", "importance")
    return Node(
        nodes.write_wine_report,
        {
            **{name: name for name in (*given, "leak_guard")},
            "report": "params:report",
            "data_notice": "params:data_notice",
            "seed": "params:seed",
            **{f"figure_{name}": f"figure_{name}" for name in FIGURES},
        },
        "report",
        name="write_wine_report",
        namespace="reporting",
    )
