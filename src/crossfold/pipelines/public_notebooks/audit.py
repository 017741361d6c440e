"""What public notebooks report on the appointments: their steps repeated, and a control."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from kedro.pipeline import Pipeline
from numpy.typing import NDArray
from pydantic import Field, PositiveInt

from crossfold.templates import audit
from crossfold.templates.audit import Measured, resampled
from crossfold.templates.parameters import Parameters
from crossfold.validation.intervals import GroupBootstrap
from crossfold.validation.metrics import binary_metrics
from crossfold.validation.splits import assign_folds

INPUTS = (
    "male", "age", "scholarship", "hypertension", "diabetes", "alcoholism", "handicap",
    "sms_received", "lead_time_days", "booking_hour",
)  # fmt: skip
COUNTED, ACROSS, RESAMPLED = "own_label_counted", "patients_across_split", "resampled_before_split"
Labels = Literal["real", "permuted"]
Model = Literal["count", "resampled"]
Job = tuple[Model, Labels, frozenset[str]]
TOUCHING: dict[Model, tuple[str, ...]] = {
    "count": (COUNTED, ACROSS),
    "resampled": (RESAMPLED, ACROSS),
}


class ProtocolParameters(Parameters):
    """How the models are tested."""

    n_splits: Annotated[int, Field(ge=2)] = 5
    """The test set is one of so many parts of the appointments."""
    n_trees: PositiveInt = 50
    """Trees of the forest of the notebooks that repeat rows."""
    n_resamples: Annotated[int, Field(ge=50)] = 200
    """Resamples by patient for the intervals."""
    n_jobs: int = 1
    """Models that are trained at the same time, as in joblib: -1 for one on each processor."""


class Case(NamedTuple):
    """What was measured: of a model, the labels, and those faults that make a difference to it."""

    measured: Mapping[Job, Measured]
    faults: frozenset[str]

    def of(self, model: Model, labels: Labels) -> Measured:
        """Find the figure of a model with the faults of this case."""
        return self.measured[model, labels, self.faults.intersection(TOUCHING[model])]


def count_roc_auc(case: Case, labels: Labels) -> Measured:
    """Measure how well a model with the number of a patient's no-shows ranks them."""
    return case.of("count", labels)


def resampled_roc_auc(case: Case) -> Measured:
    """Measure how well a model ranks no-shows that are repeated until both classes are alike."""
    return case.of("resampled", "real")


class How(NamedTuple):
    """How a model is trained and tested: with which faults, and from which seed."""

    faults: frozenset[str]
    protocol: ProtocolParameters
    seed: int


def measure_roc_auc(table: pd.DataFrame, model: Model, how: How) -> Measured:
    """Train a model as the notebooks do, with some of their faults, and test it.

    `table` has the study's features, the labels and the number of the ``patient``.
    """
    from sklearn.ensemble import AdaBoostClassifier, RandomForestClassifier

    rows, inputs = np.arange(len(table)), _inputs(table)
    if model == "count":
        counted = table["earlier_no_shows"]
        if COUNTED in how.faults:
            counted = table.groupby("patient")["no_show"].transform("sum")
        inputs = np.column_stack([inputs, counted.to_numpy(dtype=np.float32)])
        booster = AdaBoostClassifier(random_state=how.seed)
        return _roc_auc(booster, inputs, table, _split(table, rows, how), how)
    if RESAMPLED in how.faults:
        train, test = _split(table, _repeat_no_shows(table, rows, how.seed), how)
    else:
        train, test = _split(table, rows, how)
        train = _repeat_no_shows(table, train, how.seed)
    forest = RandomForestClassifier(how.protocol.n_trees, random_state=how.seed)
    return _roc_auc(forest, inputs, table, (train, test), how)


class NotebookClaims(
    audit.Claims,
    study="public_notebooks",
    switches=(COUNTED, ACROSS, RESAMPLED),
    measures=(count_roc_auc, resampled_roc_auc),
):
    """The claims of the notebooks."""


def judge_claims(
    appointments: pd.DataFrame,
    features: pd.DataFrame,
    permuted: pd.DataFrame,
    protocol: ProtocolParameters,
    claims: NotebookClaims,
    seed: int,
) -> audit.Tables:
    """Repeat the notebooks on the study's features, with real labels and permuted ones; judge."""
    patients = appointments["patient"].to_numpy()
    by_labels: dict[Labels, pd.DataFrame] = {"real": features, "permuted": permuted}
    tables = {labels: one.assign(patient=patients) for labels, one in by_labels.items()}
    # Forests first: they take longest.
    models: tuple[tuple[Model, Labels], ...] = (
        ("resampled", "real"), ("count", "real"), ("count", "permuted"),
    )  # fmt: skip
    jobs: list[Job] = [
        (model, labels, setup.faults)
        for model, labels in models
        for setup in audit.list_setups(claims, TOUCHING[model], short=False)
    ]
    tasks = [(tables[labels], model, How(on, protocol, seed)) for model, labels, on in jobs]
    found = audit.run_side_by_side(measure_roc_auc, tasks, protocol.n_jobs)
    measured = dict(zip(jobs, found, strict=True))
    return audit.judge(claims, lambda setup: Case(measured, setup.faults))


def create_pipeline() -> Pipeline:
    """Build the audit; the no-show study's features must have been made before."""
    read = {
        "appointments": "appointments",
        "features": "appointment_features",
        "permuted": "appointment_features_permuted",
    }
    return audit.create_pipeline(NotebookClaims, {judge_claims: audit.TABLES}, read)


def _inputs(table: pd.DataFrame) -> NDArray[np.float32]:
    """Read the inputs, as far as the export has them."""
    return table[[name for name in INPUTS if name in table]].fillna(-1).to_numpy(np.float32)


def _split(table: pd.DataFrame, rows: NDArray[np.intp], how: How) -> Any:
    """Split row numbers into training and test rows; a row may come several times."""
    own = table.iloc[rows]
    groups = None if ACROSS in how.faults else own["patient"]
    fold = assign_folds(own["no_show"], groups, n_splits=how.protocol.n_splits, seed=how.seed)
    return rows[fold > 0], rows[fold == 0]


def _repeat_no_shows(table: pd.DataFrame, rows: NDArray[np.intp], seed: int) -> Any:
    is_missed = table["no_show"].to_numpy()[rows] == 1
    lacking = int((~is_missed).sum() - is_missed.sum())
    again = np.random.default_rng(seed).choice(rows[is_missed], max(lacking, 0))
    return np.concatenate([rows, again])


def _roc_auc(
    model: Any, X: NDArray[Any], table: pd.DataFrame, parts: tuple[Any, Any], how: How
) -> Measured:
    from sklearn.metrics import roc_auc_score

    (train, test), y = parts, table["no_show"].to_numpy()
    p = model.fit(X[train], y[train]).predict_proba(X[test])[:, 1]
    patients = GroupBootstrap(table["patient"].iloc[test], how.protocol.n_resamples, how.seed)
    draws = binary_metrics(y[test], p, bootstrap=patients)["roc_auc"]
    return resampled(roc_auc_score(y[test], p), draws, len(test))
