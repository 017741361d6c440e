"""Names and values that a user gives, refused in one sentence before anything runs."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache, partial
from itertools import zip_longest
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_type_hints

from kedro.runner import AbstractRunner
from kedro.utils import load_obj

from crossfold.exceptions import CrossfoldError
from kedro_refresh.fingerprint import flatten

if TYPE_CHECKING:
    from kedro.config import OmegaConfigLoader
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node
    from pydantic import BaseModel

PARAMETER = "params:"
SEED = "seed"
RUNNERS = ("SequentialRunner", "ThreadRunner", "ParallelRunner")
# Seeds have 32 bits, and members, repeats and draws start from the seed plus their number.
LARGEST_SEED = 4_000_000_000
CLOSE_WITH_BLOCK = 0.8  # names that share a long block look close already
# What Kedro hands to nodes as it is written, so that a text in place of a number is no number.
AS_WRITTEN = (bool, int, float, str)
INTERPOLATION = re.compile(r"\$\{(globals|runtime_params):\s*(\w[\w.]*)")

Pipelines = Mapping[str, "Pipeline"]
Types = dict[str, Any]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Ask in brackets for the closest name of the same block, or else of all; or ask nothing."""
    block, _, last = name.rpartition(".")
    others = sorted(set(known) - {name})
    beside = {other.rpartition(".")[2]: other for other in others if _block(other) == block}
    matches = [beside[match] for match in get_close_matches(last, beside, n=1)]
    elsewhere = [other for other in others if _block(other) != block]
    matches += get_close_matches(name, elsewhere, n=1, cutoff=CLOSE_WITH_BLOCK)
    return f" (did you mean {matches[0]}?)" if matches else ""


def unknown_names(
    place: str, names: Iterable[str], known: Iterable[str], kind: str
) -> Iterator[str]:
    """Tell of each name in a place that is none of those that are known; `kind` is of what."""
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known)
            yield f"{place} names {name}, and there is no such {kind}{hint}"


def _block(name: str) -> str:
    return name.rpartition(".")[0]


# Environment, pipelines and their parts


def require_environment(loader: OmegaConfigLoader) -> None:
    """Refuse an environment that has no folder, and name those that there are."""
    env, files = loader.env, loader._fs
    if not env or env == loader.default_run_env or files.isdir(_folder(loader, env)):
        return
    beside = files.ls(PurePath(_folder(loader, env)).parent.as_posix(), detail=True)
    found = sorted(PurePath(each["name"]).name for each in beside if each["type"] == "directory")
    raise CrossfoldError(
        f"There is no environment {env}{did_you_mean(env, found)}: the environments are"
        f" {', '.join(found)}."
    )


def require_selection(options: Mapping[str, Any], pipelines: Pipelines) -> None:
    """Refuse pipelines, parts of them and runners that do not exist; name the closest that do.

    The options are those of ``kedro run``, by the names of its arguments.
    """
    single = options.get("pipeline")
    names = [single] if single else options.get("pipelines") or ["__default__"]
    unknown = [_no("pipeline", name, pipelines) for name in names if name not in pipelines]
    if unknown:
        raise CrossfoldError(f"{joined(unknown)}: the pipelines are {', '.join(pipelines)}.")
    runner = options.get("runner") or ""
    if runner and not _is_runner(runner):
        raise CrossfoldError(
            f"{_no('runner', runner, RUNNERS)}: there are {', '.join(RUNNERS)}, and others by their"
            " import path."
        )
    unknown = [
        _no(kind, name, known)
        for option, (kind, known) in _parts([pipelines[name] for name in names]).items()
        for name in options.get(option) or ()
        if name not in known
    ]
    if unknown:
        command = f"kedro registry describe {' or '.join(names)}"
        raise CrossfoldError(f"{joined(unknown)}: {command} lists the nodes that there are.")


def _is_runner(path: str) -> bool:
    try:
        found = load_obj(path, "kedro.runner")
    except (ImportError, AttributeError, ValueError):
        return False
    return isinstance(found, type) and issubclass(found, AbstractRunner)


def joined(faults: Iterable[str]) -> str:
    """Make one sentence of faults, of which there is one at least."""
    first, *others = faults
    return "; ".join([first, *(f"{other[:1].lower()}{other[1:]}" for other in others)])


def _no(kind: str, name: str, known: Iterable[str]) -> str:
    return f"There is no {kind} {name}{did_you_mean(name, known)}"


def _parts(selected: Iterable[Pipeline]) -> dict[str, tuple[str, set[str]]]:
    nodes = [node for pipeline in selected for node in pipeline.nodes]
    names = {node.name for node in nodes}
    datasets = {name for node in nodes for name in (*node.inputs, *node.outputs)}
    datasets |= {name.partition("@")[0] for name in datasets}
    return {
        "from_nodes": ("node", names),
        "to_nodes": ("node", names),
        "node_names": ("node", names),
        "from_inputs": ("dataset", datasets),
        "to_outputs": ("dataset", datasets),
        "namespaces": ("namespace", {p for node in nodes for p in node.namespace_prefixes}),
        "tags": ("tag", {tag for node in nodes for tag in node.tags}),
    }


# Parameters


def require_parameters(
    loader: OmegaConfigLoader,
    pipelines: Pipelines,
    misfits: Callable[[Mapping[str, Any]], Iterable[str]] = lambda parameters: (),
) -> None:
    """Refuse parameters and globals with a wrong name or a wrong value, every fault at once.

    A name is right if a node of any pipeline reads it, or, for one of a single run, if the
    configuration does; its value is right if it has the type that the node declares. `misfits`
    tells of good values that do not fit together. The loader, of the environment and ``--params``
    of the run, keeps the parameters that were read.
    """
    from crossfold.cluster import SETTINGS
    from crossfold.tracking import SETTING

    parameters = loader["parameters"] = loader["parameters"]
    types = parameter_types(pipelines)
    read = _read_by_configuration(loader)
    of_a_run = {SETTING, *SETTINGS, *read["runtime_params"]}
    given = of_a_run.intersection(dict(flatten("", loader.runtime_params or {})))
    faults = [
        *unknown_parameters(parameters, {*types, *given}, of_a_run),
        *_unknown_globals(loader, read["globals"]),
        *_replaced(loader, given & read["runtime_params"]),
        *wrong_values(parameters, types),
    ]
    tracking = {**loader["globals"], **(loader.runtime_params or {})}.get(SETTING)
    if not isinstance(tracking, bool | None):
        faults.append(f"The parameter {SETTING} is {tracking!r}: it is true or false")
    if not faults:
        faults += misfits(parameters)
    if faults:
        raise CrossfoldError(f"{joined(faults)}. Change it in conf/ or with --params.")


def parameter_types(pipelines: Pipelines) -> Types:
    """Find the declared type of every parameter that a node reads, by its name."""
    types: Types = {}
    hints_of = cache(partial(get_type_hints, include_extras=True))  # many nodes share a function
    for node in {node.name: node for p in pipelines.values() for node in p.nodes}.values():
        if any(name.startswith(PARAMETER) for name in node.inputs):
            hints = hints_of(node.func)
            types |= {
                name.removeprefix(PARAMETER): hints.get(argument, Any)
                for argument, name in _arguments(node)
                if name.startswith(PARAMETER)
            }
    return types


def _arguments(node: Node) -> Iterable[tuple[str, str]]:
    """Pair the arguments of a node's function with what the node reads."""
    if isinstance(node._inputs, dict):
        return node._inputs.items()
    return zip_longest(inspect.signature(node.func).parameters, node.inputs, fillvalue="")


def unknown_parameters(
    tree: Mapping[str, Any], known: set[str], of_a_run: Iterable[str] = (), prefix: str = ""
) -> Iterator[str]:
    """Tell of each name in a tree of parameters that is none; models check what is below them.

    Names in `of_a_run` can be given for a run, but not in a file of parameters.
    """
    for key, value in tree.items():
        name = f"{prefix}{key}"
        is_block = any(each.startswith(f"{name}.") for each in known)
        if name in known:
            continue
        if name in of_a_run:
            yield f"The parameter {name} is none of a file: put it into globals.yml"
        elif not is_block:
            fault = _no("parameter", name, {*_names(known), *of_a_run})
            yield f"{fault}, which was given as {value!r}"
        elif isinstance(value, Mapping):
            yield from unknown_parameters(value, known, of_a_run, f"{name}.")
        else:
            yield f"The parameter {name} is {value!r}: it is a block of parameters"


def wrong_values(parameters: Mapping[str, Any], types: Types) -> Iterator[str]:
    """Tell of each value that does not have the type that nodes declare."""
    from pydantic import Field, TypeAdapter, ValidationError

    seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
    for name, declared in types.items():
        value = _value(parameters, name.split("."))
        if value is inspect.Parameter.empty:
            if isinstance(parameters.get(name.partition(".")[0]), Mapping):
                yield f"The parameter {name} is missing"
            continue
        try:
            adapter: TypeAdapter[Any] = TypeAdapter(seed if name == SEED else declared)
            adapter.validate_python(value, strict=declared in AS_WRITTEN)
        except ValidationError as error:
            for fault in error.errors():
                yield _wrong_value(name, declared, fault)


def _wrong_value(name: str, declared: Any, fault: Mapping[str, Any]) -> str:
    """Name a refused parameter, its value and what is allowed."""
    place = [str(step) for step in fault["loc"]]
    path = ".".join([name, *place])
    if fault["type"] == "extra_forbidden":
        known = (".".join([name, *place[:-1], field]) for field in _fields(declared, place[:-1]))
        return f"{_no('parameter', path, known)}, which was given as {fault['input']!r}"
    if fault["type"] == "missing":
        return f"The parameter {path} is missing"
    expected = fault["msg"].removeprefix("Value error, ").rstrip(".")
    if name == SEED:
        expected = f"it should be a whole number from 0 to {LARGEST_SEED:,}"
    elif fault["type"] == "model_type":
        expected = "it is a block of parameters"
    elif isinstance(fault["input"], Mapping):  # What does not fit together needs no copy of it all.
        return f"In the block of parameters {path}: {expected[:1].lower()}{expected[1:]}"
    return f"The parameter {path} is {fault['input']!r}: {expected[:1].lower()}{expected[1:]}"


def _fields(declared: Any, place: Iterable[str]) -> set[str]:
    """Name the parameters that a model has at a place within a declared type."""
    models = list(_models(declared))
    for step in place:
        found = [m.model_fields[step].annotation for m in models if step in m.model_fields]
        # Other steps are places in a list, keys, or the kinds that a union tries.
        models = [model for each in found for model in _models(each)] or models
    return {field for model in models for field in model.model_fields}


def _models(declared: Any) -> Iterator[type[BaseModel]]:
    fields = getattr(declared, "model_fields", {})
    if "root" in fields:  # of Pydantic's RootModel, such as models by name
        declared = fields["root"].annotation
    elif fields:
        yield declared
    for part in get_args(declared):
        yield from _models(part)


def _unknown_globals(loader: OmegaConfigLoader, read: set[str]) -> Iterator[str]:
    """Tell of each global of the environment that neither the base has nor the catalog reads."""
    base, of_environment = loader._read_raw_config("globals")[:2]
    known = {str(name) for config in base.values() for name in config}
    known |= {name.partition(".")[0] for name in read}
    for name in sorted({str(name) for config in of_environment.values() for name in config}):
        if name not in known:
            yield f"{_no('global', name, known)} in globals.yml"


def _replaced(loader: OmegaConfigLoader, given: set[str]) -> Iterator[str]:
    """Tell of each parameter of a single run that only entries read which the environment replaces.

    The run would not look at what it was given.
    """
    if not given:
        return
    base, of_environment = loader._read_raw_config("catalog")[:2]
    entries: dict[Any, Any] = {}
    read = []
    for configs in (base, of_environment):
        for config in configs.values():
            entries |= config
        read.append(set(INTERPOLATION.findall(str(entries))))
    for name in sorted(given):
        if ("runtime_params", name) in read[0] - read[1]:
            yield (
                f"The parameter {name} is not read with --env={loader.env}, which has data of its"
                " own: leave out one of the two"
            )


def _read_by_configuration(loader: OmegaConfigLoader) -> dict[str, set[str]]:
    """Name the globals and the parameters of a single run that configuration files read."""
    found: dict[str, set[str]] = {"globals": set(), "runtime_params": set()}
    for env in {loader.base_env, loader.env or loader.default_run_env}:
        for file in loader._fs.glob(f"{_folder(loader, env)}/**/*.yml"):
            for resolver, name in INTERPOLATION.findall(loader._fs.cat_file(file).decode()):
                found[resolver].add(name)
    return found


def _folder(loader: OmegaConfigLoader, env: str) -> str:
    return PurePath(loader._get_conf_env_path(env)).as_posix()


def _names(known: Iterable[str]) -> set[str]:
    """Add the names of the blocks that names are in."""
    parts = (name.split(".") for name in known)
    return {".".join(p[:n]) for p in parts for n in range(1, len(p) + 1)}


def _value(tree: Any, path: list[str]) -> Any:
    """Look a nested value up; what is missing is `inspect.Parameter.empty`."""
    for step in path:
        if not isinstance(tree, Mapping) or step not in tree:
            return inspect.Parameter.empty
        tree = tree[step]
    return tree
