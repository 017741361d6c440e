"""What public notebooks report on the appointments: their steps repeated, and a control."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from kedro.pipeline import Pipeline
from numpy.typing import NDArray
from pydantic import Field, PositiveInt

from crossfold.templates import audit
from crossfold.templates.audit import Measured, resampled
from crossfold.templates.parameters import Parameters

INPUTS = (
    "male", "age", "scholarship", "hypertension", "diabetes", "alcoholism", "handicap",
    "sms_received", "lead_time_days", "booking_hour",
)  # fmt: skip
COUNTED, ACROSS, RESAMPLED = "own_label_counted", "patients_across_split", "resampled_before_split"
Labels = Literal["real", "permuted"]


class ProtocolParameters(Parameters):
    """How the models are tested.

    Attributes
    ----------
    n_splits
        The test set is one of so many parts of the appointments.
    n_trees
        Trees of the forest of the notebooks that repeat rows.
    n_resamples
        Resamples by patient for the intervals.
    """

    n_splits: Annotated[int, Field(ge=2)] = 5
    n_trees: PositiveInt = 50
    n_resamples: Annotated[int, Field(ge=50)] = 200


class Case(NamedTuple):
    """The features with the real labels and with permuted ones, the faults, what is known."""

    features: dict[Labels, pd.DataFrame]
    faults: frozenset[str]
    protocol: ProtocolParameters
    seed: int
    known: dict[Any, Measured]

    def once(self, measure: Callable[..., Measured], touched: set[str], *about: Any) -> Measured:
        """Measure with those faults that make a difference, and only once."""
        own = self._replace(faults=self.faults.intersection(touched))
        key = (measure, own.faults, *about)
        if key not in self.known:
            self.known[key] = measure(own, *about)
        return self.known[key]


def count_roc_auc(case: Case, labels: Labels) -> Measured:
    """Measure how well a model with the number of a patient's no-shows ranks them."""
    return case.once(_count_roc_auc, {COUNTED, ACROSS}, labels)


def resampled_roc_auc(case: Case) -> Measured:
    """Measure how well a model ranks no-shows that are repeated until both classes are alike."""
    return case.once(_resampled_roc_auc, {RESAMPLED, ACROSS})


def _count_roc_auc(case: Case, labels: Labels) -> Measured:
    from sklearn.ensemble import AdaBoostClassifier

    table = case.features[labels]
    counted = table["earlier_no_shows"]
    if COUNTED in case.faults:
        counted = table.groupby("patient")["no_show"].transform("sum")
    train, test = _split(table, np.arange(len(table)), case)
    X = np.column_stack([_inputs(table), counted.to_numpy(dtype=np.float32)])
    return _roc_auc(AdaBoostClassifier(random_state=case.seed), X, table, train, test, case)


def _resampled_roc_auc(case: Case) -> Measured:
    from sklearn.ensemble import RandomForestClassifier

    table = case.features["real"]
    rows = np.arange(len(table))
    if RESAMPLED in case.faults:
        train, test = _split(table, _repeat_no_shows(table, rows, case.seed), case)
    else:
        train, test = _split(table, rows, case)
        train = _repeat_no_shows(table, train, case.seed)
    forest = RandomForestClassifier(case.protocol.n_trees, random_state=case.seed, n_jobs=-1)
    return _roc_auc(forest, _inputs(table), table, train, test, case)


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
    tables: dict[Labels, pd.DataFrame] = {"real": features, "permuted": permuted}
    patients, known = appointments["patient"].to_numpy(), dict[Any, Measured]()
    tables = {name: table.assign(patient=patients) for name, table in tables.items()}
    return audit.judge(claims, lambda s: Case(tables, s.faults, protocol, seed, known))


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


def _split(table: pd.DataFrame, rows: NDArray[np.intp], case: Case) -> Any:
    """Split row numbers into training and test rows; a row may come several times."""
    from crossfold.validation import assign_folds

    own = table.iloc[rows]
    groups = None if ACROSS in case.faults else own["patient"]
    fold = assign_folds(own["no_show"], groups, n_splits=case.protocol.n_splits, seed=case.seed)
    return rows[fold > 0], rows[fold == 0]


def _repeat_no_shows(table: pd.DataFrame, rows: NDArray[np.intp], seed: int) -> Any:
    is_missed = table["no_show"].to_numpy()[rows] == 1
    lacking = int((~is_missed).sum() - is_missed.sum())
    again = np.random.default_rng(seed).choice(rows[is_missed], max(lacking, 0))
    return np.concatenate([rows, again])


def _roc_auc(
    model: Any, X: NDArray[Any], table: pd.DataFrame, train: Any, test: Any, case: Case
) -> Measured:
    from sklearn.metrics import roc_auc_score

    from crossfold.validation import GroupBootstrap, bootstrap_metrics

    y = table["no_show"].to_numpy()
    p = model.fit(X[train], y[train]).predict_proba(X[test])[:, 1]
    patients = GroupBootstrap(table["patient"].iloc[test], case.protocol.n_resamples, case.seed)
    draws = bootstrap_metrics(y[test], p, None, patients)["roc_auc"]
    return resampled(roc_auc_score(y[test], p), draws, len(test))
