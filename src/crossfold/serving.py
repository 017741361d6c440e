"""Kedro's HTTP server behind a guard: known names only, small requests, and a token."""

from __future__ import annotations

import json
import logging
import os
import secrets
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock
from kedro.io.core import generate_timestamp
from kedro.server.utils import KEDRO_PROJECT_PATH_ENV

from crossfold.datasets.atomic import write_privately

if TYPE_CHECKING:
    from fastapi import FastAPI

HOSTS_VARIABLE = "CROSSFOLD_SERVER_HOSTS"
OWN_HOSTS = ["127.0.0.1", "localhost"]
TOKEN_FILE = Path("conf", "local", "server_token")
MOST_BYTES = 100_000
OPEN_PATH = "/health"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_logger = logging.getLogger(__name__)
_naming = threading.Lock()


def new_run_id() -> str:
    """Name a run by its moment, as Kedro does, but no two runs alike: it counts milliseconds."""
    with _naming:
        time.sleep(0.001)
        return generate_timestamp()


def create_app() -> FastAPI:
    """Make Kedro's server, for the project that Kedro's environment variables name.

    A request has to name this machine as its host, or one of the names in the environment variable
    CROSSFOLD_SERVER_HOSTS, so that no web page can reach the server under a name of its own. All
    but ``/health`` needs the token of the project.
    """
    from kedro.server import http_server
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    http_server.generate_timestamp = new_run_id  # type: ignore[attr-defined]
    app = http_server.create_http_server()
    token = project_token(Path(os.environ[KEDRO_PROJECT_PATH_ENV], TOKEN_FILE))
    hosts = [*OWN_HOSTS, *filter(None, os.environ.get(HOSTS_VARIABLE, "").split(","))]
    app.add_middleware(Guard, token=token)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)
    return app


def project_token(file: Path) -> str:
    """Read the token in a file; where it holds none, make one that only its owner can read.

    Of several servers that start for the first time together, one makes it.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_name(f".{file.name}.lock")):
        if not file.exists() or not file.read_text(encoding="utf-8").strip():
            write_privately(file, secrets.token_urlsafe(32))
            _logger.info("Made a token for requests, in %s.", file)
    return file.read_text(encoding="utf-8").strip()


class Guard:
    """Refuses requests to an ASGI application without the token, and those that are too large."""

    def __init__(self, app: Any, token: str) -> None:
        self._app = app
        self._wanted = f"Bearer {token}".encode()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"authorization", b"")
        if scope["path"] != OPEN_PATH and not secrets.compare_digest(given, self._wanted):
            await _refuse(send, 401, f"Send the token in {TOKEN_FILE} as Authorization: Bearer.")
            return
        body = await _read(receive)
        if body is None:
            await _refuse(send, 413, f"A request can have {MOST_BYTES:,} bytes.")
            return

        async def again() -> Message:
            return body.pop(0) if body else await receive()

        await self._app(scope, again, send)


async def _read(receive: Receive) -> list[Message] | None:
    """Read a request to its end; None for one that is too large."""
    messages, n_bytes, has_more = [], 0, True
    while has_more:
        message = await receive()
        messages.append(message)
        n_bytes += len(message.get("body", b""))
        has_more = bool(message.get("more_body"))
        if n_bytes > MOST_BYTES:
            return None
    return messages


async def _refuse(send: Send, status: int, why: str) -> None:
    body = json.dumps({"detail": why}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
