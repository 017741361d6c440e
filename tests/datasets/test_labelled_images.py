"""Images with their labels: two files, or the user's own one."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crossfold.datasets import IdxDataset, LabelledImagesDataset
from crossfold.datasets.bases import DataError
from crossfold.datasets.images import ImageError, LabelledImages

IMAGES = np.arange(3 * 28 * 28).astype(np.uint8).reshape(3, 28, 28)
LABELS = np.array([1, 0, 9], np.uint8)


def saved(folder: Path, name: str, array: np.ndarray) -> dict[str, Any]:
    """Write an IDX file and give its catalog entry."""
    entry = {"type": "crossfold.datasets.IdxDataset", "filepath": str(folder / name)}
    IdxDataset(filepath=entry["filepath"]).save(array)
    return entry


def as_source(entry: dict[str, Any]) -> dict[str, Any]:
    """Wrap a catalog entry of a file that is there already."""
    file = Path(entry["filepath"])
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    source = {"file": file.name, "sha256": digest, "urls": []}
    return {"type": "crossfold.datasets.SourceDataset", "source": source, "dataset": entry}


@pytest.fixture
def parts(tmp_path: Path) -> dict[str, dict[str, Any]]:
    return {
        "images": saved(tmp_path, "some-images", IMAGES),
        "labels": saved(tmp_path, "some-labels", LABELS),
    }


def test_two_files_become_one(parts: dict[str, Any]) -> None:
    dataset = LabelledImagesDataset(**parts)
    assert dataset.exists()
    loaded = dataset.load()
    np.testing.assert_array_equal(loaded.images, IMAGES)
    np.testing.assert_array_equal(loaded.labels, LABELS)
    assert (loaded.images.dtype, loaded.labels.dtype) == (np.uint8, np.uint8)


def test_what_is_read_can_be_told_apart(parts: dict[str, Any], tmp_path: Path) -> None:
    files = [tmp_path / "some-images", tmp_path / "some-labels"]
    plain = LabelledImagesDataset(**parts)
    assert (plain.stored_files(), plain.pinned_sha256) == (files, None)
    sources = {name: as_source(entry) for name, entry in parts.items()}
    pinned = LabelledImagesDataset(**sources)
    digests = [source["source"]["sha256"] for source in sources.values()]
    assert (pinned.stored_files(), pinned.pinned_sha256) == (files, "+".join(digests))
    np.testing.assert_array_equal(pinned.load().images, IMAGES)
    half = LabelledImagesDataset(images=sources["images"], labels=parts["labels"])
    assert half.pinned_sha256 is None


def test_absent_files_are_not_listed(parts: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "some-labels").unlink()
    dataset = LabelledImagesDataset(**parts)
    assert not dataset.exists()
    assert dataset.stored_files() == [tmp_path / "some-images"]
    with pytest.raises(DataError, match="some-labels is not there"):
        dataset.load()


def test_the_users_csv_is_read_in_place_of_both(parts: dict[str, Any], tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    sources = {name: as_source(entry) for name, entry in parts.items()}
    dataset = LabelledImagesDataset(**sources, csv=str(own))
    assert (dataset.exists(), dataset.stored_files()) == (False, [])
    with pytest.raises(DataError, match=r"There is no file .*own\.csv"):
        dataset.load()
    own.write_text("\n".join([",".join(["label", *map(str, range(784))]), "4" + ",255" * 784]))
    assert (dataset.exists(), dataset.stored_files()) == (True, [own])
    assert dataset.pinned_sha256 is None
    loaded = dataset.load()
    assert loaded.labels.tolist() == [4]
    assert (loaded.images == 255).all()


@pytest.mark.parametrize(
    ("images", "labels", "sentence"),
    [
        (LABELS, IMAGES, r"Images must be bytes of shape \(images, height, width\), but are uint8"),
        (IMAGES.astype(np.int16), LABELS, "Images must be bytes .*int16"),
        (IMAGES, LABELS[:2], r"There are 3 images, but the labels are uint8 of shape \(2,\)"),
        (IMAGES, LABELS.astype(np.int32), "the labels are int32"),
        (IMAGES, LABELS + 1, "A label is 10; labels are whole numbers from 0 to 9"),
        (IMAGES[:0], LABELS[:0], "There is not one image"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(
    tmp_path: Path, images: np.ndarray, labels: np.ndarray, sentence: str
) -> None:
    with pytest.raises(ImageError, match=sentence):
        LabelledImages(images, labels)
    dataset = LabelledImagesDataset(
        images=saved(tmp_path, "some-images", images), labels=saved(tmp_path, "some-labels", labels)
    )
    with pytest.raises(DataError, match=rf"some-images and \S+some-labels do not .*{sentence}"):
        dataset.load()


def test_sources_are_never_written(parts: dict[str, Any]) -> None:
    dataset = LabelledImagesDataset(**parts)
    with pytest.raises(DataError, match="never written"):
        dataset.save(dataset.load())  # type: ignore[arg-type]
