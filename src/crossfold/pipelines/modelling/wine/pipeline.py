"""The wine study: folds, nested grid search, cross-validation, control, importance, evaluation."""

from __future__ import annotations

from collections.abc import Callable

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.modelling.wine import evaluation, grid, nodes

STUDY = "wine"
_NETWORK = ["wines", "folds", "params:network"]
_LOGISTIC = "params:logistic_regression"
_FAMILIES = ("logistic", "network", "tuned", "control")


def create_pipeline() -> Pipeline:
    """Build the modelling pipeline; it reads ``wines``."""
    return Pipeline(
        [*_fold_nodes(), *_cross_validation_nodes(), *_evaluation_nodes()],
        namespace=STUDY,
        inputs={"wines": "wines"},
        parameters={"params:seed": "params:seed"},
        tags=["modelling"],
    )


def _fold_nodes() -> list[Node]:
    return [
        _node(
            nodes.assign_wines_to_folds, ["wines", "params:folds", "params:seed"], "folds", "folds"
        ),
        _node(nodes.guard_against_leaks, ["wines", "folds"], "leak_guard", "folds"),
    ]


def _cross_validation_nodes() -> list[Node]:
    within = "cross_validation"
    return [
        _node(
            nodes.cross_validate_logistic,
            ["wines", "folds", _LOGISTIC],
            "logistic_predictions",
            within,
        ),
        _node(
            nodes.cross_validate_network,
            [*_NETWORK, "params:seed"],
            ["network_predictions", "network_history"],
            within,
        ),
        _node(
            grid.search_grid,
            [*_NETWORK, "params:grid", "params:seed"],
            ["grid", "stacks"],
            within,
        ),
        _node(
            grid.cross_validate_tuned,
            ["wines", "folds", "grid", "params:network", "params:seed"],
            "tuned_predictions",
            within,
        ),
        _node(
            nodes.cross_validate_control,
            [*_NETWORK, _LOGISTIC, "params:seed"],
            "control_predictions",
            within,
        ),
        _node(
            nodes.measure_importance,
            [*_NETWORK, "params:importance", "params:seed"],
            "importance",
            within,
        ),
    ]


def _evaluation_nodes() -> list[Node]:
    within = "evaluation"
    return [
        _node(
            evaluation.collect_predictions,
            [f"{family}_predictions" for family in _FAMILIES],
            "predictions",
            within,
        ),
        _node(
            evaluation.evaluate_predictions,
            ["predictions", "params:evaluation", "params:seed"],
            "metrics_table",
            within,
        ),
        _node(evaluation.summarise_metrics, "metrics_table", "metrics", within),
        _node(evaluation.compare_models, "predictions", "comparison", within),
    ]


def _node(
    function: Callable[..., object],
    inputs: str | list[str],
    outputs: str | list[str],
    namespace: str,
) -> Node:
    return Node(function, inputs, outputs, name=function.__name__, namespace=namespace)
