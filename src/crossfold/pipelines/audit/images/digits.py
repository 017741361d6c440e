"""What the source on handwritten digits claims."""

from __future__ import annotations

from crossfold.pipelines.audit.claims import Statement
from crossfold.pipelines.audit.images.faults import SWAPPED_ARGUMENTS, UNLIKE_REGIMES
from crossfold.pipelines.audit.images.judging import Question
from crossfold.pipelines.audit.images.outcomes import (
    Quantity,
    accuracy,
    difference,
    error_of_printed_precision,
    pytorch_minus_numpy,
)
from crossfold.pipelines.audit.images.parameters import PrintedParameters
from crossfold.pipelines.audit.measured import above, below, includes

# Twice what guessing gives with ten classes.
NEAR_CHANCE = 0.2
SIGMOID, TANH = ("4", "9", "12"), ("5", "10", "13")
# Two hidden layers and one, alike in start and activation.
DEEPER = (("11", "1"), ("15", "1"), ("14", "6"))
BEST, MIDDLE, WORST = "7", "18", "4"
_TRAINING = ("relu_as_derivative", "dropout_backward", "global_max_softmax")
_UNSTATED = ("learning_rate", "dropout")
_TEST_ROWS = "on the test images"


def questions(printed: PrintedParameters) -> list[Question]:
    """List the claims with the quantities that decide them."""
    return [
        _fails("sigmoid", SIGMOID, printed),
        _fails("tanh", TANH, printed),
        _deeper(printed),
        _pytorch_beats_numpy(),
        *(_test_accuracy(role, name, printed) for role, name in _HIGHLIGHTED.items()),
        _precision(),
    ]


# Where the source prints one figure in several ways.
_PRINTED_TWICE = {BEST: "91.69\u00a0% in the text, 0.91 in the table, 91\u00a0% in the abstract"}
_HIGHLIGHTED = {"best": BEST, "middle": MIDDLE, "worst": WORST}


def _fails(activation: str, experiments: tuple[str, ...], printed: PrintedParameters) -> Question:
    shares = [printed.root[name]["validation_accuracy"] for name in experiments]
    statement = Statement(
        study="digits",
        claim=f"{activation}_fails",
        statement=f"{activation.capitalize()} fails on digits",
        quantity=f"mean accuracy of experiments {_and(experiments)} {_TEST_ROWS}; it fails below"
        f" {NEAR_CHANCE:.0%}, twice what guessing gives".replace("%", "\u00a0%"),
        unit="share",
        printed=f"validation accuracy {100 * min(shares):.2f} to {100 * max(shares):.2f}\u00a0%",
        holds=below(NEAR_CHANCE),
        so=f"{activation} fails",
        not_so=f"{activation} learns",
        printed_value=sum(shares) / len(shares),
    )
    return Question(statement, accuracy(experiments), _TRAINING, ("learning_rate",))


def _deeper(printed: PrintedParameters) -> Question:
    gaps = [
        printed.root[deep]["validation_accuracy"] - printed.root[flat]["validation_accuracy"]
        for deep, flat in DEEPER
    ]
    mean = sum(gaps) / len(gaps)
    statement = Statement(
        study="digits",
        claim="deeper_is_worse",
        statement="Deeper is worse",
        quantity="accuracy of two hidden layers minus that of one, ReLU and random start, mean of"
        f" experiments {_and([f'{deep} and {flat}' for deep, flat in DEEPER], '; ')}, {_TEST_ROWS}",
        unit="points",
        printed=f"mean difference in validation accuracy {100 * mean:.1f}\u00a0pp".replace(
            "-", "−"
        ),
        holds=below(0),
        so="deeper is worse",
        not_so="deeper is no worse",
        printed_value=mean,
    )
    return Question(statement, difference(DEEPER), _TRAINING, ("learning_rate",))


def _pytorch_beats_numpy() -> Question:
    statement = Statement(
        study="digits",
        claim="pytorch_beats_numpy",
        statement="PyTorch beats NumPy, because of the library",
        quantity=f"accuracy of PyTorch minus that of NumPy, experiment {BEST}, {_TEST_ROWS};"
        " without the faults both take the same batches from the same start",
        unit="points",
        printed="PyTorch 95.14\u00a0%, NumPy 91.69\u00a0%",
        holds=above(0),
        so="PyTorch is better",
        not_so="PyTorch is no better",
        printed_value=0.9514 - 0.9169,
    )
    quantity = pytorch_minus_numpy(BEST, "full_batch")
    return Question(statement, quantity, (*_TRAINING, UNLIKE_REGIMES), ("learning_rate",))


def _test_accuracy(role: str, experiment: str, printed: PrintedParameters) -> Question:
    value = printed.root[experiment]["test_accuracy"]
    text = f"{100 * value:.2f}\u00a0%"
    statement = Statement(
        study="digits",
        claim=f"{role}_test_accuracy",
        statement=f"The {role} experiment, {experiment}, has a test accuracy of {text}",
        quantity=f"accuracy of experiment {experiment} {_TEST_ROWS}",
        unit="share",
        printed=_PRINTED_TWICE.get(experiment, text),
        holds=includes(value),
        so=f"experiment {experiment} agrees with the printed figure",
        not_so=f"experiment {experiment} differs from the printed figure",
        printed_value=value,
    )
    return Question(statement, accuracy([experiment]), _TRAINING, _UNSTATED)


def _precision() -> Question:
    quantity: Quantity = error_of_printed_precision(MIDDLE)
    statement = Statement(
        study="digits",
        claim="printed_precision",
        statement="The classification reports give each digit's precision and recall",
        quantity="largest distance, over the ten digits, of the precision that is printed from the"
        f" precision of the same answers, experiment {MIDDLE} {_TEST_ROWS}",
        unit="points",
        printed="precision and recall, computed with predictions passed as the truth",
        holds=above(0),
        so="the printed precision of a digit is off",
        not_so="the printed precision is the precision",
    )
    return Question(statement, quantity, (SWAPPED_ARGUMENTS,))


def _and(names: tuple[str, ...] | list[str], separator: str = ", ") -> str:
    return separator.join(names)
