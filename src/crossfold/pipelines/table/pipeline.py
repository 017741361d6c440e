"""Data engineering of any table: typed rows, rejected rows, features."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.table import nodes


def create_data_pipeline(name: str) -> Pipeline:
    """Build the pipeline of a table study; it reads ``NAME.raw`` and writes ``NAME.features``.

    Parameters
    ----------
    name
        Name of the study, in ``conf/base`` and in the catalog.
    """
    parameters = f"params:{name}.table"
    return Pipeline(
        [
            Node(
                nodes.prepare_table,
                [f"{name}.raw", parameters],
                [f"{name}.table", f"{name}.rejected", f"{name}.row_counts"],
                name="prepare_table",
                namespace=name,
            ),
            Node(
                nodes.build_features,
                [f"{name}.table", parameters],
                f"{name}.features",
                name="build_features",
                namespace=name,
            ),
        ],
        tags=["data_engineering"],
    )
