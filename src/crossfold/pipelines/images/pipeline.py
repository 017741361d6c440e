"""The study of images of several classes, from the published files to the report."""

from __future__ import annotations

from pathlib import Path

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.images import data, evaluation, networks, report, training
from crossfold.pipelines.images.figures import FIGURES
from crossfold.templates import reporting
from crossfold.templates.cross_validation.evaluation import summarise_metrics
from crossfold.templates.cross_validation.nodes import collect_history

_NOT_MADE = ("table", "features", "row_counts", "folds", "feature_importance", "tuned_search")
_TABLE = ["images", "split", "learning_rates", "params:experiments", "params:starts"]


def create_pipeline(study: str, source: str) -> Pipeline:
    """Build the study, from the published files to the report.

    Parameters
    ----------
    study
        Name of the study and of its namespace.
    source
        Name of the source of images and of its namespace: ``mnist`` for one. It reads
        ``SOURCE.train_raw`` and ``SOURCE.test_raw`` and makes ``SOURCE_images`` and
        ``SOURCE_labels``.
    """
    return create_data(source) + create_modelling(study, source) + create_report(study, source)


def create_data(source: str) -> Pipeline:
    """Join the published parts, count them, find duplicates; see `create_pipeline`."""
    join = Node(
        data.join_images,
        ["train_raw", "test_raw"],
        ["images", "labels", "row_counts"],
        name="join_images",
    )
    return Pipeline(
        [join],
        namespace=source,
        outputs={"images": f"{source}_images", "labels": f"{source}_labels"},
        tags=["data_engineering"],
    )


def create_modelling(study: str, source: str) -> Pipeline:
    """Split, train the experiments, the twins and the strong model, evaluate."""
    return Pipeline(
        [*_split_nodes(), *_experiment_nodes(), *_model_nodes(), *_evaluation_nodes()],
        namespace=study,
        inputs={"images": f"{source}_images", "labels": f"{source}_labels"},
        parameters={"params:seed": "params:seed"},
        tags=["modelling"],
    )


def create_report(study: str, source: str) -> Pipeline:
    """Tables, figures and the page."""
    return reporting.create_pipeline(
        study,
        page=Path(__file__).with_name("report.md.j2"),
        inputs={
            "images": f"{source}_images",
            "labels": f"{source}_labels",
            "classes": "params:classes",
            "highlighted": "params:highlighted",
        },
        tables=report.TABLES,
        figures=FIGURES,
        words=report.words,
        without=_NOT_MADE,
        default_tables=(),
        default_figures=(),
    )


def _split_nodes() -> list[Node]:
    return [
        Node(
            data.assign_parts,
            ["images", "labels", "params:split", "params:seed"],
            "split",
            name="assign_parts",
            namespace="split",
        ),
        Node(
            data.guard_against_leaks,
            ["images", "split"],
            "leak_guard",
            name="guard_against_leaks",
            namespace="split",
        ),
    ]


def _experiment_nodes() -> list[Node]:
    return [
        Node(
            training.choose_learning_rates,
            [
                "images",
                "split",
                "params:experiments",
                "params:starts",
                "params:regimes",
                "params:seed",
            ],
            "learning_rates",
            name="choose_learning_rates",
            namespace="experiments",
        ),
        Node(
            training.train_experiments,
            [*_TABLE, "params:regimes", "params:classes", "params:seed"],
            ["experiments", "experiment_networks", "experiment_history", "experiment_scores"],
            name="train_experiments",
            namespace="experiments",
        ),
    ]


def _model_nodes() -> list[Node]:
    return [
        Node(
            training.train_twins,
            [*_TABLE, "params:twin", "params:classes", "params:seed"],
            ["twins", "twin_networks", "twin_history", "twin_scores"],
            name="train_twins",
            namespace="twins",
        ),
        Node(
            training.fit_strong_model,
            ["images", "split", "params:strong", "params:classes", "params:seed"],
            ["model", "strong_scores"],
            name="fit_strong_model",
            namespace="strong_model",
        ),
    ]


def _evaluation_nodes() -> list[Node]:
    return [
        Node(
            networks.collect_predictions,
            ["experiment_scores", "twin_scores", "strong_scores"],
            "predictions",
            name="collect_predictions",
            namespace="evaluation",
        ),
        Node(
            collect_history,
            ["experiment_history", "twin_history"],
            "history",
            name="collect_history",
            namespace="evaluation",
        ),
        Node(
            evaluation.evaluate_networks,
            ["predictions", "params:evaluation", "params:seed"],
            "metrics_table",
            name="evaluate_networks",
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
            evaluation.compare_models,
            ["predictions", "params:comparisons", "params:evaluation", "params:seed"],
            "comparison",
            name="compare_models",
            namespace="evaluation",
        ),
        Node(
            training.write_model_card,
            ["model", "metrics", "params:strong", "params:card", "params:seed"],
            "model_card",
            name="write_model_card",
            namespace="evaluation",
        ),
    ]
