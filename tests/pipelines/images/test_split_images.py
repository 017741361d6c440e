"""Parts of both splits: sizes, strata, copies, leaks."""

import numpy as np
import pandas as pd
import pytest

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.images.data import (
    SplitImages,
    assign_parts,
    guard_against_leaks,
    image_codes,
)
from crossfold.pipelines.images.parameters import SplitParameters


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


@pytest.mark.parametrize("name", ["n_rows", "n_test", "n_validation", "n_standard_validation"])
def test_too_few_images_are_refused_with_what_to_lower(images, labels, name) -> None:
    split = SplitParameters(n_validation=80, n_standard_validation=60)
    split = SplitParameters.model_validate({**split.model_dump(), name: 595})
    with pytest.raises(CrossfoldError, match=rf"asks for 595 images \({name}\) and has 600"):
        assign_parts(images, labels, split, 0)


def test_images_are_read_by_part(images, split_table) -> None:
    data = SplitImages.of(images, split_table, "source")
    pixels, labels = data.take(data.rows("validation", "test"))
    assert (pixels.shape, pixels.dtype) == ((150, 64), np.uint8)
    assert len(labels) == 150
    assert not set(data.rows("validation")) & set(data.rows("train", "test"))
