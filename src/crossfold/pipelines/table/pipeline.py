"""The study of any table, by configuration alone; and the scoring of new rows of its kind."""

from kedro.pipeline import Pipeline

from crossfold.pipelines.table import nodes
from crossfold.templates import cross_validation, reporting
from crossfold.templates.reporting.results import OwnReportParameters
from crossfold.templates.wiring import Functions, wire

PARAMETERS_FILE = "parameters_table.yml"
"""What makes a folder of ``conf/base`` the study of a table."""

ENSEMBLE = "ensemble"
"""Family of the network that the report is about."""


def create_pipeline(name: str) -> Pipeline:
    """Build the study of a table, from ``NAME.raw`` to the report.

    Its name is that of its folder in ``conf/base``, and its namespace.
    """
    reporting_of_table = reporting.create_pipeline(
        name,
        inputs={"tuned_search": f"{name}.{ENSEMBLE}_search"},
        types={"report": OwnReportParameters},
    )
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
        + reporting_of_table
    )


def create_scoring(name: str) -> Pipeline:
    """Build the pipeline that scores ``NAME.coming`` with ``NAME.model``."""
    functions: Functions = {
        nodes.build_coming_features: f"{name}.coming_features",
        nodes.score_rows: f"{name}.scored",
    }
    reads = {one: f"{name}.{one}" for one in ("table", "model", "coming_features")}
    reads |= {"coming_raw": f"{name}.coming", "table_parameters": f"params:{name}.table"}
    return Pipeline(wire(functions, reads, f"{name}.score"), tags=["scoring"])


def create_data_pipeline(name: str) -> Pipeline:
    """Build the pipeline of a table study; it reads ``NAME.raw`` and writes ``NAME.features``."""
    functions: Functions = {
        nodes.prepare_table: ["table", "rejected", "row_counts"],
        nodes.build_features: "features",
    }
    made = wire(functions, {"table_parameters": "params:table"})
    return Pipeline(made, namespace=name, tags=["data_engineering"])
