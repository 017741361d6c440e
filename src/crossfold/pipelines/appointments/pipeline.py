"""The appointment pipeline: clean, then build features."""

from kedro.pipeline import Pipeline

from crossfold.pipelines.appointments import nodes
from crossfold.templates.wiring import wire

CLEANED = ["appointments", "appointments_rejected", "appointments_row_counts"]
FEATURES = ["appointment_features", "appointment_features_permuted"]


def create_pipeline() -> Pipeline:
    """Build the pipeline that turns ``appointments_raw`` into the tables of the no-show study."""
    read = ["appointments", "params:appointments"]
    return Pipeline(
        wire(
            (nodes.clean_appointments, ["appointments_raw", "params:appointments"], CLEANED),
            (nodes.build_appointment_features, read, FEATURES[0]),
            (nodes.build_permuted_features, [*read, "params:seed"], FEATURES[1]),
        ),
        namespace="appointments",
        inputs={"appointments_raw"},
        outputs={*CLEANED, *FEATURES},
        parameters={"params:appointments", "params:seed"},
        tags=["data_engineering"],
    )
