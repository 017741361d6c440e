"""Nodes of the moons study: points, training, new draws, a map of the plane, figures."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field, NonNegativeFloat

from crossfold.pipelines.moons.variants import (
    TORCH,
    VariantParameters,
    fit_variants,
    list_variants,
    predict_points,
)
from crossfold.templates.cross_validation.evaluation import evaluate_predictions
from crossfold.templates.cross_validation.history import history_table
from crossfold.templates.cross_validation.nodes import Networks
from crossfold.templates.cross_validation.parameters import (
    EvaluationParameters,
    IntervalParameters,
    NetworkParameters,
)
from crossfold.templates.parameters import Parameters, TableParameters
from crossfold.validation.comparison import (
    COMPARISON_COLUMNS,
    compare_by_row,
    comparison_row,
    paired_t_test,
    result_row,
)
from crossfold.validation.intervals import t_interval
from crossfold.validation.tables import NOT_SET, POOLED, concatenate, two_class_rows

TRAIN, TEST = "train", "test"
LEARNT, NEW, DRAWS = "points_learnt_from", "new_points", "new_draws"
"""Protocols: scored on the training points, on the test points, and over draws of the former."""


class PointParameters(Parameters):
    """How many points are drawn, and how far they stray from their moon."""

    n_train: Annotated[int, Field(ge=10)] = 500
    """Points to train on."""
    n_test: Annotated[int, Field(ge=10)] = 10_000
    """Points to test on, drawn apart."""
    noise: NonNegativeFloat = 0.3
    """Standard deviation of each coordinate."""


class DrawParameters(Parameters):
    """How often the training points are drawn anew, and how finely the plane is mapped."""

    n_draws: Annotated[int, Field(ge=2)] = 20
    """Sets of training points, at least 2."""
    step: Annotated[float, Field(gt=0, lt=0.8)] = 0.02
    """Distance of neighbouring points of the map, which is at least 0.8 wide."""


def draw_points(points: PointParameters, seed: int) -> pd.DataFrame:
    """Draw training and test points, each with a seed of its own.

    Returns columns ``x1``, ``x2``, ``label`` (1 for the lower moon) and ``part``.
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


def train_variants(
    points: pd.DataFrame, network: NetworkParameters, variants: VariantParameters, seed: int
) -> tuple[pd.DataFrame, Networks, pd.DataFrame]:
    """Train every variant with NumPy and with PyTorch.

    Returns predictions of all points, the networks by name, and their history.
    """
    is_train = (points["part"] == TRAIN).to_numpy()
    folds = [(np.flatnonzero(is_train), np.flatnonzero(~is_train))]
    stacks = [
        stack
        for engine in ("numpy", "torch")
        for stack in fit_variants(points, folds, network.changed(engine=engine), variants, seed)
    ]
    fitted = {
        name: trained[0]
        for names, stack in stacks
        for name, trained in zip(names, stack.estimators_, strict=True)
    }
    history = [history_table(stack, None, names, [(NEW, 0, NOT_SET)]) for names, stack in stacks]
    networks = list(fitted.values()), {"models": list(fitted)}
    return predict_all(points, networks), networks, concatenate(history)


def predict_all(points: pd.DataFrame, networks: Networks) -> pd.DataFrame:
    """Predict all points with all networks.

    Returns a table of the schema `crossfold.validation.schemas.PREDICTIONS`, in double precision:
    the points that were learnt from have a protocol of their own.
    """
    estimators, document = networks
    protocols = points["part"].map({TRAIN: LEARNT, TEST: NEW})
    tables = [
        two_class_rows(model, protocols, points["label"], predict_points(model, network, points))
        for model, network in zip(document["models"], estimators, strict=True)
    ]
    return concatenate(tables)


def repeat_draws(
    points: pd.DataFrame,
    point_parameters: PointParameters,
    draws: DrawParameters,
    network: NetworkParameters,
    variants: VariantParameters,
    seed: int,
) -> pd.DataFrame:
    """Train every variant on new draws of the training points; all are tested on the same points.

    Returns columns ``model``, ``draw`` and ``accuracy``.
    """
    test = points[points["part"] == TEST]
    n_train, n_test = point_parameters.n_train, len(test)
    # The seeds after those of the training and test points.
    drawn = [_draw(n_train, point_parameters.noise, seed + 2 + n) for n in range(draws.n_draws)]
    joined = pd.concat([test, *drawn], ignore_index=True)
    starts = n_test + n_train * np.arange(draws.n_draws)
    folds = [(np.arange(start, start + n_train), np.arange(n_test)) for start in starts]
    rows = [
        (name.removesuffix(TORCH), draw, history.validation_score[-1])
        for names, stack in fit_variants(joined, folds, network, variants, seed)
        for name, histories in zip(names, stack.histories_, strict=True)
        for draw, history in enumerate(histories)
    ]
    return pd.DataFrame(rows, columns=["model", "draw", "accuracy"])


def map_plane(points: pd.DataFrame, networks: Networks, draws: DrawParameters) -> pd.DataFrame:
    """Predict the probability of the lower moon over the plane, for every variant on NumPy.

    Returns columns ``x1``, ``x2``, ``model`` and ``p1`` (float32).
    """
    train = points[points["part"] == TRAIN]
    ranges = (
        np.arange(train[name].min() - 0.4, train[name].max() + 0.4, draws.step)
        for name in ("x1", "x2")
    )
    x1, x2 = np.meshgrid(*ranges)
    plane = pd.DataFrame({"x1": x1.ravel(), "x2": x2.ravel()})
    tables = [
        plane.assign(model=model, p1=predict_points(model, network, plane).astype("float32"))
        for network, model in zip(networks[0], networks[1]["models"], strict=True)
        if not model.endswith(TORCH)
    ]
    return concatenate(tables).astype({"x1": "float32", "x2": "float32"})


def evaluate_variants(
    predictions: pd.DataFrame,
    points: pd.DataFrame,
    draws: pd.DataFrame,
    table_parameters: TableParameters,
    evaluation: IntervalParameters,
    seed: int,
) -> pd.DataFrame:
    """Compute every metric on both sets of points, and the mean accuracy over draws.

    Returns a table of the schema `crossfold.validation.schemas.METRICS`; over draws, intervals are
    Student's, and ``n`` counts the draws.
    """
    how = EvaluationParameters(n_resamples=evaluation.n_resamples)
    own = evaluate_predictions(predictions, points, table_parameters, how, seed)
    over_draws = pd.DataFrame(
        [
            (model, DRAWS, POOLED, "accuracy", *t_interval(part["accuracy"]), len(part))
            for model, part in draws.groupby("model", sort=False)
        ],
        columns=own.columns,
    )
    return pd.concat([over_draws, own[own["scope"] == POOLED]], ignore_index=True)


def compare_variants(
    predictions: pd.DataFrame,
    draws: pd.DataFrame,
    variants: VariantParameters,
    evaluation: IntervalParameters,
) -> pd.DataFrame:
    """Compare the engines point by point, and the variants over draws.

    Returns a table of the schema `crossfold.validation.schemas.COMPARISON`.
    """
    models = {str(name): rows for name, rows in predictions.groupby("model", observed=True)}
    pairs = list(zip(list_variants(variants), list_variants(variants, "torch"), strict=True))
    rows = [
        *({**compare_by_row(pair, models, "binary"), "protocol": NEW} for pair in pairs),
        *({**_decided_apart(pair, models), "protocol": NEW} for pair in pairs),
        *_draw_rows(draws, evaluation.reference),
    ]
    return pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS)).astype({"n": "int64"})


def _decided_apart(pair: tuple[str, str], models: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Count the points that the engines do not decide alike; ``difference`` is their share."""
    a, b = (models[name]["flagged"].to_numpy() for name in pair)
    apart = float((a != b).mean())
    told = "decide alike" if apart == 0 else "differ"
    test = "share of rows decided differently"
    return comparison_row(pair, "decision", test, difference=apart, n=len(a), verdict=told)


def _draw_rows(draws: pd.DataFrame, reference: str) -> Iterator[dict[str, Any]]:
    """Compare the reference variant with each other one on the same draws."""
    wide = draws.pivot_table("accuracy", "draw", "model", sort=False)
    for other in wide.columns.drop(reference):
        result = paired_t_test(wide[reference], wide[other])
        yield {
            **result_row((reference, other), "accuracy", "paired t-test over draws", result),
            "protocol": DRAWS,
        }
