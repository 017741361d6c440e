"""A source's claims as its file ``claims.yml`` states them, and the setups to measure them in."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, Literal, NamedTuple, Self, get_type_hints

import pandas as pd
from pydantic import (
    ConfigDict,
    Field,
    PositiveInt,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from crossfold.templates.audit.measured import NAN, Measured, Rule, exact
from crossfold.templates.parameters import Parameters

Unit = Literal["share", "points", "number", "times", "epochs"]
Value = float | Literal["printed"]
MeasureFunction = Callable[..., Measured]
RUN_COLUMNS = ("run", "subject", "metric", "estimate", "low", "high", "n", "epochs")
# `PRINTED` names a run, and the measure that takes a figure from the source's own table.
PRINTED, REPORTED, SOUND = "printed", "reported", "sound"
SHORT_REPORTED, SHORT_SOUND = "reported:short", "sound:short"


class Setup(NamedTuple):
    """One way to repeat the source: the switches that are on.

    What is `short` is compared with single faults only, and so may be trained for shorter; all that
    is compared with each other is equally short. A `setting` is the name and the value of something
    that the source does not state.
    """

    faults: frozenset[str] = frozenset()
    short: bool = False
    setting: tuple[str, float] | None = None

    def keep(self, faults: Collection[str] | None = None, *, short: bool | None = None) -> Setup:
        """Leave out the faults that make no difference to something, training for one.

        `short` says whether it is trained for shorter, where that depends on something else too.
        """
        kept = self.faults if faults is None else self.faults.intersection(faults)
        return self._replace(faults=kept, short=self.short if short is None else short)

    @property
    def name(self) -> str:
        """A name for the column ``run`` of a table: what is on, joined by ``+``."""
        parts = ["+".join(sorted(self.faults)) or "no fault"]
        parts += ["short"] if self.short else []
        parts += [f"{self.setting[0]}={self.setting[1]:g}"] if self.setting else []
        return ", ".join(parts)


class Fault(Parameters):
    """A mistake of the source, which is a switch here.

    The title says what was done, as a reader does ("Tested on the points it learned from"), `about`
    what it means, as one sentence; `on` whether the source's protocol has it in this run.
    """

    title: str
    about: str = ""
    on: bool = True


class NotStated(Parameters):
    """Something that the source does not state, named as at the beginning of a sentence.

    Plausible values are `tried`, or none where the measure itself goes over many.
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

    The interval lies wholly `above` or `below` a value, `includes` it, or lies `between` two; the
    estimate itself is `at_least` or `at_most` the value, or, rounded to its decimals, `equal`.
    """

    above: Value | None = None
    below: Value | None = None
    includes: Value | None = None
    between: tuple[float, float] | None = None
    at_least: Value | None = None
    at_most: Value | None = None
    equal: Value | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError(f"give one of {', '.join(type(self).model_fields)}")
        if self.between and self.between[0] > self.between[1]:
            raise ValueError("`between` takes the lower value first")
        return self


class Protocol(Parameters):
    """How a source trained and tested: a study's own class says the rest."""

    source_epochs: PositiveInt
    """Epochs in the source; a run of fewer says that it was shortened."""
    n_jobs: int = 1
    """What is trained at the same time, as in joblib: -1 for one training on each processor."""


class Claim(Parameters):
    """A claim of the source, and what decides it.

    It `says` in our words, as a sentence, what the source says; `quote` is its own wording, where
    that matters, and `printed` a figure in the quantity's unit or a text, which may hold the figure
    `printed_value`. What is measured is `measure`, in words `quantity`, printed by its `unit`: a
    ``share`` as per cent, ``points`` (a difference of shares) as percentage points, a ``number`` as
    it is, ``times`` and ``epochs`` with that word. It is borne out by what `holds`; `so` and
    `not_so` are the claim and its contrary as clauses: "sigmoid fails", "sigmoid learns". `faults`
    and `not_stated` name what can change the quantity. `inferred` says what is inferred about the
    source, and from what; `needs` what it would take to judge a claim that cannot be judged here.
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

    ``class WineClaims(Claims, study="wine", switches=SWITCHES, measures=(accuracy, gain))`` is such
    a class; the functions' names are those of the file. Faults, claims and what the source does not
    state are given by name; its own table, `printed`, has figures by subject and metric.
    """

    study: ClassVar[str] = ""
    switches: ClassVar[tuple[str, ...]] = ()
    measures: ClassVar[Mapping[str, MeasureFunction]] = {}

    faults: dict[str, Fault] = Field(default_factory=dict)
    not_stated: dict[str, NotStated] = Field(default_factory=dict)
    printed: dict[str, dict[str, float]] = Field(default_factory=dict)
    claims: dict[str, Claim]

    def __init_subclass__(
        cls,
        *,
        study: str = "",
        switches: Sequence[str] = (),
        measures: Sequence[MeasureFunction] = (),
    ) -> None:
        super().__init_subclass__()
        cls.study, cls.switches = study or cls.study, tuple(switches) or cls.switches
        cls.measures = {one.__name__: one for one in measures} or cls.measures

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
        if claim.measure and claim.measure.name not in {PRINTED, *self.measures}:
            known = ", ".join([PRINTED, *self.measures])
            yield f"there is no measure {claim.measure.name!r}; the measures are {known}"
        elif claim.measure:
            yield from self._wrong_arguments(claim.measure.name, claim.measure.arguments)

    def _wrong_arguments(self, name: str, arguments: dict[str, Any]) -> Iterator[str]:
        measure = type(self).take_printed if name == PRINTED else self.measures[name]
        hints = get_type_hints(measure)
        try:
            inspect.signature(measure).bind(None, **arguments)
            for argument, value in arguments.items():
                _adapter(hints.get(argument, Any)).validate_python(value)
            if name == PRINTED:
                self.take_printed(**arguments)
        except (KeyError, AttributeError) as error:
            yield f"measure {name}: {error} is not in the source's table, `printed`"
        except ValidationError as error:
            message = error.errors()[0]["msg"]
            yield f"measure {name}: {argument} is {value!r}: {message[:1].lower()}{message[1:]}"
        except (TypeError, ValueError) as error:
            yield f"measure {name}: {error}"

    def take_printed(
        self,
        metric: str,
        of: list[str | int],
        minus: list[str | int] | None = None,
        take: Literal["mean", "min", "max"] = "mean",
    ) -> float:
        """Compute a figure from a column of the source's own table: the mean, least or greatest.

        The figures of `minus` are subtracted from those of as many subjects, one by one.
        """
        values = [self.printed[str(name)][metric] for name in of]
        if not values:
            raise ValueError("of names nothing")
        if minus is not None:
            others = [self.printed[str(name)][metric] for name in minus]
            values = [one - other for one, other in zip(values, others, strict=True)]
        return {"mean": sum(values) / len(values), "min": min(values), "max": max(values)}[take]


_adapter = cache(TypeAdapter)  # making one takes longer than what it checks


def setups_of(claims: Claims, claim: Claim) -> dict[str, Setup]:
    """List the setups that a claim is measured in, by what they stand for."""
    if claim.measure is None or claim.measure.name == PRINTED:
        return {}
    on = claims.on
    single = [fault for fault in claim.faults if fault in on]
    compared = {SHORT_REPORTED: Setup(on, True), SHORT_SOUND: Setup(short=True)} if single else {}
    return {
        # What no fault touches is the same with them.
        REPORTED: Setup(on) if claim.faults else Setup(),
        SOUND: Setup(),
        **compared,
        **{f"only:{fault}": Setup(frozenset({fault}), True) for fault in single},
        **{f"without:{fault}": Setup(on - {fault}, True) for fault in single},
        **{
            f"{name}={value:g}": Setup(on, True, (name, value))
            for name in claim.not_stated
            for value in claims.not_stated[name].tried
        },
    }


def list_setups(
    claims: Claims, faults: Collection[str] | None = None, *, short: bool | None = None
) -> list[Setup]:
    """List every setup that the claims need, once, of each what `Setup.keep` keeps."""
    every = [setups_of(claims, claim).values() for claim in claims.claims.values()]
    return list(dict.fromkeys(s.keep(faults, short=short) for own in every for s in own))


def measure_claim(
    claims: Claims, claim: Claim, case_of: Callable[[Setup], Any]
) -> dict[str, Measured]:
    """Measure a claim's quantity in each of its setups."""
    if claim.measure is None:
        return {}
    if claim.measure.name == PRINTED:
        return {PRINTED: exact(claims.take_printed(**claim.measure.arguments))}
    measure, arguments = claims.measures[claim.measure.name], claim.measure.arguments

    @cache
    def measured(setup: Setup) -> Measured:
        return measure(case_of(setup), **arguments)

    return {name: measured(setup) for name, setup in setups_of(claims, claim).items()}


def run_figures(claims: Claims, measured: dict[str, dict[str, Measured]]) -> pd.DataFrame:
    """Tabulate every figure of every claim and setup, columns `RUN_COLUMNS`."""
    rows: list[tuple[Any, ...]] = []
    for name, claim in claims.claims.items():
        metric = claim.measure.name if claim.measure else ""
        rows += _rows(name, metric, claim.figure, measured[name])
    return pd.DataFrame(rows, columns=list(RUN_COLUMNS))


def _rows(
    subject: str, metric: str, printed: float | None, measured: Mapping[str, Measured | None]
) -> list[tuple[Any, ...]]:
    known = {} if printed is None else {PRINTED: Measured(printed, NAN, NAN, NAN)}
    found = {**known, **{run: one for run, one in measured.items() if one is not None}}
    return [(run, subject, metric, *one.figures, one.n, NAN) for run, one in found.items()]


def beside_printed(
    claims: Claims,
    case_of: Callable[[Setup], Any],
    measure: Callable[[Any, str, str], Measured | None],
    named: Callable[[str], str] = str,
) -> pd.DataFrame:
    """Tabulate the source's own table beside the same figures with its faults and without.

    `measure` makes a figure, or None, of a case, a subject of the table and a metric; `named` makes
    of a subject its name for readers. The columns are `RUN_COLUMNS`.
    """
    cases = {REPORTED: case_of(Setup(claims.on)), SOUND: case_of(Setup())}
    rows: list[tuple[Any, ...]] = []
    for subject, printed in claims.printed.items():
        for metric, value in printed.items():
            found = {run: measure(case, subject, metric) for run, case in cases.items()}
            rows += _rows(named(subject), metric, value, found)
    return pd.DataFrame(rows, columns=list(RUN_COLUMNS))
