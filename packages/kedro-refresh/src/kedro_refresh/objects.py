"""Functions and other objects told by what they hold, alike in every process."""

import copyreg
import functools
import hashlib
import types
from collections.abc import Callable, Iterable
from typing import Any

from kedro_refresh.fingerprint import Code

PLAIN = (type(None), bool, int, float, complex, str, type(...))
PICKLE_PROTOCOL = 4  # the last one that keeps the bytes of arrays inside
# What has a name but no source.
NAMED = type | types.ModuleType | types.BuiltinFunctionType | types.MethodDescriptorType
NAMED |= types.MethodWrapperType | types.WrapperDescriptorType | types.ClassMethodDescriptorType


class ObjectReader:
    """Describes objects: a function by its source and what was bound to it, others by their state.

    `code` gives the fingerprint of a name of a module; `owns` says of a module's name whether it is
    the project's own. Of what was met, `codes` are the fingerprints of the project's functions and
    classes, `libraries` the top-level packages that other functions and classes are from, and
    `unseen` the types of the objects that cannot be compared.
    """

    def __init__(self, code: Callable[[str, str], Code], owns: Callable[[str], bool]) -> None:
        self.codes: list[Code] = []
        self.libraries: set[str] = set()
        self.unseen: set[str] = set()
        self._code = code
        self._owns = owns
        self._above: list[object] = []

    def describe(self, value: Any) -> str:
        """Describe an object: equal text for what is equal, whatever its address."""
        if type(value) in PLAIN:
            return f"{type(value).__name__} {value!r}"
        if isinstance(value, bytes | bytearray):
            return f"bytes {hashlib.sha256(value).hexdigest()}"
        above = [number for number, one in enumerate(self._above) if one is value]
        if above:
            return f"the object {above[0]} above"
        self._above.append(value)
        try:
            return f"{type(value).__qualname__}({', '.join(self._parts(value))})"
        finally:
            self._above.pop()

    def _parts(self, value: Any) -> Iterable[str]:
        if isinstance(value, types.FunctionType):
            return self._function(value)
        if isinstance(value, NAMED):
            return [self._name(value)]
        held = _held(value)
        return self._state(value) if held is None else self._all(held)

    def _all(self, values: Iterable[Any]) -> list[str]:
        return [self.describe(one) for one in values]

    def _state(self, value: Any) -> Iterable[str]:
        if type(value) in (set, frozenset):
            return sorted(self._all(value))
        try:
            reduced = _reduce(value)
        except Exception:
            self.unseen.add(f"{type(value).__module__}.{type(value).__qualname__}")
            return [self._name(type(value))]
        return [self._name(type(value)), *self._all(reduced)]

    def _function(self, function: types.FunctionType) -> list[str]:
        """Describe a function; one that is made while running may exist with several contents."""
        code, module = function.__code__, function.__globals__.get("__name__", "")
        name = code.co_qualname.partition(".")[0]
        own = self._owns(module)
        if own:
            place = f"{name}:{code.co_firstlineno}" if name.startswith("<") else name
            parts = [self._learn(module, place)]
        else:
            parts = [self._library(module, code.co_qualname), self.describe(code)]
        if "<" not in code.co_qualname:
            return parts
        cells = [_content(cell) for cell in function.__closure__ or ()]
        bound: list[Any] = [cells, function.__defaults__, function.__kwdefaults__]
        if own and code.co_name == "<lambda>":
            bound.append(code)  # one line may hold several
        return [*parts, code.co_qualname, *self._all(bound)]

    def _name(self, value: Any) -> str:
        """Describe what has a name: a class, a module, a function without source."""
        if isinstance(value, types.ModuleType):
            return self._named(value.__name__, "*")
        held = getattr(value, "__self__", None)
        module = getattr(value, "__module__", None) or ""
        bound = held is not None and not isinstance(held, types.ModuleType)
        return self._named(module, value.__qualname__) + (self.describe(held) if bound else "")

    def _named(self, module: str, name: str) -> str:
        if self._owns(module):
            return self._learn(module, name.partition(".")[0])
        return self._library(module, name)

    def _learn(self, module: str, name: str) -> str:
        code = self._code(module, name)
        self.codes.append(code)
        return code.function

    def _library(self, module: str, name: str) -> str:
        self.libraries.add(module.partition(".")[0])
        return f"{module}.{name}"


def _held(value: Any) -> Iterable[Any] | None:
    """List what a known kind of object holds, None for any other."""
    if type(value) in (list, tuple):
        return list(value)
    if type(value) is dict:
        return list(value.items())
    if isinstance(value, types.CodeType):
        # Where it stands in its file does not count.
        return [
            value.co_code,
            value.co_names,
            value.co_varnames,
            value.co_freevars,
            value.co_consts,
        ]
    if isinstance(value, functools.partial):
        return [value.func, value.args, sorted(value.keywords.items())]
    if isinstance(value, types.MethodType):
        return [value.__func__, value.__self__]
    return [value.__wrapped__] if hasattr(value, "__wrapped__") else None


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a name that nothing was bound to yet
        return ...


def _reduce(value: Any) -> list[Any]:
    """Take an object apart as `copy` and `pickle` do."""
    reducer = copyreg.dispatch_table.get(type(value))
    reduced = reducer(value) if reducer else value.__reduce_ex__(PICKLE_PROTOCOL)
    if isinstance(reduced, str):
        return [type(value).__module__, reduced]
    make, arguments, *rest = reduced
    state, items, pairs = [*rest, None, None, None][:3]
    return [make, arguments, state, list(items or ()), list(pairs or ())]
