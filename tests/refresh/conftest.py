"""A Kedro project of three nodes, small enough to refresh in a second."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.processes import Kedro, run_kedro

from kedro_refresh.ledger import Ledger

LOGGING = Path(__file__).parents[2] / "conf" / "logging.yml"
FILES = {
    "pyproject.toml": """
[tool.kedro]
package_name = "toy"
project_name = "toy"
kedro_init_version = "1.7.0"
source_dir = "src"
""",
    ".telemetry": "consent: false\n",
    "src/toy/__init__.py": "",
    "src/toy/settings.py": """
import fsspec
from crossfold.datasets.atomic import AtomicLocalFileSystem
from crossfold.hooks import ProjectHooks
from crossfold.refreshing.hooks import RefreshHooks
from kedro_refresh.adapter import ThreadSafeConfigLoader
fsspec.register_implementation("file", AtomicLocalFileSystem, clobber=True)
HOOKS = (ProjectHooks(), RefreshHooks())
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry",)
CONFIG_LOADER_CLASS = ThreadSafeConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
}
""",
    "src/toy/cli.py": "from crossfold.cli import cli\n",
    "src/toy/schemas.py": """
import pandera.pandas as pa
RAW = pa.DataFrameSchema({"age": pa.Column(str), "missed": pa.Column(str)})
""",
    "src/toy/helpers.py": """
def to_numbers(table):
    return table[["age", "missed"]].astype(int)
""",
    "src/toy/nodes.py": """
import os
import signal
from pathlib import Path
import pandas as pd
from toy.helpers import to_numbers

def clean(raw: pd.DataFrame) -> pd.DataFrame:
    return to_numbers(raw)

def train(table: pd.DataFrame, weight: int) -> dict[str, float]:
    if os.environ.get("KILL_AT") == "train":
        os.kill(os.getpid(), signal.SIGKILL)
    if os.environ.get("ELSEWHERE"):  # somebody else writes a version meanwhile
        later = Path("data/table.parquet/2099-01-01T00.00.00.000Z/table.parquet")
        later.parent.mkdir()
        table.iloc[:1].to_parquet(later)
    return {"rate": float(table["missed"].mean()) * weight}

def report(model: dict[str, float], table: pd.DataFrame) -> str:
    return f"{len(table)} rows, {model['rate']:.3f}"
""",
    "src/toy/pipeline_registry.py": """
from kedro.pipeline import Node, Pipeline
from toy import nodes

def register_pipelines():
    study = Pipeline([
        Node(nodes.clean, "raw", "table", name="clean"),
        Node(nodes.train, ["table", "params:weight"], "model", name="train"),
        Node(nodes.report, ["model", "table"], "report", name="report"),
    ])
    return {"__default__": study, "study": study}
""",
    "conf/base/globals.yml": "data_root: data\n",
    "conf/base/parameters.yml": "weight: 1\n",
    "conf/base/catalog.yml": """
raw:
  type: crossfold.datasets.ExportDataset
  filepath: exports
  validator: {class: toy.schemas.RAW, "on": load}
table:
  type: pandas.ParquetDataset
  filepath: data/table.parquet
  versioned: true
model:
  type: json.JSONDataset
  filepath: data/model.json
  versioned: true
report:
  type: text.TextDataset
  filepath: data/report.txt
  versioned: true
""",
    "exports/a.csv": "age,missed\n30,0\n40,1\n",
}
FROM_A_FOLDER = """
  type: crossfold.datasets.ExportDataset
  filepath: exports
"""
FROM_THE_WEB = """
  type: crossfold.datasets.WebSourceDataset
  url: {}/raw.csv
  timeout_seconds: 0.2
  dataset:
    type: crossfold.datasets.ExportDataset
    filepath: data/raw.csv
"""


@dataclass
class Toy:
    """The project in a folder."""

    folder: Path

    def start(self, *arguments: str, **options: str) -> Kedro:
        """Start ``kedro`` with some arguments."""
        return Kedro(dict(os.environ), self.folder, *arguments, **options)

    def out(self, *options: str) -> tuple[int, str]:
        """Run ``kedro refresh``, and give its exit status and its standard output alone."""
        done = run_kedro(self.folder, "refresh", *options)
        return done.returncode, done.stdout

    def refresh(self, *options: str, **environment: str) -> tuple[int, str]:
        """Run ``kedro refresh``, and give its exit status and what it printed."""
        return self.kedro("refresh", *options, **environment)

    def kedro(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """Run ``kedro``, and give its exit status and what it printed."""
        done = run_kedro(self.folder, *arguments, **environment)
        return done.returncode, done.stdout + done.stderr

    def change(self, file: str, old: str, new: str) -> None:
        """Replace a piece of text in a file."""
        path = self.folder / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def versions(self, name: str) -> list[Path]:
        """List the versions of a dataset, the oldest first."""
        return sorted((self.folder / "data" / name).glob("*/*"))

    def copied_to(self, folder: Path) -> Toy:
        """Copy the project, with the times of its files."""
        shutil.copytree(self.folder, folder)
        return Toy(folder)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.folder / "data" / "ledger.sqlite")

    def nodes_of_the_last_run(self) -> set[str]:
        """Name the nodes that ran to their end in the last run."""
        last = self.ledger.history(1)[0].run
        return {name for name, record in self.ledger.latest_nodes().items() if record.run == last}


def make_toy(folder: Path) -> Toy:
    """Write the project into a folder."""
    for name, text in {**FILES, "conf/logging.yml": LOGGING.read_text()}.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return Toy(folder)


@pytest.fixture(scope="session")
def toy_in() -> Callable[[Path], Toy]:
    """Give the function that writes the project into a folder."""
    return make_toy


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    """Give the project before its first refresh."""
    return make_toy(tmp_path / "toy")


@pytest.fixture(scope="session")
def refreshed_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Refresh the project for the first time."""
    toy = make_toy(tmp_path_factory.mktemp("refreshed") / "toy")
    code, output = toy.refresh()
    assert code == 0, output
    return toy.folder


@pytest.fixture
def refreshed(refreshed_once: Path, tmp_path: Path) -> Toy:
    """Give a copy of the project after its first refresh."""
    return Toy(refreshed_once).copied_to(tmp_path / "toy")


@pytest.fixture(scope="module")
def toy_from_web(lasting_web: Any, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """Give the project before its first refresh, with its exports at a web address."""
    toy = make_toy(tmp_path_factory.mktemp("web") / "toy")
    toy.change("conf/base/catalog.yml", FROM_A_FOLDER, FROM_THE_WEB.format(lasting_web.address))
    return toy
