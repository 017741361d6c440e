"""Labelled images as one table, and which of them train, validate and test."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.datasets.images import LabelledImages
from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.images.parameters import AugmentationParameters, SplitParameters
from crossfold.validation.leak_guard import find_leaks, refuse_leaks

Rows = NDArray[np.intp]

ORIGINS = ["train", "test"]
SOURCE, STANDARD = "source", "standard"
COLUMNS = {SOURCE: "part", STANDARD: "standard"}
TRAIN, VALIDATION, TEST = PARTS = ("train", "validation", "test")
LEFT_OUT = {SOURCE: "unused", STANDARD: "excluded"}


def join_images(
    train_raw: LabelledImages, test_raw: LabelledImages
) -> tuple[NDArray[Any], pd.DataFrame, dict[str, Any]]:
    """Put the published (or the user's own) training and test images together, and count them.

    Returns the images, uint8 of shape ``(n, height, width)``; a table with one row for each of
    them: ``label`` (uint8), ``origin`` (category: train or test), ``row`` (int32, its place in its
    file, from 0), ``duplicate_of_test`` (bool: a training image that equals a test image, pixel by
    pixel); counts of images by origin, and of exact duplicates. Raises a `CrossfoldError`: training
    and test images differ in size.
    """
    sizes = ["×".join(map(str, part.images.shape[1:])) for part in (train_raw, test_raw)]
    if sizes[0] != sizes[1]:
        raise CrossfoldError(
            f"The training images have {sizes[0]} pixels and the test images {sizes[1]}; they must "
            "be of one size."
        )
    images = np.concatenate([train_raw.images, test_raw.images])
    origin = np.repeat(ORIGINS, [len(train_raw.images), len(test_raw.images)])
    codes, is_test = image_codes(images), origin == TEST
    labels = pd.DataFrame(
        {
            "label": np.concatenate([train_raw.labels, test_raw.labels]),
            "origin": pd.Categorical(origin, categories=ORIGINS),
            "row": np.r_[: len(train_raw.images), : len(test_raw.images)].astype(np.int32),
            "duplicate_of_test": ~is_test & np.isin(codes, codes[is_test]),
        }
    )
    by_origin = labels.groupby("origin", observed=False)["label"]
    counts = {
        **{"read": len(labels), "kept": len(labels)},
        "by_origin": {one: np.bincount(own, minlength=10).tolist() for one, own in by_origin},
        "training_images_equal_to_a_test_image": int(labels["duplicate_of_test"].sum()),
    }
    return images, labels, counts


@dataclass(frozen=True)
class SplitImages:
    """Images as rows of pixels, and the part of each under one split, `SOURCE` or `STANDARD`.

    `pixels` have shape ``(n, pixels)``, uint8; `labels` (whole numbers) and `part` (its name)
    ``(n,)``.
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

    Images (``(n, height, width)``) that equal a test image, and all but the first of training
    images that equal each other, are in no part. What is drawn is stratified by class.

    Returns columns ``label``, ``origin``, ``part`` (train, validation, test or unused) and
    ``standard`` (train, validation, test or excluded). Raises a `CrossfoldError`: there are fewer
    images than the split asks for, or of a class not one for each part.
    """
    draw = partial(_draw, labels["label"].to_numpy(), np.random.default_rng(seed))
    is_test = (labels["origin"] == TEST).to_numpy()
    is_copy = pd.Series(image_codes(images)).duplicated().to_numpy()
    is_left_out = is_test | labels["duplicate_of_test"].to_numpy() | is_copy
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


def _draw(
    labels: NDArray[Any], rng: np.random.Generator, rows: Rows, n: int, parameter: str
) -> Rows:
    """Draw `n` of the rows at random, stratified by class; `parameter` says how many."""
    from sklearn.model_selection import train_test_split

    label = labels[rows]
    counts = np.unique(label, return_counts=True)[1]
    if counts.min(initial=2) < 2 or not len(counts) <= n <= len(rows) - len(counts):
        raise CrossfoldError(
            f"The split asks for {n:,} images ({parameter}) and has {len(rows):,} to draw from; of "
            "each class, one must be drawn and one left over: change it in the study's parameters."
        )
    state = int(rng.integers(2**32))
    return np.sort(train_test_split(rows, train_size=n, stratify=label, random_state=state)[0])


def image_codes(images: NDArray[Any]) -> NDArray[np.intp]:
    """Give each image a number; only images equal in every pixel share one."""
    content = np.empty(len(images), dtype=object)
    content[:] = [image.tobytes() for image in images]
    return pd.factorize(content)[0]


def augment(
    images: NDArray[np.uint8], augmentation: AugmentationParameters, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Append changed copies to images: what is drawn stays what it is when it moves a little.

    A plain network has to learn that from examples (Simard, Steinkraus and Platt 2003; Cireşan,
    Meier, Gambardella and Schmidhuber 2010). Shifts are whole pixels, each as likely as any other;
    what comes in at the edges is 0.

    Images have shape ``(n, height, width)``, uint8. Returns shape
    ``((1 + n_copies) * n, height, width)``, uint8: the images, then one copy after another.
    """
    n, height, width = images.shape
    most = augmentation.max_shift_pixels
    total, draws = (1 + augmentation.n_copies) * n, augmentation.n_copies * n
    across_and_down = np.full((2, total), most)
    across_and_down[:, n:] = rng.integers(0, 2 * most + 1, size=(2, draws))
    padded = np.pad(images, ((0, 0), (most, most), (most, most)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))
    appended: NDArray[np.uint8] = windows[np.arange(total) % n, *across_and_down]
    if augmentation.flips:
        mirrored = n + np.flatnonzero(rng.random(draws) < 0.5)
        appended[mirrored] = appended[mirrored, :, ::-1]
    return appended


def guard_against_leaks(images: NDArray[Any], split_table: pd.DataFrame) -> pd.DataFrame:
    """Check that no image is in two parts of a split, not even as a copy; a leak stops the run."""
    identity = pd.DataFrame({"image": image_codes(images)})
    checks = []
    for split, column in COLUMNS.items():
        used = (split_table[column] != LEFT_OUT[split]).to_numpy()
        part = split_table[column].cat.codes.to_numpy()[used].astype(np.int8)
        found = refuse_leaks(find_leaks(part, identity=identity[used]))
        checks.append(found.assign(check=f"images crossing the {split} split"))
    return pd.concat(checks, ignore_index=True)
