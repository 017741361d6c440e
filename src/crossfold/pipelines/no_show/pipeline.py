"""The appointment no-show study, from the raw table to the report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kedro.pipeline import Pipeline

from crossfold.pipelines import appointments
from crossfold.pipelines.no_show import figures, tables
from crossfold.templates import cross_validation, reporting

STUDY = "no_show"
TABLES: dict[str, Callable[..., Any]] = {
    "no_show_by_lead_time": tables.no_show_by_lead_time,
    "no_show_by_age": tables.no_show_by_age,
    "no_show_by_condition": tables.no_show_by_condition,
    "no_show_by_handicap": tables.no_show_by_handicap,
    "sms_by_lead_time": tables.sms_by_lead_time,
    "subgroups": tables.subgroups,
    "subgroup_gaps": tables.subgroup_gaps,
    "thresholds": tables.thresholds,
}
FIGURES: dict[str, Callable[..., Any]] = {
    "no_show_by_lead_time": figures.no_show_by_lead_time,
    "no_show_by_age": figures.no_show_by_age,
    "no_show_by_condition": figures.no_show_by_condition,
    "no_show_by_handicap": figures.no_show_by_handicap,
    "sms_by_lead_time": figures.sms_by_lead_time,
    "rows_apart": figures.rows_apart,
    "subgroups": figures.subgroups,
    "thresholds": figures.thresholds,
    "confusion_matrix": figures.confusion_matrix,
    "twin_training": figures.twin_training,
    "loss_weighting": figures.loss_weighting,
}


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
            page=Path(__file__).with_name("report.md.j2"),
            inputs={
                "table": "appointments",
                "features": "appointment_features",
                "row_counts": "appointments_row_counts",
            },
            tables=TABLES,
            figures=FIGURES,
            words=tables.words,
            without=("tuned_search",),
            default_tables=(
                "models",
                "comparisons",
                "data",
                "columns",
                "decision",
                "calibration",
                "net_benefit",
                "importance",
                "effects",
            ),
            default_figures=(
                "models",
                "protocols",
                "outcomes",
                "calibration",
                "decision",
                "net_benefit",
                "by_outcome",
                "importance",
                "effects",
                "target",
            ),
        )
    )
