"""Joining the parts: order, places, duplicates, counts; and the published files' facts."""

from typing import Any

import numpy as np
import pytest
from pandera.errors import SchemaErrors

from crossfold.datasets.images import LabelledImages
from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.images.data import join_images
from crossfold.pipelines.images.schemas import LABELS

from .conftest import labelled


def test_training_images_come_first_each_with_its_label_and_place() -> None:
    train, test = labelled(3, 1, 4), labelled(1, 5, seed=1)
    images, labels, _ = join_images(train, test)
    np.testing.assert_array_equal(images[:3], train.images)
    np.testing.assert_array_equal(images[3:], test.images)
    assert images.dtype == np.uint8
    assert labels["label"].tolist() == [3, 1, 4, 1, 5]
    assert labels["origin"].tolist() == ["train"] * 3 + ["test"] * 2
    assert labels["row"].tolist() == [0, 1, 2, 0, 1]
    LABELS.validate(labels)


def test_a_training_image_that_equals_a_test_image_is_marked() -> None:
    train, test = labelled(3, 1, 4), labelled(1, 5, seed=1)
    copied, almost = train.images.copy(), test.images[0].copy()
    copied[1] = test.images[1]
    almost[0, 0] ^= 1
    copied[2] = almost
    _, labels, counts = join_images(LabelledImages(copied, train.labels), test)
    assert labels["duplicate_of_test"].tolist() == [False, True, False, False, False]
    assert counts["training_images_equal_to_a_test_image"] == 1


def test_images_are_counted_by_part_and_class() -> None:
    _, _, counts = join_images(labelled(3, 1, 3), labelled(9, seed=1))
    assert (counts["read"], counts["kept"]) == (4, 4)
    assert counts["by_origin"]["train"] == [0, 1, 0, 2, 0, 0, 0, 0, 0, 0]
    assert counts["by_origin"]["test"] == [0] * 9 + [1]


def test_parts_of_unlike_sizes_are_refused() -> None:
    with pytest.raises(CrossfoldError, match="28×28 pixels and the test images 8×8"):
        join_images(labelled(1), labelled(1, side=8))


@pytest.mark.parametrize(
    "change",
    [
        {"label": np.array([10, 0, 0], np.uint8)},
        {"label": np.array([1, 0, 0], np.int64)},
        {"row": np.array([0, 0, 0], np.int32)},
        {"row": np.array([-1, 0, 0], np.int32)},
        {"duplicate_of_test": [False, False, True]},
        {"origin": ["train", "train", "test"]},
        {"pixel": 0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_schema_refuses_other_tables(change: dict[str, Any]) -> None:
    _, labels, _ = join_images(labelled(3, 1), labelled(9, seed=1))
    LABELS.validate(labels)
    with pytest.raises(SchemaErrors):
        LABELS.validate(labels.assign(**change), lazy=True)


@pytest.mark.real_data
def test_published_files_have_the_facts_found_by_separate_code(
    published: tuple[LabelledImages, LabelledImages], facts: dict[str, Any]
) -> None:
    train, test = published
    images, labels, counts = join_images(train, test)
    assert images.shape == (70_000, 28, 28)
    of_train = (labels["origin"] == "train").to_numpy()
    pixels = images[of_train]
    assert int(pixels.sum(dtype=np.int64)) == facts["train_pixel_sum"]
    assert pixels.mean() == pytest.approx(facts["train_pixel_mean"], abs=5e-7)
    assert labels["label"][:10].tolist() == facts["first_ten_train_labels"]
    for part in ("train", "test"):
        expected = facts.get(f"{part}_counts", [6000 if part == "train" else 1000] * 10)
        assert counts["by_origin"][part] == expected


@pytest.mark.real_data
def test_no_published_training_image_equals_a_test_image(
    published: tuple[LabelledImages, LabelledImages],
) -> None:
    train, test = (_as_numbers(part.images) for part in published)
    assert not np.isin(train, test).any()
    _, labels, _ = join_images(*published)
    assert not labels["duplicate_of_test"].any()


def _as_numbers(images: np.ndarray) -> np.ndarray:
    """Make one number of each image; equal images give equal numbers."""
    weights = np.random.default_rng(0).integers(1, 2**40, 784)
    return images.reshape(len(images), -1) @ weights
