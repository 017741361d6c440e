"""The study of any table, by configuration alone; and the scoring of new rows of its kind."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.table import nodes
from crossfold.templates import cross_validation, reporting

PARAMETERS_FILE = "parameters_table.yml"
"""What makes a folder of ``conf/base`` the study of a table."""


def create_pipeline(name: str) -> Pipeline:
    """Build the study of a table, from ``NAME.raw`` to the report.

    Parameters
    ----------
    name
        Name of the study: its folder in ``conf/base``, and its namespace.
    """
    return (
        create_data_pipeline(name)
        + cross_validation.create_pipeline(name, table=f"{name}.table", features=f"{name}.features")
        + reporting.create_pipeline(name)
    )


def create_scoring(name: str) -> Pipeline:
    """Build the pipeline that scores ``NAME.coming`` with ``NAME.model``."""
    return Pipeline(
        [
            Node(
                nodes.build_coming_features,
                [f"{name}.coming", f"{name}.table", f"params:{name}.table"],
                f"{name}.coming_features",
                name="build_coming_features",
                namespace=f"{name}.score",
            ),
            Node(
                nodes.score_rows,
                [f"{name}.model", f"{name}.coming_features"],
                f"{name}.scored",
                name="score_rows",
                namespace=f"{name}.score",
            ),
        ],
        tags=["scoring"],
    )


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
