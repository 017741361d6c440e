"""Versions of what a model was made with."""

from importlib.metadata import version

_LIBRARIES = ("crossfold", "numpy", "pandas", "scikit-learn", "torch")


def library_versions() -> dict[str, str]:
    """Give the version of crossfold and of each numeric library, by name."""
    return {library: version(library) for library in _LIBRARIES}
