"""Options that networks on tables profit from: rates of groups of parameters, and more."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import make_classification

from crossfold.mlp import FoldStack, MLPClassifier
from crossfold.mlp.exceptions import ParameterError

X, Y = make_classification(90, n_features=6, random_state=0)
FOLDS = [(np.arange(60), np.arange(60, 90)), (np.arange(20, 90), np.arange(20))]
SETTINGS = {
    "hidden_layer_sizes": (5, 4),
    "learning_rate": "constant",
    "learning_rate_init": 0.02,
    "activation": "tanh",
    "solver": "adamw",
    "batch_size": 16,
    "max_iter": 4,
    "n_iter_no_change": float("inf"),
    "random_state": 3,
    "dtype": "float64",
}
ENGINES = pytest.mark.parametrize("engine", ["numpy", "torch"])


def assert_same(one, other, **close):
    for a, b in zip(one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True):
        np.testing.assert_allclose(a, b, **{"rtol": 1e-9, "atol": 1e-10, **close})


def assert_stack_equals_separate_trainings(engine, members):
    network = MLPClassifier(**SETTINGS, engine=engine)
    stack = FoldStack(network, member_params=members).fit(X, Y, FOLDS)
    for params, networks in zip(members, stack.estimators_, strict=True):
        for one, (rows, _) in zip(networks, FOLDS, strict=True):
            assert_same(one, clone(network).set_params(**params).fit(X[rows], Y[rows]))


class TestRates:
    @ENGINES
    @pytest.mark.parametrize("solver", ["sgd", "adamw"])
    def test_they_are_those_of_pytorchs_groups_of_parameters(self, engine, solver):
        rates, bias_rate, rate, decay = (1.0, 3.0, 0.5), 0.1, 0.02, 0.3 * (solver == "adamw")
        own = {"solver": solver, "alpha": decay, "weight_rate": rates, "bias_rate": bias_rate}
        # PyTorch adds epsilon to the corrected root, which ends at the same where it is nothing.
        own |= {"max_iter": 1, "shuffle": False, "epsilon": 1e-300}
        begun = MLPClassifier(**{**SETTINGS, **own, "learning_rate_init": 1e-300}, engine=engine)
        begun.fit(X, Y)
        trained = MLPClassifier(**{**SETTINGS, **own}, engine=engine).fit(X, Y)
        layers = [
            [torch.tensor(array, requires_grad=True) for array in layer]
            for layer in zip(begun.coefs_, begun.intercepts_, strict=True)
        ]
        groups = [
            {"params": [array], "lr": rate * factor, "weight_decay": decay * (array.ndim > 1)}
            for layer, of_weights in zip(layers, rates, strict=True)
            for array, factor in zip(layer, (of_weights, bias_rate), strict=True)
        ]
        if solver == "sgd":
            rule = torch.optim.SGD(groups, momentum=0.9, nesterov=True)
        else:
            rule = torch.optim.AdamW(groups, eps=1e-300)
        for start in range(0, len(X), 16):
            a, y = (torch.tensor(array[start : start + 16]) for array in (X, Y))
            for coef, intercept in layers[:-1]:
                a = torch.tanh(a @ coef + intercept)
            logits = (a @ layers[-1][0] + layers[-1][1])[:, 0]
            rule.zero_grad()
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, y.double())
            loss.backward()
            rule.step()
        for number, (coef, intercept) in enumerate(layers):
            np.testing.assert_allclose(trained.coefs_[number], coef.detach(), rtol=1e-8)
            np.testing.assert_allclose(trained.intercepts_[number], intercept.detach(), rtol=1e-8)

    @ENGINES
    def test_members_with_rates_of_their_own_are_trained_as_if_alone(self, engine):
        members = [{}, {"weight_rate": (0.5, 1.0, 2.0)}, {"bias_rate": 0.1, "weight_rate": 2.0}]
        assert_stack_equals_separate_trainings(engine, members)

    def test_a_layer_with_rate_0_stays_as_it_begins(self):
        settings = {**SETTINGS, "weight_rate": (0, 1, 1), "bias_rate": (0, 1, 1), "alpha": 0.1}
        short, long = (
            MLPClassifier(**{**settings, "max_iter": epochs}).fit(X, Y) for epochs in (1, 5)
        )
        np.testing.assert_array_equal(short.coefs_[0], long.coefs_[0])
        np.testing.assert_array_equal(short.intercepts_[0], long.intercepts_[0])
        assert (short.coefs_[1] != long.coefs_[1]).all()

    def test_as_many_as_layers_are_needed(self):
        with pytest.raises(ParameterError, match="bias_rate must be one, or one for each of 3"):
            MLPClassifier(**SETTINGS, bias_rate=(1, 2)).fit(X, Y)
