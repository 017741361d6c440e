"""A source at a web address whose content may change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset

from crossfold.datasets.bases import ReadOnlyDataset
from crossfold.datasets.exceptions import DataError, SourceError
from crossfold.datasets.web_copy import WebCopy, shown

if TYPE_CHECKING:
    from kedro_datasets._typing import TablePreview


class WebSourceDataset(ReadOnlyDataset[Any]):
    """A dataset whose file is a copy of what a web address holds.

    ``kedro refresh`` asks the address whether its content has changed (ETag, else date), and
    copies it anew only then. `load` reads the copy, and fetches it only where there is none, so
    that all runs between two refreshes read the same.

    Parameters
    ----------
    url
        An address of the protocol http or https. Name and password may be in ``~/.netrc``.
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
        url: str,
        dataset: dict[str, Any],
        timeout_seconds: float = 30,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._url = url
        self._filepath = Path(dataset["filepath"])
        self.web_copy = WebCopy(url, self._filepath, timeout_seconds=timeout_seconds)
        self.metadata = metadata
        self._dataset = AbstractDataset.from_config(shown(url), dataset)

    def load(self) -> Any:
        """Read the copy; make it if there is none."""
        self.web_copy.ensure()
        try:
            return self._dataset.load()
        except DataError as error:
            raise SourceError(f"{self.web_copy} cannot be used: {error}") from error

    @property
    def pinned_sha256(self) -> str | None:
        """SHA-256 of what a look has found at the address and the copy has not, else None."""
        return self.web_copy.seen_sha256

    def stored_files(self) -> list[Path]:
        """Give the copy, if there is one."""
        return [self._filepath] if self._exists() else []

    def preview(self, nrows: int = 5) -> TablePreview:
        """Show the first rows, if there is a copy and its dataset can be previewed."""
        preview = getattr(self._dataset, "preview", None)
        return preview(nrows) if preview and self._exists() else {}

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "url": shown(self._url)}

    def _exists(self) -> bool:
        return self._filepath.is_file()
