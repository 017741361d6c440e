"""The moons study: points, training on both engines, new draws, a map of the plane, the report."""

from __future__ import annotations

from pathlib import Path

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.moons import nodes, report
from crossfold.templates import reporting
from crossfold.templates.cross_validation.evaluation import summarise_metrics
from crossfold.templates.reporting.results import DATASETS

STUDY = "moons"
WITHOUT = tuple({*DATASETS} - {"predictions", "history", "metrics_table", "comparison", "model"})
_NETWORK = ["params:network", "params:variants", "params:seed"]


def create_pipeline() -> Pipeline:
    """Build the study; it draws its own points."""
    return Pipeline(
        [*_training_nodes(), *_evaluation_nodes()],
        namespace=STUDY,
        parameters={"params:seed": "params:seed"},
        tags=["modelling"],
    ) + reporting.create_pipeline(
        STUDY,
        page=Path(__file__).with_name("report.md.j2"),
        inputs={"model": f"{STUDY}.networks"},
        tables=report.TABLES,
        figures=report.FIGURES,
        words=report.words,
        without=WITHOUT,
        default_tables=(),
        default_figures=(),
    )


def _training_nodes() -> list[Node]:
    return [
        Node(
            nodes.draw_points,
            ["params:points", "params:seed"],
            "points",
            name="draw_points",
            namespace="data",
        ),
        Node(
            nodes.train_variants,
            ["points", *_NETWORK],
            ["predictions", "networks", "history"],
            name="train_variants",
            namespace="training",
        ),
        Node(
            nodes.repeat_draws,
            ["points", "params:points", "params:draws", *_NETWORK],
            "draws",
            name="repeat_draws",
            namespace="training",
        ),
        Node(
            nodes.map_plane,
            ["points", "networks", "params:draws"],
            "plane",
            name="map_plane",
            namespace="training",
        ),
    ]


def _evaluation_nodes() -> list[Node]:
    return [
        Node(
            nodes.evaluate_variants,
            ["predictions", "points", "draws", "params:table", "params:evaluation", "params:seed"],
            "metrics_table",
            name="evaluate_variants",
            namespace="evaluation",
        ),
        Node(
            summarise_metrics,
            "metrics_table",
            "metrics",
            name="summarise_metrics",
            namespace="evaluation",
        ),
        Node(
            nodes.compare_variants,
            ["predictions", "draws", "params:variants", "params:evaluation"],
            "comparison",
            name="compare_variants",
            namespace="evaluation",
        ),
    ]
