"""The moons study: points, training on both engines, new draws, a map of the plane, the report."""

from pathlib import Path

from kedro.pipeline import Pipeline

from crossfold.pipelines.moons import nodes, report
from crossfold.templates import reporting
from crossfold.templates.cross_validation.evaluation import summarise_metrics
from crossfold.templates.reporting.results import DATASETS
from crossfold.templates.wiring import wire

STUDY = "moons"
WITHOUT = tuple({*DATASETS} - {"predictions", "history", "metrics_table", "comparison", "model"})
_NETWORK = ["params:network", "params:variants", "params:seed"]


def create_pipeline() -> Pipeline:
    """Build the study; it draws its own points."""
    trained = ["predictions", "networks", "history"]
    evaluated = ["points", "draws", "params:table", "params:evaluation", "params:seed"]
    compared = ["predictions", "draws", "params:variants", "params:evaluation"]
    return Pipeline(
        [
            *wire(
                (nodes.draw_points, ["params:points", "params:seed"], "points"), namespace="data"
            ),
            *wire(
                (nodes.train_variants, ["points", *_NETWORK], trained),
                (
                    nodes.repeat_draws,
                    ["points", "params:points", "params:draws", *_NETWORK],
                    "draws",
                ),
                (nodes.map_plane, ["points", "networks", "params:draws"], "plane"),
                namespace="training",
            ),
            *wire(
                (nodes.evaluate_variants, ["predictions", *evaluated], "metrics_table"),
                (summarise_metrics, "metrics_table", "metrics"),
                (nodes.compare_variants, compared, "comparison"),
                namespace="evaluation",
            ),
        ],
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
    )
