"""The tables of the appointments, against numbers counted by hand and on the real file."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from pydantic import ValidationError

from crossfold.pipelines import no_show
from crossfold.pipelines.no_show import report
from crossfold.pipelines.no_show.report import CONDITIONS, rate_table, subgroup_columns
from crossfold.reports.style import figure_style
from crossfold.templates.cross_validation.evaluation import evaluate_predictions
from crossfold.templates.cross_validation.folds import MAIN
from crossfold.templates.parameters import TableParameters
from crossfold.templates.reporting.results import ReportParameters, Results

RATES = (
    "no_show_by_lead_time",
    "no_show_by_age",
    "no_show_by_condition",
    "no_show_by_handicap",
    "sms_by_lead_time",
)
DAY = pd.Timestamp("2016-05-20")


def appointments(**columns: list) -> pd.DataFrame:
    """Make appointments, from lead times in days and whatever else differs between them."""
    n = len(next(iter(columns.values())))
    lead = columns.pop("lead", [0] * n)
    defaults = {
        "gender": ["F"] * n,
        "age": [30] * n,
        "scholarship": [False] * n,
        "hypertension": [False] * n,
        "diabetes": [False] * n,
        "alcoholism": [False] * n,
        "handicap": [0] * n,
        "sms_received": [False] * n,
        "no_show": [False] * n,
    }
    booked = [DAY - pd.Timedelta(days=days) + pd.Timedelta(hours=17) for days in lead]
    return pd.DataFrame({**defaults, **columns, "appointment_day": DAY, "booked_at": booked})


def test_rates_are_events_over_rows_with_wilson_intervals() -> None:
    table = rate_table(
        {"level": pd.Series(["b", "a", "b", "b", "b"])},
        pd.Series([True, True, False, False, False]),
    )
    assert table["level"].tolist() == ["a", "b"]
    assert table["n"].tolist() == [1, 4]
    assert table["events"].tolist() == [1, 1]
    assert table["estimate"].tolist() == [1.0, 0.25]
    # Wilson, 1 of 4: (0.25 + z²/8 ± z·√(0.25·0.75/4 + z²/64)) / (1 + z²/4) with z = 1.95996.
    np.testing.assert_allclose(
        table.loc[1, ["low", "high"]].astype(float), [0.0456, 0.6994], atol=1e-4
    )


OPTIONAL = ["gender", "age", *CONDITIONS, "handicap"]


@pytest.mark.parametrize(
    ("sent", "absent"), [([False] * 4, []), ([True] * 4, []), ([True] * 4, OPTIONAL)]
)
def test_tables_without_a_column_or_a_difference_are_drawn(
    sent: list[bool], absent: list[str]
) -> None:
    table = appointments(lead=[0, 3, 8, 8], sms_received=sent).drop(columns=absent)
    made = {name: report.TABLES[name](table) for name in RATES}
    with figure_style():
        drawn = [report.FIGURES[name](made[name]) for name in RATES]
    assert len(drawn) == len(RATES)
    assert sum(not len(one) for one in made.values()) == (3 if absent else 0)
    assert list(subgroup_columns(table)) == (
        [] if absent else ["Sex", "Age", "Scholarship", "Disability"]
    )


def test_lead_time_is_counted_in_calendar_days() -> None:
    table = report.no_show_by_lead_time(
        appointments(
            lead=[0, 0, 1, 2, 3, 7, 8, 14, 15, 30, 31, 60, 61], no_show=[True] + 12 * [False]
        )
    ).set_index("lead_time")
    assert table["n"].to_dict() == {
        "Same day": 2,
        "1 day": 1,
        "2 days": 1,
        "3–7 days": 2,
        "8–14 days": 2,
        "15–30 days": 2,
        "31–60 days": 2,
        "Over 60 days": 1,
    }
    assert table.loc["Same day", "estimate"] == 0.5


def test_ages_are_counted_by_year_and_the_oldest_together() -> None:
    table = report.no_show_by_age(appointments(age=[0, 4, 4, 89, 90, 115]))
    assert dict(zip(table["age"], table["n"], strict=True)) == {0: 1, 4: 2, 89: 1, 90: 2}


def test_the_sms_table_shows_raw_rates_and_strata() -> None:
    # No SMS for the same day, where all come; with the same lead time, the SMS halves the rate.
    table = report.sms_by_lead_time(
        appointments(
            lead=[0] * 8 + [10] * 8,
            sms_received=[False] * 8 + [False] * 4 + [True] * 4,
            no_show=[False] * 8 + [True] * 4 + [True, True, False, False],
        )
    ).set_index(["stratum", "sms_received"])["estimate"]
    assert table["All rows", False] == 4 / 12
    assert table["All rows", True] == 0.5
    assert table["3 days or more", False] == 1.0
    assert table["8–14 days", True] == 0.5
    assert ("Same day", True) not in table.index


def test_conditions_are_compared_with_their_absence() -> None:
    table = report.no_show_by_condition(
        appointments(diabetes=[True, True, False], no_show=[True, False, False])
    ).set_index(["condition", "present"])["estimate"]
    assert table["Diabetes", True] == 0.5
    assert table["Diabetes", False] == 0.0
    assert set(table.index.get_level_values("condition")) == {
        "Scholarship",
        "Hypertension",
        "Diabetes",
        "Alcoholism",
    }


def test_subgroups_have_readable_levels() -> None:
    columns = subgroup_columns(
        appointments(gender=["F", "M"], age=[17, 65], scholarship=[True, False], handicap=[0, 2])
    )
    assert columns.to_dict("list") == {
        "Sex": ["Female", "Male"],
        "Age": ["0–17", "65 and over"],
        "Scholarship": ["Yes", "No"],
        "Disability": ["No", "Yes"],
    }


@pytest.mark.real_data
def test_counts_on_the_real_file(mirror: Path) -> None:
    raw = pd.read_csv(next(mirror.glob("appointments/*.csv")))
    table = pd.DataFrame(
        {
            "gender": raw["Gender"],
            "age": raw["Age"],
            "scholarship": raw["Scholarship"] == 1,
            "hypertension": raw["Hipertension"] == 1,
            "diabetes": raw["Diabetes"] == 1,
            "alcoholism": raw["Alcoholism"] == 1,
            "handicap": raw["Handcap"],
            "sms_received": raw["SMS_received"] == 1,
            "no_show": raw["No-show"] == "Yes",
            "booked_at": pd.to_datetime(raw["ScheduledDay"]).dt.tz_localize(None),
            "appointment_day": pd.to_datetime(raw["AppointmentDay"]).dt.tz_localize(None),
        }
    )
    valid = (table["age"] >= 0) & (table["booked_at"].dt.normalize() <= table["appointment_day"])
    table = table[valid]
    lead_time = report.no_show_by_lead_time(table).set_index("lead_time")
    assert lead_time.loc["Same day", ["n", "events"]].tolist() == [38562, 1792]
    assert lead_time.loc["31–60 days", ["n", "events"]].tolist() == [8283, 2829]
    sms = report.sms_by_lead_time(table).set_index(["stratum", "sms_received"])
    assert sms.loc[("3 days or more", True), ["n", "events"]].tolist() == [35482, 9784]
    assert sms.loc[("All rows", False), ["n", "events"]].tolist() == [75039, 12530]
    handicap = report.no_show_by_handicap(table).set_index("handicap_level")
    assert handicap["n"].tolist() == [108282, 2040, 183, 13, 3]


def results(table: pd.DataFrame, flagged: list[bool], p: list[float]) -> Results:
    """Make results of one model, as the page reads them."""
    n = len(table)
    predictions = pd.DataFrame(
        {
            "model": "mlp_tuned",
            "protocol": "grouped_k_fold",
            "row": np.arange(n),
            "fold": 0,
            "group": np.arange(n) // 2,
            "target": table["no_show"].astype(int),
            "p1": p,
            "flagged": flagged,
        }
    )
    metrics = {"model": "mlp_tuned", "protocol": "grouped_k_fold", "scope": "pooled"}
    figures_of = {"metric": "roc_auc", "estimate": 0.7, "low": 0.6, "high": 0.8, "n": n}
    return Results(
        table=table,
        features=table,
        predictions=predictions,
        metrics_table=pd.DataFrame([metrics | figures_of]),
        history=pd.DataFrame({"model": ["mlp_tuned"]}),
        table_parameters=TableParameters(target="no_show"),
    )


def test_gaps_compare_the_levels_that_are_flagged_most_and_least() -> None:
    # 40 women, half of them flagged, all of whose no-shows are; 40 men, a tenth and a third.
    missed = [True] * 10 + [False] * 30 + [True] * 12 + [False] * 28
    flagged = [True] * 20 + [False] * 20 + [True] * 4 + [False] * 36
    table = appointments(gender=["F"] * 40 + ["M"] * 40, no_show=missed)
    gaps = report.subgroup_gaps(results(table, flagged, [0.2] * 80))
    assert gaps["group"].tolist() == ["Sex"]
    row = gaps.iloc[0]
    assert (row["most"], row["least"]) == ("Female", "Male")
    assert (row["most_flagged"], row["least_flagged"]) == (0.5, 0.1)
    assert row["flagged_ratio"] == pytest.approx(5)
    assert row["recall_gap"] == pytest.approx(1 - 4 / 12)
    assert row["flagged_ratio_low"] < 5 < row["flagged_ratio_high"]
    labels = {"Sex: Female": "women", "Sex: Male": "men"}
    told = report._gap(row, Results(report=ReportParameters(labels=labels)))
    assert "of the appointments of women are flagged, and" in told
    assert "of those of men: 5 (2–14) times as often. Of their no-shows" in told
    alike = {**row, "flagged_ratio_low": 0.9, "recall_gap_low": -0.1}
    told = report._gap(alike, Results(report=ReportParameters(labels=labels)))
    assert told.count("which may be chance") == 2
    for few in (table[["no_show"]], table.head(29), table.head(31)):
        n = len(few)
        nobody = report.subgroup_gaps(results(few, flagged[:n], [0.2] * n))
        assert nobody.empty
        assert nobody.columns.tolist() == gaps.columns.tolist()  # or the CSV file cannot be read


def test_everyone_has_the_intervals_of_the_metrics() -> None:
    rng = np.random.default_rng(0)
    table = appointments(no_show=list(rng.random(80) < 0.4))
    p = np.clip(table["no_show"] * 0.3 + rng.random(80) * 0.6, 0, 1)
    made = results(table, list(p > 0.5), list(p))
    shuffled = made.predictions.sample(frac=1, random_state=0, ignore_index=True)
    predictions = shuffled.assign(fold=0, raw_p1=shuffled["p1"], predicted=shuffled["flagged"])
    seed, roles = 3, made.table_parameters
    found = evaluate_predictions(predictions, table, roles, made.evaluation, seed)
    pooled = found[found["scope"] == "pooled"].set_index("metric")
    told = report.subgroups(replace(made, predictions=predictions), seed)
    everyone = told[told["group"] == "Everyone"].set_index("metric")
    for metric in ("roc_auc", "recall", "precision", "flagged_share"):
        figures = ["estimate", "low", "high"]
        assert everyone.loc[metric, figures].tolist() == pooled.loc[metric, figures].tolist()


def test_the_page_says_what_calling_a_tenth_brings() -> None:
    table = appointments(no_show=[True, True, False, False] * 5, gender=["F", "M"] * 10)
    made = results(table, [True] + [False] * 19, list(np.linspace(0.9, 0.1, 20)))
    decision = pd.DataFrame(
        {
            "share": [0.05, 0.1],
            "n_called": [1, 2],
            **{f"{name}{end}": [0.1, 0.2] for name in ("precision", "recall") for end in ENDS},
        }
    )
    sms = report.sms_by_lead_time(table)
    groups = pd.DataFrame(
        {
            "group": "Sex",
            "level": ["Female", "Male"] * 2,
            "n": 10,
            "metric": ["rate", "rate", "recall", "recall"],
            "estimate": [0.5, 0.5, 0.2, 0.0],
            "low": [0.2, 0.2, 0.0, 0.0],
            "high": [0.8, 0.8, 0.4, 0.2],
        }
    )
    called = report.NoShowReportParameters(extra={"share": 0.1})
    found = report.words(made, decision, sms, groups, pd.DataFrame(), called)
    assert found["groups"]["level"].tolist() == ["Female", "Male"]
    assert found["groups"][["recall", "recall_high"]].to_numpy().tolist() == [[0.2, 0.4], [0, 0.2]]
    assert (found["called"]["n"], found["called"]["recall"].value) == (2, 0.2)
    assert found["base_rate"] == 0.5
    assert found["sms"] == ""  # nobody had one
    for wrong in ("abc", 7):
        with pytest.raises(ValidationError, match="share"):  # before any node
            report.NoShowReportParameters(extra={"share": wrong})


ENDS = ("", "_low", "_high")


def test_patients_with_one_appointment_each_are_studied_like_others() -> None:
    """Then the folds have another name, which whatever picks folds by their name has to know."""
    conf = Path(__file__).parents[3] / "conf/base"
    families, rule = (
        yaml.safe_load((conf / file).read_text(encoding="utf-8"))
        for file in ("no_show/parameters.yml", "refresh.yml")
    )
    models = (m for family in families["no_show"]["models"].values() for m in family.values())
    named = [model["protocols"] for model in models if "protocols" in model]
    assert named
    for protocols in (*named, rule["models"]["no_show.model"]["protocol"]):
        assert set(protocols) == set(MAIN)


def test_the_page_states_no_fact_about_one_clinic() -> None:
    """What is true of the published table may be false of a clinic's own: figures say it or not."""
    page = Path(no_show.__file__).with_name("report.md.j2").read_text(encoding="utf-8")
    page += (Path(__file__).parents[3] / "conf/base/no_show/parameters.yml").read_text(
        encoding="utf-8"
    )
    for fact in (
        "One city",
        "rarely missed",
        "nearly always",
        "mislead",
        "seems to",
        "few rows, as",
        "Vitória",
        "Brazil",
        "alone an SMS",
        "no lot decided",
    ):
        assert fact not in page
