"""What ``kedro study`` does: find out what a table holds, and write its study's configuration."""

import csv
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from crossfold.datasets.atomic import AtomicWriter, atomic_folder
from crossfold.datasets.identifiers import masked
from crossfold.datasets.table_dataset import TableDataset, find_signs, find_source, table_suffix
from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.table.kinds import MOST_VALUES, find_units
from crossfold.pipelines.table.pipeline import PARAMETERS_FILE
from crossfold.pipelines.table.profile import FOLDS, MOST_ROWS, Profile, Wishes, profile_table
from crossfold.templates.parameters import TableParameters

NAME = re.compile(r"[a-z][a-z0-9_]*")
RESERVED = ("all", "audit", "data_engineering", "modelling", "reporting", "scoring", "table")
PARAMETERS = ("seed", "data_notice")  # of all studies
RESERVED_ENDINGS = ("_audit", "_score", "_coming")
# Kedro reads every file of folders that begin like this as one kind of configuration.
RESERVED_STARTS = ("catalog", "credentials", "globals", "logging", "parameters")
PLAIN = re.compile(r"[^\W\d][\w./-]*")
YAML_WORDS = ("yes", "no", "true", "false", "null", "on", "off", "y", "n")
FEW_ROWS, MANY_ROWS, VERY_MANY_ROWS = 2_000, 20_000, 200_000
MOST_NEWTON = 50
HEADINGS = ("column", "kind", "missing", "distinct", "example", "use")


def read_profile(
    data: str,
    wishes: Wishes,
    *,
    sep: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
) -> tuple[dict[str, Any], Profile]:
    """Read a table and find out what it holds.

    `data` is a file, a folder of files, or ``DATABASE_ADDRESS::TABLE``; `wishes` is what the user
    says about its columns. Of a text file, `sep`, `decimal` and `encoding` are found out where they
    are None.

    Returns the catalog entry of the dataset that reads it, and what it holds.
    """
    source = find_source(data, sep=sep, decimal=decimal, encoding=encoding)
    one = source.get("dataset", source)
    table = TableDataset(dataset=source).load()
    signs = {} if "decimal" in one.get("load_args", {}) else find_signs(table, decimal)
    if signs:
        one.setdefault("load_args", {}).update(signs)
    units = find_units(table)
    if signs or units:
        table = TableDataset(dataset=source, units=units).load()
    profile = profile_table(table, wishes, units)
    if profile.missing_words:
        one.setdefault("load_args", {})["na_values"] = ["", *profile.missing_words]
    return source, profile


def refuse_name(name: str, conf: Path, *, force: bool) -> None:
    """Refuse (`CrossfoldError`) a name that cannot be a study's, or is another's."""
    if not NAME.fullmatch(name):
        raise CrossfoldError(
            f"{name!r} cannot be a study's name: take lower-case letters, digits and _, a letter"
            " first."
        )
    is_reserved = name in (*RESERVED, *PARAMETERS) or name.startswith(RESERVED_STARTS)
    if is_reserved or name.endswith(RESERVED_ENDINGS):
        raise CrossfoldError(f"The name {name} is reserved: take another.")
    folder = conf / "base" / name
    if not folder.exists():
        return
    if not (folder / PARAMETERS_FILE).exists():
        raise CrossfoldError(f"There is a study {name} already, in {folder}: take another name.")
    if not force:
        raise CrossfoldError(
            f"There is a study {name} already, in {folder}: take another name, or write it anew"
            " with --force."
        )


def write_study(
    name: str, source: dict[str, Any], profile: Profile, project: Path, *, force: bool = False
) -> list[Path]:
    """Write the configuration of a study, all files or none, into the folder of the project.

    Source and profile are from `read_profile`; `force` overwrites the files of a table study of
    this name. Returns the files.
    """
    conf = project / "conf"
    refuse_name(name, conf, force=force)
    _refuse_unnameable(profile)
    folder = conf / "base" / name
    raw = _relative(source, project)
    sources = {"raw": raw, "coming": _coming(name, raw)}
    texts = {
        "catalog.yml": _render("catalog.yml.j2", name=name, sources=sources, profile=profile),
        PARAMETERS_FILE: _render("parameters_table.yml.j2", name=name, table=profile.parameters),
        "parameters.yml": render_models(name, profile.parameters, profile.n_rows, profile.n_groups),
    }
    if not folder.exists():
        with atomic_folder(folder) as new:
            for file, text in texts.items():
                (new / file).write_text(text, encoding="utf-8")
    else:
        with ExitStack() as stack:
            writers = {file: stack.enter_context(AtomicWriter(folder / file)) for file in texts}
            for file, text in texts.items():
                writers[file].write(text.encode())
    return [folder / file for file in texts]


def _refuse_unnameable(profile: Profile) -> None:
    """Refuse what Kedro cannot name, or not read: each column becomes the name of a parameter."""
    table = profile.parameters
    values = [
        table.target,
        table.positive,
        table.negative,
        table.group,
        table.time,
        *table.identifiers,
    ]
    wrong = [column.name for column in profile.columns if column.name.count("@") > 1]
    wrong += [value for value in values if value is not None and not _is_readable(value)]
    if wrong:
        raise CrossfoldError(
            f"Kedro cannot read {', '.join(map(repr, wrong))}, because of ${{ or of two @: rename"
            " them."
        )


def _is_readable(value: str) -> bool:
    """Say whether a value stays as it is where Kedro merges environments."""
    try:
        OmegaConf.create([value])
    except OmegaConfBaseException:
        return False
    return True


def render_models(
    name: str, table: TableParameters, n_rows: int, n_groups: int | None = None
) -> str:
    """Write folds, models and decision, chosen by the kind of the target and the size of the table.

    Of a few groups, each fold validates one at least, and two make a part.
    """
    from crossfold.mlp._batches import batch_rows
    from crossfold.mlp._tabular import N_STEPS, SEARCH_SPACE, TABULAR

    is_small, is_very_large = n_rows < FEW_ROWS, n_rows >= VERY_MANY_ROWS
    batch_size, most = 16, 2048 if is_very_large else 512
    while batch_size < min(n_rows / 40, most):
        batch_size *= 2

    def within_bounds(epochs: float) -> int:
        return max(3 if is_very_large else 6, min(60, round(epochs)))

    # As in the preset, batches and steps follow from the rows that one network learns from.
    n_folds, n_parts = FOLDS, 5 if is_small else 10
    if n_groups is not None:
        n_folds, n_parts = max(2, min(n_folds, n_groups)), max(2, min(n_parts, n_groups // 2))
    learnt = round(n_rows * (1 - 1 / n_folds) * (1 - 1 / n_parts))
    own_batch = batch_size if n_rows >= MANY_ROWS else batch_rows("auto", learnt)

    return _render(
        "parameters.yml.j2",
        name=name,
        kind="Regressor" if table.task == "regression" else "Classifier",
        is_small=is_small,
        is_large=n_rows >= MANY_ROWS,
        is_very_large=is_very_large,
        # Second derivatives are few then, and make the regression five times as fast.
        is_narrow_binary=table.task == "binary" and len(table.columns) <= MOST_NEWTON,
        n_folds=n_folds,
        n_parts=n_parts,
        members=min(3 if is_very_large else 5, n_parts),
        batch_size=batch_size,
        max_iter=within_bounds(1000 * batch_size / n_rows),
        preset=TABULAR
        | {"batch_size": own_batch, "max_iter": within_bounds(N_STEPS / -(-learnt // own_batch))},
        space=SEARCH_SPACE,
    )


def study_parameters(
    table: TableParameters, n_rows: int, n_groups: int | None = None
) -> dict[str, Any]:
    """Choose what ``parameters.yml`` would hold, for a study without a project.

    Returns the blocks that `crossfold.templates.cross_validation.create_pipeline` reads, but for
    ``table``.
    """
    chosen: dict[str, Any] = yaml.safe_load(render_models("study", table, n_rows, n_groups))[
        "study"
    ]
    return chosen


def _render(file: str, **values: Any) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "scalar": scalar,
        "lines": lambda *own: "\n".join(_lines(*own)),
        "flow": _flow,
    }
    return environment.get_template(file).render(values)


def scalar(value: Any, *, is_key: bool = False) -> str:
    """Write a value for YAML, so that OmegaConf reads it as it is."""
    if value is None:
        return "null"
    if not isinstance(value, str):
        return str(value).lower()
    if PLAIN.fullmatch(value) and value.lower() not in YAML_WORDS:
        return value
    if not is_key:  # OmegaConf replaces ${…} in values, not in keys
        value = re.sub(r"(\\*)\$\{", r"\1\1\\${", value)
    text: str = yaml.safe_dump(value, default_style='"', allow_unicode=True, width=10**6)
    return text.rstrip("\n")


def _flow(value: Any) -> str:
    """Write a value on one line; a number of epochs without end as null."""
    plain = None if value == float("inf") else list(value) if isinstance(value, tuple) else value
    text: str = yaml.safe_dump(plain, default_flow_style=True, sort_keys=False, width=10**6)
    return text.removesuffix("\n").removesuffix("\n...")


def _lines(values: dict[str, Any], indent: int) -> Iterator[str]:
    for key, value in values.items():
        start = f"{' ' * indent}{scalar(key, is_key=True)}:"
        if isinstance(value, dict):
            yield start
            yield from _lines(value, indent + 2)
        elif isinstance(value, list):
            yield f"{start} [{', '.join(map(scalar, value))}]"
        elif isinstance(value, _Interpolation):
            yield f"{start} {value.text}"
        else:
            yield f"{start} {scalar(value)}"


class _Interpolation:
    """A value that OmegaConf shall replace."""

    def __init__(self, text: str) -> None:
        self.text = text


def _relative(source: dict[str, Any], project: Path) -> dict[str, Any]:
    """Write a path inside the project relative to it, so that the project can move.

    The address of a database is refused if it holds a password.
    """
    key = "path" if "path" in source else "filepath"
    if key not in source:
        if urlsplit(source["credentials"]["con"]).password:
            raise CrossfoldError(
                "The address of the database holds a password, which must not stand in conf/base:"
                " leave it out of --data and keep it where the database's driver looks for it."
            )
        return source
    path = Path(source[key])
    if path.is_relative_to(project):
        path = path.relative_to(project)
    return {**source, key: path.as_posix()}


def _coming(name: str, raw: dict[str, Any]) -> dict[str, Any]:
    key = next((key for key in ("path", "filepath") if key in raw), None)
    if key is None:
        return {
            **raw,
            "table_name": _Interpolation(f"${{runtime_params:{name}_coming, {name}_coming}}"),
        }
    file = Path(raw[key])
    suffix = "" if key == "path" else table_suffix(file) or file.suffix
    place = f"${{globals:data_root}}/01_raw/{name}/coming{suffix}"
    return {**raw, key: _Interpolation(f"${{runtime_params:{name}_coming, {place}}}")}


def new(name: str, project: Path, *, force: bool, **options: Any) -> None:
    """Find out what a table holds, print it, and write the configuration of its study.

    Options are those of `profile`; for `force` see `write_study`.
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

    `drop` are columns to leave out, with commas between them, and quotes around names with commas;
    wishes are those of `Wishes`; all else is as in `read_profile`.
    """
    lines = csv.reader(drop.splitlines(), skipinitialspace=True)
    dropped = tuple(name.strip() for names in lines for name in names if name.strip())
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
    kind = one.get("file_format") or one["type"].rpartition(".")[2].removesuffix("Dataset")
    yield f"{kind} ({how})" if how else kind
    yield f"{profile.n_rows:,} rows, {len(profile.columns)} columns"
    if profile.n_rows > MOST_ROWS:
        yield (
            f"Kinds are told from {MOST_VALUES:,} values of a column, columns that give the target"
            f" away from {MOST_ROWS:,} rows"
        )
    if profile.missing_words:
        yield f"Missing values are also written as {', '.join(map(repr, profile.missing_words))}"
    if profile.units:
        units = ", ".join(f"{name} ({unit})" for name, unit in profile.units.items())
        yield f"Read without their units: {units}"
    event = f", event {masked(table.positive)!r}" if table.positive is not None else ""
    yield f"Target {table.target}: {table.task}{event}"


def _column_rows(profile: Profile) -> list[tuple[str, ...]]:
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
    lines = [HEADINGS, *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(HEADINGS))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
