"""The moons study: points, training on both engines, new draws, a map of the plane, the report."""

from kedro.pipeline import Pipeline

from crossfold.pipelines.moons import nodes, report
from crossfold.templates import reporting
from crossfold.templates.cross_validation.evaluation import summarise_metrics
from crossfold.templates.reporting.results import DATASETS
from crossfold.templates.wiring import Functions, wire

STUDY = "moons"
WITHOUT = tuple({*DATASETS} - {"predictions", "history", "metrics_table", "comparison", "model"})
READS = {
    **{"table_parameters": "params:table", "point_parameters": "params:points"},
    **{name: f"params:{name}" for name in ("network", "variants", "evaluation", "seed")},
}


def create_pipeline() -> Pipeline:
    """Build the study; it draws its own points."""
    drawing = {"points": "params:points", "seed": "params:seed"}
    training: Functions = {
        nodes.train_variants: ["predictions", "networks", "history"],
        nodes.repeat_draws: "draws",
        nodes.map_plane: "plane",
    }
    evaluation: Functions = {
        nodes.evaluate_variants: "metrics_table",
        summarise_metrics: "metrics",
        nodes.compare_variants: "comparison",
    }
    return Pipeline(
        [
            *wire({nodes.draw_points: "points"}, drawing, "data"),
            *wire(training, READS | {"draws": "params:draws"}, "training"),
            *wire(evaluation, READS, "evaluation"),
        ],
        namespace=STUDY,
        parameters={"params:seed": "params:seed"},
        tags=["modelling"],
    ) + reporting.create_pipeline(
        STUDY, inputs={"model": f"{STUDY}.networks"}, **reporting.parts_of(report), without=WITHOUT
    )
