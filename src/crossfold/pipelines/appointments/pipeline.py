"""The appointment pipeline: clean, then build features."""

from kedro.pipeline import Pipeline

from crossfold.pipelines.appointments import nodes
from crossfold.templates.wiring import Functions, wire

CLEANED = ["appointments", "appointments_rejected", "appointments_row_counts"]
FEATURES = ["appointment_features", "appointment_features_permuted"]


def create_pipeline() -> Pipeline:
    """Build the pipeline that turns ``appointments_raw`` into the tables of the no-show study."""
    functions: Functions = {
        nodes.clean_appointments: CLEANED,
        nodes.build_appointment_features: FEATURES[0],
        nodes.build_permuted_features: FEATURES[1],
    }
    reads = {"appointments_parameters": "params:appointments", "seed": "params:seed"}
    return Pipeline(
        wire(functions, reads),
        namespace="appointments",
        inputs={"appointments_raw"},
        outputs={*CLEANED, *FEATURES},
        parameters={"params:appointments", "params:seed"},
        tags=["data_engineering"],
    )
