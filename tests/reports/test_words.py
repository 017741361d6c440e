"""Numbers as readers see them."""

import math

import pytest

from crossfold.reports import words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (words.count(110521), "110,521"),
        (words.percent(0.2019), "20.2\u00a0%"),
        (words.percent(math.nan), "–"),
        (words.number(-0.01), "−0.010"),
        (words.interval(0.748, 0.744, 0.752), "0.748 (0.744–0.752)"),
        (words.interval(0.5, math.nan, math.nan), "0.500"),
        (words.interval(0.001, -0.002, 0.004), "0.001 (−0.002 to 0.004)"),
        (words.percent_interval(0.213, 0.208, 0.219), "21.3\u00a0% (20.8–21.9\u00a0%)"),
        (words.p_value(0.0004), "< 0.001"),
        (words.number(-0.0001), "0.000"),
        (words.fitting(43.1234, 5.8), "43.1"),
        (words.fitting(1234567.8), "1,230,000"),
        (words.fitting(-0.0123), "−0.0123"),
        (words.fitting(0.0), "0"),
        (words.fitting(3.21e-8), "3.2\u00a0×\u00a010⁻⁸"),
        (words.fitting(0.0, 1e-9), "0"),
        (words.fitting(math.inf), "–"),
        (words.fitting_interval(43.12, 40.2, 46.04), "43.1 (40.2–46.0)"),
        (words.fitting_interval(-0.7, -1.02, -0.49), "−0.70 (−1.02 to −0.49)"),
        (words.fitting_interval(-0.0557, -0.108, -0.0025), "−0.056 (−0.108 to −0.003)"),
        (words.fitting_interval(2.0, 2.0, 2.0), "2.00"),
        (words.shortened("a\n b\tc"), "a b c"),
        (words.shortened("x" * 50 + "end", 12), "xxxxxxx…xend"),
        (words.chart_label("${x}"), r"\${x}"),
        (words.chart_label("days the last was booked ahead", 20), "days the last… ahead"),
        (
            words.chart_label("days the last was booked ahead", 20, 2),
            "days the last was\nbooked ahead",
        ),
        (words.listed(["a"]), "a"),
        (words.listed(["a", "b", "c"]), "a, b and c"),
        (words.listed(list("abcdefg")), "a, b, c, d and 3 more"),
        (words.p_value(math.nan), "–"),
    ],
)
def test_numbers_are_printed_for_readers(text: str, expected: str) -> None:
    assert text == expected
