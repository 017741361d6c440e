"""Figures of the training: the twins beside each other, weighted beside plain loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crossfold.pipelines.reporting.binary.labels import TWINS, metric_label, model_label
from crossfold.pipelines.reporting.binary.lookup import GROUPED, find, select
from crossfold.reports import style
from crossfold.reports.words import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLAIN_AND_WEIGHTED = ("mlp_numpy", "mlp_weighted")
MEASURES = {
    "train_loss": "Training loss",
    "validation_loss": "Validation loss",
    "validation_f1": "F1 at 0.4",
    "validation_f1_best": "Best F1",
    "seconds": "Seconds",
}


def twin_training(epochs: pd.DataFrame) -> Figure:
    """Draw loss, F1 and time over epochs of the NumPy and the PyTorch network."""
    measures = ("validation_loss", "validation_f1", "seconds")
    return _over_epochs(epochs, TWINS, measures, 6.6)


def loss_weighting(epochs: pd.DataFrame) -> Figure:
    """Draw loss and F1 over epochs under the plain and the weighted loss."""
    measures = ("train_loss", "validation_loss", "validation_f1", "validation_f1_best")
    figure = _over_epochs(epochs, PLAIN_AND_WEIGHTED, measures, 8.6)
    titles = {
        0: "The two losses are on different scales",
        2: "At one threshold for both",
        3: "Each at its own best threshold",
    }
    for panel, title in titles.items():
        figure.axes[panel].set_title(title)
    return figure


def twin_curves(curves: pd.DataFrame, metrics_table: pd.DataFrame) -> Figure:
    """Draw the ROC and the precision-recall curve of the twins over each other."""
    figure, panels = style.new_figure(8.4, 2)
    panels[0].plot([0, 1], [0, 1], color=style.GREY, linewidth=1)
    _twin_panel(panels[0], curves[curves["curve"] == "roc"], metrics_table, "roc_auc")
    panels[0].set(xlabel="False positive rate", ylabel="True positive rate")
    _twin_panel(panels[1], curves[curves["curve"] == "pr"], metrics_table, "pr_auc")
    panels[1].set(xlabel="Recall", ylabel="Precision")
    panels[0].set_title(
        f"Out-of-fold predictions, n = {count(select(metrics_table, GROUPED)['n'].max())}"
    )
    return figure


def _twin_panel(axes: Axes, curves: pd.DataFrame, metrics_table: pd.DataFrame, metric: str) -> None:
    for model, look in zip(TWINS, style.PAIR, strict=True):
        part = curves[curves["model"] == model]
        area = find(metrics_table, model, metric)
        label = f"{model_label(model)}\n{metric_label(metric)} {area}"
        style.line(axes, part["x"], part["y"], look, label)
    axes.set(xlim=(0, 1), ylim=(0, 1.01))
    axes.legend(loc="lower right" if metric == "roc_auc" else "upper right")


def _over_epochs(
    epochs: pd.DataFrame, models: tuple[str, ...], measures: tuple[str, ...], height: float
) -> Figure:
    """Draw the mean over folds of each measure, one panel each, with the range as a band."""
    figure, panels = style.new_figure(height, len(measures), sharex=True)
    for axes, measure in zip(panels, measures, strict=True):
        for model, look in zip(models, style.PAIR, strict=True):
            part = epochs[(epochs["model"] == model) & (epochs["measure"] == measure)]
            style.band(axes, part["epoch"], part, look, model_label(model))
        axes.set_ylabel(MEASURES[measure])
    panels[-1].xaxis.get_major_locator().set_params(integer=True)
    panels[-1].set_xlabel(f"Epoch (line: mean of {_folds(epochs)} folds, band: their range)")
    style.legend_below(figure, panels[0])
    return figure


def _folds(epochs: pd.DataFrame) -> int:
    return int(epochs["folds"].max()) if len(epochs) else 0
