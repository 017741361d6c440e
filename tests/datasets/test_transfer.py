"""Answers of servers that never end, are too large, are cut off, or say nonsense."""

from __future__ import annotations

import gc
import gzip
import itertools
import logging
import socket
import threading
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from crossfold.datasets.bases import SourceError
from crossfold.datasets.download import extract
from crossfold.datasets.source_dataset import WebCopy

OLD = b"age\n30\n"
NEW = b"age\n31\n32\n"
OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
MEGABYTE = 1_000_000


class Server:
    """A server on this machine that sends what it is told, byte for byte."""

    def __init__(self) -> None:
        self.answer: Callable[[], Iterable[bytes]] = lambda: [OK, b"\r\n", OLD]
        self.n_asked = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}/table.csv"
        threading.Thread(target=self._serve, daemon=True).start()

    def send(self, *pieces: bytes) -> None:
        """Send some pieces from now on."""
        self.answer = lambda: pieces

    def drip(self, start: bytes, pauses: float = 0.02) -> None:
        """Send a start, then a byte now and then, for ever."""

        def drops() -> Iterator[bytes]:
            yield start
            for _ in itertools.count():
                time.sleep(pauses)
                yield b"1"

        self.answer = drops

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.n_asked += 1
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(1 << 16)
            for piece in self.answer():
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr("crossfold.datasets.download.FIRST_PAUSE_SECONDS", 0)
    server = Server()
    yield server
    server.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "raw" / "table.csv"


@pytest.fixture
def copy(server: Server, file: Path) -> WebCopy:
    """Copy the old content."""
    copy = WebCopy(server.address, file, timeout_seconds=5)
    copy.update()
    assert file.read_bytes() == OLD
    server.n_asked = 0
    return copy


def refused(copy: WebCopy, file: Path) -> str:
    """Give the sentence with which an update is refused; the copy must stay as it was."""
    before = file.read_bytes()
    with pytest.raises(SourceError) as caught:
        copy.update()
    assert file.read_bytes() == before
    assert {one.name for one in file.parent.iterdir()} == {"table.csv", ".table.csv.state.json"}
    return str(caught.value)


def with_length(content: bytes, *more: bytes) -> bytes:
    headers = [b"Content-Length: %d" % len(content), *more]
    return OK + b"\r\n".join(headers) + b"\r\n\r\n" + content


@pytest.mark.parametrize(
    "start",
    [OK + b"Content-Length: 1000000\r\n\r\n", OK + b"\r\n", OK + b"X-Long: ", b"HTTP/1.1 200 O"],
    ids=["body", "body without length", "header", "status line"],
)
def test_a_drip_ends_when_its_time_is_over(
    server: Server, copy: WebCopy, file: Path, start: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROSSFOLD_MAX_MINUTES", "0.005")
    server.drip(start)
    begin = time.monotonic()
    assert "(it takes longer than 0.005 min, see CROSSFOLD_MAX_MINUTES)" in refused(copy, file)
    assert time.monotonic() - begin < 3
    assert server.n_asked == 1


def test_all_attempts_share_one_time(
    server: Server, copy: WebCopy, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROSSFOLD_MAX_MINUTES", "0.005")
    monkeypatch.setattr("crossfold.datasets.download.FIRST_PAUSE_SECONDS", 0.4)
    server.send(b"HTTP/1.1 500 Sorry\r\nContent-Length: 0\r\n\r\n")
    assert "takes longer than 0.005 min" in refused(copy, file)
    assert server.n_asked == 1


@pytest.mark.parametrize(
    "answer",
    [
        [OK + b"Content-Length: 9000000000\r\n\r\n", NEW],
        [OK + b"\r\n", *[b"1" * MEGABYTE] * 3],
        [with_length(gzip.compress(b"0" * 50 * MEGABYTE), b"Content-Encoding: gzip")],
    ],
    ids=["announced", "endless", "packed"],
)
def test_what_is_too_large_is_refused(
    server: Server,
    copy: WebCopy,
    file: Path,
    answer: list[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CROSSFOLD_MAX_MEGABYTES", "2")
    server.send(*answer)
    written = watch_writes(monkeypatch)
    assert "(it holds more than 2 MB, see CROSSFOLD_MAX_MEGABYTES)" in refused(copy, file)
    assert sum(written) <= 2 * MEGABYTE
    assert server.n_asked == 1


def watch_writes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note how many bytes are written of what comes."""
    written: list[int] = []
    advance = "rich.progress.Progress.advance"
    monkeypatch.setattr(advance, lambda _, task, n_bytes: written.append(n_bytes))
    return written


@pytest.mark.parametrize("kind", ["gzip", "zip"])
def test_an_archive_that_holds_too_much_is_refused(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, target = tmp_path / "archive", tmp_path / "content"
    if kind == "gzip":
        archive.write_bytes(gzip.compress(b"0" * 50 * MEGABYTE))
    else:
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("content", b"0" * 50 * MEGABYTE)
    monkeypatch.setenv("CROSSFOLD_MAX_MEGABYTES", "2")
    with pytest.raises(SourceError, match="more than 2 MB"):
        extract(archive, "content", target)
    assert target.stat().st_size < 4 * MEGABYTE


@pytest.mark.parametrize("variable", ["CROSSFOLD_MAX_MINUTES", "CROSSFOLD_MAX_MEGABYTES"])
@pytest.mark.parametrize("value", ["", "many", "0", "-1", "nan"])
def test_a_limit_that_is_none_is_told(
    server: Server,
    copy: WebCopy,
    file: Path,
    variable: str,
    value: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable, value)
    assert f"({variable} is {value!r}, and should be a number above 0)" in refused(copy, file)
    assert server.n_asked == 0


@pytest.mark.parametrize("length", [b"abc", b"-5", b"1e3", b"10.0", b"\xb2", b""])
def test_a_length_that_is_no_number_is_told(
    server: Server, copy: WebCopy, file: Path, length: bytes
) -> None:
    server.send(OK + b"Content-Length: " + length + b"\r\n\r\n", NEW)
    assert "is no number): the copy" in refused(copy, file)


def test_lengths_that_contradict_each_other_are_told(
    server: Server, copy: WebCopy, file: Path
) -> None:
    server.send(OK + b"Content-Length: 10\r\nContent-Length: 11\r\n\r\n", NEW)
    assert "(its headers contradict each other)" in refused(copy, file)
    gc.collect()  # a connection left open would be warned of


def test_a_length_told_twice_is_a_length(server: Server, copy: WebCopy, file: Path) -> None:
    server.send(with_length(NEW, b"Content-Length: %d" % len(NEW)))
    copy.update()
    assert file.read_bytes() == NEW


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nage\n3\r\n"
PACKED = gzip.compress(NEW * 1000)


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Length: 100\r\n\r\n" + NEW,
        CHUNKED,
        CHUNKED + b"5\r\n1\n",
        OK + b"Content-Encoding: gzip\r\n\r\n" + PACKED[:-4],
        OK + b"Content-Encoding: gzip\r\n\r\n" + PACKED[:20],
    ],
    ids=["length", "chunks", "within a chunk", "packed", "packed, early"],
)
def test_what_is_cut_off_and_says_so_is_refused(
    server: Server, copy: WebCopy, file: Path, answer: bytes
) -> None:
    server.send(answer)
    assert "(the connection broke off)" in refused(copy, file)
    assert server.n_asked == 3


@pytest.mark.parametrize(
    "answer",
    [
        with_length(NEW),
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nage\n3\r\n5\r\n1\n32\n\r\n0\r\n\r\n",
        OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(NEW),
        OK + b"Content-Encoding: identity\r\n\r\n" + NEW,
        OK + b"\r\n" + NEW,
    ],
    ids=["length", "chunks", "packed", "not packed", "until the end"],
)
def test_what_is_whole_is_taken(
    server: Server, copy: WebCopy, file: Path, answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    server.send(answer)
    with caplog.at_level(logging.WARNING):
        copy.update()
    assert file.read_bytes() == NEW
    doubted = OK + b"\r\n" in answer or b"identity" in answer
    assert ("may pass for whole" in caplog.text) == doubted


@pytest.mark.parametrize("content", [NEW[:-1], b""])
def test_a_table_that_ends_within_a_line_is_refused_where_nothing_tells_its_end(
    server: Server, copy: WebCopy, file: Path, content: bytes
) -> None:
    server.send(OK + b"\r\n" + content)
    assert "(it ends within a line and may be cut off, as the copy does not" in refused(copy, file)
    server.send(with_length(content))
    copy.update()
    assert file.read_bytes() == content


@pytest.mark.parametrize("old", [b"age\n30", None])
def test_it_is_taken_where_the_copy_ended_so_or_there_is_none(
    server: Server, copy: WebCopy, file: Path, old: bytes | None
) -> None:
    file.unlink()
    if old:
        file.write_bytes(old)
    server.send(OK + b"\r\n" + NEW[:-1])
    copy.update()
    assert file.read_bytes() == NEW[:-1]


@pytest.mark.parametrize(
    ("encoding", "why"),
    [
        (b"br", "it is packed as br, which was not asked for"),
        (b"gzip", "it is not packed as gzip, as it is said to be"),
    ],
)
def test_a_packing_that_cannot_be_undone_is_told(
    server: Server, copy: WebCopy, file: Path, encoding: bytes, why: str
) -> None:
    server.send(with_length(NEW, b"Content-Encoding: " + encoding))
    assert f"({why})" in refused(copy, file)


def test_a_secret_in_the_address_is_not_logged(
    server: Server, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url: Any = server.address.replace("//", "//user:secret@") + "?token=secret"
    with caplog.at_level(logging.INFO, logger="crossfold"):
        WebCopy(url, file, timeout_seconds=5).update()
    assert "secret" not in caplog.text
