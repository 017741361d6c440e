"""Sources at web addresses, as the catalog names them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from crossfold.datasets import SourceDataset, WebSourceDataset
from crossfold.datasets.bases import DataError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "01_raw" / "table.csv"


@pytest.fixture(params=["entry of its own", "in place of a published source"])
def dataset(request: pytest.FixtureRequest, web: Any, file: Path) -> Any:
    """Give a dataset that follows the address, in either way."""
    web.contents["/t.csv"], web.etags["/t.csv"] = b"1", '"1"'
    reader = {"type": "text.TextDataset", "filepath": str(file)}
    url = f"{web.address}/t.csv"
    if request.param == "entry of its own":
        return WebSourceDataset(url=url, dataset=reader)
    published = {"file": "table.csv", "sha256": "0" * 64, "urls": []}
    return SourceDataset(dataset=reader, source=published, path=url)


def test_runs_between_two_updates_read_the_same(web: Any, dataset: Any) -> None:
    assert not dataset.exists()
    assert dataset.stored_files() == []
    assert dataset.load() == "1"
    web.contents["/t.csv"], web.etags["/t.csv"] = b"2", '"2"'
    assert dataset.load() == "1"
    assert len(web.requests) == 1
    dataset.web_copy.update()
    assert dataset.load() == "2"


def test_the_copy_is_what_is_stored(dataset: Any) -> None:
    dataset.load()
    assert dataset.exists()
    [copy] = dataset.stored_files()
    assert copy.read_bytes() == b"1"


def test_a_look_pins_what_the_address_holds(web: Any, dataset: Any) -> None:
    dataset.load()
    dataset.web_copy.look()
    assert dataset.pinned_sha256 is None
    web.contents["/t.csv"], web.etags["/t.csv"] = b"2", '"2"'
    dataset.web_copy.look()
    assert dataset.pinned_sha256 == hashlib.sha256(b"2").hexdigest()
    assert dataset.load() == "1"


def test_preview_fetches_nothing(web: Any, dataset: Any) -> None:
    assert dataset.preview() == {}
    assert web.requests == []


def test_a_web_source_is_never_written(dataset: Any) -> None:
    with pytest.raises(DataError, match="never written"):
        dataset.save("text")


def test_a_copy_never_takes_the_place_of_the_published_file(
    web: Any, file: Path, tmp_path: Path
) -> None:
    web.contents["/t.csv"] = b"own"
    reader = {"type": "text.TextDataset", "filepath": str(file)}
    digest = hashlib.sha256(b"published").hexdigest()
    published = {"file": "table.csv", "sha256": digest, "urls": [f"{web.address}/published"]}
    web.contents["/published"] = b"published"
    assert SourceDataset(dataset=reader, source=published).load() == "published"
    own = SourceDataset(dataset=reader, source=published, path=f"{web.address}/t.csv")
    assert own.load() == "own"
    assert file.read_bytes() == b"published"


def test_a_plain_source_follows_no_address(file: Path) -> None:
    reader = {"type": "text.TextDataset", "filepath": str(file)}
    published = {"file": "table.csv", "sha256": "0" * 64, "urls": []}
    assert SourceDataset(dataset=reader, source=published).web_copy is None
