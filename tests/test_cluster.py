"""What runs on a cluster of Dask: two worker processes of this machine, for all these tests."""

import os
import signal
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.datasets import make_classification

from crossfold.mlp import FoldStack, MLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:distributed")


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, memory_limit="2GB", dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


class Killer:
    """Kills the process that it is told about training in, once."""

    def __init__(self, flag: Path, parent: int) -> None:
        self.flag = flag
        self.parent = parent

    def on_train_begin(self, members, data_sets, max_iter):
        pass

    def on_epoch_end(self, event):
        if os.getpid() != self.parent and event.epoch == 2 and not self.flag.exists():
            self.flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    def on_train_end(self):
        pass


def fit(**options):
    X, y = make_classification(300, n_features=40, random_state=0)
    return FoldStack(MLPClassifier((6, 4), max_iter=3, random_state=0, **options)).fit(X, y, cv=4)


def test_a_stack_is_the_same_though_a_worker_is_killed(cluster, tmp_path):
    flag = tmp_path / "killed"
    with joblib.parallel_config("dask"):
        ours = fit(callbacks=[Killer(flag, os.getpid())])
    assert flag.exists()
    for own, expected in zip(ours.estimators_[0], fit().estimators_[0], strict=True):
        np.testing.assert_array_equal(own.coefs_[0], expected.coefs_[0])
