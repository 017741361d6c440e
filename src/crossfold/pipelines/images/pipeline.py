"""The study of images of several classes, from the published files to the report."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from pathlib import Path

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.images import data, evaluation, report, training
from crossfold.pipelines.images.figures import FIGURES
from crossfold.templates import reporting
from crossfold.templates.cross_validation.evaluation import summarise_metrics
from crossfold.templates.cross_validation.nodes import join_tables
from crossfold.templates.wiring import wire

_PARAMETERS = (
    *("split", "experiments", "starts", "regimes", "twin", "strong", "classes", "seed"),
    *("comparisons", "evaluation", "card"),
)
_NOT_MADE = (
    *("table", "features", "row_counts", "folds"),
    *("feature_importance", "feature_effects", "tuned_search"),
)


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
    made = ["images", "labels", "row_counts"]
    return Pipeline(
        wire((data.join_images, ["train_raw", "test_raw"], made)),
        namespace=source,
        outputs={"images": f"{source}_images", "labels": f"{source}_labels"},
        tags=["data_engineering"],
    )


def create_modelling(study: str, source: str) -> Pipeline:
    """Split, train the experiments, the twins and the strong model, evaluate."""
    trained = ["networks", "history", "scores"]
    nodes = [
        _node("split", data.assign_parts, "split"),
        _node("split", data.guard_against_leaks, "leak_guard"),
        _node("experiments", training.choose_learning_rates, "learning_rates"),
        _node(
            "experiments",
            training.train_experiments,
            ["experiments", *(f"experiment_{name}" for name in trained)],
        ),
        _node("twins", training.train_twins, ["twins", *(f"twin_{name}" for name in trained)]),
        _node("strong_model", training.fit_strong_model, ["model", "strong_scores"]),
        _joined("predictions", ["experiment_scores", "twin_scores", "strong_scores"]),
        _joined("history", ["experiment_history", "twin_history"]),
        _node("evaluation", evaluation.evaluate_networks, "metrics_table"),
        _node("evaluation", summarise_metrics, "metrics"),
        _node("evaluation", evaluation.compare_models, "comparison"),
        _node("evaluation", training.write_model_card, "model_card"),
    ]
    return Pipeline(
        nodes,
        namespace=study,
        inputs={"images": f"{source}_images", "labels": f"{source}_labels"},
        parameters={"params:seed": "params:seed"},
        tags=["modelling"],
    )


def _node(namespace: str, function: Callable[..., object], outputs: str | list[str]) -> Node:
    """Make a node that reads what its function's arguments name: parameters, or datasets."""
    names = {"split_table": "split", **{name: f"params:{name}" for name in _PARAMETERS}}
    inputs = [names.get(name, name) for name in signature(function).parameters]
    return Node(function, inputs, outputs, name=function.__name__, namespace=namespace)


def _joined(name: str, tables: list[str]) -> Node:
    return Node(join_tables, tables, name, name=f"collect_{name}", namespace="evaluation")


def create_report(study: str, source: str) -> Pipeline:
    """Names of models, tables, figures and the page."""
    names = Node(
        report.model_names,
        ["experiments", "twins", "params:report"],
        "names",
        name="name_models",
        namespace="reporting",
    )
    return Pipeline([names], namespace=study, tags=["reporting"]) + reporting.create_pipeline(
        study,
        page=Path(__file__).with_name("report.md.j2"),
        inputs={
            "images": f"{source}_images",
            "labels": f"{source}_labels",
            "classes": "params:classes",
        },
        tables=report.TABLES,
        figures=FIGURES,
        words=report.words,
        without=_NOT_MADE,
        default_tables=(),
        default_figures=(),
    )
