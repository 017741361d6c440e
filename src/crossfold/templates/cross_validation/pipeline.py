"""The cross-validation template: folds, leak guard, models, evaluation, final model."""

from collections.abc import Callable, Sequence
from typing import Any

from kedro.pipeline import Node, Pipeline

from crossfold.templates.cross_validation import leak_controls, nodes
from crossfold.templates.cross_validation.evaluation import (
    compare_models,
    evaluate_predictions,
    summarise_metrics,
)
from crossfold.templates.cross_validation.final_model import (
    assemble_model,
    decide,
    write_model_card,
)
from crossfold.templates.cross_validation.folds import assign_rows_to_folds, guard_against_leaks
from crossfold.templates.wiring import wire

NETWORKS = ("numpy", "torch", "tuned")
ESTIMATORS = ("baselines", "references")
FINAL = "tuned"

_NETWORKS = ("scores", "networks", "history")
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
    assigned = ["cleaned", "features", "params:folds", "params:table", "params:seed"]
    made = wire(
        (assign_rows_to_folds, assigned, "folds"),
        (guard_against_leaks, ["cleaned", "folds", "params:table"], "leak_guard"),
        namespace="folds",
    )
    made += [
        *(
            _family_node(family, nodes.search_networks, *_NETWORKS, "search")
            if family in searched
            else _family_node(family, nodes.cross_validate_networks, *_NETWORKS)
            for family in networks
        ),
        *(_family_node(family, nodes.cross_validate_estimators) for family in estimators),
        *_control_nodes(control, permute=permuted_features is None),
        *(_leak_nodes(leaks) if leaks else []),
        *_evaluation_nodes(networks, [*estimators, *networks, *(["control"] if control else [])]),
        *_final_nodes(final),
    ]
    if importance:
        read = ["features", "folds", f"{final}_networks", *_TRAINING[1:], f"params:models.{final}"]
        read += ["params:importance", "params:seed"]
        found = ["feature_importance", "feature_effects"]
        made += wire((nodes.measure_importance, read, found), namespace="importance")
    return Pipeline(
        made,
        namespace=study,
        inputs=inputs,
        parameters={"params:seed": "params:seed"},
        tags=["modelling"],
    )


def _family_node(family: str, function: Callable[..., Any], *tables: str) -> Node:
    return Node(
        function,
        ["features", *_TRAINING, f"params:models.{family}", "params:seed"],
        [f"{family}_{table}" for table in tables] if tables else f"{family}_scores",
        name=f"cross_validate_{family}",
        namespace="cross_validation",
    )


def _control_nodes(family: str | None, *, permute: bool) -> list[Node]:
    if family is None:
        return []
    trained = ["permuted_features", *_TRAINING, f"params:models.{family}", "params:seed"]
    permuted = ["features", "params:table", "params:seed"]
    made = wire(
        (nodes.permute_labels, permuted, "permuted_features"),
        (nodes.cross_validate_control, trained, "control_scores"),
        namespace="cross_validation",
    )
    return made if permute else made[1:]


def _leak_nodes(family: str) -> list[Node]:
    models, made = f"params:models.{family}", ["control_predictions", "control_leaks"]
    reads = ["features", *_TRAINING[1:], models, "params:folds", "params:controls", "params:seed"]
    return [
        *wire(
            (nodes.list_selected, [f"{family}_networks", models], "selected"),
            (leak_controls.run_leak_controls, reads, made),
            namespace="cross_validation",
        ),
        *wire((leak_controls.evaluate_leak_controls, made, "controls"), namespace="evaluation"),
    ]


def _evaluation_nodes(networks: Sequence[str], families: Sequence[str]) -> list[Node]:
    compared = ["params:table", "params:evaluation", "params:seed"]
    scores = [f"{family}_scores" for family in families]
    histories = [f"{family}_history" for family in networks]
    history = Node(
        nodes.join_tables, histories, "history", name="collect_history", namespace="evaluation"
    )
    return [
        history,
        *wire(
            (decide, ["folds", "params:decision", "params:table", *scores], "predictions"),
            (evaluate_predictions, ["predictions", "features", *compared], "metrics_table"),
            (summarise_metrics, "metrics_table", "metrics"),
            (compare_models, ["predictions", "metrics_table", *compared], "comparison"),
            namespace="evaluation",
        ),
    ]


def _final_nodes(family: str) -> list[Node]:
    models, made = f"params:models.{family}", ["final_networks", "final_scores"]
    described = ["model", "features", "metrics", models, "params:card", "params:seed"]
    return [
        *wire(
            (nodes.fit_final_networks, ["features", *_TRAINING, models, "params:seed"], made),
            (assemble_model, [*made, "features", "params:decision", "params:table"], "model"),
            namespace="final_model",
        ),
        # It tells what the evaluation found, so that it is a report.
        *wire((write_model_card, described, "model_card"), namespace="reporting"),
    ]
