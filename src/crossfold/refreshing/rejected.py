"""Source files that a run could not use: copies are kept, the originals stay where they are."""

from __future__ import annotations

import shutil
from pathlib import Path

from kedro.io import DatasetError
from kedro.pipeline.node import Node

from crossfold.datasets.atomic import temporary_file
from crossfold.messages import explain
from kedro_refresh.exceptions import RefreshError
from kedro_refresh.staleness import Judge

FOLDER = "rejected"
SAVING = "Failed while saving"  # Kedro's words


def tell(error: Exception, node: Node, judge: Judge) -> RefreshError | None:
    """Turn the error of a run into a sentence, where a source is to blame.

    Copies of the files that are new since the last good run are kept in a folder of the source,
    readable by their owner only, once for each content.

    Parameters
    ----------
    error
        What ended the run.
    node
        The node at work.
    judge
        The judge of that run.

    Returns
    -------
    A `RefreshError` that ends with what was kept, or None where no source is to blame.
    """
    sentence = explain(error)
    is_of_source = isinstance(error, DatasetError) and SAVING not in str(error)
    if sentence is None or not is_of_source:
        return None
    folder = judge.ledger.file.with_name(FOLDER)
    kept = [
        _keep(file, folder / name)
        for name, files in judge.new_files(node).items()
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
