"""Axes are printed so that a reader can tell their ticks apart."""

import pytest

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
