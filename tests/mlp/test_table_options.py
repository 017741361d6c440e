"""Options that networks on tables profit from: rates of groups of parameters, and more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from engine_cases import make_data, make_network, start
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.feature_selection import VarianceThreshold
from test_gradients import assert_equal_to_autograd, assert_slopes
from torch.nn.functional import binary_cross_entropy_with_logits

from crossfold.mlp import (
    ExperimentStack,
    FoldStack,
    GridStack,
    MLPClassifier,
    MLPEnsemble,
    MLPRegressor,
    load,
    save,
)
from crossfold.mlp._spec import Member, Network, Settings
from crossfold.mlp._training import make_engine
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
        for begin in range(0, len(X), 16):
            a, y = (torch.tensor(array[begin : begin + 16]) for array in (X, Y))
            for coef, intercept in layers[:-1]:
                a = torch.tanh(a @ coef + intercept)
            logits = (a @ layers[-1][0] + layers[-1][1])[:, 0]
            rule.zero_grad()
            binary_cross_entropy_with_logits(logits, y.double()).backward()
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


class TestScalingLayer:
    @ENGINES
    def test_its_gradients_are_slopes_of_the_loss(self, engine):
        """One step of plain gradient descent moves what is behind by the gradient."""
        network, data = make_network("binary", "cross_entropy", 1), make_data("binary", 1)
        member = Member(0, np.arange(12), seed=3, alpha=0.0, scaling=2.0)
        settings = Settings(solver="sgd", momentum=0.0, batch_size=16, dtype="float64")
        settings = replace(settings, engine=engine, device="cpu")
        stack, block = start(network, data, [member], settings)
        n, behind = stack.layout.n_parameters, stack.state["behind"]
        begun = np.random.default_rng(1).normal(size=behind.shape)

        def loss_of(point):
            behind[:] = point
            parameters = point[None, :n].copy()
            stack.layout.blocks(parameters)[0][:, :-1] *= point[n:, None]
            trained = make_engine([replace(stack, parameters=parameters)])
            return trained.run(block)[0] / 12, point - trained.state(0)["behind"]

        _, gradients = loss_of(begun[0])
        gradients[n:] /= 2.0
        moves = 1e-6 * np.eye(len(gradients))
        pairs = [(loss_of(begun[0] + m)[0], loss_of(begun[0] - m)[0]) for m in moves]
        slopes = [(up - down) / 2e-6 for up, down in pairs]
        np.testing.assert_allclose(gradients, slopes, rtol=1e-5, atol=1e-8)

    @ENGINES
    def test_it_is_a_diagonal_layer_of_pytorchs(self, engine):
        own = {**SETTINGS, "max_iter": 2, "shuffle": False, "alpha": 0.0, "solver": "sgd"}
        begun = MLPClassifier(**{**own, "learning_rate_init": 1e-300}).fit(X, Y)
        trained = MLPClassifier(**own, scaling_layer=6.0, engine=engine).fit(X, Y)
        scales = torch.ones(6, dtype=torch.float64, requires_grad=True)
        arrays = [torch.tensor(a, requires_grad=True) for a in begun.coefs_ + begun.intercepts_]
        groups = [{"params": arrays}, {"params": [scales], "lr": 6 * 0.02}]
        rule = torch.optim.SGD(groups, lr=0.02, momentum=0.9, nesterov=True)
        for begin in [*range(0, len(X), 16)] * 2:
            x, y = (torch.tensor(array[begin : begin + 16]) for array in (X, Y))
            a = torch.tanh((x * scales) @ arrays[0] + arrays[3])
            logits = torch.tanh(a @ arrays[1] + arrays[4]) @ arrays[2] + arrays[5]
            rule.zero_grad()
            torch.nn.functional.binary_cross_entropy_with_logits(
                logits[:, 0], y.double()
            ).backward()
            rule.step()
        expected = (scales[:, None] * arrays[0]).detach()
        np.testing.assert_allclose(trained.coefs_[0], expected, rtol=1e-9)
        np.testing.assert_allclose(trained.coefs_[1], arrays[1].detach(), rtol=1e-9)

    @ENGINES
    def test_members_with_and_without_are_trained_as_if_alone(self, engine):
        members = [{}, {"scaling_layer": 6.0}, {"scaling_layer": 1.0, "hidden_layer_sizes": (4, 2)}]
        assert_stack_equals_separate_trainings(engine, members)

    @ENGINES
    def test_partial_fit_goes_on_as_if_it_had_not_stopped(self, engine):
        own = {**SETTINGS, "scaling_layer": 6.0, "max_iter": 3, "shuffle": False, "engine": engine}
        whole = MLPRegressor(**own).fit(X, X[:, 0] + Y)
        parts = MLPRegressor(**own)
        for _ in range(3):
            parts.partial_fit(X, X[:, 0] + Y)
        assert_same(parts, whole)
        narrow = {"hidden_layer_sizes": (4, 2)}
        stack = FoldStack(MLPClassifier(**own), member_params=[{}, narrow]).fit(X, Y, FOLDS)
        [[_, _], [member, _]] = stack.estimators_
        alone = clone(member).fit(X[:60], Y[:60])
        for one in (member, alone):
            one.partial_fit(X, Y)
        assert_same(member, alone)

    def test_a_loaded_network_predicts_as_the_saved_one(self, tmp_path):
        network = MLPClassifier(**SETTINGS, scaling_layer=6.0).fit(X, Y)
        save(tmp_path / "network.safetensors", [network])
        [loaded], _ = load(tmp_path / "network.safetensors")
        np.testing.assert_array_equal(loaded.predict_proba(X), network.predict_proba(X))

    def test_a_stack_of_experiments_refuses_it(self):
        stack = ExperimentStack(MLPClassifier(**SETTINGS), member_params=[{"scaling_layer": 1.0}])
        with pytest.raises(ParameterError, match="does not support scaling_layer"):
            stack.fit(X, Y)


class TestPeriodicEmbedding:
    @pytest.mark.parametrize("check", [assert_slopes, assert_equal_to_autograd])
    def test_its_gradients_are_right(self, check):
        network = Network((2, 32, 8, 3, 1), ("sin", "relu", "tanh"), is_periodic=True)
        member = Member(0, np.arange(12), seed=3, alpha=0.0, dropout=0.0, periodic_embedding=0.3)
        member = replace(member, use_bias=(False, True, True, True))
        check(network, member, make_data("binary", 1, n_in=2))

    @ENGINES
    def test_it_is_that_of_the_paper(self, engine):
        """Each input's sines and cosines, a linear layer of its own and ReLU, then the network."""
        own = {**SETTINGS, "periodic_embedding": 0.5, "solver": "sgd", "alpha": 0.0}
        own |= {"max_iter": 2, "shuffle": False}
        begun = MLPClassifier(**{**own, "learning_rate_init": 1e-300}).fit(X, Y)
        trained = MLPClassifier(**own, engine=engine).fit(X, Y)
        waves, linear = begun.coefs_[0].reshape(6, 6, 16), begun.coefs_[1].reshape(6, 16, 6, 4)
        np.testing.assert_array_equal(waves[0, 0, :8], waves[0, 0, 8:])
        assert not waves[~np.eye(6, dtype=bool)].any()
        angular = torch.tensor(waves[range(6), range(6)], requires_grad=True)
        weights = torch.tensor(linear[range(6), :, range(6)], requires_grad=True)
        arrays = [
            torch.tensor(array, requires_grad=True)
            for array in (*begun.coefs_[2:], *begun.intercepts_[1:])
        ]
        rule = torch.optim.SGD([angular, weights, *arrays], lr=0.02, momentum=0.9, nesterov=True)
        for begin in [*range(0, len(X), 16)] * 2:
            x, y = (torch.tensor(array[begin : begin + 16]) for array in (X, Y))
            z = x[..., None] * angular
            v = torch.cat([torch.sin(z[..., :8]), torch.cos(z[..., 8:])], dim=-1)
            embedded = torch.einsum("rij,ijk->rik", v, weights).flatten(1) + arrays[3]
            a = torch.tanh(torch.relu(embedded) @ arrays[0] + arrays[4])
            logits = torch.tanh(a @ arrays[1] + arrays[5]) @ arrays[2] + arrays[6]
            rule.zero_grad()
            binary_cross_entropy_with_logits(logits[:, 0], y.double()).backward()
            rule.step()
        found = trained.coefs_[0].reshape(6, 6, 16)[range(6), range(6)]
        np.testing.assert_allclose(found, angular.detach(), rtol=1e-8)
        found = trained.coefs_[1].reshape(6, 16, 6, 4)[range(6), :, range(6)]
        np.testing.assert_allclose(found, weights.detach(), rtol=1e-7)
        assert np.count_nonzero(trained.coefs_[1]) == found.size
        np.testing.assert_array_equal(trained.intercepts_[0], begun.intercepts_[0])
        np.testing.assert_allclose(trained.coefs_[2], arrays[0].detach(), rtol=1e-7)

    @ENGINES
    def test_members_are_trained_as_if_alone(self, engine):
        members = [
            {"periodic_embedding": 0.1, "dropout": (0.1, 0.0, 0.3), "alpha": (0.1, 0.0, 0.0)},
            {"periodic_embedding": 1.0, "hidden_layer_sizes": (4, 2), "scaling_layer": 6.0},
        ]
        assert_stack_equals_separate_trainings(engine, members)

    def test_narrower_inputs_have_their_own(self):
        selector = VarianceThreshold()
        X_wide = np.column_stack([X, np.zeros((90, 1))])
        X_wide[70, 6] = 1.0
        network = MLPClassifier(**SETTINGS, periodic_embedding=0.3)
        stack = FoldStack(network, preprocessor=selector).fit(X_wide, Y, FOLDS)
        for one, (rows, _) in zip(stack.estimators_[0], FOLDS, strict=True):
            inputs = clone(selector).fit_transform(X_wide[rows])
            assert_same(one, clone(network).fit(inputs, Y[rows]))
        assert len({one.n_features_in_ for one in stack.estimators_[0]}) == 2

    def test_a_loaded_network_predicts_as_the_saved_one(self, tmp_path):
        network = MLPClassifier(**SETTINGS, periodic_embedding=0.3).fit(X, Y)
        save(tmp_path / "network.safetensors", [network])
        [loaded], _ = load(tmp_path / "network.safetensors")
        np.testing.assert_array_equal(loaded.predict_proba(X), network.predict_proba(X))
        assert "hidden 4" in loaded.summary()

    def test_a_start_of_the_users_own_is_refused(self):
        with pytest.raises(ParameterError, match="init must be no function"):
            MLPClassifier(**SETTINGS, periodic_embedding=0.3, init=lambda rng, sizes: ([], [])).fit(
                X, Y
            )


class TestSharedWeights:
    def stack(self, n_members=3, n_jobs=None, **changes):
        members = [{"random_state": seed} for seed in range(n_members)]
        network = MLPClassifier(**{**SETTINGS, "shared_seed": 7, **changes})
        return FoldStack(network, member_params=members, n_jobs=n_jobs).fit(X, Y, FOLDS)

    @ENGINES
    def test_they_are_those_of_tabm_mini(self, engine):
        """Plain PyTorch: one hidden part, and of each network signs at the inputs and outputs."""
        own = {"solver": "sgd", "alpha": 0.0, "shuffle": False, "max_iter": 2}
        begun = self.stack(**own, learning_rate_init=1e-300).estimators_
        trained = self.stack(**own, engine=engine).estimators_
        first = np.array([member.coefs_[0][:, 0] for member, _ in begun])
        signs = np.sign(first / first[0])
        hidden = [
            torch.tensor(array, requires_grad=True)
            for array in (*begun[0][0].coefs_[:2], *begun[0][0].intercepts_[:2])
        ]
        scales, heads, biases = (
            torch.tensor(np.stack(arrays), requires_grad=True)
            for arrays in (
                signs,
                [member.coefs_[2] for member, _ in begun],
                [member.intercepts_[2] for member, _ in begun],
            )
        )
        groups = [{"params": hidden, "lr": 0.02 / 3}, {"params": [scales, heads, biases]}]
        rule = torch.optim.SGD(groups, lr=0.02, momentum=0.9, nesterov=True)
        for begin in [*range(0, 60, 16)] * 2:
            rows = slice(begin, min(begin + 16, 60))
            x, y = torch.tensor(X[rows]), torch.tensor(Y[rows]).double()
            a = torch.tanh((x * scales[:, None]) @ hidden[0] + hidden[2])
            logits = torch.tanh(a @ hidden[1] + hidden[3]) @ heads + biases[:, None]
            losses = [binary_cross_entropy_with_logits(own[:, 0], y) for own in logits]
            rule.zero_grad()
            sum(losses).backward()
            rule.step()
        expected = (scales[..., None] * hidden[0]).detach()
        for place, (member, _) in enumerate(trained):
            np.testing.assert_allclose(member.coefs_[0], expected[place], rtol=1e-8)
            np.testing.assert_allclose(member.coefs_[1], hidden[1].detach(), rtol=1e-8)
            np.testing.assert_allclose(member.intercepts_[1], hidden[3].detach(), rtol=1e-7)
            np.testing.assert_allclose(member.coefs_[2], heads[place].detach(), rtol=1e-8)

    @ENGINES
    def test_ensembles_beside_others_are_trained_as_if_alone(self, engine, monkeypatch):
        monkeypatch.setattr("crossfold.mlp._batches._GROUP_BYTES", 1)
        members = [
            {"random_state": seed, "shared_seed": shared, "alpha": 0.1 * (shared or 1)}
            for shared in (1, None, 2)
            for seed in range(2)
        ]
        network = MLPClassifier(**SETTINGS, engine=engine)
        together = FoldStack(network, member_params=members).fit(X, Y, FOLDS).estimators_
        for pair in (slice(0, 2), slice(2, 4), slice(4, 6)):
            for fold in (0, 1):
                alone = FoldStack(network, member_params=members[pair]).fit(X, Y, [FOLDS[fold]])
                for one, [other] in zip(together[pair], alone.estimators_, strict=True):
                    assert_same(one[fold], other)
        [first, second] = (member[0].coefs_[1] for member in together[:2])
        np.testing.assert_array_equal(first, second)
        assert (together[0][0].coefs_[2] != together[1][0].coefs_[2]).all()

    def test_jobs_get_whole_ensembles(self):
        by_jobs, at_once = (self.stack(n_jobs=n).estimators_ for n in (2, None))
        for ours, expected in zip(by_jobs, at_once, strict=True):
            for one, other in zip(ours, expected, strict=True):
                assert_same(one, other)

    def test_they_set_the_same_rows_aside_and_stop_together(self):
        changes = {"early_stopping": "loss", "n_iter_no_change": 2, "max_iter": 60}
        stack = self.stack(**changes, learning_rate_init=0.05)
        for of_fold in zip(*stack.estimators_, strict=True):
            assert len({network.n_iter_ for network in of_fold}) == 1
            assert of_fold[0].n_iter_ < 60
        apart = self.stack(**changes, shared_seed=None)
        assert len({tuple(network.n_iter_ for network in own) for own in apart.estimators_}) > 1

    def test_an_ensemble_is_a_classifier_and_its_networks_can_be_saved(self, tmp_path):
        network = MLPClassifier(**{**SETTINGS, "max_iter": 20})
        ensemble = MLPEnsemble(network, n_members=4, shares_weights=True, random_state=0)
        assert ensemble.fit(X, Y).score(X, Y) > 0.8
        save(tmp_path / "networks.safetensors", ensemble.estimators_)
        loaded, _ = load(tmp_path / "networks.safetensors")
        mean = np.mean([one.predict_proba(X) for one in loaded], axis=0)
        np.testing.assert_array_equal(mean, ensemble.predict_proba(X))

    @pytest.mark.parametrize(
        ("member", "changes"), [({"hidden_layer_sizes": (4, 4)}, {}), ({}, {"solver": "lbfgs"})]
    )
    def test_what_cannot_share_is_refused(self, member, changes):
        network = MLPClassifier(**{**SETTINGS, **changes}, shared_seed=0)
        stack = FoldStack(network, member_params=[{}, member])
        with pytest.raises(ParameterError, match="the same shared_seed need"):
            stack.fit(X, Y, FOLDS)

    def test_candidates_of_a_grid_share_nothing(self):
        search = GridStack(MLPClassifier(**SETTINGS, shared_seed=0), {"alpha": [0.0, 1.0]})
        with pytest.raises(ParameterError, match="shared_seed is None"):
            search.fit(X, Y)
