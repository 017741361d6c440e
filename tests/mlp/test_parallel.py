"""Stacks that are trained in groups; those of a cluster of Dask are in tests/test_cluster.py."""

import logging
from concurrent.futures import BrokenExecutor

import joblib
import numpy as np
import pytest
from sklearn.datasets import make_classification

from crossfold.mlp import EpochLog, FoldStack, GridStack, MLPClassifier, ProgressBar, parallel
from crossfold.mlp.exceptions import ParameterError, WorkerError

MEMBERS = [{"random_state": 0}, {"random_state": 1, "dropout": 0.2}]


def share_right(targets, outputs):
    return {"right": ((outputs > 0.5) == targets).mean()}


def fit(n_jobs=None, *callbacks, **options):
    X, y = make_classification(300, n_features=40, random_state=0)
    network = MLPClassifier((6, 4), max_iter=3, callbacks=callbacks, **options)
    return FoldStack(network, member_params=MEMBERS, n_jobs=n_jobs).fit(X, y, cv=3)


def assert_same(ours, expected):
    for own, other in zip(ours.estimators_, expected.estimators_, strict=True):
        for first, second in zip(own, other, strict=True):
            for a, b in zip(first.coefs_, second.coefs_, strict=True):
                np.testing.assert_array_equal(a, b)
            assert first.loss_curve_ == second.loss_curve_
    np.testing.assert_array_equal(ours.out_of_fold_, expected.out_of_fold_)


@pytest.mark.parametrize(("engine", "n_jobs"), [("numpy", 2), ("numpy", 40), ("torch", 4)])
def test_groups_give_what_one_stack_gives(engine, n_jobs):
    with joblib.parallel_config("threading"):
        assert_same(fit(n_jobs, engine=engine), fit(engine=engine))


def test_processes_give_what_one_stack_gives():
    """Two processes; every array is mapped into their memory, where none can be written to."""
    with joblib.parallel_config("loky", n_jobs=2, max_nbytes=1):
        log = EpochLog(share_right)
        assert_same(fit(None, log), fit(1))
    assert len(log.records) == 2 * 3 * 3


def test_a_grid_gives_what_one_stack_gives():
    X, y = make_classification(120, random_state=0)
    grid = {"alpha": [0.0, 1.0], "hidden_layer_sizes": [(4,), (3,)]}
    network = MLPClassifier(max_iter=3, random_state=0)
    with joblib.parallel_config("threading"):
        scores = [
            GridStack(network, grid, cv=2, n_jobs=n).fit(X, y).cv_results_["mean_test_score"]
            for n in (None, 3)
        ]
    np.testing.assert_array_equal(*scores)


def test_a_log_takes_in_what_groups_recorded(caplog):
    alone, joined = EpochLog(share_right), EpochLog(share_right)
    fit(None, alone)
    with joblib.parallel_config("threading"), caplog.at_level(logging.INFO, "crossfold.mlp"):
        fit(2, ProgressBar(), joined)
    assert joined.records == alone.records
    assert "group 2 of 2: epoch 3 of 3: training loss" in caplog.text
    assert "group 1 of 2 is trained" in caplog.text


def test_an_error_in_a_group_is_the_error_of_one_stack():
    with joblib.parallel_config("threading"), pytest.raises(ParameterError, match="dropout"):
        fit(2, solver="lbfgs")


class TestWorkersThatDie:
    def test_only_what_has_not_come_back_is_done_again(self, monkeypatch, caplog):
        asked = []

        def hand_out(function, tasks, n_jobs):
            asked.append(list(tasks))
            for number in list(tasks):
                yield number, function(*tasks[number])
                if len(asked) == 1:
                    raise BrokenExecutor

        monkeypatch.setattr(parallel, "_hand_out", hand_out)
        assert dict(parallel.run_tasks(abs, [(-3,), (-4,), (-5,)])) == {0: 3, 1: 4, 2: 5}
        assert asked == [[0, 1, 2], [1, 2]]
        assert "A worker died" in caplog.text

    def test_a_run_gives_up_in_one_sentence(self, monkeypatch):
        def hand_out(function, tasks, n_jobs):
            raise BrokenExecutor

        monkeypatch.setattr(parallel, "_hand_out", hand_out)
        with pytest.raises(WorkerError, match=r"Workers died 3 times.* fewer jobs"):
            list(parallel.run_tasks(abs, [(1,)]))
