"""The template, run through the project's own catalog."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline
from kedro.runner import SequentialRunner

from crossfold.pipelines.reporting.images import create_pipeline
from crossfold.pipelines.reporting.images import pipeline as template
from crossfold.pipelines.reporting.images.parameters import ReportParameters

ROOT = Path(__file__).parents[4]
FROM_MODELLING = (
    "split",
    "leak_guard",
    "learning_rates",
    "experiments",
    "history",
    "predictions",
    "metrics_table",
    "comparison",
    "twins",
    "model_card",
)
SHARED = {"params:seed"}


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return create_pipeline("digits", "mnist")


def test_nodes_stand_in_the_studys_namespace(pipeline: Pipeline) -> None:
    assert len(pipeline.nodes) == 8
    assert {node.namespace for node in pipeline.nodes} == {"digits.reporting"}
    assert all("reporting" in node.tags for node in pipeline.nodes)


def test_it_reads_what_the_other_pipelines_write(pipeline: Pipeline) -> None:
    parameters = {
        f"params:digits.{name}" for name in ("classes", "highlighted", "report", "comparisons")
    }
    assert pipeline.inputs() == {
        "mnist_images",
        "mnist_labels",
        *(f"digits.{name}" for name in FROM_MODELLING),
        *parameters,
        *SHARED,
    }


def test_a_second_study_shares_nothing_but_the_seed(pipeline: Pipeline) -> None:
    other = create_pipeline("fashion", "fashion_mnist")
    assert not pipeline.all_outputs() & other.all_outputs()
    assert pipeline.inputs() & other.inputs() == SHARED


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
        "mnist_images": inputs.images,
        "mnist_labels": inputs.labels,
        "params:seed": 42,
        "params:digits.classes": inputs.classes,
        "params:digits.highlighted": inputs.highlighted,
        "params:digits.report": report,
        "params:digits.comparisons": inputs.comparisons,
    }
    given |= {f"digits.{name}": getattr(inputs, name) for name in FROM_MODELLING}
    catalog = DataCatalog.from_config(entries)
    for name, data in given.items():
        catalog[name] = MemoryDataset(data)
    return catalog


@pytest.mark.parametrize("name", ["digits"], indirect=True)
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
    reporting = tmp_path / "08_reporting" / "digits"
    assert len(list(reporting.glob("figures/*.png/*/*.png"))) == len(template.FIGURES)
    assert len(list(reporting.glob("tables/*.csv/*/*.csv"))) == len(template.TABLES)
    (report,) = reporting.glob("report.html/*/report.html")
    html = report.read_text(encoding="utf-8")
    assert html.count("data:image/") >= len(template.FIGURES) - 2
    assert len(html) < 4_000_000
