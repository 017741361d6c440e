"""Sparse inputs train and predict as dense ones do, and never are dense as a whole."""

import numpy as np
import pytest
from scipy.sparse import csc_matrix, csr_array, csr_matrix, random_array
from sklearn.preprocessing import MaxAbsScaler

from crossfold.mlp import FoldStack, GridStack, MLPClassifier, MLPRegressor

X = random_array((90, 12), density=0.2, rng=np.random.default_rng(0), dtype=np.float64).tocsr()
DENSE, Y = X.toarray(), np.arange(90) % 3
ENGINES = ("numpy", "torch")
SHORT = {"max_iter": 3, "n_iter_no_change": np.inf, "batch_size": 16, "random_state": 0}


def network(**changes):
    return MLPClassifier((6,), **{**SHORT, **changes})


def assert_same(ours, others):
    for one, other in zip(ours, others, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture
def most_rows(monkeypatch):
    """Note how many rows were made dense at once."""
    counts = []
    to_array = csr_array.toarray

    def noting(self, *args, **kwargs):
        counts.append(self.shape[0])
        return to_array(self, *args, **kwargs)

    for kind in (csr_array, csr_matrix):
        monkeypatch.setattr(kind, "toarray", noting)
    return counts


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", [csr_array, csc_matrix])
@pytest.mark.parametrize("how", [{}, {"early_stopping": True}, {"input_scale": 0.5}])
def test_fitting_and_predicting(kind, engine, how):
    dense = network(engine=engine, **how).fit(DENSE, Y)
    sparse = network(engine=engine, **how).fit(kind(X), Y)
    assert_same(sparse.coefs_, dense.coefs_)
    assert_same([sparse.predict_proba(kind(X))], [dense.predict_proba(DENSE)])
    np.testing.assert_allclose(
        sparse.layer_outputs(kind(X))[0][0], dense.layer_outputs(DENSE)[0][0], rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_partial_fits_and_validation_rows(engine):
    dense, sparse = network(engine=engine), network(engine=engine)
    for rows in (slice(0, 45), slice(45, 90)):
        dense.partial_fit(DENSE[rows], Y[rows], classes=[0, 1, 2])
        sparse.partial_fit(X[rows], Y[rows], classes=[0, 1, 2])
    assert_same(sparse.coefs_, dense.coefs_)
    for table in (X, DENSE):
        sparse.fit(X[:60], Y[:60], validation_data=(table[60:], Y[60:]))
        dense.fit(DENSE[:60], Y[:60], validation_data=(DENSE[60:], Y[60:]))
        assert sparse.history_.validation_loss == dense.history_.validation_loss


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_is_dense_as_a_whole(engine, most_rows, monkeypatch):
    monkeypatch.setattr("crossfold.mlp._batches._BLOCK_BYTES", 1)
    monkeypatch.setattr("crossfold.mlp._numpy_engine._CHUNK_BYTES", 1000)
    network(engine=engine).fit(X, Y).predict(X)
    assert 0 < max(most_rows) <= 20


def test_one_column_that_is_missing_is_named():
    wrong = X.copy()
    wrong.data[wrong.indices == 7] = np.nan
    message = rf"in 1 of 12 columns: 7 \({(wrong.indices == 7).sum()} rows\)"
    with pytest.raises(ValueError, match=message):
        network().fit(wrong, Y)
    huge = X.copy()
    huge.data[0] = 1e200
    with pytest.raises(ValueError, match=rf"in 1 of 12 columns: {huge.indices[0]} \(1 rows\)"):
        network().fit(huge, Y)


@pytest.mark.parametrize("preprocessor", [None, MaxAbsScaler()])
def test_folds_and_grids(preprocessor):
    stacks = [FoldStack(network(), preprocessor=preprocessor).fit(t, Y, 3) for t in (X, DENSE)]
    np.testing.assert_array_equal(stacks[0].out_of_fold_[0], stacks[1].out_of_fold_[0])
    grid = {"alpha": [0.0, 1.0]}
    searches = [
        GridStack(network(), grid, preprocessor=preprocessor, cv=3).fit(t, Y) for t in (X, DENSE)
    ]
    assert searches[0].best_score_ == searches[1].best_score_
    np.testing.assert_array_equal(searches[0].predict(X), searches[1].predict(DENSE))


def test_lbfgs_looks_at_all_rows():
    settings = {"solver": "lbfgs", "max_iter": 5, "dtype": "float64", "random_state": 0}
    settings["n_iter_no_change"] = np.inf
    fits = [MLPRegressor(hidden_layer_sizes=(3,), **settings).fit(t, Y) for t in (X, DENSE)]
    assert_same(fits[0].coefs_, fits[1].coefs_)
