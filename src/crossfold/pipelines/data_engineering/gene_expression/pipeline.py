"""The gene expression tables: join the source files, then build what models read."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.data_engineering.gene_expression import nodes

SOURCE = "leukaemia"
RAW = ("train_raw", "independent_raw", "labels_raw")


def create_pipeline() -> Pipeline:
    """Build the pipeline from the raw files to ``leukaemia.features``."""
    return Pipeline(
        [
            Node(
                nodes.join_patients,
                list(RAW),
                ["expression", "calls", "probes", "row_counts"],
                name="join_patients",
            ),
            Node(
                nodes.build_expression_features,
                ["expression", "probes", "params:features"],
                "features",
                name="build_expression_features",
            ),
        ],
        namespace=SOURCE,
        tags=["data_engineering"],
    )
