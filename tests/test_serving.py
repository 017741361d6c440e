"""The token of the server is made once."""

import secrets
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from crossfold.serving import new_run_id, project_token


@pytest.mark.parametrize("emptied", [False, True])
def test_servers_that_start_together_have_one_token(
    emptied: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = secrets.token_urlsafe

    def make_slowly(n_bytes: int) -> str:
        time.sleep(0.05)
        return make(n_bytes)

    monkeypatch.setattr(secrets, "token_urlsafe", make_slowly)
    file = tmp_path / "conf" / "local" / "server_token"
    if emptied:
        file.parent.mkdir(parents=True)
        file.write_text("\n")
    with ThreadPoolExecutor(8) as pool:
        tokens = set(pool.map(project_token, [file] * 8))
    assert tokens == {file.read_text()}
    assert len(file.read_text()) > 40
    if sys.platform != "win32":
        assert file.stat().st_mode & 0o77 == 0
    assert {path.name for path in file.parent.iterdir()} <= {file.name, ".server_token.lock"}


def test_runs_that_are_asked_for_at_once_have_names_of_their_own() -> None:
    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(lambda _: new_run_id(), range(50)))
    assert len(set(names)) == 50
