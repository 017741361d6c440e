import io
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors
from sklearn.base import clone
from sklearn.datasets import make_moons
from sklearn.pipeline import make_pipeline

from crossfold.mlp import Activation, MLPClassifier, MLPRegressor, load, save
from crossfold.mlp.exceptions import ModelFileError
from crossfold.mlp.persistence import _checksum

QUICK = {
    "hidden_layer_sizes": (5, 3),
    "max_iter": 3,
    "n_iter_no_change": float("inf"),
    "random_state": 0,
}


@pytest.fixture(scope="module")
def moons():
    return make_moons(60, noise=0.1, random_state=0)


@pytest.fixture
def model(moons):
    return MLPClassifier(**QUICK).fit(*moons)


def round_trip(*estimators, extra=None):
    file = io.BytesIO()
    save(file, estimators, extra)
    file.seek(0)
    return load(file)


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_loaded_classifier_is_the_saved_one(moons, engine, tmp_path):
    X = pd.DataFrame(moons[0], columns=["x", "y"])
    classes = np.array(["lower", "upper"])[moons[1]]
    weights = {"lower": 2.0, "upper": 1.0}
    model = MLPClassifier(engine=engine, class_weight=weights, **QUICK).fit(X, classes)
    save(tmp_path / "model.safetensors", [model])
    [loaded], extra = load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert loaded.get_params() == model.get_params()
    assert loaded.classes_.tolist() == ["lower", "upper"]
    assert loaded.feature_names_in_.tolist() == ["x", "y"]
    assert loaded.loss_curve_ == model.loss_curve_
    assert (loaded.n_iter_, loaded.t_, extra) == (3, 180, {})


def test_estimators_need_not_be_alike(model, moons):
    X, y = moons
    shallow = MLPRegressor(**{**QUICK, "hidden_layer_sizes": (), "dtype": "float64"})
    shallow.fit(X, np.column_stack([y, X[:, 0]]))
    labels = MLPClassifier(**QUICK).fit(X, np.column_stack([y, 1 - y, y]))
    loaded, extra = round_trip(model, shallow, labels, extra={"threshold": np.float32(0.5)})
    for ours, expected in zip(loaded, (model, shallow, labels), strict=True):
        np.testing.assert_array_equal(ours.predict(X), expected.predict(X))
    assert extra == {"threshold": 0.5}


def test_loaded_model_goes_on_learning(model, moons):
    [loaded], _ = round_trip(model)
    assert loaded.partial_fit(*moons).t_ == 240


def test_model_trained_with_pytorch_scores_without_it(moons, tmp_path):
    X, y = moons
    model = MLPClassifier(engine="torch", **QUICK).fit(X, y)
    save(tmp_path / "model.safetensors", [model])
    np.save(tmp_path / "X.npy", X)
    code = (
        "import sys, json, numpy as np\n"
        "from crossfold.mlp import load\n"
        "[model], _ = load('model.safetensors')\n"
        "print(json.dumps(model.predict_proba(np.load('X.npy')).tolist()))\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    np.testing.assert_allclose(json.loads(done.stdout), model.predict_proba(X), rtol=1e-6)


def document_of(content):
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return json.loads(json.loads(header["__metadata__"]["crossfold"])["document"])


def rewritten(content, change_text=lambda text: text, change_tensors=lambda tensors: None):
    """Write a file anew with another document or tensors, and a right checksum."""
    tensors = load_tensors(content)
    change_tensors(tensors)
    text = change_text(json.dumps(document_of(content)))
    entry = {"document": text, "sha256": _checksum(text, tensors)}
    return save_tensors(tensors, {"crossfold": json.dumps(entry)})


def places(document, path=()):
    """List all paths in a document."""
    pairs = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in pairs:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


def replacing(path, value):
    def replace(text):
        document = json.loads(text)
        inner = document
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value
        return json.dumps(document)

    return replace


class TestUnreadable:
    @pytest.fixture
    def content(self, model):
        file = io.BytesIO()
        save(file, [model], {"note": "kept"})
        return file.getvalue()

    def refused(self, tmp_path, content):
        path = tmp_path / "model.safetensors"
        path.write_bytes(content)
        with pytest.raises(ModelFileError) as raised:
            load(path)
        message = str(raised.value)
        assert message.startswith(str(path))
        assert message.endswith("; save the model again.")
        assert "\n" not in message
        return message

    @pytest.mark.parametrize("length", [0, 4, 8, 100, -1])
    def test_truncated(self, tmp_path, content, length):
        assert "cut short" in self.refused(tmp_path, content[:length])

    def test_every_damaged_byte_is_noticed(self, tmp_path, content):
        for position in np.random.default_rng(0).integers(0, len(content), 100):
            damaged = bytearray(content)
            damaged[position] ^= 0x10
            self.refused(tmp_path, bytes(damaged))

    def test_foreign_bytes(self, tmp_path):
        assert "of another kind" in self.refused(tmp_path, b"PK\x03\x04" * 50)

    def test_foreign_tensors(self, tmp_path):
        foreign = save_tensors({"weight": np.ones(3)})
        assert "another program" in self.refused(tmp_path, foreign)

    def test_right_checksum_of_what_is_no_model(self, tmp_path, content):
        for text in ("", "{", "3", "[]", "{}", "[" * 100_000, '{"format": 1}', '{"format": 2}'):
            self.refused(tmp_path, rewritten(content, lambda _, text=text: text))

    @pytest.mark.parametrize("wrong", [None, "x", -1, 2.5, [], [7], {}, {"a": 1}], ids=repr)
    def test_wrong_document_is_refused_or_does_no_harm(self, tmp_path, content, wrong):
        refused = 0
        for path in places(document_of(content)):
            try:
                [loaded], extra = load(io.BytesIO(rewritten(content, replacing(path, wrong))))
            except ModelFileError:
                refused += 1
            else:
                assert loaded.predict_proba(np.zeros((2, 2))).shape == (2, 2)
                assert isinstance(extra, dict)
        assert refused > 10

    @pytest.mark.parametrize(
        "change",
        [
            lambda tensors: tensors.pop("0.coefs.0"),
            lambda tensors: tensors.pop("0.intercepts.1"),
            lambda tensors: tensors.clear(),
            lambda tensors: tensors.update({"0.coefs.1": np.ones((5, 4), np.float32)}),
            lambda tensors: tensors.update({"0.intercepts.0": np.ones((5, 1), np.float32)}),
            lambda tensors: tensors.update({"0.intercepts.0": np.ones(5, np.int64)}),
            lambda tensors: tensors.update({"0.coefs.0": np.full((2, 5), np.nan)}),
        ],
    )
    def test_wrong_tensors_with_a_right_checksum(self, tmp_path, content, change):
        message = self.refused(tmp_path, rewritten(content, change_tensors=change))
        assert "does not fit together" in message

    def test_missing_file_is_reported_as_such(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            load(tmp_path / "none.safetensors")


class TestWriting:
    def test_equal_models_give_equal_files(self, model):
        files = [io.BytesIO() for _ in range(30)]
        for file in files:
            save(file, [model], {"threshold": 0.5})
        assert len({file.getvalue() for file in files}) == 1

    def test_fresh_processes_write_equal_files(self, tmp_path):
        code = (
            "import sys, numpy as np\n"
            "from crossfold.mlp import MLPClassifier, save\n"
            f"model = MLPClassifier(**{QUICK!r}.copy())\n"
            "X = np.random.default_rng(0).normal(size=(40, 2))\n"
            "model.fit(X, np.where(X[:, 0] > 0, 'a', 'b'))\n"
            "for number in range(5):\n"
            "    save(f'{sys.argv[1]}.{number}', [model], {'kept': 1})\n"
        ).replace("inf", "np.inf")
        command = [sys.executable, "-c", code, "fresh"]
        subprocess.run(command, cwd=tmp_path, check=True)
        X = np.random.default_rng(0).normal(size=(40, 2))
        model = MLPClassifier(**QUICK).fit(X, np.where(X[:, 0] > 0, "a", "b"))
        save(tmp_path / "own", [model], {"kept": 1})
        assert len({file.read_bytes() for file in tmp_path.iterdir()}) == 1

    def test_files_of_the_first_format_are_read(self, model, moons):
        file = io.BytesIO()
        save(file, [model], {"threshold": 0.5})
        tensors = load_tensors(file.getvalue())
        text = json.dumps(document_of(file.getvalue()))
        old = {"crossfold": text, "sha256": _checksum(text, tensors)}
        [loaded], extra = load(io.BytesIO(save_tensors(tensors, old)))
        np.testing.assert_array_equal(loaded.predict(moons[0]), model.predict(moons[0]))
        assert extra == {"threshold": 0.5}

    def test_failed_save_leaves_the_old_file_and_nothing_else(self, model, tmp_path, monkeypatch):
        path = tmp_path / "model.safetensors"
        save(path, [model], {"version": 1})

        def fail(descriptor):
            raise OSError("no space left on device")

        monkeypatch.setattr("os.fsync", fail)
        with pytest.raises(OSError, match="no space"):
            save(path, [model], {"version": 2})
        assert [file.name for file in tmp_path.iterdir()] == ["model.safetensors"]
        assert load(path)[1] == {"version": 1}

    def test_what_json_cannot_hold_is_refused(self, model, tmp_path):
        with pytest.raises(ModelFileError, match="a set"):
            save(tmp_path / "model.safetensors", [model], {"names": {"a"}})
        assert list(tmp_path.iterdir()) == []

    def test_what_is_no_fitted_network_is_refused(self, model):
        for other in (clone(model), make_pipeline(model)):
            with pytest.raises(ModelFileError, match="that is no fitted network"):
                save(io.BytesIO(), [other])

    def test_own_activation_is_refused(self, model):
        model.activation = Activation("swish", abs, abs)
        with pytest.raises(ModelFileError, match="'swish'"):
            save(io.BytesIO(), [model])

    def test_new_file_is_as_readable_as_any_other(self, model, tmp_path):
        save(tmp_path / "model.safetensors", [model])
        (tmp_path / "other").touch()
        modes = {path.stat().st_mode for path in tmp_path.iterdir()}
        assert len(modes) == 1
