"""What models and columns are called in print."""

from __future__ import annotations

from crossfold.reports.words import plain

LOGISTIC, MLP, TUNED = "logistic_regression", "mlp", "mlp_tuned"
WITHOUT_QUALITY = "_without_quality"
SINGLE_SPLIT = 0
MODELS = {LOGISTIC: "Logistic regression", MLP: "MLP", TUNED: "MLP, tuned by grid search"}


def column_label(column: str) -> str:
    """Print the name of a column."""
    return "pH" if column == "ph" else plain(column)


def model_label(model: str) -> str:
    """Print the name of a model with its inputs."""
    inputs = "without quality" if model.endswith(WITHOUT_QUALITY) else "with quality"
    return f"{MODELS[model.removesuffix(WITHOUT_QUALITY)]}, {inputs}"


def layers_label(layers: list[int]) -> str:
    """Print a network's hidden layers: ``50-25``."""
    return "-".join(map(str, layers))
