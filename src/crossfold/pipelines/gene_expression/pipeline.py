"""The study of gene expression, from the source files to the report."""

from kedro.pipeline import Pipeline

from crossfold.pipelines.gene_expression import nodes, report
from crossfold.templates import cross_validation, reporting
from crossfold.templates.wiring import Functions, wire

STUDY = "gene_expression"


def create_pipeline() -> Pipeline:
    """Build the study; it reads the raw files of ``gene_expression.*_raw``."""
    data: Functions = {
        nodes.join_patients: ["expression", "probes", "row_counts"],
        nodes.build_features: "features",
    }
    named = wire(data, {"parameters": "params:features"})
    return (
        Pipeline(named, namespace=STUDY, tags=["data_engineering"])
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
            inputs={"table": f"{STUDY}.expression"},
            **reporting.parts_of(report),
            without=("feature_importance", "feature_effects", "tuned_search"),
            default_tables=(),
            default_figures=(),
        )
    )
