"""What one run does, node by node, on its way into the ledger."""

from __future__ import annotations

import inspect
import threading
import time
from dataclasses import dataclass, field, replace
from typing import Any

from kedro.pipeline.node import Node

from kedro_refresh.ledger import NodeRecord
from kedro_refresh.staleness import Judge

REJECTED = "rejected"
METRICS = "metrics"


@dataclass
class _Open:
    """A node at work."""

    record: NodeRecord
    started: float = field(default_factory=time.perf_counter)
    missing: set[str] = field(default_factory=set)


class Recorder:
    """Collects what the nodes of a run do, and notes a node when all it makes is saved.

    Parameters
    ----------
    judge
        Takes the fingerprints, and holds the ledger.
    run
        Kedro's name of the run: the time. Another run can have had it.
    version
        The version of what the run saves, which no other run has.
    """

    def __init__(self, judge: Judge, run: str, version: str) -> None:
        self.run = version if judge.ledger.has_run(run) else run
        self._judge = judge
        self._version = version
        self._open: dict[str, _Open] = {}
        self._beginning = threading.Lock()  # inputs can be loaded in threads
        self._held = judge.ledger.hold_open()

    def begin(self, node: Node) -> None:
        """Take the fingerprint of a node that is about to read its first input."""
        with self._beginning:
            if node.name in self._open:
                return
            record = NodeRecord(node.name, self.run, self._judge.fingerprint(node))
            self._open[node.name] = _Open(record, missing=set(node.outputs))
            self._judge.ledger.begin_node(self.run, node.name)

    def read(self, node: Node, inputs: dict[str, Any]) -> None:
        """Count the rows that a node reads.

        One that has read without `begin` is never noted: its fingerprint would come too late.
        """
        if not node.inputs:
            self.begin(node)
        if node.name not in self._open:
            return
        rows = sum(map(_rows, inputs.values()))
        self._change(node, rows_in=rows)
        if not node.outputs:
            self._close(node)

    def wrote(self, node: Node, name: str, data: Any) -> None:
        """Note one output of a node; generators, which save in parts, are never noted."""
        if node.name not in self._open or inspect.isgeneratorfunction(node.func):
            return
        work = self._open[node.name]
        output = self._judge.output(name) if self._judge.is_stored(name) else None
        if output and output.version not in (None, self._version):
            output = None  # somebody has asked for another version: what was saved is not known
        is_rejected = name.endswith(REJECTED)
        is_metrics = name.endswith(METRICS) and isinstance(data, dict)
        self._change(
            node,
            outputs={**work.record.outputs, **({name: output} if output else {})},
            rows_out=work.record.rows_out + (0 if is_rejected else _rows(data)),
            rejected=work.record.rejected + (_rows(data) if is_rejected else 0),
            metrics=data if is_metrics else work.record.metrics,
        )
        work.missing.discard(name)
        if not work.missing:
            self._close(node)

    def end(self, status: str, error: str | None) -> None:
        """Note how the run has ended."""
        self._judge.remember()
        self._judge.ledger.end_run(self.run, status, error)
        self._held.close()

    def _change(self, node: Node, **fields: Any) -> None:
        work = self._open[node.name]
        work.record = replace(work.record, **fields)

    def _close(self, node: Node) -> None:
        work = self._open.pop(node.name)
        seconds = time.perf_counter() - work.started
        self._judge.ledger.end_node(replace(work.record, seconds=seconds))


def _rows(data: Any) -> int:
    return len(data) if hasattr(data, "columns") and hasattr(data, "index") else 0
