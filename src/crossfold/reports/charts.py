"""Charts for any study: estimates with intervals, curves over epochs, and what each task needs.

They read the five tables of `crossfold.validation.tables`, and return figures of matplotlib.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    names: Mapping[str, str] | None = None,
    percent: bool = False,
    ranked: bool = True,
) -> Figure:
    """Draw estimates with their intervals as dots, one row for each label, metrics side by side.

    `table` has columns ``metric``, ``estimate``, ``low``, ``high`` and those that are named here:
    `label` tells the rows apart, in the order of the table, `series` dots of one row, if it is
    given. `panels` are the metrics; `bold` is the label that the report is about, `reference` a
    line where there would be no effect, `axis` what the axis of a single panel says, and `names`
    are those of labels and series as a reader knows them. Shares are printed as per cent where that
    is asked for; `ranked` panels say if higher or lower is better.
    """
    known = table[np.isfinite(table["estimate"].astype(float)) & table["metric"].isin(panels)]
    labels = [one for one in dict.fromkeys(table[label]) if one in set(known[label])][:MOST_ROWS]
    if not labels:
        return style.empty_figure("There is no figure to draw.")
    told = [None] if series is None else list(dict.fromkeys(known[series]))
    height = max(1.5, _ROW_INCHES * len(labels) * max(1.0, 0.6 * len(told)) + 1.1)
    figure, drawn = style.new_figure(height, 1, len(panels), sharey=True)
    for axes, metric in zip(drawn, panels, strict=True):
        dots(axes, known[known["metric"] == metric], label, labels, series, told, bold, names)
        title = (names or {}).get(metric, metric_name(metric).partition(" (")[0])
        axes.set_title(title if len(panels) > 1 else "")
        better = "lower is better" if metric in SMALLER_IS_BETTER else "higher is better"
        if len(panels) > 1:
            axes.set_xlabel(better if ranked else "", fontsize=10, loc="left")
        else:
            axes.set_xlabel(axis)
        axes.locator_params(axis="x", nbins=3 if len(panels) > 1 else 6)
        if percent:
            style.percent_axis(axes.xaxis)
        if reference is not None:
            axes.axvline(reference, color=style.GREY, linewidth=1.2, zorder=1)
    drawn[0].set_yticks(range(len(labels)), [_named(one, names) for one in labels])
    for text, one in zip(drawn[0].get_yticklabels(), labels, strict=True):
        text.set_fontweight("bold" if one == bold else "normal")
    if series is not None:
        style.name_series(figure, drawn[0])
    return figure


def dots(
    axes: Axes,
    table: pd.DataFrame,
    label: str,
    labels: Sequence[str],
    series: str | None,
    told: Sequence[Any],
    bold: str | None = None,
    names: Mapping[str, str] | None = None,
) -> None:
    """Draw the estimates of one panel of `estimates`, on axes of any figure."""
    style.shade_rows(axes, len(labels))
    offsets = np.linspace(-0.22, 0.22, len(told)) if len(told) > 1 else [0.0]
    for look, name, offset in zip(style.SERIES, told, offsets, strict=False):
        part = table if series is None else table[table[series] == name]
        part = part[part[label].isin(labels)]
        places = np.array([labels.index(one) for one in part[label]]) + offset
        axes.errorbar(
            part["estimate"], places, xerr=style.errors(part), capsize=2.5,
            label=None if name is None else _named(name, names), **{**look, "linestyle": "none"},
        )  # fmt: skip
        main = (part[label] == bold).to_numpy()
        if series is None and main.any():
            axes.plot(
                part["estimate"][main], places[main], "D", color=style.VERMILLION, markersize=8
            )


def lines(
    table: pd.DataFrame,
    x: str,
    *,
    series: str | None = None,
    panel: str | None = None,
    names: Mapping[str, str] | None = None,
    x_axis: str = "",
    y_axis: str = "",
    percent: bool = False,
    log: bool = False,
    share_y: bool = True,
    height: float = 2.7,
) -> Figure:
    """Draw curves, with their intervals as bands where there are any.

    `table` has columns `x` (numbers, such as ``epoch``), ``estimate``, those that are named here,
    and ``low`` and ``high`` for bands. `series` and `panel` tell curves and panels apart, in the
    order of the table; None is one. The first four series are drawn. `names` are those of series
    and panels as a reader knows them, `x_axis` and `y_axis` what the axes say; these are shares,
    printed as per cent, or logarithmic where that is asked for. `share_y` says whether all panels
    have the same axis; the height is of one row of panels, in inches.
    """
    from matplotlib.ticker import MaxNLocator

    def draw(axes: Axes, curve: pd.DataFrame, look: style.Look, name: str, _: float) -> None:
        ordered = curve.sort_values(x)
        axes.set_yscale("log" if log else "linear")
        if {"low", "high"} <= set(ordered):
            style.band(axes, ordered[x], ordered, look, name)
        else:
            style.line(axes, ordered[x], ordered["estimate"], look, name)

    known = table[np.isfinite(table["estimate"].astype(float))]
    figure, panels = _in_panels(known, draw, panel, series, names, (height, 0.4), y_axis, share_y)
    for axes in panels:
        axes.set_xlabel(x_axis or chart_label(x.replace("_", " ").capitalize()))
        if pd.api.types.is_integer_dtype(known[x]):
            axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        if log:
            style.plain_log_axis(axes.yaxis)
        elif percent:
            style.percent_axis(axes.yaxis)
    return figure


def _in_panels(
    table: pd.DataFrame,
    draw: Callable[[Axes, pd.DataFrame, style.Look, str, float], None],
    panel: str | None,
    series: str | None,
    names: Mapping[str, str] | None,
    height: tuple[float, float],
    y_axis: str,
    share_y: bool = True,
) -> tuple[Figure, list[Axes]]:
    """Draw each series of each panel, two panels a row; `height` is of a row, and what comes on it.

    `draw` takes the axes, the rows of the curve, its look and name, and its place around 0.
    """
    if table.empty:
        return style.empty_figure("There is no figure to draw."), []
    parts = [None] if panel is None else list(dict.fromkeys(table[panel]))
    drawn = [None] if series is None else list(dict.fromkeys(table[series]))[: len(style.SERIES)]
    n_columns = min(2, len(parts))
    n_rows = -(-len(parts) // n_columns)
    inches = height[0] * n_rows + height[1]
    figure, panels = style.new_figure(inches, n_rows, n_columns, sharey=share_y)
    for axes, part in zip(panels, parts, strict=False):
        rows = table if panel is None else table[table[panel] == part]
        for place, (look, one) in enumerate(zip(style.SERIES, drawn, strict=False)):
            curve = rows if series is None else rows[rows[series] == one]
            if len(curve):
                draw(axes, curve, look, _named(one, names), place - (len(drawn) - 1) / 2)
        axes.set_title("" if part is None else _named(part, names))
    for axes in panels[::n_columns] if share_y else panels:
        axes.set_ylabel(y_axis)
    for axes in panels[len(parts) :]:
        axes.set_visible(False)
    if series is not None:
        style.name_series(figure, panels[0])
    return figure, panels[: len(parts)]


def _named(one: object, names: Mapping[str, str] | None) -> str:
    return chart_label((names or {}).get(str(one), one), lines=2)


def effects(
    table: pd.DataFrame,
    panel: str,
    y_axis: str,
    *,
    series: str | None = None,
    names: Mapping[str, str] | None = None,
    percent: bool = False,
) -> Figure:
    """Draw what a model predicts by the value of a column, one panel a column.

    `table` has the columns `panel`, ``value`` (a number, or NaN where the column has levels),
    ``level``, ``estimate``, ``low``, ``high`` and `series`; the others are as in `lines`.
    """
    figure, panels = _in_panels(table, _effect, panel, series, names, (2.1, 0.3), y_axis)
    for axes in panels if percent else []:
        style.percent_axis(axes.yaxis)
    return figure


def _effect(axes: Axes, curve: pd.DataFrame, look: style.Look, name: str, place: float) -> None:
    """Draw numbers as a curve with its interval, and levels as dots."""
    from matplotlib.ticker import MaxNLocator

    if curve["value"].notna().all():
        drawn = curve.sort_values("value")
        style.band(axes, drawn["value"], drawn, look, name)
        is_whole = (drawn["value"] % 1 == 0).all()
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=is_whole))
        return
    places = np.arange(len(curve))
    axes.errorbar(
        places + 0.15 * place, curve["estimate"], yerr=style.errors(curve), capsize=2.5, label=name,
        **{**look, "linestyle": "none"},
    )  # fmt: skip
    axes.set_xticks(places, [chart_label(one, 14) for one in curve["level"]])
    if len(places) > 3:
        axes.tick_params(axis="x", rotation=40)
    axes.set_xlim(-0.5, len(places) - 0.5)
    axes.grid(axis="x", visible=False)


def over_epochs(
    history: pd.DataFrame, measures: Sequence[str], models: Sequence[str] | None = None
) -> pd.DataFrame:
    """Average measures of a table of the schema ``HISTORY`` over folds and members, for `lines`.

    Where models are named, rows are in the order of models and measures. The columns are ``model``,
    ``measure``, ``epoch``, ``estimate`` (mean), ``low`` and ``high`` (the middle 80 % of networks).
    """
    keys = ["model", "measure", "epoch"]
    known = history[history["measure"].isin(list(measures)) & np.isfinite(history["value"])]
    if models is not None:
        known = known[known["model"].isin(list(models))]
    values = known.astype({"model": str, "measure": str}).groupby(keys)["value"]
    ends = {"low": values.quantile(0.1), "high": values.quantile(0.9)}
    table = pd.DataFrame({"estimate": values.mean(), **ends}).reset_index()
    if models is None:
        return table
    order = {name: place for place, name in enumerate([*models, *measures])}
    return table.sort_values(keys[:2], key=lambda names: names.map(order), kind="stable")


def curves(
    history: pd.DataFrame, models: Sequence[str], names: Mapping[str, str] | None = None
) -> Figure:
    """Draw losses over epochs: the mean of all networks, and the range of the middle 80 %.

    `history` is a table of the schema ``HISTORY`` of one protocol. Of the models, by their names as
    a reader knows them, the first few are drawn.
    """
    shown = [model for model in models if (history["model"] == model).any()][:4]
    if not shown:
        return style.empty_figure("No network was trained.")
    table, names = over_epochs(history, list(_CURVES), shown), {**_CURVES, **(names or {})}
    return lines(table, "epoch", series="measure", panel="model", names=names)


def roc_and_pr(predictions: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw ROC and precision-recall curves of models of two classes, the first four, by name."""
    from sklearn.metrics import precision_recall_curve, roc_curve

    figure, (roc, pr) = style.new_figure(3.3, 1, 2)
    for look, (model, rows) in zip(style.SERIES, predictions.items(), strict=False):
        false_positive, true_positive, _ = roc_curve(rows["target"], rows["p1"])
        precision, recall, _ = precision_recall_curve(rows["target"], rows["p1"])
        style.line(roc, false_positive, true_positive, look, chart_label(model))
        # The last point of scikit-learn's is no threshold's; the first rows are few.
        style.line(pr, recall[:-1], precision[:-1], look, chart_label(model))
    prevalence = float(next(iter(predictions.values()))["target"].mean())
    roc.plot([0, 1], [0, 1], color=style.GREY, linewidth=1, label="Guessing")
    pr.axhline(prevalence, color=style.GREY, linewidth=1)
    roc.set(xlabel="False positive rate", ylabel="True positive rate", title="ROC")
    pr.set(xlabel="Recall", ylabel="Precision", title="Precision and recall", ylim=(0, 1.03))
    style.name_series(figure, roc)
    return figure


def reliability(bins: Mapping[str, pd.DataFrame], axis: str) -> Figure:
    """Draw observed against predicted shares with intervals; the diagonal is perfect.

    The tables of `crossfold.validation.calibration.reliability_curve` come by what they are of;
    `axis` says of what the observed share is.
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
    style.name_series(figure, axes, 3)
    return figure


def by_outcome(target: pd.Series, p: pd.Series, names: Sequence[str]) -> Figure:
    """Draw how the probabilities `p` of rows without and with the event are distributed.

    `target` is 0/1 of the same rows, `names` are those of the two outcomes.
    """
    edges = np.linspace(0, max(float(p.max()), 0.02), 41)
    figure, [axes] = style.new_figure(2.6)
    for look, outcome, name in zip(style.SERIES, (0, 1), names, strict=False):
        own = p[target == outcome]
        shares = np.histogram(own, edges)[0] / max(len(own), 1)
        text = f"{name} (n = {count(len(own))})"
        axes.stairs(
            shares, edges, color=look["color"], linestyle=look["linestyle"], lw=1.8, label=text
        )
    axes.set(xlabel="Predicted probability", ylabel="Share of rows", xlim=(0, edges[-1]))
    style.percent_axis(axes.xaxis)
    style.percent_axis(axes.yaxis)
    style.name_series(figure, axes)
    return figure


def capacity(table: pd.DataFrame, flagged_share: float) -> Figure:
    """Draw precision and recall by the share of rows called, riskiest first.

    `table` is that of `crossfold.validation.thresholds.capacity_table`, with intervals;
    `flagged_share` what the chosen thresholds flag.
    """
    figure, [axes] = style.new_figure(3.4)
    for look, metric in zip(style.SERIES, ("precision", "recall"), strict=False):
        style.band(axes, table["share"], _rate(table, metric), look, metric.capitalize())
    axes.axvline(flagged_share, color=style.BLACK, linewidth=1, linestyle=":", label="Flagged here")
    axes.set(xlabel="Share called, riskiest first", xlim=(0, 1.02), ylim=(0, 1.03))
    style.percent_axis(axes.xaxis)
    style.percent_axis(axes.yaxis)
    style.name_series(figure, axes, 3)
    return figure


def confusion(counts: NDArray[np.intp], names: Sequence[str]) -> Figure:
    """Draw a confusion matrix as shares of each true class; the rarest of many are left out.

    `counts` are of true by predicted class, shape ``(k, k)``; `names` are in the same order.
    """
    keep = np.sort(np.argsort(-counts.sum(axis=1), kind="stable")[:MOST_CLASSES])
    shown = counts[np.ix_(keep, keep)]
    shares = shown / np.maximum(counts.sum(axis=1)[keep], 1)[:, None]
    figure, [axes] = style.new_figure(1.6 + 0.38 * len(keep))
    texts = [[count(int(number)) if number else "" for number in row] for row in shown]
    heat_map(axes, shares, texts, [names[number] for number in keep])
    return figure


def heat_map(
    axes: Axes, shares: NDArray[Any], texts: Sequence[Sequence[str]], names: Sequence[str]
) -> None:
    """Draw shares of true (rows) and predicted classes as shades, each with its text upon it."""
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    k = len(names)
    for (row, column), share in np.ndenumerate(shares):
        look: dict[str, Any] = {"color": "white" if share > 0.5 else "black"}
        look |= {"ha": "center", "va": "center", "fontsize": 10 if k <= 12 else 9}
        if texts[row][column]:
            axes.text(column, row, texts[row][column], **look)
    labels = [chart_label(name, 18) for name in names]
    is_long = k > 3 and max(map(len, labels)) > 3
    axes.set_yticks(range(k), labels)
    turned: dict[str, Any] = {"rotation": 40, "ha": "right"} if is_long else {}
    axes.set_xticks(range(k), labels, rotation_mode="anchor", **turned)
    axes.set(xlabel="Predicted", ylabel="True")
    axes.grid(visible=False)


def class_rates(table: pd.DataFrame, **look: Any) -> Figure:
    """Draw precision and recall of each class with their intervals; `look` is of `estimates`."""
    rates = ("precision", "recall")
    long = [_rate(table, rate).assign(metric=rate) for rate in rates]
    return estimates(pd.concat(long), "class", rates, **look)


def _rate(table: pd.DataFrame, rate: str) -> pd.DataFrame:
    """Name a rate and the ends of its interval as charts read them."""
    ends = {"estimate": rate, "low": f"{rate}_low", "high": f"{rate}_high"}
    return table.assign(**{name: table[column] for name, column in ends.items()})


def predicted_and_true(predicted: NDArray[Any], true: NDArray[Any], name: str) -> Figure:
    """Draw predicted against true numbers, and what is missing against the predicted ones.

    Both have shape ``(n,)``; many rows are drawn as counts of cells. `name` is what is predicted.
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
    style.name_series(figure, panels[0])
    return figure


def _cloud(axes: Axes, x: NDArray[Any], y: NDArray[Any]) -> None:
    if len(x) > MOST_POINTS:
        axes.hexbin(x, y, gridsize=36, bins="log", mincnt=1, cmap="Greys", linewidths=0.1)
    else:
        axes.plot(x, y, "o", color=style.BLUE, markersize=3.5, alpha=0.5, markeredgewidth=0)


def bars(shares: pd.Series, axis: str) -> Figure:
    """Draw shares in [0, 1] of what `axis` says as labelled bars, by name; at most `MOST_ROWS`."""
    n_left_out, shares = len(shares[MOST_ROWS:]), shares[:MOST_ROWS]
    figure, [axes] = style.new_figure(0.3 * len(shares) + 0.65)
    places = range(len(shares))
    axes.barh(places, shares, color=style.BLUE, height=0.62)
    for place, share in zip(places, shares, strict=True):
        axes.text(share, place, f" {percent(share)}", va="center", fontsize=10)
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
