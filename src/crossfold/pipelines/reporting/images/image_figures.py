"""Figures that show images, and how many there are of each class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crossfold.pipelines.reporting.images.labels import PARTS, SOURCE, STANDARD
from crossfold.reports import style
from crossfold.reports.words import count, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SPLITS = {SOURCE: "Drawn split", STANDARD: "Standard split"}
# White space around an image, as a share of its side.
GAP = 0.12
CAPTION_ROOM = 0.42


def sample_images(
    images: np.ndarray, labels: pd.Series, classes: Sequence[str], n_each: int, seed: int
) -> Figure:
    """Draw a row of randomly chosen images for each class."""
    rng = np.random.default_rng(seed)
    figure, [axes] = style.new_figure(0.5 * len(classes) + 0.3)
    for place in range(len(classes)):
        rows = np.flatnonzero(labels.to_numpy() == place)
        chosen = rng.choice(rows, min(n_each, len(rows)), replace=False)
        for column, row in enumerate(chosen):
            _put(axes, images[row], column, place, 1)
    _frame(axes, n_each, len(classes))
    axes.set_axis_on()
    axes.spines[:].set_visible(False)
    axes.set_yticks(np.arange(len(classes)) + 0.5, classes)
    axes.set_xticks([])
    axes.tick_params(length=0)
    return figure


def image_page(
    images: np.ndarray, shown: pd.DataFrame, classes: Sequence[str], n_columns: int
) -> Figure:
    """Draw images in a grid, each with its true class, predicted class and probability.

    Parameters
    ----------
    images
        Shape ``(n, 28, 28)``, uint8.
    shown
        Columns ``row``, ``target``, ``predicted`` and ``probability``, in the order drawn.
    classes
        Names by label.
    n_columns
        Images in a row.
    """
    if shown.empty:
        return style.empty_figure("No image to show.")
    n_rows, height = math.ceil(len(shown) / n_columns), 1 + CAPTION_ROOM
    side = style.WIDTH_INCHES / n_columns
    figure, [axes] = style.new_figure(side * height * n_rows)
    for place, line in enumerate(shown.itertuples(index=False)):
        row, column = divmod(place, n_columns)
        _put(axes, images[line.row], column, row * height, 1)
        axes.text(
            column + 0.5, row * height + 1, _words(line, classes), ha="center", va="top",
            fontsize=8, linespacing=1.15,
        )  # fmt: skip
    _frame(axes, n_columns, n_rows * height)
    return figure


def _words(line: Any, classes: Sequence[str]) -> str:
    truth, predicted = classes[line.target], classes[line.predicted]
    return f"true {truth}\nsaid {predicted}\n{percent(line.probability)}"


def _put(axes: Axes, image: np.ndarray, left: float, top: float, side: float) -> None:
    gap = GAP / 2 * side
    extent = (left + gap, left + side - gap, top + side - gap, top + gap)
    axes.imshow(image, cmap="gray_r", vmin=0, vmax=255, extent=extent, interpolation="none")


def _frame(axes: Axes, width: float, height: float) -> None:
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
    axes.grid(visible=False)
    axes.set_axis_off()


def class_counts(table: pd.DataFrame) -> Figure:
    """Draw the share of each class in the training, validation and test images."""
    classes = list(dict.fromkeys(table["class"]))
    figure, panels = style.new_figure(0.36 * len(classes) + 2.2, 1, 2, sharey=True, sharex=True)
    for axes, (split, title) in zip(panels, SPLITS.items(), strict=True):
        of_split = table[table["split"] == split]
        for part, look, offset in zip(PARTS, style.SERIES, (-0.22, 0, 0.22), strict=False):
            points = of_split[of_split["part"] == part]
            places = points["label"] + offset
            n = count(points["n"].sum())
            mark = {**look, "linestyle": "none", "label": f"{PARTS[part]}, n = {n}"}
            if len(points):
                axes.plot(points["share"], places, **mark)
        axes.set_title(title)
        axes.set(xlabel="Share of the part", xlim=(0, None))
        axes.locator_params(axis="x", nbins=4)
        style.percent_axis(axes.xaxis)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13))
    panels[0].set_yticks(range(len(classes)), classes)
    panels[0].set_ylim(len(classes) - 0.5, -0.5)
    return figure
