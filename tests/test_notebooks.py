"""The notebooks run on the sample, from any folder, and are committed with what they show."""

import asyncio
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import crossfold
from crossfold.exceptions import CrossfoldError
from crossfold.notebooks import _find_project

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MACHINES_OWN = re.compile(
    r"(?<![\w.:/])/(?:home|root|tmp|private|Users|usr|opt|var|mnt|work)/|\b[A-Z]:\\"  # paths
    r"|\d{4}-\d\d-\d\dT\d\d"  # times and versions of datasets
    r"|\b[0-9a-f]{24}\b"  # hashes of patients, under this machine's key
    r"|\bat 0x[0-9a-f]{6}"  # addresses in memory
    r"|\x1b\["  # colours of a terminal
)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_stored_as_run_from_top_to_bottom(path: Path) -> None:
    code = [cell for cell in _read(path).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert _kinds(code) >= {"text/html"}
    assert _kinds(code) & {"image/svg+xml", "image/png"}
    assert _faults(code) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_outputs_name_nothing_of_the_machine(path: Path) -> None:
    notebook = _read(path)
    assert notebook.metadata["language_info"] == {"name": "python"}
    for cell in notebook.cells:
        assert "execution" not in cell.metadata, "the times of the run"
        text = "\n".join(_texts(cell))
        assert not MACHINES_OWN.search(text), cell.id
        assert " WARNING " not in text, cell.id


@pytest.mark.parametrize(
    "text",
    [
        "see /home/me/report.html",
        "C:\\Users\\me",
        "report.html/2026-11-25T12.55.04.737Z/report.html",
        "patient 0123456789abcdef01234567",
        "<Styler at 0x7f3c12345678>",
        "\x1b[1;36m0.5\x1b[0m",
    ],
)
def test_what_is_the_machines_own_is_found(text: str) -> None:
    assert MACHINES_OWN.search(text)


def _read(path: Path) -> Any:
    """Read a notebook; nbformat compiles grammars when it is imported, which takes seconds."""
    import nbformat

    return nbformat.read(path, as_version=4)


async def _run_all(folder: Path) -> dict[Path, Any]:
    """Run all notebooks in one kernel, which imports the libraries once; names do not stay."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    blank = nbformat.v4.new_notebook()
    client = NotebookClient(blank, timeout=300, resources={"metadata": {"path": str(folder)}})
    notebooks = {path: _read(path) for path in NOTEBOOKS}
    async with client.async_setup_kernel():
        for client.nb in notebooks.values():
            client.reset_execution_trackers()
            client.nb.cells.insert(0, nbformat.v4.new_code_cell("%reset -f"))
            with suppress(CellExecutionError):  # the cell holds it too
                for index, cell in enumerate(client.nb.cells):
                    await client.async_execute_cell(cell, index)
    return notebooks


@pytest.fixture(scope="module")
def executed(sample_project: Path) -> dict[Path, Any]:
    """Give the notebooks as they come out when they run beside the sample."""
    folder = sample_project / "notebooks"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KEDRO_ENV", "sample")
        return asyncio.run(_run_all(folder))


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of the Jupyter client, which is not under test
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run(path: Path, executed: dict[Path, Any]) -> None:
    notebook = executed[path]
    assert _faults(notebook.cells) == []
    assert _kinds(notebook.cells) >= {"text/html"}


def test_the_project_is_found_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (ROOT, ROOT / "notebooks", tmp_path):
        monkeypatch.chdir(folder)
        assert _find_project() == ROOT
    (tmp_path / "src" / "crossfold").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[tool.kedro]\npackage_name = "crossfold"\n')
    assert _find_project() == tmp_path


def test_no_project_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(crossfold, "__file__", str(tmp_path / "site-packages" / "__init__.py"))
    with pytest.raises(
        CrossfoldError, match=r"^There is no crossfold project around .*: start from"
    ):
        _find_project()


def _outputs(cells: list[Any]) -> list[Any]:
    return [output for cell in cells for output in cell.get("outputs", [])]


def _kinds(cells: list[Any]) -> set[str]:
    return {kind for output in _outputs(cells) for kind in output.get("data", {})}


def _faults(cells: list[Any]) -> list[Any]:
    """Name errors, and what was said on standard error: warnings and logs."""
    faulty = {"error", "stderr"}
    return [one for one in _outputs(cells) if {one.output_type, one.get("name")} & faulty]


def _texts(cell: Any) -> list[str]:
    """Give what a cell shows, but for PNG files in letters."""
    outputs = cell.get("outputs", [])
    shown = [
        text for one in outputs for kind, text in one.get("data", {}).items() if "png" not in kind
    ]
    return [*map(str, shown), *(one.text for one in outputs if "text" in one)]
