"""Nodes from functions: what one reads is named by its arguments."""

from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from typing import Any

from kedro.pipeline import Node

Functions = Mapping[Callable[..., Any], str | Sequence[str]]
"""Functions with the names of what they make."""


def by_name(*functions: Callable[..., Any]) -> dict[str, Callable[..., Any]]:
    """List functions by their names, without the ``draw_`` of some."""
    return {one.__name__.removeprefix("draw_"): one for one in functions}


def wire(
    functions: Functions, names: Mapping[str, str], namespace: str | None = None
) -> list[Node]:
    """Make a node of each function, named as it; its inputs are its arguments.

    `names` tells what an argument reads where that has another name.
    """
    return [
        Node(
            one,
            [names.get(name, name) for name in signature(one).parameters],
            made if isinstance(made, str) else list(made),
            name=one.__name__,
            namespace=namespace,
        )
        for one, made in functions.items()
    ]


def wire_stages(stages: Mapping[str, Functions], names: Mapping[str, str]) -> list[Node]:
    """Make the nodes of several stages, each in the namespace of its name; see `wire`."""
    return [node for stage, own in stages.items() for node in wire(own, names, stage)]
