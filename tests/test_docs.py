"""What the documents say can be done can be done."""

import doctest
import importlib
import inspect
import logging
import pkgutil
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import griffe
import pytest

import crossfold.mlp
from crossfold.pipeline_registry import register_pipelines

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
MODULES = [module.name for module in pkgutil.iter_modules(crossfold.mlp.__path__)]
PYTHON_BLOCK = re.compile(
    r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", re.MULTILINE | re.DOTALL
)
RUNTIME_PARAMETERS = {"appointments_export", "coming_export", "mnist_csv", "tracking"}
OWN_STUDIES = {"visits"}  # what how-to/own-table.md makes
SHOW_OUTPUT = {"README", "mlp-library"}
NEED_A_STORE = {"tracking"}  # and MLflow, which the tests do without


def named(pattern: str) -> set[str]:
    found = set(re.findall(pattern, TEXT))
    assert found, f"no page says {pattern}"
    return found


def make_help() -> str:
    command = ["make", "--silent", "--no-print-directory", "help"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples_run_and_print_what_the_page_shows(
    page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = PYTHON_BLOCK.findall(page.read_text(encoding="utf-8"))
    programs = [(compile(block, page.name, "exec"), shown) for block, shown in blocks]
    if page.stem in NEED_A_STORE:
        pytest.skip("the example reads the MLflow store of an earlier run")
    namespace: dict[str, object] = {}
    for program, shown in programs:
        exec(program, namespace)
        printed = capsys.readouterr().out
        if page.stem in SHOW_OUTPUT or shown:
            assert printed.strip() == shown.strip()


@pytest.fixture
def no_logging() -> Iterator[None]:
    """Keep Kedro's logging, which other tests switch on, out of what examples print."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.usefixtures("no_logging")
@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_of_the_library_run(name: str) -> None:
    module = importlib.import_module(f"crossfold.mlp.{name}")
    assert doctest.testmod(module).failed == 0


def test_make_targets_exist() -> None:
    targets = {line.split()[0] for line in make_help().splitlines()}
    assert named(r"(?:^|`|FOLDER )make (?:-C \w+ )?([a-z-]+)(?=`|$| [A-Z])") - targets == set()


def test_the_list_of_make_targets_is_the_real_one() -> None:
    assert make_help() in (ROOT / "docs/reference/commands.md").read_text(encoding="utf-8")


def test_pipelines_exist() -> None:
    own = {*OWN_STUDIES, *(f"{name}_score" for name in OWN_STUDIES)}
    assert named(r"--pipelines?=([a-z]\w*)") - set(register_pipelines()) - own == set()


def test_parameters_exist() -> None:
    pipelines = register_pipelines().values()
    known = {name.removeprefix("params:") for one in pipelines for name in one.inputs()}
    wanted = {".".join(name.split(".")[:2]) for name in named(r"--params=([\w.]+)=")}
    blocks = {".".join(name.split(".")[:n]) for name in known for n in (1, 2, 3)}
    wrong = {
        name for name in wanted if not {name, name.split(".")[0]} & known and name not in blocks
    }
    own = {f"{name}_coming" for name in OWN_STUDIES}
    assert wrong - RUNTIME_PARAMETERS - own == set()


def test_named_files_exist() -> None:
    paths = named(r"`((?:conf|src|notebooks|benchmarks|docs)/[a-z_./]+\.\w+)`")
    own = {"conf/local/parameters.yml", "conf/local/globals.yml", "conf/local/credentials.yml"}
    assert {path for path in paths - own if not (ROOT / path).is_file()} == set()


@cache
def documented_parameters() -> list[tuple[str, str, str, str]]:
    """List owner, name, documented default and default of each parameter of the library."""
    package = griffe.load("crossfold.mlp", search_paths=[ROOT / "src"], docstring_parser="numpy")
    own = [
        item
        for module in package.modules.values()
        for item in (*module.classes.values(), *module.functions.values())
        if not item.is_alias
    ]
    methods = [method for item in own if item.is_class for method in item.functions.values()]
    return [found for owner in (*own, *methods) for found in _parameters_of(owner)]


def _parameters_of(owner: griffe.Class | griffe.Function) -> Iterator[tuple[str, str, str, str]]:
    known = {one.name.lstrip("*"): str(one.default) for one in owner.parameters}
    for section in owner.docstring.parsed if owner.docstring else []:
        if section.kind is griffe.DocstringSectionKind.parameters:
            for one in section.value:
                yield owner.path, one.name, str(one.default), known.get(one.name, "not there")


def test_every_documented_default_is_that_of_the_signature() -> None:
    found = documented_parameters()
    assert ("crossfold.mlp._fold_stack.FoldStack.fit", "cv", "None", "None") in found
    assert [one for one in found if one[2] != one[3]] == []


@pytest.mark.parametrize("estimator", [crossfold.mlp.MLPClassifier, crossfold.mlp.MLPRegressor])
def test_every_parameter_of_an_estimator_is_documented_once_and_in_order(
    estimator: type,
) -> None:
    documented = [
        name
        for owner, name, *_ in documented_parameters()
        if owner.endswith(f".{estimator.__name__}")
    ]
    assert documented == list(inspect.signature(estimator).parameters)
