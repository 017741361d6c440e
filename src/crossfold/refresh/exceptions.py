"""What can go wrong with a refresh."""

from crossfold.exceptions import CrossfoldError


class RefreshError(CrossfoldError):
    """A refresh cannot start, or could not do all of its work."""
