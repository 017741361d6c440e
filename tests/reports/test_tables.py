import math

import pandas as pd
import pytest

from crossfold.reports.tables import Estimate, to_html


def test_intervals_are_light_and_numbers_right():
    table = pd.DataFrame(
        {
            "model": ["a<b>", "x" * 200],
            "roc_auc": [0.75, math.nan],
            "roc_auc_low": [0.7, math.nan],
            "roc_auc_high": [0.8, math.nan],
            "rows": [1234, 5],
        }
    )
    html = to_html(table, "A <caption>", bold="a<b>")
    assert '<tr class="bold"><th scope="row">a&lt;b&gt;</th>' in html
    assert '<td class="number">0.750 <span class="interval">0.700–0.800</span></td>' in html
    assert '<td class="number">–</td>' in html
    assert '<td class="number">1,234</td>' in html
    assert "A &lt;caption&gt;" in html
    assert html.count("<th class") == 2
    assert "x" * 61 not in html


def test_a_long_table_has_its_intervals_too():
    table = pd.DataFrame({"column": ["age"], "estimate": [0.25], "low": [0.2], "high": [0.3]})
    html = to_html(table, "Effects", columns=["column", "estimate"])
    assert '0.25 <span class="interval">0.20–0.30</span>' in html


@pytest.mark.parametrize(
    ("estimate", "printed"),
    [
        (Estimate("roc_auc", 0.75, 0.7, 0.8), "0.750 (0.700–0.800)"),
        (Estimate("ece", 0.05, 0.06, 0.1), "0.050"),
        (Estimate("roc_auc", 1.0, 1.0, 1.0), "1.000"),
        (Estimate("roc_auc"), "–"),
        (Estimate("rmse", 43123.4, 40000, 46000), "43,100 (40,000–46,000)"),
    ],
)
def test_an_estimate_is_printed_with_an_interval_that_can_be(estimate, printed):
    assert str(estimate) == printed
    assert bool(estimate) == math.isfinite(estimate.value)
