"""The scoring pipeline: clean coming appointments, build their features, rank them."""

from __future__ import annotations

from kedro.pipeline import Pipeline

from crossfold.pipelines.appointments import nodes
from crossfold.pipelines.scoring.nodes import rank_by_risk
from crossfold.templates.wiring import wire


def create_pipeline(study: str) -> Pipeline:
    """Build the pipeline that ranks coming appointments with the model of a study that is in use.

    Its past appointments are the cleaned table of the study's last run.
    """
    cleaned, parameters = ["coming", "rejected", "row_counts"], "params:appointments"
    return Pipeline(
        wire(
            (nodes.clean_coming_appointments, ["coming_raw", parameters], cleaned),
            (nodes.build_coming_features, ["coming", "appointments", parameters], "features"),
            (rank_by_risk, ["model", "coming", "features"], ["ranked", "ranked_csv"]),
        ),
        namespace=f"{study}.score",
        inputs={"appointments": "appointments", "model": f"{study}.promoted_model"},
        parameters={"params:appointments"},
        tags=["scoring"],
    )
