"""Nodes: learning rates, the table of experiments, the twins, the strong network, figures."""

import hashlib
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.images import parameters as given
from crossfold.pipelines.images.data import (
    SOURCE,
    STANDARD,
    TRAIN,
    VALIDATION,
    SplitImages,
    augment,
)
from crossfold.pipelines.images.networks import (
    Member,
    Trained,
    fit_stack,
    image_network,
    join_trained,
    layers_text,
    predict_test,
    train,
)
from crossfold.templates.cross_validation.evaluation import evaluate_predictions
from crossfold.templates.cross_validation.final_model import library_versions
from crossfold.templates.cross_validation.nodes import Networks
from crossfold.templates.cross_validation.parameters import (
    CardParameters,
    EvaluationParameters,
    IntervalParameters,
    NetworkParameters,
)
from crossfold.templates.parameters import TableParameters
from crossfold.validation import comparison
from crossfold.validation.metrics import wilson_interval
from crossfold.validation.tables import probabilities

TWIN_COLUMNS = [
    *("model", "framework", "regime", "estimate", "low", "high", "n", "epochs", "learning_rate"),
    *("dtype", "seconds", "largest_weight_difference", "largest_probability_difference"),
]


def choose_learning_rates(
    images: NDArray[np.uint8],
    split_table: pd.DataFrame,
    experiments: given.ExperimentsParameters,
    starts: given.StartParameters,
    regimes: given.RegimesParameters,
    seed: int,
) -> pd.DataFrame:
    """Try the learning rates of each regime, all experiments and rates as one stack.

    Of equal accuracies the lower loss wins. One rate alone is not tried: 0 epochs, no accuracy.

    Returns columns ``regime``, ``experiment``, ``learning_rate``, ``epochs`` (of the trial),
    ``validation_accuracy``, ``validation_loss`` and ``chosen``.
    """
    data = SplitImages.of(images, split_table, SOURCE)
    tables = {
        name: choose_best(_trials(data, experiments.root, starts, regime, seed))
        for name, regime in regimes.root.items()
    }
    return pd.concat(tables, names=["regime"]).reset_index("regime").reset_index(drop=True)


def _trials(
    data: SplitImages,
    experiments: Mapping[str, given.ExperimentParameters],
    starts: given.StartParameters,
    regime: given.RegimeParameters,
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
    how = given.TrainingParameters(
        network=regime.network.changed(max_iter=epochs), score_every=epochs
    )
    drawn = np.random.default_rng(seed).permutation(data.rows(TRAIN))[: regime.search.n_rows]
    arguments, rows = [one.network_parameters(starts) for one in members], np.sort(drawn)
    stack = fit_stack(arguments, how, data, (rows, data.rows(VALIDATION)), seed)
    return table.assign(
        epochs=epochs,
        validation_accuracy=[one.validation_score[-1] for one in stack.histories_],
        validation_loss=[one.validation_loss[-1] for one in stack.histories_],
    )


def choose_best(trials: pd.DataFrame) -> pd.DataFrame:
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
    experiments: given.ExperimentsParameters,
    starts: given.StartParameters,
    regimes: given.RegimesParameters,
    classes: given.ClassNames,
    seed: int,
) -> tuple[pd.DataFrame, Networks, pd.DataFrame, pd.DataFrame]:
    """Train every experiment in every regime, from all its seeds: one member each.

    That is done on the source's split, and on the standard one in the regimes that ask for it,
    with the learning rates that were chosen on the source's.

    Returns what was trained, one row a network: ``model``, ``protocol`` (the split), ``member``,
    ``regime``, ``experiment``, ``seed``, ``layers``, ``init``, ``activation``, ``dropout``,
    ``learning_rate``, ``epochs`` and ``seconds`` (of the whole stack); the networks, described by
    these rows; their history; and what they say of the test images of both splits.
    """
    trained = []
    for name, regime in regimes.root.items():
        members = [
            Member(
                *(experiment, settings, seed + number),
                *(chosen_rate(learning_rates, name, experiment), f"{name}/{experiment}", number),
            )
            for experiment, settings in experiments.root.items()
            for number in range(starts.n_seeds)
        ]
        for split in (SOURCE, STANDARD) if regime.on_standard_split else (SOURCE,):
            data = SplitImages.of(images, split_table, split)
            trained.append(train(members, name, regime, starts, data, len(classes), seed))
    return join_trained(trained)


def train_twins(
    images: NDArray[np.uint8],
    split_table: pd.DataFrame,
    learning_rates: pd.DataFrame,
    experiments: given.ExperimentsParameters,
    starts: given.StartParameters,
    twin: given.TwinParameters,
    classes: given.ClassNames,
    seed: int,
) -> tuple[pd.DataFrame, Networks, pd.DataFrame, pd.DataFrame]:
    """Train one experiment with each framework in each regime; see `train_experiments`.

    Of what was trained the table has `TWIN_COLUMNS`: the accuracy is of the test images, with its
    95 % Wilson interval, and the differences are those to the other framework.
    """
    data = SplitImages.of(images, split_table, SOURCE)
    settings = experiments.root[twin.experiment]
    trained: list[Trained] = []
    for regime, how in twin.regimes.items():
        suffix = "" if regime == next(iter(twin.regimes)) else f"_{regime}"
        rate = how.learning_rate or chosen_rate(learning_rates, regime, twin.experiment)
        pair = []
        for framework in ("numpy", "torch"):
            member = Member(twin.experiment, settings, seed, rate, f"twin_{framework}{suffix}")
            own = how.model_copy(update={"network": how.network.changed(engine=framework)})
            made = train([member], regime, own, starts, data, len(classes), seed)
            right, n = (made.said["target"] == made.said["predicted"]).sum(), len(made.said)
            low, high = map(float, wilson_interval(right, n))
            about: dict[str, Any] = {"framework": framework, "dtype": how.network.dtype}
            about |= {"estimate": right / n, "low": low, "high": high, "n": n}
            pair.append(made._replace(described=made.described.assign(**about)))
        apart = _differences(pair)
        trained += [one._replace(described=one.described.assign(**apart)) for one in pair]
    table, networks, history, said = join_trained(trained)
    return table[TWIN_COLUMNS], networks, history, said


def _differences(twins: Sequence[Trained]) -> dict[str, float]:
    """Find the largest differences between the frameworks, in any weight and any probability."""
    weights = ([*one.networks[0].coefs_, *one.networks[0].intercepts_] for one in twins)
    p, q = (probabilities(one.said) for one in twins)
    return {
        "largest_weight_difference": max(
            float(np.abs(x - y).max()) for x, y in zip(*weights, strict=True)
        ),
        "largest_probability_difference": float(np.abs(p - q).max()),
    }


def fit_strong_model(
    images: NDArray[np.uint8],
    split_table: pd.DataFrame,
    strong: NetworkParameters,
    augmentation: given.AugmentationParameters,
    classes: given.ClassNames,
    seed: int,
) -> tuple[Networks, pd.DataFrame]:
    """Fit the strong model on all images of the standard split that are no test images.

    Changed copies come beside them (`augment`). Its settings are given, so it needs no validation
    images and learns from them too.

    Returns the network, with its classes' names, the seconds of its training and a fingerprint of
    what it learnt from; its predictions on the published test images.
    """
    data = SplitImages.of(images, split_table, STANDARD)
    rows = data.rows(TRAIN, VALIDATION)
    pixels, labels = data.take(rows)
    # Equal images have equal fingerprints.
    learnt_from = hashlib.sha256(np.ascontiguousarray(pixels).data)
    learnt_from.update(labels.astype(np.uint8).tobytes())
    began = perf_counter()
    pixels = augment(
        pixels.reshape(-1, *images.shape[1:]), augmentation, np.random.default_rng(seed)
    )
    labels = np.tile(labels, 1 + augmentation.n_copies)
    network = image_network(strong, seed).fit(pixels.reshape(len(pixels), -1), labels)
    about = {
        "seconds": perf_counter() - began,
        "classes": classes,
        "data": {"rows": len(rows), "fingerprint": learnt_from.hexdigest()},
    }
    return ([network], about), predict_test(network, data, len(classes), given.STRONG)


def write_model_card(
    model: Networks,
    metrics: dict[str, Any],
    strong: NetworkParameters,
    augmentation: given.AugmentationParameters,
    card: CardParameters,
    seed: int,
) -> dict[str, Any]:
    """Describe the strong model: data, settings, figures with intervals, use and limits."""
    [network], about = model
    return {
        "model": given.STRONG,
        "layers": layers_text(network),
        "network": strong.model_dump(),
        "augmentation": augmentation.model_dump(),
        **about,
        "metrics": metrics[given.STRONG],
        "seed": seed,
        "versions": library_versions(),
        **card.model_dump(),
    }


def evaluate_networks(
    predictions: pd.DataFrame, evaluation: IntervalParameters, seed: int
) -> pd.DataFrame:
    """Compute every metric of every model on its test images, over all members and of each.

    Members of one model predict the same images, so that an image is a group where there are
    several. The table has the schema `crossfold.validation.schemas.METRICS`, with the scopes
    ``pooled`` and ``member 0`` and on, which have no intervals.
    """
    by_member = predictions.assign(fold=predictions["member"])
    table = TableParameters(target="label", task="multiclass")
    how = EvaluationParameters(n_resamples=evaluation.n_resamples)
    metrics = evaluate_predictions(by_member, predictions, table, how, seed)
    return metrics.assign(scope=metrics["scope"].str.replace("fold", "member"))


def compare_models(
    predictions: pd.DataFrame,
    comparisons: given.ComparisonsParameters,
    evaluation: IntervalParameters,
    seed: int,
) -> pd.DataFrame:
    """Compare pairs of models on the test images of the source's split.

    Each seed that both models were trained from gets McNemar's test. Over all seeds there is a
    bootstrap over images and, with more than one seed, a paired t-test over seeds. The table has
    the schema `crossfold.validation.schemas.COMPARISON`.
    """
    own = predictions[predictions["protocol"] == SOURCE]
    own = own.assign(right=own["target"] == own["predicted"])
    right = {
        str(name): rows.pivot_table("right", "row", "member", aggfunc="first")
        for name, rows in own.groupby("model", observed=True)
    }
    pairs = dict.fromkeys(pair for pairs in comparisons.root.values() for pair in pairs)
    rows = [
        comparison.result_row(pair, "accuracy", test, result)
        for pair in pairs
        for test, result in _compare(right, pair, evaluation, seed).items()
    ]
    table = pd.DataFrame(rows, columns=list(comparison.COMPARISON_COLUMNS))
    return table.assign(protocol=SOURCE).astype({"n": "int64"})


def _compare(
    right: Mapping[str, pd.DataFrame],
    pair: tuple[str, str],
    evaluation: IntervalParameters,
    seed: int,
) -> dict[str, comparison.TestResult]:
    """Compare the right answers of a pair, by image (rows) and member, and over all members."""
    a, b = (given.look_up(right, one, "model") for one in pair)
    members = a.columns.intersection(b.columns)
    every, several = np.ones(len(a)), len(members) > 1
    tests = {
        f"McNemar, seed {seed + int(one)}" if several else "McNemar": comparison.mcnemar_test(
            every, a[one], b[one]
        )
        for one in members
    }
    if several:
        tests["t over seeds"] = comparison.paired_t_test(a[members].mean(), b[members].mean())
    gain = a[members].mean(axis=1) - b[members].mean(axis=1)
    over_images = comparison.paired_bootstrap(gain, n_resamples=evaluation.n_resamples, seed=seed)
    return {**tests, "bootstrap over images": over_images}
