"""Data that have changed are compared with those before, once, and told on a page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from nights import Project
from tests.processes import leave_out_other_studies

from crossfold.datasets.samples import make_appointments
from crossfold.refreshing import drift as writer
from crossfold.refreshing.drift import Change, Drift, drift_table
from crossfold.refreshing.hooks import DriftRule
from crossfold.refreshing.promotion import Difference
from kedro_refresh import RefreshError
from kedro_refresh.ledger import Output

REFRESH = """
drift:
  study: {table: table, label: missed}
"""
CATALOG = """
"{study}.drift_table":
  type: pandas.CSVDataset
  filepath: data/drift.csv
  save_args: {index: false}
  versioned: true
"{study}.drift_figure":
  type: crossfold.datasets.FigureDataset
  filepath: data/drift.png
  versioned: true
"{study}.drift_report":
  type: text.TextDataset
  filepath: data/drift.html
  versioned: true
"""
RULE = DriftRule(table="visits", label="missed", model="network", ignore=frozenset({"visit"}))
WORSE = Difference("roc_auc", 0.75, 0.70, -0.05, -0.08, -0.02, 400)


def visits(n: int, rate: float, age: float) -> pd.DataFrame:
    rng = np.random.default_rng(n)
    columns = {"visit": np.arange(n), "missed": rng.random(n) < rate, "age": rng.normal(age, 9, n)}
    return pd.DataFrame({**columns, "sex": rng.choice(["f", "m"], n)})


@pytest.fixture(scope="module")
def drift() -> Drift:
    table = drift_table(RULE, visits(900, 0.4, 50), visits(800, 0.2, 40), WORSE)
    change = Change(Output("2", "b" * 64), Output("1", "a" * 64))
    return Drift("study", RULE, table, change, notice="Synthetic.")


def test_the_table_tells_rows_rates_features_and_models(drift: Drift) -> None:
    table = drift.table.set_index("measure")
    assert table.loc["rows", ["before", "now", "estimate"]].tolist() == [800, 900, 100]
    rate = table.loc["rate"]
    assert rate["before_low"] < rate["before"] < rate["before_high"] < rate["now_low"]
    assert 0.1 < rate["low"] < rate["now"] - rate["before"] < rate["high"] < 0.3
    assert table.loc["feature", "name"].tolist() == ["age", "sex"]
    assert table.loc["feature", "verdict"].tolist() == ["shifted far", "stable"]
    model = table.loc["model"]
    assert (model["name"], model["verdict"], model["n"]) == ("network roc_auc", "worse", 400)


def test_the_page_says_all_of_it(drift: Drift) -> None:
    page = writer.write(drift, b"\x89PNG")
    assert "Synthetic." in page
    assert "study: 800 rows before, 900 now; 1 of 2 features have shifted." in page
    assert "The share of missed True went from" in page
    assert "−0.0500" in page
    assert "visits 1 (sha256 aaaaaaaaaaaa…)" in page
    few = drift_table(RULE, visits(9, 0.4, 50), visits(8, 0.2, 40).assign(city="a"), None)
    told = replace(drift, table=few).in_a_sentence
    assert told.endswith("1 of 3 features have shifted (too few rows to tell: 1; gone: 1).")


def test_data_without_the_label_are_refused() -> None:
    with pytest.raises(RefreshError, match="visits has no column missed: name its label"):
        drift_table(RULE, pd.DataFrame({"age": [1]}), None, None)


@pytest.fixture(scope="module")
def with_rule() -> Callable[..., Any]:
    def add(toy):
        (toy.folder / "conf/base/refresh.yml").write_text(REFRESH)
        with (toy.folder / "conf/base/catalog.yml").open("a") as catalog:
            catalog.write(CATALOG)
        return toy

    return add


def page_of(toy) -> str:
    return toy.versions("drift.html")[-1].read_text()


def test_changed_data_are_told_once(refreshed, with_rule: Callable[..., Any]) -> None:
    toy = with_rule(refreshed)
    code, output = toy.refresh()
    assert code == 0, output
    assert "study: there are no data from before to compare with. See " in output
    assert "there are no data from before" in page_of(toy)
    assert toy.versions("drift.png") == []
    (toy.folder / "exports/b.csv").write_text("age,missed\n50,1\n60,1\n")
    code, output = toy.refresh()
    assert code == 0, output
    assert "study: 2 rows before, 4 now; " in output
    table = pd.read_csv(toy.versions("drift.csv")[-1])
    assert table["measure"].tolist() == ["rows", "rate", "rate", "feature"]
    assert "<img" in page_of(toy)
    n_pages = len(toy.versions("drift.html"))
    for options in ([], ["--force"]):
        code, output = toy.refresh(*options)
        assert (code, "rows before" in output) == (0, False), output
    assert len(toy.versions("drift.html")) == n_pages == 2


def test_data_of_a_plain_run_are_what_was_before(refreshed, with_rule: Callable[..., Any]) -> None:
    """The first three runs wrote the ledger only; the comparison finds their data in it."""
    (refreshed.folder / "exports/b.csv").write_text("age,missed\n50,1\n")
    assert refreshed.kedro("run")[0] == 0
    code, output = with_rule(refreshed).refresh()
    assert (code, "study: 2 rows before, 3 now; " in output) == (0, True), output


EXPORTS = """
appointments_raw:
  type: crossfold.datasets.ExportDataset
  filepath: exports
  columns: ${globals:appointments_columns}
  hashed_columns: [patient]
  credentials: patient_key
  validator:
    class: crossfold.pipelines.appointments.schemas.RAW
    "on": load
"""
NO_SHOW = "base/no_show/parameters.yml"
TUNED = "mlp_tuned:\n        members: "
SHORTER = [
    ("max_iter: 5\n", "max_iter: 1\n"),
    (f"{TUNED}5", f"{TUNED}2"),
    ("n_estimators: 60", "n_estimators: 5"),
    ("max_iter: 150", "max_iter: 5"),
    ("engine: torch}", "engine: numpy}"),  # PyTorch takes longer to load than to train this
    ("engine: torch\n", "engine: numpy\n"),
]
# A model that learns nothing is worse beyond its interval.
LEARNING_NOTHING = [("max_iter: 10\n", "max_iter: 1\n"), ("_init: 0.004", "_init: 0.0000001")]


@pytest.mark.slow
def test_a_refreshed_study_tells_its_data_and_its_models(
    make_project: Callable[[], Path],
) -> None:
    """A second export brings older patients, and the model is made worse at the same time."""
    project = make_project()
    leave_out_other_studies(project / "conf", "sample")
    visits = make_appointments(2000, np.random.default_rng(0))
    (project / "exports").mkdir()
    (project / "conf/sample/appointments/catalog.yml").write_text(EXPORTS)
    for export, rows, changes in (
        ("may", visits[:1500], SHORTER),
        ("june", visits[1500:].assign(Age=90), LEARNING_NOTHING),
    ):
        rows.to_csv(project / f"exports/{export}.csv", index=False)
        for old, new in changes:
            _replace(project / "conf" / NO_SHOW, old, new)
        week = Project(project, outputs=["no_show.model", "no_show.predictions"])
        code, output = week.refresh(datetime.now(UTC), "--env=sample")
        assert code == 0, output
    assert "no_show: 1,500 rows before, 2,000 now; 1 of 27 features have shifted." in output
    decided = "is written but not in use: roc_auc -0."
    assert decided in output
    assert "on the 1,500 rows of both" in output
    folder = project / "data/sample/08_reporting/no_show"
    page = max(folder.glob("drift.html/*/drift.html")).read_text()
    assert page.index("Synthetic sample data") < page.index("what has changed in the data</h1>")
    assert decided in page
    table = pd.read_csv(max(folder.glob("drift.csv/*/drift.csv"))).set_index("measure")
    assert table.loc["model", ["verdict", "n"]].tolist() == ["worse", 1500]
    assert table.loc["feature", "name"].iloc[0] == "age"
    assert len(table.loc["feature"]) == 27
    known = {*visits["PatientId"].astype(str), *visits["AppointmentID"].astype(str)}
    assert not [one for one in known if one in page]


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1, (file, old)
    file.write_text(text.replace(old, new))
