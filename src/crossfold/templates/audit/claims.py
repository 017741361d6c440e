"""A source's claims as its file ``claims.yml`` states them; checked before any node runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from crossfold.templates.audit.measured import Measured, Rule
from crossfold.templates.parameters import Parameters

Unit = Literal["share", "points", "number"]
MeasureFunction = Callable[..., Measured]
PRINTED_MEASURE = "printed"


class Fault(Parameters):
    """A mistake of the source, which is a switch here.

    Attributes
    ----------
    title
        What was done, as a reader says it: "Tested on the points it learned from".
    about
        What it means, as one sentence.
    on
        Whether the source's protocol has it in this run.
    """

    title: str
    about: str = ""
    on: bool = True


class NotStated(Parameters):
    """Something that the source does not state.

    Attributes
    ----------
    what
        Its name at the beginning of a sentence: "The learning rate".
    tried
        Plausible values, or none where the measure itself goes over many.
    """

    what: str
    tried: tuple[float, ...] = ()


class Measure(Parameters):
    """The function that measures, one of the study's `measures`, and its further arguments."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments of the function after the case."""
        return dict(self.model_extra or {})


class Holds(Parameters):
    """Which values of the quantity mean that the claim holds; one of these is given.

    Attributes
    ----------
    above, below
        The interval lies wholly on this side of the value.
    includes
        The interval holds the value.
    between
        The interval lies within both.
    at_least, at_most
        The estimate itself does not fall short of the value, or exceed it.
    equal
        The estimate, rounded to the value's decimals, is the value.
    """

    above: float | Literal["printed"] | None = None
    below: float | Literal["printed"] | None = None
    includes: float | Literal["printed"] | None = None
    between: tuple[float, float] | None = None
    at_least: float | Literal["printed"] | None = None
    at_most: float | Literal["printed"] | None = None
    equal: float | Literal["printed"] | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError(f"give one of {', '.join(type(self).model_fields)}")
        return self


class Claim(Parameters):
    """A claim of the source, and what decides it.

    Attributes
    ----------
    says
        What the source says, in our words, as a sentence.
    quote
        Its own, where the wording matters; short.
    printed
        What it printed: a figure in the quantity's unit, or a text.
    printed_value
        The figure, where `printed` is a text that holds one.
    measure
        What is measured; None for a claim that cannot be judged here.
    quantity
        The same in words, and on which rows.
    unit
        ``share`` is printed as per cent, ``points`` (a difference of shares) as percentage points,
        ``number`` as it is.
    holds
        Which values bear the claim out.
    so, not_so
        The claim and its contrary as clauses: "sigmoid fails", "sigmoid learns".
    faults
        Those that can change the quantity.
    not_stated
        What the source does not state and the quantity may depend on.
    inferred
        What is inferred about the source, and from what.
    needs
        What it would take to judge the claim, where it cannot be.
    """

    says: str
    quote: str = ""
    printed: float | str = ""
    printed_value: float | None = None
    measure: Measure | None = None
    quantity: str = ""
    unit: Unit = "share"
    holds: Holds | None = None
    so: str = ""
    not_so: str = ""
    faults: tuple[str, ...] = ()
    not_stated: tuple[str, ...] = ()
    inferred: str = ""
    needs: str = ""

    @property
    def figure(self) -> float | None:
        """The printed figure, or None."""
        return self.printed if isinstance(self.printed, float) else self.printed_value

    @property
    def rule(self) -> Rule:
        """When the claim holds: the name of the rule and its value."""
        [(name, value)] = (self.holds or Holds(above=0)).model_dump(exclude_none=True).items()
        return Rule(name, self.figure if value == "printed" else value)

    @model_validator(mode="after")
    def _can_be_judged(self) -> Self:
        wanted = ("holds", "so", "not_so", "quantity")
        if self.measure and (missing := [name for name in wanted if not getattr(self, name)]):
            raise ValueError(f"a claim that is measured needs {', '.join(missing)} too")
        if not self.measure and not self.needs:
            raise ValueError(
                "give a measure, or with `needs` what it would take to judge the claim"
            )
        if self.holds and self.rule.value is None:
            raise ValueError("`holds` refers to a printed figure, and none is given")
        return self


class Claims(Parameters):
    """The file ``claims.yml`` of a study; a study's own class names its faults and measures.

    Attributes
    ----------
    faults
        Every switch, with the words that a reader sees.
    not_stated
        What the source does not state, by name.
    printed
        The source's own table: figures by subject and metric.
    claims
        By name, in the order of the page.
    """

    study: ClassVar[str] = ""
    switches: ClassVar[tuple[str, ...]] = ()
    measures: ClassVar[Mapping[str, MeasureFunction]] = {}

    faults: dict[str, Fault] = Field(default_factory=dict)
    not_stated: dict[str, NotStated] = Field(default_factory=dict)
    printed: dict[str, dict[str, float]] = Field(default_factory=dict)
    claims: dict[str, Claim]

    @property
    def on(self) -> frozenset[str]:
        """The faults that the source's protocol has in this run."""
        return frozenset(name for name, fault in self.faults.items() if fault.on)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if wrong := list(self._wrong()):
            raise ValueError("; ".join(wrong))
        return self

    def _wrong(self) -> Iterator[str]:
        if set(self.faults) != set(self.switches):
            yield (
                f"the faults are {', '.join(self.faults) or 'none'}, but the switches of this audit"
                f" are {', '.join(self.switches) or 'none'}"
            )
        for name, claim in self.claims.items():
            yield from (f"claim {name}: {fault}" for fault in self._wrong_names(claim))

    def _wrong_names(self, claim: Claim) -> Iterator[str]:
        for kind in ("faults", "not_stated"):
            known = getattr(self, kind)
            for name in getattr(claim, kind):
                if name not in known:
                    yield f"{name!r} is not among the file's {kind} ({', '.join(known)})"
        if claim.measure and claim.measure.name == PRINTED_MEASURE:
            yield from self._wrong_printed(claim.measure.arguments)
        elif claim.measure:
            yield from self._wrong_measure(claim.measure)

    def _wrong_measure(self, measure: Measure) -> Iterator[str]:
        if measure.name not in self.measures:
            known = ", ".join([PRINTED_MEASURE, *self.measures])
            yield f"there is no measure {measure.name!r}; the measures are {known}"
            return
        try:
            inspect.signature(self.measures[measure.name]).bind(None, **measure.arguments)
        except TypeError as error:
            yield f"measure {measure.name}: {error}"

    def _wrong_printed(self, arguments: Mapping[str, Any]) -> Iterator[str]:
        try:
            self.take_printed(**arguments)
        except (TypeError, KeyError, AttributeError) as error:
            yield f"measure printed: {error} is not in the source's table, `printed`"

    def take_printed(
        self,
        metric: str,
        of: list[str],
        minus: list[str] | None = None,
        take: Literal["mean", "min", "max"] = "mean",
    ) -> float:
        """Compute a figure from the source's own table.

        Parameters
        ----------
        metric
            Column of the table.
        of
            Subjects.
        minus
            As many subjects, whose figures are subtracted one by one, or None.
        take
            What is made of the figures.
        """
        values = [self.printed[str(name)][metric] for name in of]
        if minus is not None:
            others = [self.printed[str(name)][metric] for name in minus]
            values = [one - other for one, other in zip(values, others, strict=True)]
        return {"mean": sum(values) / len(values), "min": min(values), "max": max(values)}[take]
