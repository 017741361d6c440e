"""The study of gene expression, from the source files to the report."""

from pathlib import Path

from kedro.pipeline import Pipeline

from crossfold.pipelines.gene_expression import nodes, report
from crossfold.templates import cross_validation, reporting
from crossfold.templates.wiring import wire

STUDY = "gene_expression"


def create_pipeline() -> Pipeline:
    """Build the study; it reads the raw files of ``gene_expression.*_raw``."""
    raw = ["train_raw", "independent_raw", "labels_raw"]
    data = wire(
        (nodes.join_patients, raw, ["expression", "calls", "probes", "row_counts"]),
        (nodes.build_features, ["expression", "probes", "params:features"], "features"),
    )
    return (
        Pipeline(data, namespace=STUDY, tags=["data_engineering"])
        + cross_validation.create_pipeline(
            STUDY,
            table=f"{STUDY}.expression",
            features=f"{STUDY}.features",
            networks=("variants",),
            estimators=("baselines",),
            control=None,
            final="variants",
            importance=False,
            leaks="variants",
        )
        + reporting.create_pipeline(
            STUDY,
            page=Path(__file__).with_name("report.md.j2"),
            inputs={"table": f"{STUDY}.expression"},
            tables=report.TABLES,
            figures=report.FIGURES,
            words=report.words,
            without=("feature_importance", "feature_effects", "tuned_search"),
            default_tables=(),
            default_figures=(),
        )
    )
