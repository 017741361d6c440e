"""Small labelled images, and the published ones."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crossfold.datasets.images import LabelledImages, read_idx


def labelled(*labels: int, side: int = 28, seed: int = 0) -> LabelledImages:
    """Make random images with the given labels."""
    images = np.random.default_rng(seed).integers(0, 256, (len(labels), side, side), np.uint8)
    return LabelledImages(images, np.array(labels, np.uint8))


def read_published(folder: Path, part: str) -> LabelledImages:
    """Read the published images of a part, ``train`` or ``t10k``."""
    return LabelledImages(
        read_idx(folder / f"{part}-images-idx3-ubyte.gz"),
        read_idx(folder / f"{part}-labels-idx1-ubyte.gz"),
    )


@pytest.fixture(scope="session", params=["mnist", "fashion_mnist"])
def source(request: pytest.FixtureRequest) -> str:
    """Give the name of each source."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def published(mirror: Path, source: str) -> tuple[LabelledImages, LabelledImages]:
    """Give the published training and test images of a source."""
    return read_published(mirror / source, "train"), read_published(mirror / source, "t10k")


@pytest.fixture(scope="session")
def facts(source: str) -> dict[str, Any]:
    """Give counts and sums computed from the published files by separate code."""
    file = Path(__file__).parent / "facts.json"
    content: dict[str, Any] = json.loads(file.read_text())[source]
    return content
