"""How models, protocols and figures are called in the report."""

from __future__ import annotations

from collections.abc import Iterable

from crossfold.reports.words import plain
from crossfold.templates.cross_validation.folds import K_FOLD, LEAVE_ONE_OUT, ORIGINAL_SPLIT

MODELS = {
    "mlp": "Network, chosen probes",
    "mlp_down_sampled": "… with down-sampling",
    "mlp_smote": "… with SMOTE",
    "mlp_weighted": "… with class weights",
    "mlp_all_probes": "Network, all probes",
    "shrunken_centroids": "Nearest shrunken centroids",
    "linear_svm": "Linear SVM",
    "logistic_regression": "Logistic regression",
    "prevalence": "Always the larger class",
}
PROTOCOLS = {
    LEAVE_ONE_OUT: "Leave-one-out",
    K_FOLD: "Repeated k-fold",
    ORIGINAL_SPLIT: "Original split",
}
METRICS = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "f1": "F1",
    "mcc": "MCC",
    "pr_auc": "PR-AUC",
    "roc_auc": "ROC-AUC",
    "recall": "AML found",
    "specificity": "ALL left alone",
}
SAMPLERS = {"none": "As they are", "down_sampling": "Down-sampling", "smote": "SMOTE"}
CONTROLS = {"selection": "Choice of probes", "smote": "SMOTE"}
CLASSES = ("ALL", "AML")


def model_label(name: str) -> str:
    """Name a model."""
    return MODELS.get(name, plain(name))


def metric_label(name: str) -> str:
    """Name a metric."""
    return METRICS.get(name, plain(name))


def in_order(models: Iterable[str]) -> list[str]:
    """Put models in the order of the report; those it does not know come last."""
    names = [str(model) for model in models]
    order = list(MODELS)
    return sorted(names, key=lambda name: order.index(name) if name in order else len(order))
