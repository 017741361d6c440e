"""Seven nights of exports that come in one by one, with a bad one, an outage and a kill."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from nights import Project
from safetensors import safe_open
from tests.processes import leave_out_other_studies

from crossfold.datasets.atomic import TEMPORARY_SUFFIX
from crossfold.datasets.networks import read_promotion
from crossfold.datasets.samples import add_invalid_rows, make_appointments

pytestmark = pytest.mark.slow
FIRST_NIGHT = datetime(2030, 1, 7, 2, 17, tzinfo=UTC)
KEEP = {"last": 2, "days": 2}
# Two nights and a second run in one of them are younger than two days.
MOST_VERSIONS = 3
TRAINING = "no_show.final_model.fit_final_networks"
GUARD = "no_show.folds.guard_against_leaks"  # its turn comes after the training
DRIFT = "no_show.drift"  # follows every run that has refreshed data
SETTINGS = {
    "globals.yml": {"appointments_export": "exports"},
    "credentials.yml": {"patient_key": {"key": "a key of the test"}},
    "refresh.yml": {"keep": KEEP, "promote": "always"},
    "parameters.yml": {
        "no_show": {
            # Days on both sides of it are in the first export already.
            "folds": {"first_test_day": "2016-05-03"},
            "models": {
                "baselines": {
                    "random_forest": {"params": {"n_estimators": 3}},
                    "hist_gradient_boosting": {"params": {"max_iter": 5}},
                },
                "tuned": {
                    "mlp_tuned": {"members": 2, "params": {"engine": "numpy", "max_iter": 1}}
                },
            },
            "evaluation": {"n_resamples": 50},
        }
    },
}


@pytest.fixture
def project(make_project: Callable[[], Path]) -> Callable[[], Project]:
    """Give a function that makes a project whose exports are still to come."""

    def make() -> Project:
        made = Project(make_project())
        leave_out_other_studies(made.folder / "conf")
        local = made.folder / "conf" / "local"
        local.mkdir(exist_ok=True)
        for name, settings in SETTINGS.items():
            (local / name).write_text(yaml.safe_dump(settings))
        made.exports.mkdir()
        return made

    return make


@pytest.fixture
def exports(tmp_path: Path) -> list[Path]:
    """Cut a table by the day of the appointment into seven exports.

    It is the published one with every fortieth patient, if that is here.
    """
    mirror = os.environ.get("CROSSFOLD_MIRROR")
    if mirror:
        file = Path(mirror, "appointments", "KaggleV2-May-2016.csv")
        table = pd.read_csv(file, dtype="str", keep_default_na=False)
        table = table[table["PatientId"].isin(table["PatientId"].unique()[::40])]
    else:
        table = add_invalid_rows(make_appointments(3000, np.random.default_rng(0)), 1)
    day = table["AppointmentDay"].str[:10]
    files = []
    for days in np.array_split(np.unique(day), 7):
        files.append(tmp_path / f"until-{days[-1]}.csv")
        table[day.isin(days)].to_csv(files[-1], index=False)
    return files


def test_a_week_of_refreshes_ends_where_one_run_on_everything_does(
    project: Callable[[], Project], exports: list[Path]
) -> None:
    week = Week(project())
    week.goes_well(1, exports[0])
    week.goes_well(2, exports[1])
    week.meets_a_bad_export(3, exports[2])
    week.goes_well(4, exports[2], exports[3])
    week.finds_no_folder(5, exports[4])
    week.is_killed(6, exports[5])
    week.is_taken_up(6)
    week.goes_well(7, exports[6])
    assert week.project.refresh(night(7, hours=1), "--check")[0] == 0

    once = project()
    for file in exports:
        shutil.copy(file, once.exports)
    assert once.refresh(night(7))[0] == 0
    assert len(newest(once)) == 10
    assert newest(week.project) == newest(once)


class Week:
    """What happens to a project night by night, and what is to be seen of it afterwards."""

    def __init__(self, project: Project) -> None:
        self.project = project

    def goes_well(self, number: int, *files: Path) -> None:
        for file in files:
            shutil.copy(file, self.project.exports)
        before = newest(self.project)
        self._refreshes(night(number), 0)
        assert self._last_result() == ("done", None)
        assert set(newest(self.project).items()).isdisjoint(before.items())
        self._keeps_to_the_rule(night(number))

    def meets_a_bad_export(self, number: int, file: Path) -> None:
        bad = self.project.exports / file.name
        bad.write_text(file.read_text().replace("AppointmentDay", "Day", 1))
        self._fails(night(number), f"{file.name} does not fit its schema")
        [copy] = (self.project.data / "rejected" / "appointments_raw").iterdir()
        assert copy.read_text() == bad.read_text()

    def finds_no_folder(self, number: int, file: Path) -> None:
        shutil.copy(file, self.project.exports)
        away = self.project.exports.rename(self.project.folder / "not mounted")
        self._fails(night(number), f"There is no file or folder {self.project.exports}")
        away.rename(self.project.exports)

    def is_killed(self, number: int, file: Path) -> None:
        shutil.copy(file, self.project.exports)
        before = newest(self.project)
        assert self.project.refresh_and_kill(night(number), TRAINING) == -9
        assert self._last_result() == ("killed", None)
        model = "06_models/no_show/model.safetensors"
        assert newest(self.project)[model] == before[model]

    def is_taken_up(self, number: int) -> None:
        log = self._refreshes(night(number, hours=1), 0)
        assert "Broke the lock of process" in log
        last = self.project.ledger.history(1)[0].run
        nodes = self.project.ledger.latest_nodes().values()
        ran = {node.node for node in nodes if node.run == last}
        assert {TRAINING, GUARD, DRIFT} <= ran
        assert not any("cross_validate" in node for node in ran)  # what was done stays done
        self._keeps_to_the_rule(night(number))

    def _refreshes(self, now: datetime, status: int) -> str:
        code, log = self.project.refresh(now)
        assert code == status, log
        return log

    def _fails(self, now: datetime, sentence: str) -> None:
        """Nothing is written, and the reason is told in one line and in the ledger."""
        before = newest(self.project)
        log = self._refreshes(now, 1)
        [line] = [line for line in log.splitlines() if line.startswith("Error: ")]
        assert sentence in line
        assert newest(self.project) == before
        status, error = self._last_result()
        assert status == "failed"
        assert sentence in (error or "")

    def _last_result(self) -> tuple[str, str | None]:
        last = self.project.ledger.history(1)[0]
        return last.status, last.error

    def _keeps_to_the_rule(self, now: datetime) -> None:
        """No more versions and no older runs than the rule keeps, and the newest model in use."""
        found = versions(self.project)
        assert max(map(len, found.values())) <= MOST_VERSIONS
        needed = {node.run for node in self.project.ledger.latest_nodes().values()}
        old = (now - timedelta(days=KEEP["days"])).timestamp()
        runs = self.project.ledger.history(99)[KEEP["last"] :]
        assert all(run.run in needed for run in runs if run.started < old)
        models = self.project.data / "06_models" / "no_show" / "model.safetensors"
        promotion = read_promotion(models)
        assert promotion is not None
        assert promotion.version == found[models][-1].name
        assert not list(self.project.data.rglob(f"*{TEMPORARY_SUFFIX}"))


def night(number: int, hours: int = 0) -> datetime:
    return FIRST_NIGHT + timedelta(days=number - 1, hours=hours)


def versions(project: Project) -> dict[Path, list[Path]]:
    """List the versions of each dataset, the oldest first."""
    found: dict[Path, list[Path]] = {}
    for version in sorted(project.data.rglob("20??-??-??T*Z")):
        found.setdefault(version.parent, []).append(version)
    return found


def newest(project: Project) -> dict[str, str]:
    """Give the digest of what each dataset's newest version holds.

    What compares the data with those before is left out: it depends on what came before.
    """
    return {
        str(name.relative_to(project.data)): digest(found[-1] / name.name)
        for name, found in versions(project).items()
        if name.stem != "drift"
    }


def digest(file: Path) -> str:
    """Give the digest of a file; for networks that of weights and settings, in a fixed order."""
    content = file.read_bytes()
    if file.suffix == ".safetensors":
        with safe_open(file, "np") as model:
            arrays = [(name, model.get_tensor(name).tobytes()) for name in sorted(model.keys())]
            content = repr((arrays, sorted(model.metadata().items()))).encode()
    return hashlib.sha256(content).hexdigest()
