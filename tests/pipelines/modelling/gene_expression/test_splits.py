"""Folds of all protocols, through a table and back."""

import numpy as np
import pandas as pd

from crossfold.pipelines.modelling.gene_expression.nodes import (
    assign_patients_to_folds,
    guard_against_leaks,
)
from crossfold.pipelines.modelling.gene_expression.parameters import FoldParameters
from crossfold.pipelines.modelling.gene_expression.splits import (
    K_FOLD,
    LEAVE_ONE_OUT,
    ORIGINAL_SPLIT,
    from_table,
)


def test_every_protocol_validates_whom_it_should(features, folds) -> None:
    n = len(features)
    k_fold = from_table(folds, K_FOLD)
    assert len(k_fold) == 8
    for repeat in (k_fold[:4], k_fold[4:]):
        assert sorted(np.concatenate([s.validation_rows for s in repeat])) == list(range(n))
    assert [s.validation_rows.tolist() for s in from_table(folds, LEAVE_ONE_OUT)] == [
        [row] for row in range(n)
    ]
    (original,) = from_table(folds, ORIGINAL_SPLIT)
    assert original.validation_rows.tolist() == list(range(24, n))


def test_training_rows_are_all_others(features, folds) -> None:
    everyone = set(range(len(features)))
    for split in from_table(folds):
        assert set(split.train_rows) == everyone - set(split.validation_rows)


def test_repeats_differ(folds) -> None:
    k_fold = [s.validation_rows.tolist() for s in from_table(folds, K_FOLD)]
    assert k_fold[:4] != k_fold[4:]


def test_more_folds_than_a_byte_counts(features) -> None:
    many = pd.concat([features] * 5, ignore_index=True)
    table = assign_patients_to_folds(many, FoldParameters(n_splits=2, n_repeats=1), 0)
    assert len(from_table(table, LEAVE_ONE_OUT)) == len(many) > 127


def test_the_guard_checks_every_protocol(features, folds) -> None:
    checks = guard_against_leaks(features, folds)
    assert len(checks) == 6
    assert checks["crossing"].eq(0).all()
    assert checks["rows_checked"].eq(len(features)).all()
