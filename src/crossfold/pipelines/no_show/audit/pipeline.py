"""The audit of the no-show study's source: train the runs, time the libraries, judge the claims."""

from __future__ import annotations

from kedro.pipeline import Pipeline

from crossfold.pipelines.no_show.audit.measures import NoShowClaims
from crossfold.pipelines.no_show.audit.nodes import draw_epochs, judge_claims
from crossfold.pipelines.no_show.audit.training import time_twins, train_runs
from crossfold.templates import audit


def create_pipeline() -> Pipeline:
    """Build the audit; the study's own predictions must have been made before."""
    return audit.create_pipeline(
        NoShowClaims,
        {
            train_runs: ["answers", "epochs"],
            time_twins: "speed",
            draw_epochs: "figure_epochs",
            judge_claims: audit.TABLES,
        },
        {"appointments_raw": "appointments_raw", "predictions": "no_show.predictions"},
    )
