"""Encoding of tables, ensembles and presets, against plain references."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import make_moons
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.utils.estimator_checks import parametrize_with_checks

from crossfold.mlp import (
    FoldStack,
    GridStack,
    MLPClassifier,
    MLPEnsemble,
    MLPRegressor,
    TabularEncoder,
)
from crossfold.mlp.callbacks import Callback
from crossfold.mlp.exceptions import DataError, ParameterError

TABLE = pd.DataFrame(
    {
        "age": [30.0, 40, 50, 60, np.nan, 1000],
        "visits": [0, 0, 1, 0, 2, 0],
        "one": 1.0,
        "insured": [True, False, True, True, False, True],
        "city": pd.Categorical(["A", "B", "A", None, "A", "C"]),
    }
)
QUICK = {"hidden_layer_sizes": (6,), "max_iter": 4, "learning_rate": "one_cycle"}


@parametrize_with_checks([TabularEncoder(min_frequency=1)])
def test_encoder_keeps_the_conventions_of_scikit_learn(estimator, check):
    check(estimator)


def test_numbers_are_scaled_by_quartiles_and_squeezed_smoothly():
    """As in RealMLP: the median is 0, far values stay within 3, half the range without quartiles"""
    encoded = TabularEncoder(numbers="scaled").fit_transform(TABLE)
    z = (np.array([30, 40, 50, 60, 50, 1000.0]) - 50) / 20
    np.testing.assert_allclose(encoded[:, 0], z / np.sqrt(1 + (z / 3) ** 2), rtol=1e-6)
    visits = np.array([0, 0, 1, 0, 2, 0]) / 0.75
    np.testing.assert_allclose(encoded[:, 1], visits / np.sqrt(1 + (visits / 3) ** 2), rtol=1e-6)
    no_quartiles = TabularEncoder(numbers="scaled").fit_transform(np.array([[0.0]] * 9 + [[4.0]]))
    assert no_quartiles[-1, 0] == pytest.approx(2 / np.sqrt(1 + (2 / 3) ** 2))
    assert not encoded[:, 2].any()
    assert np.abs(encoded).max() < 3


def ple(value, edges):
    """Equation 1 of Gorishniy et al. (2022), cut off at both ends, in its plain form."""
    pieces = []
    for low, high in pairwise(edges):
        pieces.append(0 if value < low else 1 if value >= high else (value - low) / (high - low))
    return pieces


def test_pieces_are_those_of_the_paper():
    x = np.random.default_rng(0).lognormal(size=(200, 1))
    encoder = TabularEncoder(numbers="piecewise_linear", n_bins=8).fit(x)
    shares = np.linspace(0, 1, 5)
    edges = np.unique(np.append(np.quantile(x, shares), np.quantile(np.unique(x), shares)))
    new = np.array([-1.0, *x[:20, 0], 99.0])
    expected = [ple(value, edges) for value in new]
    np.testing.assert_allclose(encoder.transform(new[:, None]), expected, atol=1e-5)


def test_pieces_of_few_values_end_at_each_of_them():
    encoder = TabularEncoder(numbers="piecewise_linear").fit(np.array([[0.0], [1], [4]]))
    np.testing.assert_array_equal(encoder.transform([[0.0], [1], [2.5], [4]])[:, 0], [0, 1, 1, 1])
    np.testing.assert_array_equal(encoder.transform([[0.0], [1], [2.5], [4]])[:, 1], [0, 0, 0.5, 1])


def test_gaps_are_flagged_where_training_rows_had_some():
    encoder = TabularEncoder(numbers="scaled").fit(TABLE)
    names = list(encoder.get_feature_names_out())
    assert [name for name in names if name.endswith("_missing")] == ["age_missing"]
    encoded = encoder.transform(TABLE.assign(visits=np.nan))
    np.testing.assert_array_equal(encoded[:, names.index("age_missing")], [0, 0, 0, 0, 1, 0])
    assert not encoded[:, names.index("visits")].any()


def test_rare_and_unknown_levels_share_a_column():
    encoder = TabularEncoder(min_frequency=2, max_categories=4).fit(TABLE[["city"]])
    known = encoder.transform(TABLE[["city"]])
    assert known.shape == (6, 2)
    np.testing.assert_array_equal(known[:, 0], [1, 0, 1, 0, 1, 0])
    new = encoder.transform(pd.DataFrame({"city": ["Z", "A"]}))
    np.testing.assert_array_equal(new, [[0, 1], [1, 0]])


def test_gaps_beside_whole_numbers_change_no_category():
    wards = pd.Series([1, 2, 1, 2], dtype="category")
    encoder = TabularEncoder(min_frequency=1).fit(wards.to_frame("ward"))
    later = pd.Series([2.0, None, 1.0]).astype("category").to_frame("ward")
    np.testing.assert_array_equal(encoder.transform(later)[[0, 2]], [[0, 1], [1, 0]])


def test_categories_may_be_named_and_numbers_must_be_numbers():
    x = np.array([[0.0, 7], [1, 8], [2, 7]])
    encoded = TabularEncoder(
        numbers="scaled", categorical_features=[1], min_frequency=1
    ).fit_transform(x)
    np.testing.assert_array_equal(encoded[:, 1:], [[1, 0], [0, 1], [1, 0]])
    for columns in (np.array([1]), [False, True], [-1]):
        again = TabularEncoder(categorical_features=columns, numbers="scaled", min_frequency=1)
        np.testing.assert_array_equal(again.fit_transform(x), encoded)
    for absent in ("town", 9):
        with pytest.raises(DataError, match="give names or numbers of columns"):
            TabularEncoder(categorical_features=["city", absent]).fit(TABLE)
    with pytest.raises(DataError, match="'city' is read as numbers"):
        TabularEncoder(categorical_features=["age"]).fit(TABLE)


def test_dates_are_refused_and_not_taken_for_categories():
    days = pd.date_range("2026-01-01", periods=40)
    table = pd.DataFrame({"age": range(40), "booked": days, "waited": days - days[0]})
    with pytest.raises(DataError, match="booked, waited: dates and durations"):
        TabularEncoder().fit(table)
    with pytest.raises(DataError, match=r"\b1: dates"):
        TabularEncoder().fit(np.array([days, days]).T.astype("datetime64[s]"))


def test_rows_are_encoded_alike_whoever_stands_beside_them():
    encoder = TabularEncoder(min_frequency=1).fit(TABLE[:4])
    together = encoder.transform(TABLE)
    alone = np.vstack([encoder.transform(TABLE[n : n + 1]) for n in range(6)])
    np.testing.assert_array_equal(together, alone)
    assert together.shape[1] == encoder.n_features_out_


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_folds_are_stacked_with_an_encoder_each(engine):
    X, y = make_moons(60, noise=0.2, random_state=0)
    network = MLPClassifier(**QUICK, engine=engine, random_state=0, label_smoothing=0.1)
    folds = list(KFold(3).split(X))
    stack = FoldStack(network, preprocessor=TabularEncoder(n_bins=4)).fit(X, y, folds)
    for (train, test), fitted in zip(folds, stack.estimators_[0], strict=True):
        encoder = TabularEncoder(n_bins=4).fit(X[train])
        alone = clone(network).fit(encoder.transform(X[train]), y[train])
        p = alone.predict_proba(encoder.transform(X[test]))[:, 1]
        np.testing.assert_allclose(stack.out_of_fold_[0][test], p, atol=1e-5)
        assert fitted.n_iter_ == 4


@pytest.mark.parametrize("engine", ["numpy", "torch"])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_an_ensemble_is_the_mean_of_networks_trained_alone(kind, engine):
    X, y = make_moons(80, noise=0.2, random_state=0)
    ensemble = MLPEnsemble(kind(**QUICK, engine=engine), n_members=2, random_state=5).fit(X, y)
    alone = [kind(**QUICK, engine=engine, random_state=seed).fit(X, y) for seed in (5, 6)]
    if kind is MLPClassifier:
        expected = np.mean([one.predict_proba(X) for one in alone], axis=0)
        np.testing.assert_allclose(ensemble.predict_proba(X), expected, atol=1e-5)
        assert is_classifier(ensemble)
        assert ensemble.predict(X).tolist() == expected.argmax(axis=1).tolist()
    else:
        expected = np.mean([one.predict(X) for one in alone], axis=0)
        np.testing.assert_allclose(ensemble.predict(X), expected, atol=1e-5)
        assert is_regressor(ensemble)
        assert not hasattr(ensemble, "predict_proba")


class Rows(Callback):
    """Keeps which rows every network learns from, and which stop it."""

    def on_train_begin(self, members, data_sets, max_iter):
        self.of = [(one.train_rows, one.validation_rows) for one in members]


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_rows_that_stop_a_network_are_whole_groups(kind, engine):
    X, y = make_moons(90, noise=0.2, random_state=0)
    groups = np.random.default_rng(0).integers(0, 30, 90).astype(str)
    rows = Rows()
    network = kind(**QUICK, engine=engine, early_stopping="loss", callbacks=[rows])
    MLPEnsemble(network, n_members=2, random_state=0).fit(X, y, groups=groups)
    for train, stopping in rows.of:
        assert not set(groups[train]) & set(groups[stopping])
        assert len(train) + len(stopping) == 90
    assert set(rows.of[0][1]) != set(rows.of[1][1])
    inner = [(np.arange(60), np.arange(60, 90))]
    GridStack(network, {"alpha": [0.1]}, cv=inner, refit=False).fit(X, y, groups=groups)
    ((train, stopping),) = rows.of
    assert not set(groups[train]) & set(groups[stopping])
    assert set(train) | set(stopping) == set(range(60))


def test_groups_of_one_row_are_stratified_as_before():
    X, y = make_moons(60, noise=0.2, random_state=0)
    network = MLPClassifier(**QUICK, early_stopping=True, random_state=0)
    folds = [(np.arange(60), [])]
    alone, grouped = (
        FoldStack(network).fit(X, y, folds, groups=groups) for groups in (None, np.arange(60))
    )
    np.testing.assert_array_equal(
        alone.estimators_[0][0].coefs_[0], grouped.estimators_[0][0].coefs_[0]
    )


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_a_fold_s_validation_rows_may_stop_its_network(engine):
    X, y = make_moons(80, noise=0.3, random_state=0)
    train, validation = np.arange(50), np.arange(50, 80)
    how = {**QUICK, "max_iter": 9, "early_stopping": "loss", "n_iter_no_change": np.inf}
    network = MLPClassifier(**how, engine=engine, random_state=0)
    stack = FoldStack(network).fit(X, y, [(train, validation)], stop_on_validation=True)
    alone = clone(network).fit(X[train], y[train], validation_data=(X[validation], y[validation]))
    fitted = stack.estimators_[0][0]
    np.testing.assert_allclose(fitted.predict_proba(X), alone.predict_proba(X), atol=1e-5)
    losses = fitted.history_.validation_loss
    assert log_loss(y[validation], fitted.predict_proba(X[validation])) == pytest.approx(
        min(losses), rel=1e-4
    )


def test_epochs_follow_from_steps():
    X, y = make_moons(640, random_state=0)
    network = MLPClassifier(hidden_layer_sizes=(2,), batch_size=64, max_iter=20)
    for n_steps, epochs in ((1, 6), (120, 12), (10_000, 20), (None, 20)):
        ensemble = MLPEnsemble(network, n_members=1, n_steps=n_steps, random_state=0).fit(X, y)
        assert ensemble.estimators_[0].n_iter_ == epochs


def test_the_preset_learns_from_any_table():
    rng = np.random.default_rng(0)
    table = pd.concat([TABLE] * 20, ignore_index=True)
    y = np.where(rng.random(120) < np.where(table["city"] == "A", 0.9, 0.1), "came", "missed")
    model = MLPClassifier.preset("tabular", random_state=0, max_iter=8)
    p = cross_val_predict(model, table, y, cv=3, method="predict_proba")
    assert ((p[:, 1] > 0.5) == (y == "missed")).mean() > 0.75
    values = MLPRegressor.preset("tabular", random_state=0, max_iter=8).fit(table, table["visits"])
    assert values.score(table, table["visits"]) > 0.5
    with pytest.raises(ParameterError, match="no preset 'images'"):
        MLPClassifier.preset("images")


def test_the_search_space_is_a_grid():
    X, y = make_moons(40, random_state=0)
    grid = {name: values[:1] for name, values in MLPClassifier.search_space().items()}
    search = GridStack(MLPClassifier(**QUICK, random_state=0), grid, cv=2).fit(X, y)
    assert set(search.best_params_) == set(MLPClassifier.search_space())
