"""Claims as data are checked, measured in every setup, judged, and written on a page."""

import math
import re
from html import unescape

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from crossfold.templates.audit import (
    Claims,
    Measured,
    Setup,
    exact,
    from_interval,
    judge,
    list_setups,
    mean_of,
    over_draws,
    share_of,
)
from crossfold.templates.audit.judging import ARTEFACT, FAILS, HOLDS, NOT_JUDGED, UNCLEAR
from crossfold.templates.audit.judging import fails_discovery_rate as fails
from crossfold.templates.audit.measured import (
    Rule,
    answer,
    effect,
    is_sure,
    p_value,
    print_effect,
    print_measured,
)
from crossfold.templates.audit.page import (
    AuditReportParameters,
    join_claims,
    write_report,
)
from crossfold.user_input import wrong_values

REPORT = AuditReportParameters(title="Audit: a test", about="A sum is audited.", command="kedro")


def added(setup: Setup, base: float = 0.0, **gains: float) -> Measured:
    """Measure a base plus what each fault adds, give or take 1."""
    value = base + sum(gain for fault, gain in gains.items() if fault in setup.faults)
    value += setup.setting[1] if setup.setting else 0
    return from_interval(value, (value - 1, value + 1), 10)


class SumClaims(Claims, study="sums", switches=("a", "b"), measures=(added,)):
    pass


def claims(holds=None, faults=("a", "b"), **parts) -> SumClaims:
    measure = {"name": "added", **parts.pop("measure", {})}
    claim = {
        "says": "The sum is above 0.", "quantity": "sum", "unit": "number", "measure": measure,
        "holds": holds or {"above": 0}, "so": "it is above 0", "not_so": "it is not above 0",
        "faults": faults, **parts,
    }  # fmt: skip
    return SumClaims(
        faults={"a": {"title": "Alpha was added"}, "b": {"title": "Beta was added"}},
        not_stated={"c": {"what": "The third", "tried": [3, 5]}},
        printed={"one": {"x": 0.5}, "two": {"x": 0.25}},
        claims={"sum": claim},
    )


def judged(given: SumClaims) -> pd.Series:
    return judge(given, lambda setup: setup)[0].iloc[0]


@pytest.mark.parametrize(
    ("measure", "judgement", "named"),
    [
        ({"base": 2.0}, HOLDS, ""),
        ({"base": -2.0}, FAILS, ""),
        ({"base": 0.5}, UNCLEAR, ""),
        ({"base": 0.5, "a": 3.0}, ARTEFACT, "Alpha was added"),
        ({"base": 0.5, "a": 0.6}, UNCLEAR, ""),
        ({"base": -2.0, "a": 4.0}, ARTEFACT, "Alpha was added"),
        ({"base": -2.0, "a": 4.0, "b": 5.0}, ARTEFACT, "Beta was added; Alpha was added"),
        ({"base": -3.0, "a": 2.5, "b": 2.0}, ARTEFACT, "Alpha was added; Beta was added"),
    ],
)
def test_verdicts_and_the_faults_they_name(measure, judgement, named) -> None:
    row = judged(claims(measure=measure))
    assert (row["judgement"], row["artefact_of"]) == (judgement, named)


def test_faults_that_explain_together_are_found_by_taking_each_away() -> None:
    row = judged(claims(measure={"base": -3.0, "a": 2.5, "b": 2.0}))
    assert "Without any one of them the claim fails again" in row["verdict"]
    assert "enough" not in row["verdict"]


def spread(setup: Setup, noise: float = 0.0, widen: float = 0.0) -> Measured:
    """Measure -2 ± 1; fault a moves it by noise, but not over draws, and fault b widens it."""
    value = -2.0 + (noise if "a" in setup.faults else 0)
    half = 1 + (widen if "b" in setup.faults else 0)
    return Measured(value, value - half, value + half, 9, np.array([-3.0, -2.0, -1.0]))


class SpreadClaims(SumClaims, measures=(spread,)):
    pass


def judge_spread(**arguments: float) -> pd.Series:
    given = claims().model_dump()
    claim = {**given["claims"]["sum"], "measure": {"name": "spread", **arguments}}
    claim["holds"] = {"includes": 1.5}
    return judged(SpreadClaims(**{**given, "claims": {"sum": claim}}))


def test_noise_is_not_put_down_to_a_fault_but_a_wider_spread_is() -> None:
    noisy = judge_spread(noise=3.0)
    assert (noisy["judgement"], noisy["artefact_of"]) == (ARTEFACT, "")
    assert "none by itself moves the figure" in noisy["verdict"]
    assert judge_spread(widen=3.0)["artefact_of"] == "Beta was added"


def test_an_effect_inside_the_spread_is_left_out_of_the_words() -> None:
    tables = judge(claims(measure={"base": 5.0, "a": 1.0, "b": 4.0}), lambda setup: setup)
    assert "Alpha" not in tables[0].iloc[0]["fault_shares"]
    assert tables[0].iloc[0]["fault_shares"].startswith("Beta was added: +4.0")
    shares = tables[1].set_index(["fault", "switch"])
    assert shares.loc[("a", "on"), "share"] == 1.0
    assert shares.loc[("a", "off"), "share"] == -1.0
    assert shares["sure"].to_dict() == {
        ("a", "on"): False, ("b", "on"): True, ("a", "off"): False, ("b", "off"): True,
    }  # fmt: skip


def test_a_fault_that_is_off_is_in_no_setup() -> None:
    given = claims()
    faults = {**given.faults, "b": given.faults["b"].model_copy(update={"on": False})}
    off = given.model_copy(update={"faults": faults})
    assert {fault for setup in list_setups(off) for fault in setup.faults} == {"a"}
    assert Setup(frozenset("ab"), True) in list_setups(given)
    assert list_setups(given, ["a"]) == list(dict.fromkeys(s.keep("a") for s in list_setups(given)))


def test_setups_have_names_of_their_own() -> None:
    given = claims(not_stated=["c"])
    names = [setup.name for setup in list_setups(given)]
    assert len(set(names)) == len(names)
    assert {"no fault", "a+b", "a, short", "a+b, short, c=3"} <= set(names)


def test_what_is_not_stated_is_tried() -> None:
    row = judged(claims(measure={"base": 2.0}, not_stated=["c"]))
    assert row["unstated"] == (
        "The third is not stated: with 3 to 5 the source's protocol gives 5.00 to 7.00."
    )


def test_a_claim_about_the_sources_own_table_needs_no_run() -> None:
    measure = {"name": "printed", "metric": "x", "of": ["one"], "minus": ["two"]}
    row = judge(claims(measure=measure, faults=()), lambda setup: pytest.fail("a run"))[0].iloc[0]
    assert row["judgement"] == HOLDS
    assert row["sound"] == 0.25
    assert math.isnan(row["p"])


def test_a_claim_that_cannot_be_judged_says_what_it_would_need() -> None:
    given = SumClaims(
        faults={"a": {"title": "A"}, "b": {"title": "B"}},
        claims={"fast": {"says": "A GPU is faster.", "needs": "a GPU"}},
    )
    claims_table, shares, runs = judge(given, lambda setup: setup)
    assert claims_table.iloc[0]["judgement"] == NOT_JUDGED
    assert claims_table.iloc[0]["verdict"] == "It would need a GPU."
    assert shares.empty
    assert runs.empty


def test_all_faults_of_a_file_are_told_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        SumClaims(
            faults={"a": {"title": "A"}},
            claims={
                "one": {
                    "says": "x", "quantity": "x", "measure": {"name": "added", "nonsense": 1},
                    "holds": {"above": 0}, "so": "x", "not_so": "y", "faults": ["z"],
                },
                "two": {
                    "says": "x", "quantity": "x", "measure": {"name": "summed"},
                    "holds": {"above": 0}, "so": "x", "not_so": "y",
                },
            },
        )  # fmt: skip
    message = str(caught.value)
    assert "the switches of this audit are a, b" in message
    assert "claim one: 'z' is not among" in message
    assert "claim two: there is no measure 'summed'" in message


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"holds": {"above": 0, "below": 1}}, "give one of above"),
        ({"holds": {"includes": "printed"}}, "refers to a printed figure"),
        ({"holds": {"between": [2, 1]}}, "takes the lower value first"),
        ({"measure": {"base": "high"}}, "measure added: base is 'high': input should be a valid"),
        (
            {"measure": {"name": "printed", "metric": "x", "of": "one"}},
            "measure printed: of is 'one': input should be a valid list",
        ),
        (
            {"measure": {"name": "printed", "metric": "x", "of": []}},
            "measure printed: of names nothing",
        ),
        (
            {"measure": {"name": "printed", "metric": "x", "of": ["one"], "take": "median"}},
            "measure printed: take is 'median'",
        ),
        ({"so": ""}, "needs so"),
        ({"measure": {"base": 1.0}, "unit": "metres"}, "unit"),
    ],
)
def test_a_claim_that_does_not_fit_is_refused(wrong, message) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        claims(**wrong)


@pytest.mark.parametrize(
    ("rule", "yes", "no", "unclear"),
    [
        (("above", 0), (1, 0.5, 2), (-1, -2, 0), (1, -1, 2)),
        (("below", 0), (-1, -2, -0.5), (1, 0, 2), (1, -1, 2)),
        (("includes", 0), (1, -1, 2), (1, 0.5, 2), None),
        (("between", (0, 2)), (1, 0, 2), (4, 3, 5), (1, 0.5, 3)),
        (("at_least", 1), (1, 0, 2), (0.9, 0, 2), None),
        (("at_most", 1), (1, 0, 2), (1.1, 0, 2), None),
        (("equal", 0.9954), (0.99538, 0, 1), (0.9923, 0, 1), None),
    ],
)
def test_when_a_claim_holds(rule, yes, no, unclear) -> None:
    for expected, figures in {"yes": yes, "no": no, "unclear": unclear}.items():
        if figures is not None:
            assert answer(from_interval(figures[0], figures[1:], 9), Rule(*rule)) == expected


def test_nothing_measured_is_unclear() -> None:
    assert answer(exact(math.nan), Rule("includes", 0)) == "unclear"


def test_an_effect_over_seeds_is_that_of_pairs() -> None:
    values = np.random.default_rng(0).normal(size=400)
    one, other = over_draws(values + 0.01), over_draws(values)
    assert one.low < other.estimate < one.high
    gap = effect(one, other)
    assert (gap.estimate, gap.low, gap.high) == pytest.approx((0.01, 0.01, 0.01))
    assert is_sure(gap)


def test_an_effect_of_independent_estimates_squares_and_adds() -> None:
    gap = effect(from_interval(5, (2, 9), 1), from_interval(1, (-3, 4), 1))
    assert gap.low == pytest.approx(4 - math.hypot(3, 3))
    assert gap.high == pytest.approx(4 + math.hypot(4, 4))


def test_p_values_agree_with_the_interval() -> None:
    touching = from_interval(1.959964, (0, 4), 9)
    assert p_value(touching, Rule("above", 0)) == pytest.approx(0.025, abs=1e-6)
    assert p_value(touching, Rule("below", 0)) == pytest.approx(0.025, abs=1e-6)
    assert p_value(from_interval(2, (0.001, 4), 9), Rule("includes", 0)) < 0.05
    assert math.isnan(p_value(touching, Rule("includes", 1)))


def test_benjamini_and_hochberg_on_their_own_example() -> None:
    """Table of Benjamini and Hochberg (1995), section 4: the four smallest of 15 survive."""
    p = pd.Series(
        [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
         0.5719, 0.6528, 0.7590, 1.0, math.nan]
    )  # fmt: skip
    assert fails(p).tolist() == [False] * 4 + [True] * 11 + [False]


def test_estimates_with_their_intervals() -> None:
    assert share_of(9, 10).low == pytest.approx(0.5958, abs=1e-4)
    mean = mean_of([1.0, 2.0, 3.0])
    assert (mean.estimate, mean.high) == pytest.approx((2.0, 2.0 + 1.959964 / math.sqrt(3)))


@pytest.mark.parametrize(
    ("unit", "measured", "change"),
    [
        ("share", "12.0 % (8.0–16.0 %)", "+12.0 pp (8.0–16.0)"),
        ("points", "12.0 pp (8.0–16.0)", "+12.0 pp (8.0–16.0)"),
        ("number", "0.120 (0.080–0.160)", "+0.120 (0.080–0.160)"),
        ("times", "0.120 times (0.080–0.160)", "+0.120 times (0.080–0.160)"),
    ],
)
def test_a_figure_is_printed_with_its_unit(unit: str, measured: str, change: str) -> None:
    one = from_interval(0.12, (0.08, 0.16), 10)
    printed = print_measured(one, unit), print_effect(one, unit)
    assert [text.replace("\u00a0", " ") for text in printed] == [measured, change]


@pytest.fixture(scope="module")
def tables() -> tuple[pd.DataFrame, ...]:
    given = claims(measure={"base": -2.0, "a": 4.0}, quote="It is <b>positive</b>.", printed=2.5)
    return judge(given, lambda setup: setup, epochs=(1, 2))


def test_the_page_prints_titles_and_never_names_of_switches(tables, tmp_path) -> None:
    for number, table in enumerate(tables):
        table.to_csv(tmp_path / f"{number}.csv", index=False)
    read = [pd.read_csv(tmp_path / f"{number}.csv") for number in range(3)]
    page = write_report(
        claims=read[0], shares=read[1], runs=read[2], report=REPORT, data_notice="", seed=1
    )
    assert "An artefact of: Alpha was added" in page.replace("&#32;", " ")
    assert "Shortened: 1 of 2 epochs." in page
    assert "<b>positive</b>" not in page
    assert page.count("<svg") == 1
    assert "nan" not in re.sub(r"<script>.*?</script>", "", page, flags=re.S).lower()


def test_the_joined_page_groups_claims_by_verdict(tables) -> None:
    other = judge(claims(measure={"base": 2.0}), lambda setup: setup)[0]
    joined = join_claims(tables[0], other.assign(study="others"))
    page = write_report(claims=joined, report=REPORT, data_notice="", seed=1)
    assert page.index("What holds") < page.index("What a fault makes look true")
    assert 'data-study="others"' in page
    assert "1 of 2" in page
    assert '<details class="many">' not in page
    many = pd.concat([other.assign(claim=f"sum {n}", study=f"s{n % 2}") for n in range(13)])
    page = write_report(claims=join_claims(tables[0], many), report=REPORT, data_notice="", seed=1)
    assert re.findall('<details class="many"><summary>(.*?)</summary>', page) == [
        "13 claims",
        "1 claim",
    ]
    folded = page.partition('<details class="many">')[2]
    assert folded.count('class="claim"') == 14


def test_the_picture_has_a_mark_for_each_figure(tables) -> None:
    page = write_report(claims=tables[0].head(1), report=REPORT, data_notice="", seed=1)
    [picture] = re.findall(r'<svg [^>]*class="dots".*?</svg>', unescape(page))
    assert [picture.count(mark) for mark in ("<circle", "<rect", "l9 9m0 -9l-9 9")] == [1, 1, 1]
    assert picture.count("stroke-dasharray") == 1
    assert 'aria-label="Printed: 2.50; With faults: 2.00; Without: −2.00"' in picture


def test_faults_of_a_file_are_told_in_a_sentence() -> None:
    given = claims().model_dump()
    given["claims"]["sum"]["faults"] = ["z"]
    [message] = wrong_values({"sums_claims": given}, {"sums_claims": SumClaims})
    assert message == (
        "In the block of parameters sums_claims: claim sum: 'z' is not among the file's faults"
        " (a, b)"
    )
