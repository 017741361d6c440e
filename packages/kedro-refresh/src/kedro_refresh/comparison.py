"""What differs between the states of a project after two of its runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kedro_refresh.exceptions import RefreshError
from kedro_refresh.fingerprint import changed_values, differences, flatten
from kedro_refresh.ledger import Ledger, NodeRecord


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
