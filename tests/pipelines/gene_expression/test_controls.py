"""Sound controls score at chance; both leaks are seen, by score or by the guard."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from crossfold.pipelines.gene_expression.controls import (
    BEFORE,
    INSIDE,
    SELECTION,
    SMOTE,
    ControlParameters,
    evaluate_controls,
    permutations,
    run_controls,
)
from crossfold.templates.cross_validation.parameters import FamilyParameters
from crossfold.validation import NOT_SYNTHETIC

NETWORK = {
    "hidden_layer_sizes": [16],
    "learning_rate_init": 0.01,
    "batch_size": "full",
    "max_iter": 30,
    "n_iter_no_change": None,
}


@pytest.fixture(scope="module")
def noise(features):
    """Give as many patients with far more probes, none of which says anything."""
    rng = np.random.default_rng(5)
    names = [f"n{number}" for number in range(1500)]
    wide = features[["aml"]].copy()
    return wide.join(
        type(features)(rng.normal(size=(len(wide), 1500)).astype("float32"), columns=names)
    )


@pytest.fixture(scope="module")
def figures(noise, fold_parameters):
    family = FamilyParameters.model_validate({"mlp": {"select": 5, "params": NETWORK}})
    parameters = ControlParameters(n_permutations=12, smote_permutations=12)
    predictions, leaks = run_controls(noise, family, fold_parameters, parameters, 0)
    return evaluate_controls(predictions, leaks).set_index(["control", "when", "metric"])


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


def test_labels_are_permuted_and_kept_in_number(features) -> None:
    aml = features["aml"].to_numpy()
    values = features.iloc[:, 1:].to_numpy()
    first, second = permutations(values, aml, 2, 0)
    assert sorted(first.aml) == sorted(aml)
    assert (first.aml != aml).any()
    assert (first.aml != second.aml).any()


def test_parents_of_synthetic_rows_are_found(features) -> None:
    aml, values = features["aml"].to_numpy(), features.iloc[:, 1:].to_numpy()
    (table,) = permutations(values, aml, 1, 0)
    made = table.with_smote(3)
    assert (made.parents[: len(aml)] == NOT_SYNTHETIC).all()
    np.testing.assert_array_equal(made.inputs[: len(aml)], values)
    for row, (a, b) in zip(made.inputs[len(aml) :], made.parents[len(aml) :], strict=True):
        between = np.linalg.norm(row - values[a]) + np.linalg.norm(row - values[b])
        assert between == pytest.approx(np.linalg.norm(values[a] - values[b]), rel=1e-4)


def test_marking_rows_does_not_change_their_neighbours(features) -> None:
    values = features.iloc[:, 1:].to_numpy()
    marked = np.hstack([values, np.eye(len(values), dtype=values.dtype)])
    plain, moved = (
        NearestNeighbors(n_neighbors=6).fit(x).kneighbors(return_distance=False)
        for x in (values, marked)
    )
    np.testing.assert_array_equal(plain, moved)
