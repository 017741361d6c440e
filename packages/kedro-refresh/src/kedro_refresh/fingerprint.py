"""Fingerprints of nodes and of code: all that an output depends on, and what differs."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

Place = tuple[str, str]  # module, name in it


@dataclass(frozen=True)
class Code:
    """The fingerprint of a function."""

    function: str  # digest of its own source
    modules: dict[str, str]  # digest of what it reaches in each module of the project
    libraries: frozenset[str]  # top-level packages from outside the project that it reaches
    unseen: frozenset[str] = frozenset()  # types of objects bound to it that cannot be compared


@dataclass
class KnownCode:
    """What has been read from the source."""

    state: str = ""  # of the source; see `source_state`
    codes: dict[Place, Code] = field(default_factory=dict)  # fingerprints by place
    paths: dict[str, str] = field(default_factory=dict)  # digests of what dotted paths stand for

    @property
    def size(self) -> int:
        """How much is known; it only grows."""
        return len(self.codes) + len(self.paths)

    def to_json(self) -> str:
        """Write it as JSON."""
        codes = [
            [*place, code.function, code.modules, sorted(code.libraries)]
            for place, code in self.codes.items()
        ]
        return json.dumps({"codes": codes, "paths": self.paths})

    @classmethod
    def from_json(cls, state: str, text: str) -> Self:
        """Read what `to_json` wrote."""
        fields = json.loads(text)
        codes = {
            (module, name): Code(function, modules, frozenset(libraries))
            for module, name, function, modules, libraries in fields["codes"]
        }
        return cls(state, codes, fields["paths"])


def source_state(root: Path) -> str:
    """Give a digest of size, time and inode of every file of a package; no file is read."""
    lines = []
    for file in sorted(root.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            stat = file.stat()
            lines.append(f"{file} {stat.st_size} {stat.st_mtime_ns} {stat.st_ino}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@dataclass(frozen=True)
class Content:
    """What a dataset holds."""

    digest: str  # SHA-256 of the file's bytes, or of the names and digests of a folder's files
    rows: int | None = None  # rows of a table that can be counted quickly, else None
    # digests of a folder's files by name; nothing for a single file
    files: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class Fingerprint:
    """All that a node's outputs depend on."""

    inputs: dict[str, Content]  # content of each dataset that it reads
    parameters: dict[str, Any]  # value of each parameter that it reads, by dotted name
    function: str  # digest of its function's source
    modules: dict[str, str]  # digest of the project code that the function reaches, by module
    libraries: dict[str, str]  # versions of numeric libraries
    catalog: dict[str, str]  # digest of the settings of each dataset that it reads or writes
    wiring: str = ""  # which arguments its inputs go to, and which results its outputs come from

    def to_json(self) -> str:
        """Write it as JSON; equal fingerprints give equal text."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Fingerprint:
        """Read what `to_json` wrote."""
        fields = json.loads(text)
        inputs = {name: Content(**content) for name, content in fields.pop("inputs").items()}
        return cls(inputs=inputs, **fields)

    @property
    def digest(self) -> str:
        """SHA-256 of all of it."""
        return digest_of(self.to_json())


def digest_of(text: str) -> str:
    """Give the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def flatten(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """List the values in a parameter by dotted name, as JSON writes them."""
    value = _plain(value)
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from flatten(f"{name}.{key}" if name else str(key), inner)
    else:
        yield name, json.loads(json.dumps(value, default=str))


def _plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return value


def differences(old: Fingerprint, new: Fingerprint) -> list[str]:
    """Say in a few words each what has changed; nothing for equal fingerprints."""
    code = [f"{name} changed, which it calls" for name in _changed(old.modules, new.modules)]
    return [
        *_changed_inputs(old.inputs, new.inputs),
        *changed_values("parameter ", old.parameters, new.parameters),
        *(["function changed"] if old.function != new.function else []),
        *(["inputs or outputs are bound otherwise"] if old.wiring != new.wiring else []),
        *code,
        *changed_values("version of ", old.libraries, new.libraries),
        *(f"catalog entry {name} changed" for name in _changed(old.catalog, new.catalog)),
    ]


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]


def changed_values(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Say of each value that differs what it was and what it is."""
    for name in sorted({*old, *new}):
        before, after = (_shown(values, name) for values in (old, new))
        if before != after:  # as they are written: 1 is not 1.0 nor true, and NaN is NaN
            yield f"{kind}{name} {before} → {after}"


def _shown(values: Mapping[str, Any], name: str) -> str:
    if name not in values:
        return "nothing"
    return json.dumps(values[name], ensure_ascii=False, sort_keys=True)


def _changed_inputs(old: dict[str, Content], new: dict[str, Content]) -> Iterator[str]:
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if before is None or after is None:
            yield f"{name} is {'no longer' if after is None else 'now'} read"
        elif before.digest != after.digest:
            rows = _row_change(before.rows, after.rows)
            yield (
                f"{name} content changed (sha256 {before.digest[:4]}… → {after.digest[:4]}…{rows})"
            )


def _row_change(before: int | None, after: int | None) -> str:
    if before is None or after is None:
        return ""
    return f", {after - before:+,} rows" if after != before else ", as many rows"
