"""The study of wine colours, from the source files to the report."""

from kedro.pipeline import Pipeline

from crossfold.pipelines.wine import nodes, report
from crossfold.templates import cross_validation, reporting
from crossfold.templates.wiring import wire


def create_pipeline() -> Pipeline:
    """Build the study; it reads ``red_wines_raw`` and ``white_wines_raw``."""
    return (
        Pipeline(
            wire({nodes.join_wines: "wines", nodes.count_wines: "wines_row_counts"}, {}),
            tags=["data_engineering"],
        )
        + cross_validation.create_pipeline(
            "wine",
            table="wines",
            features="wines",
            networks=("numpy", "tuned"),
            estimators=("baselines",),
            final="numpy",
        )
        + reporting.create_pipeline(
            "wine",
            inputs={"table": "wines", "features": "wines", "row_counts": "wines_row_counts"},
            **reporting.parts_of(report),
        )
    )
