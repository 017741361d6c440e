"""Nodes of the image pipeline."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.exceptions import CrossfoldError
from crossfold.images import LabelledImages

ORIGINS = ["train", "test"]


def join_images(
    train: LabelledImages, test: LabelledImages
) -> tuple[NDArray[Any], pd.DataFrame, dict[str, Any]]:
    """Put the published training and test images one after the other, and count them.

    Parameters
    ----------
    train, test
        As published, or as in the user's own files.

    Returns
    -------
    The images, uint8 of shape ``(n, height, width)``; a table with one row for each of them:
    ``label`` (uint8), ``origin`` (category: train or test), ``row`` (int32, its place in its file,
    from 0), ``duplicate_of_test`` (bool: a training image that equals a test image, pixel by
    pixel); counts of images by origin, and of exact duplicates.

    Raises
    ------
    CrossfoldError
        Training and test images differ in size.
    """
    if train.images.shape[1:] != test.images.shape[1:]:
        raise CrossfoldError(
            f"The training images have {_size(train)} pixels and the test images {_size(test)}; "
            "they must be of one size."
        )
    images = np.concatenate([train.images, test.images])
    origin = np.repeat(ORIGINS, [len(train.images), len(test.images)])
    labels = pd.DataFrame(
        {
            "label": np.concatenate([train.labels, test.labels]),
            "origin": pd.Categorical(origin, categories=ORIGINS),
            "row": np.concatenate(
                [np.arange(len(part.images), dtype=np.int32) for part in (train, test)]
            ),
            "duplicate_of_test": _duplicates_of_test(train, test),
        }
    )
    return images, labels, _counts(labels)


def _size(part: LabelledImages) -> str:
    return "×".join(map(str, part.images.shape[1:]))


def _duplicates_of_test(train: LabelledImages, test: LabelledImages) -> NDArray[Any]:
    """Tell which of all images are training images that equal a test image in every pixel."""
    tested = {image.tobytes() for image in test.images}
    of_train = [image.tobytes() in tested for image in train.images]
    return np.array(of_train + [False] * len(test.images))


def _counts(labels: pd.DataFrame) -> dict[str, Any]:
    return {
        "read": len(labels),
        "kept": len(labels),
        "by_origin": {
            origin: np.bincount(part["label"], minlength=10).tolist()
            for origin, part in labels.groupby("origin", observed=False)
        },
        "training_images_equal_to_a_test_image": int(labels["duplicate_of_test"].sum()),
    }
