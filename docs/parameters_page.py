"""MkDocs hook: writes the reference of the parameters, a table for each study."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args, get_origin

import griffe
from generate_reference import project_configuration
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pydantic import BaseModel, RootModel

from crossfold.mlp import MLPClassifier
from crossfold.pipeline_registry import register_pipelines
from crossfold.templates.cross_validation.parameters import MLP, Model, NetworkParameters
from crossfold.user_input import parameter_types

ROOT = Path(__file__).parents[1]
# Beside the blocks STUDY and STUDY_audit.
ALSO = {"no_show": ("appointments", "public_notebooks_audit"), "audit": ("seed", "data_notice")}
LONGEST = 200
COMMON = {
    "seed": "Every random choice of a run comes from it.",
    "data_notice": "First line of every report, where the data are not real.",
    "classes": "Names of the classes, in the order of their numbers.",
    "comparisons": "Pairs of networks to compare, the first minus the second, by question.",
}
INTRODUCTION = """---
hide: [toc]
---

# Parameters

One table for each study, in the order of the studies: {studies}. The value is that of `conf/base`;
in brackets stands a default, which is in no file. A wrong name or value is refused before anything
runs. [Change a parameter](../how-to/parameters.md) says how.

What the claims of an audit can be set to is in [Claims and faults](claims.md).
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the page."""
    content = "\n".join(parameters_page(studies(config.nav)))
    files.append(File.generated(config, "reference/parameters.md", content=content))
    return files


def studies(nav: Any) -> dict[str, str]:
    """Take the studies and their titles from the navigation, in its order."""
    pages = next(section["Studies"] for section in nav if "Studies" in section)
    return {Path(path).stem: title for page in pages for title, path in page.items()}


def parameters_page(titles: Mapping[str, str]) -> Iterator[str]:
    """Write the page, line by line."""
    links = (f"[{title}](#{study})" for study, title in titles.items())
    yield INTRODUCTION.format(studies=", ".join(links))
    for study, title in titles.items():
        yield f'## {title} (`{study}`) {{ #{study} }}\n\n<div class="parameters" markdown="1">\n'
        yield "| parameter | value | what it means |\n| --- | --- | --- |"
        for row in rows_of(blocks_of(study)):
            yield f"| {' | '.join(row)} |"
        yield "\n</div>\n"


def blocks_of(study: str) -> tuple[str, ...]:
    """Name the blocks of parameters that a study reads."""
    return (study, f"{study}_audit", *ALSO.get(study, ()))


def rows_of(blocks: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """List name, value and meaning of all parameters of blocks; words of reports come last."""
    tree, types = _known()
    for block in blocks:
        declared = _declared(block, tree.get(block), types)
        for name, value in sorted(declared, key=lambda one: one[0].endswith(".report")):
            yield from _rows(name, types[name], value, COMMON.get(name.split(".")[-1], ""))


@cache
def _known() -> tuple[dict[str, Any], Mapping[str, Any]]:
    """Load all parameters, and the types that nodes declare, which takes seconds."""
    return project_configuration()["parameters"], parameter_types(register_pipelines())


def _declared(name: str, value: Any, types: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Find what nodes read, in a tree of parameters."""
    if name in types:
        yield name, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _declared(f"{name}.{key}", inner, types)


def _rows(name: str, declared: Any, value: Any, meaning: str) -> Iterator[tuple[str, str, str]]:
    model = _model(declared)
    if model and issubclass(model, RootModel):
        yield from _rows(name, model.model_fields["root"].annotation, value, meaning)
    elif model and isinstance(value, BaseModel | Mapping):
        yield from _fields(name, model, dict(value))
    elif isinstance(value, Mapping) and _model(inner := _inner(declared)):
        for key, one in value.items():
            yield from _rows(f"{name}.{key}", inner, one, meaning)
    else:
        yield f"`{name}`", _literal(value), _cell(meaning)


def _fields(name: str, model: type[BaseModel], values: dict[str, Any]) -> Iterator[Any]:
    """List the fields of a block: of models and networks, which are many, those that are set."""
    for field, info in model.model_fields.items():
        meaning = meanings(model).get(field, "")
        if field in values:
            is_network = model is Model and values.get("estimator", MLP) == MLP
            inner = NetworkParameters if is_network and field == "params" else info.annotation
            yield from _rows(f"{name}.{field}", inner, values[field], meaning)
        elif not issubclass(model, Model | NetworkParameters) and not info.is_required():
            shown = _literal(info.get_default(call_default_factory=True))
            yield f"`{name}.{field}`", f"({shown})", _cell(meaning)


def _model(declared: Any) -> type[BaseModel] | None:
    """Find the block of parameters that a type names, within Optional and Annotated too."""
    if inspect.isclass(declared) and issubclass(declared, BaseModel):
        return declared
    if get_origin(declared) in (dict, list, tuple):
        return None
    return next(filter(None, map(_model, get_args(declared))), None)


def _inner(declared: Any) -> Any:
    """Give the type of the values of a mapping."""
    return get_args(declared)[-1] if get_args(declared) else Any


@cache
def meanings(model: type) -> dict[str, str]:
    """Read what the fields of a class and its parents mean, from their docstrings."""
    found: dict[str, str] = {}
    for owner in reversed(model.__mro__):
        if not owner.__module__.startswith("crossfold") or "[" in owner.__name__:
            continue
        found |= dict(_below_fields(owner))
        docstring = griffe.Docstring(inspect.cleandoc(owner.__doc__ or ""))
        for section in docstring.parse("numpy", warnings=False):
            if section.kind.value in ("attributes", "parameters"):
                found |= {
                    name: one.description for one in section.value for name in one.name.split(", ")
                }
    return meanings(MLPClassifier) | found if issubclass(model, NetworkParameters) else found


def _below_fields(model: type) -> Iterator[tuple[str, str]]:
    """Read the docstrings that stand below the fields of a class."""
    tree: Any = ast.parse(textwrap.dedent(inspect.getsource(model)))
    for pair in pairwise(tree.body[0].body):
        match pair:
            case ast.AnnAssign(ast.Name(name)), ast.Expr(ast.Constant(str(text))):
                yield name, text


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _literal(value: Any) -> str:
    if isinstance(value, BaseModel):
        value = value.model_dump()
    if isinstance(value, str) and " " in value:
        return _cell(escape(value))
    if len(shown := repr(value)) > LONGEST:
        return f"{len(value)} entries"
    return _cell(f"`{shown}`")
