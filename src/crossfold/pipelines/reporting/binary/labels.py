"""Readable names of models, protocols, metrics and checks, one table for each."""

from collections.abc import Iterable

from crossfold.reports.words import plain

MODELS = {
    "prevalence": "Same risk for everyone",
    "same_day_flag": "Same-day flag alone",
    "logistic_regression": "Logistic regression",
    "random_forest": "Random forest",
    "hist_gradient_boosting": "Gradient boosting",
    "mlp_numpy": "MLP (NumPy)",
    "mlp_torch": "MLP (PyTorch)",
    "mlp_weighted": "MLP (class weights)",
    "mlp_focal": "MLP (focal loss)",
    "mlp_tuned": "Tuned MLP ensemble",
}

PROTOCOLS = {
    "grouped_k_fold": "Grouped folds",
    "time_split": "Time split",
    "permuted_labels": "Permuted labels",
}

METRICS = {
    "roc_auc": "ROC-AUC",
    "pr_auc": "PR-AUC",
    "brier": "Brier score",
    "log_loss": "Log loss",
    "expected_calibration_error": "Calibration error",
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "precision": "Precision",
    "recall": "Recall",
    "specificity": "Specificity",
    "rate": "Rate",
    "flagged_share": "Share flagged",
    "mean_prediction": "Mean prediction",
    "false_positive_rate": "False positive rate",
    "f1": "F1",
    "mcc": "Matthews correlation",
}

SCOPES = {"pooled": "All rows", "same_day": "Same day", "later": "Later days"}

EVERYONE = "Everyone"
TWINS = ("mlp_numpy", "mlp_torch")


def model_label(model: str) -> str:
    """Give the readable name of a model, or the name itself with spaces."""
    return MODELS.get(model, plain(model))


def model_in_text(model: str) -> str:
    """Give the readable name of a model as it stands inside a sentence."""
    label = model_label(model)
    return label if label.startswith("MLP") else label[0].lower() + label[1:]


def metric_label(metric: str) -> str:
    """Give the readable name of a metric, or the name itself with spaces."""
    return METRICS.get(metric, plain(metric))


def subgroup_label(group: str, level: str) -> str:
    """Give the name of a subgroup: ``Sex: Female``, or ``Everyone``."""
    return group if group == EVERYONE else f"{group}: {level}"


def in_order(models: Iterable[str]) -> list[str]:
    """Sort models as the label table lists them; others follow by name."""
    order = list(MODELS)
    return sorted(
        models, key=lambda name: (order.index(name) if name in order else len(order), name)
    )
