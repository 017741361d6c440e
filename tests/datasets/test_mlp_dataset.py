"""Networks in the catalog."""

import json
from pathlib import Path

import numpy as np
import pytest
from kedro.io import DatasetError, Version

from crossfold.datasets import MLPDataset
from crossfold.datasets.bases import DataError
from crossfold.mlp import MLPClassifier

X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def network() -> MLPClassifier:
    model = MLPClassifier(hidden_layer_sizes=(4,), max_iter=3, n_iter_no_change=np.inf)
    return model.fit(X, X[:, 0] > 0)


def dataset(folder: Path) -> MLPDataset:
    return MLPDataset(filepath=str(folder / "model.safetensors"), version=Version(None, "1"))


def test_networks_come_back_with_what_belongs_to_them(
    tmp_path: Path, network: MLPClassifier
) -> None:
    saved = dataset(tmp_path)
    assert not saved.exists()
    saved.save(([network], {"threshold": 0.25}))
    [loaded], extra = saved.load()
    assert saved.exists()
    assert extra == {"threshold": 0.25}
    np.testing.assert_array_equal(loaded.predict_proba(X), network.predict_proba(X))


def test_preview_shows_the_layers(tmp_path: Path, network: MLPClassifier) -> None:
    saved = dataset(tmp_path)
    saved.save(([network], {}))
    assert json.loads(saved.preview()) == [
        {"kind": "MLPClassifier", "engine": "numpy", "layer_sizes": [3, 4, 1]}
    ]


def test_failed_save_leaves_nothing(tmp_path: Path, network: MLPClassifier) -> None:
    saved = dataset(tmp_path)
    with pytest.raises(DatasetError):
        saved.save(([network], {"threshold": object()}))
    assert not list(tmp_path.iterdir())


def test_damaged_file_is_told_in_one_sentence(tmp_path: Path, network: MLPClassifier) -> None:
    saved = dataset(tmp_path)
    saved.save(([network], {}))
    file = tmp_path / "model.safetensors" / "1" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(DataError, match=r"model\.safetensors"):
        saved.load()
