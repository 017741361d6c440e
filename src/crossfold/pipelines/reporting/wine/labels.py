"""What models and columns are called in print."""

from crossfold.pipelines.modelling.wine.inputs import LOGISTIC, MLP, TUNED
from crossfold.reports.words import plain

MODELS = {LOGISTIC: "Logistic regression", MLP: "MLP", TUNED: "MLP, tuned by grid search"}


def column_label(column: str) -> str:
    """Print the name of a column."""
    return "pH" if column == "ph" else plain(column)


def pair_label(name: str) -> str:
    """Print the name of a model with its inputs."""
    model, inputs = name.split(", ", 1)
    return f"{MODELS[model]}, {inputs}"
