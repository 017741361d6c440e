"""What the source on two moons claims, and the quantity that decides each claim."""

from __future__ import annotations

import math

from crossfold.pipelines.audit.claims import Statement
from crossfold.pipelines.audit.measured import includes
from crossfold.pipelines.audit.moons.outcomes import ACCURACY, FIRST_LOSS, LAST_LOSS
from crossfold.pipelines.audit.moons.parameters import PrintedParameters

_ROWS = (
    "on points that the network has not seen, or under no_test_set on those that it learnt from;"
    " under unseeded the median over seeds with the range of the middle 95\u00a0%"
)
# The loss that is printed for the first epoch comes close to half of it.
_OF_IGNORANCE = (
    f". A network that knows nothing has a loss of ln 2, {math.log(2):.4f}; half of that is"
    f" {math.log(2) / 2:.4f}"
)
_WITHIN = {
    "so": "the printed figure is within the interval",
    "not_so": "the printed figure is outside the interval",
}


def statements(printed: PrintedParameters) -> dict[str, Statement]:
    """Give the statement that each metric decides."""
    return {
        ACCURACY: _accuracy(printed.accuracy),
        FIRST_LOSS: _loss("first", "starts at", printed.first_loss, _OF_IGNORANCE),
        LAST_LOSS: _loss("last", "falls to", printed.last_loss),
    }


def _accuracy(value: float) -> Statement:
    return Statement(
        study="moons",
        claim=ACCURACY,
        statement=f"The network has an accuracy of {value:.3f}",
        quantity=f"share of points told apart, {_ROWS}",
        unit="share",
        printed=f"{value:.3f}, on the training points",
        holds=includes(value),
        printed_value=value,
        **_WITHIN,
    )


def _loss(epoch: str, verb: str, value: float, note: str = "") -> Statement:
    return Statement(
        study="moons",
        claim=f"{epoch}_loss",
        statement=f"The loss {verb} {value:.4f}",
        quantity=f"cross-entropy without penalty after the {epoch} epoch, {_ROWS}{note}",
        unit="number",
        printed=f"{value:.6f}, on the training points",
        holds=includes(value),
        printed_value=value,
        **_WITHIN,
    )
