"""From the runs' answers to claims: each quantity with all faults, with none, with each alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from crossfold.pipelines.audit.claims import Claim, Statement
from crossfold.pipelines.audit.images.faults import SMALL_TEST_SAMPLE, TRAINING_FAULTS
from crossfold.pipelines.audit.images.outcomes import Case, Outcomes, Quantity
from crossfold.pipelines.audit.images.parameters import (
    FaultsParameters,
    ProtocolParameters,
    UnstatedParameters,
)
from crossfold.pipelines.audit.images.protocol import unstated_run
from crossfold.pipelines.audit.measured import FaultShare, Measured, print_value
from crossfold.pipelines.audit.runs import REPORTED, SOUND, only, shortened_text

_VALUES = {"learning_rate": "rates of", "dropout": "rates of", "sample_rows": "numbers of"}
_NAMES = {
    "learning_rate": "The learning rate",
    "dropout": "The dropout rate",
    "sample_rows": "The number of test images",
}


@dataclass(frozen=True)
class Question:
    """A statement with the quantity that decides it.

    Attributes
    ----------
    statement
        What the source says.
    quantity
        From answers to the quantity.
    touched_by
        Faults that can change it.
    unstated
        What the source does not state and it may depend on.
    """

    statement: Statement
    quantity: Quantity
    touched_by: tuple[str, ...]
    unstated: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judge:
    """Answers questions from the runs of one audit."""

    outcomes: Outcomes
    protocol: ProtocolParameters
    faults: FaultsParameters
    unstated: UnstatedParameters

    @property
    def _share_epochs(self) -> int:
        return min(self.protocol.share_epochs, self.protocol.network.max_iter)

    def claim(self, question: Question) -> Claim:
        """Measure a question's quantity in every way."""
        reported = self._case(REPORTED, self.faults.root)
        protocol = self.protocol
        return Claim(
            question.statement,
            reported=question.quantity(self.outcomes, reported),
            sound=question.quantity(self.outcomes, self._case(SOUND)),
            shares=self._shares(question),
            unstated=self._unstated(question, reported),
            shortened=shortened_text(protocol.network.max_iter, protocol.source_epochs),
        )

    def _case(self, run: str, faults: tuple[str, ...] = (), epochs: int | None = None) -> Case:
        return Case(run, epochs, faults, self.protocol.sample_rows)

    def _shares(self, question: Question) -> tuple[FaultShare, ...]:
        epochs = self._share_epochs
        sound = question.quantity(self.outcomes, self._case(SOUND, epochs=epochs)).estimate
        cases = {
            fault: self._case(only(fault) if fault in TRAINING_FAULTS else SOUND, (fault,), epochs)
            for fault in self.faults.root
            if fault in question.touched_by
        }
        return tuple(
            FaultShare(fault, question.quantity(self.outcomes, case), sound)
            for fault, case in cases.items()
        )

    def _unstated(self, question: Question, reported: Case) -> str:
        """Say what the source does not state, and which range plausible values give."""
        sentences = []
        for name in question.unstated:
            values = getattr(self.unstated, name)
            found = [self._at(question, reported, name, value).estimate for value in values]
            if found:
                sentences.append(self._range_sentence(name, values, found, question))
        return " ".join(sentences)

    def _at(self, question: Question, case: Case, name: str, value: float) -> Measured:
        if name != "sample_rows":
            case = replace(case, run=unstated_run(name, value), epochs=self._share_epochs)
        elif SMALL_TEST_SAMPLE in self.faults.root:
            case = replace(case, sample_rows=int(value))
        return question.quantity(self.outcomes, case)

    def _range_sentence(
        self, name: str, values: Sequence[float], found: Sequence[float], question: Question
    ) -> str:
        unit = question.statement.unit
        tried = " to ".join(f"{value:g}" for value in sorted({min(values), max(values)}))
        given = " to ".join(print_value(value, unit) for value in sorted({min(found), max(found)}))
        trained = "" if name == "sample_rows" else f" after {self._share_epochs:,} epochs"
        return (
            f"{_NAMES[name]} is not stated: with all faults and {_VALUES[name]} {tried} the"
            f" quantity is {given}{trained}."
        )


def possible_sample_sizes(printed: Sequence[float], sizes: Iterable[int]) -> list[int]:
    """List the numbers of rows of which each printed share is a whole number of rows.

    Parameters
    ----------
    printed
        Shares in [0, 1], with six digits after the point.
    sizes
        Numbers of rows to try, below 50,000.
    """
    tolerance = Fraction(1, 10**5)
    return [
        n
        for n in sizes
        if all(
            abs(Fraction(round(value * n), n) - Fraction(value)) < tolerance for value in printed
        )
    ]
