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
from html import unescape
from operator import attrgetter
from pathlib import Path
from types import ModuleType

import griffe
import pandas as pd
import pytest
import yaml

import crossfold.mlp
from crossfold.pipeline_registry import register_pipelines
from crossfold.user_input import parameter_types

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
PIPELINES = register_pipelines()
MODULES = [module.name for module in pkgutil.iter_modules(crossfold.mlp.__path__)]
PYTHON_BLOCK = re.compile(
    r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", re.MULTILINE | re.DOTALL
)
RUNTIME_PARAMETERS = {"appointments_export", "coming_export", "mnist_csv", "tracking"}
RUNTIME_PARAMETERS |= {"appointments_parts", "backend", "promote", "scheduler"}
FOLDERS = ("src", "docs", "conf", "notebooks", "benchmarks", "packages", "tests", ".github")
# What users make: their own settings, and files of studies that are an example.
OWN_FILES = re.compile(r"^conf/local/|/?NAME/|visits/|^(airflow|parameters_table)\.yml$")
DOTTED = re.compile(r"(?<![\w/.@-])(crossfold(?:\.[A-Za-z_]\w*)+)")
OWN_STUDIES = {"visits"}  # what how-to/own-table.md makes
SHOW_OUTPUT = {"README", "mlp-library", "layers"}
NEED_A_STORE = {"tracking"}  # and MLflow, which the tests do without


def named(pattern: str) -> set[str]:
    found = set(re.findall(pattern, TEXT))
    assert found, f"no page says {pattern}"
    return found


def make_help() -> str:
    command = ["make", "--silent", "--no-print-directory", "help"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.usefixtures("no_logging")
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
    assert named(r"--pipelines?=([a-z]\w*)") - set(PIPELINES) - own == set()


def test_counts_of_nodes_are_real() -> None:
    counts = named(r"(?:step \d+ of|all) (\d+)(?:: | nodes)")
    nodes = PIPELINES["no_show"].nodes
    assert counts == {str(len(nodes))}


def test_parameters_exist() -> None:
    pipelines = PIPELINES.values()
    known = {name.removeprefix("params:") for one in pipelines for name in one.inputs()}
    wanted = {".".join(name.split(".")[:2]) for name in named(r"--params=([\w.]+)=")}
    blocks = {".".join(name.split(".")[:n]) for name in known for n in (1, 2, 3)}
    wrong = {
        name for name in wanted if not {name, name.split(".")[0]} & known and name not in blocks
    }
    own = {f"{name}_coming" for name in OWN_STUDIES}
    assert wrong - RUNTIME_PARAMETERS - own == set()


def test_named_files_exist() -> None:
    paths = named(r"`((?:[\w-]+/)*\w[\w.-]*\.(?:py|j2|css|toml|ya?ml|ipynb))`")
    files = {path.as_posix() for folder in FOLDERS for path in (ROOT / folder).rglob("*.*")}
    files |= {path.as_posix() for path in ROOT.glob("*.*")}
    wrong = {path for path in paths if not any(file.endswith(f"/{path}") for file in files)}
    assert {path for path in wrong if not OWN_FILES.search(path)} == set()


def test_named_modules_classes_and_functions_exist() -> None:
    sources = [*(ROOT / "src").rglob("*.py"), *(ROOT / "src").rglob("*.j2")]
    configured = [*(ROOT / "conf").rglob("*.yml"), *(ROOT / "notebooks").glob("*.ipynb")]
    text = "\n".join(file.read_text(encoding="utf-8") for file in (*sources, *configured))
    names = set(DOTTED.findall(f"{text}\n{TEXT}"))
    assert len(names) > 100
    assert {name for name in names if not is_there(name)} == set()


def test_a_deleted_module_is_found() -> None:
    assert is_there("crossfold.mlp.MLPClassifier.fit")
    assert not is_there("crossfold.mlp._checks")
    assert not is_there("crossfold.no_such.module")


def is_there(name: str) -> bool:
    """Tell whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    for n in range(len(parts), 0, -1):
        module = ".".join(parts[:n])
        try:
            found = importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{module}.".startswith(f"{error.name}."):
                return True  # the module is there, and needs a package that is not
            continue
        try:
            attrgetter(".".join(parts[n:]))(found) if parts[n:] else None
        except AttributeError:
            return False
        return True
    return False


def test_the_architecture_has_every_folder() -> None:
    text = (ROOT / "docs/development/architecture.md").read_text(encoding="utf-8")
    source = ROOT / "src/crossfold"
    folders = [
        path.parent.relative_to(source).as_posix()
        for pattern in ("*/__init__.py", "pipelines/*/__init__.py", "templates/*/__init__.py")
        for path in source.glob(pattern)
    ]
    grouped = {"pipelines", "templates"}
    assert {one for one in folders if f"| `{one}` |" not in text} == grouped


def test_studies_begin_with_their_result() -> None:
    for page in (ROOT / "docs/studies").glob("*.md"):
        first = page.read_text(encoding="utf-8").splitlines()[2]
        if page.stem != "audit":
            assert first == f'--8<-- "results/{page.stem}_answer.md"'
            answer = (ROOT / f"docs/results/{page.stem}_answer.md").read_text(encoding="utf-8")
            assert re.match(r"\*\*.*\d", answer)


def test_the_picture_of_a_report_is_small() -> None:
    picture = (ROOT / "docs/images/report.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 150_000


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> tuple[ModuleType, ModuleType]:
    """Import what writes pages when the documents are built."""
    monkeypatch.syspath_prepend(ROOT / "docs")
    return tuple(map(importlib.import_module, ("generate_reference", "parameters_page")))


def test_the_reference_tells_what_every_parameter_means(
    hooks: tuple[ModuleType, ModuleType],
) -> None:
    _, page = hooks
    nav = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), yaml.BaseLoader)["nav"]
    titles = page.studies(nav)
    blocks = {study: list(page.rows_of(page.blocks_of(study))) for study in titles}
    rows = [row for own in blocks.values() for row in own]
    assert [name for name, _, meaning in rows if not meaning] == []
    assert len({name for name, *_ in rows}) == len(rows)
    shown = {name: value for name, value, _ in rows}
    assert shown["`no_show.decision.threshold.share`"] == "`0.1`"
    assert shown["`no_show.folds.n_repeats`"] == "(`1`)"  # a default, in no file
    read = {name.strip("`").split(".")[0] for name in shown}
    types = parameter_types(PIPELINES)
    assert read == {name.split(".")[0] for name in types if not name.endswith("_claims")}


def test_the_audit_in_the_documents_is_the_page_of_a_run(
    hooks: tuple[ModuleType, ModuleType],
) -> None:
    reference, _ = hooks
    claims = pd.read_csv(reference.AUDIT_TABLE)
    page = unescape(reference.audit_page())
    assert all(statement in page for statement in claims["statement"])
    assert f"of {len(claims)}</b>" in page


@cache
def documented_parameters() -> list[tuple[str, str, str, str]]:
    """List owner, name, documented default and default of each parameter of the library."""
    package = griffe.load(
        "crossfold.mlp",
        search_paths=[ROOT / "src"],
        docstring_parser="numpy",
        extensions=griffe.load_extensions(ROOT / "docs/full_docstrings.py"),
    )
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


@pytest.mark.parametrize(
    "estimator",
    [crossfold.mlp.MLPClassifier, crossfold.mlp.MLPRegressor, crossfold.mlp.NeuralNetwork],
)
def test_every_parameter_of_an_estimator_is_documented_once_and_in_order(
    estimator: type,
) -> None:
    documented = [
        name
        for owner, name, *_ in documented_parameters()
        if owner.endswith(f".{estimator.__name__}")
    ]
    assert documented == list(inspect.signature(estimator.__init__).parameters)[1:]
