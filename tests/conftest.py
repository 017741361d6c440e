"""Fixtures that several test modules share."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
MIRROR_VARIABLE = "CROSSFOLD_MIRROR"
# Threads only get into each other's way on tables as small as the tests'.
SMALL_RUN = {"KEDRO_DISABLE_TELEMETRY": "1", "OMP_NUM_THREADS": "1"}

# All studies and audits but the joined page, in two parts that take about as long.
HALVES = [
    [name for study in studies for name in (study, f"{study}_audit")]
    for studies in (
        ("no_show", "gene_expression"),
        ("digits", "fashion", "wine", "moons", "primer"),
    )
]
HALVES[0].append("public_notebooks_audit")  # an audit without a study of its own
# What takes longest is trained for fewer epochs: its pages are looked at, not its figures.
FEWER_EPOCHS = (
    "no_show_audit.protocol.network.max_iter=15,no_show_audit.protocol.short_epochs=8,"
    "no_show_audit.protocol.timed_epochs=2,"
    "gene_expression.folds.n_repeats=1,gene_expression_audit.protocol.n_draws=2,"
    "gene_expression_audit.protocol.network.max_iter=5,"
    "gene_expression_audit.protocol.short_epochs.k_fold=3,"
    + ",".join(
        f"gene_expression.models.variants.{name}.params.max_iter=3"
        for name in ("mlp", "mlp_down_sampled", "mlp_smote", "mlp_weighted", "mlp_all_probes")
    ),
    "digits.regimes.full_batch.network.max_iter=60,digits.regimes.full_batch.search.epochs=15,"
    "digits_audit.protocol.network.max_iter=50,digits_audit.protocol.short_epochs=20,"
    "wine_audit.protocol.network.max_iter=40,wine_audit.protocol.grid.n_splits=2,"
    "moons.network.max_iter=15,moons_audit.protocol.n_seeds=10",
)

# The files with tests of `sample_project`.
USE_THE_SAMPLE = ("tests/test_accessibility.py", "tests/test_notebooks.py", "tests/test_viz.py")

KedroCommand = Callable[..., subprocess.CompletedProcess[str]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests of the real data, with the reason, where the mirror is not set."""
    if (
        "PYTEST_XDIST_WORKER" in os.environ
    ):  # what takes long begins first, so that all end together
        slow = {item.path for item in items if "slow" in item.keywords}
        items.sort(key=lambda item: item.path not in slow)
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


def _group(test: str) -> str:
    """Name the tests that run in one process by what they share: the sample, a folder, a file."""
    file = test.partition("::")[0]
    if file in USE_THE_SAMPLE:
        return "sample"
    return file.rpartition("/")[0] if file.startswith("tests/pipelines/") else file


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


@pytest.fixture(scope="session")
def kedro() -> KedroCommand:
    """Give a function that runs ``kedro`` with some arguments in a project's folder."""

    def run(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "kedro", *arguments],
            cwd=project,
            env={**os.environ, **SMALL_RUN, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def sample_project(make_project: Callable[[], Path], kedro: KedroCommand) -> Path:
    """Give a copy of the project in which all studies and audits have run on the sample."""
    projects = [make_project() for _ in HALVES]

    def run(project: Path, *arguments: str) -> None:
        result = kedro(project, "run", "--env=sample", *arguments)
        assert result.returncode == 0, result.stdout + result.stderr

    # Runs of one project would wait for each other.
    with ThreadPoolExecutor() as pool:
        pipelines = [f"--pipelines={','.join(half)}" for half in HALVES]
        list(pool.map(run, projects, pipelines, [f"--params={fewer}" for fewer in FEWER_EPOCHS]))
    for other in projects[1:]:
        shutil.copytree(other / "data", projects[0] / "data", dirs_exist_ok=True)
    run(projects[0], "--pipelines=audit", "--namespaces=audit")
    return projects[0]


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
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    n_downloads: int = 0
    resumable: bool = True
    knows_conditions: bool = True


def _handler(web: Web) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            web.requests.append((self.path, self.headers.get("Range")))
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
            start = self._start() if web.resumable else 0
            if start and start >= len(content):
                return self.send_error(416)
            self._begin(206 if start else 200, Content_Length=str(len(content) - start))
            web.n_downloads += 1
            self.wfile.write(content[start : (start + len(content)) // 2 if fault else None])
            if fault == "stall half-way":
                time.sleep(1)
            return None

        def _start(self) -> int:
            return int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))

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
