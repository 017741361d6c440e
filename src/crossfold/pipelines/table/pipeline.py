"""The study of any table, by configuration alone; and the scoring of new rows of its kind."""

from kedro.pipeline import Pipeline

from crossfold.pipelines.table import nodes
from crossfold.templates import cross_validation, reporting
from crossfold.templates.wiring import wire

PARAMETERS_FILE = "parameters_table.yml"
"""What makes a folder of ``conf/base`` the study of a table."""

ENSEMBLE = "ensemble"
"""Family of the network that the report is about."""


def create_pipeline(name: str) -> Pipeline:
    """Build the study of a table, from ``NAME.raw`` to the report.

    Its name is that of its folder in ``conf/base``, and its namespace.
    """
    return (
        create_data_pipeline(name)
        + cross_validation.create_pipeline(
            name,
            table=f"{name}.table",
            features=f"{name}.features",
            networks=("numpy", "torch", ENSEMBLE),
            searched=(ENSEMBLE,),
            final=ENSEMBLE,
        )
        + reporting.create_pipeline(name, inputs={"tuned_search": f"{name}.{ENSEMBLE}_search"})
    )


def create_scoring(name: str) -> Pipeline:
    """Build the pipeline that scores ``NAME.coming`` with ``NAME.model``."""
    features = f"{name}.coming_features"
    reads = [f"{name}.coming", f"{name}.table", f"params:{name}.table"]
    return Pipeline(
        wire(
            (nodes.build_coming_features, reads, features),
            (nodes.score_rows, [f"{name}.model", features], f"{name}.scored"),
            namespace=f"{name}.score",
        ),
        tags=["scoring"],
    )


def create_data_pipeline(name: str) -> Pipeline:
    """Build the pipeline of a table study; it reads ``NAME.raw`` and writes ``NAME.features``."""
    parameters = f"params:{name}.table"
    prepared = [f"{name}.{table}" for table in ("table", "rejected", "row_counts")]
    return Pipeline(
        wire(
            (nodes.prepare_table, [f"{name}.raw", parameters], prepared),
            (nodes.build_features, [prepared[0], parameters], f"{name}.features"),
            namespace=name,
        ),
        tags=["data_engineering"],
    )
