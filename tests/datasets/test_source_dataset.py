"""Source files: mirror, download, verification, and the user's own file."""

import gzip
import hashlib
import io
import logging
import zipfile
from pathlib import Path
from typing import Any

import pytest

from crossfold.datasets import SourceDataset
from crossfold.datasets.bases import DataError, SourceError

NAME = "appointments/table.csv"
CONTENT = b"Age\n" + b"1\n" * 20_000


def zipped(**files: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writer:
        for name, content in files.items():
            writer.writestr(name, content)
    return archive.getvalue()


CONTAINERS = {
    "table.csv": CONTENT,
    "table.csv.gz": gzip.compress(CONTENT),
    "table.csv.zip": zipped(**{"notes.txt": b"", "data/table.csv": CONTENT}),
}


@pytest.fixture(autouse=True)
def no_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CROSSFOLD_MIRROR", raising=False)


@pytest.fixture
def mirror_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "mirror"
    (folder / "appointments").mkdir(parents=True)
    monkeypatch.setenv("CROSSFOLD_MIRROR", str(folder))
    return folder


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return tmp_path / "01_raw" / "table.csv"


def source(raw: Path, *urls: str, **options: Any) -> SourceDataset:
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    return SourceDataset(
        dataset={"type": "text.TextDataset", "filepath": str(raw)},
        source={"file": NAME, "sha256": sha256, "urls": list(urls)},
        timeout_seconds=0.2,
        **options,
    )


def files(folder: Path) -> list[str]:
    return sorted(f.name for f in folder.iterdir())


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("folder", ["", "appointments"])
def test_mirror_may_hold_any_container(
    mirror_folder: Path, raw: Path, container: str, folder: str
) -> None:
    (mirror_folder / folder / container).write_bytes(CONTAINERS[container])
    dataset = source(raw)
    assert not dataset.exists()
    assert dataset.load() == CONTENT.decode()
    assert dataset.exists()
    assert files(raw.parent) == ["table.csv"]


@pytest.mark.parametrize("container", CONTAINERS)
def test_addresses_are_tried_in_order(web: Any, raw: Path, container: str) -> None:
    web.contents = {"/good": CONTAINERS[container]}
    dataset = source(raw, f"{web.address}/gone", f"{web.address}/good")
    assert dataset.load() == CONTENT.decode()
    assert web.requests == ["/gone", "/good"]
    assert files(raw.parent) == ["table.csv"]


def test_file_that_is_there_is_not_fetched_again(web: Any, raw: Path) -> None:
    web.contents = {"/good": CONTENT}
    dataset = source(raw, f"{web.address}/good")
    dataset.load()
    dataset.load()
    assert len(web.requests) == 1


def test_download_that_breaks_off_is_tried_again(web: Any, raw: Path) -> None:
    web.contents = {"/good": CONTENT}
    web.faults = {"/good": ["truncate", "500"]}
    dataset = source(raw, f"{web.address}/good")
    assert dataset.load() == CONTENT.decode()
    assert web.requests == ["/good"] * 3
    assert files(raw.parent) == ["table.csv"]


@pytest.mark.parametrize("container", ["table.csv.gz", "table.csv.zip"])
def test_an_archive_that_unpacks_without_end_is_told(
    web: Any, raw: Path, container: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crossfold.datasets.download.MOST_UNPACKED_BYTES", 1000)
    web.contents = {"/good": CONTAINERS[container]}
    with pytest.raises(SourceError, match="unpacks to more than 1,000 bytes"):
        source(raw, f"{web.address}/good").load()
    assert files(raw.parent) == []


@pytest.mark.parametrize("wrong", [b"Age\n2\n", gzip.compress(b"Age\n2\n"), CONTENT[:-1]])
def test_wrong_content_is_kept_aside_and_never_used(web: Any, raw: Path, wrong: bytes) -> None:
    web.contents = {"/wrong": wrong}
    with pytest.raises(SourceError, match="other content, SHA-256") as caught:
        source(raw, f"{web.address}/wrong").load()
    assert files(raw.parent) == ["table.csv.rejected"]
    assert str(raw.with_name("table.csv.rejected")) in str(caught.value)


def test_next_origin_is_used_after_a_wrong_one(web: Any, mirror_folder: Path, raw: Path) -> None:
    (mirror_folder / NAME).write_bytes(b"Age\n2\n")
    web.contents = {"/good": CONTENT}
    assert source(raw, f"{web.address}/good").load() == CONTENT.decode()
    assert files(raw.parent) == ["table.csv", "table.csv.rejected"]
    assert (mirror_folder / NAME).read_bytes() == b"Age\n2\n"


@pytest.mark.parametrize("altered", [CONTENT[:1000], CONTENT + b"3\n"])
def test_altered_raw_file_is_set_aside_and_fetched_again(
    mirror_folder: Path, raw: Path, altered: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (mirror_folder / NAME).write_bytes(CONTENT)
    raw.parent.mkdir()
    raw.write_bytes(altered)
    with caplog.at_level(logging.WARNING):
        assert source(raw).load() == CONTENT.decode()
    assert raw.with_name("table.csv.rejected").read_bytes() == altered
    assert "kept as table.csv.rejected" in caplog.text


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (gzip.compress(CONTENT)[:-20], "damaged archive"),
        (zipped(**{"table.csv": CONTENT})[:-30], "damaged archive"),
        (zipped(**{"a.txt": b"", "b.txt": b""}), "holds no file named table.csv"),
    ],
)
def test_damaged_archive_is_told(
    mirror_folder: Path, raw: Path, content: bytes, sentence: str
) -> None:
    (mirror_folder / NAME).write_bytes(content)
    with pytest.raises(SourceError, match=sentence):
        source(raw).load()
    assert not raw.exists()


def test_unreachable_source_is_told_in_one_sentence(
    web: Any, mirror_folder: Path, raw: Path
) -> None:
    web.faults = {"/slow": ["stall"] * 3}
    urls = [f"{web.address}/slow", f"{web.address}/gone"]
    with pytest.raises(SourceError) as caught:
        source(raw, *urls).load()
    message = str(caught.value)
    assert message == (
        f"table.csv could not be fetched from {mirror_folder / NAME} (no such file),"
        f" {urls[0]} (no answer within 0.2 s), {urls[1]} (status 404): set CROSSFOLD_MIRROR to a"
        f" folder that holds {NAME}, or run with --env=sample on synthetic data."
    )


def test_own_file_is_read_without_verification(raw: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("Age\n5\n")
    dataset = source(raw, path=str(own))
    assert dataset.load() == "Age\n5\n"
    assert not raw.exists()
    assert str(own) in str(dataset)


def test_preview_fetches_nothing(web: Any, raw: Path) -> None:
    assert source(raw, f"{web.address}/good").preview() == {}
    assert web.requests == []


def test_source_is_never_written(raw: Path) -> None:
    with pytest.raises(DataError, match="never written"):
        source(raw).save("text")  # type: ignore[arg-type]
