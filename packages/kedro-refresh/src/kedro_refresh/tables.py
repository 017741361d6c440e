"""What a refresh prints."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from kedro_refresh.ledger import DONE, KILLED, RUNNING, RunRecord

WIDTH = 160


def explanation(forecast: Mapping[str, list[str]]) -> Iterator[str]:
    """Say of every node why it is stale, or that it is fresh; one line a node."""
    for node, reasons in forecast.items():
        yield f"{node}: {'; '.join(reasons) or 'fresh'}"


def comparison(first: str, second: str, found: Mapping[str, list[str]]) -> Iterator[str]:
    """Say in a line each what differs of the nodes that differ between two runs."""
    different = {node: differences for node, differences in found.items() if differences}
    yield from explanation(different)
    yield f"{len(different)} of {len(found)} nodes differ between {first} and {second}."


def as_json(**fields: Any) -> str:
    """Write fields as JSON, to be read by another program."""
    return json.dumps(fields, indent=2, ensure_ascii=False)


def history(runs: list[RunRecord]) -> str:
    """Set runs out in a table, the newest first."""
    if not runs:
        return "The ledger holds no run yet."
    table = Table("run", "started", "seconds", "by", "pipelines", "nodes", "result", box=None)
    for run in runs:
        started = datetime.fromtimestamp(run.started).isoformat(sep=" ", timespec="seconds")
        seconds = f"{run.ended - run.started:.1f}" if run.ended else ""
        nodes = str(run.n_nodes)
        row = (run.run, started, seconds, run.trigger, run.pipelines, nodes, _result(run))
        table.add_row(*row)
    page = io.StringIO()
    Console(file=page, width=WIDTH).print(table)
    return page.getvalue().rstrip()


def _result(run: RunRecord) -> str:
    if run.status in (KILLED, RUNNING):
        return f"{run.status} at {run.last_node}" if run.last_node else run.status
    more = run.notes if run.status == DONE else run.error
    return f"{run.status}: {more}" if more else run.status
