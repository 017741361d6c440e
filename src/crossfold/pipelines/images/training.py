"""Nodes that train: learning rates, the table of experiments, the twins, the strong network."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.images.data import SOURCE, STANDARD, TRAIN, VALIDATION, SplitImages
from crossfold.pipelines.images.networks import (
    Member,
    Networks,
    fit_stack,
    image_network,
    keep_networks,
    layers_text,
    outcome_of,
    predict_test,
)
from crossfold.pipelines.images.parameters import (
    ExperimentParameters,
    ExperimentsParameters,
    RegimeParameters,
    RegimesParameters,
    StartParameters,
    TwinParameters,
    look_up,
)
from crossfold.templates.cross_validation.final_model import library_versions
from crossfold.templates.cross_validation.parameters import CardParameters, NetworkParameters
from crossfold.validation import wilson_interval
from crossfold.validation.tables import concatenate, probabilities

if TYPE_CHECKING:
    from crossfold.mlp import ExperimentStack


def choose_learning_rates(
    images: NDArray[np.uint8],
    split_table: pd.DataFrame,
    experiments: ExperimentsParameters,
    starts: StartParameters,
    regimes: RegimesParameters,
    seed: int,
) -> pd.DataFrame:
    """Try the learning rates of each regime, all experiments and rates as one stack.

    Of equal accuracies the lower loss wins. One rate alone is not tried: 0 epochs, no accuracy.

    Returns
    -------
    Columns ``regime``, ``experiment``, ``learning_rate``, ``epochs`` (of the trial),
    ``validation_accuracy``, ``validation_loss`` and ``chosen``.
    """
    data = SplitImages.of(images, split_table, SOURCE)
    tables = [
        _choose(_trials(data, experiments.root, starts, regime, seed)).assign(regime=name)
        for name, regime in regimes.root.items()
    ]
    table = pd.concat(tables, ignore_index=True)
    return table[["regime", *(column for column in table if column != "regime")]]


def _trials(
    data: SplitImages,
    experiments: Mapping[str, ExperimentParameters],
    starts: StartParameters,
    regime: RegimeParameters,
    seed: int,
) -> pd.DataFrame:
    """Train every experiment with every rate, for a few epochs on some of the images."""
    members = [
        Member(name, experiment, seed, rate)
        for name, experiment in experiments.items()
        for rate in regime.learning_rates
    ]
    table = pd.DataFrame(members)[["experiment", "learning_rate"]]
    if len(regime.learning_rates) == 1:
        return table.assign(epochs=0, validation_accuracy=np.nan, validation_loss=np.nan)
    epochs = regime.search.epochs
    network = regime.network.changed(max_iter=epochs)
    drawn = np.random.default_rng(seed).permutation(data.rows(TRAIN))
    rows = np.sort(drawn[: regime.search.n_rows])
    stack = fit_stack(
        members, network, starts, data, score_every=epochs, seed=seed, train_rows=rows
    )
    return table.assign(
        epochs=epochs,
        validation_accuracy=[one.validation_accuracy[-1] for one in stack.histories_],
        validation_loss=[one.validation_loss[-1] for one in stack.histories_],
    )


def _choose(trials: pd.DataFrame) -> pd.DataFrame:
    """Mark the best trial of each experiment; one whose weights are not finite is never best."""
    diverged = trials["validation_loss"].isna() & (trials["epochs"] > 0)
    accuracy = trials["validation_accuracy"].mask(diverged, -1)
    ranked = trials.assign(accuracy=accuracy).sort_values(
        ["accuracy", "validation_loss"], ascending=[False, True], kind="stable"
    )
    best = ranked.drop_duplicates("experiment").index
    return trials.assign(chosen=trials.index.isin(best))


def chosen_rate(learning_rates: pd.DataFrame, regime: str, experiment: str) -> float:
    """Look up the learning rate that an experiment has in a regime, or refuse (CrossfoldError)."""
    of_experiment = learning_rates["experiment"].astype("str") == experiment
    rows = learning_rates[of_experiment & (learning_rates["regime"] == regime)]
    chosen = rows.loc[rows["chosen"], "learning_rate"]
    if chosen.empty:
        raise CrossfoldError(
            f"No learning rate was chosen for experiment {experiment!r} in the regime {regime!r}; "
            "give one with learning_rate, or name a regime of the experiments."
        )
    return float(chosen.item())


def train_experiments(
    images: NDArray[np.uint8],
    split_table: pd.DataFrame,
    learning_rates: pd.DataFrame,
    experiments: ExperimentsParameters,
    starts: StartParameters,
    regimes: RegimesParameters,
    classes: list[str],
    seed: int,
) -> tuple[pd.DataFrame, Networks, pd.DataFrame, pd.DataFrame]:
    """Train every experiment in every regime, from all its seeds: one member each.

    That is done on the source's split, and on the standard one in the regimes that ask for it,
    with the learning rates that were chosen on the source's.

    Returns
    -------
    What was trained, one row a network: ``model``, ``protocol`` (the split), ``member``,
    ``regime``, ``experiment``, ``seed``, ``layers``, ``init``, ``activation``, ``dropout``,
    ``learning_rate``, ``epochs`` and ``seconds`` (of the whole stack); the networks, described by
    these rows; their history; and what they say of the test images of both splits.
    """
    rows, trained = [], []
    for name, regime in regimes.root.items():
        members = [
            Member(experiment, settings, one, chosen_rate(learning_rates, name, experiment))
            for experiment, settings in experiments.root.items()
            for one in range(seed, seed + starts.n_seeds)
        ]
        models = [(f"{name}/{one.experiment}", one.seed - seed) for one in members]
        how: Any = {"score_every": regime.score_every, "seed": seed}
        for split in (SOURCE, STANDARD) if regime.on_standard_split else (SOURCE,):
            data = SplitImages.of(images, split_table, split)
            stack = fit_stack(members, regime.network, starts, data, **how)
            trained.append((stack, *outcome_of(stack, models, data, len(classes))))
            rows += [
                {
                    "model": model,
                    "protocol": split,
                    "member": number,
                    "regime": name,
                    "experiment": member.experiment,
                    "seed": member.seed,
                    "layers": layers_text(network),
                    **member.settings.model_dump(exclude={"hidden_layer_sizes"}),
                    "learning_rate": member.learning_rate,
                    "epochs": regime.network.max_iter,
                    "seconds": stack.histories_[0].seconds[-1],
                }
                for (model, number), member, network in zip(
                    models, members, stack.estimators_, strict=True
                )
            ]
    described = pd.DataFrame(rows)
    return described, *_joined(trained, described)


def _joined(
    trained: Sequence[tuple[ExperimentStack, pd.DataFrame, pd.DataFrame]], described: pd.DataFrame
) -> tuple[Networks, pd.DataFrame, pd.DataFrame]:
    """Put networks, histories and answers of several stacks together."""
    stacks, histories, said = zip(*trained, strict=True)
    networks = [network for stack in stacks for network in stack.estimators_]
    kept = keep_networks(networks, described.to_dict("records"))
    return kept, concatenate(histories), concatenate(said)


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
    rows: list[dict[str, Any]] = []
    trained = []
    for regime, how in twin.regimes.items():
        rate = how.learning_rate or chosen_rate(learning_rates, regime, twin.experiment)
        member = Member(twin.experiment, settings, seed, rate)
        for framework in ("numpy", "torch"):
            model, network = twin_model(framework, regime, twin), how.network
            stack = fit_stack(
                [member], network.changed(engine=framework), starts, data,
                score_every=how.score_every, seed=seed,
            )  # fmt: skip
            trained.append((stack, *outcome_of(stack, [(model, 0)], data, len(classes))))
            own = {"model": model, "framework": framework, "regime": regime}
            rows.append({**own, **_figures(stack, trained[-1][2])})
        apart = _differences(trained[-2:])
        rows[-2:] = [{**row, **apart} for row in rows[-2:]]
    described = pd.DataFrame(rows)
    twins = described[["model", "framework", "regime"]].assign(protocol=SOURCE, member=0)
    return described, *_joined(trained, twins)


def twin_model(framework: str, regime: str, twin: TwinParameters) -> str:
    """Name the model of a twin; see `TwinParameters`."""
    is_first = regime == next(iter(twin.regimes))
    return f"twin_{framework}" if is_first else f"twin_{framework}_{regime}"


def _figures(stack: ExperimentStack, table: pd.DataFrame) -> dict[str, Any]:
    right, n = (table["target"] == table["predicted"]).sum(), len(table)
    low, high = wilson_interval(right, n)
    network, history = stack.estimators_[0], stack.histories_[0]
    return {
        **{"estimate": right / n, "low": float(low), "high": float(high), "n": n},
        "epochs": int(history.epochs[-1]),
        "learning_rate": network.learning_rate_init,
        "dtype": network.dtype,
        "seconds": float(history.seconds[-1]),
    }


def _differences(
    twins: Sequence[tuple[ExperimentStack, pd.DataFrame, pd.DataFrame]],
) -> dict[str, float]:
    """Find the largest differences between the frameworks, in any weight and any probability."""
    networks = [stack.estimators_[0] for stack, *_ in twins]
    pairs = zip(*([*one.coefs_, *one.intercepts_] for one in networks), strict=True)
    p, q = (probabilities(said) for *_, said in twins)
    return {
        "largest_weight_difference": max(float(np.abs(x - y).max()) for x, y in pairs),
        "largest_probability_difference": float(np.abs(p - q).max()),
    }


STRONG = "strong"


def fit_strong_model(
    images: NDArray[np.uint8],
    split_table: pd.DataFrame,
    strong: NetworkParameters,
    classes: list[str],
    seed: int,
) -> tuple[Networks, pd.DataFrame]:
    """Fit the strong model on all images of the standard split that are no test images.

    Its settings are given, so it needs no validation images and learns from them too.

    Returns
    -------
    The network, with its classes' names, the seconds of its training and a fingerprint of what it
    learnt from; its predictions on the published test images.
    """
    data = SplitImages.of(images, split_table, STANDARD)
    rows = data.rows(TRAIN, VALIDATION)
    pixels, labels = data.take(rows)
    # Equal images have equal fingerprints.
    learnt_from = hashlib.sha256(np.ascontiguousarray(pixels).data)
    learnt_from.update(labels.astype(np.uint8).tobytes())
    began = perf_counter()
    network = image_network(strong, seed).fit(pixels, labels)
    about = {
        "seconds": perf_counter() - began,
        "classes": classes,
        "data": {"rows": len(rows), "fingerprint": learnt_from.hexdigest()},
    }
    return ([network], about), predict_test(network, STRONG, 0, data, len(classes))


def write_model_card(
    model: Networks,
    metrics: dict[str, Any],
    strong: NetworkParameters,
    card: CardParameters,
    seed: int,
) -> dict[str, Any]:
    """Describe the strong model: data, settings, figures with intervals, use and limits."""
    [network], about = model
    return {
        "model": STRONG,
        "layers": layers_text(network),
        "network": strong.model_dump(),
        **about,
        "metrics": metrics[STRONG],
        "seed": seed,
        "versions": library_versions(),
        **card.model_dump(),
    }
