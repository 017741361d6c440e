"""The README's demonstration: a project that knows nothing of the plugin."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from kedro_refresh.project import RefreshSettings

try:
    from tests.processes import run_kedro
except ModuleNotFoundError:  # the plugin's tests alone
    run_kedro = None

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
LONGEST_SECONDS = 120
ENVIRONMENT = {"KEDRO_DISABLE_TELEMETRY": "1", "COLUMNS": "160"}

pytestmark = pytest.mark.slow


class Project:
    """The project of the README, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, text in re.findall(r"^`([\w/.]+)`\n\n```\w+\n(.*?)```$", README, re.M | re.S):
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
        (folder / "conf" / "local").mkdir()

    def kedro(self, *arguments: str) -> tuple[int, str]:
        """Run a command, and give its exit status and all that it prints.

        Among a project's tests it is forked from a process of theirs, which has loaded Kedro.
        """
        if run_kedro is None:
            done = self.run(*arguments)
        else:
            done = run_kedro(self.folder, *arguments, **ENVIRONMENT)
        return done.returncode, done.stdout + done.stderr

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command as a user does."""
        return subprocess.run(
            [sys.executable, "-m", "kedro", *arguments],
            cwd=self.folder,
            env={**os.environ, **ENVIRONMENT, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST_SECONDS,
        )

    def change(self, name: str, old: str, new: str) -> None:
        file = self.folder / name
        assert old in file.read_text("utf-8")
        file.write_text(file.read_text("utf-8").replace(old, new), "utf-8")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("foreign"))


EDITS = [
    (),
    ("src/spaceflights/helpers.py", "    return text ==", "    # It is so.\n    return text =="),
    ("src/spaceflights/helpers.py", 'text == "t"', 'text in ("t", "true")'),
    ("conf/base/parameters.yml", "0.5", "0.3"),
]


def test_the_demonstration_comes_out_as_it_is_printed(project: Project) -> None:
    blocks = re.findall(r"^```console\n(.*?)```$", README, re.M | re.S)
    assert len(blocks) == len(EDITS)
    for edit, block in zip(EDITS, blocks, strict=True):
        if edit:
            project.change(*edit)
        for command, expected in re.findall(r"^\$ kedro (.*)\n((?:[^$].*\n)*)", block, re.M):
            done = project.run(*command.split())
            output = done.stdout + done.stderr
            assert done.returncode == (3 if "--check" in command else 0), output
            found = [line for line in expected.splitlines() if line in output]
            assert found == expected.splitlines(), output
    assert len(list((project.folder / "data/03_primary/table.json").iterdir())) == 2


def test_a_mistake_is_one_sentence(project: Project) -> None:
    code, output = project.kedro("refresh", "--pipelines=", "--check")  # an empty variable
    assert (code, output.splitlines()[-1]) == (0, "Nothing to do: all 3 nodes are fresh.")
    code, output = project.kedro("refresh", "--pipelines=none")
    told = output.splitlines()[-1]
    assert (code, told) == (1, "Error: There is no pipeline none: name some of __default__.")
    assert "Traceback" not in output


def test_json_comes_after_the_line_with_which_kedro_begins(project: Project) -> None:
    done = project.run("refresh", "--check", "--json")
    kedro, brace, rest = done.stdout.partition("{\n")
    assert (kedro.count("INFO"), "configuration." in kedro) in [(1, True), (0, False)]
    assert set(json.loads(brace + rest)) == {"n_stale", "nodes"}
    settings = {"version": 1, "loggers": {"kedro": {"level": "WARNING"}}}
    (project.folder / "logging.yml").write_text(yaml.safe_dump(settings), "utf-8")
    done = project.run("refresh", "--check", "--json", KEDRO_LOGGING_CONFIG="logging.yml")
    assert set(json.loads(done.stdout)) == {"n_stale", "nodes"}
    code, output = project.kedro("refresh", "--json")
    assert code == 1
    assert output.endswith("Error: --json goes with --check or --compare: add one of them.\n")


@pytest.mark.parametrize("command", ["refresh --force", "run", "run --runner=ThreadRunner"])
def test_who_meets_another_run_is_refused_in_one_sentence(project: Project, command: str) -> None:
    from kedro_refresh.lock import run_lock

    with run_lock(project.folder / "data" / "run.lock"):
        code, output = project.kedro(*command.split())
    assert code == 1
    assert re.search(r"^Error: Another run is at work: process \d+, since", output, re.M), output
    assert "Traceback" not in output


def test_every_runner_is_in_the_ledger(project: Project) -> None:
    from kedro_refresh.ledger import Ledger

    project.kedro("refresh")
    runs = {"ThreadRunner": 3, "ParallelRunner": 3, "kedro_refresh.RefreshRunner": 0}
    if sys.platform != "linux":  # processes that are not forked do not know of the run
        del runs["ParallelRunner"]
    for runner, n_nodes in runs.items():
        code, output = project.kedro("run", f"--runner={runner}")
        assert code == 0, output
        [last] = Ledger(project.folder / "data" / "ledger.sqlite").history(1)
        assert (last.status, last.n_nodes) == ("done", n_nodes)
        assert project.kedro("refresh", "--check")[0] == 0


def test_the_settings_are_those_that_hold_without_a_file() -> None:
    [block] = re.findall(r"^```yaml\n(folder:.*?)```$", README, re.M | re.S)
    assert RefreshSettings.model_validate(yaml.safe_load(block)) == RefreshSettings()
