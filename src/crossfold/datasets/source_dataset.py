"""Source files: fetched from a mirror or an address and verified, or copies of what changes."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset

from crossfold.datasets.atomic import sweep, temporary_file
from crossfold.datasets.bases import ReadOnlyDataset
from crossfold.datasets.containers import extract, sha256
from crossfold.datasets.download import download
from crossfold.datasets.exceptions import DataError, SourceError
from crossfold.datasets.web_copy import WebCopy, copy_beside, is_web_address, shown

if TYPE_CHECKING:
    from kedro_datasets._typing import TablePreview

MIRROR_VARIABLE = "CROSSFOLD_MIRROR"
CONTAINER_SUFFIXES = ("", ".gz", ".zip")

_logger = logging.getLogger(__name__)


class WebSourceDataset(ReadOnlyDataset[Any]):
    """A dataset whose file is a copy of what a web address holds.

    ``kedro refresh`` asks the address whether its content has changed (ETag, else date), and
    copies it anew only then. `load` reads the copy, and fetches it only where there is none, so
    that all runs between two refreshes read the same.

    Parameters
    ----------
    url
        An address of the protocol http or https, name and password perhaps in ``~/.netrc``; None
        for a plain file.
    dataset
        The catalog entry of the dataset that reads the copy at its ``filepath``.
    timeout_seconds
        Longest wait for a connection and between two packets, in seconds.
    metadata
        Ignored here; read by Kedro-Viz.
    """

    def __init__(
        self,
        *,
        url: str | None,
        dataset: dict[str, Any],
        timeout_seconds: float = 30,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._url = url
        self._filepath = Path(dataset["filepath"])
        self._timeout_seconds = timeout_seconds
        self.metadata = metadata
        self.web_copy = url and WebCopy(url, self._filepath, timeout_seconds=timeout_seconds)
        self._dataset: Any = AbstractDataset.from_config(str(self._filepath), dataset)

    def load(self) -> Any:
        """Read the copy; make it if there is none."""
        if not self.web_copy:
            return self._dataset.load()
        self.web_copy.ensure()
        try:
            return self._dataset.load()
        except DataError as error:
            raise SourceError(f"{self.web_copy} cannot be used: {error}") from error

    @property
    def pinned_sha256(self) -> str | None:
        """SHA-256 of what a look has found at the address and the copy has not, else None."""
        return self.web_copy.seen_sha256 if self.web_copy else None

    def stored_files(self) -> list[Path]:
        """List the files that `load` reads, as far as they are there."""
        if hasattr(self._dataset, "stored_files"):
            found = self._dataset.stored_files()
        else:
            found = self._filepath.rglob("*") if self._filepath.is_dir() else [self._filepath]
        return sorted(file for file in found if file.is_file())

    def preview(self, nrows: int = 5) -> TablePreview:
        """Show the first rows, if the file is there and its dataset can be previewed."""
        preview = getattr(self._dataset, "preview", None)
        return preview(nrows) if preview and self._exists() else {}

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "url": self._url and shown(self._url)}

    def _exists(self) -> bool:
        return self._filepath.exists()


class SourceDataset(WebSourceDataset):
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
        url = path if path is not None and is_web_address(path) else None
        file = copy_beside(Path(dataset["filepath"]), url) if url else path or dataset["filepath"]
        super().__init__(
            url=url,
            dataset={**dataset, "filepath": str(file)},
            timeout_seconds=timeout_seconds,
            metadata=metadata,
        )

    def load(self) -> Any:
        """Fetch and verify the file, then read it."""
        if not self._own:
            self._set_aside_if_altered()
            if not self._filepath.exists():
                self._fetch()
        return super().load()

    @property
    def pinned_sha256(self) -> str | None:
        """SHA-256 of the source, or what a look at the user's own address has found, else None."""
        return super().pinned_sha256 if self._own else str(self._source["sha256"])

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
        for origin, take in self._origins():
            try:
                take(origin)
            except SourceError as error:
                reasons.append(f"{origin} ({str(error).rstrip('.')})")
            else:
                return
        name = self._source["file"]
        raise SourceError(
            f"{PurePosixPath(name).name} could not be fetched from {', '.join(reasons)}: set"
            f" {MIRROR_VARIABLE} to a folder that holds {name}, or run with --env=sample on"
            " synthetic data."
        )

    def _origins(self) -> Iterator[tuple[str, Callable[[str], None]]]:
        """List where the file may come from, and how it is taken from there."""
        mirror = os.environ.get(MIRROR_VARIABLE)
        if mirror:
            name = self._source["file"]
            places = (name, PurePosixPath(name).name)
            candidates = [Path(mirror, f"{p}{s}") for p in places for s in CONTAINER_SUFFIXES]
            found = [str(file) for file in candidates if file.is_file()]
            yield from ((file, self._take) for file in found or [str(candidates[0])])
        yield from ((url, self._download) for url in self._source["urls"])

    def _take(self, origin: str) -> None:
        """Verify the content of a container and move it into place; other content is kept aside."""
        if not Path(origin).is_file():
            raise SourceError("no such file")
        wanted = self._source["sha256"]
        with temporary_file(self._filepath) as content:
            found = extract(Path(origin), self._source["file"], content)
            if found == wanted:
                content.replace(self._filepath)
                return
            rejected = self._reject(content)
            raise SourceError(
                f"other content, SHA-256 {found[:12]}… in place of {wanted[:12]}…, kept as"
                f" {rejected}"
            )

    def _download(self, url: str) -> None:
        """Take the file from an address; what came before a failure is gone on with later."""
        digest = hashlib.sha256(url.encode()).hexdigest()[:8]
        partial = self._filepath.with_name(f".{self._filepath.name}.{digest}.partial")
        try:
            download(url, partial, timeout_seconds=self._timeout_seconds)
        except BaseException:
            if partial.exists() and partial.stat().st_size == 0:
                partial.unlink()
            raise
        try:
            self._take(str(partial))
        finally:
            partial.unlink(missing_ok=True)

    def _reject(self, file: Path) -> Path:
        return file.replace(self._filepath.with_name(f"{self._filepath.name}.rejected"))

    def _describe(self) -> dict[str, Any]:
        return {
            "filepath": str(self._filepath),
            "source": None if self._own else self._source["file"],
        }
