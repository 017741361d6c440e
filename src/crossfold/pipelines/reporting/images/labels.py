"""Readable names of models, experiments, regimes and measures."""

from collections.abc import Mapping

from crossfold.pipelines.reporting.formatting import plain

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


def model_id(regime: str, experiment: str) -> str:
    """Give the name under which an experiment's predictions are kept."""
    return f"{regime}/{experiment}"


def model_label(model: str) -> str:
    """Give the readable name of a model: ``Experiment 7, full batch``."""
    regime, slash, experiment = model.partition("/")
    if slash:
        return f"{experiment_label(experiment)}, {regime_label(regime).lower()}"
    if model.startswith(TWIN):
        framework, _, regime = model.removeprefix(TWIN).partition("_")
        twin = f"{FRAMEWORKS.get(framework, framework)} twin"
        return f"{twin}, {regime_label(regime).lower()}" if regime else twin
    return STRONG_LABEL if model == STRONG else plain(model)


def pair_label(model_a: str, model_b: str) -> str:
    """Give the readable name of a pair, shortened by what both share."""
    (regime_a, _, a), (regime_b, _, b) = model_a.partition("/"), model_b.partition("/")
    if a and a == b:
        return experiment_label(a)
    if a and b and regime_a == regime_b:
        return f"{experiment_label(a)} and {experiment_label(b)}, {regime_label(regime_a).lower()}"
    return f"{model_label(model_a)} and {model_label(model_b)}"


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
