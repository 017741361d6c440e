"""Downloads from a server that fails in every way."""

from pathlib import Path
from typing import Any

import pytest

from crossfold.datasets.bases import SourceError
from crossfold.datasets.download import CHUNK_BYTES, download

CONTENT = bytes(range(256)) * 2000


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "file.partial"


def fetch(web: Any, target: Path, timeout_seconds: float = 5) -> None:
    download(f"{web.address}/file", target, timeout_seconds=timeout_seconds)


def resumed_at(web: Any) -> int:
    return int(web.requests[-1][1].removeprefix("bytes=").rstrip("-"))


def test_file_is_downloaded(web: Any, target: Path) -> None:
    web.contents["/file"] = CONTENT
    fetch(web, target)
    assert target.read_bytes() == CONTENT
    assert web.requests == [("/file", None)]


def test_broken_connection_is_resumed_where_it_broke(web: Any, target: Path) -> None:
    web.contents["/file"] = CONTENT
    web.faults["/file"] = ["truncate"]
    fetch(web, target)
    assert target.read_bytes() == CONTENT
    assert len(web.requests) == 2
    assert resumed_at(web) == pytest.approx(len(CONTENT) // 2, abs=CHUNK_BYTES)


def test_what_an_earlier_run_left_is_resumed(web: Any, target: Path) -> None:
    web.contents["/file"] = CONTENT
    target.write_bytes(CONTENT[:1000])
    fetch(web, target)
    assert target.read_bytes() == CONTENT
    assert web.requests == [("/file", "bytes=1000-")]


def test_server_that_cannot_resume_starts_anew(web: Any, target: Path) -> None:
    web.contents["/file"] = CONTENT
    web.resumable = False
    target.write_bytes(b"something else")
    fetch(web, target)
    assert target.read_bytes() == CONTENT


def test_complete_file_of_an_earlier_run_is_fetched_anew(web: Any, target: Path) -> None:
    web.contents["/file"] = CONTENT
    target.write_bytes(CONTENT)
    fetch(web, target)
    assert target.read_bytes() == CONTENT
    assert [range_ for _, range_ in web.requests] == [f"bytes={len(CONTENT)}-", None]


def test_server_error_is_retried_and_keeps_what_is_there(web: Any, target: Path) -> None:
    web.contents["/file"] = CONTENT
    web.faults["/file"] = ["truncate", "500"]
    fetch(web, target)
    assert target.read_bytes() == CONTENT
    assert len(web.requests) == 3
    assert resumed_at(web) == pytest.approx(len(CONTENT) // 2, abs=CHUNK_BYTES)


@pytest.mark.parametrize(
    ("faults", "sentence", "n_requests"),
    [
        (["500"] * 3, "status 500", 3),
        (["404"] * 3, "status 404", 1),
        (["truncate"] * 3, "the connection broke off", 3),
    ],
)
def test_lasting_fault_is_told(
    web: Any, target: Path, faults: list[str], sentence: str, n_requests: int
) -> None:
    web.contents["/file"] = CONTENT
    web.faults["/file"] = faults
    with pytest.raises(SourceError, match=sentence):
        fetch(web, target)
    assert len(web.requests) == n_requests


def test_silent_server_is_given_up(web: Any, target: Path) -> None:
    web.faults["/file"] = ["stall"] * 3
    with pytest.raises(SourceError, match=r"no answer within 0\.1 s"):
        fetch(web, target, timeout_seconds=0.1)


def test_no_server_at_all_is_told(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crossfold.datasets.download.FIRST_PAUSE_SECONDS", 0)
    with pytest.raises(SourceError, match="no connection"):
        download("http://127.0.0.1:9/file", target, timeout_seconds=1)
