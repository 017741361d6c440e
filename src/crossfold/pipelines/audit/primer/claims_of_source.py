"""What the source of the primer claims, and the quantity that decides each claim."""

from __future__ import annotations

from crossfold.pipelines.audit.claims import Statement
from crossfold.pipelines.audit.measured import above, below
from crossfold.pipelines.audit.primer.parameters import PrintedParameters

# Of the source: 70 of its 100 points are learnt from, 30 are set aside.
SOURCE_ROWS = {"train": 70, "validation": 30}
_ROUNDING = 0.00005
_OVER_SEEDS = "median over draws of points, split and start, with the range of the middle 95\u00a0%"


def statements(printed: PrintedParameters) -> dict[str, Statement]:
    """Give the statement that each metric decides."""
    return {
        "train_accuracy": _accuracy("train", "points learnt from", printed.train_accuracy),
        "validation_accuracy": _accuracy(
            "validation", "points set aside", printed.validation_accuracy
        ),
        "train_error": _error(printed.train_error, printed.first_train_error),
    }


def _accuracy(part: str, rows: str, value: float) -> Statement:
    n = SOURCE_ROWS[part]
    name = {"train": "Training", "validation": "Validation"}[part]
    text = f"{100 * value:.2f}".removesuffix(".00") + "\u00a0%"
    return Statement(
        study="primer",
        claim=f"{part}_accuracy",
        statement=f"{name} accuracy reaches {text}",
        quantity=f"share of the {rows} that are told apart, {_OVER_SEEDS}; as many as printed are"
        f" {round(value * n)} of {n}",
        unit="share",
        printed=f"{text} of {n} points",
        holds=above(value - 0.5 / n),
        so="as many as printed are told apart",
        not_so="fewer than printed are told apart",
        printed_value=value,
    )


def _error(value: float, first: float) -> Statement:
    return Statement(
        study="primer",
        claim="train_error",
        statement=f"Training error falls to {value:.4f}",
        quantity=f"mean squared error on the points learnt from after the last epoch,"
        f" {_OVER_SEEDS}",
        unit="number",
        printed=f"{first:.4f} to {value:.4f}",
        holds=below(value + _ROUNDING),
        so="the error falls as low as printed",
        not_so="the error stays above the printed one",
        printed_value=value,
    )
