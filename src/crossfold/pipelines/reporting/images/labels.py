"""Readable names of models, experiments, regimes and measures."""

import pandas as pd

from crossfold.pipelines.reporting.formatting import MISSING, plain

STRONG = "strong"
SOURCE, STANDARD = "source", "standard"
MODELS = {STRONG: "Strong MLP", "twin_numpy": "Twin (NumPy)", "twin_torch": "Twin (PyTorch)"}
REGIMES = {"full_batch": "Full batch", "mini_batch": "Mini-batches"}
FRAMEWORKS = {"numpy": "NumPy", "torch": "PyTorch"}
WORDS = {"relu": "ReLU", "he": "Kaiming", "kaiming": "Kaiming", "xavier": "Xavier"}
MEASURES = {
    "train_loss": "Training loss",
    "validation_loss": "Validation loss",
    "train_accuracy": "Training accuracy",
    "validation_accuracy": "Accuracy",
    "validation_precision": "Precision",
    "validation_recall": "Recall",
    "validation_f1": "F1",
}
PARTS = {"train": "Training", "validation": "Validation", "test": "Test"}


def model_id(regime: str, experiment: str) -> str:
    """Give the name under which an experiment's predictions are kept."""
    return f"{regime}/{experiment}"


def model_label(model: str) -> str:
    """Give the readable name of a model: ``Experiment 7, full batch``."""
    regime, slash, experiment = model.partition("/")
    if slash:
        return f"{experiment_label(experiment)}, {regime_label(regime).lower()}"
    return MODELS.get(model, plain(model))


def experiment_label(experiment: str) -> str:
    """Give the readable name of an experiment: ``Experiment 7``, or ``ReLU two layers``."""
    if experiment.isdigit():
        return f"Experiment {experiment}"
    words = [WORDS.get(word, word) for word in experiment.split("_")]
    return " ".join([words[0][0].upper() + words[0][1:], *words[1:]])


def regime_label(regime: str) -> str:
    """Give the readable name of a regime, or the name itself with spaces."""
    return REGIMES.get(regime, plain(regime))


def setting(name: str) -> str:
    """Give the readable name of an activation or a start, as it stands inside a sentence."""
    return WORDS.get(name, name)


def settings(experiment: "pd.Series[object]") -> str:
    """Describe how an experiment starts and what its hidden layers are: ``Xavier, ReLU``."""
    words = [setting(str(experiment["init"])), setting(str(experiment["activation"]))]
    if experiment["dropout"]:
        words.append(f"dropout {experiment['dropout']:g}")
    return ", ".join(words)


def dropout_label(rate: float) -> str:
    """Print a dropout rate; a dash where there is none."""
    return f"{rate:g}" if rate else MISSING
