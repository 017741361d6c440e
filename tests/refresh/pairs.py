"""Two processes that run a small project at the same time, in every way that Kedro has."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.processes import fork

SECONDS_A_NODE = 0.1
LONGEST_SECONDS = 60
FILES = {
    "src/toy/nodes.py": """
import time

def draw(seed: int, seconds: float) -> list[int]:
    time.sleep(seconds)
    return [seed]

def fold(drawn: list[int], seed: int, seconds: float) -> list[int]:
    time.sleep(seconds)
    return [*drawn, seed]

def rest(folded: list[int], seconds: float) -> int:
    time.sleep(seconds)
    return folded[-1]

def tell(drawn: list[int], folded: list[int], rested: int, seed: int) -> str:
    return f"{drawn} {folded} {rested} {seed}"
""",
    "src/toy/pipeline_registry.py": """
from kedro.pipeline import Node, Pipeline
from toy import nodes

def register_pipelines():
    given = ["params:seed", "params:seconds"]
    study = Pipeline([
        Node(nodes.draw, given, "drawn", name="draw"),
        Node(nodes.fold, ["drawn", *given], "folded", name="fold"),
        Node(nodes.rest, ["folded", "params:seconds"], "rested", name="rest"),
        Node(nodes.tell, ["drawn", "folded", "rested", "params:seed"], "told", name="tell"),
    ])
    return {"__default__": study}
""",
    "conf/base/parameters.yml": f"seed: 0\nseconds: {SECONDS_A_NODE}\n",
    # One without versions, as a project of one's own can have it.
    "conf/base/catalog.yml": """
drawn: {type: json.JSONDataset, filepath: data/drawn.json, versioned: true}
folded: {type: json.JSONDataset, filepath: data/folded.json}
told: {type: text.TextDataset, filepath: data/told.txt, versioned: true}
""",
}


def undisturbed(seed: int) -> dict[str, str]:
    """Give what a run saves that nothing disturbs, without blanks."""
    return {"drawn.json": f"[{seed}]", "told.txt": f"[{seed}][{seed},{seed}]{seed}{seed}"}


class Worker:
    """A process with all libraries imported that runs the project in a folder when it is told."""

    def __init__(self, folder: Path) -> None:
        self._connection, other = multiprocessing.Pipe()
        self._process = fork(_work, folder, other)

    def start(self, kind: str, *seeds: int, at: float, wait: bool) -> None:
        """Start a run with a seed, or several in threads, at a time of the system's clock."""
        self._connection.send((kind, seeds, at, wait))

    def result(self) -> list[str]:
        """Wait for its end, and give a sentence for each run that was refused."""
        assert self._connection.poll(LONGEST_SECONDS)
        answer: list[str] = self._connection.recv()
        return answer

    def close(self) -> None:
        self._connection.send(None)
        self._process.join(LONGEST_SECONDS)


def _work(folder: Path, connection: Connection) -> None:
    from kedro.framework.startup import bootstrap_project

    if "fork" in multiprocessing.get_all_start_methods():  # quicker than what started this one
        multiprocessing.set_start_method("fork", force=True)
    os.chdir(folder)
    bootstrap_project(folder)
    _kinds()["run"](999)  # what is imported when it is first needed
    connection.send([])
    while job := connection.recv():
        kind, seeds, at, wait = job
        os.environ["KEDRO_REFRESH_WAIT"] = str(int(wait))
        with ThreadPoolExecutor(len(seeds)) as pool, _same_session(kind) as run:
            time.sleep(max(at - time.time(), 0))
            runs = [pool.submit(run, seed) for seed in seeds]
        errors = [one.exception() for one in runs]
        connection.send([f"{type(e).__name__}: {e}" for e in errors if e])


@contextmanager
def _same_session(kind: str) -> Iterator[Callable[[int], Any]]:
    """Give the function that runs; the threads of a server have one session."""
    if kind != "served":
        yield _kinds()[kind]
        return
    from kedro.framework.session.service_session import KedroServiceSession
    from kedro.io.core import generate_timestamp

    session = KedroServiceSession.create(project_path=Path.cwd(), serving_mode=True)
    yield lambda seed: session.run(run_id=generate_timestamp(), runtime_params={"seed": seed})


def _kinds() -> dict[str, Callable[[int], Any]]:
    from kedro.framework.session import KedroSession
    from kedro.runner import ParallelRunner, SequentialRunner, ThreadRunner

    from kedro_refresh import command

    def run(runner: Any) -> Callable[[int], Any]:
        def with_seed(seed: int) -> Any:
            parameters = {"seed": seed}
            with KedroSession.create(Path.cwd(), runtime_params=parameters) as session:
                return session.run(runner=runner())

        return with_seed

    def refresh(seed: int) -> Any:
        return command.refresh(command.Request(Path.cwd(), runtime_params={"seed": seed}))

    return {
        "run": run(SequentialRunner),
        "in threads": run(lambda: ThreadRunner(max_workers=2)),
        "in processes": run(lambda: ParallelRunner(max_workers=2)),
        "asynchronous": run(lambda: SequentialRunner(is_async=True)),
        "refresh": refresh,
    }
