"""What the source on wine colours claims, and the quantity that decides each claim."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from crossfold.pipelines.audit.claims import Statement
from crossfold.pipelines.audit.measured import Measured, above, below, includes
from crossfold.pipelines.audit.wine.outcomes import RunOutcomes
from crossfold.pipelines.audit.wine.parameters import PrintedParameters
from crossfold.pipelines.audit.wine.training import LOGISTIC, MLP, TUNED

Quantity = Callable[[RunOutcomes], Measured]
NAMES = {LOGISTIC: "logistic regression", MLP: "the MLP", TUNED: "the tuned MLP"}
_SPLITS = (
    "on the test wines of one split; without the faults on all wines, each tested once, by the"
    " study's models"
)


@dataclass(frozen=True)
class Question:
    """A statement with the quantity that decides it."""

    statement: Statement
    quantity: Quantity


def questions(printed: PrintedParameters) -> list[Question]:
    """List the claims with the quantities that decide them."""
    accuracies = [_of_accuracy(model, getattr(printed, model)) for model in NAMES]
    return [_of_networks(printed), _of_tuning(printed), *accuracies]


def _of_networks(printed: PrintedParameters) -> Question:
    return Question(
        _statement(
            "mlp_beats_logistic",
            "The MLP tells the colours apart better than logistic regression",
            f"accuracy of the MLP minus that of logistic regression, {_SPLITS}",
            printed=f"{printed.mlp} against {printed.logistic_regression}",
            printed_value=printed.mlp - printed.logistic_regression,
            holds=above(0),
            so="the MLP is better",
            not_so="the MLP is no better",
        ),
        lambda run: run.difference(MLP, LOGISTIC),
    )


def _of_tuning(printed: PrintedParameters) -> Question:
    return Question(
        _statement(
            "tuned_is_worse",
            "The MLP that the grid search chose is worse than the one before",
            f"accuracy of the tuned MLP minus that of the MLP, {_SPLITS}",
            printed=f"{printed.mlp_tuned} against {printed.mlp}",
            printed_value=printed.mlp_tuned - printed.mlp,
            holds=below(0),
            so="the tuned MLP is worse",
            not_so="the tuned MLP is no worse",
        ),
        lambda run: run.difference(TUNED, MLP),
    )


def _of_accuracy(model: str, printed: float) -> Question:
    name = NAMES[model]
    value = f"{100 * printed:.2f}\u00a0%"
    return Question(
        _statement(
            f"accuracy_of_{model}",
            f"{name[0].upper()}{name[1:]} calls {value} of wines correctly",
            f"accuracy of {name}, {_SPLITS}",
            unit="fine_share",
            printed=f"{printed}",
            printed_value=printed,
            holds=includes(printed),
            so=f"the interval holds {value}",
            not_so=f"the interval does not hold {value}",
        ),
        lambda run: run.accuracy(model),
    )


def _statement(claim: str, statement: str, quantity: str, **parts: Any) -> Statement:
    return Statement(
        study="wine",
        claim=claim,
        statement=statement,
        quantity=quantity,
        **{"unit": "fine_points", **parts},
    )
