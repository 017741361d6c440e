"""The scoring pipeline: clean coming appointments, build their features, rank them."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.appointments.nodes import (
    build_coming_features,
    clean_coming_appointments,
)
from crossfold.pipelines.scoring.nodes import rank_by_risk


def create_pipeline(study: str) -> Pipeline:
    """Build the pipeline that ranks coming appointments with the model of a study that is in use.

    Its past appointments are the cleaned table of the study's last run.
    """
    return Pipeline(
        [
            Node(
                clean_coming_appointments,
                ["coming_raw", "params:appointments"],
                ["coming", "rejected", "row_counts"],
                name="clean_coming_appointments",
            ),
            Node(
                build_coming_features,
                ["coming", "appointments", "params:appointments"],
                "features",
                name="build_coming_features",
            ),
            Node(
                rank_by_risk,
                ["model", "coming", "features"],
                ["ranked", "ranked_csv"],
                name="rank_by_risk",
            ),
        ],
        namespace=f"{study}.score",
        inputs={"appointments": "appointments", "model": f"{study}.promoted_model"},
        parameters={"params:appointments"},
        tags=["scoring"],
    )
