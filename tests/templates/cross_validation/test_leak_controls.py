"""Sound controls score at chance; both leaks are seen, by score or by the guard."""

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import NearestNeighbors

from crossfold.templates.cross_validation.leak_controls import (
    BEFORE,
    INSIDE,
    SELECTION,
    SMOTE,
    add_synthetic,
    evaluate_leak_controls,
    permutations,
    run_leak_controls,
)
from crossfold.templates.cross_validation.parameters import (
    FamilyParameters,
    FoldParameters,
    LeakControlParameters,
    PreparationParameters,
)
from crossfold.templates.parameters import TableParameters
from crossfold.validation.leak_guard import NOT_SYNTHETIC

NETWORK = {
    "hidden_layer_sizes": [16],
    "learning_rate_init": 0.01,
    "batch_size": "full",
    "max_iter": 30,
    "n_iter_no_change": None,
}


LABELS = np.tile([0, 0, 1], 12).astype(np.int8)
VALUES = np.random.default_rng(0).normal(size=(len(LABELS), 60)).astype(np.float32)


def run(select: int | None, n: int, n_inputs: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Run the controls on few rows with far more inputs, none of which says anything."""
    values = np.random.default_rng(5).normal(size=(len(LABELS), n_inputs)).astype("float32")
    table = pd.DataFrame(values, columns=[f"n{number}" for number in range(n_inputs)])
    return run_leak_controls(
        table.assign(target=LABELS),
        TableParameters(target="target"),
        PreparationParameters(),
        FamilyParameters.model_validate({"mlp": {"select": select, "params": NETWORK}}),
        FoldParameters(n_splits=4),
        LeakControlParameters(n_permutations=n, smote_permutations=n),
        0,
    )


@pytest.fixture(scope="module")
def figures() -> pd.DataFrame:
    made = evaluate_leak_controls(*run(5, 12, 1500))
    return made.set_index(["control", "when", "metric"])


def test_a_network_that_selects_nothing_has_the_control_of_smote_alone() -> None:
    predictions, leaks = run(None, 2, 8)
    assert set(predictions["control"]) == {SMOTE}
    assert leaks["control"].tolist() == [SMOTE, SMOTE]


@pytest.mark.parametrize("control", [SELECTION, SMOTE])
def test_inside_the_folds_permuted_labels_score_at_chance(figures, control) -> None:
    figure = figures.loc[(control, INSIDE, "balanced_accuracy")]
    assert figure["low"] <= 0.5 <= figure["high"]
    assert 0.4 < figure["estimate"] < 0.6
    assert figure["synthetic_leaks"] == 0


@pytest.mark.parametrize("control", [SELECTION, SMOTE])
def test_before_the_split_permuted_labels_score_far_above_chance(figures, control) -> None:
    assert figures.loc[(control, BEFORE, "balanced_accuracy"), "low"] > 0.6


def test_the_guard_sees_synthetic_rows_and_cannot_see_selection(figures) -> None:
    leaks = figures["synthetic_leaks"].groupby(["control", "when"]).first()
    assert leaks[SMOTE, BEFORE] > 0
    assert leaks.drop((SMOTE, BEFORE)).eq(0).all()


def test_labels_are_permuted_and_kept_in_number() -> None:
    first, second = permutations(VALUES, LABELS, 2, 0)
    assert sorted(first.labels) == sorted(LABELS)
    assert (first.labels != LABELS).any()
    assert (first.labels != second.labels).any()


def test_parents_of_synthetic_rows_are_found() -> None:
    (table,) = permutations(VALUES, LABELS, 1, 0)
    made = add_synthetic(table, 3)
    n = len(LABELS)
    assert (made.parents[:n] == NOT_SYNTHETIC).all()
    np.testing.assert_array_equal(made.inputs[:n], VALUES)
    for row, (a, b) in zip(made.inputs[n:], made.parents[n:], strict=True):
        between = np.linalg.norm(row - VALUES[a]) + np.linalg.norm(row - VALUES[b])
        assert between == pytest.approx(np.linalg.norm(VALUES[a] - VALUES[b]), rel=1e-4)


def test_marking_rows_does_not_change_their_neighbours() -> None:
    marked = np.hstack([VALUES, np.eye(len(VALUES), dtype=VALUES.dtype)])
    plain, moved = (
        NearestNeighbors(n_neighbors=6).fit(x).kneighbors(return_distance=False)
        for x in (VALUES, marked)
    )
    np.testing.assert_array_equal(plain, moved)
