"""Save and load fitted estimators: one safetensors file with a JSON header, for either engine.

The weights of estimator 0 are the tensors ``0.coefs.0``, ``0.intercepts.0``, ``0.coefs.1`` and so
on. The file's metadata has one entry, ``crossfold``, which is JSON: ``document``, again JSON, with
parameters, classes and what the caller adds, and ``sha256``, a checksum of that text and all
tensors. One entry, as safetensors writes several in any order: equal models give equal files.
Earlier files, with the document and the checksum in two entries, are read too. Nothing in the file
is ever run.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from itertools import pairwise
from numbers import Integral
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from crossfold.mlp import layers as _layers
from crossfold.mlp._base import BaseMLP
from crossfold.mlp._data import Labels, Targets, Values
from crossfold.mlp._estimators import (
    MLPClassifier,
    MLPRegressor,
    NetworkClassifier,
    NetworkRegressor,
)
from crossfold.mlp._hyperparameters import Hyperparameters
from crossfold.mlp._spec import Activation, Array, History, Loss, Trained
from crossfold.mlp.exceptions import ModelFileError

FORMAT = 1
_HEADER_LENGTH_BYTES = 8


def save(
    target: str | os.PathLike[str] | BinaryIO,
    estimators: Sequence[BaseMLP],
    extra: Mapping[str, Any] | None = None,
) -> None:
    """Save fitted estimators.

    Parameters
    ----------
    target
        Path, which is replaced in one step when the file is complete, or a binary file to write
        to. Folders must exist.
    estimators
        Fitted `MLPClassifier` and `MLPRegressor`; they need not be alike. Callbacks and the
        optimizer's state are not saved.
    extra
        Anything that JSON can hold.

    Raises
    ------
    ModelFileError
        A parameter, a class or `extra` cannot be written as JSON.

    Examples
    --------
    >>> import io
    >>> from crossfold.mlp import MLPRegressor, load, save
    >>> model = MLPRegressor(
    ...     hidden_layer_sizes=(2,), max_iter=5, n_iter_no_change=float("inf"), random_state=0
    ... ).fit([[0.0], [1.0]], [0.0, 1.0])
    >>> file = io.BytesIO()
    >>> save(file, [model], {"trained_on": "two rows"})
    >>> _ = file.seek(0)
    >>> [loaded], extra = load(file)
    >>> bool((loaded.predict([[0.5]]) == model.predict([[0.5]])).all()), extra
    (True, {'trained_on': 'two rows'})
    """
    content = _to_bytes(estimators, dict(extra or {}))
    if isinstance(target, (str, os.PathLike)):
        _replace(Path(target), content)
    else:
        target.write(content)


def load(source: str | os.PathLike[str] | BinaryIO) -> tuple[list[BaseMLP], dict[str, Any]]:
    """Load what `save` saved, as estimators that predict with NumPy.

    Parameters
    ----------
    source
        Path or binary file.

    Returns
    -------
    Estimators in the order in which they were saved, and `extra`.

    Raises
    ------
    ModelFileError
        The file is damaged, cut short, or not a model of crossfold.
    FileNotFoundError
        There is no file at the path.
    """
    if isinstance(source, (str, os.PathLike)):
        name, content = str(source), Path(source).read_bytes()
    else:
        name, content = getattr(source, "name", "the model file"), source.read()
    text, tensors = _read(name, content)
    try:
        document = json.loads(text)
        if document["format"] != FORMAT:
            raise _unreadable(name, f"it has format {document['format']}, not {FORMAT}")
        estimators = [
            _restored(model, *_weights(tensors, number))
            for number, model in enumerate(document["estimators"])
        ]
        if sum(2 * len(one.coefs_) for one in estimators) != len(tensors):
            raise ValueError(f"{len(tensors)} tensors for {len(estimators)} networks")
        return estimators, dict(document["extra"])
    except ModelFileError:
        raise
    except Exception as error:  # a document with a right checksum may hold anything
        why = f"{type(error).__name__}, {error}"
        raise _unreadable(name, f"its content does not fit together ({why})") from error


def _to_bytes(estimators: Sequence[BaseMLP], extra: dict[str, Any]) -> bytes:
    for estimator in estimators:
        if not (isinstance(estimator, BaseMLP) and hasattr(estimator, "coefs_")):
            raise ModelFileError(
                f"A {type(estimator).__name__} is to be saved that is no fitted network: fit it, "
                "or save the estimators_ of an MLPEnsemble or of a FoldStack's member."
            )
    tensors = {
        f"{number}.{kind}.{layer}": np.ascontiguousarray(array)
        for number, estimator in enumerate(estimators)
        for kind, arrays in (("coefs", estimator.coefs_), ("intercepts", estimator.intercepts_))
        for layer, array in enumerate(arrays)
    }
    models = [_document(estimator) for estimator in estimators]
    try:
        text = json.dumps({"format": FORMAT, "estimators": models, "extra": extra}, default=_plain)
    except TypeError as error:
        raise ModelFileError(f"The model cannot be saved as JSON: {error}.") from error
    entry = json.dumps({"document": text, "sha256": _checksum(text, tensors)})
    content: bytes = save_tensors(tensors, {"crossfold": entry})
    return content


def _read(name: str, content: bytes) -> tuple[str, dict[str, Array]]:
    """Give the document's text and the tensors of a file whose checksum is right."""
    header_end = _HEADER_LENGTH_BYTES + int.from_bytes(content[:_HEADER_LENGTH_BYTES], "little")
    try:
        tensors = load_tensors(content)
        metadata = json.loads(content[_HEADER_LENGTH_BYTES:header_end]).get("__metadata__", {})
    except (SafetensorError, ValueError, RecursionError) as error:
        raise _unreadable(name, "it is cut short, damaged or of another kind") from error
    if "crossfold" not in metadata:
        raise _unreadable(name, "it is a safetensors file of another program")
    text, checksum = metadata["crossfold"], metadata.get("sha256")
    try:
        if checksum is None:  # not written by crossfold 0.1
            entry = json.loads(text)
            text, checksum = entry["document"], entry["sha256"]
    except (ValueError, TypeError, KeyError, RecursionError):
        text = ""
    if checksum != _checksum(text, tensors):
        raise _unreadable(name, "its checksum is wrong")
    return text, tensors


def _restored(document: Mapping[str, Any], coefs: list[Array], intercepts: list[Array]) -> BaseMLP:
    """Make an estimator whose parts fit together, so that it does not fail when it is used."""
    names = document["feature_names_in"]
    estimator = _TYPES[document["type"]](**_restored_params(document["params"]))
    estimator.n_features_in_ = document["n_features_in"]
    if names is not None:
        estimator.feature_names_in_ = np.array(names, dtype=object)
    trained = Trained(
        coefs,
        intercepts,
        document["n_iter"],
        document["t"],
        History(
            train_loss=document["loss_curve"],
            validation_score=document["validation_scores"] or [],
        ),
    )
    estimator._keep(trained, _targets(document["targets"]))
    estimator._validate_params()
    sizes = list(estimator._network().layer_sizes)
    shapes = [*pairwise(sizes)], [(size,) for size in sizes[1:]]
    if ([one.shape for one in coefs], [one.shape for one in intercepts]) != shapes:
        raise ValueError(f"the weights do not make layers of {sizes}")
    if any(array.dtype.kind != "f" for array in (*coefs, *intercepts)):
        raise ValueError("the weights are no floating-point numbers")
    if document["targets"]["head"] not in _heads(document):
        raise ValueError(f"{document['targets']} are no targets of {document['type']}")
    if names is not None and len(names) != sizes[0]:
        raise ValueError(f"{len(names)} names for {sizes[0]} features")
    return estimator


def _heads(document: Mapping[str, Any]) -> set[str]:
    if document["type"].endswith("Regressor"):
        return {"regression"}
    classes = document["targets"]["classes"]
    exclusive = {"binary"} if len(classes) == 2 else {"multiclass"}
    if document["type"] == "NetworkClassifier":
        exclusive.add("multiclass")  # An output for each of two classes may be asked for.
    return {"multilabel", *exclusive} if len(set(classes)) == len(classes) else set()


def _weights(tensors: Mapping[str, Array], number: int) -> tuple[list[Array], list[Array]]:
    n_layers = sum(name.startswith(f"{number}.coefs.") for name in tensors)
    coefs = [tensors[f"{number}.coefs.{layer}"] for layer in range(n_layers)]
    return coefs, [tensors[f"{number}.intercepts.{layer}"] for layer in range(n_layers)]


def _checksum(text: str, tensors: Mapping[str, Array]) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].shape} {tensors[name].dtype}".encode())
        digest.update(tensors[name].tobytes())
    return digest.hexdigest()


def _replace(path: Path, content: bytes) -> None:
    """Write beside the path, and move into place when every byte is on the disk."""
    temporary = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _plain(value: Any) -> Any:
    """Give NumPy's numbers and arrays as Python's."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    raise TypeError(f"it holds {value!r}, a {type(value).__name__}")


def _unreadable(name: str, reason: str) -> ModelFileError:
    return ModelFileError(
        f"{name} cannot be loaded as a crossfold model: {reason}; save the model again."
    )


_KINDS = (MLPClassifier, MLPRegressor, NetworkClassifier, NetworkRegressor)
_TYPES: dict[str, type[BaseMLP]] = {kind.__name__: kind for kind in _KINDS}
_LAYERS = {kind.__name__: kind for kind in (_layers.Dense, _layers.Dropout, _layers.Activation)}


def _document(estimator: BaseMLP) -> dict[str, Any]:
    names = getattr(estimator, "feature_names_in_", None)
    return {
        "type": type(estimator).__name__,
        "params": _params(estimator),
        "targets": _targets_document(estimator._targets),
        "n_features_in": estimator.n_features_in_,
        "feature_names_in": None if names is None else names.tolist(),
        "n_iter": estimator.n_iter_,
        "t": estimator.t_,
        "loss_curve": estimator.loss_curve_,
        "validation_scores": estimator.validation_scores_,
    }


def _params(estimator: BaseMLP) -> dict[str, Any]:
    params = {k: v for k, v in estimator.get_params().items() if k != "callbacks"}
    own = [
        f"{name} {getattr(value, 'name', value)!r}"
        for name in [one.name for one in fields(Hyperparameters) if one.name != "callbacks"]
        for value in np.ravel(np.array(getattr(estimator, name), dtype=object))
        if callable(value) or isinstance(value, (Activation, Loss))
    ]
    if own:
        raise ModelFileError(
            f"{', '.join(own)}: a function of your own, which a model file cannot hold; save "
            "coefs_ and intercepts_ instead."
        )
    if "layers" in params:
        params["layers"] = [{type(one).__name__: asdict(one)} for one in params["layers"]]
    if not isinstance(params["random_state"], Integral):
        params["random_state"] = None
    if isinstance(params.get("class_weight"), Mapping):
        params["class_weight"] = {"pairs": list(params["class_weight"].items())}
    return params


def _restored_params(params: Mapping[str, Any]) -> dict[str, Any]:
    restored = {
        name: tuple(value) if isinstance(value, list) else value for name, value in params.items()
    }
    if "layers" in restored:
        restored["layers"] = [
            _LAYERS[kind](**own) for layer in restored["layers"] for kind, own in layer.items()
        ]
    class_weight: Any = restored.get("class_weight")
    if isinstance(class_weight, dict):
        restored["class_weight"] = dict(class_weight["pairs"])
    return restored


def _targets_document(targets: Targets) -> dict[str, Any]:
    if isinstance(targets, Values):
        return {"head": "regression", "n_outputs": targets.n_outputs, "flat": targets.flat}
    classes = targets.classes.tolist()
    if not all(isinstance(label, (str, int, float, bool)) for label in classes):
        raise ModelFileError(
            f"The classes {classes} are neither numbers nor text, which a model file cannot hold."
        )
    return {"head": targets.head, "classes": classes, "dtype": targets.classes.dtype.str}


def _targets(document: Mapping[str, Any]) -> Targets:
    if document["head"] == "regression":
        return Values(document["n_outputs"], document["flat"])
    return Labels(np.array(document["classes"], dtype=document["dtype"]), document["head"])
