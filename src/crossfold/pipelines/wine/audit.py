"""The audit of the wine study's source: split and train as it did, search its grid, judge it."""

import warnings
from collections.abc import Collection, Mapping, Sequence
from itertools import product
from typing import Annotated, Any, NamedTuple

import numpy as np
import pandas as pd
from kedro.pipeline import Pipeline
from numpy.typing import NDArray
from pydantic import Field, PositiveFloat

from crossfold.pipelines.wine.nodes import MEASUREMENTS, QUALITY, RED
from crossfold.templates import audit
from crossfold.templates.audit import Measured, Setup, from_interval, list_setups, resampled
from crossfold.templates.cross_validation.folds import MAIN
from crossfold.templates.cross_validation.parameters import Layers, NetworkParameters
from crossfold.templates.cross_validation.training import make_network
from crossfold.templates.parameters import Parameters
from crossfold.validation.comparison import corrected_resampled_t_test
from crossfold.validation.intervals import GroupBootstrap
from crossfold.validation.metrics import wilson_interval

Array = NDArray[Any]
Fold = tuple[NDArray[np.intp], NDArray[np.intp]]
SINGLE_SPLIT, DUPLICATES = "single_split", "duplicates_across_split"
SEARCHED = ("hidden_layer_sizes", "learning_rate_init")
REPORTED = "reported"
LOGISTIC, MLP, TUNED = "logistic_regression", "mlp", "mlp_tuned"


class Case(NamedTuple):
    """The answers of one protocol's models on the same wines.

    `correct` tells by model whether it calls each wine correctly, shape ``(n,)``; in the bootstrap
    wines that measure the same are one draw. `grid` has the protocol's rows of `search_grid`;
    `choice` is the candidate that the source's search chose, as `SEARCHED` names it.
    """

    correct: Mapping[str, Array]
    bootstrap: GroupBootstrap
    grid: pd.DataFrame
    choice: tuple[str, float]


def accuracy(case: Case, of: str) -> Measured:
    """Measure the share of wines that a model calls correctly."""
    correct = case.correct[of]
    drawn, rows = case.bootstrap.sums([correct, np.ones(len(correct))]).T
    return resampled(correct.mean(dtype=np.float64), drawn / rows, len(correct))


def gain(case: Case, of: str, minus: str) -> Measured:
    """Measure a model's accuracy minus another's on the same wines.

    Few wines are called correctly by one of two models only, too few to resample: the interval is
    `paired_interval`.
    """
    a, b = (case.correct[model].astype(bool) for model in (of, minus))
    return from_interval(a.mean() - b.mean(), paired_interval(a, b), len(a))


def lead_of_choice(case: Case) -> Measured:
    """Measure the inner accuracy of the source's choice minus that of the best other candidate."""
    by_fold = case.grid.pivot_table(index="fold", columns=list(SEARCHED), values="accuracy")
    others = by_fold.drop(columns=[case.choice])
    best = others[others.mean().idxmax()]
    result = corrected_resampled_t_test(by_fold[case.choice], best, test_share=1 / len(by_fold))
    return from_interval(result.difference, (result.low, result.high), len(by_fold))


def paired_interval(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> tuple[float, float]:
    """Compute the 95 % interval of the difference of two shares of the same rows, shape ``(n,)``.

    Method 10 of Newcombe (1998), "Improved confidence intervals for the difference between binomial
    proportions based on paired data": Wilson's intervals of both, joined by their correlation,
    which the continuity correction makes smaller where it is positive.
    """
    n = len(a)
    (low_a, high_a), (low_b, high_b) = (wilson_interval(int(x.sum()), n) for x in (a, b))
    only_a, only_b = int((a & ~b).sum()), int((~a & b).sum())
    excess = int((a & b).sum()) * int((~a & ~b).sum()) - only_a * only_b
    corrected = max(excess - n / 2, 0) if excess > 0 else excess
    margins = np.prod([float(x.sum()) for x in (a, b, ~a, ~b)])
    phi = corrected / float(np.sqrt(margins)) if margins else 0.0

    def joined(one: Any, other: Any) -> Any:
        return np.sqrt(one**2 - 2 * phi * one * other + other**2)

    difference = a.mean() - b.mean()
    low = difference - joined(a.mean() - low_a, high_b - b.mean())
    return float(low), float(difference + joined(high_a - a.mean(), b.mean() - low_b))


class WineClaims(
    audit.Claims,
    study="wine",
    switches=(DUPLICATES, SINGLE_SPLIT),
    measures=(accuracy, gain, lead_of_choice),
):
    """The claims of the wine study's source."""


class GridParameters(Parameters):
    """What the source searched."""

    n_splits: Annotated[int, Field(ge=2)] = 5
    """Number of folds on which the settings were compared."""
    hidden_layer_sizes: Annotated[tuple[Layers, ...], Field(min_length=1)]
    """Values of which every combination was tried."""
    learning_rate_init: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)]
    """Values of which every combination was tried."""


class ProtocolParameters(audit.Protocol):
    """How the source trained and tested."""

    network: NetworkParameters
    """The network before tuning."""
    networks: dict[str, dict[str, Layers | PositiveFloat]]
    """Every network by name, with what differs in it: ``mlp``; ``mlp_tuned``, the candidate that
    the source's search chose; and the one layer that the task asked for."""
    grid: GridParameters
    """What the source searched, on the training rows of its split."""
    n_splits: Annotated[int, Field(ge=2)] = 5
    """A test set is one of so many equal parts."""
    n_resamples: Annotated[int, Field(ge=50)] = 1000
    """Bootstrap resamples, by wines that measure the same."""


def make_folds(group: Array, faults: Collection[str], *, n_splits: int, seed: int) -> list[Fold]:
    """Split wines into training and test rows, at random as the source did, with the source's seed.

    The source's split tests the same wines as the first of the `n_splits` folds. Wines which
    measure the same share a `group`, shape ``(n,)``. Under ``single_split`` one part is tested,
    once; else every wine is. Under ``duplicates_across_split`` training rows that measure the same
    as a test row stay.
    """
    from sklearn.model_selection import KFold, train_test_split

    rows = np.arange(len(group))
    if SINGLE_SPLIT in faults:
        folds = [tuple(train_test_split(rows, test_size=1 / n_splits, random_state=seed))]
    else:
        folds = list(KFold(n_splits, shuffle=True, random_state=seed).split(rows))
    return _without_duplicates(folds, group, faults)


def _without_duplicates(folds: Sequence[Fold], group: Array, faults: Collection[str]) -> list[Fold]:
    if DUPLICATES in faults:
        return list(folds)
    return [(train[~np.isin(group[train], group[test])], test) for train, test in folds]


def train_runs(
    wines: pd.DataFrame, protocol: ProtocolParameters, claims: WineClaims, seed: int
) -> pd.DataFrame:
    """Train the source's models in every protocol, and once more as the source did.

    In the run ``reported`` scikit-learn trains the networks, since figures of few wines depend on a
    library's random numbers; in the others all folds train as one stack.

    Returns one row for each run, model and wine that it tests: ``run``, ``model``, ``row``,
    ``group``, ``target``, ``score`` and ``flagged``.
    """
    runs = {REPORTED: claims.on}
    runs |= {one.name: one.faults for one in list_setups(claims, short=False)}
    jobs = list(product(runs, make_models(protocol, seed, as_source=False)))
    # Runs that train on all folds first: they take longest.
    longest_first = sorted(jobs, key=lambda job: SINGLE_SPLIT in runs[job[0]])
    tasks = [(wines, protocol, run, runs[run], model, seed) for run, model in longest_first]
    tables = audit.run_side_by_side(_train, tasks, protocol.n_jobs)
    found = dict(zip(longest_first, tables, strict=True))
    return pd.concat([found[job] for job in jobs], ignore_index=True)


def _train(
    wines: pd.DataFrame,
    protocol: ProtocolParameters,
    run: str,
    faults: Collection[str],
    model: str,
    seed: int,
) -> pd.DataFrame:
    group, y = wines["group"].to_numpy(), is_red(wines)
    folds = make_folds(group, faults, n_splits=protocol.n_splits, seed=seed)
    estimator = make_models(protocol, seed, as_source=run == REPORTED)[model]
    score = _fit(estimator, features(wines), y, folds).astype("float32")
    about = {"run": run, "model": model, "row": np.arange(len(y)), "group": group}
    table = pd.DataFrame({**about, "target": y, "score": score, "flagged": score >= 0.5})
    return table.dropna(subset="score")


def make_models(protocol: ProtocolParameters, seed: int, *, as_source: bool) -> dict[str, Any]:
    """Make the source's models, not yet fitted; its networks of scikit-learn or of ours."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier

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
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler

    from crossfold.mlp import FoldStack, MLPClassifier

    score = np.full(len(y), np.nan)
    # Of networks that reach the limit of epochs nothing is said: the page names the limit.
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        if isinstance(model, MLPClassifier):
            # Without test rows, which would be scored after each epoch.
            alone = [(train, test[:0]) for train, test in folds]
            stack = FoldStack(model, preprocessor=MinMaxScaler()).fit(X, y, alone)
            steps = zip(stack.preprocessors_, stack.estimators_[0], strict=True)
            fitted = [make_pipeline(*own) for own in steps]
        else:
            made = [make_pipeline(MinMaxScaler(), clone(model)) for _ in folds]
            fitted = [
                one.fit(X[train], y[train]) for one, (train, _) in zip(made, folds, strict=True)
            ]
        for one, (_, test) in zip(fitted, folds, strict=True):
            score[test] = one.predict_proba(X[test])[:, 1]
    return score


def search_grid(
    wines: pd.DataFrame, protocol: ProtocolParameters, claims: WineClaims, seed: int
) -> pd.DataFrame:
    """Score every candidate of the source's grid in every protocol.

    Returns columns ``run``, ``fold``, ``hidden_layer_sizes`` (as text), ``learning_rate_init`` and
    ``accuracy``; one row a candidate and fold.
    """
    jobs = [(wines, protocol, one, seed) for one in list_setups(claims, short=False)]
    tables = audit.run_side_by_side(_search, jobs, protocol.n_jobs)
    return pd.concat(tables, ignore_index=True)[["run", "fold", *SEARCHED, "accuracy"]]


def _search(
    wines: pd.DataFrame, protocol: ProtocolParameters, setup: Setup, seed: int
) -> pd.DataFrame:
    """Search on the training rows of the source's split, or without that fault on all rows."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import StratifiedKFold
    from sklearn.preprocessing import MinMaxScaler

    from crossfold.mlp import GridStack

    group, rows = wines["group"].to_numpy(), np.arange(len(wines))
    if SINGLE_SPLIT in setup.faults:
        [(rows, _)] = make_folds(group, setup.faults, n_splits=protocol.n_splits, seed=seed)
    X, y = features(wines)[rows], is_red(wines)[rows]
    splitter = StratifiedKFold(protocol.grid.n_splits, shuffle=True, random_state=seed)
    folds = _without_duplicates(list(splitter.split(rows, y)), group[rows], setup.faults)
    searched: dict[str, list[Any]] = {name: list(getattr(protocol.grid, name)) for name in SEARCHED}
    network = make_network(protocol.network, "binary").set_params(random_state=seed)
    search = GridStack(network, searched, preprocessor=MinMaxScaler(), cv=folds, refit=False)
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        results = search.fit(X, y).cv_results_
    candidates = pd.DataFrame(results["params"])[list(SEARCHED)]
    candidates["hidden_layer_sizes"] = candidates["hidden_layer_sizes"].map(_layers_text)
    scores = [results[f"split{fold}_test_score"] for fold in range(len(folds))]
    tables = [candidates.assign(fold=fold, accuracy=own) for fold, own in enumerate(scores)]
    return pd.concat(tables, ignore_index=True).assign(run=setup.name)


def _layers_text(layers: tuple[int, ...]) -> str:
    return "-".join(map(str, layers))


def judge_claims(
    answers: pd.DataFrame,
    grid: pd.DataFrame,
    predictions: pd.DataFrame,
    protocol: ProtocolParameters,
    claims: WineClaims,
    seed: int,
) -> audit.Tables:
    """Measure and judge every claim; the study's models (`predictions`) are the sound ones."""
    tuned = protocol.network.changed(**protocol.networks[TUNED])
    choice = (_layers_text(tuned.hidden_layer_sizes), tuned.learning_rate_init)

    def case_of(setup: Setup) -> Case:
        name = setup.keep(short=False).name
        run = REPORTED if setup == Setup(claims.on) else name
        judged = own = answers[answers["run"] == run]
        if setup == Setup():
            judged = predictions[predictions["protocol"].isin(MAIN)]
        groups = judged.drop_duplicates("row").sort_values("row")["group"].to_numpy()
        bootstrap = GroupBootstrap(groups, protocol.n_resamples, seed)
        correct = {f"own_{model}": right for model, right in _correct(own).items()}
        of_run = grid[grid["run"] == name]
        return Case({**correct, **_correct(judged)}, bootstrap, of_run, choice)

    return audit.judge(claims, case_of, epochs=(protocol.network.max_iter, protocol.source_epochs))


def _correct(predictions: pd.DataFrame) -> dict[str, Array]:
    """Tell which wines each model calls correctly, in the order of the table."""
    right = predictions["flagged"] == (predictions["target"] == 1)
    ordered = predictions.assign(right=right).sort_values("row")
    by_model = ordered.groupby("model", observed=True)["right"]
    return {str(model): part.to_numpy() for model, part in by_model}


def features(wines: pd.DataFrame) -> NDArray[np.float64]:
    """Read the inputs of all wines, shape ``(n, 12)``."""
    return wines[[*MEASUREMENTS, QUALITY]].to_numpy(dtype="float64")


def is_red(wines: pd.DataFrame) -> NDArray[np.int8]:
    """Read the target: 1 for red, 0 for white; shape ``(n,)``."""
    return np.asarray(wines["colour"] == RED, dtype=np.int8)


def create_pipeline() -> Pipeline:
    """Build the audit; the study's own predictions must have been made before."""
    return audit.create_pipeline(
        WineClaims,
        {train_runs: "answers", search_grid: "grid", judge_claims: audit.TABLES},
        {"wines": "wines", "predictions": "wine.predictions"},
    )
