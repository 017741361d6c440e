"""The sample's images: scikit-learn's digits, enlarged, in two parts."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from crossfold.datasets import SampleDataset
from crossfold.datasets.bases import DataError
from crossfold.datasets.images import LabelledImages


@pytest.fixture(scope="module")
def parts() -> list[LabelledImages]:
    return [SampleDataset(of="images", part=part).load() for part in ("train", "test")]


def test_three_quarters_train_and_one_quarter_tests(parts: list[LabelledImages]) -> None:
    train, test = parts
    assert (train.images.shape, test.images.shape) == ((1348, 28, 28), (449, 28, 28))
    assert test.labels.tolist() == load_digits().target[3::4].tolist()
    for part in parts:
        assert part.images.dtype == np.uint8
        assert np.bincount(part.labels, minlength=10).min() > 0.08 * len(part.labels)


def test_every_image_is_there_once_with_its_label(parts: list[LabelledImages]) -> None:
    digits = load_digits()
    small = np.concatenate([part.images for part in parts])[:, 3:26:3, 3:26:3]
    labels = np.concatenate([part.labels for part in parts])
    found = sorted(zip(map(bytes, small), labels.tolist(), strict=True))
    ink = np.minimum(digits.images * 16, 255).astype(np.uint8)
    assert found == sorted(zip(map(bytes, ink), digits.target.tolist(), strict=True))


def test_images_are_enlarged_in_the_middle_of_a_margin(parts: list[LabelledImages]) -> None:
    images = parts[0].images
    assert images[:, 2:26, 2:26].reshape(-1, 8, 3, 8, 3).std(axis=(2, 4)).max() == 0
    margin = images.copy()
    margin[:, 2:26, 2:26] = 0
    assert margin.max() == 0
    assert images.max() == 255


def test_the_sample_is_the_same_each_time_and_never_written(parts: list[LabelledImages]) -> None:
    again = SampleDataset(of="images", part="train")
    assert again.exists()
    np.testing.assert_array_equal(again.load().images, parts[0].images)
    with pytest.raises(DataError, match="never written"):
        again.save(parts[0])  # type: ignore[arg-type]


def test_a_sample_of_something_unknown_is_refused_in_a_sentence() -> None:
    with pytest.raises(DataError, match="no sample of image: there are appointments, expression, "):
        SampleDataset(of="image")
