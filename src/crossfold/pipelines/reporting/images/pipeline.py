"""The reporting template of image studies: tables, then figures, then one HTML report."""

from __future__ import annotations

from collections.abc import Callable

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.reporting.images import nodes

EXPERIMENT_TABLES = ("experiment_summary", "epochs", "twin_epochs")
CLASS_TABLES = ("classification_report", "confusion", "precision_recall")
IMAGE_TABLES = ("class_counts", "most_confidently_wrong", "random_test_images")
TABLES = (*EXPERIMENT_TABLES, *CLASS_TABLES, *IMAGE_TABLES)

EXPERIMENT_FIGURES = (
    "experiment_accuracy",
    "learning_rate_choice",
    "training_curves",
    "scores_over_epochs",
)
COMPARISON_FIGURES = ("paired_differences", "twins", "twin_training", "twin_confusion")
CLASS_FIGURES = (
    "confusion_by_truth",
    "confusion_by_prediction",
    "precision_recall",
    "class_scores",
)
IMAGE_FIGURES = ("class_counts", "most_confidently_wrong", "random_test_images", "sample_images")
FIGURES = (*EXPERIMENT_FIGURES, *COMPARISON_FIGURES, *CLASS_FIGURES, *IMAGE_FIGURES)

_FROM_MODELLING = (
    "split",
    "leak_guard",
    "learning_rates",
    "experiments",
    "history",
    "predictions",
    "metrics_table",
    "comparison",
    "twins",
    "model_card",
)


def create_pipeline(study: str, source: str) -> Pipeline:
    """Build the reporting pipeline of a study.

    Parameters
    ----------
    study
        Name of the study and of its namespace.
    source
        Name of the data set whose images and labels it reads.
    """
    return Pipeline(
        [*_table_nodes(), *_figure_nodes(), _report_node()],
        namespace=study,
        inputs={
            "images": f"{source}_images",
            "labels": f"{source}_labels",
            **{name: f"{study}.{name}" for name in _FROM_MODELLING},
        },
        outputs={
            **{f"table_{name}": f"{study}.tables.{name}" for name in TABLES},
            **{f"figure_{name}": f"{study}.figures.{name}" for name in FIGURES},
        },
        parameters={"params:seed": "params:seed"},
        tags=["reporting"],
    )


def _table_nodes() -> list[Node]:
    return [
        _node(
            nodes.compute_experiment_tables,
            _same("experiments", "twins", "metrics_table", "history"),
            _tables(EXPERIMENT_TABLES),
        ),
        _node(
            nodes.compute_class_tables,
            {**_same("predictions", "experiments"), **_parameters("classes", "highlighted")},
            _tables(CLASS_TABLES),
        ),
        _node(
            nodes.compute_image_tables,
            {**_same("split", "predictions"), **_parameters("classes", "report", "seed")},
            _tables(IMAGE_TABLES),
        ),
    ]


def _figure_nodes() -> list[Node]:
    return [
        _node(
            nodes.draw_experiment_figures,
            {
                **_same("metrics_table", "learning_rates"),
                **_tables(("experiment_summary", "epochs")),
                **_parameters("highlighted", "report"),
            },
            _figures(EXPERIMENT_FIGURES),
        ),
        _node(
            nodes.draw_comparison_figures,
            {
                **_same("comparison", "twins"),
                **_tables(("twin_epochs", "confusion")),
                **_parameters("classes", "comparisons"),
            },
            _figures(COMPARISON_FIGURES),
        ),
        _node(
            nodes.draw_class_figures,
            {**_tables(CLASS_TABLES), **_parameters("classes", "highlighted", "report")},
            _figures(CLASS_FIGURES),
        ),
        _node(
            nodes.draw_image_figures,
            {
                **_same("images", "labels"),
                **_tables(IMAGE_TABLES),
                **_parameters("classes", "report", "seed"),
            },
            _figures(IMAGE_FIGURES),
        ),
    ]


def _report_node() -> Node:
    own = ("comparison", "twins", "learning_rates", "leak_guard", "split", "model_card")
    tables = ("experiment_summary", "epochs", "classification_report", "most_confidently_wrong")
    inputs = {
        **_same(*own),
        **_parameters("highlighted", "report", "comparisons"),
        **{f"table_{name}": f"table_{name}" for name in tables},
        **{f"figure_{name}": f"figure_{name}" for name in FIGURES},
    }
    return _node(nodes.write_report, inputs, "report")


def _node(
    function: Callable[..., object], inputs: dict[str, str], outputs: str | dict[str, str]
) -> Node:
    return Node(function, inputs, outputs, name=function.__name__, namespace="reporting")


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


def _parameters(*names: str) -> dict[str, str]:
    return {name: f"params:{name}" for name in names}


def _tables(names: tuple[str, ...]) -> dict[str, str]:
    return {name: f"table_{name}" for name in names}


def _figures(names: tuple[str, ...]) -> dict[str, str]:
    return {name: f"figure_{name}" for name in names}
