"""Nodes of the wine audit: split and train as the source did, search its grid, judge its claims."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, PositiveFloat, PositiveInt

from crossfold.pipelines.wine.audit.measures import (
    DUPLICATES,
    SEARCHED,
    SINGLE_SPLIT,
    Case,
    WineClaims,
)
from crossfold.pipelines.wine.columns import MEASUREMENTS, QUALITY, RED
from crossfold.templates.audit import Setup, judge, list_setups
from crossfold.templates.cross_validation.folds import MAIN
from crossfold.templates.cross_validation.parameters import Layers, NetworkParameters
from crossfold.templates.parameters import Parameters

Array = NDArray[Any]
Fold = tuple[NDArray[np.intp], NDArray[np.intp]]
LOGISTIC, MLP, TUNED = "logistic_regression", "mlp", "mlp_tuned"


class GridParameters(Parameters):
    """What the source searched.

    Attributes
    ----------
    n_splits
        Number of folds on which the settings were compared.
    hidden_layer_sizes, learning_rate_init
        Values of which every combination was tried.
    """

    n_splits: Annotated[int, Field(ge=2)] = 5
    hidden_layer_sizes: Annotated[tuple[Layers, ...], Field(min_length=1)]
    learning_rate_init: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)]


class ProtocolParameters(Parameters):
    """How the source trained and tested.

    Attributes
    ----------
    network
        The network before tuning.
    networks
        Every network by name, with what differs in it: ``mlp``; ``mlp_tuned``, the candidate that
        the source's search chose; and the one layer that the task asked for.
    grid
        What the source searched, on the training rows of its split.
    source_epochs
        The source's limit of epochs; a run of fewer says that it was shortened.
    n_splits
        A test set is one of so many equal parts.
    n_resamples
        Bootstrap resamples, by wines that measure the same.
    """

    network: NetworkParameters
    networks: dict[str, dict[str, Layers | PositiveFloat]]
    grid: GridParameters
    source_epochs: PositiveInt
    n_splits: Annotated[int, Field(ge=2)] = 5
    n_resamples: Annotated[int, Field(ge=50)] = 1000


def make_folds(group: Array, faults: Collection[str], *, n_splits: int, seed: int) -> list[Fold]:
    """Split wines into training and test rows, at random as the source did.

    The source's split tests the same wines as the first of the folds.

    Parameters
    ----------
    group
        Number that wines which measure the same share, shape ``(n,)``.
    faults
        Under ``single_split`` one part is tested, once; else every wine is. Under
        ``duplicates_across_split`` training rows that measure the same as a test row stay.
    n_splits, seed
        Number of parts, and the source's seed.
    """
    from sklearn.model_selection import KFold, train_test_split

    rows = np.arange(len(group))
    if SINGLE_SPLIT in faults:
        folds = [tuple(train_test_split(rows, test_size=1 / n_splits, random_state=seed))]
    else:
        folds = list(KFold(n_splits, shuffle=True, random_state=seed).split(rows))
    return folds if DUPLICATES in faults else leave_out_duplicates(folds, group)


def leave_out_duplicates(folds: Collection[Fold], group: Array) -> list[Fold]:
    """Leave out training rows that measure the same as a row tested in their fold."""
    return [(train[~np.isin(group[train], group[test])], test) for train, test in folds]


def train_runs(
    wines: pd.DataFrame, protocol: ProtocolParameters, claims: WineClaims, seed: int
) -> pd.DataFrame:
    """Train the source's models in every protocol, and once more as the source did.

    In the run ``reported`` scikit-learn trains the networks, since figures of few wines depend on a
    library's random numbers; in the others all folds train as one stack.

    Returns
    -------
    One row for each run, model and wine that it tests: ``run``, ``model``, ``row``, ``group``,
    ``target``, ``score`` and ``flagged``.
    """
    group, y = wines["group"].to_numpy(), is_red(wines)
    runs = [("reported", claims.on), *((s.name, s.faults) for s in _shared(claims))]
    tables = []
    for run, faults in runs:
        folds = make_folds(group, faults, n_splits=protocol.n_splits, seed=seed)
        for model, estimator in make_models(protocol, seed, as_source=run == "reported").items():
            score = _fit(estimator, features(wines), y, folds)
            about = {"run": run, "model": model, "row": np.arange(len(y)), "group": group}
            table = pd.DataFrame({**about, "target": y, "score": score.astype("float32")})
            tables.append(table[~np.isnan(score)])
    joined = pd.concat(tables, ignore_index=True)
    return joined.assign(flagged=joined["score"] >= 0.5)


def _shared(claims: WineClaims) -> list[Setup]:
    """List the protocols: a run on this table is never shortened for comparisons."""
    return list(dict.fromkeys(one._replace(short=False) for one in list_setups(claims)))


def make_models(protocol: ProtocolParameters, seed: int, *, as_source: bool) -> dict[str, Any]:
    """Make the source's models, not yet fitted; its networks of scikit-learn or of ours."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier

    from crossfold.templates.cross_validation.training import make_network

    models: dict[str, Any] = {LOGISTIC: LogisticRegression(solver="liblinear", random_state=seed)}
    known = MLPClassifier().get_params()
    for name, changes in protocol.networks.items():
        network = protocol.network.changed(**changes)
        own = {key: value for key, value in network.model_dump().items() if key in known}
        made = MLPClassifier(**own) if as_source else make_network(network, "binary")
        models[name] = made.set_params(random_state=seed)
    return models


def _fit(model: Any, X: Array, y: Array, folds: list[Fold]) -> Array:
    """Give a model's probability of red for the wines it tests, NaN for the others."""
    from sklearn.base import clone
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler

    from crossfold.mlp import FoldStack, MLPClassifier

    score = np.full(len(y), np.nan)
    with without_convergence_warnings():
        if isinstance(model, MLPClassifier):
            return FoldStack(model, preprocessor=MinMaxScaler()).fit(X, y, folds).out_of_fold_[0]
        for train, test in folds:
            fitted = make_pipeline(MinMaxScaler(), clone(model)).fit(X[train], y[train])
            score[test] = fitted.predict_proba(X[test])[:, 1]
    return score


def search_grid(
    wines: pd.DataFrame, protocol: ProtocolParameters, claims: WineClaims, seed: int
) -> pd.DataFrame:
    """Score every candidate of the source's grid in every protocol.

    Returns
    -------
    Columns ``run``, ``fold``, ``hidden_layer_sizes`` (as text), ``learning_rate_init`` and
    ``accuracy``; one row a candidate and fold.
    """
    tables = [
        _search(wines, protocol, setup.faults, seed).assign(run=setup.name)
        for setup in _shared(claims)
    ]
    return pd.concat(tables, ignore_index=True)[["run", "fold", *SEARCHED, "accuracy"]]


def _search(
    wines: pd.DataFrame, protocol: ProtocolParameters, faults: Collection[str], seed: int
) -> pd.DataFrame:
    """Search on the training rows of the source's split, or without that fault on all rows."""
    from sklearn.model_selection import StratifiedKFold
    from sklearn.preprocessing import MinMaxScaler

    from crossfold.mlp import GridStack
    from crossfold.templates.cross_validation.training import make_network

    group = wines["group"].to_numpy()
    rows = np.arange(len(wines))
    if SINGLE_SPLIT in faults:
        [(rows, _)] = make_folds(group, faults, n_splits=protocol.n_splits, seed=seed)
    X, y = features(wines)[rows], is_red(wines)[rows]
    splitter = StratifiedKFold(protocol.grid.n_splits, shuffle=True, random_state=seed)
    folds = list(splitter.split(rows, y))
    folds = folds if DUPLICATES in faults else leave_out_duplicates(folds, group[rows])
    searched: dict[str, list[Any]] = {name: list(getattr(protocol.grid, name)) for name in SEARCHED}
    network = make_network(protocol.network, "binary").set_params(random_state=seed)
    search = GridStack(network, searched, preprocessor=MinMaxScaler(), cv=folds, refit=False)
    with without_convergence_warnings():
        results = search.fit(X, y).cv_results_
    candidates = pd.DataFrame(results["params"])[list(SEARCHED)]
    candidates["hidden_layer_sizes"] = candidates["hidden_layer_sizes"].map(layers_text)
    tables = [
        candidates.assign(fold=fold, accuracy=results[f"split{fold}_test_score"])
        for fold in range(len(folds))
    ]
    return pd.concat(tables, ignore_index=True)


def layers_text(layers: tuple[int, ...]) -> str:
    """Name a network's hidden layers: ``50-25``."""
    return "-".join(map(str, layers))


def judge_claims(
    audit_predictions: pd.DataFrame,
    audit_grid: pd.DataFrame,
    predictions: pd.DataFrame,
    protocol: ProtocolParameters,
    claims: WineClaims,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Measure and judge every claim; see `crossfold.templates.audit.judge`.

    Parameters
    ----------
    audit_predictions, audit_grid
        What the audit trained and searched.
    predictions
        What the study predicted; its models stand for the sound ones.
    protocol, claims
        How the audit trained, and what is judged.
    seed
        Of the bootstrap.
    """
    tuned = protocol.network.changed(**protocol.networks[TUNED])
    choice = (layers_text(tuned.hidden_layer_sizes), tuned.learning_rate_init)

    def case_of(setup: Setup) -> Case:
        name = setup._replace(short=False).name
        grid = audit_grid[audit_grid["run"] == name]
        run = "reported" if setup == Setup(claims.on) else name
        own = audit_predictions[audit_predictions["run"] == run]
        correct = {f"own_{model}": right for model, right in _correct(own).items()}
        judged = own
        if setup == Setup():
            judged = predictions[predictions["protocol"].isin(MAIN)]
        groups = judged.drop_duplicates("row").sort_values("row")["group"].to_numpy()
        return Case(
            {**correct, **_correct(judged)}, groups, grid, choice, protocol.n_resamples, seed
        )

    return judge(claims, case_of, epochs=(protocol.network.max_iter, protocol.source_epochs))


def _correct(predictions: pd.DataFrame) -> dict[str, Array]:
    """Tell which wines each model calls correctly, in the order of the table."""
    right = predictions["flagged"] == (predictions["target"] == 1)
    ordered = predictions.assign(right=right).sort_values("row")
    return {
        str(model): part["right"].to_numpy()
        for model, part in ordered.groupby("model", observed=True)
    }


def features(wines: pd.DataFrame) -> NDArray[np.float64]:
    """Read the inputs of all wines, shape ``(n, 12)``."""
    return wines[[*MEASUREMENTS, QUALITY]].to_numpy(dtype="float64")


def is_red(wines: pd.DataFrame) -> NDArray[np.int8]:
    """Read the target: 1 for red, 0 for white; shape ``(n,)``."""
    return np.asarray(wines["colour"] == RED, dtype=np.int8)


@contextmanager
def without_convergence_warnings() -> Iterator[None]:
    """Say nothing of networks that reach the limit of epochs: the page names the limit."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield
