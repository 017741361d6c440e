"""The node that judges the claims of the no-show study's source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from crossfold.pipelines.audit.claims import Claim, claims_table, shares_table
from crossfold.pipelines.audit.measured import FaultShare, Measured
from crossfold.pipelines.audit.no_show.claims_of_source import Case, Question, questions
from crossfold.pipelines.audit.no_show.faults import FIGURE_FAULTS
from crossfold.pipelines.audit.no_show.outcomes import (
    RunOutcomes,
    f1,
    run_of_study,
    runs_of_audit,
)
from crossfold.pipelines.audit.no_show.parameters import FaultsParameters, ProtocolParameters
from crossfold.pipelines.audit.no_show.training import NUMPY, TORCH, TREES, UNWEIGHTED
from crossfold.pipelines.audit.runs import RUN_COLUMNS, SOUND, only, shortened_text

# The sound study's networks that stand for the audit's.
STUDY_MODELS = {
    "weighted": "mlp_weighted",
    UNWEIGHTED: "mlp_numpy",
    NUMPY: "mlp_numpy",
    TORCH: "mlp_torch",
    "network": "mlp_tuned",
    TREES: "hist_gradient_boosting",
}
AUDIT_SUBJECTS = {"weighted": TORCH, "network": TORCH}


def judge_claims(
    audit_predictions: pd.DataFrame,
    audit_epochs: pd.DataFrame,
    predictions: pd.DataFrame,
    protocol: ProtocolParameters,
    faults: FaultsParameters,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Measure and judge every claim.

    Parameters
    ----------
    audit_predictions, audit_epochs
        What the audit trained.
    predictions
        The sound study's predictions.
    protocol, faults
        How the audit trained.
    seed
        Of the bootstrap.

    Returns
    -------
    The tables of claims, of the faults' shares, and of all runs.
    """
    study = run_of_study(predictions, set(STUDY_MODELS.values()), protocol.n_resamples, seed)
    judge = Judge(
        runs_of_audit(audit_predictions, protocol.n_resamples, seed),
        audit_epochs,
        study,
        protocol,
        faults,
        seed,
    )
    claims = [judge.claim(question) for question in questions(protocol)]
    return claims_table(claims), shares_table(claims), judge.runs_table()


@dataclass(frozen=True)
class Judge:
    """Answers questions from the runs of the audit and from the sound study."""

    runs: dict[str, RunOutcomes]
    epochs: pd.DataFrame
    study: RunOutcomes
    protocol: ProtocolParameters
    faults: FaultsParameters
    seed: int

    def claim(self, question: Question) -> Claim:
        """Measure a question's quantity in every way."""
        sound = self._case(SOUND) if question.needs_epochs else self._sound_study()
        return Claim(
            question.statement,
            reported=question.quantity(self._case(question.reported_run, self.faults.root)),
            sound=question.quantity(sound),
            shares=self._shares(question),
            shortened=shortened_text(self.protocol.network.max_iter, self.protocol.source_epochs),
        )

    def runs_table(self) -> pd.DataFrame:
        """Give the figures of every network of every run, columns `RUN_COLUMNS`."""
        rows = [
            (name, subject, metric, *measured, int(self._epochs_of(name)["epochs"].max()))
            for name in self.runs
            for subject in self.runs[name].answers
            for metric, measured in self._figures(name, subject).items()
        ]
        return pd.DataFrame(rows, columns=list(RUN_COLUMNS))

    def _figures(self, name: str, subject: str) -> dict[str, Measured]:
        case = self._case(name)
        answers, outcomes = case.of(subject), case.outcomes
        best = answers.counts(answers.best_threshold(case.thresholds))
        return {
            "roc_auc": outcomes.roc_auc(subject),
            "f1_at_threshold": outcomes.figure(f1, answers.counts(self.protocol.threshold)),
            "f1_at_best_threshold": outcomes.figure(f1, best),
        }

    def _shares(self, question: Question) -> tuple[FaultShare, ...]:
        sound = question.quantity(self._case(SOUND)).estimate
        return tuple(
            FaultShare(fault, question.quantity(self._alone(fault)), sound)
            for fault in self.faults.root
            if fault in question.touched_by
        )

    def _alone(self, fault: str) -> Case:
        if fault in FIGURE_FAULTS:
            return self._case(SOUND, (fault,))
        return self._case(only(fault))

    def _case(self, name: str, faults: tuple[str, ...] = ()) -> Case:
        own = self._epochs_of(name)
        return self._make_case(self.runs[name], own, faults, AUDIT_SUBJECTS)

    def _sound_study(self) -> Case:
        return self._make_case(self.study, self.epochs[:0], (), STUDY_MODELS)

    def _make_case(self, outcomes: RunOutcomes, epochs: pd.DataFrame, *rest: Any) -> Case:
        return Case(outcomes, epochs, *rest, self.protocol, self.seed)

    def _epochs_of(self, name: str) -> pd.DataFrame:
        return self.epochs[self.epochs["run"] == name]
