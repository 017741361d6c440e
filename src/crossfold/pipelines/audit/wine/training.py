"""The nodes that train an audit's runs and search the source's grid."""

import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.audit.runs import REPORTED, SOUND, only
from crossfold.pipelines.audit.wine.faults import (
    Fold,
    has_duplicate,
    make_folds,
)
from crossfold.pipelines.audit.wine.parameters import (
    FaultsParameters,
    NetworkParameters,
    ProtocolParameters,
)
from crossfold.pipelines.wine.columns import MEASUREMENTS, QUALITY, RED

Array = NDArray[Any]

LOGISTIC, MLP, TUNED = "logistic_regression", "mlp", "mlp_tuned"


@dataclass(frozen=True)
class Run:
    """A training of all three models.

    Attributes
    ----------
    name
        In the tables.
    faults
        Switches that are on.
    as_source
        Whether scikit-learn trains the networks, as in the source: its figures depend on the
        library's random numbers. Else all folds are trained as one stack.
    """

    name: str
    faults: tuple[str, ...]
    as_source: bool = False


def list_runs(faults: FaultsParameters) -> list[Run]:
    """List all runs of the audit."""
    return [
        Run(REPORTED, faults.root, as_source=True),
        *(Run(only(fault), (fault,)) for fault in faults.root),
        Run(SOUND, ()),
    ]


def train_runs(
    wines: pd.DataFrame,
    protocol: ProtocolParameters,
    faults: FaultsParameters,
    seed: int,
) -> pd.DataFrame:
    """Train the source's three models in every run of the audit.

    Returns
    -------
    One row for each run, model and wine that it tests: ``run``, ``model``, ``row``, ``group``,
    ``repeated`` (a training row measures the same), ``target``, ``score`` and ``flagged``.
    """
    group, y = wines["group"].to_numpy(), is_red(wines)
    tables = []
    for run in list_runs(faults):
        folds = make_folds(group, run.faults, n_splits=protocol.n_splits, seed=seed)
        about = pd.DataFrame(
            {
                "row": np.arange(len(y), dtype="int32"),
                "group": group,
                "repeated": has_duplicate(folds, group),
                "target": y,
            }
        )
        for model, score in _scores(run, features(wines), y, folds, protocol, seed):
            table = about.assign(run=run.name, model=model, score=score.astype("float32"))
            tables.append(table[~np.isnan(score)])
    joined = pd.concat(tables, ignore_index=True)
    flagged = joined["score"] >= 0.5
    return joined.assign(flagged=flagged).astype({"run": "category", "model": "category"})


def _scores(
    run: Run, X: Array, y: Array, folds: list[Fold], protocol: ProtocolParameters, seed: int
) -> Iterator[tuple[str, Array]]:
    """Give each model's probability of red for the rows it tests, NaN for the others."""
    from sklearn.linear_model import LogisticRegression

    logistic = LogisticRegression(solver="liblinear", random_state=seed)
    yield LOGISTIC, _fit_in_turn(logistic, X, y, folds)
    network = protocol.network
    tuned = network.changed(**protocol.tuned.model_dump())
    for model, parameters in {MLP: network, TUNED: tuned}.items():
        if run.as_source:
            yield model, _fit_in_turn(source_network(parameters, seed), X, y, folds)
        else:
            yield model, _fit_at_once(parameters, X, y, folds, seed)


def source_network(network: NetworkParameters, seed: int) -> Any:
    """Give scikit-learn's network with those of the arguments that it has."""
    from sklearn.neural_network import MLPClassifier

    known = MLPClassifier().get_params()
    own = {name: value for name, value in network.model_dump().items() if name in known}
    return MLPClassifier(random_state=seed, **own)


def _fit_in_turn(model: Any, X: Array, y: Array, folds: Collection[Fold]) -> Array:
    from sklearn.base import clone
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler

    score = np.full(len(y), np.nan)
    with without_convergence_warnings():
        for train, test in folds:
            fitted = make_pipeline(MinMaxScaler(), clone(model)).fit(X[train], y[train])
            score[test] = fitted.predict_proba(X[test])[:, 1]
    return score


def _fit_at_once(
    network: NetworkParameters, X: Array, y: Array, folds: Collection[Fold], seed: int
) -> Array:
    from sklearn.preprocessing import MinMaxScaler

    from crossfold.mlp import FoldStack
    from crossfold.templates.cross_validation.training import make_network

    made = make_network(network, "binary").set_params(random_state=seed)
    stack = FoldStack(made, preprocessor=MinMaxScaler())
    with without_convergence_warnings():
        return stack.fit(X, y, list(folds)).out_of_fold_[0]


def features(wines: pd.DataFrame) -> NDArray[np.float64]:
    """Read the inputs of all wines, shape ``(n, 12)``."""
    return wines[[*MEASUREMENTS, QUALITY]].to_numpy(dtype="float64")


def is_red(wines: pd.DataFrame) -> NDArray[np.int8]:
    """Read the target: 1 for red, 0 for white; shape ``(n,)``."""
    return (wines["colour"] == RED).to_numpy(dtype="int8")


@contextmanager
def without_convergence_warnings() -> Iterator[None]:
    """Say nothing of networks that reach the limit of epochs: the page names the limit."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield
