"""Nodes of the primer that arrange what both trainings say as the tables of every study."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from crossfold.pipelines.primer import logistic
from crossfold.pipelines.primer.first_network import TRAIN, VALIDATION, predict, read_named
from crossfold.templates.cross_validation.evaluation import evaluate_predictions
from crossfold.templates.cross_validation.parameters import EvaluationParameters, IntervalParameters
from crossfold.templates.parameters import TableParameters
from crossfold.user_input import unknown_names
from crossfold.validation.comparison import COMPARISON_COLUMNS, compare_by_row
from crossfold.validation.tables import NOT_SET, POOLED, concatenate, two_class_rows

TOY, LEARNT, NEW = "toy_table", "points_learnt_from", "new_points"
"""Protocols: the six rows, which are learnt from, and both parts of the points."""
MEASURES = {
    "train_error": "train_loss",
    "validation_error": "validation_loss",
    "train_accuracy": "train_score",
    "validation_accuracy": "validation_score",
}
NAMES = {
    logistic.BY_HAND: "logistic_by_hand",
    logistic.LIBRARY: "logistic_crossfold",
    logistic.STOPPED: "logistic_stopped_early",
    logistic.REFERENCE: "logistic_scikit_learn",
}
NETWORKS = ("network_by_hand", "network_crossfold")
COMPARED = (
    ("logistic_by_hand", "logistic_crossfold", TOY),
    ("logistic_by_hand", "logistic_stopped_early", TOY),
    ("logistic_by_hand", "logistic_scikit_learn", TOY),
    (*NETWORKS, NEW),
)


def misfits(blocks: Mapping[str, Any]) -> Iterator[str]:
    """Tell of a reference in the primer's blocks that is none of its trainings."""
    reference = IntervalParameters(**blocks["evaluation"]).reference
    models = [*NAMES.values(), *NETWORKS]
    yield from unknown_names("evaluation.reference", [reference], models, "model")


def predict_rows(
    toy: pd.DataFrame,
    points: pd.DataFrame,
    logistic_comparison: pd.DataFrame,
    network_comparison: pd.DataFrame,
) -> pd.DataFrame:
    """Predict every row of both tables with every training, longer ones with their epochs.

    Returns a table of the schema `crossfold.validation.schemas.PREDICTIONS`, in double precision.
    """
    probabilities = logistic_comparison.filter(like="row ").to_numpy(dtype=float)
    protocols = points["part"].map({TRAIN: LEARNT, VALIDATION: NEW})
    weights = network_comparison.set_index("weight")
    trained = zip(logistic_comparison["source"], logistic_comparison["epochs"], strict=True)
    names: list[str] = []
    for source, epochs in trained:  # the same once more for another number of epochs
        name = NAMES[source]
        names.append(f"{name}_{epochs}" if name in names else name)
    tables = [
        two_class_rows(name, TOY, toy["label"], p)
        for name, p in zip(names, probabilities, strict=True)
    ]
    for name, column in zip(NETWORKS, ("by_hand", "library"), strict=True):
        p = predict(points, read_named(weights[column]))
        tables.append(two_class_rows(name, protocols, points["label"], p))
    return concatenate(tables)


def collect_history(logistic_steps: pd.DataFrame, network_epochs: pd.DataFrame) -> pd.DataFrame:
    """Arrange loss and accuracy of both trainings by hand, epoch 0 before any step.

    Returns a table of the schema `crossfold.validation.schemas.HISTORY`; the first network's losses
    are mean squared errors.
    """
    losses = logistic_steps.rename(columns={"loss": "train_loss"})[["epoch", "train_loss"]]
    scores = network_epochs.rename(columns=MEASURES)[["epoch", *MEASURES.values()]]
    keys = {"logistic_by_hand": (TOY, losses), "network_by_hand": (NEW, scores)}
    return concatenate(
        [
            table.melt("epoch", var_name="measure").assign(
                model=model, protocol=protocol, fold=0, member=NOT_SET
            )
            for model, (protocol, table) in keys.items()
        ]
    )


def evaluate_rows(
    predictions: pd.DataFrame,
    points: pd.DataFrame,
    table_parameters: TableParameters,
    evaluation: IntervalParameters,
    seed: int,
) -> pd.DataFrame:
    """Compute every metric of every training, accuracy first; of the schema `METRICS`."""
    how = EvaluationParameters(n_resamples=evaluation.n_resamples)
    table = evaluate_predictions(predictions, points, table_parameters, how, seed)
    pooled = table[table["scope"] == POOLED]
    return pooled.sort_values("metric", key=lambda names: names != "accuracy", kind="stable")


def compare_trainings(predictions: pd.DataFrame) -> pd.DataFrame:
    """Find how far trainings by hand and by the libraries are apart; of the schema `COMPARISON`."""
    models = {str(name): rows for name, rows in predictions.groupby("model", observed=True)}
    rows: list[dict[str, Any]] = [
        {**compare_by_row((a, b), models, "binary"), "protocol": protocol}
        for a, b, protocol in COMPARED
    ]
    return pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS))
