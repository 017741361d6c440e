"""Fingerprints of functions: their own source, and that of all project code they reach."""

from __future__ import annotations

import ast
import hashlib
import symtable
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from kedro_refresh.fingerprint import Code, KnownCode, Place
from kedro_refresh.objects import ObjectReader

EVERYTHING = "*"
LONGEST_FILE_NAME = 60


@dataclass
class Reached:
    """What a piece of code reaches."""

    places: set[Place] = field(default_factory=set)  # module and name of every project symbol
    libraries: set[str] = field(default_factory=set)  # top-level packages from outside the project


class CodeReader:
    """Reads a project's source, the package in a folder, without importing it.

    Comments, formatting and docstrings do not count. Where a name cannot be followed, the whole
    module that it comes from counts: rather once too often than a stale output kept. What is read
    is added to what is known of the source as it is now.
    """

    def __init__(self, package: str, root: Path, known: KnownCode | None = None) -> None:
        self.known = known or KnownCode()
        self._package = package
        self._root = root
        self._module = cache(self._read)
        self._reach = cache(self._look_up)
        self._digest = cache(self._read_digest)

    def code(self, module: str, name: str) -> Code:
        """Give the fingerprint of a function, a class or another name of a module.

        ``<lambda>:12`` is what stands in line 12, as a lambda has no name of its own.
        """
        place = (module, name)
        if place not in self.known.codes:
            self.known.codes[place] = self._fingerprint(place)
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
            reached = Reached()
            self._follow(path, reached)
            codes = [self.code(*place) for place in sorted(reached.places)]
            told = [f"{code.function} {sorted(code.modules.items())}" for code in codes]
            self.known.paths[path] = _hash("\n".join(told))
        return self.known.paths[path]

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

    def _read_digest(self, place: Place) -> str:
        module, symbol = self._symbol(place)
        if module is None or symbol is None:
            return ""
        files = [_hash_of_files(path) for path in _files_beside(module, symbol)]
        return _hash("\n".join([symbol.digest, *files]))

    def _symbol(self, place: Place) -> tuple[Module | None, Symbol | None]:
        module = self._module(place[0])
        return module, module.symbols.get(place[1]) if module else None

    def _look_up(self, place: Place) -> Reached:
        """Find what one symbol reaches at once."""
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


# Modules as syntax trees: what they define, and which names each definition refers to

BARE = ""  # the name under which a module's statements go that define nothing


@dataclass
class Symbol:
    """A top-level name of a module: the statements that define it."""

    # usually one; several where a name is defined again
    statements: list[ast.stmt] = field(default_factory=list)
    # the symbol tables of the functions and classes in them
    scopes: list[symtable.SymbolTable] = field(default_factory=list)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the statements without comments, formatting and docstrings."""
        text = "\n".join(ast.dump(_without_docstrings(one)) for one in self.statements)
        return hashlib.sha256(text.encode()).hexdigest()

    def holds_line(self, line: int) -> bool:
        """Say whether a line of the file, counted from 1, is in one of the statements."""
        return any(one.lineno <= line <= (one.end_lineno or one.lineno) for one in self.statements)

    @cached_property
    def names(self) -> set[str]:
        """Names that it refers to, with their attributes: ``np.mean``, ``figures.bars``."""
        known = {name for scope in self.scopes for name in _globals(scope)}
        known |= {name for one in self.statements for name in _outside_functions(one)}
        known |= set(self.imports)
        dotted = {name for one in self.statements for name in _dotted_names(one)}
        return {name for name in dotted if name.partition(".")[0] in known}

    @cached_property
    def imports(self) -> dict[str, ImportedName]:
        """What is imported inside the statements."""
        inner = (node for one in self.statements for node in ast.walk(one))
        return dict(_imported_names(inner))

    @cached_property
    def strings(self) -> set[str]:
        """Text constants, some of which may name files beside the module."""
        nodes = (node for one in self.statements for node in ast.walk(one))
        return {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}


@dataclass(frozen=True)
class ImportedName:
    """What an import binds a name to: a module, or a name in it; `level` counts leading dots."""

    module: str
    name: str | None
    level: int = 0


class Module:
    """A module's source, taken apart into its top-level symbols."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.path = path
        source = path.read_text(encoding="utf-8")
        self.imports: dict[str, ImportedName] = {}
        self.symbols: dict[str, Symbol] = {}
        scopes = symtable.symtable(source, str(path), "exec").get_children()
        for statement in ast.parse(source).body:
            self._add(statement, scopes)

    @property
    def package(self) -> str:
        """The package that relative imports start from."""
        is_package = self.path.name == "__init__.py"
        return self.name if is_package else self.name.rpartition(".")[0]

    def _add(self, statement: ast.stmt, scopes: list[symtable.SymbolTable]) -> None:
        if _is_docstring(statement):
            return
        self.imports.update(_imported_names(_outer_nodes(statement)))
        if isinstance(statement, ast.Import | ast.ImportFrom) or _is_for_type_checkers(statement):
            return
        decorators = getattr(statement, "decorator_list", [])
        first = min(one.lineno for one in (statement, *decorators))
        own = [s for s in scopes if first <= s.get_lineno() <= (statement.end_lineno or first)]
        for name in set(_defined_names(statement)) or {BARE}:
            symbol = self.symbols.setdefault(name, Symbol())
            symbol.statements.append(statement)
            symbol.scopes.extend(own)


def _is_for_type_checkers(statement: ast.stmt) -> bool:
    """Recognise ``if TYPE_CHECKING:`` with nothing but imports, which never run."""
    return (
        isinstance(statement, ast.If)
        and not set(_defined_names(statement))
        and all(isinstance(line, ast.Import | ast.ImportFrom) for line in statement.body)
    )


def _outer_nodes(statement: ast.AST) -> Iterator[ast.AST]:
    """Walk through a statement, but not into functions and classes."""
    yield statement
    if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        for child in ast.iter_child_nodes(statement):
            yield from _outer_nodes(child)


def _defined_names(statement: ast.stmt) -> Iterator[str]:
    for node in _outer_nodes(statement):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _imported_names(nodes: Iterator[ast.AST]) -> Iterator[tuple[str, ImportedName]]:
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                yield alias.asname or top, ImportedName(alias.name if alias.asname else top, None)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                target = ImportedName(node.module or "", alias.name, node.level)
                yield alias.asname or alias.name, target


def _globals(scope: symtable.SymbolTable) -> Iterator[str]:
    yield from (symbol.get_name() for symbol in scope.get_symbols() if symbol.is_global())
    for child in scope.get_children():
        yield from _globals(child)


def _outside_functions(statement: ast.stmt) -> Iterator[str]:
    """Names in what is evaluated when the module is: decorators, defaults, annotations, bases."""
    parts: list[ast.AST] = [statement]
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        parts = [*statement.decorator_list, statement.args, *filter(None, [statement.returns])]
    elif isinstance(statement, ast.ClassDef):
        parts = [*statement.decorator_list, *statement.bases, *statement.keywords]
    for part in parts:
        yield from (node.id for node in ast.walk(part) if isinstance(node, ast.Name))


def _dotted_names(node: ast.AST) -> Iterator[str]:
    """Names with as many attributes as follow: ``a.b.c`` gives that, and not ``a`` alone."""
    chain: list[str] = []
    inner = node
    while isinstance(inner, ast.Attribute):
        chain.insert(0, inner.attr)
        inner = inner.value
    if isinstance(inner, ast.Name):
        yield ".".join([inner.id, *chain])
    else:
        for child in ast.iter_child_nodes(inner):
            yield from _dotted_names(child)


def _is_docstring(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _without_docstrings(statement: ast.stmt) -> ast.stmt:
    for node in ast.walk(statement):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            node.body = [line for line in node.body if not _is_docstring(line)] or [ast.Pass()]
    return statement
