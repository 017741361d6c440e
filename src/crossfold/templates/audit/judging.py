"""From measured figures to a verdict in plain words."""

import math
from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any, NamedTuple

import pandas as pd

from crossfold.templates.audit.claims import (
    PRINTED,
    REPORTED,
    RUN_COLUMNS,
    SHORT_REPORTED,
    SHORT_SOUND,
    SOUND,
    Claim,
    Claims,
    Setup,
    measure_claim,
    run_figures,
)  # fmt: skip
from crossfold.templates.audit.measured import (
    NAN,
    PER_CENT,
    Measured,
    answer,
    decimals_of,
    effect,
    is_sure,
    p_value,
    print_effect,
    print_measured,
    print_value,
    suffix,
)  # fmt: skip

HOLDS, ARTEFACT, FAILS = "Holds", "An artefact", "Does not hold"
UNCLEAR, NOT_JUDGED = "Too little data to tell", "Not judged here"
JUDGEMENTS = (HOLDS, ARTEFACT, FAILS, UNCLEAR, NOT_JUDGED)
SHARE_COLUMNS = (
    "claim", "fault", "title", "switch", "estimate", "low", "high", "n",
    "share", "share_low", "share_high", "sure",
)  # fmt: skip
# A 95 % interval lies wholly on the wrong side of a value once in forty, or beside it once in 20.
_ONE_SIDE, _BOTH_SIDES = 0.025, 0.05
# How much wider than without it a fault makes an interval that it is said to widen.
_WIDER = 1.5

Figures = Mapping[str, Measured]
Tables = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


class _Effect(NamedTuple):
    """What a fault changes when it alone is switched on, or off."""

    fault: str
    switch: str
    measured: Measured
    change: Measured


def judge(
    claims: Claims,
    case_of: Callable[[Setup], Any],
    *,
    epochs: tuple[int, int] = (1, 1),
    figures: pd.DataFrame | None = None,
) -> Tables:
    """Measure and judge every claim of a study, of its own class for the file ``claims.yml``.

    `case_of` makes of a setup what the study's measures take as their first argument. `epochs` says
    how many were trained at the most, and how many in the source; of fewer the page says that
    training was shortened. `figures` are what else the source printed beside what was measured,
    columns `RUN_COLUMNS`, or None.

    Returns the tables of claims, of what single faults change, and of every figure of every run.
    """
    case_of = cache(case_of)
    measured = {name: measure_claim(claims, one, case_of) for name, one in claims.claims.items()}
    rows, shares = [], []
    for name, found in measured.items():
        effects = effects_of(found)
        rows.append({"study": claims.study, **claim_row(claims, name, found, effects)})
        for one in effects:
            about = name, one.fault, claims.faults[one.fault].title, one.switch
            figures_of = *one.measured.figures, one.measured.n, *one.change.figures
            shares.append((*about, *figures_of, is_sure(one.change)))
    runs = [run_figures(claims, measured), *([] if figures is None else [figures])]
    trained, of_source = epochs
    shortened = f"Shortened: {trained:,} of {of_source:,} epochs." if trained < of_source else ""
    return (
        pd.DataFrame(rows).assign(shortened=shortened),
        pd.DataFrame(shares, columns=list(SHARE_COLUMNS)),
        pd.concat(runs, ignore_index=True)[list(RUN_COLUMNS)],
    )


def effects_of(figures: Figures) -> list[_Effect]:
    """Find what each fault changes: on beside no other, and off among all others."""
    against = {"only": ("on", SHORT_SOUND), "without": ("off", SHORT_REPORTED)}
    return [
        _Effect(fault, switch, one, effect(one, figures[other]))
        for run, one in figures.items()
        for kind, _, fault in [run.partition(":")]
        if kind in against
        for switch, other in [against[kind]]
    ]


def claim_row(
    claims: Claims, name: str, figures: Figures, effects: list[_Effect]
) -> dict[str, Any]:
    """Arrange a claim, its figures and what follows as one row of the table of claims."""
    claim = claims.claims[name]
    judgement = judge_claim(claim, figures)
    culprits, explanation = explain(claim, figures, effects) if judgement == ARTEFACT else ([], "")
    p, rule = chance_of(claim, figures, judgement), claim.rule
    # How often an interval of 95 % gives such a verdict wrongly, at the most.
    chance = _BOTH_SIDES if rule.name == "includes" else _ONE_SIDE
    return {
        "claim": name,
        "statement": claim.says,
        "quote": claim.quote,
        "quantity": claim.quantity,
        "unit": claim.unit,
        "printed": _printed_text(claim),
        "printed_value": NAN if claim.figure is None else claim.figure,
        "limit": rule.value if rule.name in ("above", "below") and claim.measure else NAN,
        **_columns(REPORTED, figures.get(REPORTED) if claim.faults else None),
        **_columns(SOUND, figures.get(SOUND) or figures.get(PRINTED)),
        "fault_shares": _shares_text(claims, claim, effects),
        "unstated": not_stated_text(claims, claim, figures),
        "inferred": claim.inferred,
        "judgement": judgement,
        "artefact_of": "; ".join(claims.faults[fault].title for fault in culprits),
        "verdict": _verdict(claim, figures, judgement, explanation),
        "p": p,
        "chance": NAN if math.isnan(p) else chance,
    }


def judge_claim(claim: Claim, figures: Figures) -> str:
    """Give one of `JUDGEMENTS`.

    A claim that is borne out without the faults holds. One that is borne out only with them is an
    artefact, if the faults together change the figure by more than the spread where the sound
    figure alone is too uncertain to tell.
    """
    decisive = figures.get(SOUND) or figures.get(PRINTED)
    if decisive is None or not math.isfinite(decisive.estimate):
        return NOT_JUDGED if claim.needs else UNCLEAR
    if PRINTED in figures:
        return HOLDS if answer(figures[PRINTED], claim.rule) == "yes" else FAILS
    sound, reported = (answer(figures[run], claim.rule) for run in (SOUND, REPORTED))
    if sound == "yes":
        return HOLDS
    if reported == "yes" and (sound == "no" or is_sure(effect(figures[REPORTED], figures[SOUND]))):
        return ARTEFACT
    return FAILS if sound == "no" else UNCLEAR


def explain(claim: Claim, figures: Figures, effects: list[_Effect]) -> tuple[list[str], str]:
    """Name the faults that make a claim look true, and say what shows it.

    Faults that are enough alone come first; else those without any one of which the claim fails
    again; else those that move the figure that way. None is named whose effect lies inside the
    spread, but one that widens the spread itself.
    """
    sound, reported = figures[SHORT_SOUND], figures[SHORT_REPORTED]

    def holds(one: Measured) -> bool:
        return answer(one, claim.rule) == "yes"

    effects = sorted(effects, key=lambda one: -abs(one.change.estimate))
    on = [one for one in effects if one.switch == "on" and _matters(one, one.measured, sound)]
    off = [one for one in effects if one.switch == "off" and _matters(one, reported, one.measured)]
    alone = [one for one in on if holds(one.measured) and not holds(sound)]
    needed = [one for one in off if holds(reported) and not holds(one.measured)]
    if alone:
        enough = "this fault alone is enough" if len(alone) == 1 else "each alone is enough"
        return _named(alone), f"{enough} ({_values(claim, alone)})"
    if needed:
        lost = "without it alone" if len(needed) == 1 else "without any one of them"
        return _named(needed), f"{lost} the claim fails again ({_values(claim, needed)})"
    way = figures[REPORTED].estimate - figures[SOUND].estimate
    moved = [one for one in on if one.change.estimate * way > 0]
    moved += [one for one in off if one.change.estimate * way < 0]
    if moved:
        return _named(moved), "no fault is enough by itself; these move the figure that way"
    return [], "only together do the faults show it; none by itself moves the figure that way"


def _matters(one: _Effect, with_fault: Measured, without: Measured) -> bool:
    widens = with_fault.high - with_fault.low > _WIDER * (without.high - without.low)
    return is_sure(one.change) or widens


def _named(effects: list[_Effect]) -> list[str]:
    return list(dict.fromkeys(one.fault for one in effects))


def _values(claim: Claim, effects: list[_Effect]) -> str:
    return ", ".join(print_value(one.measured.estimate, claim.unit) for one in effects)


def _verdict(claim: Claim, figures: Figures, judgement: str, explanation: str) -> str:
    if judgement == NOT_JUDGED:
        return f"It would need {claim.needs}."
    if PRINTED in figures:
        clause = claim.so if judgement == HOLDS else claim.not_so
        value = print_value(figures[PRINTED].estimate, claim.unit)
        return f"By the source's own table {clause}: {value}."
    reported, sound = (print_measured(figures[run], claim.unit) for run in (REPORTED, SOUND))
    beside = f" The source's protocol gives {reported}." if claim.faults else ""
    without = "without the faults " if claim.faults else ""
    return {
        HOLDS: f"{_capital(without + claim.so)}: {sound}.{beside}",
        FAILS: f"{_capital(without + claim.not_so)}: {sound}.{beside}",
        UNCLEAR: f"{_capital(without)}{'the' if without else 'The'} figure is {sound}, which allows"
        f" that {claim.so} and that {claim.not_so}.{beside}",
        ARTEFACT: f"With the source's faults {claim.so}: {reported}. Without them {claim.not_so}:"
        f" {sound}.{f' {_capital(explanation)}.' if explanation else ''}",
    }[judgement]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def chance_of(claim: Claim, figures: Figures, judgement: str) -> float:
    """Compute how likely the figures behind a verdict are by chance; NaN for none, or no interval.

    An artefact rests on two figures: that the claim fails without the faults, and holds with them.
    """
    if PRINTED in figures or judgement in (UNCLEAR, NOT_JUDGED):
        return NAN
    runs = (SOUND, REPORTED) if judgement == ARTEFACT else (SOUND,)
    found = [p_value(figures[run], claim.rule) for run in runs]
    known = [p for p in found if not math.isnan(p)]
    return max(known, default=NAN)


def fails_discovery_rate(p: pd.Series) -> pd.Series:
    """Tell which verdicts would not survive a false-discovery rate (Benjamini, Hochberg 1995).

    Of those that survive, 5 % are wrong at the most; verdicts that rest on no interval have NaN and
    are left out.
    """
    from scipy.stats import false_discovery_control

    known = p.dropna()
    adjusted = pd.Series(false_discovery_control(known), known.index)
    return adjusted.reindex(p.index, fill_value=0) > 0.05


def not_stated_text(claims: Claims, claim: Claim, figures: Figures) -> str:
    """Say what the source does not state, and which range plausible values give."""
    sentences = []
    for name in claim.not_stated:
        one, given = claims.not_stated[name], ""
        if one.tried:
            found = [figures[f"{name}={value:g}"].estimate for value in one.tried]
            tried = _range(one.tried, "{:g}".format)
            gives = _range(found, lambda value: print_value(value, claim.unit))
            given = f": with {tried} the source's protocol gives {gives}"
        sentences.append(f"{one.what} is not stated{given}.")
    return " ".join(sentences)


def _range(values: Collection[float], text: Callable[[float], str]) -> str:
    return " to ".join(text(value) for value in sorted({min(values), max(values)}))


def _printed_text(claim: Claim) -> str:
    if isinstance(claim.printed, str):
        return claim.printed
    decimals = decimals_of(claim.printed)
    scale, places = (100, decimals - 2) if claim.unit in PER_CENT else (1, decimals)
    text = f"{scale * claim.printed:.{max(places, 0)}f}{suffix(claim.unit)}"
    return text.replace("-", "−")


def _columns(name: str, one: Measured | None) -> dict[str, float]:
    values = (NAN,) * 4 if one is None else (*one.figures, one.n)
    ends = ("", "_low", "_high", "_n")
    return {f"{name}{end}": value for end, value in zip(ends, values, strict=True)}


def _shares_text(claims: Claims, claim: Claim, effects: list[_Effect]) -> str:
    """Print what each fault changes by itself, where it is more than the spread."""
    sure = [one for one in effects if one.switch == "on" and is_sure(one.change)]
    return "; ".join(
        f"{claims.faults[one.fault].title}: {print_effect(one.change, claim.unit)}" for one in sure
    )
