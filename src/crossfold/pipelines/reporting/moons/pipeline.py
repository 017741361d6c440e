"""The moons report: figures, then one HTML page."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.reporting.moons import nodes

STUDY = "moons"
FIGURES = ("boundary", "draws", "points", "training_curves", "twins")
_MADE = ("points", "plane", "draws", "history", "metrics_table", "comparison")


def create_pipeline() -> Pipeline:
    """Build the reporting pipeline of the moons study."""
    return Pipeline(
        [_figure_node(), _report_node()],
        namespace=STUDY,
        inputs={name: f"{STUDY}.{name}" for name in _MADE},
        outputs={f"figure_{name}": f"{STUDY}.figures.{name}" for name in FIGURES},
        parameters={name: name for name in ("params:data_notice", "params:seed")},
        tags=["reporting"],
    )


def _figure_node() -> Node:
    return Node(
        nodes.draw_moons_figures,
        {name: name for name in _MADE},
        {name: f"figure_{name}" for name in FIGURES},
        name="draw_moons_figures",
        namespace="reporting",
    )


def _report_node() -> Node:
    return Node(
        nodes.write_moons_report,
        {
            **{name: name for name in ("metrics_table", "comparison")},
            "report": "params:report",
            "data_notice": "params:data_notice",
            "seed": "params:seed",
            **{f"figure_{name}": f"figure_{name}" for name in FIGURES},
        },
        "report",
        name="write_moons_report",
        namespace="reporting",
    )
