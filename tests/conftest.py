"""Fixtures that several test modules share."""

import gc
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from tests.processes import COARSE_PICTURES, run_kedro

ROOT = Path(__file__).parents[1]
MIRROR_VARIABLE = "CROSSFOLD_MIRROR"

# A collection looks through thousands of tests and large libraries, all of which stay.
gc.set_threshold(10_000)

# What takes long is made smaller: pages and pictures are looked at, not figures.
FEWER_ROWS = {
    "appointments/catalog.yml": ("n_rows: 5000", "n_rows: 1500"),
    "gene_expression/catalog.yml": ("n_probes: 400", "n_probes: 100"),
    "wine/catalog.yml": ("n_rows: 600", "n_rows: 300"),
}
FEWER_EPOCHS = ",".join(
    (
        "no_show.models.numpy.mlp_numpy.params.max_iter=2",
        "no_show.models.torch.mlp_torch.params.max_iter=2",
        "no_show.models.tuned.mlp_tuned.members=2",
        "no_show.models.baselines.random_forest.params.n_estimators=5",
        "no_show.models.baselines.hist_gradient_boosting.params.max_iter=10",
        "no_show.evaluation.n_resamples=50",
        "no_show.importance.max_rows=200",
        "no_show_audit.protocol.network.max_iter=6",
        "no_show_audit.protocol.short_epochs=2",
        "no_show_audit.protocol.timed_epochs=2",
        "no_show_audit.protocol.trees.hist_gradient_boosting.params.max_iter=5",
        "no_show_audit.protocol.trees.random_forest.params.n_estimators=5",
        "gene_expression.folds.n_repeats=1",
        "gene_expression.folds.n_splits=3",
        "gene_expression.controls.n_permutations=2",
        "gene_expression.controls.smote_permutations=1",
        "gene_expression.evaluation.n_resamples=50",
        *(
            f"gene_expression.models.variants.{name}.{fewer}"
            for name in ("mlp", "mlp_down_sampled", "mlp_smote", "mlp_weighted", "mlp_all_probes")
            for fewer in ("params.max_iter=2", "members=1")
        ),
        "gene_expression_audit.protocol.n_draws=2",
        "gene_expression_audit.protocol.network.max_iter=2",
        "gene_expression_audit.protocol.short_epochs.split=1",
        "gene_expression_audit.protocol.short_epochs.k_fold=1",
        "gene_expression_audit.protocol.short_epochs.leave_one_out=1",
        "digits.regimes.full_batch.network.max_iter=20",
        "digits.regimes.full_batch.search.epochs=4",
        "digits.regimes.mini_batch.network.max_iter=2",
        "digits.regimes.mini_batch.search.epochs=1",
        "digits.twin.regimes.full_batch.network.max_iter=20",
        "digits.strong.max_iter=3",
        "digits_audit.protocol.network.max_iter=10",
        "digits_audit.protocol.short_epochs=4",
        "digits_audit.protocol.short_seeds=1",
        "fashion.regimes.mini_batch.network.max_iter=4",
        "fashion.strong.max_iter=3",
        "fashion_audit.protocol.network.max_iter=4",
        "fashion_audit.protocol.short_epochs=2",
        "fashion_audit.protocol.n_seeds=2",
        "fashion_audit.protocol.short_seeds=1",
        "wine.folds.n_splits=3",
        "wine.importance.n_repeats=1",
        "wine.models.numpy.mlp.params.max_iter=3",
        "wine.models.tuned.mlp_tuned.params.max_iter=3",
        "wine.models.tuned.mlp_tuned.search_folds=2",
        "wine_audit.protocol.network.max_iter=10",
        "wine_audit.protocol.grid.n_splits=2",
        "moons.network.max_iter=12",
        "moons.draws.n_draws=2",
        "moons_audit.protocol.n_seeds=10",
        "primer_audit.protocol.n_seeds=10",
        "primer_audit.protocol.n_toys=10",
    )
)

# The files with tests of `sample_project`; the first one's process makes it, while others go on.
USE_THE_SAMPLE = (
    "tests/test_viz.py",
    "tests/pipelines/images/test_report.py",
    "tests/test_accessibility.py",
    "tests/test_notebooks.py",
)

KedroCommand = Callable[..., subprocess.CompletedProcess[str]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests of the real data, with the reason, where the mirror is not set."""
    if _is_one_of_several():
        slow = {_file(item.nodeid) for item in items if "slow" in item.keywords}
        items.sort(key=lambda item: _turn(_file(item.nodeid), slow))
    if os.environ.get(MIRROR_VARIABLE):
        return
    skip = pytest.mark.skip(reason=f"{MIRROR_VARIABLE} is not set: no folder of real source files")
    for item in items:
        if "real_data" in item.keywords:
            item.add_marker(skip)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep tests that share work in one process, so that it is done once."""
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _group(nodeid)

    config.option.loadscopereorder = False
    return Groups(config, log)


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name bytes by their number: an archive holds the time, and all processes need one name."""
    return f"{len(val)} bytes" if isinstance(val, bytes) else None


def _is_one_of_several() -> bool:
    return "PYTEST_XDIST_WORKER" in os.environ


def _file(test: str) -> str:
    return test.partition("::")[0]


def _turn(file: str, slow: set[str]) -> int:
    """Give the turn of a file: what takes long begins first, so that all processes end together.

    Files that would wait for the run on the sample come after it and after slow ones.
    """
    if file == USE_THE_SAMPLE[0]:
        return 0
    return 1 if file in slow and file not in USE_THE_SAMPLE else 2


def _group(test: str) -> str:
    """Name the tests that run in one process by what they share: a file, a folder of a study."""
    file = _file(test)
    shares_a_folder = file.startswith("tests/pipelines/") and file not in USE_THE_SAMPLE
    return file.rpartition("/")[0] if shares_a_folder else file


@pytest.fixture(scope="session")
def mirror() -> Path:
    """Give the folder of real source files; its tests are marked ``real_data``."""
    return Path(os.environ[MIRROR_VARIABLE])


@pytest.fixture(scope="session")
def make_project(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Give a function that copies the project, without its data, to a new folder."""

    def copy() -> Path:
        project = tmp_path_factory.mktemp("project")
        for name in (".telemetry", "pyproject.toml"):
            shutil.copy(ROOT / name, project)
        shutil.copytree(ROOT / "conf", project / "conf", ignore=_ignore_local)
        shutil.copytree(ROOT / "src", project / "src", ignore=_ignore_caches)
        return project

    return copy


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw no figure, which takes longer than the rest: for tests that look at none."""
    monkeypatch.setattr("matplotlib.layout_engine.ConstrainedLayoutEngine.execute", lambda *_: None)
    monkeypatch.setattr(
        "matplotlib.figure.Figure.savefig", lambda _, file, **__: file.write(b"<svg/>")
    )


@pytest.fixture(scope="session")
def kedro() -> KedroCommand:
    """Give a function that runs ``kedro`` with some arguments in a project's folder."""
    return run_kedro


@pytest.fixture(scope="session")
def sample_project(
    make_project: Callable[[], Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Give a copy of the project in which all studies and audits have run on the sample.

    It is made once for all processes of the tests, which leave its data as they are.
    """
    shared = tmp_path_factory.getbasetemp()
    if _is_one_of_several():
        shared = shared.parent
    told = shared / "sample_project.txt"
    with FileLock(shared / "sample_project.lock"):
        if not told.exists():
            told.write_text(str(_run_on_the_sample(make_project())))
    return Path(told.read_text())


def _run_on_the_sample(project: Path) -> Path:
    for name, (old, new) in FEWER_ROWS.items():
        file = project / "conf" / "sample" / name
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))
    options = ["--env=sample", "--pipelines=all,audit", f"--params={FEWER_EPOCHS}"]
    result = run_kedro(project, "run", *options, **{COARSE_PICTURES: "1"})
    printed = result.stdout + result.stderr
    assert result.returncode == 0, printed
    assert "Warning: " not in printed, printed  # of Python: an error elsewhere in the tests
    return project


def _ignore_local(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if Path(folder).name == "local" and name != ".gitkeep"]


def _ignore_caches(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "__pycache__"]


@dataclass
class Web:
    """A web server on this machine that misbehaves as it is told to.

    It has contents, ETags and dates by path, and faults to show first: a status, `stall`,
    `truncate` or `stall half-way`.
    """

    address: str = ""
    contents: dict[str, bytes] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    dates: dict[str, str] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    n_downloads: int = 0
    knows_conditions: bool = True


def _handler(web: Web) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            web.requests.append(self.path)
            fault = (web.faults.get(self.path) or [""]).pop(0)
            if fault.isdigit():
                return self.send_error(int(fault))
            if fault == "stall":
                return time.sleep(1)
            content = web.contents.get(self.path)
            if content is None:
                return self.send_error(404)
            if self._is_known():
                return self._begin(304)
            return self._send(content, fault)

        def _is_known(self) -> bool:
            asked = self.headers.get("If-None-Match"), self.headers.get("If-Modified-Since")
            has = web.etags.get(self.path), web.dates.get(self.path)
            same = asked[0] == has[0] if has[0] and asked[0] else has[1] and asked[1] == has[1]
            return web.knows_conditions and bool(same)

        def _begin(self, status: int, **headers: str) -> None:
            known = {"ETag": web.etags.get(self.path), "Last-Modified": web.dates.get(self.path)}
            self.send_response(status)
            for name, value in {**known, **headers}.items():
                if value is not None:
                    self.send_header(name.replace("_", "-"), value)
            self.end_headers()

        def _send(self, content: bytes, fault: str) -> None:
            self._begin(200, Content_Length=str(len(content)))
            web.n_downloads += 1
            self.wfile.write(content[: len(content) // 2 if fault else None])
            if fault == "stall half-way":
                time.sleep(1)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def _serving() -> Iterator[Web]:
    web = Web()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(web))
    web.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield web
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """Start a web server; retries come at once."""
    monkeypatch.setattr("crossfold.datasets.download.FIRST_PAUSE_SECONDS", 0)
    with _serving() as web:
        yield web


@pytest.fixture(scope="module")
def lasting_web() -> Iterator[Web]:
    """Start a web server for the tests of a module."""
    with _serving() as web:
        yield web
