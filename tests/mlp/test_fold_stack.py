import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import SMOTE, RandomOverSampler
from sklearn.base import clone
from sklearn.datasets import make_classification, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.feature_selection import VarianceThreshold
from sklearn.metrics import r2_score
from sklearn.model_selection import GroupKFold, KFold, LeaveOneOut, StratifiedKFold
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from crossfold.mlp import ExperimentStack, FoldStack, MLPClassifier, MLPRegressor
from crossfold.mlp.exceptions import DataError, DivergenceError, ParameterError

FOREVER = float("inf")
NETWORK = {
    "hidden_layer_sizes": (8, 4),
    "learning_rate": "constant",
    "learning_rate_init": 0.02,
    "alpha": 0.0001,
    "batch_size": 16,
    "max_iter": 6,
    "n_iter_no_change": FOREVER,
    "random_state": 3,
    "dtype": "float64",
}
CLOSE = {"rtol": 1e-7, "atol": 1e-9}


@pytest.fixture(scope="module")
def table():
    return make_classification(120, n_features=6, weights=[0.75], random_state=0)


@pytest.fixture(scope="module")
def unequal_folds(table):
    order = np.random.default_rng(0).permutation(120)
    sides = ((order[:70], order[70:]), (order[40:], order[:40]), (order[:51], order[60:75]))
    return [*sides, (order, order[:0])]


def assert_same_network(ours, expected):
    assert len(ours.coefs_) == len(expected.coefs_)
    for first, second in zip(ours.coefs_, expected.coefs_, strict=True):
        np.testing.assert_allclose(first, second, **CLOSE)
    for first, second in zip(ours.intercepts_, expected.intercepts_, strict=True):
        np.testing.assert_allclose(first, second, **CLOSE)
    np.testing.assert_allclose(ours.loss_curve_, expected.loss_curve_, rtol=1e-7)
    assert (ours.n_iter_, ours.t_) == (expected.n_iter_, expected.t_)


def fit_alone(network, X, y, folds, **parameters):
    return [clone(network).set_params(**parameters).fit(X[rows], y[rows]) for rows, _ in folds]


@pytest.fixture(params=["numpy", "torch"])
def network(request):
    return MLPClassifier(engine=request.param, **NETWORK)


class TestEqualsSeparateTrainings:
    def test_unequal_folds(self, network, table, unequal_folds):
        X, y = table
        stack = FoldStack(network).fit(X, y, unequal_folds)
        alone = fit_alone(network, X, y, unequal_folds)
        for ours, expected in zip(stack.estimators_[0], alone, strict=True):
            assert_same_network(ours, expected)

    def test_early_stopping_at_different_epochs(self, network, table, unequal_folds):
        X, y = table
        network.set_params(early_stopping=True, n_iter_no_change=2, max_iter=60, tol=0.01)
        stack = FoldStack(network).fit(X, y, unequal_folds)
        alone = fit_alone(network, X, y, unequal_folds)
        for ours, expected in zip(stack.estimators_[0], alone, strict=True):
            assert_same_network(ours, expected)
            assert ours.validation_scores_ == pytest.approx(expected.validation_scores_)
        assert len({estimator.n_iter_ for estimator in alone}) > 1

    def test_preprocessor_is_fitted_on_training_rows(self, network, table, unequal_folds):
        X, y = table
        stack = FoldStack(network, preprocessor=StandardScaler()).fit(X, y, unequal_folds)
        for fold, (rows, _) in enumerate(unequal_folds):
            inputs = StandardScaler().fit_transform(X[rows])
            assert_same_network(stack.estimators_[0][fold], clone(network).fit(inputs, y[rows]))
            np.testing.assert_allclose(stack.preprocessors_[fold].mean_, X[rows].mean(axis=0))

    def test_preprocessor_that_keeps_different_columns(self, network, table, unequal_folds):
        X, y = table
        X = np.column_stack([X, np.zeros((120, 2))])
        X[unequal_folds[0][1][0], 6] = X[unequal_folds[1][1][0], 7] = 1
        selector = VarianceThreshold()
        stack = FoldStack(network, preprocessor=selector).fit(X, y, unequal_folds)
        widths = [estimator.n_features_in_ for estimator in stack.estimators_[0]]
        assert len(set(widths)) > 1
        for fold, (rows, _) in enumerate(unequal_folds):
            inputs = clone(selector).fit_transform(X[rows])
            expected = clone(network).fit(inputs, y[rows])
            assert_same_network(stack.estimators_[0][fold], expected)
            assert stack.estimators_[0][fold].coefs_[0].shape[0] == widths[fold]

    def test_sampler_sees_training_rows_only(self, network, table, unequal_folds):
        X, y = table
        sampler = SMOTE(random_state=0)
        scaler = StandardScaler()
        stack = FoldStack(network, preprocessor=scaler, sampler=sampler).fit(X, y, unequal_folds)
        for fold, (rows, _) in enumerate(unequal_folds):
            inputs = clone(scaler).fit_transform(X[rows])
            inputs, targets = clone(sampler).fit_resample(inputs, y[rows])
            expected = clone(network).fit(inputs, targets)
            assert_same_network(stack.estimators_[0][fold], expected)
            assert len(stack.out_of_fold_[0]) == 120

    def test_members(self, network, table, unequal_folds):
        X, y = table
        members = [
            {"random_state": 1},
            {"learning_rate_init": 0.05, "dropout": 0.3},
            {"alpha": 1.0, "l1": 0.01, "init": "normal"},
            {"loss": "focal", "focal_gamma": 1.5},
            {"class_weight": "balanced", "dropout": (0.0, 0.2)},
            {"hidden_layer_sizes": (3, 4)},
        ]
        stack = FoldStack(network, member_params=members).fit(X, y, unequal_folds)
        assert len(stack.estimators_) == len(stack.histories_) == len(stack.out_of_fold_) == 6
        for parameters, trained in zip(members, stack.estimators_, strict=True):
            alone = fit_alone(network, X, y, unequal_folds, **parameters)
            for ours, expected in zip(trained, alone, strict=True):
                assert_same_network(ours, expected)
                assert ours.get_params() == expected.get_params()

    def test_leave_one_out(self, network, table):
        X, y = (part[:30] for part in table)
        folds = list(LeaveOneOut().split(X))
        stack = FoldStack(network).fit(X, y, folds)
        alone = fit_alone(network, X, y, folds)
        expected = [
            one.predict_proba(X[rows])[0, 1] for one, (_, rows) in zip(alone, folds, strict=True)
        ]
        np.testing.assert_allclose(stack.out_of_fold_[0], expected, **CLOSE)

    def test_sample_weight(self, network, table, unequal_folds):
        X, y = table
        weights = np.random.default_rng(0).uniform(0.1, 2, 120)
        network.set_params(class_weight="balanced")
        stack = FoldStack(network).fit(X, y, unequal_folds, sample_weight=weights)
        for ours, (rows, _) in zip(stack.estimators_[0], unequal_folds, strict=True):
            assert_same_network(ours, clone(network).fit(X[rows], y[rows], weights[rows]))

    def test_one_table_per_fold_and_parameters_per_fold(self, network, table, unequal_folds):
        X, y = table
        tables = [X, 2 * X, X, 2 * X]
        seeds = [{"random_state": seed, "alpha": 0.5} for seed in range(4)]
        stack = FoldStack(network, member_params=[{}, {"alpha": 0.1}])
        stack.fit(tables, y, unequal_folds, fold_params=seeds)
        for fold, (rows, _) in enumerate(unequal_folds):
            for member, alpha in enumerate((0.5, 0.1)):
                alone = clone(network).set_params(random_state=fold, alpha=alpha)
                expected = alone.fit(tables[fold][rows], y[rows])
                assert_same_network(stack.estimators_[member][fold], expected)

    def test_regression(self, network, table, unequal_folds):
        X, _ = table
        y = np.column_stack([X[:, 0], X[:, 1] * X[:, 2]])
        regressor = MLPRegressor(engine=network.engine, **NETWORK)
        stack = FoldStack(regressor).fit(X, y, unequal_folds)
        alone = fit_alone(regressor, X, y, unequal_folds)
        for ours, expected in zip(stack.estimators_[0], alone, strict=True):
            assert_same_network(ours, expected)
        assert stack.out_of_fold_[0].shape == (120, 2)


def test_a_mask_is_read_as_numpy_indexes(table):
    X, y = table
    network = MLPClassifier(**NETWORK)
    first = np.arange(120) < 70
    masked = FoldStack(network).fit(X, y, [(first, ~first), (list(~first), list(first))])
    rows = np.arange(120)
    numbered = FoldStack(network).fit(X, y, [(rows[:70], rows[70:]), (rows[70:], rows[:70])])
    np.testing.assert_array_equal(masked.out_of_fold_[0], numbered.out_of_fold_[0])
    assert [one.t_ for one in masked.estimators_[0]] == [70 * 6, 50 * 6]


class TestOutOfFold:
    def test_is_the_mean_over_the_folds_that_validate_a_row(self, table):
        X, y = table
        rows = np.arange(120)
        folds = [(rows[60:], rows[:30]), (rows[60:], rows[20:40]), (rows, [])]
        folds_params = [{"random_state": seed} for seed in range(3)]
        stack = FoldStack(MLPClassifier(**NETWORK)).fit(X, y, folds, fold_params=folds_params)
        first, second, _ = (one.predict_proba(X)[:, 1] for one in stack.estimators_[0])
        expected = np.r_[first[:20], (first + second)[20:30] / 2, second[30:40], [np.nan] * 80]
        np.testing.assert_allclose(stack.out_of_fold_[0], expected)

    def test_several_classes_and_labels(self):
        X, y = make_multilabel_classification(60, n_classes=3, random_state=0)
        folds = list(StratifiedKFold(3).split(X, y[:, 0]))
        network = MLPClassifier(**NETWORK)
        assert FoldStack(network).fit(X, y, folds).out_of_fold_[0].shape == (60, 3)
        classes = np.array(["a", "b", "c", "d"])[y[:, 0] + 2 * y[:, 1]]
        stack = FoldStack(network).fit(X, classes, folds)
        np.testing.assert_allclose(stack.out_of_fold_[0].sum(axis=1), 1)
        assert stack.estimators_[0][0].classes_.tolist() == sorted(set(classes))

    def test_a_class_that_a_fold_lacks_keeps_its_column(self):
        X = np.random.default_rng(0).normal(size=(30, 2))
        y = np.r_[np.zeros(14), np.ones(14), 2, 2]
        network = MLPClassifier(**NETWORK, class_weight="balanced")
        stack = FoldStack(network).fit(X, y, [(np.arange(28), [28, 29])])
        assert stack.out_of_fold_[0].shape == (30, 3)


class TestSplits:
    """What scikit-learn's `cv` takes."""

    def folds(self, table, *args, estimator=MLPClassifier, **kwargs):
        return FoldStack(estimator(**NETWORK)).fit(*table, *args, **kwargs).folds_

    def assert_same(self, folds, expected):
        for ours, theirs in zip(folds, expected, strict=True):
            for rows, others in zip(ours, theirs, strict=True):
                np.testing.assert_array_equal(rows, others)

    def test_number_of_folds(self, table):
        self.assert_same(self.folds(table, 3), StratifiedKFold(3).split(*table))
        self.assert_same(self.folds(table), StratifiedKFold(5).split(*table))
        regression = self.folds(table, cv=3, estimator=MLPRegressor)
        self.assert_same(regression, KFold(3).split(*table))

    def test_splitter_with_groups(self, table):
        groups = np.arange(120) // 4
        splitter = GroupKFold(3)
        folds = self.folds(table, splitter, groups=groups)
        self.assert_same(folds, splitter.split(*table, groups))

    def test_generator_and_several_tables(self, table):
        X, y = table
        splits = StratifiedKFold(2).split(X, y)
        self.assert_same(self.folds(([X, X], y), splits), StratifiedKFold(2).split(X, y))
        self.assert_same(self.folds(([X, X], y), 2), StratifiedKFold(2).split(X, y))


class TestScores:
    def test_score_and_summary_of_a_classifier(self, table, unequal_folds):
        X, y = table
        y = np.array(["no", "yes"])[y]
        stack = FoldStack(MLPClassifier(**NETWORK), member_params=[{}, {"alpha": 100.0}])
        stack.fit(X, y, unequal_folds)
        for member in range(2):
            for fold, (_, rows) in enumerate(unequal_folds[:3]):
                expected = stack.estimators_[member][fold].score(X[rows], y[rows])
                assert stack.fold_scores_[member, fold] == expected
            known = ~np.isnan(stack.out_of_fold_[member])
            right = (stack.out_of_fold_[member] > 0.5) == (y == "yes")
            assert stack.score(member) == right[known].mean()
        assert np.isnan(stack.fold_scores_[:, 3]).all()
        lines = stack.summary().splitlines()
        assert len(lines) == 1 + 2 * 5
        assert lines[0].split()[-1] == "accuracy"
        assert lines[2].split() == ["0", "1", "80", "40", "6", f"{stack.fold_scores_[0, 1]:.4f}"]
        assert lines[-1].split() == ["1", "all", f"{stack.score(1):.4f}"]

    def test_score_of_a_regressor(self, table):
        X, _ = table
        y = 1000 + 100 * X[:, :2]
        stack = FoldStack(MLPRegressor(**NETWORK)).fit(X, y, 4)
        assert stack.score() == pytest.approx(r2_score(y, stack.out_of_fold_[0]))
        rows = stack.folds_[1][1]
        expected = stack.estimators_[0][1].score(X[rows], y[rows])
        assert stack.fold_scores_[0, 1] == pytest.approx(expected)
        assert "R²" in stack.summary()

    def test_flags_are_values(self, table):
        X, _ = table
        flags = X[:, 0] > 0
        stacks = [FoldStack(MLPRegressor(**NETWORK)).fit(X, y, 4) for y in (flags, 1.0 * flags)]
        assert stacks[0].score() == stacks[1].score()

    def test_single_rows_have_no_r2_of_their_own(self, table):
        X, y = (part[:8] for part in table)
        stack = FoldStack(MLPRegressor(**NETWORK)).fit(X, y, LeaveOneOut())
        assert np.isnan(stack.fold_scores_).all()
        assert np.isfinite(stack.score())

    def test_needs_a_fitted_stack(self):
        for name in ("score", "summary"):
            with pytest.raises(NotFittedError):
                getattr(FoldStack(MLPClassifier()), name)()


class TestHistory:
    def test_has_one_figure_per_epoch(self, table, unequal_folds):
        stack = FoldStack(MLPClassifier(**NETWORK)).fit(*table, unequal_folds)
        history, refit = stack.histories_[0][0], stack.histories_[0][3]
        assert len(history.train_loss) == len(history.validation_loss) == len(history.seconds) == 6
        assert refit.validation_loss == []
        rows = unequal_folds[0][1]
        score = stack.estimators_[0][0].score(table[0][rows], table[1][rows])
        assert history.validation_score[-1] == pytest.approx(score)

    def test_warns_once_when_networks_are_unconverged(self, table, unequal_folds):
        network = MLPClassifier(**{**NETWORK, "n_iter_no_change": 10})
        with pytest.warns(ConvergenceWarning, match="4 of 4 networks") as warned:
            FoldStack(network).fit(*table, unequal_folds)
        assert len(warned) == 1


def test_estimators_know_the_names_of_their_features(table, unequal_folds):
    X = pd.DataFrame(table[0], columns=[f"input_{number}" for number in range(6)])
    stack = FoldStack(MLPClassifier(**NETWORK)).fit(X, table[1], unequal_folds)
    assert stack.estimators_[0][0].feature_names_in_.tolist() == list(X.columns)
    scaler = StandardScaler().set_output(transform="pandas")
    scaled = FoldStack(MLPClassifier(**NETWORK), preprocessor=scaler).fit(
        X, table[1], unequal_folds
    )
    prepared = scaled.preprocessors_[0].transform(X)
    assert scaled.estimators_[0][0].predict_proba(prepared).shape == (120, 2)


class TestMessages:
    def fit(self, table, folds, *, member_params=None, **arguments):
        network = MLPClassifier(**NETWORK)
        return FoldStack(network, member_params=member_params).fit(*table, folds, **arguments)

    def test_members_that_differ_in_shared_settings(self, table, unequal_folds):
        members = [{}, {"max_iter": 7, "solver": "sgd"}]
        with pytest.raises(ParameterError, match="solver, max_iter must be the same"):
            self.fit(table, unequal_folds, member_params=members)

    def test_members_of_different_depth(self, table, unequal_folds):
        members = [{}, {"hidden_layer_sizes": (8,)}]
        with pytest.raises(ParameterError, match="one FoldStack per depth"):
            self.fit(table, unequal_folds, member_params=members)

    def test_unknown_parameter(self, table, unequal_folds):
        with pytest.raises(ParameterError, match="depth in member_params"):
            self.fit(table, unequal_folds, member_params=[{"depth": 3}])

    def test_fold_that_leaks(self, table):
        with pytest.raises(DataError, match="fold 1 has 2 rows in both"):
            self.fit(table, [([0, 1], [2]), ([0, 1, 2], [1, 2, 3])])

    def test_fold_outside_the_table(self, table):
        with pytest.raises(DataError, match=r"fold 0 .* 0 to 119"):
            self.fit(table, [([0, 120], [2])])

    @pytest.mark.parametrize(
        "rows", [[0.0, 1.9], np.ones(119, dtype=bool), [[0, 1]], ["0", "1"], [True, False]]
    )
    def test_rows_that_are_neither_whole_numbers_nor_a_mask_of_all_rows(self, table, rows):
        with pytest.raises(DataError, match=r"fold 0 has rows of shape .* whole row numbers"):
            self.fit(table, [(rows, [2])])
        with pytest.raises(DataError, match=r"fold 1 has rows of shape .* each of the 120 rows"):
            self.fit(table, [([3], [2]), ([3], rows)])

    def test_missing_values_name_the_columns_and_the_rows(self, table):
        X = pd.DataFrame(table[0], columns=list("abcdef"))
        X.loc[[3, 5], "b"] = X.loc[7, "e"] = np.nan
        message = r"missing values \(NaN\) in 2 of 6 columns: 'b' \(2 rows\), 'e' \(1 rows\)"
        with pytest.raises(DataError, match=message):
            FoldStack(MLPClassifier(**NETWORK)).fit(X, table[1], [(np.arange(120), [])])
        stack = FoldStack(MLPClassifier(**NETWORK), preprocessor=StandardScaler())
        with pytest.raises(DataError, match=message):
            stack.fit(X, table[1], [(np.arange(120), [])])

    @pytest.mark.parametrize("engine", ["numpy", "torch"])
    def test_training_that_diverges_names_member_fold_and_epoch(self, table, engine):
        network = MLPClassifier(**{**NETWORK, "engine": engine, "dtype": "float32"})
        stack = FoldStack(network, member_params=[{}, {"learning_rate_init": 1e30}])
        message = r"Member 1, fold 0: Training diverged in epoch 1.*learning_rate_init=1e\+30"
        with pytest.raises(DivergenceError, match=message):
            stack.fit(*table, [(np.arange(60), np.arange(60, 120))])

    def test_no_folds(self, table):
        with pytest.raises(DataError, match="cv has no folds"):
            self.fit(table, [])

    def test_fold_params_for_other_folds(self, table, unequal_folds):
        with pytest.raises(ParameterError, match="2 entries for 4 folds"):
            self.fit(table, unequal_folds, fold_params=[{}, {}])

    def test_fold_without_weight(self, table):
        with pytest.raises(DataError, match="fold 1 has no training row with a weight"):
            self.fit(table, [([0, 1], [2]), ([1], [2])], sample_weight=[1, *[0] * 119])

    @pytest.mark.parametrize("y", [["a", "b"] * 60, np.arange(120).astype("M8[D]")], ids=type)
    def test_values_that_are_no_numbers(self, table, y):
        for estimator in (MLPRegressor(**NETWORK), FoldStack(MLPRegressor(**NETWORK))):
            with pytest.raises(ValueError, match=r"y holds no numbers|compatible with arrays"):
                estimator.fit(table[0], y)

    def test_groups_of_other_rows(self, table):
        network = MLPClassifier(**{**NETWORK, "early_stopping": True})
        with pytest.raises(ValueError, match=r"inconsistent .*: \[120, 2\]"):
            FoldStack(network).fit(*table, [(np.arange(60), [])], groups=[1, 2])

    def test_negative_class_weights(self, table):
        network = MLPClassifier(**NETWORK, class_weight={0: -1.0})
        with pytest.raises(ParameterError, match="a weight must not be negative"):
            FoldStack(network).fit(*table)

    def test_what_no_stack_can_train(self, table):
        with pytest.raises(ParameterError, match="a Pipeline, and a stack trains MLPClassifier"):
            FoldStack(MLPClassifier.preset("tabular")).fit(*table)
        with pytest.raises(ParameterError, match="a Pipeline, and a stack trains MLPClassifier"):
            ExperimentStack(MLPClassifier.preset("tabular"), member_params=[{}]).fit(*table)

    def test_sampler_with_weights(self, table, unequal_folds):
        stack = FoldStack(MLPClassifier(**NETWORK), sampler=RandomOverSampler(random_state=0))
        with pytest.raises(DataError, match="sampler"):
            stack.fit(*table, unequal_folds, sample_weight=np.ones(120))


def test_shared_inputs_are_kept_once(table, unequal_folds, monkeypatch):
    from crossfold.mlp import _training

    seen = []
    train = _training.train

    def spy(network, data_sets, members, settings):
        seen.extend(data_sets)
        return train(network, data_sets, members, settings)

    monkeypatch.setattr(_training, "train", spy)
    X = table[0].astype(np.float32)
    FoldStack(MLPClassifier(**NETWORK)).fit([X, X, X, X], table[1], unequal_folds)
    assert len(seen) == 1
    assert np.shares_memory(seen[0].inputs, X)


@pytest.mark.parametrize("preprocessor", [None, FunctionTransformer()])
def test_refused_inputs_are_told_of_the_network(table, preprocessor):
    X, y = table
    stack = FoldStack(MLPClassifier(**NETWORK), preprocessor=preprocessor)
    with pytest.raises(ValueError, match="is required by MLPClassifier"):
        stack.fit(X[:, :0], y, cv=2)
