"""One experiment trained by NumPy and by PyTorch, in each regime: same start, same batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.modelling.images.experiments import (
    Member,
    history_table,
    train_members,
)
from crossfold.pipelines.modelling.images.learning_rates import chosen_rate
from crossfold.pipelines.modelling.images.parameters import (
    ExperimentsParameters,
    StartParameters,
    TwinParameters,
    TwinRegimeParameters,
    changed,
    look_up,
)
from crossfold.pipelines.modelling.images.predictions import (
    Networks,
    class_probabilities,
    keep_networks,
    prediction_table,
)
from crossfold.pipelines.modelling.images.split_images import SOURCE, TEST, SplitImages
from crossfold.validation.tables import concatenate, probabilities

if TYPE_CHECKING:
    from crossfold.mlp import ExperimentStack

FRAMEWORKS = ("numpy", "torch")


def train_twins(
    images: NDArray[np.uint8],
    split_table: pd.DataFrame,
    learning_rates: pd.DataFrame,
    experiments: ExperimentsParameters,
    starts: StartParameters,
    twin: TwinParameters,
    classes: list[str],
    seed: int,
) -> tuple[pd.DataFrame, Networks, pd.DataFrame, pd.DataFrame]:
    """Train one experiment with each framework in each regime.

    Returns
    -------
    One row for each training (``model``, ``framework``, ``regime``, accuracy on the test images
    with its 95 % Wilson interval as ``estimate``, ``low``, ``high`` and ``n``, ``epochs``,
    ``learning_rate``, ``dtype``, ``seconds``, and the largest differences to the other framework),
    the networks, the history of each, and what each says of the test images.
    """
    data = SplitImages.of(images, split_table, SOURCE)
    settings = look_up(experiments.root, twin.experiment, "experiment")
    figures, networks, histories, scores = [], [], [], []
    for regime, how in twin.regimes.items():
        rate = how.learning_rate or chosen_rate(learning_rates, regime, twin.experiment)
        member = Member(twin.experiment, settings, seed, rate)
        stacks = {one: _train(member, how, starts, data, one) for one in FRAMEWORKS}
        names = {one: twin_model(one, regime, twin) for one in FRAMEWORKS}
        tables = {
            one: _predict(stack, names[one], data, len(classes)) for one, stack in stacks.items()
        }
        rows = [_figures(one, names[one], stacks[one], tables[one]) for one in FRAMEWORKS]
        figures.append(pd.DataFrame(rows).assign(regime=regime, **_differences(stacks, tables)))
        networks += [stack.estimators_[0] for stack in stacks.values()]
        histories += [history_table(stacks[one], [(names[one], 0)], SOURCE) for one in FRAMEWORKS]
        scores += tables.values()
    described = pd.concat(figures, ignore_index=True)
    own = described[["model", "framework", "regime"]].assign(protocol=SOURCE, member=0)
    kept = keep_networks(networks, own.to_dict("records"))
    return described, kept, concatenate(histories), concatenate(scores)


def twin_model(framework: str, regime: str, twin: TwinParameters) -> str:
    """Name the model of a twin; see `TwinParameters`."""
    is_first = regime == next(iter(twin.regimes))
    return f"twin_{framework}" if is_first else f"twin_{framework}_{regime}"


def _train(
    member: Member,
    how: TwinRegimeParameters,
    starts: StartParameters,
    data: SplitImages,
    framework: str,
) -> ExperimentStack:
    network = changed(how.network, engine=framework)
    return train_members(
        [member], network, starts, data, score_every=how.score_every, seed=member.seed
    )


def _predict(stack: ExperimentStack, model: str, data: SplitImages, n_classes: int) -> pd.DataFrame:
    rows = data.rows(TEST)
    predicted = class_probabilities(stack.estimators_[0], data, rows, n_classes)
    return prediction_table(model, 0, data, rows, predicted)


def _figures(
    framework: str, model: str, stack: ExperimentStack, table: pd.DataFrame
) -> dict[str, Any]:
    from crossfold.validation import wilson_interval

    right, n = int((table["target"] == table["predicted"]).sum()), len(table)
    low, high = wilson_interval(right, n)
    network, history = stack.estimators_[0], stack.histories_[0]
    return {
        "model": model,
        "framework": framework,
        "regime": "",
        "estimate": right / n,
        "low": float(low),
        "high": float(high),
        "n": n,
        "epochs": int(history.epochs[-1]),
        "learning_rate": network.learning_rate_init,
        "dtype": network.dtype,
        "seconds": float(history.seconds[-1]),
    }


def _differences(
    stacks: dict[str, ExperimentStack], tables: dict[str, pd.DataFrame]
) -> dict[str, float]:
    """Give the largest differences between the frameworks, in any weight and any probability."""
    a, b = (stack.estimators_[0] for stack in stacks.values())
    weights = zip([*a.coefs_, *a.intercepts_], [*b.coefs_, *b.intercepts_], strict=True)
    p, q = (probabilities(table) for table in tables.values())
    return {
        "largest_weight_difference": max(float(np.abs(x - y).max()) for x, y in weights),
        "largest_probability_difference": float(np.abs(p - q).max()),
    }
