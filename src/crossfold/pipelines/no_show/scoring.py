"""Scoring: coming appointments are cleaned, and ranked by risk with the model that is in use."""

from typing import Any

import pandas as pd
from kedro.pipeline import Pipeline

from crossfold.pipelines.appointments import nodes
from crossfold.templates.cross_validation.final_model import score
from crossfold.templates.wiring import Functions, wire


def create_pipeline() -> Pipeline:
    """Build the pipeline; past appointments are the cleaned table of the study's last run."""
    functions: Functions = {
        nodes.clean_coming_appointments: ["coming", "rejected", "row_counts"],
        nodes.build_coming_features: "features",
        rank_by_risk: ["ranked", "ranked_csv"],
    }
    return Pipeline(
        wire(functions, {"appointments_parameters": "params:appointments"}),
        namespace="no_show.score",
        inputs={"appointments": "appointments", "model": "no_show.promoted_model"},
        parameters={"params:appointments"},
        tags=["scoring"],
    )


def rank_by_risk(
    model: tuple[list[Any], dict[str, Any]], coming: pd.DataFrame, features: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rank coming appointments by their risk of a no-show, the riskiest first.

    Coming appointments are cleaned; the features are of the same rows in the same order.

    Returns ``rank`` from 1, ``appointment_id``, ``appointment_day``, ``probability`` in [0, 1] and
    ``flagged``: whether the probability reaches the model's threshold. Twice, for two file formats.
    """
    scored = score(model, features)
    ranked = (
        coming[["appointment_id", "appointment_day"]]
        .reset_index(drop=True)
        .join(scored.reset_index(drop=True))
        # In the order of numbers, though identifiers are texts.
        .sort_values("appointment_id", key=lambda texts: texts.str.zfill(texts.str.len().max()))
        .sort_values("probability", ascending=False, kind="stable")
    )
    ranked.insert(0, "rank", range(1, len(ranked) + 1))
    ranked = ranked.reset_index(drop=True)
    return ranked, ranked
