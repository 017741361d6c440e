"""The audits of digits and fashion: measure and judge their sources' claims, write the page.

A quantity is a mean over test images and over seeds. Its interval is from resamples of both at once
(Owen 2007, "The pigeonhole bootstrap"), the same for every setup, so that the effect of a fault is
told from what another start gives. Of one network the share of right answers has Wilson's interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from kedro.pipeline import Pipeline
from numpy.typing import NDArray

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.images import faults as training
from crossfold.pipelines.images.data import SOURCE, TEST
from crossfold.templates import audit
from crossfold.templates.audit import Measured, Setup, exact, resampled, share_of
from crossfold.validation.tables import probabilities

STUDY = "study"

Floats = NDArray[np.floating[Any]]
Names = Sequence[str | int]
Take = Literal["mean", "min", "max"]


class Answers(NamedTuple):
    """What the networks of an experiment said of ``n`` images.

    ``row`` and ``target`` are numbers of the images and their classes, shape ``(n,)``;
    ``predicted`` and ``dropped`` the named classes, without and with dropout left on, and ``loss``
    the cross-entropy, shape ``(n, members)``.
    """

    row: NDArray[np.intp]
    target: NDArray[np.intp]
    predicted: NDArray[np.intp]
    dropped: NDArray[np.intp]
    loss: Floats

    @classmethod
    def of(cls, table: pd.DataFrame) -> Answers:
        """Arrange a table by image and member."""
        table = table.sort_values(["member", "row"], kind="stable")
        shape = table["member"].nunique(), -1
        row, target, *others = (table[name].to_numpy().reshape(shape).T for name in cls._fields)
        return cls(row[:, 0].astype(np.intp), target[:, 0].astype(np.intp), *others)

    @property
    def right(self) -> Floats:
        """1 for a right answer, 0 for a wrong one."""
        return np.asarray(self.predicted == self.target[:, None], dtype=np.float32)


@dataclass(frozen=True)
class Runs:
    """Everything that was trained: `answers` and `curves` of `train_setups`.

    Those of the study are the run ``study``, whose experiments of other regimes are named
    ``REGIME/EXPERIMENT``. `n_resamples` and `seed` are of the bootstrap.
    """

    answers: pd.DataFrame
    curves: pd.DataFrame
    n_resamples: int
    seed: int

    @cached_property
    def by_network(self) -> dict[tuple[str, ...], Answers]:
        """Answers by run, experiment and part of the images."""
        groups = self.answers.groupby(["run", "experiment", "part"], observed=True)
        return {tuple(map(str, key)): Answers.of(rows) for key, rows in groups}

    @cached_property
    def by_epoch(self) -> pd.DataFrame:
        """Values by run, experiment, measure and epoch (rows) and by member (columns)."""
        keys = ["run", "experiment", "measure", "epoch"]
        return self.curves.pivot_table("value", keys, "member", observed=True).sort_index()


@lru_cache(maxsize=2)
def _weights(n: int, n_resamples: int, seed: int) -> NDArray[np.float32]:
    """Draw how often each of `n` rows is in each resample, as shares."""
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=n_resamples)
    return (drawn / n).astype(np.float32)


@dataclass(frozen=True)
class Case:
    """One setup: what was trained in it, the faults that are on, and how it is scored.

    `run`, `short`, `plain` and `source` name the run with the setup's training faults, the short
    one with the same faults, and, trained for as long as the first, the one without faults and the
    source's own. `sample_rows` are the test images under ``small_test_sample``; `trains_wrongly`
    says whether a fault of training is on.
    """

    runs: Runs
    run: str
    short: str
    plain: str
    source: str
    faults: frozenset[str]
    sample_rows: int = 30
    trains_wrongly: bool = False

    def trained(self, own: bool) -> Case:
        """Take the source's own training, whatever faults of training are on, or the setup's."""
        return replace(self, run=self.source) if own else self

    def answers(self, experiment: str | int, run: str | None = None) -> Answers:
        """Give the answers to the test images that count in this setup."""
        part = training.OTHER if "other_test_rows" in self.faults else TEST
        key = run or self.run, str(experiment), part
        if key not in self.runs.by_network:
            raise _not_trained(*key[:2])
        found = self.runs.by_network[key]
        if "dropout_in_prediction" in self.faults:
            found = found._replace(predicted=found.dropped)
        if "small_test_sample" in self.faults:
            few = training.small_sample(found.row, self.sample_rows, self.runs.seed)
            found = Answers._make(one[np.isin(found.row, few)] for one in found)
        return found

    def curve(self, experiment: str | int, metric: str) -> pd.DataFrame:
        """Give a measure by epoch (rows) and member (columns)."""
        try:
            found = self.runs.by_epoch.loc[(self.run, str(experiment), metric), :]
        except KeyError:
            raise _not_trained(self.run, str(experiment)) from None
        return found.dropna(axis=1, how="all")

    def means(self, tables: Sequence[Floats]) -> Floats:
        """Compute the mean of each table ``(rows, members)``, then its draws, one a column."""
        (n, members), runs = tables[0].shape, self.runs
        weights = _weights(n, runs.n_resamples, runs.seed)
        chosen = np.random.default_rng(runs.seed)
        drawn = chosen.integers(members, size=(runs.n_resamples, members))
        columns = [np.take_along_axis(weights @ one, drawn, axis=1).mean(axis=1) for one in tables]
        return np.vstack([np.array([one.mean() for one in tables]), np.column_stack(columns)])


def _not_trained(run: str, experiment: str) -> CrossfoldError:
    return CrossfoldError(
        f"The audit has no run {run!r} of the experiment {experiment!r}; name it in the study's"
        " experiments and in the audit's protocol."
    )


def accuracy(
    case: Case, of: Names, minus: Names = (), take: Take = "mean", own: bool = False
) -> Measured:
    """Measure the share of right answers: the mean, lowest or highest of some experiments.

    The figure of `minus` is subtracted. With `own` the networks are always those of the source's
    own training.
    """
    case = case.trained(own)
    if len(of) == 1 and not minus and (right := case.answers(of[0]).right).shape[1] == 1:
        return replace(share_of(right.sum(), len(right)), draws=case.means([right])[1:, 0])
    return _contrast(case, "right", of, minus, take)


def loss(
    case: Case, of: Names, minus: Names = (), take: Take = "mean", own: bool = False
) -> Measured:
    """Measure the mean cross-entropy on the test images; see `accuracy`."""
    return _contrast(case.trained(own), "loss", of, minus, take)


def _contrast(case: Case, column: str, of: Names, minus: Names, take: Take) -> Measured:
    tables: list[Floats] = [getattr(case.answers(name), column) for name in [*of, *minus]]
    figures, combine, k = case.means(tables), getattr(np, take), len(of)
    difference = combine(figures[:, :k], axis=1)
    if minus:
        difference = difference - combine(figures[:, k:], axis=1)
    return _of_draws(difference, len(tables[0]))


def _of_draws(figures: Floats, n: int) -> Measured:
    """Take a figure and its resamples, shape ``(1 + resamples,)``."""
    return resampled(figures[0], figures[1:], n)


def pytorch_minus_numpy(case: Case, of: str | int, torch: str) -> Measured:
    """Measure PyTorch's accuracy minus NumPy's.

    The two are trained alike but for what the faults change: under ``unlike_regimes`` PyTorch takes
    mini-batches where NumPy takes all rows at once, under ``unlike_networks`` it has the network
    `torch`. A network that NumPy trained without a fault stands for PyTorch's in the same regime,
    which is the same to rounding.
    """
    # The study's networks answered the test images only.
    case = replace(case, faults=case.faults - {"other_test_rows", "dropout_in_prediction"})
    full_batch = "unlike_regimes" in case.faults
    if case.trains_wrongly:
        numpy = case.answers(of)
    else:
        numpy = case.answers("twin_numpy_full_batch" if full_batch else "twin_numpy", STUDY)
    name = torch if "unlike_networks" in case.faults else str(of)
    if case.trains_wrongly and not full_batch:
        other = case.answers(name, case.plain)
    elif name == torch:
        other = case.answers(torch, training.MINI_BATCH)
    else:
        other = case.answers("twin_torch", STUDY)
    gain = other.right[:, :1] - numpy.right[:, :1]
    return _of_draws(case.means([gain])[:, 0], len(gain))


def _by_class(case: Case, of: str | int) -> tuple[int, Floats, Floats, Floats]:
    """Count answers by class: what was found in the first row, then the resamples.

    It is the number of images, and how often each class was rightly named, named, and true, shape
    ``(1 + resamples, classes)``.
    """
    found = case.answers(of)
    predicted = found.predicted.astype(np.intp)
    k = int(max(found.target.max(), predicted.max())) + 1
    cells = (found.target[:, None] * k + predicted).ravel()
    counts = np.bincount(cells, minlength=k**2)
    rng = np.random.default_rng(case.runs.seed)
    drawn = rng.multinomial(len(cells), counts / len(cells), size=case.runs.n_resamples)
    every = np.vstack([counts, drawn]).reshape(-1, k, k)
    hits = np.diagonal(every, axis1=-2, axis2=-1)
    return len(found.row), hits, every.sum(axis=-2), every.sum(axis=-1)


def recall(case: Case, of: str | int, classes: Sequence[int]) -> Measured:
    """Measure the mean recall of some classes minus that of the others."""
    n, hits, _, true = _by_class(case, of)
    found, chosen = hits / np.maximum(true, 1), np.isin(np.arange(hits.shape[1]), classes)
    return _of_draws(found[:, chosen].mean(axis=1) - found[:, ~chosen].mean(axis=1), n)


def gain_by_support(case: Case, of: str | int) -> Measured:
    """Measure accuracy minus what it would be if every class were as frequent as the others."""
    n, hits, _, true = _by_class(case, of)
    alike = (hits / np.maximum(true, 1)).mean(axis=1)
    return _of_draws(hits.sum(axis=1) / true.sum(axis=1) - alike, n)


def share_named(case: Case, of: str | int, answer: int) -> Measured:
    """Measure the share of test images that are named one class."""
    found = case.answers(of)
    return share_of(float((found.predicted == answer).mean(axis=1).sum()), len(found.row))


def error_of_printed_precision(case: Case, of: str | int) -> Measured:
    """Measure how far the printed precision of a class is from its precision, at the most.

    With predictions passed as the truth, what is printed as a class's precision is its recall.
    """
    n, hits, named, true = _by_class(case, of)
    printed = true if "swapped_arguments" in case.faults else named
    gaps = np.abs(hits / np.maximum(named, 1) - hits / np.maximum(printed, 1))
    return _of_draws(gaps.max(axis=1), n)


def curve(
    case: Case,
    metrics: Sequence[str],
    of: Names,
    minus: Names = (),
    against: str = "",
    at: float = 1.0,
    since: float | None = None,
    take: Take = "mean",
    own: bool = False,
) -> Measured:
    """Measure what is made (`take`) of measures of the history and of experiments.

    It is read where training has come to `at`, from 0 to 1 for the last epoch. What is subtracted
    is the figure at `since`, the measure `against` (of validation rows, say), and as many
    experiments, one by one, as `minus` names. For `own` see `accuracy`.
    """
    case = case.trained(own)

    def at_share(table: pd.DataFrame, share: float) -> Floats:
        epochs = table.index.to_numpy()  # the nearest that was scored
        return table.iloc[int(np.abs(epochs - share * epochs.max()).argmin())].to_numpy(float)

    def of_members(name: str | int, metric: str) -> Floats:
        table = case.curve(name, metric)
        table = table - case.curve(name, against) if against else table
        return at_share(table, at) - (0 if since is None else at_share(table, since))

    gaps = [
        of_members(name, metric) - (of_members(minus[place], metric) if minus else 0)
        for metric in metrics
        for place, name in enumerate(of)
    ]
    values = np.array(gaps)  # (metrics x experiments, members)
    if values.shape[1] > 1:
        return _over(getattr(np, take)(values, axis=0))
    return _over(values[:, 0]) if take == "mean" else exact(getattr(np, take)(values), len(values))


def _over(values: Floats, one_more: bool = False) -> Measured:
    """Measure a mean over seeds or pairs with Student's interval, of the mean or of one more."""
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return exact(float(known.mean()) if len(known) else np.nan, len(known))
    from scipy.stats import t

    n, mean = len(known), float(known.mean())
    half = t.ppf(0.975, n - 1) * known.std(ddof=1) * np.sqrt(1 / n + one_more)
    return Measured(mean, mean - half, mean + half, n)


def curve_over_seeds(
    case: Case, metric: str, of: str | int, epoch: int | None = None, own: bool = False
) -> Measured:
    """Measure a figure after an epoch, or after the last: in which range it is for one more seed.

    The range is Student's prediction interval, which fits a source's single run. An epoch is looked
    up in the short run, which is scored after each.
    """
    case = case.trained(own) if epoch is None else replace(case, run=case.short)
    table = case.curve(of, metric)
    if epoch is not None and epoch not in table.index:
        return exact(np.nan)
    values = table.loc[table.index.max() if epoch is None else epoch].to_numpy(float)
    return replace(_over(values, one_more=True), draws=values)


def rises_more(case: Case, regime: str) -> Measured:
    """Measure in how many more of the epochs the training loss rises than the validation loss.

    The networks are the study's, of one regime; the share of epochs is the mean over them.
    """
    curves = case.runs.curves
    own = (curves["run"] == STUDY) & curves["experiment"].astype("str").str.startswith(f"{regime}/")
    by_network = ["measure", "experiment", "member"]
    values = curves[own].sort_values("epoch").groupby(by_network, observed=True)["value"]
    rises = values.agg(lambda one: float((one.diff().dropna() > 0).mean()))
    return _over((rises.xs("train_loss") - rises.xs("validation_loss")).to_numpy())


class ImageClaims(
    audit.Claims,
    measures=(
        accuracy, loss, pytorch_minus_numpy, recall, gain_by_support, share_named,
        error_of_printed_precision, curve, curve_over_seeds, rises_more,
    ),
):  # fmt: skip
    """The claims of an image study's source."""


class DigitsClaims(
    ImageClaims,
    study="digits",
    switches=(
        "relu_as_derivative", "dropout_backward", "global_max_softmax", "swapped_arguments",
        "unlike_regimes", "unlike_networks", "other_test_rows", "dropout_in_prediction",
    ),
):  # fmt: skip
    """The claims of the report on handwritten digits."""


class FashionClaims(
    ImageClaims,
    study="fashion",
    switches=(
        "small_test_sample", "drop_last_batch", "one_hidden_layer", "small_training_sample",
        "penalty_not_applied",
    ),
):  # fmt: skip
    """The claims of the course solution on images of clothes."""


CLAIMS = {one.study: one for one in (DigitsClaims, FashionClaims)}


def judge_claims(
    answers: pd.DataFrame,
    curves: pd.DataFrame,
    predictions: pd.DataFrame,
    history: pd.DataFrame,
    protocol: training.ProtocolParameters,
    claims: ImageClaims,
    seed: int,
) -> audit.Tables:
    """Measure and judge every claim.

    `answers` and `curves` are those of `train_setups`; in `predictions` and `history` are the
    study's networks, which are those without faults.
    """
    said, told = of_study(predictions, protocol), of_study(history, protocol)
    losses = training.cross_entropies(probabilities(said), said["target"])
    said = said.assign(loss=losses, part=TEST, dropped=said["predicted"])
    runs = Runs(_below(answers, said), _below(curves, told), protocol.n_resamples, seed)

    def run_of(setup: Setup) -> str:
        trained = training.training_setup(setup)
        return STUDY if trained == Setup() else trained.name

    def case_of(setup: Setup) -> Case:
        """Find what was trained in a setup."""
        name, value = setup.setting or ("", 0)
        return Case(
            runs,
            run=run_of(setup),
            short=run_of(setup.keep(short=True)),
            plain=run_of(Setup(short=setup.short)),
            source=training.training_setup(Setup(claims.on, setup.short)).name,
            faults=setup.faults,
            sample_rows=int(value) if name == "sample_rows" else protocol.sample_rows,
            trains_wrongly=bool(setup.faults & set(training.TRAINING_FAULTS)),
        )

    def subject(name: str) -> str:
        return f"experiment {name}" if name.isdigit() else name.replace("_", " ")

    def beside(case: Case, one: str, metric: str) -> Measured | None:
        """Measure a figure of the source's table, if the network was trained in this setup."""
        if (case.run, one, TEST) not in runs.by_network:
            return None
        return accuracy(case, [one]) if metric == "test_accuracy" else curve(case, [metric], [one])

    return audit.judge(
        claims,
        case_of,
        epochs=(protocol.network.max_iter, protocol.source_epochs),
        figures=audit.beside_printed(claims, case_of, beside, subject),
    )


def of_study(table: pd.DataFrame, protocol: training.ProtocolParameters) -> pd.DataFrame:
    """Take the study's networks on the source's split, named as the audit names them."""
    own = table[table["protocol"] == SOURCE]
    models = own["model"].astype("str")
    names = {f"{protocol.regime}/{study}": name for name, study in protocol.experiments.items()}
    names = names or {one: one.removeprefix(f"{protocol.regime}/") for one in models.unique()}
    return own.assign(run=STUDY, experiment=models.map(names)).dropna(subset="experiment")


def _below(table: pd.DataFrame, study: pd.DataFrame) -> pd.DataFrame:
    """Put the study's rows below those of the audit, with names as texts."""
    texts = {name: "str" for name in ("run", "experiment", "part", "measure") if name in table}
    parts = [one[list(table)].astype(texts) for one in (table, study)]
    return pd.concat(parts, ignore_index=True)


def create_pipeline(study: str, source: str) -> Pipeline:
    """Build the audit of ``digits`` or ``fashion``; `source` is the name of its images."""
    return audit.create_pipeline(
        CLAIMS[study],
        {training.train_setups: ["answers", "curves"], judge_claims: audit.TABLES},
        {
            **{"images": f"{source}_images", "split_table": f"{study}.split"},
            **{name: f"{study}.{name}" for name in ("predictions", "history")},
            **{name: f"params:{study}.{name}" for name in ("experiments", "starts")},
        },
    )
