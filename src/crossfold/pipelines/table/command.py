"""What ``kedro study`` does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from crossfold.pipelines.table.profile import Profile, Wishes
from crossfold.pipelines.table.study import (
    column_rows,
    describe,
    read_profile,
    refuse_name,
    write_study,
)

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
    click.echo(f"Look through both files, then: kedro run --pipelines={name}")


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
    for line in describe(source, found):
        click.echo(line)
    _print_table(column_rows(found))
    for warning in found.warnings:
        click.echo(f"Warning: {warning}")
    return source, found


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
