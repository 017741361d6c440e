"""Axes are printed so that a reader can tell their ticks apart."""

import numpy as np
import pytest

from crossfold.reports import style
from crossfold.reports.style import new_figure, percent_axis


@pytest.mark.parametrize(("low", "high"), [(0.98, 0.9985), (0.0, 1.0), (-0.012, 0.004)])
def test_ticks_of_shares_are_told_apart(low, high):
    figure, [axes] = new_figure(2)
    axes.set_xlim(low, high)
    percent_axis(axes.xaxis)
    figure.canvas.draw()
    texts = [label.get_text() for label in axes.get_xticklabels()]
    shares = [float(text.removesuffix(" %").replace("−", "-")) / 100 for text in texts]
    assert len(set(texts)) == len(texts) > 2
    assert shares == pytest.approx(axes.get_xticks())


@pytest.mark.parametrize(
    ("ends", "named_at_ends"), [((0.2, 0.9), True), ((0.9, 0.9), False), ((0.2, 0.5, 0.9), True)]
)
def test_lines_are_named_at_their_ends_where_these_are_apart(ends, named_at_ends) -> None:
    with style.figure_style():
        figure, [axes] = style.new_figure(3)
        for look, end in zip(style.SERIES, ends, strict=False):
            style.line(axes, [0, 1], [0.5, end], look, f"to {end}")
        axes.set(xlim=(0, 1), ylim=(0, 1))
        style.name_series(figure, axes)
    names = [text.get_text() for text in axes.texts]
    assert names == ([f"to {end}" for end in ends] if named_at_ends else [])
    assert bool(figure.legends) is not named_at_ends
    heights = [text.xy[1] for text in axes.texts]
    np.testing.assert_allclose(heights, ends if named_at_ends else [])


def test_lines_that_end_early_points_and_panels_side_by_side_have_a_legend() -> None:
    whole = [0, 1], [0, 1]
    with style.figure_style():
        for n_columns, drawn in (
            (1, ([0, 0.5], [0, 1], "-")),
            (1, (*whole, "o")),
            (2, (*whole, "-")),
        ):
            figure, [axes, *_] = style.new_figure(3, 1, n_columns)
            axes.plot(*drawn, label="one")
            axes.set(xlim=(0, 1), ylim=(0, 1))
            style.name_series(figure, axes)
            assert len(figure.legends) == 1
