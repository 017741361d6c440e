"""Find out whether the data of a study have changed, and have it told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from kedro.io import CatalogProtocol, Version
from kedro.io.core import generate_timestamp
from kedro.pipeline import Pipeline

from crossfold.refreshing.drift_table import Change, Drift, drift_table
from crossfold.refreshing.promotion import Decision
from crossfold.refreshing.settings import DriftRule
from kedro_refresh.contents import ContentReader
from kedro_refresh.fingerprint import Content, Fingerprint
from kedro_refresh.ledger import Ledger, NodeRecord, Output
from kedro_refresh.stored import locate
from kedro_refresh.versions import pin, stamp

KINDS = ("drift_table", "drift_figure", "drift_report")

Catalog = CatalogProtocol[Any, Any]


def outputs(studies: Iterable[str]) -> set[str]:
    """Name the datasets that are written about some studies."""
    return {f"{study}.{kind}" for study in studies for kind in KINDS}


def find_change(
    catalog: Catalog, ledger: Ledger, pipeline: Pipeline, study: str, rule: DriftRule
) -> Change | None:
    """Find out from the ledger whether the data have changed since they were last compared.

    None as well where the pipeline does not make the data, or the model that belongs to them.
    """
    if not {rule.table, *filter(None, [rule.model])} <= pipeline.all_outputs():
        return None
    maker = next(node for node in pipeline.nodes if rule.table in node.outputs)
    written = ledger.written(maker.name, rule.table)
    record = ledger.latest_nodes().get(_node(study))
    compared = record.outputs.get(rule.table) if record else None
    if not written or (compared is not None and compared.digest == written[0].digest):
        return None
    earlier = [compared] if compared else written[1:]
    usable = (one for one in earlier if _differs(catalog, rule.table, one, written[0]))
    return Change(now=written[0], before=next(usable, None))


def _differs(catalog: Catalog, name: str, one: Output, other: Output) -> bool:
    if one.version is None or one.digest == other.digest:
        return False
    return bool(_version(catalog, name, one).exists())


def measure(
    catalog: Catalog, study: str, rule: DriftRule, change: Change, decision: Decision | None
) -> Drift:
    """Compare the data before and now, and the models."""
    # Past the catalog's checks: data of an older crossfold need not be as it demands today.
    now = _version(catalog, rule.table, change.now).load()
    before = _version(catalog, rule.table, change.before).load() if change.before else None
    table = drift_table(rule, now, before, decision.difference if decision else None)
    notice = catalog.load("params:data_notice") if "params:data_notice" in catalog else ""
    return Drift(study, rule, table, change, notice, decision)


def save(catalog: Catalog, drift: Drift) -> str:
    """Save table, figure and page, and say in one sentence what they say."""
    from crossfold.refreshing.drift_figure import draw
    from crossfold.refreshing.drift_page import write

    stamp(catalog, outputs([drift.study]), generate_timestamp())
    pin(catalog, outputs([drift.study]))
    catalog.save(f"{drift.study}.drift_table", drift.table)
    figure = None
    if drift.change.before is not None:
        catalog.save(f"{drift.study}.drift_figure", draw(drift))
        figure = catalog.load(f"{drift.study}.drift_figure")
    catalog.save(f"{drift.study}.drift_report", write(drift, figure))
    page = locate(catalog.get(f"{drift.study}.drift_report"))
    return (
        f"{drift.in_a_sentence} See {page.files[0]}."
        if page and page.files
        else drift.in_a_sentence
    )


def note(ledger: Ledger, run: str, catalog: Catalog, drift: Drift) -> None:
    """Note in the ledger what was written, and the data, which are kept for the next comparison."""
    name, data = drift.rule.table, drift.change.now
    inputs = {name: Content(data.digest)}
    fingerprint = Fingerprint(inputs, {}, function="", modules={}, libraries={}, catalog={})
    written = {name: data, **dict(_written(catalog, drift.study))}
    ledger.begin_node(run, _node(drift.study))
    ledger.end_node(NodeRecord(_node(drift.study), run, fingerprint, written))


def _written(catalog: Catalog, study: str) -> Iterator[tuple[str, Output]]:
    reader = ContentReader({})
    for name in sorted(outputs([study])):
        stored = locate(catalog.get(name))
        content = reader.of(stored) if stored else None
        if stored and content:
            yield name, Output(stored.version, content.digest)


def _node(study: str) -> str:
    return f"{study}.drift"


def _version(catalog: Catalog, name: str, output: Output) -> Any:
    datasets: Any = catalog  # Kedro's protocol leaves out the version
    return datasets.get(name, version=Version(output.version, None))
