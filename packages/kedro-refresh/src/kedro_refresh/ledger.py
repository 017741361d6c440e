"""The ledger: what every run has done, in one SQLite file."""

import json
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from shutil import disk_usage
from typing import Any

from kedro_refresh import RefreshError
from kedro_refresh.fingerprint import Fingerprint, KnownCode
from kedro_refresh.lock import is_alive, own_process
from kedro_refresh.stored import KnownFile

LEAST_FREE_BYTES = 100_000
LONG_NUMBER = re.compile(r"\d{5,}")
RUNNING, DONE, FAILED, KILLED = "running", "done", "failed", "killed"

SCHEMA_VERSION = 2
# A ledger of an older version is given the tables that it lacks.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    run TEXT PRIMARY KEY, trigger TEXT NOT NULL, env TEXT, pipelines TEXT NOT NULL,
    process TEXT NOT NULL, started REAL NOT NULL, ended REAL, status TEXT NOT NULL, error TEXT,
    notes TEXT
);
CREATE TABLE IF NOT EXISTS nodes (
    id INTEGER PRIMARY KEY, run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, node TEXT NOT NULL,
    status TEXT NOT NULL, started REAL NOT NULL, fingerprint TEXT, outputs TEXT, metrics TEXT
);
CREATE INDEX IF NOT EXISTS nodes_by_name ON nodes (node, status, id);
CREATE TABLE IF NOT EXISTS files (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL, digest TEXT NOT NULL, rows INTEGER
);
CREATE TABLE IF NOT EXISTS code (state TEXT PRIMARY KEY, known TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Output:
    """What a node has written: version (None without versions) and digest of its content."""

    version: str | None
    digest: str


@dataclass(frozen=True)
class NodeRecord:
    """What a node did in a run."""

    # their names
    node: str
    run: str
    fingerprint: Fingerprint  # what the outputs depend on
    outputs: dict[str, Output] = field(default_factory=dict)  # what was written, by dataset
    metrics: dict[str, Any] = field(default_factory=dict)  # figures of merit that the node wrote


@dataclass(frozen=True)
class RunRecord:
    """A run as the history shows it; times in seconds since 1970."""

    run: str
    trigger: str
    env: str | None
    pipelines: str
    process: str
    started: float
    ended: float | None
    status: str
    error: str | None
    notes: str | None
    n_nodes: int
    last_node: str | None


class Ledger:
    """The ledger in an SQLite file, which is made when something is first written."""

    def __init__(self, file: Path) -> None:
        self.file = file

    @staticmethod
    def now() -> float:
        """Give the time in seconds since 1970; a simulation puts another function in its place."""
        return time.time()

    def hold_open(self) -> sqlite3.Connection:
        """Open the ledger for the length of a run: closing it for good is what takes time."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self._telling():
            return _open(str(self.file))

    def begin_run(self, run: str, trigger: str, env: str | None, pipelines: list[str]) -> None:
        """Note that a run has begun."""
        self._write(
            "INSERT INTO runs (run, trigger, env, pipelines, process, started, status)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(run, trigger, env, ",".join(pipelines), own_process(), self.now(), RUNNING),
        )

    def end_run(self, run: str, status: str, error: str | None = None) -> None:
        """Note how a run has ended.

        The text of an error can quote data: numbers so long that they may be of a person are nines.
        """
        if error is not None:
            error = LONG_NUMBER.sub(lambda found: "9" * len(found[0]), error)
        statement = "UPDATE runs SET ended = ?, status = ?, error = ? WHERE run = ?"
        self._write(statement, self.now(), status, error, run)

    def add_note(self, run: str, note: str) -> None:
        """Note what was decided after a run."""
        statement = "UPDATE runs SET notes = coalesce(notes || ' ', '') || ? WHERE run = ?"
        self._write(statement, note, run)

    def begin_node(self, run: str, node: str) -> None:
        """Note that a node has begun."""
        statement = "INSERT INTO nodes (run, node, status, started) VALUES (?, ?, ?, ?)"
        self._write(statement, run, node, RUNNING, self.now())

    def end_node(self, record: NodeRecord) -> None:
        """Note what a node has done; only now do its outputs count."""
        outputs = json.dumps({name: asdict(one) for name, one in record.outputs.items()})
        self._write(
            "UPDATE nodes SET status = ?, fingerprint = ?, outputs = ?, metrics = ?"
            " WHERE run = ? AND node = ? AND status = ?",
            *(DONE, record.fingerprint.to_json(), outputs),
            json.dumps(record.metrics, default=str),
            *(record.run, record.node, RUNNING),
        )

    def latest_nodes(self, until: str | None = None) -> dict[str, NodeRecord]:
        """Give the last thing that each node has done, or had when a run ended."""
        rows = self._read(
            "SELECT node, run, fingerprint, outputs, metrics FROM nodes WHERE id IN"
            " (SELECT max(id) FROM nodes WHERE status = ? AND (? IS NULL OR id <="
            " (SELECT max(id) FROM nodes JOIN runs USING (run) WHERE runs.rowid <="
            " (SELECT rowid FROM runs WHERE run = ?))) GROUP BY node) ORDER BY id",
            *(DONE, until, until),
        )
        return {row["node"]: _node_record(row) for row in rows}

    def written(self, node: str, name: str) -> list[Output]:
        """Give what a node has written to a dataset, the newest first."""
        statement = "SELECT outputs FROM nodes WHERE node = ? AND status = ? ORDER BY id DESC"
        found = [json.loads(row["outputs"]).get(name) for row in self._read(statement, node, DONE)]
        return [Output(**one) for one in found if one]

    def known_files(self) -> dict[str, KnownFile]:
        """Give what is known of files."""
        rows = self._read("SELECT * FROM files")
        return {row["path"]: KnownFile(*tuple(row)[1:]) for row in rows}

    def remember_files(self, files: dict[str, KnownFile]) -> None:
        """Keep what was learnt of files."""
        rows = [(path, *asdict(file).values()) for path, file in files.items()]
        if rows:
            with self._writing() as database:
                database.executemany("REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)", rows)

    def known_code(self, state: str) -> KnownCode:
        """Give what has been read from the source in this state; see `source_state`."""
        for row in self._read("SELECT known FROM code WHERE state = ?", state):
            return KnownCode.from_json(state, row["known"])
        return KnownCode(state)

    def remember_code(self, known: KnownCode) -> None:
        """Keep what has been read from the source, and forget its other states."""
        with self._writing() as database:
            database.execute("DELETE FROM code")
            database.execute("INSERT INTO code VALUES (?, ?)", (known.state, known.to_json()))

    def history(self, n_runs: int) -> list[RunRecord]:
        """Give the last runs, the newest first; those of dead processes are told as killed."""
        rows = self._read(
            "SELECT runs.*, count(CASE WHEN nodes.status = ? THEN 1 END) AS n_nodes,"
            " (SELECT node FROM nodes n WHERE n.run = runs.run ORDER BY id DESC LIMIT 1)"
            " AS last_node FROM runs LEFT JOIN nodes USING (run)"
            " GROUP BY runs.run ORDER BY runs.rowid DESC LIMIT ?",
            *(DONE, n_runs),
        )
        runs = [RunRecord(**dict(row)) for row in rows]
        dead = [one.status == RUNNING and not is_alive(one.process) for one in runs]
        return [replace(a, status=KILLED) if b else a for a, b in zip(runs, dead, strict=True)]

    def last_run(self) -> str:
        """Name the run that began last, or give an empty text."""
        rows = self._read("SELECT run FROM runs ORDER BY rowid DESC LIMIT 1")
        return "".join(row["run"] for row in rows)

    def has_run(self, run: str) -> bool:
        """Say whether there has been a run of that name."""
        return bool(self._read("SELECT 1 FROM runs WHERE run = ?", run))

    def delete_runs(self, runs: list[str]) -> None:
        """Forget some runs and what their nodes did."""
        with self._writing() as database:
            database.executemany("DELETE FROM runs WHERE run = ?", [(run,) for run in runs])

    def _write(self, statement: str, *values: object) -> None:
        with self._writing() as database:
            database.execute(statement, values)

    def _read(self, statement: str, *values: object) -> list[sqlite3.Row]:
        """Ask the ledger; an empty one in memory stands for one that does not exist."""
        name = str(self.file) if self.file.exists() else ":memory:"
        with self._telling(), closing(_open(name)) as database:
            return database.execute(statement, values).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self._telling(), closing(_open(str(self.file))) as database, database:
            yield database

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Tell what is wrong with the ledger in one sentence."""
        try:
            yield
        except sqlite3.Error as error:
            raise RefreshError(self._explain(error)) from error

    def _explain(self, error: sqlite3.Error) -> str:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest says it more closely
        if code == sqlite3.SQLITE_FULL or disk_usage(self.file.parent).free < LEAST_FREE_BYTES:
            return (
                f"The disk is full: {self.file} cannot be written. Free some space, then run again."
            )
        if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            return (
                f"The ledger {self.file} is damaged ({error}): put a backup in its place. Without"
                " one, move it away: the history is lost then, and the next refresh runs all nodes."
            )
        return (
            f"The ledger {self.file} cannot be used ({error}): make sure that you can write it and"
            " its folder, then run again."
        )


def _open(name: str) -> sqlite3.Connection:
    database = sqlite3.connect(name, timeout=60)
    database.row_factory = sqlite3.Row
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")  # a lost last entry only costs a rerun
    database.execute("PRAGMA foreign_keys = ON")
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        database.close()
        raise RefreshError(
            f"The ledger {name} was written by a newer kedro-refresh (schema {version}, this one"
            f" knows {SCHEMA_VERSION}): use that one."
        )
    if version < SCHEMA_VERSION:
        mark = f"PRAGMA user_version = {SCHEMA_VERSION};"
        database.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} {mark} COMMIT;")
    return database


def _node_record(row: sqlite3.Row) -> NodeRecord:
    fields = dict(row)
    outputs = {name: Output(**one) for name, one in json.loads(fields.pop("outputs")).items()}
    fingerprint = Fingerprint.from_json(fields.pop("fingerprint"))
    metrics = json.loads(fields.pop("metrics"))
    return NodeRecord(fingerprint=fingerprint, outputs=outputs, metrics=metrics, **fields)
