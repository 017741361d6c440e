"""The cross-validation template: folds, leak guard, models, evaluation, final model."""

from __future__ import annotations

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from crossfold.templates.cross_validation import leak_controls, nodes
from crossfold.templates.cross_validation.decision import decide
from crossfold.templates.cross_validation.evaluation import (
    compare_models,
    evaluate_predictions,
    summarise_metrics,
)
from crossfold.templates.cross_validation.final_model import assemble_model, write_model_card
from crossfold.templates.cross_validation.folds import assign_rows_to_folds, guard_against_leaks

NETWORKS = ("numpy", "torch", "tuned")
ESTIMATORS = ("baselines", "references")
FINAL = "tuned"

_TRAINING = ["folds", "params:table", "params:preparation"]


def create_pipeline(
    study: str,
    table: str,
    features: str,
    *,
    permuted_features: str | None = None,
    networks: Sequence[str] = NETWORKS,
    estimators: Sequence[str] = ESTIMATORS,
    searched: Sequence[str] = (FINAL,),
    control: str | None = "numpy",
    final: str = FINAL,
    importance: bool = True,
    leaks: str | None = None,
) -> Pipeline:
    """Build the modelling pipeline of a study.

    Parameters
    ----------
    study
        Name of the study and of its namespace; its parameters are the blocks ``table``, ``folds``,
        ``preparation``, ``models`` (one block for each family), ``decision``, ``evaluation``,
        ``importance`` and ``card``.
    table
        Dataset of the cleaned table, with groups and dates.
    features
        Dataset of the feature table: same rows in the same order, with the target.
    permuted_features
        Dataset of the same table made from permuted labels, for the control; None to permute the
        target of `features`, where nothing else is made from it.
    networks, estimators
        Families of models: those of our networks, which train as stacks, and those of others.
    searched
        Those of the networks whose search inside the folds is kept as a table.
    control, final
        Families whose first model is trained on permuted labels, and on all rows; None for a study
        with controls of its own.
    importance
        Whether it is measured what drives the first model of `final`: every input is shuffled, and
        the effects of those that matter most are computed.
    leaks
        Family whose first network shows on permuted labels what selecting inputs and SMOTE before
        the split would give (`leak_controls`): for small tables of two classes, with a block
        ``controls`` of parameters; what it selects in each fold is listed. None for none.
    """
    inputs = {"cleaned": table, "features": features}
    if permuted_features is not None:
        inputs["permuted_features"] = permuted_features
    made = [
        *_fold_nodes(),
        *(_network_node(family, searches=family in searched) for family in networks),
        *(_estimator_node(family) for family in estimators),
        *_control_nodes(control, permute=permuted_features is None),
        *(_leak_nodes(leaks) if leaks else []),
        *_evaluation_nodes(networks, [*estimators, *networks, *(["control"] if control else [])]),
        *(_importance_nodes(final) if importance else []),
        *_final_nodes(final),
    ]
    return Pipeline(
        made,
        namespace=study,
        inputs=inputs,
        parameters={"params:seed": "params:seed"},
        tags=["modelling"],
    )


def _fold_nodes() -> list[Node]:
    return [
        Node(
            assign_rows_to_folds,
            ["cleaned", "features", "params:folds", "params:table", "params:seed"],
            "folds",
            name="assign_rows_to_folds",
            namespace="folds",
        ),
        Node(
            guard_against_leaks,
            ["cleaned", "folds", "params:table"],
            "leak_guard",
            name="guard_against_leaks",
            namespace="folds",
        ),
    ]


def _network_node(family: str, *, searches: bool) -> Node:
    tables = ("scores", "networks", "history", *(["search"] if searches else []))
    return Node(
        nodes.search_networks if searches else nodes.cross_validate_networks,
        ["features", *_TRAINING, f"params:models.{family}", "params:seed"],
        [f"{family}_{table}" for table in tables],
        name=f"cross_validate_{family}",
        namespace="cross_validation",
    )


def _estimator_node(family: str) -> Node:
    return Node(
        nodes.cross_validate_estimators,
        ["features", *_TRAINING, f"params:models.{family}", "params:seed"],
        f"{family}_scores",
        name=f"cross_validate_{family}",
        namespace="cross_validation",
    )


def _control_nodes(family: str | None, *, permute: bool) -> list[Node]:
    if family is None:
        return []
    control = Node(
        nodes.cross_validate_control,
        ["permuted_features", *_TRAINING, f"params:models.{family}", "params:seed"],
        "control_scores",
        name="cross_validate_control",
        namespace="cross_validation",
    )
    if not permute:
        return [control]
    permuted = Node(
        nodes.permute_labels,
        ["features", "params:table", "params:seed"],
        "permuted_features",
        name="permute_labels",
        namespace="cross_validation",
    )
    return [permuted, control]


def _leak_nodes(family: str) -> list[Node]:
    return [
        Node(
            nodes.list_selected,
            [f"{family}_networks", f"params:models.{family}"],
            "selected",
            name="list_selected",
            namespace="cross_validation",
        ),
        Node(
            leak_controls.run_leak_controls,
            ["features", *_TRAINING[1:], f"params:models.{family}", "params:folds",
             "params:controls", "params:seed"],
            ["control_predictions", "control_leaks"],
            name="run_leak_controls",
            namespace="cross_validation",
        ),
        Node(
            leak_controls.evaluate_leak_controls,
            ["control_predictions", "control_leaks"],
            "controls",
            name="evaluate_leak_controls",
            namespace="evaluation",
        ),
    ]  # fmt: skip


def _evaluation_nodes(networks: Sequence[str], families: Sequence[str]) -> list[Node]:
    compared = ["params:table", "params:evaluation", "params:seed"]
    return [
        Node(
            decide,
            [
                "folds",
                "params:decision",
                "params:table",
                *(f"{family}_scores" for family in families),
            ],
            "predictions",
            name="decide",
            namespace="evaluation",
        ),
        Node(
            nodes.join_tables,
            [f"{family}_history" for family in networks],
            "history",
            name="collect_history",
            namespace="evaluation",
        ),
        Node(
            evaluate_predictions,
            ["predictions", "features", *compared],
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
            ["predictions", "metrics_table", *compared],
            "comparison",
            name="compare_models",
            namespace="evaluation",
        ),
    ]


def _importance_nodes(family: str) -> list[Node]:
    reads = [
        "features",
        "folds",
        f"{family}_networks",
        *_TRAINING[1:],
        f"params:models.{family}",
        "params:importance",
    ]
    return [
        Node(
            nodes.measure_importance,
            [*reads, "params:seed"],
            "feature_importance",
            name="measure_importance",
            namespace="importance",
        ),
        Node(
            nodes.measure_effects,
            [*reads, "feature_importance", "params:seed"],
            "feature_effects",
            name="measure_effects",
            namespace="importance",
        ),
    ]


def _final_nodes(family: str) -> list[Node]:
    return [
        Node(
            nodes.fit_final_networks,
            ["features", *_TRAINING, f"params:models.{family}", "params:seed"],
            ["final_networks", "final_scores"],
            name="fit_final_networks",
            namespace="final_model",
        ),
        Node(
            assemble_model,
            ["final_networks", "final_scores", "features", "params:decision", "params:table"],
            "model",
            name="assemble_model",
            namespace="final_model",
        ),
        Node(
            write_model_card,
            [
                "model",
                "features",
                "metrics",
                f"params:models.{family}",
                "params:card",
                "params:seed",
            ],
            "model_card",
            name="write_model_card",
            namespace="final_model",
        ),
    ]
