"""A figure over seeds is its median and the middle of its range; the figure shows every seed."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from crossfold.pipelines.audit.claims import Statement
from crossfold.pipelines.audit.measured import above
from crossfold.pipelines.audit.seeds import draw_over_seeds, over_seeds, range_text

VALUES = pd.Series(np.arange(101) / 100)


def make_statement(unit: str) -> Statement:
    return Statement("s", "c", "A", "A", unit, "A", above(0), "A", "B", printed_value=0.9)


def test_the_median_stands_in_the_middle_95_per_cent() -> None:
    assert over_seeds(VALUES) == pytest.approx((0.5, 0.025, 0.975, 101))


def test_shares_are_good_if_high_and_losses_if_low() -> None:
    share = range_text(VALUES, make_statement("share"))
    assert share == "0.0\u00a0% to 100.0\u00a0% (11 as good as printed)"
    assert range_text(VALUES, make_statement("number")) == "0.000 to 1.000 (91 as good as printed)"
    assert "(none as good" in range_text(VALUES - 1, make_statement("share"))


def test_every_seed_is_drawn_in_the_row_of_its_series() -> None:
    table = pd.DataFrame({"series": ["a", "a", "b"], "accuracy": [0.5, 0.7, 0.9], "loss": 1.0})
    figure = draw_over_seeds(table, {"accuracy": 0.8}, {"a": "First", "b": "Second"})
    [axes] = figure.axes
    drawn = {line.get_label(): line for line in axes.lines}
    assert list(drawn["One of 2 seeds"].get_xdata()) == [0.5, 0.7]
    assert list(drawn["Printed"].get_xdata()) == [0.8, 0.8]
    shown = {text.get_text() for text in figure.findobj(Text)}
    assert {"First", "Second", "Accuracy"} <= shown
