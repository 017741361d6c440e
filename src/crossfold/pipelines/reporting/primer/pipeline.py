"""The primer's report: figures, then one HTML page."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.reporting.primer import nodes

STUDY = "primer"
FIGURES = ("logistic_loss", "growing_weights", "probabilities", "first_network", "points")
_DRAWN = ("logistic_steps", "longer_training", "logistic_comparison", "points", "network_epochs")
_PRINTED = ("toy", "network_steps", "network_comparison", "two_outputs")


def create_pipeline() -> Pipeline:
    """Build the reporting pipeline of the primer."""
    return Pipeline(
        [_figure_node(), _report_node()],
        namespace=STUDY,
        inputs={name: f"{STUDY}.{name}" for name in (*_DRAWN, *_PRINTED)},
        outputs={f"figure_{name}": f"{STUDY}.figures.{name}" for name in FIGURES},
        parameters={name: name for name in ("params:data_notice", "params:seed")},
        tags=["reporting"],
    )


def _figure_node() -> Node:
    return Node(
        nodes.draw_primer_figures,
        {name: name for name in _DRAWN},
        {name: f"figure_{name}" for name in FIGURES},
        name="draw_primer_figures",
        namespace="reporting",
    )


def _report_node() -> Node:
    given = ("logistic_steps", "longer_training", "logistic_comparison", "network_epochs", "points")
    return Node(
        nodes.write_primer_report,
        {
            **{name: name for name in (*given, *_PRINTED)},
            "logistic": "params:logistic",
            "report": "params:report",
            "data_notice": "params:data_notice",
            "seed": "params:seed",
            **{f"figure_{name}": f"figure_{name}" for name in FIGURES},
        },
        "report",
        name="write_primer_report",
        namespace="reporting",
    )
