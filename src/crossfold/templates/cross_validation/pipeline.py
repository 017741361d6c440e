"""The cross-validation template: folds, leak guard, models, evaluation, final model."""

from collections.abc import Callable, Mapping, Sequence
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
from crossfold.templates.cross_validation.parameters import ESTIMATORS
from crossfold.templates.wiring import Functions, wire_stages

NETWORKS = ("numpy", "torch", "tuned")
FINAL = "tuned"

_TRAINED = ("scores", "networks", "history")
_READS = {
    **{"table": "cleaned", "fold_table": "folds", "table_parameters": "params:table"},
    **{name: f"params:{name}" for name in ("folds", "preparation", "importance", "controls")},
    **{name: f"params:{name}" for name in ("decision", "evaluation", "card", "seed")},
}
_STAGES: dict[str, Functions] = {
    "folds": {assign_rows_to_folds: "folds", guard_against_leaks: "leak_guard"},
    "evaluation": {
        evaluate_predictions: "metrics_table",
        summarise_metrics: "metrics",
        compare_models: "comparison",
    },
    "final_model": {
        nodes.fit_final_networks: ["final_networks", "final_scores"],
        assemble_model: "model",
    },
    # It tells what the evaluation found, so that it is a report.
    "reporting": {write_model_card: "model_card"},
}
_IMPORTANCE: Functions = {nodes.measure_importance: ["feature_importance", "feature_effects"]}
_LEAKS: dict[str, Functions] = {
    "cross_validation": {
        nodes.list_selected: "selected",
        leak_controls.run_leak_controls: ["control_predictions", "control_leaks"],
    },
    "evaluation": {leak_controls.evaluate_leak_controls: "controls"},
}


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
    controlled: dict[Callable[..., Any], str] = {nodes.cross_validate_control: "control_scores"}
    if permuted_features is None:
        controlled[nodes.permute_labels] = "permuted_features"
    else:
        inputs["permuted_features"] = permuted_features
    scored = [*estimators, *networks, *(["control"] if control else [])]
    decided = ["folds", "params:decision", "params:table", *(f"{one}_scores" for one in scored)]
    histories = [f"{family}_history" for family in networks]
    made = [
        *_wire(final, _STAGES | ({"importance": _IMPORTANCE} if importance else {})),
        *(
            _family_node(family, nodes.search_networks, *_TRAINED, "search")
            if family in searched
            else _family_node(family, nodes.cross_validate_networks, *_TRAINED)
            for family in networks
        ),
        *(_family_node(family, nodes.cross_validate_estimators) for family in estimators),
        *(_wire(control, {"cross_validation": controlled}) if control else []),
        *(_wire(leaks, _LEAKS) if leaks else []),
        Node(
            nodes.join_tables, histories, "history", name="collect_history", namespace="evaluation"
        ),
        Node(decide, decided, "predictions", name="decide", namespace="evaluation"),
    ]
    return Pipeline(
        made,
        namespace=study,
        inputs=inputs,
        parameters={"params:seed": "params:seed"},
        tags=["modelling"],
    )


def _wire(family: str, stages: Mapping[str, Functions]) -> list[Node]:
    """Make the nodes of some stages, those that read models of one family."""
    own = {"family": f"params:models.{family}", "networks": f"{family}_networks"}
    return wire_stages(stages, _READS | own)


def _family_node(family: str, function: Callable[..., Any], *tables: str) -> Node:
    reads = ["features", "folds", "params:table", "params:preparation", f"params:models.{family}"]
    return Node(
        function,
        [*reads, "params:seed"],
        [f"{family}_{table}" for table in tables] if tables else f"{family}_scores",
        name=f"cross_validate_{family}",
        namespace="cross_validation",
    )
