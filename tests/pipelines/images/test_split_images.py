"""Parts of both splits: sizes, strata, copies, leaks. And images that are changed."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.images.data import (
    SplitImages,
    assign_parts,
    augment,
    guard_against_leaks,
    image_codes,
)
from crossfold.pipelines.images.parameters import AugmentationParameters, SplitParameters


def sizes(parts: pd.Series) -> dict[str, int]:
    return parts.value_counts().to_dict()


def test_parts_have_the_sizes_asked_for(split_table) -> None:
    expected = {"train": 350, "validation": 80, "test": 70, "unused": 300}
    assert sizes(split_table["part"]) == expected
    assert sizes(split_table["standard"]) == {"train": 540, "validation": 60, "test": 200}


def test_published_test_images_are_the_standard_test(split_table) -> None:
    of_test = split_table["origin"] == "test"
    assert ((split_table["standard"] == "test") == of_test).all()
    assert (split_table.loc[of_test, "part"] == "unused").all()


def test_without_a_size_the_published_test_images_are_the_test(images, labels) -> None:
    split = SplitParameters(n_validation=80, n_standard_validation=60)
    table = assign_parts(images, labels, split, 0)
    assert sizes(table["part"]) == {"train": 520, "validation": 80, "test": 200}
    assert ((table["part"] == "test") == (table["origin"] == "test")).all()


def test_classes_have_the_same_shares_in_every_part(split_table) -> None:
    counts = pd.crosstab(split_table["part"], split_table["label"])
    shares = counts.div(counts.sum(axis=1), axis=0).drop("unused")
    assert (shares.max() - shares.min()).max() < 0.02


def test_the_seed_draws_the_parts(images, labels, split_parameters, split_table) -> None:
    other = assign_parts(images, labels, split_parameters, 8)
    assert assign_parts(images, labels, split_parameters, 7).equals(split_table)
    assert (other["part"] != split_table["part"]).any()


def test_the_two_validation_parts_are_drawn_apart(split_table) -> None:
    in_source = split_table["part"] == "validation"
    in_standard = split_table["standard"] == "validation"
    assert 0 < (in_source & in_standard).sum() < 30


@pytest.fixture
def with_copies(images, labels) -> tuple[np.ndarray, pd.DataFrame]:
    """Make image 1 a copy of image 0, and image 2 one of the first test image."""
    images, labels = images.copy(), labels.copy()
    images[1], images[2] = images[0], images[600]
    labels.loc[2, "duplicate_of_test"] = True
    return images, labels


def test_copies_are_in_no_part(with_copies, split_parameters) -> None:
    images, labels = with_copies
    table = assign_parts(images, labels, split_parameters, 0)
    assert (table.loc[[1, 2], "part"] == "unused").all()
    assert table["standard"].tolist()[:3] == ["train", "excluded", "excluded"]
    assert len(np.unique(image_codes(images))) == len(images) - 2


def test_a_leak_stops_the_run(with_copies, split_parameters) -> None:
    images, labels = with_copies
    table = assign_parts(images, labels, split_parameters, 0)
    assert guard_against_leaks(images, table)["crossing"].tolist() == [0, 0]
    table.loc[2, "standard"] = "train"
    with pytest.raises(CrossfoldError, match="1 exact duplicate rows in two folds"):
        guard_against_leaks(images, table)


@pytest.mark.parametrize("n", [595, 3])
@pytest.mark.parametrize("name", ["n_rows", "n_test", "n_validation", "n_standard_validation"])
def test_too_few_images_are_refused_with_what_to_change(images, labels, name, n) -> None:
    split = SplitParameters(n_validation=80, n_standard_validation=60)
    split = SplitParameters.model_validate({**split.model_dump(), name: n})
    with pytest.raises(CrossfoldError, match=rf"asks for {n} images \({name}\) and has 600"):
        assign_parts(images, labels, split, 0)


def test_a_class_of_one_image_is_refused(images, labels) -> None:
    split = SplitParameters(n_validation=80, n_standard_validation=60)
    rare = labels.assign(label=labels["label"].where(labels["label"] > 0, 1))
    rare.loc[rare.index[labels["origin"] == "train"][0], "label"] = 0
    with pytest.raises(CrossfoldError, match="of each class, one must be drawn and one left over"):
        assign_parts(images, rare, split, 0)


def test_images_are_read_by_part(images, split_table) -> None:
    data = SplitImages.of(images, split_table, "source")
    pixels, labels = data.take(data.rows("validation", "test"))
    assert (pixels.shape, pixels.dtype) == ((150, 64), np.uint8)
    assert len(labels) == 150
    assert not set(data.rows("validation")) & set(data.rows("train", "test"))


def augmented(images: np.ndarray, seed: int = 1, **how: Any) -> np.ndarray:
    return augment(images, AugmentationParameters(**how), np.random.default_rng(seed))


def test_copies_are_appended_to_the_images(images) -> None:
    appended = augmented(images, n_copies=2, max_shift_pixels=1, flips=True)
    assert appended.shape == (3 * len(images), *images.shape[1:])
    assert appended.dtype == np.uint8
    assert (appended[: len(images)] == images).all()
    first, second = appended[len(images) :].reshape(2, *images.shape)
    assert (first != second).any(axis=(1, 2)).mean() > 0.5


def test_without_copies_nothing_is_changed(images) -> None:
    assert (augmented(images, max_shift_pixels=2, flips=True) == images).all()


def test_copies_follow_the_generator(images) -> None:
    one, same, other = (
        augmented(images, seed, n_copies=1, max_shift_pixels=2, flips=True) for seed in (1, 1, 2)
    )
    assert (one == same).all()
    assert (one != other).any()


def test_a_dot_moves_to_every_place_in_reach() -> None:
    dot = np.zeros((1, 7, 6), dtype=np.uint8)
    dot[0, 3, 2] = 9
    copies = augmented(dot, n_copies=500, max_shift_pixels=2)[1:]
    assert (copies.max(axis=(1, 2)) == 9).all()
    assert (copies.sum(axis=(1, 2)) == 9).all()
    reached = np.argwhere(copies.any(axis=0))
    assert reached.tolist() == [[row, column] for row in range(1, 6) for column in range(5)]


def test_what_leaves_the_image_is_gone_and_what_enters_is_empty() -> None:
    full = np.full((1, 4, 4), 9, dtype=np.uint8)
    sums = augmented(full, n_copies=200, max_shift_pixels=1)[1:].sum(axis=(1, 2))
    assert {*sums.tolist()} == {9 * 16, 9 * 12, 9 * 9}


def test_half_of_the_copies_are_mirrored() -> None:
    ramp = np.tile(np.arange(5, dtype=np.uint8), (1, 3, 1))
    copies = augmented(ramp, n_copies=400, flips=True)[1:]
    mirrored = (copies == ramp[:, :, ::-1]).all(axis=(1, 2))
    assert ((copies == ramp).all(axis=(1, 2)) | mirrored).all()
    assert 0.4 < mirrored.mean() < 0.6
