"""Runs the notebooks on the last runs on synthetic data, and stores what they show."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click
import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def main(names: list[str]) -> None:
    """Run the named notebooks, or all."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        if not names or path.stem in names:
            click.echo(path.name)
            asyncio.run(execute(path))


async def execute(path: Path) -> None:
    """Run a notebook and store it with its outputs, without times and the interpreter's version."""
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(notebook, timeout=300, resources=resources, record_timing=False)
    await client.async_execute()
    notebook.metadata["language_info"] = {"name": "python"}
    nbformat.write(notebook, path)


if __name__ == "__main__":
    main(sys.argv[1:])
