"""What a refresh says: of nodes, of past runs, and of what differs between two of them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from kedro_refresh.exceptions import RefreshError
from kedro_refresh.fingerprint import changed_values, differences, flatten
from kedro_refresh.ledger import DONE, KILLED, RUNNING, Ledger, NodeRecord, RunRecord

WIDTH = 160


def compare(ledger: Ledger, first: str, second: str) -> dict[str, list[str]]:
    """Say of every node what differs between what it did last by the end of each of two runs.

    Parameters
    ----------
    ledger
        The ledger that holds both.
    first, second
        Names of the runs.

    Returns
    -------
    Differences by node, in the order in which the nodes ran: data, parameters, code, library
    versions, catalog entries, what was written, metrics. Nothing for a node without any.

    Raises
    ------
    RefreshError
        If the ledger does not hold a run.
    """
    known = {run.run for run in ledger.history(-1)}
    unknown = [run for run in (first, second) if run not in known]
    if unknown:
        raise RefreshError(
            f"The ledger holds no run {' and no run '.join(unknown)}: kedro refresh --history names"
            " the last ones."
        )
    before, after = ledger.latest_nodes(first), ledger.latest_nodes(second)
    return {node: list(_of_node(node, before, after)) for node in {**after, **before}}


def _of_node(
    node: str, before: dict[str, NodeRecord], after: dict[str, NodeRecord]
) -> Iterator[str]:
    old, new = before.get(node), after.get(node)
    if old is None or new is None:
        yield f"had not run to its end by the {'first' if old is None else 'second'} run"
        return
    yield from differences(old.fingerprint, new.fingerprint)
    for name in sorted({*old.outputs, *new.outputs}):
        then, now = old.outputs.get(name), new.outputs.get(name)
        if then is None or now is None or then.digest != now.digest:
            yield f"{name} came out different"
    yield from changed_values("metric ", _numbers(old), _numbers(new))


def _numbers(record: NodeRecord) -> dict[str, Any]:
    """List metrics by dotted name; counts of rows and the like are among them."""
    return dict(flatten("", record.metrics)) if record.metrics else {}


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
