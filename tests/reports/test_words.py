"""Numbers as readers see them."""

import math

import pytest

from crossfold.pipelines.reporting.binary.labels import in_order, model_in_text
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
        (words.p_value(math.nan), "–"),
    ],
)
def test_numbers_are_printed_for_readers(text: str, expected: str) -> None:
    assert text == expected


def test_models_are_sorted_as_the_label_table_lists_them() -> None:
    assert in_order(["zebra", "mlp_tuned", "ant", "prevalence"]) == [
        "prevalence",
        "mlp_tuned",
        "ant",
        "zebra",
    ]


def test_a_label_keeps_its_abbreviation_inside_a_sentence() -> None:
    assert model_in_text("mlp_numpy") == "MLP (NumPy)"
    assert model_in_text("mlp_tuned") == "tuned MLP ensemble"
