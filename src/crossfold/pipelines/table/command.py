"""What ``kedro study`` does."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from crossfold.pipelines.table.kinds import MOST_VALUES
from crossfold.pipelines.table.profile import MOST_ROWS, Profile, Wishes
from crossfold.pipelines.table.study import read_profile, refuse_name, write_study

HEADINGS = ("column", "kind", "missing", "distinct", "example", "use")


def new(name: str, project: Path, *, force: bool, **options: Any) -> None:
    """Find out what a table holds, print it, and write the configuration of its study.

    Parameters
    ----------
    name
        Name of the study.
    project
        Folder of the project.
    force
        Overwrite the files of a table study of this name.
    **options
        As for `profile`.
    """
    refuse_name(name, project / "conf", force=force)
    source, found = profile(**options)
    for file in write_study(name, source, found, project, force=force):
        click.echo(f"Wrote {file.relative_to(project)}")
    click.echo(f"Look through these files, then: kedro run --pipelines={name}")


def profile(
    *,
    data: str,
    drop: str,
    sep: str | None,
    decimal: str | None,
    encoding: str | None,
    **wishes: Any,
) -> tuple[dict[str, Any], Profile]:
    """Find out what a table holds, and print it.

    Parameters
    ----------
    data, sep, decimal, encoding
        As in `read_profile`.
    drop
        Columns to leave out, with commas between them.
    **wishes
        As in `Wishes`.

    Returns
    -------
    As from `read_profile`.
    """
    dropped = tuple(name.strip() for name in drop.split(",") if name.strip())
    sep = "\t" if sep == r"\t" else sep
    source, found = read_profile(
        data, Wishes(drop=dropped, **wishes), sep=sep, decimal=decimal, encoding=encoding
    )
    for line in _summary(source, found):
        click.echo(line)
    _print_table(_column_rows(found))
    for warning in found.warnings:
        click.echo(f"Warning: {warning}")
    return source, found


def _summary(source: dict[str, Any], profile: Profile) -> Iterable[str]:
    """Say in lines how the table is stored and what was found out."""
    one = source.get("dataset", source)
    load_args = one.get("load_args", {})
    how = ", ".join(f"{key} {value!r}" for key, value in load_args.items() if key != "na_values")
    table = profile.parameters
    kind = one["type"].rpartition(".")[2].removesuffix("Dataset")
    yield f"{kind} ({how})" if how else kind
    yield f"{profile.n_rows:,} rows, {len(profile.columns)} columns"
    if profile.n_rows > MOST_ROWS:
        yield (
            f"Kinds are told from {MOST_VALUES:,} values of a column, columns that give the target"
            f" away from {MOST_ROWS:,} rows"
        )
    if profile.missing_words:
        yield f"Missing values are also written as {', '.join(map(repr, profile.missing_words))}"
    event = f", event {table.positive!r}" if table.positive is not None else ""
    yield f"Target {table.target}: {table.task}{event}"


def _column_rows(profile: Profile) -> list[tuple[str, ...]]:
    """List name, kind, missing, distinct, example and role of every column."""
    table = profile.parameters
    roles = {n: f"left out: {why.partition(' (')[0]}" for n, why in table.left_out.items()}
    roles |= {table.target: "target"}
    if table.group:
        roles[table.group] = "group (hashed)"
    if table.time:
        roles[table.time] = "time"
    return [
        (
            column.name,
            column.kind,
            f"{column.missing:,}",
            f"{column.distinct:,}",
            column.example[:30],
            roles.get(column.name, "input"),
        )
        for column in profile.columns
    ]


def _print_table(rows: list[tuple[str, ...]]) -> None:
    if sys.stdout.isatty():
        _print_with_rich(rows)
        return
    lines = [HEADINGS, *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(HEADINGS))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _print_with_rich(rows: list[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None)
    for heading in HEADINGS:
        table.add_column(heading, justify="right" if heading in ("missing", "distinct") else "left")
    for row in rows:
        style = "dim" if row[-1].startswith("left out") else None
        table.add_row(*map(escape, row), style=style)
    Console().print(table)
