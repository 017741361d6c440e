"""Source files that a run could not use: copies are kept, the originals stay where they are."""

from __future__ import annotations

import shutil
from pathlib import Path

from kedro.io import DatasetError

from crossfold.datasets.temporary import temporary_file
from crossfold.messages import explain
from crossfold.refresh.exceptions import RefreshError
from crossfold.refresh.runner import RefreshRunner

SAVING = "Failed while saving"  # Kedro's words


def tell(error: Exception, runner: RefreshRunner, folder: Path) -> RefreshError | None:
    """Turn the error of a run into a sentence, where a source is to blame.

    Copies of the files that are new since the last good run are kept in a folder of the source,
    readable by their owner only, once for each content.

    Parameters
    ----------
    error
        What ended the run.
    runner
        The runner of that run.
    folder
        Where the copies go.

    Returns
    -------
    A `RefreshError` that ends with what was kept, or None where no source is to blame.
    """
    sentence = explain(error)
    is_of_source = isinstance(error, DatasetError) and SAVING not in str(error)
    if sentence is None or not is_of_source or runner.at_work is None:
        return None
    assert runner.judge is not None
    kept = [
        _keep(file, folder / name)
        for name, files in runner.judge.new_files(runner.at_work).items()
        for file in files
    ]
    if not kept:
        return None
    names = ", ".join(str(file) for file in kept)
    return RefreshError(
        f"{sentence} Until then the outputs stay as they are; a copy of what is new is in {names}."
    )


def _keep(file: Path, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    copy = folder / f"{_digest(file)}-{file.name}"
    if not copy.exists():
        with temporary_file(copy) as temporary:
            temporary.chmod(0o600)
            shutil.copyfile(file, temporary)
            temporary.replace(copy)
    return copy


def _digest(file: Path) -> str:
    from crossfold.datasets.containers import sha256

    return sha256(file)[:12]
