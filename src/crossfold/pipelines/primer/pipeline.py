"""The primer: logistic regression as a network, its exercises, and a first network."""

from kedro.pipeline import Pipeline

from crossfold.pipelines.primer import first_network, logistic, nodes, report
from crossfold.templates import reporting
from crossfold.templates.cross_validation.evaluation import summarise_metrics
from crossfold.templates.reporting.results import DATASETS
from crossfold.templates.wiring import Functions, wire_stages

STUDY = "primer"
WITHOUT = tuple({*DATASETS} - {"predictions", "history", "metrics_table", "comparison"})
NAMES = {
    **{"longer": "longer_training", "epochs": "network_epochs", "table_parameters": "params:table"},
    **{name: f"params:{name}" for name in ("logistic", "first_network", "evaluation", "seed")},
}


def create_pipeline() -> Pipeline:
    """Build the pipeline; it makes its own tables."""
    stages: dict[str, Functions] = {
        "logistic": {
            logistic.make_toy_table: "toy",
            logistic.train_logistic_by_hand: "logistic_steps",
            logistic.compare_logistic: "logistic_comparison",
            logistic.train_for_longer: "longer_training",
            logistic.train_two_outputs: "two_outputs",
        },
        "first_network": {
            first_network.draw_integer_points: "points",
            first_network.train_network_by_hand: ["network_steps", "network_epochs"],
            first_network.compare_first_network: "network_comparison",
        },
        "evaluation": {
            nodes.predict_rows: "predictions",
            nodes.collect_history: "history",
            nodes.evaluate_rows: "metrics_table",
            summarise_metrics: "metrics",
            nodes.compare_trainings: "comparison",
        },
    }
    modelling = Pipeline(
        wire_stages(stages, NAMES),
        namespace=STUDY,
        parameters={"params:seed": "params:seed"},
        tags=["modelling"],
    )
    return modelling + reporting.create_pipeline(
        STUDY, inputs={"logistic": "params:logistic"}, **reporting.parts_of(report), without=WITHOUT
    )
