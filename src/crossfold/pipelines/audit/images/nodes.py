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
from crossfold.pipelines.images.data import COLUMNS, SOURCE

QUESTIONS: dict[str, Callable[[PrintedParameters], list[Question]]] = {
    "digits": digits.questions,
    "fashion": fashion.questions,
}


def judge_claims(
    trained_runs: pd.DataFrame,
    predictions: pd.DataFrame,
    split_table: pd.DataFrame,
    experiments: pd.DataFrame,
    history: pd.DataFrame,
    study_predictions: pd.DataFrame,
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
    split_table, experiments, history, study_predictions
        What the study trained, without faults, and on which images.
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
    n_images = split_table[COLUMNS[SOURCE]].value_counts()
    sound = sound_rows(experiments, history, study_predictions, n_images, protocol, printed)
    answers = joined_answers(predictions, study_predictions, protocol, sound["epochs"].max())
    outcomes = Outcomes(answers, study_predictions, protocol.n_resamples, seed)
    judge = Judge(outcomes, protocol, faults, unstated)
    claims = [judge.claim(question) for question in QUESTIONS[protocol.source](printed)]
    reported = tested_on_sample(trained_runs, outcomes, protocol, faults)
    runs = pd.concat([printed_rows(printed), reported, sound], ignore_index=True)
    return claims_table(claims), shares_table(claims), runs
