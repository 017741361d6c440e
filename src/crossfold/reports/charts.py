"""Charts for any study: estimates with intervals, curves over epochs, and what each task needs.

They read the five tables of `crossfold.validation.tables`, and return figures of matplotlib.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.reports import style
from crossfold.reports.tables import metric_name
from crossfold.reports.words import chart_label, count, percent
from crossfold.validation.estimates import SMALLER_IS_BETTER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Rows = Mapping[str, pd.DataFrame]

MOST_ROWS = 20
MOST_CLASSES = 20
MOST_POINTS = 500
_ROW_INCHES = 0.34
_LOOKS_OF_BINS = (
    {**style.SECOND, "linestyle": "none", "fillstyle": "none"},
    {**style.MAIN, "linestyle": "none", "markersize": 6},
)
_CURVES = {"train_loss": "Training loss", "validation_loss": "Validation loss"}


def estimates(
    table: pd.DataFrame,
    label: str,
    panels: Sequence[str],
    *,
    series: str | None = None,
    bold: str | None = None,
    reference: float | None = None,
    axis: str = "",
) -> Figure:
    """Draw estimates with their intervals as dots, one row for each label.

    Parameters
    ----------
    table
        Columns ``metric``, ``estimate``, ``low``, ``high`` and those that are named here.
    label
        Column that tells the rows apart; their order is that of the table.
    panels
        Metrics, side by side.
    series
        Column that tells dots of one row apart, or None.
    bold
        Label that the report is about.
    reference
        Where there would be no effect: a line.
    axis
        What the axis of a single panel says.
    """
    known = table[np.isfinite(table["estimate"].astype(float)) & table["metric"].isin(panels)]
    labels = [one for one in dict.fromkeys(table[label]) if one in set(known[label])][:MOST_ROWS]
    if not labels:
        return style.empty_figure("There is no figure to draw.")
    names = [None] if series is None else list(dict.fromkeys(known[series]))
    height = max(1.5, _ROW_INCHES * len(labels) * max(1.0, 0.6 * len(names)) + 1.1)
    figure, drawn = style.new_figure(height, 1, len(panels), sharey=True)
    for axes, metric in zip(drawn, panels, strict=True):
        _dots(axes, known[known["metric"] == metric], label, labels, series, names, bold)
        axes.set_title(metric_name(metric) if len(panels) > 1 else "")
        better = "lower is better" if metric in SMALLER_IS_BETTER else "higher is better"
        if len(panels) > 1:
            axes.set_xlabel(better, fontsize=9, loc="left")
        else:
            axes.set_xlabel(axis)
        axes.locator_params(axis="x", nbins=3 if len(panels) > 1 else 6)
        if reference is not None:
            axes.axvline(reference, color=style.GREY, linewidth=1.2, zorder=1)
    drawn[0].set_yticks(range(len(labels)), [chart_label(one) for one in labels])
    for text, one in zip(drawn[0].get_yticklabels(), labels, strict=True):
        text.set_fontweight("bold" if one == bold else "normal")
    if series is not None:
        style.legend_below(figure, drawn[0])
    return figure


def _dots(
    axes: Axes,
    table: pd.DataFrame,
    label: str,
    labels: Sequence[str],
    series: str | None,
    names: Sequence[Any],
    bold: str | None,
) -> None:
    style.shade_rows(axes, len(labels))
    offsets = np.linspace(-0.22, 0.22, len(names)) if len(names) > 1 else [0.0]
    for look, name, offset in zip(style.SERIES, names, offsets, strict=False):
        part = table if series is None else table[table[series] == name]
        part = part[part[label].isin(labels)]
        places = np.array([labels.index(one) for one in part[label]]) + offset
        axes.errorbar(
            part["estimate"], places, xerr=style.errors(part), capsize=2.5,
            label=None if name is None else chart_label(name), **{**look, "linestyle": "none"},
        )  # fmt: skip
        main = (part[label] == bold).to_numpy()
        if series is None and main.any():
            axes.plot(
                part["estimate"][main], places[main], "D", color=style.VERMILLION, markersize=8
            )


def curves(history: pd.DataFrame, models: Sequence[str]) -> Figure:
    """Draw losses over epochs: the mean of all networks, and the range of the middle 80 %.

    Parameters
    ----------
    history
        Table of the schema ``HISTORY`` of one protocol.
    models
        In the order of their panels; the first few are drawn.
    """
    from matplotlib.ticker import MaxNLocator

    shown = history[history["measure"].isin(list(_CURVES)) & np.isfinite(history["value"])]
    models = [model for model in models if (shown["model"] == model).any()][:4]
    if not models:
        return style.empty_figure("No network was trained.")
    n_columns = min(2, len(models))
    n_rows = -(-len(models) // n_columns)
    figure, panels = style.new_figure(2.5 * n_rows + 0.5, n_rows, n_columns, sharey=True)
    for axes, model in zip(panels, models, strict=False):
        _losses(axes, shown[shown["model"] == model])
        axes.set_title(chart_label(model))
        axes.set_xlabel("Epoch")
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    for axes in panels[len(models) :]:
        axes.set_visible(False)
    style.legend_below(figure, panels[0])
    return figure


def _losses(axes: Axes, history: pd.DataFrame) -> None:
    for look, (measure, name) in zip(style.SERIES, _CURVES.items(), strict=False):
        of_epoch = history.loc[history["measure"] == measure].groupby("epoch")["value"]
        if len(of_epoch):
            low, high = of_epoch.quantile(0.1), of_epoch.quantile(0.9)
            line = pd.DataFrame({"estimate": of_epoch.mean(), "low": low, "high": high})
            style.band(axes, line.index.to_series(), line, look, name)


def roc_and_pr(predictions: Rows) -> Figure:
    """Draw ROC and precision-recall curves of models of two classes, side by side.

    Parameters
    ----------
    predictions
        Of each model, by its name; the first four are drawn.
    """
    from sklearn.metrics import precision_recall_curve, roc_curve

    figure, (roc, pr) = style.new_figure(3.3, 1, 2)
    for look, (model, rows) in zip(style.SERIES, predictions.items(), strict=False):
        y, p = rows["target"].to_numpy(), rows["p1"].to_numpy()
        false_positive, true_positive, _ = roc_curve(y, p)
        precision, recall, _ = precision_recall_curve(y, p)
        style.line(roc, false_positive, true_positive, look, chart_label(model))
        # The last point of scikit-learn's is no threshold's; the first rows are few.
        style.line(pr, recall[:-1], precision[:-1], look, chart_label(model))
    prevalence = float(next(iter(predictions.values()))["target"].mean())
    roc.plot([0, 1], [0, 1], color=style.GREY, linewidth=1, label="Guessing")
    pr.axhline(prevalence, color=style.GREY, linewidth=1)
    roc.set(xlabel="False positive rate", ylabel="True positive rate", title="ROC")
    pr.set(xlabel="Recall", ylabel="Precision", title="Precision and recall", ylim=(0, 1.03))
    style.legend_below(figure, roc)
    return figure


def reliability(bins: Mapping[str, pd.DataFrame], axis: str) -> Figure:
    """Draw observed against predicted shares with intervals; the diagonal is perfect.

    Parameters
    ----------
    bins
        Tables of `crossfold.validation.reliability_curve`, by what they are of.
    axis
        What the observed share is of.
    """
    figure, [axes] = style.new_figure(3.6)
    for look, (name, table) in zip(_LOOKS_OF_BINS[-len(bins) :], bins.items(), strict=False):
        axes.errorbar(
            table["mean_predicted"], table["observed"], style.errors(table, "observed"),
            label=name, capsize=2, **look,
        )  # fmt: skip
    axes.plot([0, 1], [0, 1], color=style.GREY, linewidth=1, label="Perfect", zorder=1)
    axes.set(xlabel="Predicted", ylabel=axis, xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    style.percent_axis(axes.xaxis)
    style.percent_axis(axes.yaxis)
    style.legend_below(figure, axes, 3)
    return figure


def capacity(table: pd.DataFrame, flagged_share: float) -> Figure:
    """Draw precision and recall by the share of rows called, riskiest first.

    Parameters
    ----------
    table
        Of `crossfold.validation.capacity_table`, with intervals.
    flagged_share
        Share that the chosen thresholds flag.
    """
    figure, [axes] = style.new_figure(3.4)
    for look, metric in zip(style.SERIES, ("precision", "recall"), strict=False):
        bounds = table[[metric, f"{metric}_low", f"{metric}_high"]]
        line = bounds.set_axis(["estimate", "low", "high"], axis=1)
        style.band(axes, table["share"], line, look, metric.capitalize())
    axes.axvline(flagged_share, color=style.BLACK, linewidth=1, linestyle=":", label="Flagged here")
    axes.set(xlabel="Share called, riskiest first", xlim=(0, 1.02), ylim=(0, 1.03))
    style.percent_axis(axes.xaxis)
    style.percent_axis(axes.yaxis)
    style.legend_below(figure, axes, 3)
    return figure


def confusion(counts: NDArray[np.intp], names: Sequence[str]) -> Figure:
    """Draw a confusion matrix as shares of each true class; the rarest of many are left out.

    Parameters
    ----------
    counts
        True class by predicted class, shape ``(k, k)``.
    names
        Of the classes, in the same order.
    """
    keep = np.sort(np.argsort(-counts.sum(axis=1), kind="stable")[:MOST_CLASSES])
    shown = counts[np.ix_(keep, keep)]
    shares = shown / np.maximum(counts.sum(axis=1)[keep], 1)[:, None]
    k = len(keep)
    figure, [axes] = style.new_figure(min(6.2, 1.6 + 0.38 * k))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    size = 10 if k <= 8 else 8 if k <= 12 else 6
    for (row, column), number in np.ndenumerate(shown):
        if number:
            shade = "white" if shares[row, column] > 0.5 else "black"
            place: dict[str, Any] = {
                "ha": "center",
                "va": "center",
                "color": shade,
                "fontsize": size,
            }
            axes.text(column, row, count(int(number)), **place)
    labels = [chart_label(names[number], 18) for number in keep]
    axes.set_yticks(range(k), labels, fontsize=max(size, 8))
    axes.set_xticks(
        range(k), labels, fontsize=max(size, 8), rotation=40 if k > 3 else 0,
        ha="right" if k > 3 else "center", rotation_mode="anchor",
    )  # fmt: skip
    axes.set(xlabel="Predicted", ylabel="True")
    axes.grid(visible=False)
    return figure


def predicted_and_true(predicted: NDArray[Any], true: NDArray[Any], name: str) -> Figure:
    """Draw predicted against true numbers, and what is missing against the predicted ones.

    Parameters
    ----------
    predicted, true
        Shape ``(n,)``; many rows are drawn as counts of cells.
    name
        Of what is predicted.
    """
    figure, panels = style.new_figure(3.4, 1, 2)
    _cloud(panels[0], predicted, true)
    _cloud(panels[1], predicted, true - predicted)
    ends = [float(min(predicted.min(), true.min())), float(max(predicted.max(), true.max()))]
    panels[0].plot(ends, ends, color=style.VERMILLION, linestyle="--", label="Perfect")
    panels[1].axhline(0, color=style.VERMILLION, linestyle="--")
    panels[0].set(xlabel="Predicted", ylabel=chart_label(name), title="True by predicted")
    panels[1].set(xlabel="Predicted", ylabel="True − predicted", title="Residuals")
    for axes in panels:
        axes.locator_params(nbins=5)
    style.legend_below(figure, panels[0])
    return figure


def _cloud(axes: Axes, x: NDArray[Any], y: NDArray[Any]) -> None:
    if len(x) > MOST_POINTS:
        axes.hexbin(x, y, gridsize=36, bins="log", mincnt=1, cmap="Greys", linewidths=0.1)
    else:
        axes.plot(x, y, "o", color=style.BLUE, markersize=3.5, alpha=0.5, markeredgewidth=0)


def bars(shares: pd.Series, axis: str, n_left_out: int = 0) -> Figure:
    """Draw shares in [0, 1] as labelled bars.

    Parameters
    ----------
    shares
        By name, in the order of drawing.
    axis
        What they are shares of.
    n_left_out
        How many more there are.
    """
    figure, [axes] = style.new_figure(0.3 * len(shares) + 0.65)
    places = range(len(shares))
    axes.barh(places, shares, color=style.BLUE, height=0.62)
    for place, share in zip(places, shares, strict=True):
        axes.text(share, place, f" {percent(share)}", va="center", fontsize=9)
    axes.set_yticks(places, [chart_label(name) for name in shares.index])
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set_xlim(0, min(1.18, float(shares.max()) * 1.2 or 1))
    axes.set_xlabel(f"{axis}; {n_left_out} more are not drawn" if n_left_out else axis)
    style.percent_axis(axes.xaxis)
    return figure


def histogram(values: pd.Series, name: str) -> Figure:
    """Draw how numbers are distributed."""
    known = values.dropna().to_numpy(dtype=float)
    figure, [axes] = style.new_figure(2.4)
    axes.hist(known, bins=min(40, max(8, len(known) // 12)), color=style.BLUE, edgecolor="white")
    axes.set(xlabel=chart_label(name, 40), ylabel="Rows")
    axes.yaxis.set_major_formatter(lambda value, _: count(value))
    return figure
