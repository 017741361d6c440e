"""What can go wrong with a refresh."""

from click import ClickException


class RefreshError(ClickException):
    """An error that a user can cause and mend; Kedro's command line prints its one sentence."""
