"""The appointment no-show study, from the raw table to the report."""

from kedro.pipeline import Pipeline

from crossfold.pipelines import appointments
from crossfold.pipelines.no_show import report
from crossfold.templates import cross_validation, reporting
from crossfold.templates.reporting.nodes import FIGURES, TABLES

STUDY = "no_show"


def create_pipeline() -> Pipeline:
    """Build the study; it reads ``appointments_raw``."""
    return (
        appointments.create_pipeline()
        + cross_validation.create_pipeline(
            STUDY,
            table="appointments",
            features="appointment_features",
            permuted_features="appointment_features_permuted",
            networks=("numpy", "torch", "variants", "tuned"),
            searched=(),
        )
        + reporting.create_pipeline(
            STUDY,
            inputs={
                "table": "appointments",
                "features": "appointment_features",
                "row_counts": "appointments_row_counts",
            },
            **reporting.parts_of(report),
            without=("tuned_search",),
            default_tables=[n for n in TABLES if n not in ("left_out", "settings")],
            default_figures=[
                n for n in FIGURES if n not in ("differences", "training_curves", "missing")
            ],
        )
    )
