"""Labelled grey images, as the datasets read them and the pipelines pass them on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossfold.exceptions import CrossfoldError

CLASSES = 10
SIDE_PIXELS = 28


class ImageError(CrossfoldError):
    """Images and labels do not fit each other."""


@dataclass(frozen=True)
class LabelledImages:
    """Images with the class of each.

    Attributes
    ----------
    images
        Shape ``(n, height, width)``, uint8: 0 is background, 255 full ink.
    labels
        Shape ``(n,)``, uint8, in [0, 10).

    Raises
    ------
    ImageError
        Images and labels differ in number or type, or there are none.
    """

    images: NDArray[Any]
    labels: NDArray[Any]

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if images.dtype != np.uint8 or images.ndim != 3:
            raise ImageError(
                "Images must be bytes of shape (images, height, width), but are "
                f"{images.dtype} of shape {images.shape}."
            )
        if labels.dtype != np.uint8 or labels.shape != (len(images),):
            raise ImageError(
                f"There are {len(images)} images, but the labels are {labels.dtype} of shape "
                f"{labels.shape}; check that both files belong together."
            )
        if not len(images):
            raise ImageError("There is not one image in the file.")
        if labels.max() >= CLASSES:
            raise ImageError(f"A label is {labels.max()}; labels are whole numbers from 0 to 9.")
