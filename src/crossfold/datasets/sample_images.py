"""The small images of the sample environment, made when they are read."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from crossfold.datasets.bases import ReadOnlyDataset
from crossfold.images import LabelledImages


class SampleImagesDataset(ReadOnlyDataset[LabelledImages]):
    """scikit-learn's 1,797 handwritten digits of 8×8 pixels, enlarged to 28×28.

    They are in the place of published images where there is no network. Every fourth is a test
    image.

    Parameters
    ----------
    part
        ``train`` or ``test``.
    metadata
        Ignored here; read by Kedro-Viz.
    """

    def __init__(
        self, *, part: Literal["train", "test"], metadata: dict[str, Any] | None = None
    ) -> None:
        self._part = part
        self.metadata = metadata

    def load(self) -> LabelledImages:
        """Enlarge each pixel to 3×3 and put a margin of two pixels around."""
        from sklearn.datasets import load_digits

        digits = load_digits()
        is_test = np.arange(len(digits.target)) % 4 == 3
        chosen = is_test if self._part == "test" else ~is_test
        small = np.minimum(digits.images[chosen] * 16, 255).astype(np.uint8)
        enlarged = small.repeat(3, axis=1).repeat(3, axis=2)
        images = np.pad(enlarged, ((0, 0), (2, 2), (2, 2)))
        return LabelledImages(images, digits.target[chosen].astype(np.uint8))

    def _describe(self) -> dict[str, Any]:
        return {"part": self._part}

    def _exists(self) -> bool:
        return True
