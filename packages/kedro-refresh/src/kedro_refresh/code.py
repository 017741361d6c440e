"""Fingerprints of functions: their own source, and that of all project code they reach."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kedro_refresh.fingerprint import Code, KnownCode, Place
from kedro_refresh.modules import BARE, ImportedName, Module, Symbol
from kedro_refresh.objects import ObjectReader

EVERYTHING = "*"
LONGEST_FILE_NAME = 60


@dataclass
class Reached:
    """What a piece of code reaches.

    Attributes
    ----------
    places
        Module and name of every project symbol.
    libraries
        Top-level packages from outside the project.
    """

    places: set[Place] = field(default_factory=set)
    libraries: set[str] = field(default_factory=set)


class CodeReader:
    """Reads a project's source without importing it.

    Comments, formatting and docstrings do not count. Where a name cannot be followed, the whole
    module that it comes from counts: rather once too often than a stale output kept.

    Parameters
    ----------
    package
        Name of the project's package.
    root
        The package's folder.
    known
        What was read before from the source as it is now; what is read is added to it.
    """

    def __init__(self, package: str, root: Path, known: KnownCode | None = None) -> None:
        self.known = known or KnownCode()
        self._package = package
        self._root = root
        self._modules: dict[str, Module | None] = {}
        self._direct: dict[Place, Reached] = {}
        self._digests: dict[Place, str] = {}

    def code(self, module: str, name: str) -> Code:
        """Give the fingerprint of a function, a class or another name of a module.

        ``<lambda>:12`` is what stands in line 12, as a lambda has no name of its own.
        """
        place = (module, name)
        if place not in self.known.codes:
            self.known.learn_code(place, self._fingerprint(place))
        return self.known.codes[place]

    def of_function(self, function: Callable[..., Any]) -> Code:
        """Give the fingerprint of a function, as a node holds it, with what is bound to it."""
        reader = ObjectReader(self.code, self.owns)
        own = _hash(reader.describe(function))
        modules: dict[str, list[str]] = {}
        for code in reader.codes:
            for module, digest in code.modules.items():
                modules.setdefault(module, []).append(digest)
        libraries = reader.libraries.union(*(code.libraries for code in reader.codes))
        joined = {module: _joined(digests) for module, digests in modules.items()}
        return Code(own, joined, frozenset(libraries), frozenset(reader.unseen))

    def of_path(self, path: str) -> str:
        """Give one digest for what a dotted path stands for, with all that it reaches."""
        if path not in self.known.paths:
            self.known.learn_path(path, self._digest_path(path))
        return self.known.paths[path]

    def _digest_path(self, path: str) -> str:
        reached = Reached()
        self._follow(path, reached)
        codes = [self.code(*place) for place in sorted(reached.places)]
        return _hash("\n".join(f"{code.function} {sorted(code.modules.items())}" for code in codes))

    def owns(self, module: str) -> bool:
        """Say whether a module is the project's own."""
        return module.partition(".")[0] == self._package

    def _fingerprint(self, start: Place) -> Code:
        starts = self._starts(start)
        places, libraries, new = {*starts}, set[str](), [*starts]
        while new:
            reached = self._reach(new.pop())
            libraries |= reached.libraries
            new += reached.places - places
            places |= reached.places
        by_module: dict[str, list[str]] = {}
        for module, name in sorted(places - {*starts}):
            by_module.setdefault(module, []).append(f"{name} {self._digest((module, name))}")
        modules = {module: _hash("\n".join(lines)) for module, lines in by_module.items()}
        return Code(_joined(map(self._digest, starts)), modules, frozenset(libraries))

    def _starts(self, place: Place) -> list[Place]:
        """Find the names whose statements hold a line, where a place is given by its line."""
        line = place[1].partition(":")[2]
        if not line:
            return [place]
        module = self._module(place[0])
        symbols = module.symbols if module else {}
        return [(place[0], name) for name, one in symbols.items() if one.holds_line(int(line))]

    def _digest(self, place: Place) -> str:
        if place not in self._digests:
            self._digests[place] = self._read_digest(place)
        return self._digests[place]

    def _read_digest(self, place: Place) -> str:
        module, symbol = self._symbol(place)
        if module is None or symbol is None:
            return ""
        files = [_hash_of_files(path) for path in _files_beside(module, symbol)]
        return _hash("\n".join([symbol.digest, *files]))

    def _symbol(self, place: Place) -> tuple[Module | None, Symbol | None]:
        module = self._module(place[0])
        return module, module.symbols.get(place[1]) if module else None

    def _reach(self, place: Place) -> Reached:
        """Find what one symbol reaches at once."""
        if place not in self._direct:
            self._direct[place] = self._look_up(place)
        return self._direct[place]

    def _look_up(self, place: Place) -> Reached:
        module, symbol = self._symbol(place)
        reached = Reached()
        if module is None:
            return reached
        if BARE in module.symbols:
            reached.places.add((module.name, BARE))
        names = symbol.names if symbol else set()
        if place[1] == EVERYTHING:
            names = {*module.symbols, *module.imports} - {BARE}
        for dotted in names:
            self._resolve(module, dotted, symbol.imports if symbol else {}, reached)
        return reached

    def _resolve(
        self, module: Module, dotted: str, inner: dict[str, ImportedName], reached: Reached
    ) -> None:
        """Add what a name in a module stands for."""
        name, _, attributes = dotted.partition(".")
        if name in module.symbols:
            reached.places.add((module.name, name))
        imports = [found[name] for found in (inner, module.imports) if name in found]
        if not imports and name not in module.symbols:
            imports = [found["*"] for found in (inner, module.imports) if "*" in found]
        for imported in imports:
            path = [self._absolute(module, imported), imported.name, attributes]
            self._follow(".".join(filter(None, path)), reached)

    def _absolute(self, module: Module, imported: ImportedName) -> str:
        if not imported.level:
            return imported.module
        parents = module.package.split(".")
        kept = parents[: len(parents) - imported.level + 1]
        return ".".join([*kept, *filter(None, [imported.module])])

    def _follow(self, path: str, reached: Reached) -> None:
        """Follow a dotted path: as many modules as there are, then a name in the last."""
        if not self.owns(path):
            reached.libraries.add(path.partition(".")[0])
            return
        module, names = self._longest_module(path)
        name = names[0] if names else EVERYTHING
        if name not in module.symbols and name in module.imports:
            self._resolve(module, ".".join(names), {}, reached)
            name = "__getattr__"  # what is imported for type checkers may be imported lazily
            if name not in module.symbols:
                return
        reached.places.add((module.name, name if name in module.symbols else EVERYTHING))

    def _longest_module(self, path: str) -> tuple[Module, list[str]]:
        parts = path.split(".")
        for length in range(len(parts), 0, -1):
            module = self._module(".".join(parts[:length]))
            if module is not None:
                return module, parts[length:]
        raise ModuleNotFoundError(path)

    def _module(self, name: str) -> Module | None:
        if name not in self._modules:
            self._modules[name] = self._read(name)
        return self._modules[name]

    def _read(self, name: str) -> Module | None:
        if not self.owns(name):
            return None
        path = self._root.joinpath(*name.split(".")[1:])
        for file in (path / "__init__.py", path.with_suffix(".py")):
            if file.is_file():
                return Module(name, file)
        return None


def _files_beside(module: Module, symbol: Symbol) -> Iterator[Path]:
    """Find the data files and folders of a package that a piece of code names, as templates."""
    for text in sorted(symbol.strings):
        if text and len(text) <= LONGEST_FILE_NAME and text.isprintable() and "/" not in text:
            path = module.path.with_name(text) if text not in (".", "..") else module.path
            if path.suffix != ".py" and path.exists() and not (path / "__init__.py").exists():
                yield path


def _hash_of_files(path: Path) -> str:
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    contents = (file.read_bytes() for file in files if file.is_file())
    return _hash("\n".join(hashlib.sha256(content).hexdigest() for content in contents))


def _joined(digests: Iterable[str]) -> str:
    """Make one digest of several, whatever their order; a single one stays as it is."""
    different = sorted(set(digests))
    return different[0] if len(different) == 1 else _hash("\n".join(different))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
