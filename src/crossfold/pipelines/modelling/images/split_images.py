"""Which images train, validate and test, under the source's split and the standard one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.modelling.images.parameters import SplitParameters

Rows = NDArray[np.intp]

SOURCE, STANDARD = "source", "standard"
COLUMNS = {SOURCE: "part", STANDARD: "standard"}
TRAIN, VALIDATION, TEST = "train", "validation", "test"
PARTS = (TRAIN, VALIDATION, TEST)
LEFT_OUT = {SOURCE: "unused", STANDARD: "excluded"}


@dataclass(frozen=True)
class SplitImages:
    """Images as rows of pixels, and the part of each under one split.

    Attributes
    ----------
    split
        `SOURCE` or `STANDARD`.
    pixels
        Shape ``(n, pixels)``, uint8.
    labels
        Shape ``(n,)``, whole numbers.
    part
        Name of each image's part, shape ``(n,)``.
    """

    split: str
    pixels: NDArray[np.uint8]
    labels: NDArray[Any]
    part: NDArray[Any]

    @classmethod
    def of(cls, images: NDArray[Any], split_table: pd.DataFrame, split: str) -> SplitImages:
        """Read the parts of one split from the table of both."""
        part = split_table[COLUMNS[split]].astype("str").to_numpy()
        labels = split_table["label"].to_numpy()
        return cls(split, images.reshape(len(images), -1), labels, part)

    def rows(self, *parts: str) -> Rows:
        """Give the numbers of the images in some parts."""
        return np.flatnonzero(np.isin(self.part, parts))

    def take(self, rows: Rows) -> tuple[NDArray[np.uint8], NDArray[Any]]:
        """Give pixels and labels of some images."""
        return self.pixels[rows], self.labels[rows]


def assign_parts(
    images: NDArray[Any], labels: pd.DataFrame, split: SplitParameters, seed: int
) -> pd.DataFrame:
    """Assign every image to a part of the source's split and to one of the standard split.

    Images that equal a test image, and all but the first of training images that equal each other,
    are in no part. What is drawn is stratified by class.

    Parameters
    ----------
    images
        Shape ``(n, height, width)``.
    labels
        Columns ``label``, ``origin`` and ``duplicate_of_test``, one row per image.

    Returns
    -------
    Columns ``label``, ``origin``, ``part`` (train, validation, test or unused) and ``standard``
    (train, validation, test or excluded).

    Raises
    ------
    CrossfoldError
        There are fewer images than the split asks for.
    """
    draw = _Draw(labels["label"].to_numpy(), np.random.default_rng(seed))
    is_test = (labels["origin"] == TEST).to_numpy()
    is_left_out = is_test | labels["duplicate_of_test"].to_numpy() | is_copy(images)
    published_test, usable = np.flatnonzero(is_test), np.flatnonzero(~is_left_out)
    rows = usable if split.n_rows is None else draw(usable, split.n_rows, "n_rows")
    test = published_test if split.n_test is None else draw(rows, split.n_test, "n_test")
    train = np.setdiff1d(rows, test)
    part = np.full(len(labels), LEFT_OUT[SOURCE], dtype=object)
    part[train], part[test] = TRAIN, TEST
    part[draw(train, split.n_validation, "n_validation")] = VALIDATION
    standard = np.full(len(labels), LEFT_OUT[STANDARD], dtype=object)
    standard[usable], standard[published_test] = TRAIN, TEST
    standard[draw(usable, split.n_standard_validation, "n_standard_validation")] = VALIDATION
    table = labels[["label", "origin"]].assign(part=part, standard=standard)
    return table.astype({"part": "category", "standard": "category"})


@dataclass(frozen=True)
class _Draw:
    """Draws rows at random, stratified by class."""

    labels: NDArray[Any]
    rng: np.random.Generator

    def __call__(self, rows: Rows, n: int, name: str) -> Rows:
        """Draw `n` of the rows; `name` is the parameter that says how many."""
        from sklearn.model_selection import train_test_split

        label = self.labels[rows]
        if n > len(rows) - len(np.unique(label)):
            raise CrossfoldError(
                f"The split asks for {n:,} images ({name}) and has {len(rows):,} to draw from, of "
                "which one of each class must be left over; lower it in the study's parameters."
            )
        state = int(self.rng.integers(2**32))
        drawn, _ = train_test_split(rows, train_size=n, stratify=label, random_state=state)
        return np.sort(drawn)


def is_copy(images: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell which images equal an earlier one in every pixel, shape ``(n,)``."""
    return pd.Series(image_codes(images)).duplicated().to_numpy()


def image_codes(images: NDArray[Any]) -> NDArray[np.intp]:
    """Give each image a number; only images equal in every pixel share one."""
    content = np.empty(len(images), dtype=object)
    content[:] = [image.tobytes() for image in images]
    return pd.factorize(content)[0]


def guard_against_leaks(images: NDArray[Any], split_table: pd.DataFrame) -> pd.DataFrame:
    """Check that no image is in two parts of a split, not even as a copy; a leak stops the run."""
    from crossfold.validation import check_leaks

    identity = pd.DataFrame({"image": image_codes(images)})
    checks = []
    for split, column in COLUMNS.items():
        used = (split_table[column] != LEFT_OUT[split]).to_numpy()
        part = split_table[column].cat.codes.to_numpy()[used]
        checks.append(check_leaks(part, identity=identity[used]))
        checks[-1]["check"] = f"{split} split: images in two parts"
    return pd.concat(checks, ignore_index=True)
