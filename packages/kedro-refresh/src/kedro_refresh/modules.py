"""Modules read as syntax trees: what they define, and which names each definition refers to."""

from __future__ import annotations

import ast
import hashlib
import symtable
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

BARE = ""  # the name under which a module's statements go that define nothing


@dataclass
class Symbol:
    """A top-level name of a module: the statements that define it.

    Attributes
    ----------
    statements
        Usually one; several where a name is defined again.
    scopes
        The symbol tables of the functions and classes in them.
    """

    statements: list[ast.stmt] = field(default_factory=list)
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
    """A module's source, taken apart into its top-level symbols.

    Parameters
    ----------
    name
        Dotted name.
    path
        Its file.
    """

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
        first = min([statement.lineno, *_decorator_lines(statement)])
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


def _decorator_lines(statement: ast.stmt) -> list[int]:
    return [node.lineno for node in getattr(statement, "decorator_list", [])]


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
