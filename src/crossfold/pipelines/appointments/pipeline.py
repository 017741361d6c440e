"""The appointment pipeline: clean, then build features."""

from __future__ import annotations

from kedro.pipeline import Pipeline

from crossfold.pipelines.appointments import nodes
from crossfold.templates.wiring import wire

OUTPUTS = {
    "appointments",
    "appointments_rejected",
    "appointments_row_counts",
    "appointment_features",
    "appointment_features_permuted",
}


def create_pipeline() -> Pipeline:
    """Build the pipeline that turns ``appointments_raw`` into the tables of the no-show study."""
    cleaned = ["appointments", "appointments_rejected", "appointments_row_counts"]
    read = ["appointments", "params:appointments"]
    return Pipeline(
        wire(
            (nodes.clean_appointments, ["appointments_raw", "params:appointments"], cleaned),
            (nodes.build_appointment_features, read, "appointment_features"),
            (
                nodes.build_permuted_features,
                [*read, "params:seed"],
                "appointment_features_permuted",
            ),
        ),
        namespace="appointments",
        inputs={"appointments_raw"},
        outputs=OUTPUTS,
        parameters={"params:appointments", "params:seed"},
        tags=["data_engineering"],
    )
