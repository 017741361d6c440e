"""The gene expression tables: join the source files, then build what models read."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.data_engineering.gene_expression import nodes

_RAW = ["leukaemia_train_raw", "leukaemia_independent_raw", "leukaemia_labels_raw"]
_JOINED = [
    "leukaemia_expression",
    "leukaemia_calls",
    "leukaemia_probes",
    "leukaemia_row_counts",
]
_FEATURES = "leukaemia_features"


def create_pipeline() -> Pipeline:
    """Build the pipeline from the raw files to ``leukaemia_features``."""
    return Pipeline(
        [
            Node(nodes.join_patients, _RAW, _JOINED, name="join_patients"),
            Node(
                nodes.build_expression_features,
                ["leukaemia_expression", "leukaemia_probes", "params:leukaemia"],
                _FEATURES,
                name="build_expression_features",
            ),
        ],
        namespace="leukaemia",
        inputs=set(_RAW),
        outputs={*_JOINED, _FEATURES},
        parameters={"params:leukaemia"},
        tags=["data_engineering"],
    )
