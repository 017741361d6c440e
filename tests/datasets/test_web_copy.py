"""Copies of web addresses whose content changes, on a server that fails in every way."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import time
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from crossfold.datasets.bases import SourceError
from crossfold.datasets.download import ATTEMPTS, shown
from crossfold.datasets.source_dataset import WebCopy, copy_beside

OLD = b"age\n" + b"30\n" * 20_000
NEW = b"age\n" + b"31\n" * 30_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "01_raw" / "table.csv"


@pytest.fixture
def copy(web: Any, file: Path) -> WebCopy:
    """Copy the old content."""
    copy = following(web, file)
    web.contents["/t"], web.etags["/t"] = OLD, '"1"'
    copy.update()
    assert file.read_bytes() == OLD
    web.requests.clear()
    web.n_downloads = 0
    return copy


def following(web: Any, file: Path) -> WebCopy:
    return WebCopy(f"{web.address}/t", file, timeout_seconds=0.2)


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def put(web: Any, content: bytes, etag: str | None) -> None:
    web.contents["/t"] = content
    web.etags = {"/t": etag} if etag else {}


def test_unchanged_etag_costs_no_download(web: Any, copy: WebCopy, file: Path) -> None:
    before = file.stat()
    copy.update()
    copy.look()
    assert (len(web.requests), web.n_downloads) == (2, 0)
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert copy.seen_sha256 is None


def test_unchanged_date_costs_no_download(web: Any, file: Path) -> None:
    web.contents["/t"], web.dates["/t"] = OLD, "Mon, 02 May 2016 00:00:00 GMT"
    for _ in range(2):
        following(web, file).update()
    assert (len(web.requests), web.n_downloads) == (2, 1)


def test_a_date_that_may_stand_for_two_contents_is_not_relied_on(web: Any, file: Path) -> None:
    soon = time.time() + 5  # however slow the machine is
    web.contents["/t"], web.dates["/t"] = OLD, formatdate(soon, usegmt=True)
    following(web, file).update()
    web.contents["/t"] = NEW
    following(web, file).update()
    assert file.read_bytes() == NEW


def test_server_that_ignores_conditions_is_not_read_to_the_end(
    web: Any, copy: WebCopy, file: Path
) -> None:
    web.knows_conditions = False
    web.contents["/t"] = NEW  # another content under the same ETag must not be taken
    copy.update()
    assert file.read_bytes() == OLD


def test_changed_etag_brings_the_new_content(web: Any, copy: WebCopy, file: Path) -> None:
    put(web, NEW, '"2"')
    copy.update()
    assert file.read_bytes() == NEW
    copy.update()
    assert web.n_downloads == 1
    assert names(file.parent) == [".table.csv.state.json", "table.csv"]


@pytest.mark.parametrize("etag", ['"2"', None])
def test_same_content_leaves_the_copy_untouched(
    web: Any, copy: WebCopy, file: Path, etag: str | None
) -> None:
    before = file.stat()
    put(web, OLD, etag)
    copy.update()
    assert web.n_downloads == 1
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_a_look_tells_the_new_content_and_copies_nothing(
    web: Any, copy: WebCopy, file: Path
) -> None:
    put(web, NEW, '"2"')
    state = file.with_name(".table.csv.state.json").read_bytes()
    copy.look()
    assert copy.seen_sha256 == hashlib.sha256(NEW).hexdigest()
    assert file.read_bytes() == OLD
    assert file.with_name(".table.csv.state.json").read_bytes() == state


def test_a_look_downloads_nothing_where_there_is_no_copy(web: Any, file: Path) -> None:
    following(web, file).look()
    assert web.requests == []


@pytest.mark.parametrize("lost", ["altered", "deleted", "without state", "with half a state"])
def test_a_copy_that_is_not_what_was_copied_is_copied_anew(
    web: Any, copy: WebCopy, file: Path, lost: str
) -> None:
    state = file.with_name(".table.csv.state.json")
    if lost == "altered":
        file.write_bytes(OLD[:100])
    elif lost == "with half a state":
        state.write_text(state.read_text()[:20])
    else:
        (file if lost == "deleted" else state).unlink()
    copy.update()
    assert file.read_bytes() == OLD
    assert web.n_downloads == 1


def test_another_address_does_not_inherit_the_etag(web: Any, copy: WebCopy, file: Path) -> None:
    web.contents["/u"], web.etags["/u"] = NEW, '"1"'
    WebCopy(f"{web.address}/u", file, timeout_seconds=0.2).update()
    assert file.read_bytes() == NEW


@pytest.mark.parametrize("fault", ["500", "stall", "truncate", "stall half-way"])
def test_passing_fault_is_overcome(web: Any, copy: WebCopy, file: Path, fault: str) -> None:
    put(web, NEW, '"2"')
    web.faults["/t"] = [fault]
    copy.update()
    assert file.read_bytes() == NEW


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("500", "status 500"),
        ("404", "status 404"),
        ("204", "status 204"),
        ("stall", "no answer within 0.2 s"),
        ("stall half-way", "no answer within 0.2 s"),
        ("truncate", "the connection broke off"),
    ],
)
def test_lasting_fault_leaves_the_copy_and_is_told(
    web: Any, copy: WebCopy, file: Path, fault: str, why: str
) -> None:
    put(web, NEW, '"2"')
    for act in (copy.update, copy.look):
        web.faults["/t"] = [fault] * ATTEMPTS
        web.requests.clear()
        with pytest.raises(SourceError) as caught:
            act()
        assert len(web.requests) == (1 if fault in ("404", "204") else ATTEMPTS)
        assert str(caught.value) == (
            f"{web.address}/t could not be fetched ({why}): the copy {file} stays in use; try again"
            " later, or check the address."
        )
        assert file.read_bytes() == OLD
        assert names(file.parent) == [".table.csv.state.json", "table.csv"]
    web.faults.clear()
    copy.update()
    assert file.read_bytes() == NEW


def test_a_kill_in_a_download_leaves_the_copy(web: Any, copy: WebCopy, file: Path) -> None:
    put(web, NEW, '"2"')
    web.faults["/t"] = ["stall half-way"]
    code = (
        "from pathlib import Path; from crossfold.datasets.source_dataset import WebCopy;"
        f"WebCopy({web.address + '/t'!r}, Path({str(file)!r}), timeout_seconds=9).update()"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        while not web.n_downloads and process.poll() is None:
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert file.read_bytes() == OLD
    assert len(names(file.parent)) == 3
    copy.update()
    assert file.read_bytes() == NEW
    assert names(file.parent) == [".table.csv.state.json", "table.csv"]


def test_no_server_at_all_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crossfold.datasets.download.FIRST_PAUSE_SECONDS", 0)
    copy = WebCopy("http://127.0.0.1:9/t", tmp_path / "t", timeout_seconds=1)
    with pytest.raises(SourceError, match=r"\(no connection\): there is no copy; try again"):
        copy.update()
    assert names(tmp_path) == []


def test_secrets_of_an_address_are_not_shown(web: Any, file: Path) -> None:
    url = web.address.replace("//", "//user:secret@") + "/t?token=secret"
    assert shown(url) == f"{web.address}/t"
    with pytest.raises(SourceError) as caught:
        WebCopy(url, file, timeout_seconds=1).update()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://example.org/data/export.csv?day=1", "export.csv"),
        ("https://example.org/download?day=1", "published.csv"),
        ("https://example.org/..", "published.csv"),
    ],
)
def test_each_address_has_a_copy_of_its_own(url: str, name: str) -> None:
    copy = copy_beside(Path("raw/published.csv"), url)
    assert copy.name == name
    assert copy.parent.parent == Path("raw/web")
    assert copy != copy_beside(Path("raw/published.csv"), f"{url}2")
