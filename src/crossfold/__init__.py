"""Train a small neural network on a table and believe the figure that comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crossfold.api import Study, study

__all__ = ["Study", "study"]
__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    """Import what is asked for only then: commands start without pandas and scikit-learn."""
    if name in __all__:
        from importlib import import_module

        return getattr(import_module("crossfold.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
