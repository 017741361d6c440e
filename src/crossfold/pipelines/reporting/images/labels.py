"""Readable names of models, experiments, regimes and measures."""

from collections.abc import Mapping

from crossfold.reports.words import plain

STRONG, STRONG_LABEL = "strong", "Strong MLP"
TWIN = "twin_"
TWIN_SHOWN = "twin_torch"
SOURCE, STANDARD = "source", "standard"
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


def model_label(model: str) -> str:
    """Give the readable name of a model: ``Experiment 7, full batch``."""
    name, regime = _name_and_regime(model)
    return f"{name}, {regime}" if regime else name


def pair_label(model_a: str, model_b: str) -> str:
    """Give the readable name of a pair, shortened by what both share."""
    (a, regime_a), (b, regime_b) = _name_and_regime(model_a), _name_and_regime(model_b)
    if a == b:
        return a
    if regime_a == regime_b:
        return f"{a} and {b}, {regime_a}" if regime_a else f"{a} and {b}"
    return f"{model_label(model_a)} and {model_label(model_b)}"


def _name_and_regime(model: str) -> tuple[str, str]:
    """Split a model into its readable name and the regime where it is part of the name."""
    regime, slash, experiment = model.partition("/")
    if slash:
        return experiment_label(experiment), regime_label(regime).lower()
    if model.startswith(TWIN):
        framework, _, regime = model.removeprefix(TWIN).partition("_")
        name = f"{FRAMEWORKS.get(framework, framework)} twin"
        return name, regime_label(regime).lower() if regime else ""
    return STRONG_LABEL if model == STRONG else plain(model), ""


def experiment_label(experiment: str) -> str:
    """Give the readable name of an experiment: ``Experiment 7``, or ``ReLU two layers``."""
    if experiment.isdigit():
        return f"Experiment {experiment}"
    words = [WORDS.get(word, word) for word in experiment.split("_")]
    return " ".join([words[0][0].upper() + words[0][1:], *words[1:]])


def regime_label(regime: str, split: str = SOURCE) -> str:
    """Give the readable name of a regime, and of the split where that is the standard one."""
    name = REGIMES.get(regime, plain(regime))
    return f"{name}, standard split" if split == STANDARD else name


def setting(name: str) -> str:
    """Give the readable name of an activation or a start, as it stands inside a sentence."""
    return WORDS.get(name, name)


def settings(experiment: Mapping[str, object]) -> str:
    """Describe how an experiment starts and what its hidden layers are: ``Xavier, ReLU``."""
    words = [setting(str(experiment["init"])), setting(str(experiment["activation"]))]
    if experiment["dropout"]:
        words.append(f"dropout {experiment['dropout']:g}")
    return ", ".join(words)
