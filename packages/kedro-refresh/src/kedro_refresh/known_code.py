"""Fingerprints of code that were taken before, of one state of a project's source."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

Place = tuple[str, str]  # module, name in it


@dataclass(frozen=True)
class Code:
    """The fingerprint of a function.

    Attributes
    ----------
    function
        Digest of its own source.
    modules
        Digest of what it reaches in each module of the project.
    libraries
        Top-level packages from outside the project that it reaches.
    unseen
        Types of objects bound to it that cannot be compared.
    """

    function: str
    modules: dict[str, str]
    libraries: frozenset[str]
    unseen: frozenset[str] = frozenset()


@dataclass
class KnownCode:
    """What has been read from the source.

    Attributes
    ----------
    state
        Of the source; see `source_state`.
    codes
        Fingerprints by place.
    paths
        Digests of what dotted paths stand for.
    has_grown
        Whether anything was added since it was made.
    """

    state: str = ""
    codes: dict[Place, Code] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    has_grown: bool = False

    def learn_code(self, place: Place, code: Code) -> None:
        """Add a fingerprint."""
        self.codes[place] = code
        self.has_grown = True

    def learn_path(self, path: str, digest: str) -> None:
        """Add a digest."""
        self.paths[path] = digest
        self.has_grown = True

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
