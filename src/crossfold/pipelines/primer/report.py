"""Figures, tables and words of the primer's page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crossfold.pipelines.primer.first_network import TRAIN
from crossfold.pipelines.primer.logistic import (
    BY_HAND,
    LIBRARY,
    REFERENCE,
    STOPPED,
    LogisticParameters,
)
from crossfold.reports import charts, style
from crossfold.reports.words import count, fitting
from crossfold.templates.cross_validation.parameters import IntervalParameters
from crossfold.templates.wiring import by_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MEASURES = {
    "train_loss": "Points learnt from",
    "validation_loss": "Points set aside",
    "train_score": "Points learnt from",
    "validation_score": "Points set aside",
}


def first_steps(logistic_steps: pd.DataFrame, logistic: LogisticParameters) -> pd.DataFrame:
    """Take the first steps of logistic regression, as a table to follow by hand."""
    return logistic_steps.head(logistic.first_steps + 1)


def network_first_steps(network_steps: pd.DataFrame) -> pd.DataFrame:
    """Turn the first network's steps over: one line a weight is easier to follow."""
    steps = network_steps.set_index("step").T.reset_index(names="quantity")
    return steps.rename(columns={one: f"step {one}" for one in network_steps["step"]})


def network_weights(network_epochs: pd.DataFrame) -> pd.DataFrame:
    """Take every weight of the first network after each epoch, one line a weight."""
    weights = network_epochs.set_index("epoch").filter(regex=r"^[wb]\d").T
    return weights.add_prefix("epoch ").reset_index(names="weight")


def probabilities(logistic_comparison: pd.DataFrame) -> pd.DataFrame:
    """Put the probabilities of all trainings side by side, without the weights."""
    return logistic_comparison.filter(regex="^(source|epochs|row )")


def trained_weights(
    logistic_comparison: pd.DataFrame, longer_training: pd.DataFrame
) -> pd.DataFrame:
    """Put the weights of all trainings side by side, with the loss of those by hand."""
    losses = longer_training.set_index("epoch")["loss"]
    table = logistic_comparison.filter(regex="^(source|epochs|w|b$)")
    by_hand = table["source"] == BY_HAND
    return table.assign(loss=table["epochs"].map(losses).where(by_hand))


def confusion(toy: pd.DataFrame, logistic_comparison: pd.DataFrame) -> Figure:
    """Draw what the six rows are, and what the training by hand says of them."""
    said = logistic_comparison.filter(like="row ").iloc[0].to_numpy(dtype=float) >= 0.5
    cells = toy["label"].to_numpy(dtype=int) * 2 + said
    return charts.confusion(np.bincount(cells, minlength=4).reshape(2, 2), ["label 0", "label 1"])


def logistic_loss(history: pd.DataFrame) -> Figure:
    """Draw the loss of every epoch."""
    own = history[(history["model"] == "logistic_by_hand") & (history["measure"] == "train_loss")]
    table = own.rename(columns={"value": "estimate"})
    return charts.lines(table, "epoch", x_axis="Epoch (full batch, 6 rows)", y_axis="Loss")


def growing_weights(longer_training: pd.DataFrame, logistic_comparison: pd.DataFrame) -> Figure:
    """Draw the length of the weights and the loss over many epochs, and where training may stop."""
    figure, panels = style.new_figure(4.6, 2, sharex=True)
    for axes, column, look in zip(panels, ("length", "loss"), style.SERIES, strict=False):
        style.line(axes, longer_training["epoch"], longer_training[column], look, "")
        axes.axvline(stopped(logistic_comparison), color=style.GREY, linewidth=1.2, linestyle=":")
    panels[0].set_ylabel("Length of the weights")
    panels[0].annotate(
        "early stopping", (stopped(logistic_comparison), 1), xycoords=("data", "axes fraction"),
        xytext=(-4, -4), textcoords="offset points", ha="right", va="top", fontsize=9.5,
    )  # fmt: skip
    panels[1].set(ylabel="Loss", yscale="log", xscale="log", xlabel="Epoch")
    style.plain_log_axis(panels[1].yaxis)
    return figure


def stopped(logistic_comparison: pd.DataFrame) -> int:
    """Find the epoch at which training stops early."""
    return int(logistic_comparison.set_index("source")["epochs"].loc[STOPPED])


def draw_probabilities(logistic_comparison: pd.DataFrame) -> Figure:
    """Draw the probability of each row by hand, by crossfold and by scikit-learn."""
    shown = logistic_comparison.drop_duplicates("source").set_index("source")
    figure, [axes] = style.new_figure(3.2)
    rows = [name for name in shown.columns if name.startswith("row ")]
    sources = (BY_HAND, LIBRARY, STOPPED, REFERENCE)
    for number, (source, look) in enumerate(zip(sources, style.SERIES, strict=True)):
        places = np.arange(1, len(rows) + 1) + 0.14 * (number - 1.5)
        mark = {**look, "linestyle": "none", "markersize": 7}
        axes.plot(places, shown.loc[source, rows].to_numpy(dtype=float), label=source, **mark)
    axes.axhline(0.5, color=style.GREY, linewidth=1)
    axes.set(ylim=(0, 1), xlabel="Row of the table", ylabel="Probability of label 1")
    style.name_series(figure, axes)
    return figure


def first_network(history: pd.DataFrame) -> Figure:
    """Draw error and accuracy of both parts over epochs."""
    own = history[history["model"] == "network_by_hand"].rename(columns={"value": "estimate"})
    measure = own["measure"].astype("str")
    panels = {"loss": "Mean squared error", "score": "Accuracy"}
    table = own.assign(part=measure.map(MEASURES), panel=measure.str.split("_").str[1].map(panels))
    return charts.lines(
        table.sort_values("panel", ascending=False, kind="stable"), "epoch", series="part",
        panel="panel", x_axis="Epoch (0: before training)", share_y=False,
    )  # fmt: skip


def weights_by_epoch(network_epochs: pd.DataFrame) -> Figure:
    """Draw every weight of the first network over the epochs."""
    long = network_epochs.filter(regex=r"^(epoch$|[wb]\d)").melt("epoch", value_name="estimate")
    table = long.assign(
        unit=long["variable"].str.extract(r"_\D?(\d+)$")[0].fillna("0").map("Unit {}".format),
        layer=long["variable"].str.replace(r"_?\d*$", "", regex=True),
    )
    return charts.lines(
        table, "epoch", series="unit", panel="layer", names=_LAYERS, y_axis="Weight", height=2.1
    )


_LAYERS = {
    "w1_x": "From input x",
    "w1_y": "From input y",
    "b1": "Hidden biases",
    "w2": "To the output",
    "b": "Output bias",
}


def draw_points(points: pd.DataFrame) -> Figure:
    """Draw the integer points, by label and part."""
    figure, [axes] = style.new_figure(4.0)
    looks = {0: (style.BLUE, "o"), 1: (style.VERMILLION, "^")}
    label: Any
    for (label, part), own in points.groupby(["label", "part"]):
        ink, marker = looks[int(label)]
        axes.plot(
            own["x"], own["y"], marker, color=ink, markersize=8,
            fillstyle="full" if part == TRAIN else "none",
            label=f"label {label}, {part}, n = {len(own)}",
        )  # fmt: skip
    axes.axvline(-0.5, color=style.GREY, linewidth=1)
    axes.set(xlabel="x", ylabel="y", aspect="equal")
    style.name_series(figure, axes)
    return figure


def words(
    logistic: LogisticParameters,
    logistic_steps: pd.DataFrame,
    logistic_comparison: pd.DataFrame,
    comparison: pd.DataFrame,
    toy: pd.DataFrame,
    two_outputs: pd.DataFrame,
    network_comparison: pd.DataFrame,
) -> dict[str, Any]:
    """Find what the page says."""
    apart = comparison.set_index("model_b")["difference"].map(fitting)
    return {
        "toy": toy,
        "two_outputs": two_outputs,
        "network_comparison": network_comparison,
        "losses": (logistic_steps["loss"].iloc[0], logistic_steps["loss"].iloc[-1]),
        "logistic": logistic,
        "stopped": count(stopped(logistic_comparison)),
        "apart": apart.to_dict(),
        "largest_sum_gap": float((two_outputs["sum"] - 1).abs().max()),
    }


TYPES = {"evaluation": IntervalParameters}
TABLES = by_name(first_steps, probabilities, trained_weights, network_first_steps, network_weights)
FIGURES = by_name(
    *(confusion, logistic_loss, growing_weights, draw_probabilities, first_network),
    *(weights_by_epoch, draw_points),
)
