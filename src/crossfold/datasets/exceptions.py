"""What can go wrong with stored data, as errors that both Kedro and the command line know."""

from kedro.io import DatasetError

from crossfold.exceptions import CrossfoldError


class DataError(CrossfoldError, DatasetError):
    """Stored data cannot be read or written."""


class SourceError(DataError):
    """A source file cannot be fetched, or is not the file it should be."""


class ExportError(DataError):
    """A CSV export cannot be read."""
