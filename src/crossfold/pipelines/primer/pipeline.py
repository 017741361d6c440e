"""The primer: logistic regression as a network, its exercises, and a first network."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kedro.pipeline import Pipeline

from crossfold.pipelines.primer import first_network, logistic, nodes, report
from crossfold.templates import reporting
from crossfold.templates.cross_validation.evaluation import summarise_metrics
from crossfold.templates.reporting.results import DATASETS
from crossfold.templates.wiring import wire_by_name

STUDY = "primer"
WITHOUT = tuple({*DATASETS} - {"predictions", "history", "metrics_table", "comparison"})
NAMES = {
    **{"longer": "longer_training", "epochs": "network_epochs", "table_parameters": "params:table"},
    **{name: f"params:{name}" for name in ("logistic", "first_network", "evaluation", "seed")},
}


def create_pipeline() -> Pipeline:
    """Build the pipeline; it makes its own tables."""
    stages: dict[str, dict[Callable[..., Any], str | list[str]]] = {
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
        [one for at, own in stages.items() for one in wire_by_name(own, NAMES, at)],
        namespace=STUDY,
        parameters={"params:seed": "params:seed"},
        tags=["modelling"],
    )
    return modelling + reporting.create_pipeline(
        STUDY,
        page=Path(__file__).with_name("report.md.j2"),
        inputs={"logistic": "params:logistic"},
        tables=report.TABLES,
        figures=report.FIGURES,
        words=report.words,
        without=WITHOUT,
    )
