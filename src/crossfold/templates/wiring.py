"""Nodes from functions and the names of what they read and write."""

from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from typing import Any

from kedro.pipeline import Node

Names = str | list[str] | dict[str, str]
Wiring = tuple[Callable[..., Any], Names, Names]


def by_name(*functions: Callable[..., Any]) -> dict[str, Callable[..., Any]]:
    """List functions by their names, without the ``draw_`` of some."""
    return {one.__name__.removeprefix("draw_"): one for one in functions}


def wire(*wirings: Wiring, namespace: str | None = None) -> list[Node]:
    """Make a node of each function with its inputs and outputs, named as the function."""
    return [
        Node(function, reads, makes, name=function.__name__, namespace=namespace)
        for function, reads, makes in wirings
    ]


def wire_by_name(
    functions: Mapping[Callable[..., Any], str | Sequence[str]],
    names: Mapping[str, str],
    namespace: str | None = None,
) -> list[Node]:
    """Make a node of each function with its outputs; its inputs are its arguments.

    `names` tells what an argument reads where that has another name.
    """
    inputs = {one: [names.get(n, n) for n in signature(one).parameters] for one in functions}
    made = {one: n if isinstance(n, str) else list(n) for one, n in functions.items()}
    return wire(*((one, inputs[one], made[one]) for one in functions), namespace=namespace)
