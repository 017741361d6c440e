"""One look for all figures: sizes that stay legible on a phone, marks that differ without colour.

The palette is Okabe and Ito's (2008), which people with any form of colour blindness can tell
apart; every series also has its own line style and marker.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import ScalarFormatter

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILLION, PURPLE, GREY = "#0072B2", "#D55E00", "#CC79A7", "#767676"

WIDTH_INCHES = 5.6
_NAME_INCHES = 0.18  # height of a series' name
_NEARLY_RIGHT = 0.93  # of the axes: a line that ends here has its name beside it
Look = dict[str, Any]
MAIN: Look = {"color": BLUE, "linestyle": "-", "marker": "o"}
SECOND: Look = {"color": VERMILLION, "linestyle": "--", "marker": "s"}
THIRD: Look = {"color": GREEN, "linestyle": "-.", "marker": "^"}
FOURTH: Look = {"color": PURPLE, "linestyle": (0, (1, 1)), "marker": "D"}
SERIES = (MAIN, SECOND, THIRD, FOURTH)

_RC: dict[Any, Any] = {
    "font.size": 11,
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e2e2e2",
    "grid.linewidth": 0.8,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "legend.fontsize": 10,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


@contextmanager
def figure_style() -> Iterator[None]:
    """Apply the common look to every figure drawn inside."""
    import matplotlib as mpl

    with mpl.rc_context(_RC):
        yield


def new_figure(
    height_inches: float, n_rows: int = 1, n_columns: int = 1, **subplots: Any
) -> tuple[Figure, list[Axes]]:
    """Make a figure of the common width with its panels in reading order."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_INCHES, height_inches), layout="constrained")
    panels = list(figure.subplots(n_rows, n_columns, squeeze=False, **subplots).ravel())
    for axis in (axis for axes in panels for axis in (axes.xaxis, axes.yaxis)):
        axis.set_major_formatter(_numbers())
        axis.isDefault_majfmt = True  # names and dates bring their own
    return figure, panels


def _numbers() -> ScalarFormatter:
    """Make ticks plain text, and what they are multiplied by a power of ten (×10⁶).

    As mathtext they would take a tenth of the time that all drawing takes.
    """
    from matplotlib.ticker import ScalarFormatter

    class Numbers(ScalarFormatter):
        def get_offset(self) -> str:
            self.set_useMathText(True)
            offset = super().get_offset()
            self.set_useMathText(False)
            return str(offset)

    return Numbers()


def empty_figure(sentence: str) -> Figure:
    """Make a figure that says in one sentence why there is nothing to show."""
    figure, [axes] = new_figure(1.2)
    axes.set_axis_off()
    axes.text(0.5, 0.5, sentence, ha="center", va="center", wrap=True)
    return figure


def errors(table: pd.DataFrame, estimate: str = "estimate") -> NDArray[np.float64]:
    """Compute distances from estimates to their intervals' ends, shape (2, rows), none below 0."""
    middle = table[estimate].to_numpy(dtype=float)
    ends = [middle - table["low"].to_numpy(dtype=float), table["high"].to_numpy(float) - middle]
    clipped: NDArray[np.float64] = np.clip(np.nan_to_num(np.array(ends)), 0, None)
    return clipped


def line(axes: Axes, x: Any, y: Any, style: Mapping[str, Any], label: str | None) -> None:
    """Draw a line with few markers, staggered so that lines on each other stay apart."""
    order = SERIES.index(style) if style in SERIES else 0
    every = max(1, len(x) // 8)
    marked = (order * every // len(SERIES), every)
    axes.plot(x, y, label=label, markevery=marked, **style)


def band(
    axes: Axes, x: pd.Series, table: pd.DataFrame, style: Mapping[str, Any], label: str | None
) -> None:
    """Draw a line with its interval as a band."""
    line(axes, x, table["estimate"], style, label)
    axes.fill_between(x, table["low"], table["high"], color=style["color"], alpha=0.18, linewidth=0)


def shade_rows(axes: Axes, n_rows: int) -> None:
    """Shade every other row of a chart whose rows run from 0 at the top."""
    axes.set_ylim(n_rows - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    for row in range(1, n_rows, 2):
        axes.axhspan(row - 0.5, row + 0.5, color="#f2f2f2", linewidth=0, zorder=0)


def percent_axis(axis: Any) -> None:
    """Print an axis of shares as per cent, with the decimals that tell its ticks apart."""
    from matplotlib.ticker import MaxNLocator

    if isinstance(locator := axis.get_major_locator(), MaxNLocator):
        locator.set_params(steps=(1, 2, 5, 10))  # ticks 2.5 apart would round unevenly
    axis.set_major_formatter(_percent)


def _percent(share: float, _: int | None = None) -> str:
    return f"{round(100 * share, 6):g} %".replace("-", "\N{MINUS SIGN}")


def plain_log_axis(axis: Any) -> None:
    """Print a logarithmic axis in plain numbers, also within one decade."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_formatter(NullFormatter())


def name_series(figure: Figure, axes: Axes, n_columns: int = 2) -> None:
    """Name up to four lines of a panel at their right ends, where there is room for it.

    Else, and where panels stand side by side or series are no lines, a legend under the panels
    names them, in `n_columns`.
    """
    handles, labels = axes.get_legend_handles_labels()
    spec = axes.get_subplotspec()
    is_alone = spec is not None and spec.get_gridspec().ncols == 1
    ends = _ends_apart(axes, handles, figure.get_figheight()) if is_alone else None
    if ends is None or len(ends) > len(SERIES):
        figure.legend(handles, labels, loc="outside lower center", ncols=n_columns)
        return
    for (x, y), label in zip(ends, labels, strict=True):
        beside = {"xytext": (5, 0), "ha": "left", "va": "center"}
        above = {"xytext": (0, 3), "ha": "center", "va": "bottom"}
        place: dict[str, Any] = beside if x == 1 else above
        axes.annotate(
            label, (x, y), xycoords="axes fraction", textcoords="offset points", fontsize=10,
            annotation_clip=False, **place,
        )  # fmt: skip


def _ends_apart(
    axes: Axes, handles: Sequence[Any], inches: float
) -> list[tuple[float, float]] | None:
    """Find where names of lines go, as fractions of the axes; None if it would not be clear.

    An upright line is named above the axes. The others have to end at their right edge, apart. The
    figure is so many `inches` high.
    """
    from matplotlib.lines import Line2D

    axes.autoscale_view()
    ends: list[tuple[float, float]] = []
    for one in handles:
        if not isinstance(one, Line2D) or one.get_linestyle() == "None":
            return None
        drawn = one.get_transform().transform(one.get_xydata())
        x, y = axes.transAxes.inverted().transform(drawn)[-1]
        is_upright = np.ptp(drawn[:, 0]) == 0
        if not is_upright and not (x > _NEARLY_RIGHT and 0 <= y <= 1):
            return None
        ends.append((float(x), 1.0) if is_upright else (1.0, float(y)))
    room = _NAME_INCHES / (axes.get_position().height * inches)
    below, lowest = -np.inf, -np.inf
    for number, (x, y) in sorted(enumerate(ends), key=lambda end: end[1][1]):
        if x == 1:
            lowest = max(y, lowest + room)
            if y - below < room / 3 or lowest > y + room:
                return None
            below, ends[number] = y, (x, lowest)
    return ends
