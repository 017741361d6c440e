"""Fixtures that several test modules share."""

import os
from pathlib import Path

import pytest

MIRROR_VARIABLE = "CROSSFOLD_MIRROR"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests of the real data, with the reason, where the mirror is not set."""
    if os.environ.get(MIRROR_VARIABLE):
        return
    skip = pytest.mark.skip(reason=f"{MIRROR_VARIABLE} is not set: no folder of real source files")
    for item in items:
        if "real_data" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def mirror() -> Path:
    """Give the folder of real source files; its tests are marked ``real_data``."""
    return Path(os.environ[MIRROR_VARIABLE])
