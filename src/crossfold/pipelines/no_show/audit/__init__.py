"""The audit of the no-show study's source: train the runs, time the libraries, judge the claims."""

from functools import cache

import pandas as pd
from kedro.pipeline import Pipeline

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.no_show.audit import training
from crossfold.pipelines.no_show.audit.measures import Case, NoShowClaims
from crossfold.templates import audit
from crossfold.templates.audit import Setup
from crossfold.templates.cross_validation.folds import MAIN

# The sound study's models that stand for the audit's.
STUDY_MODELS = {
    "weighted": "mlp_weighted",
    "weighted_numpy": "mlp_weighted",
    "unweighted": "mlp_numpy",
    "focal": "mlp_focal",
    "numpy": "mlp_numpy",
    "torch": "mlp_torch",
    "network": "mlp_tuned",
}
AUDIT_SUBJECTS = {"weighted": "torch", "weighted_numpy": "numpy", "network": "torch"}
TREES = ("hist_gradient_boosting", "random_forest")


def judge_claims(
    answers: pd.DataFrame,
    speed: pd.DataFrame,
    predictions: pd.DataFrame,
    protocol: training.ProtocolParameters,
    claims: NoShowClaims,
    seed: int,
) -> audit.Tables:
    """Measure and judge every claim; the study's models (`predictions`) are the sound ones."""
    runs = {str(run): part for run, part in answers.groupby("run", observed=True)}

    @cache
    def trained(setup: Setup) -> Case:
        own = _by_subject(runs[setup.name], "subject")
        return Case(own, AUDIT_SUBJECTS, speed, setup.faults, protocol, seed)

    sound = Case(study_answers(predictions), STUDY_MODELS, speed, (), protocol, seed)

    def case_of(setup: Setup) -> Case:
        if setup == Setup():
            return sound
        return trained(setup.keep(training.TRAINING_FAULTS)).with_faults(setup.faults)

    return audit.judge(claims, case_of, epochs=(protocol.network.max_iter, protocol.source_epochs))


def study_answers(predictions: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Find what the sound study's models answered, before calibration.

    Raises a `CrossfoldError`: the study has not evaluated one of them.
    """
    grouped = predictions[predictions["protocol"].isin(MAIN)]
    needed = {*STUDY_MODELS.values(), *TREES}
    if missing := sorted(needed - set(grouped["model"].unique())):
        raise CrossfoldError(
            f"The audit compares with {', '.join(missing)}, which the last run of the no-show study"
            " did not evaluate; run kedro run --pipelines=no_show."
        )
    chosen = grouped[grouped["model"].isin({*needed, "xgboost"})]
    return _by_subject(chosen.rename(columns={"raw_p1": "probability"}), "model")


def _by_subject(table: pd.DataFrame, name: str) -> dict[str, pd.DataFrame]:
    return {
        str(subject): part.sort_values("row")
        for subject, part in table.groupby(name, observed=True)
    }


def create_pipeline() -> Pipeline:
    """Build the audit; the study's own predictions must have been made before."""
    return audit.create_pipeline(
        NoShowClaims,
        {
            training.train_runs: "answers",
            training.time_twins: "speed",
            judge_claims: audit.TABLES,
        },
        {"appointments_raw": "appointments_raw", "predictions": "no_show.predictions"},
    )
