"""Quantities of known answers."""

import numpy as np
import pandas as pd
import pytest

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.images import audit as measures
from crossfold.pipelines.images.audit import STUDY
from crossfold.pipelines.images.faults import MINI_BATCH, OTHER, cross_entropies, small_sample
from crossfold.templates.audit.measured import effect, is_sure

from .conftest import LABEL, N, answers, curves


def test_accuracy_of_one_network_has_wilsons_interval(make_case):
    one = measures.accuracy(make_case(answers(0.9, STUDY, "a")), ["a"])
    assert (one.estimate, one.n) == (0.9, N)
    assert one.low == pytest.approx(0.851, abs=1e-3)
    assert len(one.draws) == 200


def test_experiments_are_averaged_or_the_best_or_worst_is_taken(make_case):
    case = make_case(answers(0.9, STUDY, "a"), answers(0.5, STUDY, "b"), answers(0.8, STUDY, "c"))
    assert measures.accuracy(case, ["a", "b"]).estimate == pytest.approx(0.7)
    assert measures.accuracy(case, ["a", "b"], take="min").estimate == pytest.approx(0.5)
    ahead = measures.accuracy(case, ["a"], minus=["b", "c"], take="max")
    assert ahead.estimate == pytest.approx(0.1)
    assert ahead.low > 0
    assert measures.loss(case, ["b"], minus=["a"]).estimate == pytest.approx(0.4 * 1.9)


def test_what_another_seed_gives_is_in_the_interval(make_case):
    def two(first: float, second: float):
        tables = [answers(first, STUDY, "a"), answers(second, STUDY, "a", member=1)]
        return measures.accuracy(make_case(*tables), ["a"])

    alike, apart = two(0.7, 0.7), two(0.6, 0.8)
    assert alike.estimate == pytest.approx(apart.estimate)
    assert apart.high - apart.low > alike.high - alike.low


def test_an_effect_inside_the_spread_over_seeds_is_not_sure(make_case):
    def three(*shares: float):
        tables = [answers(s, STUDY, "a", member=place) for place, s in enumerate(shares)]
        return measures.accuracy(make_case(*tables), ["a"])

    plain = three(0.80, 0.82, 0.84)
    assert not is_sure(effect(three(0.84, 0.80, 0.81), plain))
    assert is_sure(effect(three(0.70, 0.72, 0.75), plain))


def test_a_small_sample_has_few_rows_and_a_wide_interval(make_case):
    table = answers(0.9, STUDY, "a")
    every = measures.accuracy(make_case(table), ["a"])
    few = measures.accuracy(make_case(table, faults=("small_test_sample",)), ["a"])
    assert (few.n, every.n) == (30, N)
    assert few.high - few.low > every.high - every.low
    rows = np.arange(100, 200)
    assert set(small_sample(rows, 30, 1)) <= set(rows)
    assert len(small_sample(rows[:5], 30, 1)) == 5


def test_other_rows_and_dropout_change_what_is_counted(make_case):
    own, other = answers(0.9, STUDY, "a"), answers(0.6, STUDY, "a", part=OTHER)
    own["dropped"] = 0
    assert measures.accuracy(
        make_case(own, other, faults=("other_test_rows",)), ["a"]
    ).estimate == pytest.approx(0.6)
    dropped = make_case(own, other, faults=("dropout_in_prediction",))
    assert measures.accuracy(dropped, ["a"]).estimate == pytest.approx(0.1)


def test_own_training_is_the_sources(make_case):
    case = make_case(answers(0.9, STUDY, "a"), answers(0.4, "source", "a"))
    assert measures.accuracy(case, ["a"], own=True).estimate == pytest.approx(0.4)


def test_the_frameworks_differ_by_what_the_faults_change(make_case):
    tables = [
        answers(0.90, STUDY, "twin_torch"),
        answers(0.90, STUDY, "twin_numpy"),
        answers(0.85, STUDY, "twin_numpy_full_batch"),
        answers(0.95, MINI_BATCH, "pytorch"),
        answers(0.20, "wrong", "7"),
        answers(0.60, "plain", "7"),
        answers(0.55, "plain", "pytorch"),
    ]

    def gain(*faults: str, **changes: object) -> float:
        case = make_case(*tables, faults=faults, **changes)
        return measures.pytorch_minus_numpy(case, "7", "pytorch").estimate

    wrong = {"run": "wrong", "trains_wrongly": True}
    assert gain() == 0
    assert gain("unlike_regimes") == pytest.approx(0.05)
    assert gain("unlike_networks") == pytest.approx(0.05)
    assert gain("relu_as_derivative", **wrong) == pytest.approx(0.4)
    assert gain("relu_as_derivative", "unlike_networks", **wrong) == pytest.approx(0.35)
    assert gain("relu_as_derivative", "unlike_regimes", **wrong) == pytest.approx(0.7)
    every = ("relu_as_derivative", "unlike_regimes", "unlike_networks")
    assert gain(*every, **wrong) == pytest.approx(0.75)


def test_figures_of_single_classes(make_case):
    table = answers(1, STUDY, "a")
    table["predicted"] = np.where(LABEL == 5, 3, LABEL)
    case = make_case(table)
    assert measures.recall(case, "a", [5]).estimate == pytest.approx(-1)
    assert measures.recall(case, "a", [0, 1]).estimate == pytest.approx(1 / 8)
    assert measures.gain_by_support(case, "a").estimate == pytest.approx(0)
    assert measures.share_named(case, "a", 3).estimate == pytest.approx(0.2)
    fewer = table[(table["target"] != 5) | (table["row"] < N / 2)]
    assert measures.gain_by_support(make_case(fewer), "a").estimate > 0


def test_swapped_arguments_print_recall_as_precision(make_case):
    table = answers(1, STUDY, "a").assign(predicted=0)
    exact = measures.error_of_printed_precision(make_case(table), "a")
    assert (exact.estimate, exact.high) == (0, 0)
    swapped = make_case(table, faults=("swapped_arguments",))
    assert measures.error_of_printed_precision(swapped, "a").estimate == pytest.approx(0.9)


def test_curves_give_gains_gaps_and_differences(make_case):
    case = make_case(
        curves(STUDY, "a", train_accuracy=[0.5, 0.7, 0.9], validation_accuracy=[0.5, 0.7, 0.8]),
        curves(STUDY, "a", 1, train_accuracy=[0.5, 0.6, 0.8], validation_accuracy=[0.4, 0.6, 0.7]),
        curves(STUDY, "b", train_accuracy=[0.1, 0.2, 0.4]),
        curves(STUDY, "b", 1, train_accuracy=[0.1, 0.2, 0.3]),
        curves("short", "a", train_accuracy=[0.33]),
    )

    def value(*metrics: str, of: tuple[str, ...] = ("a",), **arguments: object) -> float:
        return measures.curve(case, metrics, of, **arguments).estimate

    assert value("train_accuracy", minus=["b"]) == pytest.approx(0.5)
    assert value("train_accuracy", against="validation_accuracy") == pytest.approx(0.1)
    assert value("train_accuracy", since=0) == pytest.approx(0.35)
    assert value("train_accuracy", since=0.67) == pytest.approx(0.2)
    both = value("train_accuracy", "validation_accuracy", since=0, take="min")
    assert both == pytest.approx(0.3)
    last = measures.curve_over_seeds(case, "train_accuracy", "a")
    assert (last.estimate, last.n) == (pytest.approx(0.85), 2)
    # One more of two values 0.1 apart lies within t(0.975, 1) standard deviations times √1.5.
    assert last.high - last.estimate == pytest.approx(12.706 * 0.1 / 2**0.5 * 1.5**0.5, rel=1e-3)
    assert measures.curve_over_seeds(case, "train_accuracy", "a", epoch=1).estimate == 0.33


def test_of_single_networks_the_pairs_are_the_sample(make_case):
    tables = [curves(STUDY, n, train_loss=[v]) for n, v in (("a", 3.0), ("b", 2.0), ("c", 1.0))]
    one = measures.curve(make_case(*tables), ["train_loss"], ["a", "b"], minus=["c", "c"])
    assert (one.estimate, one.n) == (1.5, 2)
    assert one.low < 0 < one.high


def test_a_loss_that_rises_more_often_is_erratic(make_case):
    up, down = [1.0, 2.0, 1.0, 2.0, 1.0], [5.0, 4.0, 3.0, 2.0, 1.0]
    tables = [
        curves(STUDY, f"mini_batch/{name}", train_loss=up, validation_loss=down) for name in "ab"
    ]
    assert measures.rises_more(make_case(*tables), "mini_batch").estimate == pytest.approx(0.5)


def test_a_run_that_was_not_made_is_named(make_case):
    with pytest.raises(CrossfoldError, match="'c'"):
        measures.accuracy(make_case(answers(1, STUDY, "a")), ["c"])


def test_a_sure_wrong_answer_has_a_finite_loss():
    losses = cross_entropies(np.array([[0.0, 1.0], [0.5, 0.5]]), pd.Series([0, 1]))
    assert losses[0] == pytest.approx(87.34, abs=0.01)
    assert losses[1] == pytest.approx(np.log(2))
