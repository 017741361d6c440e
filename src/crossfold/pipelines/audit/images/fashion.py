"""What the source on fashion images claims."""

from __future__ import annotations

from crossfold.pipelines.audit.claims import Statement
from crossfold.pipelines.audit.images.judging import Question, possible_sample_sizes
from crossfold.pipelines.audit.images.outcomes import accuracy, difference
from crossfold.pipelines.audit.images.parameters import PrintedParameters
from crossfold.pipelines.audit.measured import above, includes

# With two hidden layers, as the source's task asks; ``one_hidden_layer`` takes the second away.
RELU, SIGMOID = "relu", "sigmoid"
_FAULTS = (
    "small_test_sample",
    "drop_last_batch",
    "one_hidden_layer",
    "small_training_sample",
    "penalty_not_applied",
)
_UNSTATED = ("sample_rows",)
_TEST_ROWS = "on the published test images, or on the sample of them"
_MOST_ROWS = 100
_PUBLISHED = 10_000


def questions(printed: PrintedParameters) -> list[Question]:
    """List the claims with the quantities that decide them."""
    return [
        _relu_beats_sigmoid(printed),
        _by_seven_points(printed),
        _test_accuracy("sigmoid", SIGMOID, printed),
        _test_accuracy("ReLU", RELU, printed),
    ]


def _lead(printed: PrintedParameters) -> float:
    return printed.root[RELU]["test_accuracy"] - printed.root[SIGMOID]["test_accuracy"]


def _relu_beats_sigmoid(printed: PrintedParameters) -> Question:
    statement = Statement(
        study="fashion",
        claim="relu_beats_sigmoid",
        statement="ReLU beats sigmoid",
        quantity=f"accuracy of ReLU minus that of sigmoid, {_TEST_ROWS}",
        unit="points",
        printed=_printed_lead(printed),
        holds=above(0),
        so="ReLU is better",
        not_so="ReLU is no better",
        printed_value=_lead(printed),
    )
    return Question(statement, difference([(RELU, SIGMOID)]), _FAULTS, _UNSTATED)


def _by_seven_points(printed: PrintedParameters) -> Question:
    lead = _lead(printed)
    statement = Statement(
        study="fashion",
        claim="relu_leads_by_seven_points",
        statement=f"ReLU beats sigmoid by {100 * lead:.0f} points",
        quantity=f"accuracy of ReLU minus that of sigmoid, {_TEST_ROWS}",
        unit="points",
        printed=_printed_lead(printed),
        holds=includes(lead),
        so=f"a lead of {100 * lead:.0f} points is within the interval",
        not_so=f"a lead of {100 * lead:.0f} points is outside the interval",
        printed_value=lead,
    )
    return Question(statement, difference([(RELU, SIGMOID)]), _FAULTS, _UNSTATED)


def _printed_lead(printed: PrintedParameters) -> str:
    relu, sigmoid = (printed.root[name]["test_accuracy"] for name in (RELU, SIGMOID))
    return f"ReLU {relu:.4f}, sigmoid {sigmoid:.4f}"


def _test_accuracy(name: str, experiment: str, printed: PrintedParameters) -> Question:
    value = printed.root[experiment]["test_accuracy"]
    statement = Statement(
        study="fashion",
        claim=f"{name.lower()}_test_accuracy",
        statement=f"{name[:1].upper()}{name[1:]} has a test accuracy of {value:.4f}",
        quantity=f"accuracy of {name} {_TEST_ROWS}. {_sizes(printed)}",
        unit="share",
        printed=f"{value:.4f}",
        holds=includes(value),
        so="the printed accuracy is within the interval",
        not_so="the printed accuracy is outside the interval",
        printed_value=value,
    )
    return Question(statement, accuracy([experiment]), _FAULTS, _UNSTATED)


def _sizes(printed: PrintedParameters) -> str:
    """Say which numbers of test images can give the printed accuracies."""
    shares = [printed.root[name]["test_accuracy"] for name in (RELU, SIGMOID)]
    sizes = ", ".join(map(str, possible_sample_sizes(shares, range(1, _MOST_ROWS + 1))))
    can_all = "can" if possible_sample_sizes(shares, [_PUBLISHED]) else "cannot"
    return (
        f"Of up to {_MOST_ROWS} test images only {sizes} can give both printed accuracies, and"
        f" {_PUBLISHED:,} {can_all}"
    )
