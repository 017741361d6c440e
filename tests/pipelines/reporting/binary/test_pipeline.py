"""The template, run through the project's own catalog."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline
from kedro.runner import SequentialRunner

from crossfold.pipelines.reporting.binary import APPOINTMENTS, create_pipeline
from crossfold.pipelines.reporting.binary.parameters import ReportParameters

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return create_pipeline(
        "no_show",
        records="appointments",
        row_counts="appointments_row_counts",
        description=APPOINTMENTS,
    )


def test_nodes_stand_in_the_studys_namespace(pipeline: Pipeline) -> None:
    assert len(pipeline.nodes) == 8
    assert {node.namespace for node in pipeline.nodes} == {"no_show.reporting"}
    assert all("reporting" in node.tags for node in pipeline.nodes)


def test_it_reads_what_the_other_pipelines_write(pipeline: Pipeline) -> None:
    assert pipeline.inputs() == {
        "appointments",
        "appointments_row_counts",
        "no_show.predictions",
        "no_show.history",
        "no_show.metrics_table",
        "no_show.comparison",
        "no_show.leak_guard",
        "no_show.model_card",
        "params:data_notice",
        "params:no_show.report",
        "params:seed",
    }


def test_a_second_study_shares_nothing_but_parameters(pipeline: Pipeline) -> None:
    other = create_pipeline("wine", "wine_rows", "wine_counts", APPOINTMENTS)
    assert not pipeline.all_outputs() & other.all_outputs()
    assert pipeline.inputs() & other.inputs() == {"params:data_notice", "params:seed"}


def catalog_at(folder: Path, inputs: SimpleNamespace, report: ReportParameters) -> DataCatalog:
    """Build the catalog from the project's configuration, with its data in another folder."""
    loader = OmegaConfigLoader(str(ROOT / "conf"), base_env="base", default_run_env="base")
    root = loader["globals"]["data_root"]
    entries = {
        name: {**entry, "filepath": entry["filepath"].replace(root, str(folder), 1)}
        for name, entry in loader["catalog"].items()
        if name.startswith("{study}.")
    }
    given = {
        "appointments": inputs.appointments,
        "appointments_row_counts": inputs.row_counts,
        "params:data_notice": "Made up.",
        "params:seed": 42,
        "params:no_show.report": report,
    }
    names = ("predictions", "history", "metrics_table", "comparison", "leak_guard", "model_card")
    given |= {f"no_show.{name}": getattr(inputs, name) for name in names}
    catalog = DataCatalog.from_config(entries)
    for name, data in given.items():
        catalog[name] = MemoryDataset(data)
    return catalog


def test_a_run_writes_every_table_figure_and_the_report(
    tmp_path: Path,
    pipeline: Pipeline,
    inputs: SimpleNamespace,
    report_parameters: ReportParameters,
) -> None:
    catalog = catalog_at(tmp_path, inputs, report_parameters)
    SequentialRunner().run(pipeline, catalog)
    for name in pipeline.all_outputs():
        assert catalog.exists(name), name
        assert not isinstance(catalog[name], MemoryDataset), name
    reporting = tmp_path / "08_reporting" / "no_show"
    assert len(list(reporting.glob("figures/*.png/*/*.png"))) == 19
    assert len(list(reporting.glob("tables/*.csv/*/*.csv"))) == 17
    (report,) = reporting.glob("report.html/*/report.html")
    html = report.read_text(encoding="utf-8")
    assert html.count("data:image/") == 19
    assert len(html) < 4_000_000
