"""The gene expression study: folds, cross-validation, controls, evaluation, final model."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.modelling.gene_expression import nodes
from crossfold.pipelines.modelling.gene_expression.evaluation import (
    compare_models,
    evaluate_controls,
    evaluate_predictions,
    summarise_metrics,
)
from crossfold.pipelines.modelling.gene_expression.final_model import (
    fit_final_model,
    write_model_card,
)

STUDY = "gene_expression"
_TABLES = ["features", "calls"]
_NETWORK = ["params:variants", "params:network"]


def create_pipeline() -> Pipeline:
    """Build the modelling pipeline; it reads ``leukaemia_features`` and ``leukaemia_calls``."""
    return Pipeline(
        [*_fold_nodes(), *_cross_validation_nodes(), *_evaluation_nodes(), *_final_nodes()],
        namespace=STUDY,
        inputs={name: f"leukaemia_{name}" for name in _TABLES},
        parameters={"params:seed": "params:seed"},
        tags=["modelling"],
    )


def _fold_nodes() -> list[Node]:
    return [
        Node(
            nodes.assign_patients_to_folds,
            ["features", "params:folds", "params:seed"],
            "folds",
            name="assign_patients_to_folds",
            namespace="folds",
        ),
        Node(
            nodes.guard_against_leaks,
            ["features", "folds"],
            "leak_guard",
            name="guard_against_leaks",
            namespace="folds",
        ),
    ]


def _cross_validation_nodes() -> list[Node]:
    return [
        Node(
            nodes.cross_validate_networks,
            [*_TABLES, "folds", *_NETWORK, "params:seed"],
            ["networks_predictions", "networks_history", "selected"],
            name="cross_validate_networks",
            namespace="cross_validation",
        ),
        Node(
            nodes.cross_validate_baselines,
            ["features", "folds", "params:baselines"],
            "baselines_predictions",
            name="cross_validate_baselines",
            namespace="cross_validation",
        ),
        Node(
            nodes.run_controls,
            [*_TABLES, *_NETWORK, "params:folds", "params:controls", "params:seed"],
            ["control_predictions", "control_leaks"],
            name="run_controls",
            namespace="cross_validation",
        ),
    ]


def _evaluation_nodes() -> list[Node]:
    return [
        Node(
            nodes.collect_predictions,
            ["networks_predictions", "baselines_predictions"],
            "predictions",
            name="collect_predictions",
            namespace="evaluation",
        ),
        Node(
            evaluate_predictions,
            ["predictions", "params:evaluation", "params:seed"],
            "metrics_table",
            name="evaluate_predictions",
            namespace="evaluation",
        ),
        Node(
            evaluate_controls,
            ["control_predictions", "control_leaks"],
            "controls",
            name="evaluate_controls",
            namespace="evaluation",
        ),
        Node(
            summarise_metrics,
            ["metrics_table", "controls"],
            "metrics",
            name="summarise_metrics",
            namespace="evaluation",
        ),
        Node(
            compare_models,
            ["predictions", "params:variants", "params:folds"],
            "comparison",
            name="compare_models",
            namespace="evaluation",
        ),
    ]


def _final_nodes() -> list[Node]:
    return [
        Node(
            fit_final_model,
            [*_TABLES, *_NETWORK, "params:seed"],
            "model",
            name="fit_final_model",
            namespace="final_model",
        ),
        Node(
            write_model_card,
            ["model", "features", "metrics", *_NETWORK, "params:card", "params:seed"],
            "model_card",
            name="write_model_card",
            namespace="final_model",
        ),
    ]
