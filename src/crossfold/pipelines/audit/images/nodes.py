"""The node that judges the claims of an image study's source."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from crossfold.pipelines.audit.claims import claims_table, shares_table
from crossfold.pipelines.audit.images import digits, fashion
from crossfold.pipelines.audit.images.judging import Judge, Question
from crossfold.pipelines.audit.images.outcomes import Outcomes, joined_answers
from crossfold.pipelines.audit.images.parameters import (
    FaultsParameters,
    PrintedParameters,
    ProtocolParameters,
    UnstatedParameters,
)
from crossfold.pipelines.audit.images.shown_runs import (
    printed_rows,
    sound_rows,
    tested_on_sample,
)

QUESTIONS: dict[str, Callable[[PrintedParameters], list[Question]]] = {
    "digits": digits.questions,
    "fashion": fashion.questions,
}


def judge_claims(
    trained_runs: pd.DataFrame,
    predictions: pd.DataFrame,
    experiments: pd.DataFrame,
    experiment_predictions: pd.DataFrame,
    twin_predictions: pd.DataFrame,
    protocol: ProtocolParameters,
    faults: FaultsParameters,
    unstated: UnstatedParameters,
    printed: PrintedParameters,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Measure and judge every claim.

    Parameters
    ----------
    trained_runs, predictions
        What the audit trained.
    experiments, experiment_predictions, twin_predictions
        What the study trained, without faults.
    protocol, faults, unstated
        How the audit trained.
    printed
        What the source printed.
    seed
        Of the bootstrap, and of the small samples.

    Returns
    -------
    The tables of claims, of the faults' shares, and of all runs.
    """
    sound = sound_rows(experiments, protocol, printed)
    answers = joined_answers(predictions, experiment_predictions, protocol, sound["epochs"].max())
    outcomes = Outcomes(answers, twin_predictions, protocol.n_resamples, seed)
    judge = Judge(outcomes, protocol, faults, unstated)
    claims = [judge.claim(question) for question in QUESTIONS[protocol.source](printed)]
    reported = tested_on_sample(trained_runs, outcomes, protocol, faults)
    runs = pd.concat([printed_rows(printed), reported, sound], ignore_index=True)
    return claims_table(claims), shares_table(claims), runs
