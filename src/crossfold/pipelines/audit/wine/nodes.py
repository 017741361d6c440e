"""The node that judges the claims of the wine study's source."""

from dataclasses import dataclass

import pandas as pd

from crossfold.pipelines.audit.claims import Claim, claims_table, shares_table
from crossfold.pipelines.audit.measured import FaultShare, Measured
from crossfold.pipelines.audit.runs import (
    PRINTED,
    REPORTED,
    RUN_COLUMNS,
    SOUND,
    only,
    shortened_text,
)
from crossfold.pipelines.audit.wine.claims_of_source import NAMES, Question, questions
from crossfold.pipelines.audit.wine.outcomes import RunOutcomes, run_of_study, runs_of_audit
from crossfold.pipelines.audit.wine.parameters import (
    FaultsParameters,
    PrintedParameters,
    ProtocolParameters,
)
from crossfold.pipelines.audit.wine.search import claim_of_choice
from crossfold.pipelines.reporting.wine.labels import MODELS

# The source's own networks without faults; the study's stand for the sound protocol.
SOUND_SOURCE = "sound:source_networks"


def judge_claims(
    audit_predictions: pd.DataFrame,
    audit_grid: pd.DataFrame,
    predictions: pd.DataFrame,
    protocol: ProtocolParameters,
    faults: FaultsParameters,
    printed: PrintedParameters,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Measure and judge every claim.

    Parameters
    ----------
    audit_predictions, audit_grid
        What the audit trained and searched.
    predictions
        What the study predicted, without faults.
    protocol, faults
        How the audit trained.
    printed
        What the source printed.
    seed
        Of the bootstrap.

    Returns
    -------
    The tables of claims, of the faults' shares, and of all runs.
    """
    judge = Judge(
        runs_of_audit(audit_predictions, protocol.n_resamples, seed),
        run_of_study(predictions, list(NAMES), protocol.n_resamples, seed),
        protocol,
        faults,
    )
    claims = [judge.claim(question) for question in questions(printed)]
    claims.append(claim_of_choice(audit_grid, protocol))
    return claims_table(claims), shares_table(claims), judge.runs_table(printed)


@dataclass(frozen=True)
class Judge:
    """Answers questions from the runs of the audit and from the sound study."""

    runs: dict[str, RunOutcomes]
    study: RunOutcomes
    protocol: ProtocolParameters
    faults: FaultsParameters

    def claim(self, question: Question) -> Claim:
        """Measure a question's quantity in every way."""
        return Claim(
            question.statement,
            reported=question.quantity(self.runs[REPORTED]),
            sound=question.quantity(self.study),
            shares=self._shares(question),
            shortened=shortened_text(self.protocol.network.max_iter, self.protocol.source_epochs),
        )

    def _shares(self, question: Question) -> tuple[FaultShare, ...]:
        sound = question.quantity(self.runs[SOUND])
        return tuple(
            FaultShare(fault, question.quantity(self.runs[only(fault)]), sound.estimate, sound)
            for fault in self.faults.root
        )

    def runs_table(self, printed: PrintedParameters) -> pd.DataFrame:
        """Give what was printed and the accuracy of every model of every run."""
        epochs = self.protocol.network.max_iter
        own = {SOUND_SOURCE if name == SOUND else name: run for name, run in self.runs.items()}
        measured = [
            (name, MODELS[model], "test_accuracy", *run.accuracy(model), epochs)
            for name, run in {**own, SOUND: self.study}.items()
            for model in run.correct
        ]
        rows = [_printed_row(model, getattr(printed, model)) for model in NAMES]
        return pd.DataFrame([*rows, *measured], columns=list(RUN_COLUMNS))


def _printed_row(model: str, accuracy: float) -> tuple[object, ...]:
    nothing = float("nan")
    return PRINTED, MODELS[model], "test_accuracy", *Measured(accuracy, nothing, nothing, 0), None
