"""Members are pooled in the log odds, and each leaves out its own part."""

import numpy as np
import pytest

from crossfold.pipelines.modelling.binary.cross_fitting import EncodedFold, pooled_probability
from crossfold.pipelines.modelling.binary.folds import OuterFold, k_folds
from crossfold.pipelines.modelling.binary.networks import make_slots


class Constant:
    def __init__(self, probability: float) -> None:
        self.probability = probability

    def predict_proba(self, inputs: np.ndarray) -> np.ndarray:
        return np.tile([1 - self.probability, self.probability], (len(inputs), 1))


def test_members_are_pooled_in_the_log_odds() -> None:
    pooled = pooled_probability([Constant(0.5), Constant(0.9)], np.zeros((3, 1)))
    # Odds 1 and 9: the geometric mean is 3, the probability 3/4.
    assert pooled == pytest.approx([0.75] * 3)
    assert pooled.dtype == np.float32


def test_certain_members_stay_finite() -> None:
    pooled = pooled_probability([Constant(1.0), Constant(0.0)], np.zeros((2, 1)))
    assert pooled == pytest.approx([0.5] * 2, abs=0.01)


def test_each_member_leaves_out_another_part_and_no_validation_row(
    fold_table, features, preparation
) -> None:
    outer = k_folds(fold_table)[0]
    encoded = EncodedFold.of(features, outer, preparation)
    slots = make_slots([encoded], fold_table["part"].to_numpy(), 4)
    left_out = [slot.rows[1] for slot in slots]
    assert sorted(np.concatenate(left_out)) == outer.train_rows.tolist()
    for slot in slots:
        train, out = slot.rows
        assert not set(train) & set(out)
        assert not set(train) & set(outer.validation_rows)


def test_a_fold_splits_its_training_rows_alone() -> None:
    outer = OuterFold("p", 0, np.array([0, 2, 4]), np.array([1, 3]))
    train, left_out = outer.inner(np.array([0, 1, 1, 0, 0], dtype=np.int8), 1)
    assert (train.tolist(), left_out.tolist()) == ([0, 4], [2])
