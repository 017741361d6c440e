"""Ranking: the riskiest first, one rank each, no patient."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from crossfold.pipelines.no_show import scoring

BASE = Path(__file__).parents[3] / "conf" / "base"
SCORED = pd.DataFrame({"probability": [0.1, 0.7, 0.7, 0.4], "flagged": [False, True, True, False]})


@pytest.fixture
def ranked(monkeypatch) -> pd.DataFrame:
    appointments = pd.DataFrame(
        {
            "appointment_id": ["11", "140", "12", "13"],
            "appointment_day": pd.to_datetime(["2016-06-09"] * 4),
            "patient": list("abcd"),
        },
        index=[5, 6, 7, 8],
    )
    monkeypatch.setattr(scoring, "score", lambda model, features: SCORED)
    table, same_table = scoring.rank_by_risk(([], {}), appointments, pd.DataFrame({"x": range(4)}))
    assert same_table is table
    return table


def test_the_riskiest_come_first_and_ties_by_number(ranked: pd.DataFrame) -> None:
    assert ranked["rank"].tolist() == [1, 2, 3, 4]
    assert ranked["appointment_id"].tolist() == ["12", "140", "13", "11"]
    np.testing.assert_allclose(ranked["probability"], [0.7, 0.7, 0.4, 0.1])


def test_no_patient_is_in_the_ranking(ranked: pd.DataFrame) -> None:
    assert list(ranked) == ["rank", "appointment_id", "appointment_day", "probability", "flagged"]


def test_past_patients_are_those_of_the_table_that_the_history_is_made_from() -> None:
    scored, studied = (
        yaml.safe_load((BASE / folder / "catalog.yml").read_text())
        for folder in ("no_show_score", "appointments")
    )
    past, table = scored["no_show.score.coming_raw"]["past"], studied["appointments"]
    assert past == {name: table[name] for name in ("type", "filepath", "versioned")} | {
        "load_args": {"columns": ["patient"]}
    }
