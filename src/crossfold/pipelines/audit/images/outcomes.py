"""What every run answered on the test images, and the quantities made from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.audit.images.faults import (
    SMALL_TEST_SAMPLE,
    SWAPPED_ARGUMENTS,
    UNLIKE_REGIMES,
    small_sample,
)
from crossfold.pipelines.audit.images.parameters import ProtocolParameters
from crossfold.pipelines.audit.measured import Measured
from crossfold.pipelines.audit.runs import SOUND, measured_share
from crossfold.pipelines.images.data import SOURCE
from crossfold.validation import paired_bootstrap, percentile_interval


@dataclass(frozen=True)
class Case:
    """One way to measure a quantity.

    Attributes
    ----------
    run
        Name of the run.
    epochs
        Its epochs; None for the longest run of that name.
    faults
        Switches that are on where figures are computed.
    sample_rows
        Test images under ``small_test_sample``.
    """

    run: str
    epochs: int | None
    faults: tuple[str, ...]
    sample_rows: int


@dataclass(frozen=True)
class Outcomes:
    """Answers on the test images.

    Attributes
    ----------
    predictions
        Columns ``run``, ``experiment``, ``epochs``, ``row``, ``target``, ``predicted``; several
        trainings of one experiment have several lines per row.
    twins
        Columns ``model``, ``row``, ``target``, ``predicted``.
    n_resamples, seed
        Of the bootstrap, and of the small samples.
    """

    predictions: pd.DataFrame
    twins: pd.DataFrame
    n_resamples: int
    seed: int

    def answers(self, case: Case, experiment: str) -> pd.DataFrame:
        """Give the answers of an experiment in a run, the longest where epochs are not named.

        Raises
        ------
        CrossfoldError
            It was not trained.
        """
        table = self.predictions
        chosen = table[(table["run"] == case.run) & (table["experiment"] == experiment)]
        epochs = chosen["epochs"].max() if case.epochs is None else case.epochs
        chosen = chosen[chosen["epochs"] == epochs]
        if chosen.empty:
            raise CrossfoldError(
                f"The audit has no run {case.run!r} of the experiment {experiment!r}; add it to"
                " the experiments of the study and of its audit's protocol."
            )
        return self._sampled(chosen, case)

    def twin_answers(self, case: Case, model: str) -> pd.DataFrame:
        """Give the answers of a twin; see `answers`."""
        return self._sampled(self.twins[self.twins["model"] == model], case)

    def _sampled(self, answers: pd.DataFrame, case: Case) -> pd.DataFrame:
        if SMALL_TEST_SAMPLE not in case.faults:
            return answers
        rows = np.unique(answers["row"])
        return answers[answers["row"].isin(small_sample(rows, case.sample_rows, self.seed))]

    def mean(self, per_image: pd.Series) -> Measured:
        """Give the mean over images with its bootstrap interval."""
        result = paired_bootstrap(per_image, n_resamples=self.n_resamples, seed=self.seed)
        return Measured(result.difference, result.low, result.high, result.n)


Quantity = Callable[[Outcomes, Case], Measured]


def right(answers: pd.DataFrame) -> pd.Series:
    """Give the share of right answers to each image."""
    return (answers["target"] == answers["predicted"]).groupby(answers["row"]).mean()


def accuracy(experiments: Sequence[str]) -> Quantity:
    """Measure the mean accuracy of some experiments."""

    def measure(outcomes: Outcomes, case: Case) -> Measured:
        shares = [right(outcomes.answers(case, name)) for name in experiments]
        if len(shares) == 1 and set(shares[0]) <= {0.0, 1.0}:
            return measured_share(shares[0].sum(), len(shares[0]))
        return outcomes.mean(pd.concat(shares, axis=1).mean(axis=1))

    return measure


def difference(pairs: Sequence[tuple[str, str]]) -> Quantity:
    """Measure the mean over pairs of the first experiment's accuracy minus the second's."""

    def measure(outcomes: Outcomes, case: Case) -> Measured:
        gains = [
            right(outcomes.answers(case, a)) - right(outcomes.answers(case, b)) for a, b in pairs
        ]
        return outcomes.mean(pd.concat(gains, axis=1).mean(axis=1))

    return measure


def pytorch_minus_numpy(experiment: str, study_regime: str) -> Quantity:
    """Measure PyTorch's accuracy minus NumPy's.

    The two are trained alike but for what the faults change: under ``unlike_regimes`` PyTorch
    takes mini-batches where NumPy takes all rows at once. A network that NumPy trained without any
    fault stands for PyTorch's in the same regime, which is the same to rounding.
    """

    def measure(outcomes: Outcomes, case: Case) -> Measured:
        torch, numpy = outcomes.twin_answers(case, "twin_torch"), outcomes.answers(case, experiment)
        if case.run == SOUND:
            regime = f"_{study_regime}" if UNLIKE_REGIMES in case.faults else ""
            numpy = outcomes.twin_answers(case, f"twin_numpy{regime}")
        elif UNLIKE_REGIMES not in case.faults:
            sound = Case(SOUND, case.epochs, case.faults, case.sample_rows)
            torch = outcomes.answers(sound, experiment)
        return outcomes.mean(right(torch) - right(numpy))

    return measure


def error_of_printed_precision(experiment: str) -> Quantity:
    """Measure how far the printed precision of a class is from its precision, at the most.

    With predictions passed as the truth, what is printed as a class's precision is its recall.
    """

    def measure(outcomes: Outcomes, case: Case) -> Measured:
        answers = outcomes.answers(case, experiment)
        if SWAPPED_ARGUMENTS not in case.faults:
            return Measured(0.0, 0.0, 0.0, len(answers))
        counts = pd.crosstab(answers["target"], answers["predicted"])
        classes = counts.index.union(counts.columns)
        counts = counts.reindex(index=classes, columns=classes, fill_value=0).to_numpy()
        return _with_interval(counts, outcomes)

    return measure


def _with_interval(counts: NDArray[np.int64], outcomes: Outcomes) -> Measured:
    n = int(counts.sum())
    rng = np.random.default_rng(outcomes.seed)
    drawn = rng.multinomial(n, counts.ravel() / n, size=outcomes.n_resamples)
    resampled = _largest_gap(drawn.reshape(-1, *counts.shape))
    return Measured(float(_largest_gap(counts)), *percentile_interval(resampled), n)


def _largest_gap(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Give the largest distance of precision and recall over the classes; 0/0 counts as 0."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    recall = hits / np.maximum(counts.sum(axis=-1), 1)
    precision = hits / np.maximum(counts.sum(axis=-2), 1)
    gaps: NDArray[np.float64] = np.abs(precision - recall).max(axis=-1)
    return gaps


def joined_answers(
    audit_predictions: pd.DataFrame,
    study_predictions: pd.DataFrame,
    protocol: ProtocolParameters,
    epochs: int,
) -> pd.DataFrame:
    """Put the study's answers below the audit's, as its sound run of so many epochs."""
    source = study_predictions[study_predictions["protocol"] == SOURCE]
    parts = source["model"].astype("str").str.partition("/")
    names = protocol.audit_names(parts[2].unique())
    is_sound = (parts[0] == protocol.regime) & parts[2].isin(names)
    sound = source.loc[is_sound, ["row", "target", "predicted"]].assign(
        run=SOUND, experiment=parts.loc[is_sound, 2].map(names), epochs=epochs
    )
    texts = {"run": "str", "experiment": "str"}
    return pd.concat([audit_predictions.astype(texts), sound.astype(texts)], ignore_index=True)
