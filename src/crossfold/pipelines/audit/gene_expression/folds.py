"""The node that repeats the source's two cross-validations, with one network or with fresh ones."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.audit.gene_expression.faults import (
    OF_FOLDS,
    ONE_MODEL,
    SCALE,
    Rows,
    class_weights,
    scale,
    split,
)
from crossfold.pipelines.audit.gene_expression.measures import measure
from crossfold.pipelines.audit.gene_expression.parameters import (
    FaultsParameters,
    ProtocolParameters,
)
from crossfold.pipelines.audit.gene_expression.splits import log_table, patient_rows
from crossfold.pipelines.audit.runs import REPORTED, SOUND, only
from crossfold.templates.cross_validation.folds import K_FOLD, LEAVE_ONE_OUT

_logger = logging.getLogger(__name__)
PERMUTED = "k_fold_permuted"
CROSS_VALIDATIONS = (K_FOLD, LEAVE_ONE_OUT, PERMUTED)
Pairs = list[tuple[NDArray[np.intp], NDArray[np.intp]]]


@dataclass(frozen=True)
class CrossValidation:
    """Patients, the folds over them, and the network that is trained.

    Attributes
    ----------
    patients
        Neither scaled nor resampled.
    pairs
        Training and validation rows of each fold.
    arguments
        Of the network.
    """

    patients: Rows
    pairs: Pairs
    arguments: dict[str, Any]

    def run(self, faults: Collection[str], epochs: int) -> pd.DataFrame:
        """Give one line for each fold and epoch: ``right``, ``loss``, ``f1``, ``n``."""
        sizes = np.array([len(validation) for _, validation in self.pairs])
        train = self._train_on if ONE_MODEL in faults else self._train_fresh
        history = train(SCALE in faults, epochs)
        return history.assign(n=sizes[history["fold"]], epochs=epochs)

    def _train_fresh(self, scaled_before: bool, epochs: int) -> pd.DataFrame:
        """Train a fresh network in each fold, all at once."""
        from sklearn.preprocessing import StandardScaler

        from crossfold.mlp import EpochLog, FoldStack, MLPClassifier, ProgressBar

        log = EpochLog(measure)
        network = MLPClassifier(
            **{**self.arguments, "max_iter": epochs}, callbacks=(log, ProgressBar())
        )
        rows = scale(self.patients, self.patients) if scaled_before else self.patients
        stack = FoldStack(network, preprocessor=None if scaled_before else StandardScaler())
        stack.fit(rows.inputs, rows.aml, self.pairs)
        return log_table(log.records)

    def _train_on(self, scaled_before: bool, epochs: int) -> pd.DataFrame:
        """Train one network through all folds, one after the other."""
        from crossfold.mlp import MLPClassifier

        network = MLPClassifier(**self.arguments)
        records = []
        for fold, (train_rows, validation_rows) in enumerate(self.pairs):
            train, validation = (_take(self.patients, r) for r in (train_rows, validation_rows))
            by = self.patients if scaled_before else train
            train, validation = scale(train, by), scale(validation, by)
            for epoch in range(1, epochs + 1):
                network.partial_fit(train.inputs, train.aml, classes=[0, 1])
                probability = network.predict_proba(validation.inputs)[:, 1]
                figures = measure(validation.aml, probability)
                records.append({"fold": fold, "epoch": epoch, **figures})
        return pd.DataFrame(records)


def _take(rows: Rows, numbers: NDArray[np.intp]) -> Rows:
    return Rows(rows.inputs[numbers], rows.aml[numbers])


def cross_validate_runs(
    expression: pd.DataFrame, protocol: ProtocolParameters, faults: FaultsParameters, seed: int
) -> pd.DataFrame:
    """Repeat ten-fold cross-validation and leave-one-out, with the faults and without.

    Ten-fold cross-validation is repeated on permuted labels too, where nothing can be learnt.

    Parameters
    ----------
    expression
        The joined patients, expressions as published.
    protocol, faults
        How the source trained.
    seed
        Of folds, starts, batches and permuted labels.

    Returns
    -------
    One line for each run, cross-validation, fold and epoch: ``right``, ``loss`` and ``f1`` on the
    fold's ``n`` validation rows; ``epochs``: for how long each fold was trained.
    """
    histories = []
    for name in CROSS_VALIDATIONS:
        validation = _cross_validation(name, patient_rows(expression), protocol, seed)
        for run, (switched_on, epochs) in list_fold_runs(faults, protocol, name).items():
            _logger.info("audit run %s, %s, %d epochs a fold", run, name, epochs)
            history = validation.run(switched_on, epochs)
            histories.append(history.assign(run=run, cross_validation=name))
    return pd.concat(histories, ignore_index=True)


def list_fold_runs(
    faults: FaultsParameters, protocol: ProtocolParameters, cross_validation: str
) -> dict[str, tuple[tuple[str, ...], int]]:
    """Name the runs of a cross-validation, with the faults and the epochs of each."""
    of_folds = LEAVE_ONE_OUT if cross_validation == LEAVE_ONE_OUT else K_FOLD
    epochs = int(getattr(protocol.epochs, of_folds))
    share_epochs = min(int(getattr(protocol.share_epochs, of_folds)), epochs)
    touching = tuple(fault for fault in faults.root if fault in OF_FOLDS)
    alone = {only(fault): ((fault,), share_epochs) for fault in touching}
    return {REPORTED: (touching, epochs), SOUND: ((), share_epochs), **alone}


def _cross_validation(
    name: str, patients: Rows, protocol: ProtocolParameters, seed: int
) -> CrossValidation:
    from crossfold.validation import assign_folds, fold_rows, leave_one_out, permute_labels

    weights = class_weights(split(patients, protocol.test_share, seed)[0].aml)
    if name == PERMUTED:
        permuted = permute_labels(patients.aml, np.random.default_rng(seed))
        patients = Rows(patients.inputs, permuted)
    if name == LEAVE_ONE_OUT:
        pairs: Sequence[Any] = leave_one_out(len(patients.aml))
    else:
        pairs = fold_rows(assign_folds(patients.aml, n_splits=protocol.n_splits, seed=seed))
    arguments = {**protocol.arguments(), "class_weight": weights, "random_state": seed}
    return CrossValidation(patients, list(pairs), arguments)
