"""Inputs that are scaled where they are cast, and starts that a function draws."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold

from crossfold.mlp import FoldStack, MLPClassifier, load, save
from crossfold.mlp.exceptions import ModelFileError, ParameterError

RNG = np.random.default_rng(1)
PIXELS = RNG.integers(0, 256, size=(60, 9), dtype=np.uint8)
LABELS = np.arange(60) % 3
ENGINES = ["numpy", "torch"]
SHORT = {"max_iter": 4, "n_iter_no_change": np.inf, "batch_size": 16, "random_state": 0}


def network(**changes):
    return MLPClassifier((6,), dtype="float64", **{**SHORT, **changes})


@pytest.mark.parametrize("engine", ENGINES)
def test_scaled_pixels_train_as_scaled_floats_do(engine):
    scaled = network(engine=engine, input_scale=1 / 255).fit(PIXELS, LABELS)
    floats = network(engine=engine).fit(PIXELS / 255, LABELS)
    for one, other in zip(scaled.coefs_, floats.coefs_, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)
    np.testing.assert_allclose(
        scaled.predict_proba(PIXELS), floats.predict_proba(PIXELS / 255), atol=1e-12
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_the_order_of_bytes_does_not_matter(engine):
    """Double precision is not cast, so that neither engine would know what to do with it."""
    other = (PIXELS / 255).astype(np.dtype("float64").newbyteorder())
    swapped, native = (network(engine=engine).fit(X, LABELS) for X in (other, PIXELS / 255))
    np.testing.assert_array_equal(swapped.predict_proba(other), native.predict_proba(PIXELS / 255))


def test_the_scale_is_kept_in_a_stack_and_in_a_file(tmp_path):
    folds = list(StratifiedKFold(3).split(PIXELS, LABELS))
    stack = FoldStack(network(input_scale=1 / 255)).fit(PIXELS, LABELS, folds)
    [of_folds] = stack.estimators_
    save(tmp_path / "model.safetensors", of_folds)
    loaded, _ = load(tmp_path / "model.safetensors")
    for (_, rows), estimator in zip(folds, loaded, strict=True):
        np.testing.assert_allclose(
            estimator.predict_proba(PIXELS[rows]), stack.out_of_fold_[0][rows], atol=1e-12
        )


def test_a_function_draws_the_start():
    def start(generator, sizes):
        pairs = list(pairwise(sizes))
        coefs = [generator.uniform(-0.5, 0.5, size=pair) for pair in pairs]
        return coefs, [generator.uniform(-0.5, 0.5, size=n_out) for _, n_out in pairs]

    untrained = network(init=start, solver="sgd", learning_rate_init=1e-300).fit(PIXELS, LABELS)
    coefs, intercepts = start(np.random.default_rng(0), (9, 6, 3))
    for drawn, kept in zip(
        coefs + intercepts, untrained.coefs_ + untrained.intercepts_, strict=True
    ):
        np.testing.assert_allclose(kept, drawn)
    with pytest.raises(ModelFileError, match=r"init .*: a function of your own"):
        save("nowhere", [untrained])


def test_a_start_of_the_wrong_shape_is_refused():
    with pytest.raises(ParameterError, match="one bias per unit"):
        network(init=lambda generator, sizes: ([np.zeros((2, 2))], [np.zeros(2)])).fit(
            PIXELS, LABELS
        )
