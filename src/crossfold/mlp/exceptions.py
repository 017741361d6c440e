"""What can go wrong in `crossfold.mlp`, as a small tree under `CrossfoldError`."""

from crossfold.exceptions import CrossfoldError


class MLPError(CrossfoldError):
    """An error of the MLP library that its user can mend."""


class ParameterError(MLPError, ValueError):
    """An argument of an estimator is not allowed, alone or beside another."""


class DataError(MLPError, ValueError):
    """Inputs, targets, weights or folds do not fit each other."""


class DivergenceError(MLPError, ValueError):
    """Training ended with weights that are not finite."""


class ModelFileError(MLPError, ValueError):
    """A model file is damaged, foreign, or cannot hold what is to be saved."""


class WorkerError(MLPError, RuntimeError):
    """Processes or machines that were to train died."""
