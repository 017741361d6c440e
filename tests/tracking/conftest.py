"""What the tests of tracking share."""

import importlib.util

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests that need MLflow, with the reason, where it is not installed."""
    if importlib.util.find_spec("mlflow") is not None:
        return
    skip = pytest.mark.skip(reason="MLflow is not installed: pip install --editable '.[mlflow]'")
    for item in items:
        if item.get_closest_marker("mlflow"):
            item.add_marker(skip)
