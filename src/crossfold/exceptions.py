"""The root of crossfold's exceptions."""


class CrossfoldError(Exception):
    """An error that a user can cause and mend.

    Its message is one sentence that says what is wrong, where, and what to do; the command line
    prints it without a traceback and exits with status 1.
    """
