"""Nodes from functions and the names of what they read and write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kedro.pipeline import Node

Names = str | list[str] | dict[str, str]
Wiring = tuple[Callable[..., Any], Names, Names]


def wire(*wirings: Wiring, namespace: str | None = None) -> list[Node]:
    """Make a node of each function with its inputs and outputs, named as the function."""
    return [
        Node(function, reads, makes, name=function.__name__, namespace=namespace)
        for function, reads, makes in wirings
    ]
