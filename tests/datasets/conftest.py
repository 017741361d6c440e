"""A web server on this machine that misbehaves as it is told to."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass
class Web:
    """Contents by path, and faults to show first: `status`, `truncate` or `stall`."""

    address: str = ""
    contents: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=dict)
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    resumable: bool = True


def _handler(web: Web) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            web.requests.append((self.path, self.headers.get("Range")))
            fault = (web.faults.get(self.path) or [""]).pop(0)
            if fault.isdigit():
                return self.send_error(int(fault))
            if fault == "stall":
                time.sleep(1)
                return None
            content = web.contents.get(self.path)
            if content is None:
                return self.send_error(404)
            return self._send(content, truncate=fault == "truncate")

        def _send(self, content: bytes, truncate: bool) -> None:
            start = self._start() if web.resumable else 0
            if start >= len(content):
                return self.send_error(416)
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            end = (start + len(content)) // 2 if truncate else len(content)
            self.wfile.write(content[start:end])
            return None

        def _start(self) -> int:
            return int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """Start a server; retries come at once."""
    monkeypatch.setattr("crossfold.datasets.download.FIRST_PAUSE_SECONDS", 0)
    web = Web()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(web))
    web.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield web
    server.shutdown()
    thread.join()
    server.server_close()
