"""Update rules against scikit-learn's, schedules against their formulas."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.neural_network import MLPClassifier
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from crossfold.mlp._spec import DataSet, Member, Network, Settings
from crossfold.mlp._training import train
from crossfold.mlp._update import (
    Factors,
    Update,
    cosine,
    coslog4,
    inverse_scaling,
    learning_rates,
    one_cycle,
    rule_of,
)

RATES = np.array([[0.1], [0.01]])


def make_rule(xp, settings, parameters):
    rule = rule_of(settings)
    state = {name: xp.zeros_like(parameters) for name in rule.state_names}
    gradients, scratch = xp.empty_like(parameters), xp.empty_like(parameters)
    return rule(xp, settings, parameters, gradients, scratch, state, Factors(xp))


@pytest.mark.parametrize("xp", [np, torch], ids=["numpy", "torch"])
@pytest.mark.parametrize(
    "settings",
    [
        Settings(solver="sgd", momentum=0.0),
        Settings(solver="sgd", momentum=0.8, nesterovs_momentum=False),
        Settings(solver="sgd", momentum=0.8),
        Settings(solver="adam", beta_1=0.8, beta_2=0.95, epsilon=1e-3),
    ],
    ids=["sgd", "momentum", "nesterov", "adam"],
)
def test_steps_equal_scikit_learns(settings, xp):
    """Two members with rates of their own, ten steps each."""
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=(2, 6)), rng.normal(size=(10, 2, 6))
    flat = start.copy() if xp is np else torch.from_numpy(start.copy())
    rule = make_rule(xp, settings, flat)
    for t, gradient in enumerate(gradients):
        rule.gradients[...] = xp.asarray(gradient)
        sizes = rule.step_sizes(settings, RATES, np.full((2, 1), t))
        rule.step(xp.asarray(sizes))
    for member, rate in enumerate(RATES[:, 0]):
        expected = [start[member].copy()]
        if settings.solver == "sgd":
            theirs = SGDOptimizer(
                expected, rate, "constant", settings.momentum, settings.nesterovs_momentum
            )
        else:
            theirs = AdamOptimizer(expected, rate, 0.8, 0.95, 1e-3)
        for gradient in gradients:
            theirs.update_params(expected, [gradient[member]])
        np.testing.assert_allclose(np.asarray(flat)[member], expected[0], rtol=1e-12)


@pytest.mark.parametrize("xp", [np, torch], ids=["numpy", "torch"])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_moments_without_gradients_become_zero(solver, xp):
    """Rounding keeps the smallest numbers from shrinking, and arithmetic is slow with them."""
    settings = Settings(solver=solver)
    parameters, gradients = (xp.ones((2, 3), dtype=xp.float32) for _ in range(2))
    names = rule_of(settings).state_names
    state = {name: xp.zeros_like(parameters) for name in names}
    update = Update(xp, settings, parameters, gradients, state, Factors(xp))
    rate = xp.full((2, 1), 0.01, dtype=xp.float32)
    for step in range(1100):
        gradients[...] = float(step == 0)
        update.take(1.0, rate, rate)
    assert (state[names[0]] == 0).all()


def test_adamw_decays_weights_beside_the_step():
    """``W = W - rate · alpha · W - Adam's step``; biases are not decayed, the loss not changed."""
    data = DataSet(np.ones((4, 2)), np.array([[0.0], [1.0], [1.0], [0.0]]))
    member = Member(0, np.arange(4), seed=0, alpha=0.0, learning_rate_init=0.1)
    settings = Settings(dtype="float64", solver="adamw", max_iter=1, batch_size="full")
    start = ([np.array([[2.0], [-1.0]])], [np.array([3.0])])
    members = [replace(member, start=start, alpha=alpha) for alpha in (0.0, 0.5)]
    plain, decayed = train(Network((2, 1)), [data], members, settings)
    np.testing.assert_allclose(decayed.coefs[0], plain.coefs[0] - 0.1 * 0.5 * start[0][0])
    np.testing.assert_allclose(decayed.intercepts[0], plain.intercepts[0])
    assert decayed.history.train_loss == plain.history.train_loss


def test_penalties_leave_biases_alone():
    parameters, gradients = np.array([[2.0, -3.0]]), np.zeros((1, 2))
    penalties = Factors(np, l2=np.array([[0.5, 0.0]]), l1=np.array([[0.1, 0.0]]))
    twice = penalties.penalise(parameters, gradients, np.empty((1, 2)), 1.0)
    np.testing.assert_allclose(gradients, [[0.5 * 2 + 0.1, 0.0]])
    np.testing.assert_allclose(twice / 2, [0.5 / 2 * 4 + 0.1 * 2])


def test_one_cycle_rises_and_falls():
    """From 1/25 of the peak over 30 % of the steps, then to 1/250,000, along half cosines."""
    rates = one_cycle(np.array(0.5), np.array([0, 0.15, 0.3, 0.65, 1]))
    first, last = 0.5 / 25, 0.5 / 250_000
    np.testing.assert_allclose(rates, [first, (first + 0.5) / 2, 0.5, (0.5 + last) / 2, last])


def test_coslog4_has_four_cycles_each_twice_as_long_as_the_one_before():
    ends = np.array([0, 1, 3, 7, 15]) / 15
    np.testing.assert_allclose(coslog4(np.array(0.5), ends), 0, atol=1e-15)
    peaks = (2 ** (np.arange(4) + 0.5) - 1) / 15
    np.testing.assert_allclose(coslog4(np.array(0.5), peaks), 0.5)


def test_cosine_falls_from_the_peak_to_zero():
    np.testing.assert_allclose(cosine(np.array(0.4), np.array([0, 0.5, 1])), [0.4, 0.2, 0])


def test_schedules_follow_each_members_own_steps():
    """A member with fewer batches is further on in its training after as many steps."""
    done = np.array([[0, 5, 9], [0, 2, 4]])
    rates = learning_rates(
        Settings(learning_rate="cosine"), np.array([[1.0], [2.0]]), done, np.array([[10], [5]])
    )
    np.testing.assert_allclose(rates[:, 0], [1, 2])
    np.testing.assert_allclose(rates[:, 2], [0, 0], atol=1e-15)
    assert rates[1, 1] == pytest.approx(1.0)


def test_inverse_scaling_is_scikit_learns():
    theirs = SGDOptimizer([np.zeros(1)], 0.2, "invscaling", power_t=0.3)
    theirs.iteration_ends(57)
    assert inverse_scaling(0.2, 57, 0.3) == pytest.approx(theirs.learning_rate)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("schedule", ["constant", "invscaling", "adaptive"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_trainings_equal_scikit_learns(solver, schedule):
    """Same start, rows in the same order: same losses, same weights, same number of epochs."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(70, 4))
    labels = (inputs[:, 0] > inputs[:, 1]).astype(int)
    arguments = {
        "solver": solver,
        "learning_rate": schedule,
        "shuffle": False,
        "max_iter": 40,
        "tol": 0.01,
        "n_iter_no_change": 2,
        "batch_size": 16,
    }
    theirs = MLPClassifier((5,), learning_rate_init=0.05, alpha=0.1, random_state=0, **arguments)
    start = first_weights(theirs, inputs, labels)
    theirs.fit(inputs, labels)
    member = Member(0, np.arange(70), seed=0, learning_rate_init=0.05, alpha=0.1, start=start)
    settings = Settings(dtype="float64", **arguments)
    [ours] = train(Network((4, 5, 1)), [DataSet(inputs, labels[:, None] / 1.0)], [member], settings)
    assert ours.n_iter == theirs.n_iter_
    assert ours.t == theirs.t_
    np.testing.assert_allclose(ours.history.train_loss, theirs.loss_curve_, rtol=1e-9)
    for mine, other in zip(ours.coefs, theirs.coefs_, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-8, atol=1e-10)


def first_weights(estimator, inputs, labels):
    """Give the weights that scikit-learn starts from: no step moves them without a rate."""
    still = type(estimator)(**{**estimator.get_params(), "learning_rate_init": 1e-300})
    still.set_params(max_iter=1, solver="sgd", learning_rate="constant", momentum=0.0)
    still.fit(inputs, labels)
    return still.coefs_, still.intercepts_
