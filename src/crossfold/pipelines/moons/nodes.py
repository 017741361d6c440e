"""Nodes of the moons study: points, training, new draws, a map of the plane, figures."""

import numpy as np
import pandas as pd

from crossfold.pipelines.moons.parameters import (
    DrawParameters,
    NetworkParameters,
    PointParameters,
    VariantParameters,
)

TRAIN, TEST = "train", "test"


def draw_points(points: PointParameters, seed: int) -> pd.DataFrame:
    """Draw training and test points, each with a seed of its own.

    Returns
    -------
    Columns ``x1``, ``x2``, ``label`` (1 for the lower moon) and ``part``.
    """
    parts = {TRAIN: points.n_train, TEST: points.n_test}
    tables = [
        _draw(n, points.noise, seed + number).assign(part=part)
        for number, (part, n) in enumerate(parts.items())
    ]
    return pd.concat(tables, ignore_index=True)


def _draw(n: int, noise: float, seed: int) -> pd.DataFrame:
    from sklearn.datasets import make_moons

    coordinates, label = make_moons(n, noise=noise, random_state=seed)
    return pd.DataFrame(coordinates, columns=["x1", "x2"]).assign(label=label.astype("int8"))


def train_numpy(
    points: pd.DataFrame, network: NetworkParameters, variants: VariantParameters, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train every variant with NumPy; give predictions of all points, and histories."""
    return _train(points, network.changed(engine="numpy"), variants, seed)


def train_torch(
    points: pd.DataFrame, network: NetworkParameters, variants: VariantParameters, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train every variant with PyTorch; give predictions of all points, and histories."""
    return _train(points, network.changed(engine="torch"), variants, seed)


def _train(
    points: pd.DataFrame, network: NetworkParameters, variants: VariantParameters, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    from crossfold.pipelines.moons.variants import (
        fit_variants,
        make_features,
        name_members,
    )

    stack = fit_variants(points, [_fold(points)], network, variants, seed)
    predictions, histories = [], []
    for member, place, features, alpha, _ in name_members(variants, 1):
        keys = {"engine": network.engine, "features": features, "alpha": alpha}
        score = stack.estimators_[member][place].predict_proba(make_features(points, features))
        own = points[["label", "part"]].assign(row=points.index, score=score[:, 1])
        predictions.append(own.assign(**keys))
        history = stack.histories_[member][place]
        losses = {"train_loss": history.train_loss, "test_loss": history.validation_loss}
        epochs = range(1, len(history.train_loss) + 1)
        accuracy = history.validation_score
        histories.append(
            pd.DataFrame({"epoch": epochs, **losses, "test_accuracy": accuracy}).assign(**keys)
        )
    return pd.concat(predictions, ignore_index=True), pd.concat(histories, ignore_index=True)


def _fold(points: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    is_train = (points["part"] == TRAIN).to_numpy()
    return np.flatnonzero(is_train), np.flatnonzero(~is_train)


def join_tables(*tables: pd.DataFrame) -> pd.DataFrame:
    """Join what both engines made."""
    return pd.concat(tables, ignore_index=True)


def evaluate_variants(predictions: pd.DataFrame) -> pd.DataFrame:
    """Give accuracy on training and test points with Wilson's interval.

    Returns
    -------
    Columns ``engine``, ``features``, ``alpha``, ``part``, ``estimate``, ``low``, ``high``, ``n``.
    """
    from crossfold.validation import wilson_interval

    right = (predictions["score"] >= 0.5) == (predictions["label"] == 1)
    keys = ["engine", "features", "alpha", "part"]
    table = right.groupby([predictions[key] for key in keys]).agg(["sum", "count"]).reset_index()
    low, high = wilson_interval(table["sum"], table["count"])
    figures = table[keys].assign(estimate=table["sum"] / table["count"], low=low, high=high)
    return figures.assign(n=table["count"])


def compare_engines(predictions: pd.DataFrame) -> pd.DataFrame:
    """Give the largest difference between the engines' probabilities of the same point.

    Returns
    -------
    Columns ``features``, ``alpha``, ``largest_difference`` and ``points_decided_differently``.
    """
    keys = ["features", "alpha", "row"]
    wide = predictions.pivot_table(index=keys, columns="engine", values="score")
    table = pd.DataFrame(
        {
            "largest_difference": (wide["numpy"] - wide["torch"]).abs(),
            "points_decided_differently": (wide["numpy"] >= 0.5) != (wide["torch"] >= 0.5),
        }
    )
    by_variant = table.groupby(level=["features", "alpha"])
    return by_variant.agg(
        {"largest_difference": "max", "points_decided_differently": "sum"}
    ).reset_index()


def repeat_draws(
    points: pd.DataFrame,
    point_parameters: PointParameters,
    draws: DrawParameters,
    network: NetworkParameters,
    variants: VariantParameters,
    seed: int,
) -> pd.DataFrame:
    """Train every variant on new draws of the training points; all are tested on the same points.

    Returns
    -------
    Columns ``features``, ``alpha``, ``draw`` and ``accuracy``.
    """
    from crossfold.pipelines.moons.variants import fit_variants, name_members

    test = points[points["part"] == TEST]
    n_train, n_test = point_parameters.n_train, len(test)
    # The seeds after those of the training and test points.
    drawn = [_draw(n_train, point_parameters.noise, seed + 2 + n) for n in range(draws.n_draws)]
    joined = pd.concat([test, *drawn], ignore_index=True)
    starts = n_test + n_train * np.arange(draws.n_draws)
    folds = [(np.arange(start, start + n_train), np.arange(n_test)) for start in starts]
    stack = fit_variants(joined, folds, network, variants, seed)
    rows = [
        (features, alpha, draw, stack.histories_[member][place].validation_score[-1])
        for member, place, features, alpha, draw in name_members(variants, draws.n_draws)
    ]
    return pd.DataFrame(rows, columns=["features", "alpha", "draw", "accuracy"])


def map_plane(
    points: pd.DataFrame,
    network: NetworkParameters,
    variants: VariantParameters,
    draws: DrawParameters,
    seed: int,
) -> pd.DataFrame:
    """Give the probability of the lower moon over the plane, for every variant.

    Returns
    -------
    Columns ``x1``, ``x2``, ``features``, ``alpha`` and ``score`` (float32).
    """
    from crossfold.pipelines.moons.variants import (
        fit_variants,
        make_features,
        name_members,
    )

    train = points[points["part"] == TRAIN]
    stack = fit_variants(points, [_fold(points)], network, variants, seed)
    ranges = (
        np.arange(train[name].min() - 0.4, train[name].max() + 0.4, draws.step)
        for name in ("x1", "x2")
    )
    x1, x2 = np.meshgrid(*ranges)
    plane = pd.DataFrame({"x1": x1.ravel(), "x2": x2.ravel()})
    tables = [
        plane.assign(
            features=features,
            alpha=alpha,
            score=stack.estimators_[member][place]
            .predict_proba(make_features(plane, features))[:, 1]
            .astype("float32"),
        )
        for member, place, features, alpha, _ in name_members(variants, 1)
    ]
    joined = pd.concat(tables, ignore_index=True)
    return joined.astype({"x1": "float32", "x2": "float32", "features": "category"})
