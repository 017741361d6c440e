"""Source files: found in a mirror or downloaded, verified, and put in place at once."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset

from crossfold.datasets.bases import ReadOnlyDataset
from crossfold.datasets.containers import extract, sha256
from crossfold.datasets.download import download
from crossfold.datasets.exceptions import SourceError
from crossfold.datasets.temporary import sweep, temporary_file
from crossfold.datasets.web_copy import WebCopy, copy_beside, is_web_address
from crossfold.datasets.web_source import WebSourceDataset

if TYPE_CHECKING:
    from kedro_datasets._typing import TablePreview

MIRROR_VARIABLE = "CROSSFOLD_MIRROR"
CONTAINER_SUFFIXES = ("", ".gz", ".zip")

_logger = logging.getLogger(__name__)


class SourceDataset(ReadOnlyDataset[Any]):
    """A dataset whose file is fetched when it is missing, and verified on every load.

    A missing file is looked for in the folder named by the environment variable
    ``CROSSFOLD_MIRROR``, then at its addresses in order; plain, gzip and zip containers will do.
    A file with other content is never used: it is kept aside under its name with ``.rejected``.

    Parameters
    ----------
    dataset
        The catalog entry of the dataset that reads the file at its ``filepath``.
    source
        ``file``: the file's name, with its folder in a mirror; ``sha256``: of its content;
        ``urls``: its addresses, the first tried first.
    path
        The user's own file, folder or web address. It is read in place of the source, and not
        verified; what an address holds is copied as `WebSourceDataset` does.
    timeout_seconds
        Longest wait for a connection and between two packets, in seconds.
    metadata
        Ignored here; read by Kedro-Viz.
    """

    def __init__(
        self,
        *,
        dataset: dict[str, Any],
        source: dict[str, Any],
        path: str | None = None,
        timeout_seconds: float = 30,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._source = source
        self._own = path is not None
        file = Path(dataset["filepath"])
        url = path if path is not None and is_web_address(path) else None
        self._filepath = copy_beside(file, url) if url else Path(path or file)
        self._timeout_seconds = timeout_seconds
        self.metadata = metadata
        reader = {**dataset, "filepath": str(self._filepath)}
        self._dataset: Any = (
            WebSourceDataset(url=url, dataset=reader, timeout_seconds=timeout_seconds)
            if url
            else AbstractDataset.from_config(source["file"], reader)
        )
        self.web_copy: WebCopy | None = getattr(self._dataset, "web_copy", None)

    def load(self) -> Any:
        """Fetch and verify the file, then read it."""
        if not self._own:
            self._set_aside_if_altered()
            if not self._filepath.exists():
                self._fetch()
        return self._dataset.load()

    @property
    def pinned_sha256(self) -> str | None:
        """SHA-256 of the source, or what a look at the user's own address has found, else None."""
        if self._own:
            return self.web_copy.seen_sha256 if self.web_copy else None
        sha256: str = self._source["sha256"]
        return sha256

    def stored_files(self) -> list[Path]:
        """List the files that `load` reads, as far as they are there."""
        inner = getattr(self._dataset, "stored_files", None)
        if inner is not None:
            return list(inner())
        found = self._filepath.rglob("*") if self._filepath.is_dir() else [self._filepath]
        return sorted(file for file in found if file.is_file())

    def preview(self, nrows: int = 5) -> TablePreview:
        """Show the first rows, if the file is there and its dataset can be previewed."""
        preview = getattr(self._dataset, "preview", None)
        return preview(nrows) if preview and self._exists() else {}

    def _set_aside_if_altered(self) -> None:
        if self._filepath.exists() and (found := sha256(self._filepath)) != self._source["sha256"]:
            rejected = self._reject(self._filepath)
            _logger.warning(
                "%s does not have the content of its source (SHA-256 %s…); it is kept as %s and"
                " fetched again.",
                self._filepath,
                found[:12],
                rejected.name,
            )

    def _fetch(self) -> None:
        self._filepath.parent.mkdir(parents=True, exist_ok=True)
        sweep(self._filepath)
        reasons = []
        for origin, is_address in self._origins():
            try:
                return self._take(origin, is_address)
            except SourceError as error:
                reasons.append(f"{origin} ({str(error).rstrip('.')})")
        name = self._source["file"]
        raise SourceError(
            f"{PurePosixPath(name).name} could not be fetched from {', '.join(reasons)}: set"
            f" {MIRROR_VARIABLE} to a folder that holds {name}, or run with --env=sample on"
            " synthetic data."
        )

    def _origins(self) -> Iterator[tuple[str, bool]]:
        """List where the file may come from, and whether it is an address."""
        mirror = os.environ.get(MIRROR_VARIABLE)
        if mirror:
            name = self._source["file"]
            places = (name, PurePosixPath(name).name)
            candidates = [Path(mirror, f"{p}{s}") for p in places for s in CONTAINER_SUFFIXES]
            found = [str(file) for file in candidates if file.is_file()]
            yield from ((file, False) for file in found or [str(candidates[0])])
        yield from ((url, True) for url in self._source["urls"])

    def _take(self, origin: str, is_address: bool) -> None:
        """Verify the content of one origin and move it into place."""
        if not is_address and not Path(origin).is_file():
            raise SourceError("no such file")
        container = self._download(origin) if is_address else Path(origin)
        try:
            with temporary_file(self._filepath) as content:
                self._verify(container, content)
                content.replace(self._filepath)
        finally:
            if is_address:
                container.unlink(missing_ok=True)

    def _verify(self, container: Path, content: Path) -> None:
        """Take the content out of its container; other content is kept aside."""
        found = extract(container, self._source["file"], content)
        if found != self._source["sha256"]:
            rejected = self._reject(content)
            raise SourceError(
                f"other content, SHA-256 {found[:12]}… in place of"
                f" {self._source['sha256'][:12]}…, kept as {rejected}"
            )

    def _download(self, url: str) -> Path:
        digest = hashlib.sha256(url.encode()).hexdigest()[:8]
        partial = self._beside(f"{digest}.partial")
        try:
            download(url, partial, timeout_seconds=self._timeout_seconds)
        finally:
            if partial.stat().st_size == 0:
                partial.unlink()
        return partial

    def _beside(self, ending: str) -> Path:
        return self._filepath.with_name(f".{self._filepath.name}.{ending}")

    def _reject(self, file: Path) -> Path:
        return file.replace(self._filepath.with_name(f"{self._filepath.name}.rejected"))

    def _describe(self) -> dict[str, Any]:
        return {
            "filepath": str(self._filepath),
            "source": None if self._own else self._source["file"],
        }

    def _exists(self) -> bool:
        return self._filepath.exists()
