"""The appointment pipeline: clean, then build features."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.appointments import nodes

OUTPUTS = {
    "appointments",
    "appointments_rejected",
    "appointments_row_counts",
    "appointment_features",
    "appointment_features_permuted",
}


def create_pipeline() -> Pipeline:
    """Build the pipeline that turns ``appointments_raw`` into the tables of the no-show study."""
    return Pipeline(
        [
            Node(
                nodes.clean_appointments,
                ["appointments_raw", "params:appointments"],
                ["appointments", "appointments_rejected", "appointments_row_counts"],
                name="clean_appointments",
            ),
            Node(
                nodes.build_appointment_features,
                ["appointments", "params:appointments"],
                "appointment_features",
                name="build_appointment_features",
            ),
            Node(
                nodes.build_permuted_features,
                ["appointments", "params:appointments", "params:seed"],
                "appointment_features_permuted",
                name="build_permuted_features",
            ),
        ],
        namespace="appointments",
        inputs={"appointments_raw"},
        outputs=OUTPUTS,
        parameters={"params:appointments", "params:seed"},
        tags=["data_engineering"],
    )
