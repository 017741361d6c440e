"""What happens around a run: what it needs, a line for each node, what it found."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines

from crossfold.credentials import folder_of_key, with_patient_key
from crossfold.datasets.atomic import AtomicLocalFileSystem, sweep
from crossfold.datasets.bases import saved_path
from crossfold.exceptions import CrossfoldError
from crossfold.refreshing.hooks import web_copies
from crossfold.user_input import did_you_mean, require_environment, require_parameters

if TYPE_CHECKING:
    import pandas as pd
    from kedro.config import OmegaConfigLoader
    from kedro.framework.context import KedroContext
    from kedro.io import CatalogProtocol
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node

SAMPLE = "sample"
METRICS_TABLE = ".metrics_table"
CONTROL = "permuted"
OWN_MODELS = "mlp"
SHARES = ("accuracy", "balanced_accuracy", "recall", "precision", "specificity")
READ_BY_PEOPLE = {".report": "Report", ".ranked_csv": "Ranked list", ".scored": "Scored rows"}
_logger = logging.getLogger(__name__)


class ProjectHooks:
    """Hooks of every run of this project."""

    def __init__(self) -> None:
        # By the run's id, for a server's requests overlap.
        self._steps: dict[str | None, dict[str, str]] = {}
        self._started: dict[tuple[str | None, str], float] = {}

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Refuse wrong names and values; have a key for patients before the catalog asks for it."""
        if not sys.stdout.isatty():  # nobody needs colours or wrapped lines there
            handler = logging.StreamHandler(sys.stdout)
            handler.setFormatter(
                logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S")
            )
            logging.getLogger().handlers = [handler]
        loader = cast("OmegaConfigLoader", context.config_loader)
        require_environment(loader)
        local = folder_of_key(str(loader.conf_source), Path(context.project_path))
        loader["credentials"] = with_patient_key(context._get_config_credentials(), local)
        pipelines.set_requested(None)  # names of parameters are those that any pipeline reads
        require_parameters(loader, pipelines, misfits)
        require_appointments_columns(loader["globals"].get("appointments_columns") or {})

    @hook_impl(tryfirst=True)  # a run that cannot start does not come into the ledger
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]
    ) -> None:
        """Check what it reads; remove what killed runs left where it writes."""
        if run_params.get("env") == SAMPLE:
            require_no_own_table(pipeline, catalog)
        require_inputs(pipeline, catalog, pipelines)
        n = len(pipeline.nodes)
        steps = {node.name: f"step {i} of {n}: " for i, node in enumerate(pipeline.nodes, 1)}
        self._steps[run_params["run_id"]] = steps
        for copy in web_copies(pipeline, catalog):
            copy.ensure()
        for name in sorted(pipeline.all_outputs()):
            path = local_path(catalog.get(name))
            if path is not None:
                sweep(path)

    @hook_impl
    def before_node_run(self, node: Node, run_id: str | None) -> None:
        """Start the clock."""
        self._started[run_id, node.name] = time.perf_counter()

    @hook_impl
    def after_node_run(self, node: Node, run_id: str | None) -> None:
        """Log which step of the run the node was, and how long it took."""
        seconds = time.perf_counter() - self._started.pop((run_id, node.name))
        # A process that was started anew for a node does not know the run's other nodes.
        step = self._steps.get(run_id, {}).get(node.name, "")
        _logger.info("%s%s, %.1f s", step, node.name, seconds)

    @hook_impl
    def on_node_error(self, error: Exception, node: Node, run_id: str | None) -> None:
        """Say in which node an error came up, for those who read its traceback."""
        self._started.pop((run_id, node.name), None)
        error.add_note(f"This happened in the node {node.name}.")

    @hook_impl
    def on_pipeline_error(
        self, error: Exception, run_params: dict[str, Any], catalog: CatalogProtocol[Any, Any]
    ) -> None:
        """Say in which file the table is that does not fit its schema."""
        self._steps.pop(run_params["run_id"], None)
        dataset = catalog.get(getattr(error, "dataset_name", None) or "")
        file = getattr(dataset, "web_copy", None) or getattr(dataset, "_filepath", None)
        if file is not None:
            error.add_note(str(file))

    @hook_impl
    def after_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]
    ) -> None:
        """Say what each study of the run found, and where its report is."""
        self._steps.pop(run_params["run_id"], None)
        for line in headlines(pipeline, catalog):
            click.echo(line)
        folders: dict[Path, None] = {}
        for name in sorted(pipeline.outputs()):
            if (folder := _folder_of_reports(name, catalog)) is not None:
                folders[folder] = None
                continue
            for suffix, kind in READ_BY_PEOPLE.items():
                if name.endswith(suffix):
                    click.echo(f"{kind}: {saved_path(catalog.get(name))}")
        for folder in folders:
            click.echo(f"Reports: {write_index(folder, catalog)}")


def misfits(parameters: Mapping[str, Any]) -> Iterator[str]:
    """Tell what blocks of each study name that the others do not have."""
    from crossfold.pipelines.images import parameters as images
    from crossfold.pipelines.moons import variants as moons
    from crossfold.pipelines.primer import nodes as primer
    from crossfold.templates.cross_validation import parameters as of_models

    yield from of_models.misfits(parameters)
    studies = {"digits": images, "fashion": images, "moons": moons, "primer": primer}
    for study in filter(parameters.__contains__, studies):
        yield from (f"{study}.{fault}" for fault in studies[study].misfits(parameters[study]))


def require_appointments_columns(columns: Mapping[str, Any]) -> None:
    """Refuse names of columns of appointments that are none, and none where one has to be."""
    from crossfold.pipelines.appointments.cleaning import LABEL, OPTIONAL, REQUIRED, is_extra

    known = [*REQUIRED, *OPTIONAL, LABEL]
    for name, own in columns.items():
        needed = name in (*REQUIRED, LABEL)
        if (needed or own is not None) and not isinstance(own, str):
            raise CrossfoldError(
                f"appointments_columns.{name} in globals.yml is {own!r}: give the file's name of"
                f" this column{'' if needed else ', or null where it has none'}."
            )
        if name not in known and not is_extra(name):
            raise CrossfoldError(
                f"There is no column {name} of appointments{did_you_mean(name, known)}; one of your"
                " own begins with number_, flag_ or category_. Correct appointments_columns in"
                " globals.yml."
            )


def _folder_of_reports(name: str, catalog: CatalogProtocol[Any, Any]) -> Path | None:
    """Find the folder that has one folder of reports for each study; None for any other dataset."""
    study, _, kind = name.rpartition(".")
    path = local_path(catalog.get(name)) if kind == "report" else None
    return path.absolute().parents[1] if path is not None and path.parent.name == study else None


def write_index(folder: Path, catalog: CatalogProtocol[Any, Any]) -> Path:
    """Write the page that leads to all reports of a folder."""
    from crossfold.reports.index import index_page

    notice = "params:data_notice"
    page = index_page(folder, catalog.load(notice) if notice in set(catalog.keys()) else "")
    index = folder / "index.html"
    with AtomicLocalFileSystem().open(index, "w", encoding="utf-8") as file:
        file.write(page)
    return index


def local_path(dataset: Any) -> Path | None:
    """Give the path of a dataset that is a file or folder on this machine."""
    path = getattr(dataset, "_filepath", None)
    is_local = getattr(dataset, "_protocol", "file") == "file"
    return Path(path) if path is not None and is_local else None


def require_no_own_table(pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> None:
    """Refuse real rows where reports call all rows invented, and the key of hashes is public."""
    from crossfold.datasets import TableDataset

    inputs = sorted(pipeline.inputs())
    own = [name for name in inputs if isinstance(catalog.get(name), TableDataset)]
    if own:
        raise CrossfoldError(
            f"{', '.join(own)}: no synthetic data, but a table of your own. Run it without"
            f" --env={SAMPLE}, whose reports call all rows invented."
        )


def require_inputs(
    pipeline: Pipeline, catalog: CatalogProtocol[Any, Any], pipelines: Mapping[str, Pipeline]
) -> None:
    """Refuse to start without a table that another pipeline makes; name the command for it."""
    for name in sorted(pipeline.inputs()):
        maker = smallest_maker(name, pipelines)
        if maker is not None and name in catalog and not catalog.exists(name):
            raise CrossfoldError(
                f"{name} has not been made yet: run kedro run --pipelines={maker} first, in the"
                " same environment."
            )


def smallest_maker(name: str, pipelines: Mapping[str, Pipeline]) -> str | None:
    """Name the pipeline with the fewest nodes that makes a dataset, or None."""
    makers = [key for key, pipeline in pipelines.items() if name in pipeline.all_outputs()]
    return min(
        makers, key=lambda key: (len(pipelines[key].nodes), key == "__default__"), default=None
    )


def headlines(pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> Iterator[str]:
    """Print a line for each study whose metrics the run has written.

    The figure is the first metric of the model that others are compared with, or else of the first
    network, over all folds of the first protocol that is no control on permuted labels: the order
    is the study's own, and nothing is chosen by its value.
    """
    for name in sorted(pipeline.all_outputs()):
        if name.endswith(METRICS_TABLE) and catalog.exists(name):
            study = name.removesuffix(METRICS_TABLE)
            row = headline(catalog.load(name), _reference(study, catalog))
            if row is not None:
                yield f"{study}: {_told(row)}"


def headline(table: pd.DataFrame, model: str | None) -> pd.Series | None:
    """Choose the row, by names and by order alone; None where there is no figure of a result."""
    table = table[~table["protocol"].astype(str).str.contains(CONTROL)]
    networks = table["model"].astype(str).str.startswith(OWN_MODELS)
    for rows in (table[table["model"] == model], table[networks], table):
        if len(rows):
            return rows.iloc[0]
    return None


def _reference(study: str, catalog: CatalogProtocol[Any, Any]) -> str | None:
    # Not `in catalog`: patterns of the catalog would match the name of a parameter too.
    name = f"params:{study}.evaluation"
    return catalog.load(name).reference if name in set(catalog.keys()) else None


def _told(row: pd.Series) -> str:
    from crossfold.reports.tables import Estimate

    value, low, high = (float(row[key]) for key in ("estimate", "low", "high"))
    found = Estimate(row["metric"], value, low, high)
    said = found.percent() if row["metric"] in SHARES else str(found)
    return f"{found.name} {said}, n = {row['n']:,} ({row['model']}, {row['protocol']})"
