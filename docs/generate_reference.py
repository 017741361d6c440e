"""MkDocs hook: writes the reference pages that the code itself can tell."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pandera.pandas as pa
from kedro.config import OmegaConfigLoader
from kedro.io import CatalogConfigResolver
from kedro.pipeline import Pipeline
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from crossfold.pipeline_registry import register_pipelines
from crossfold.pipelines.appointments import schemas
from crossfold.pipelines.images import schemas as image_schemas
from crossfold.reports.page import glossary
from crossfold.settings import CONFIG_LOADER_ARGS
from crossfold.templates.audit.page import AuditReportParameters, write_report

ROOT = Path(__file__).parents[1]
CLAIMS = "_claims"
SCHEMAS = {
    "appointments": schemas.PRIMARY,
    "appointment_features": schemas.FEATURES,
    "mnist_labels": image_schemas.LABELS,
    "fashion_mnist_labels": image_schemas.LABELS,
}
TYPES = {"string[pyarrow]": "text", "datetime64[ns]": "date and time"}
AUDIT_TABLE = ROOT / "docs/results/audit.csv"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    pages = {
        "reference/catalog.md": "\n".join(_catalog_page()),
        "reference/data-dictionary.md": "\n".join(_dictionary_page()),
        "reference/claims.md": "\n".join(_claims_page()),
        "reference/glossary.md": "\n".join(_glossary_page()),
        "studies/audit/page.html": audit_page(),
    }
    for path, content in pages.items():
        files.append(File.generated(config, path, content=content))
    return files


def on_post_page(output: str, **_: Any) -> str:
    """Name the theme's search dialog for those who hear the page."""
    return output.replace('role="dialog"', 'role="dialog" aria-label="Search"', 1)


def _catalog_page() -> Iterator[str]:
    yield "---\nhide: [toc]\n---\n"
    yield "# Pipelines and catalog"
    yield ""
    yield (
        "Every dataset that a pipeline reads or writes, in the order of the work. A versioned file"
        " is a folder that holds one folder for each run. `data` is `data/sample` with"
        " `--env=sample`."
    )
    no_secrets = {"patient_key": {"key": ""}}
    in_memory = {"{default}": {"type": "in memory"}}
    resolver = CatalogConfigResolver(project_configuration()["catalog"], no_secrets, in_memory)
    for name, pipeline in register_pipelines().items():
        if name not in ("__default__", "all"):
            yield from ("", f"## `{name}`", "", f"`kedro run --pipelines={name}`", "")
            yield from _table(["dataset", "layer", "file"], _datasets(pipeline, resolver))


def _datasets(pipeline: Pipeline, resolver: CatalogConfigResolver) -> Iterator[list[str]]:
    given = sorted(name for name in pipeline.inputs() if "params:" not in name)
    made = [output for node in pipeline.nodes for output in node.outputs]
    for name in [*given, *made]:
        entry = resolver.resolve_pattern(name)
        layer = entry.get("metadata", {}).get("kedro-viz", {}).get("layer", "")
        yield [f"`{name}`", layer, _file(entry)]


def _file(entry: dict[str, Any]) -> str:
    path = entry.get("filepath") or entry.get("dataset", {}).get("filepath", "")
    return f"`{path}`{', versioned' if entry.get('versioned') else ''}" if path else ""


def _dictionary_page() -> Iterator[str]:
    yield "# Data dictionary"
    yield ""
    yield (
        "Kedro checks these tables against their schemas whenever it loads or saves them. The"
        " columns of an export are in [study your own appointments](../how-to/own-appointments.md)."
    )
    for name, schema in SCHEMAS.items():
        yield from ("", f"## `{name}`", "")
        yield from _table(["column", "type", "missing", "meaning", "rules"], _columns(schema))
        rules = [f"- {check.error}" for check in schema.checks if check.error]
        yield from ("", *rules)


def _columns(schema: pa.DataFrameSchema) -> Iterator[list[str]]:
    for name, column in schema.columns.items():
        yield [
            f"`{name}`",
            TYPES.get(str(column.dtype), str(column.dtype)),
            "yes" if column.nullable else "no",
            column.description or "",
            ", ".join(_rule(check) for check in column.checks),
        ]


def _rule(check: pa.Check) -> str:
    values = check.statistics or {}
    if "min_value" in values:
        return f"at least {values['min_value']:g}"
    if "max_value" in values:
        return f"at most {values['max_value']:g}"
    return f"one of {', '.join(map(str, values['allowed_values']))}"


def _claims_page() -> Iterator[str]:
    yield "# Claims and faults"
    yield ""
    yield (
        "Every claim of the studies' sources and every fault that is a switch, as the files"
        " `conf/base/*/claims.yml` state them. [What an audit is](../explanation/audit.md) tells"
        " how they are judged."
    )
    for name, block in sorted(project_configuration()["parameters"].items()):
        if not name.endswith(CLAIMS):
            continue
        yield from ("", f"## `{name.removesuffix(CLAIMS)}`", "", f"Faults, `{name}.faults`:")
        faults = ([f"`{k}`", v["title"], v.get("about", "")] for k, v in block["faults"].items())
        yield from _table(["switch", "what was done", "what it means"], faults)
        yield from ("", f"Claims, `{name}.claims`:")
        yield from _table(["claim", "the source says", "decided by"], _claims(block["claims"]))


def _claims(claims: dict[str, Any]) -> Iterator[list[str]]:
    for name, claim in claims.items():
        decided = claim.get("quantity") or f"not judged here: it would need {claim['needs']}"
        yield [f"`{name}`", claim["says"], decided.strip()]


def _glossary_page() -> Iterator[str]:
    yield "---\nhide: [toc]\n---\n"
    yield "# Glossary"
    yield ""
    yield "What the words of reports and documents mean. Each report ends with those that it uses."
    yield from _table(["term", "meaning"], ([f"**{k}**", v] for k, v in glossary().items()))


def audit_page() -> str:
    """Write the page of all audits as a run writes it, from the table of the latest real run."""
    values = project_configuration()["parameters"]
    report = AuditReportParameters(**values["audit"]["report"])
    notice = values["data_notice"]
    claims = pd.read_csv(AUDIT_TABLE)
    return write_report(claims=claims, report=report, data_notice=notice, seed=values["seed"])


def project_configuration() -> OmegaConfigLoader:
    """Make a loader of the project's configuration without environments."""
    return OmegaConfigLoader(
        str(ROOT / "conf"),
        base_env="base",
        default_run_env="base",
        config_patterns=CONFIG_LOADER_ARGS["config_patterns"],
    )


def _table(header: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    yield from ("", _line(header), _line(["---"] * len(header)))
    yield from (_line(row) for row in rows)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
