"""The primer: logistic regression as a network, its exercises, and a first network."""

from pathlib import Path

from kedro.pipeline import Pipeline

from crossfold.pipelines.primer import first_network, logistic, nodes, report
from crossfold.templates import reporting
from crossfold.templates.cross_validation.evaluation import summarise_metrics
from crossfold.templates.reporting.results import DATASETS
from crossfold.templates.wiring import Wiring, wire

STUDY = "primer"
WITHOUT = tuple({*DATASETS} - {"predictions", "history", "metrics_table", "comparison"})
_LOGISTIC = ["params:logistic", "params:seed"]
_FIRST = ["params:first_network", "params:seed"]


def create_pipeline() -> Pipeline:
    """Build the pipeline; it makes its own tables."""
    modelling = Pipeline(
        [
            *wire(*_logistic_nodes(), namespace="logistic"),
            *wire(*_first_network_nodes(), namespace="first_network"),
            *wire(*_evaluation_nodes(), namespace="evaluation"),
        ],
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
        default_tables=(),
        default_figures=(),
    )


def _logistic_nodes() -> list[Wiring]:
    return [
        (logistic.make_toy_table, "params:seed", "toy"),
        (logistic.train_logistic_by_hand, ["toy", *_LOGISTIC], "logistic_steps"),
        (logistic.compare_logistic, ["toy", "longer_training", *_LOGISTIC], "logistic_comparison"),
        (logistic.train_for_longer, ["toy", *_LOGISTIC], "longer_training"),
        (logistic.train_two_outputs, ["toy", *_LOGISTIC], "two_outputs"),
    ]


def _first_network_nodes() -> list[Wiring]:
    return [
        (first_network.draw_integer_points, _FIRST, "points"),
        (
            first_network.train_network_by_hand,
            ["points", *_FIRST],
            ["network_steps", "network_epochs"],
        ),
        (
            first_network.compare_first_network,
            ["points", "network_epochs", *_FIRST],
            "network_comparison",
        ),
    ]


def _evaluation_nodes() -> list[Wiring]:
    evaluated = ["params:table", "params:evaluation", "params:seed"]
    return [
        (
            nodes.predict_rows,
            ["toy", "points", "logistic_comparison", "network_comparison"],
            "predictions",
        ),
        (nodes.collect_history, ["logistic_steps", "network_epochs"], "history"),
        (nodes.evaluate_rows, ["predictions", "points", *evaluated], "metrics_table"),
        (summarise_metrics, "metrics_table", "metrics"),
        (nodes.compare_trainings, "predictions", "comparison"),
    ]
