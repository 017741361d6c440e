"""The modelling template: folds, cross-validation, evaluation, comparison, final model."""

from __future__ import annotations

from collections.abc import Callable

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.modelling.binary import nodes
from crossfold.pipelines.modelling.binary.evaluation import (
    compare_models,
    evaluate_predictions,
    summarise_metrics,
)
from crossfold.pipelines.modelling.binary.final_model import fit_final_model, write_model_card

_FITTED = ["features", "folds", "params:preparation", "params:decision"]


def create_pipeline(study: str, records: str, features: str, permuted_features: str) -> Pipeline:
    """Build the modelling pipeline of a study.

    Parameters
    ----------
    study
        Name of the study and of its namespace.
    records
        Dataset of the cleaned table, with groups and dates.
    features
        Dataset of the feature table: same rows in the same order, with the target.
    permuted_features
        Dataset of the same table made from permuted labels, for the control.
    """
    return Pipeline(
        [*_fold_nodes(), *_cross_validation_nodes(), *_evaluation_nodes(), *_final_nodes()],
        namespace=study,
        inputs={"records": records, "features": features, "permuted_features": permuted_features},
        parameters={"params:seed": "params:seed"},
        tags=["modelling"],
    )


def _fold_nodes() -> list[Node]:
    return [
        Node(
            nodes.assign_rows_to_folds,
            [
                "records",
                "features",
                "params:folds",
                "params:preparation",
                "params:decision",
                "params:seed",
            ],
            "folds",
            name="assign_rows_to_folds",
            namespace="folds",
        ),
        Node(
            nodes.guard_against_leaks,
            ["records", "folds", "params:folds"],
            "leak_guard",
            name="guard_against_leaks",
            namespace="folds",
        ),
    ]


def _cross_validation_nodes() -> list[Node]:
    fitted_on_permuted = ["permuted_features", *_FITTED[1:]]
    return [
        _cross_validate("numpy", nodes.cross_validate_numpy, [*_FITTED, "params:twins"]),
        _cross_validate("torch", nodes.cross_validate_torch, [*_FITTED, "params:twins"]),
        _cross_validate(
            "variants",
            nodes.cross_validate_variants,
            [*_FITTED, "params:twins", "params:variants"],
        ),
        _cross_validate("tuned", nodes.cross_validate_tuned, [*_FITTED, "params:tuned"]),
        _cross_validate(
            "baselines",
            nodes.cross_validate_baselines,
            [*_FITTED, "params:baselines"],
            "baselines_predictions",
        ),
        _cross_validate(
            "control",
            nodes.cross_validate_control,
            [*fitted_on_permuted, "params:twins"],
            "control_predictions",
        ),
    ]


def _cross_validate(
    family: str, function: Callable[..., object], inputs: list[str], outputs: str | None = None
) -> Node:
    """Make the node of one family of models; by default it also gives a training history."""
    return Node(
        function,
        [*inputs, "params:seed"],
        outputs or [f"{family}_predictions", f"{family}_history"],
        name=f"cross_validate_{family}",
        namespace="cross_validation",
    )


def _evaluation_nodes() -> list[Node]:
    families = ["baselines", "numpy", "torch", "variants", "tuned"]
    return [
        Node(
            nodes.collect_predictions,
            [
                "folds",
                *(f"{family}_predictions" for family in families),
                "control_predictions",
            ],
            "predictions",
            name="collect_predictions",
            namespace="evaluation",
        ),
        Node(
            nodes.collect_history,
            [f"{family}_history" for family in families[1:]],
            "history",
            name="collect_history",
            namespace="evaluation",
        ),
        Node(
            evaluate_predictions,
            ["predictions", "features", "params:evaluation", "params:seed"],
            "metrics_table",
            name="evaluate_predictions",
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
            compare_models,
            ["predictions", "metrics_table", "params:evaluation", "params:seed"],
            "comparison",
            name="compare_models",
            namespace="evaluation",
        ),
    ]


def _final_nodes() -> list[Node]:
    return [
        Node(
            fit_final_model,
            [*_FITTED, "params:tuned", "params:seed"],
            "model",
            name="fit_final_model",
            namespace="final_model",
        ),
        Node(
            write_model_card,
            ["model", "features", "metrics", "params:tuned", "params:card", "params:seed"],
            "model_card",
            name="write_model_card",
            namespace="final_model",
        ),
    ]
