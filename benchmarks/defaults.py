"""How good an untuned network is: crossfold's defaults on public and generated tables.

Run ``python benchmarks/defaults.py``; it needs statsmodels beside crossfold, for two of its tables,
takes some minutes and writes ``docs/results/defaults.md``. Every model sees the same five shuffled
folds and inputs that are standardised inside them; nothing else is tuned or prepared.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import datasets, ensemble, linear_model, neural_network
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from crossfold.mlp import FoldStack, GridStack, MLPClassifier, MLPRegressor

PAGE = Path(__file__).parents[1] / "docs/results/defaults.md"
BEFORE = {
    "alpha": 0.0001,
    "batch_size": 200,
    "learning_rate": "constant",
    "learning_rate_init": 0.001,
    "max_iter": 200,
}
GRID = {
    "hidden_layer_sizes": [(100,), (64, 32)],
    "alpha": [0.001, 0.01, 0.1, 1.0],
    "learning_rate_init": [0.003, 0.01],
}
HEADER = ("table", "rows", "columns", "metric", "linear", "boosting", "scikit-learn's MLP")
OURS = ("crossfold 0.1", "**crossfold**", "best of 16")

Table = tuple[np.ndarray, np.ndarray]


def fair() -> Table:
    """Load answers of 6,366 women, and whether they had an affair (Fair 1978)."""
    from statsmodels.datasets import fair

    frame = fair.load_pandas().data
    return frame.drop(columns="affairs").to_numpy(), (frame["affairs"] > 0).to_numpy(int)


def election() -> Table:
    """Load answers of 944 voters, and their vote (American National Election Study 1996)."""
    from statsmodels.datasets import anes96

    frame = anes96.load_pandas().data
    columns = ["logpopul", "TVnews", "selfLR", "age", "educ", "income"]
    return frame[columns].to_numpy(), frame["vote"].to_numpy(int)


def product(seed: int = 0) -> Table:
    """Draw points whose class is the sign of the product of two of four columns."""
    X = np.random.default_rng(seed).normal(size=(300, 4))
    return X, (X[:, 0] * X[:, 1] > 0).astype(int)


CLASSES: dict[str, Callable[[], Table]] = {
    "breast_cancer": lambda: datasets.load_breast_cancer(return_X_y=True),
    "wine": lambda: datasets.load_wine(return_X_y=True),
    "iris": lambda: datasets.load_iris(return_X_y=True),
    "digits": lambda: datasets.load_digits(return_X_y=True),
    "fair (statsmodels)": fair,
    "anes96 (statsmodels)": election,
    "make_moons": lambda: datasets.make_moons(500, noise=0.25, random_state=0),
    "sign of a product": product,
    "make_classification": lambda: datasets.make_classification(
        2000, 20, n_informative=6, n_clusters_per_class=3, flip_y=0.05, random_state=0
    ),
    "the same, wide": lambda: datasets.make_classification(
        200, 100, n_informative=8, random_state=1
    ),
    "the same, five classes": lambda: datasets.make_classification(
        1000, 15, n_informative=8, n_classes=5, random_state=2
    ),
}
VALUES: dict[str, Callable[[], Table]] = {
    "diabetes": lambda: datasets.load_diabetes(return_X_y=True),
    "make_friedman1": lambda: datasets.make_friedman1(1000, noise=1, random_state=0),
    "make_friedman2": lambda: datasets.make_friedman2(1000, noise=50, random_state=0),
    "make_regression": lambda: datasets.make_regression(
        200, 50, n_informative=10, noise=50, random_state=0
    ),
}


def scores(table: Table, *, is_classes: bool) -> Iterator[float]:
    """Compute the pooled out-of-fold score of every model, in the order of the columns."""
    X, y = table
    splitter = (StratifiedKFold if is_classes else KFold)(5, shuffle=True, random_state=0)
    folds = list(splitter.split(X, y))
    for model in baselines(is_classes=is_classes):
        predicted = cross_val_predict(make_pipeline(StandardScaler(), model), X, y, cv=folds)
        yield float((predicted == y).mean()) if is_classes else r2(y, predicted)
    kind = MLPClassifier if is_classes else MLPRegressor
    before = {**BEFORE, **({} if is_classes else {"scale_targets": False})}
    for network in (kind(random_state=0, **before), kind(random_state=0)):
        yield FoldStack(network, preprocessor=StandardScaler()).fit(X, y, folds).score()
    search = GridStack(kind(random_state=0), GRID, preprocessor=StandardScaler(), cv=folds)
    candidate = search.set_params(refit=False).fit(X, y).best_params_
    best = kind(random_state=0, **candidate)
    yield FoldStack(best, preprocessor=StandardScaler()).fit(X, y, folds).score()


def baselines(*, is_classes: bool) -> Iterator[Any]:
    """List a linear model, boosted trees and scikit-learn's network, all with their defaults."""
    if is_classes:
        yield linear_model.LogisticRegression(max_iter=1000)
        yield ensemble.HistGradientBoostingClassifier(random_state=0)
        yield neural_network.MLPClassifier(random_state=0)
    else:
        yield linear_model.Ridge()
        yield ensemble.HistGradientBoostingRegressor(random_state=0)
        yield neural_network.MLPRegressor(random_state=0)


def r2(y: np.ndarray, predicted: np.ndarray) -> float:
    """Compute R², all folds in one."""
    return float(1 - np.square(y - predicted).sum() / np.square(y - y.mean()).sum())


def lines() -> Iterator[str]:
    """Write the page's table line by line."""
    cells = (*HEADER, *OURS)
    yield f"| {' | '.join(cells)} |"
    yield f"| --- | ---: | ---: | --- |{' ---: |' * (len(cells) - 4)}"
    for tables, metric in ((CLASSES, "accuracy"), (VALUES, "R²")):
        for name, make in tables.items():
            table = make()
            numbers = [f"{one:.3f}" for one in scores(table, is_classes=tables is CLASSES)]
            numbers[-2] = f"**{numbers[-2]}**"
            rows, columns = table[0].shape
            yield f"| {name} | {rows:,} | {columns} | {metric} | {' | '.join(numbers)} |"


def main() -> None:
    """Write the table, and show it as it grows."""
    warnings.simplefilter("ignore")
    written = []
    for line in lines():
        print(line, flush=True)
        written.append(line)
    PAGE.write_text("\n".join(written) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
