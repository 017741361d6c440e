"""Features against brute force, against the oracle, and against knowledge of the future."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossfold.pipelines.appointments import nodes, schemas
from crossfold.pipelines.appointments.cleaning import (
    AppointmentsParameters,
    HistoryAsOf,
)
from crossfold.pipelines.appointments.features import build_features

MODES: list[HistoryAsOf] = ["booking", "reminder"]
HISTORY = [
    "earlier_appointments",
    "earlier_no_shows",
    "earlier_no_shows_with_lead",
    "days_since_last_appointment",
    "last_lead_time_days",
    "last_outcome",
]
BOOKINGS = [
    "earlier_bookings",
    "open_bookings",
    "hours_since_last_booking",
    "bookings_same_moment",
    "bookings_same_second",
    "appointments_same_day",
]
SEES_LATER_BOOKINGS = "appointments_same_day"


def crowded(n: int, seed: int) -> pd.DataFrame:
    """Make appointments of few patients within few days and hours, so that everything collides."""
    rng = np.random.default_rng(seed)
    booked = pd.Timestamp("2016-05-02") + pd.to_timedelta(rng.integers(0, 9 * 24, n), unit="h")
    lead = pd.to_timedelta(rng.integers(0, 5, n) * (rng.random(n) < 0.7), unit="D")
    return pd.DataFrame(
        {
            "appointment_id": np.arange(n).astype("str"),
            "patient": pd.Series(rng.integers(0, max(1, n // 8), n)).astype("str"),
            "gender": pd.Categorical(rng.choice(["F", "M"], n), ["F", "M"]),
            "booked_at": pd.Series(booked).astype("datetime64[us]"),
            "appointment_day": pd.Series(booked.normalize() + lead).astype("datetime64[us]"),
            "age": rng.integers(0, 99, n).astype("int16"),
            "neighbourhood": pd.Categorical(rng.choice(["A", "B"], n)),
            **{
                name: rng.random(n) < 0.2
                for name in ("scholarship", "hypertension", "diabetes", "alcoholism")
            },
            "handicap": rng.integers(0, 5, n).astype("int8"),
            "sms_received": rng.random(n) < 0.3,
            "no_show": rng.random(n) < 0.3,
        }
    )


def brute_force(table: pd.DataFrame, row: int, mode: HistoryAsOf) -> dict[str, Any]:
    """Compute one row's features from what was known, by looking at every other row."""
    this = table.loc[row]
    booking_day = this["booked_at"].normalize()
    first_unknown_day = booking_day if mode == "booking" else this["appointment_day"]
    own = table[table["patient"] == this["patient"]]
    past = own[(own["appointment_day"] < first_unknown_day) & own["no_show"].notna()]
    lead = (past["appointment_day"] - past["booked_at"].dt.normalize()).dt.days
    earlier = own[own["booked_at"] <= this["booked_at"]].drop(index=row)
    before = own[own["booked_at"] < this["booked_at"]]
    features = {
        "earlier_appointments": len(past),
        "earlier_no_shows": past["no_show"].sum(),
        "earlier_no_shows_with_lead": (past["no_show"] & (lead > 0)).sum(),
        "days_since_last_appointment": np.nan,
        "last_lead_time_days": np.nan,
        "last_outcome": "none",
        "earlier_bookings": len(earlier),
        "open_bookings": (earlier["appointment_day"] >= booking_day).sum(),
        "hours_since_last_booking": np.nan,
        "bookings_same_moment": (own["booked_at"] == this["booked_at"]).sum(),
        "bookings_same_second": (table["booked_at"] == this["booked_at"]).sum(),
        "appointments_same_day": (own["appointment_day"] == this["appointment_day"]).sum(),
    }
    if len(past):
        last = past.sort_values(["appointment_day", "booked_at", "no_show"]).iloc[-1]
        features |= {
            "days_since_last_appointment": (first_unknown_day - last["appointment_day"]).days,
            "last_lead_time_days": lead[last.name],
            "last_outcome": "no_show" if last["no_show"] else "show",
        }
    if len(before):
        since = this["booked_at"] - before["booked_at"].max()
        features["hours_since_last_booking"] = since.total_seconds() / 3600
    return features


def assert_as_by_brute_force(table: pd.DataFrame, rows: list[int], mode: HistoryAsOf) -> None:
    built = build_features(table, mode)
    for row in rows:
        expected = brute_force(table, row, mode)
        for name in [*HISTORY, *BOOKINGS]:
            found, value = built.loc[row, name], expected[name]
            same = found == value if isinstance(value, str) else np.isclose(found, value, 1e-6)
            assert same or (pd.isna(found) and pd.isna(value)), (row, name, found, value)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("n", [1, 2, 120])
def test_features_are_those_of_brute_force(n: int, mode: HistoryAsOf) -> None:
    assert_as_by_brute_force(crowded(n, seed=n), list(range(n)), mode)


@pytest.mark.parametrize("mode", MODES)
def test_features_of_the_sample_are_those_of_brute_force(
    sample: pd.DataFrame, mode: HistoryAsOf
) -> None:
    rows = np.random.default_rng(0).choice(len(sample), 50, replace=False)
    assert_as_by_brute_force(sample, rows.tolist(), mode)


@pytest.mark.real_data
@pytest.mark.parametrize("mode", MODES)
def test_features_of_the_real_table_are_those_of_brute_force(
    real: tuple[pd.DataFrame, ...], mode: HistoryAsOf
) -> None:
    table = real[0]
    regulars = table["patient"].value_counts().index[:3]
    rng = np.random.default_rng(0)
    rows = [
        *rng.choice(np.flatnonzero(table["patient"].isin(regulars)), 25),
        *rng.choice(len(table), 25),
    ]
    assert_as_by_brute_force(table, rows, mode)


@pytest.mark.real_data
@pytest.mark.parametrize("mode", MODES)
def test_history_of_the_real_table_is_that_of_the_oracle(
    real: tuple[pd.DataFrame, ...], facts: dict[str, Any], mode: HistoryAsOf
) -> None:
    table = real[0]
    built = build_features(table, mode).set_index(table["appointment_id"])
    history = pd.DataFrame(facts["history"]).astype({"AppointmentID": "str"})
    oracle = history.set_index("AppointmentID")
    found = built.loc[oracle.index]
    for name in ("earlier_appointments", "earlier_no_shows"):
        assert found[name].tolist() == oracle[f"{name}_at_{mode}"].tolist()
    assert found["appointments_same_day"].tolist() == oracle["appointments_same_day"].tolist()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(MODES), st.data())
def test_outcomes_from_the_first_unknown_day_on_change_nothing(
    seed: int, mode: HistoryAsOf, data: st.DataObject
) -> None:
    table = crowded(40, seed)
    row = data.draw(st.integers(0, len(table) - 1))
    first_unknown_day = {
        "booking": table["booked_at"].dt.normalize(),
        "reminder": table["appointment_day"],
    }[mode][row]
    unknown = table["appointment_day"] >= first_unknown_day
    assert unknown[row]
    changed = table.assign(no_show=table["no_show"] ^ unknown)
    inputs = build_features(table, mode).drop(columns="no_show")
    inputs_after = build_features(changed, mode).drop(columns="no_show")
    pd.testing.assert_series_equal(inputs.loc[row], inputs_after.loc[row])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.data())
def test_bookings_made_later_change_nothing(seed: int, data: st.DataObject) -> None:
    table = crowded(40, seed)
    row = data.draw(st.integers(0, len(table) - 1))
    known = table["booked_at"] <= table["booked_at"][row]
    inputs = build_features(table, "booking")[BOOKINGS].drop(columns=SEES_LATER_BOOKINGS)
    without = build_features(table[known], "booking")[BOOKINGS].drop(columns=SEES_LATER_BOOKINGS)
    place = int(known[:row].sum())
    assert inputs.loc[row].tolist() == pytest.approx(without.loc[place].tolist(), nan_ok=True)


@pytest.mark.parametrize("mode", MODES)
def test_order_of_the_rows_changes_nothing(mode: HistoryAsOf) -> None:
    table = crowded(120, seed=5)
    order = np.random.default_rng(1).permutation(len(table))
    built = build_features(table, mode)
    shuffled = build_features(table.iloc[order], mode)
    pd.testing.assert_frame_equal(shuffled, built.iloc[order].reset_index(drop=True))


@pytest.mark.parametrize("mode", MODES)
def test_feature_table_holds_neither_patients_nor_appointments(
    sample: pd.DataFrame, mode: HistoryAsOf
) -> None:
    parameters = AppointmentsParameters(history_as_of=mode)
    built = nodes.build_appointment_features(sample, parameters)
    schemas.FEATURES.validate(built)
    assert built.index.equals(pd.RangeIndex(len(sample)))
    assert built["no_show"].equals(sample["no_show"])
    assert not {"patient", "appointment_id"} & set(built)


def test_tables_of_earlier_versions_fit_their_schemas(sample: pd.DataFrame) -> None:
    """Their identifiers are numbers and their counts have 16 bits; a refresh compares with them."""
    numbered = schemas.PRIMARY.validate(sample.astype({"appointment_id": "int64"}))
    assert numbered["appointment_id"].equals(sample["appointment_id"])
    built = build_features(sample, "reminder")
    counts = dict.fromkeys(built.select_dtypes("int32"), "int16")
    assert len(counts) == 8
    schemas.FEATURES.validate(built.astype(counts))


def test_times_by_hand() -> None:
    table = crowded(1, seed=0).assign(
        booked_at=pd.Timestamp("2016-04-29 23:45:10"), appointment_day=pd.Timestamp("2016-05-02")
    )
    built = build_features(table, "booking").iloc[0]
    assert built["lead_time_days"] == 3
    assert not built["same_day"]
    assert built["booking_hour"] == 23.75
    assert built["booking_weekday"] == "Friday"
    assert built["appointment_weekday"] == "Monday"


def test_counts_have_room_for_large_tables() -> None:
    """Forty thousand bookings of one patient within one second, as where times are not kept."""
    n = 40_000
    day = pd.Series(pd.Timestamp("2016-05-02")).astype("datetime64[us]").repeat(n)
    table = crowded(1, seed=0).loc[[0] * n].reset_index(drop=True)
    table = table.assign(patient="a", booked_at=day.to_numpy(), appointment_day=day.to_numpy())
    built = build_features(table, "reminder")
    for name in ("open_bookings", "bookings_same_moment", "appointments_same_day"):
        assert built[name].max() >= n - 1


def test_rate_is_drawn_towards_a_fifth() -> None:
    days = pd.to_datetime(["2016-05-02", "2016-05-03", "2016-05-04"]).astype("datetime64[us]")
    table = crowded(3, seed=0).assign(
        patient="a", booked_at=days, appointment_day=days, no_show=[True, True, False]
    )
    rate = build_features(table, "reminder")["earlier_no_show_rate"]
    assert rate.tolist() == pytest.approx([0.4 / 2, 1.4 / 3, 2.4 / 4])


def test_permuted_features_keep_the_rate_and_lose_the_outcome(sample: pd.DataFrame) -> None:
    parameters = AppointmentsParameters()
    permuted = nodes.build_permuted_features(sample, parameters, 1)
    pd.testing.assert_frame_equal(permuted, nodes.build_permuted_features(sample, parameters, 1))
    assert permuted["no_show"].sum() == sample["no_show"].sum()
    assert 0.2 < (permuted["no_show"] != sample["no_show"]).mean() < 0.45
    built = nodes.build_appointment_features(sample, parameters)
    assert not permuted["earlier_no_shows"].equals(built["earlier_no_shows"])
    assert permuted["earlier_appointments"].equals(built["earlier_appointments"])


@pytest.mark.parametrize("mode", MODES)
def test_coming_appointments_get_the_features_of_past_ones(mode: HistoryAsOf) -> None:
    """A day's appointments, scored in the morning, get the features that training gave them."""
    table = crowded(200, seed=2)
    today = table["appointment_day"].max() - pd.Timedelta(days=2)
    table = table[table["appointment_day"] <= today].reset_index(drop=True)
    coming = table[table["appointment_day"] == today]
    parameters = AppointmentsParameters(history_as_of=mode)
    scored = nodes.build_coming_features(
        coming.drop(columns="no_show").reset_index(drop=True),
        table[table["appointment_day"] < today],
        AppointmentsParameters(),
        ([], {"made_with": nodes.build_appointment_features(table, parameters).attrs}),
    )
    trained = build_features(table, mode).loc[coming.index].drop(columns="no_show")
    schemas.FEATURES.validate(scored)
    pd.testing.assert_frame_equal(scored, trained.reset_index(drop=True), check_categorical=False)


def test_outcome_of_a_coming_appointment_counts_nowhere() -> None:
    table = crowded(60, seed=4)
    missing = table.assign(no_show=table["no_show"].astype("boolean").mask(table["age"] < 50))
    built = build_features(missing, "reminder")
    for row in range(len(table)):
        known = brute_force(missing, row, "reminder")
        assert built.loc[row, "earlier_appointments"] == known["earlier_appointments"]


def test_past_row_of_a_coming_appointment_is_left_out() -> None:
    table = crowded(30, seed=6)
    coming = table.drop(columns="no_show")
    scored = nodes.build_coming_features(coming, table, AppointmentsParameters(), ([], {}))
    assert (scored["earlier_appointments"] == 0).all()
    assert (scored["appointments_same_day"] <= 30).all()


def test_coming_patients_of_whom_nobody_is_known_are_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    table = crowded(30, seed=6)
    coming = table.drop(columns="no_show").assign(appointment_id=lambda own: own.index + 1_000)
    for patients, n_told in ((coming["patient"], 0), ("hashed with another key", 1)):
        unlike = coming.assign(patient=patients)
        nodes.build_coming_features(unlike, table, AppointmentsParameters(), ([], {}))
        assert caplog.text.count("so that no history counts") == n_told


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    from time import process_time

    start = process_time()
    result = function()
    return process_time() - start, result


@pytest.mark.real_data
def test_real_table_is_cleaned_and_featurized_in_three_seconds(real_raw: pd.DataFrame) -> None:
    parameters = AppointmentsParameters()
    cleaning, (table, _, _) = timed(lambda: nodes.clean_appointments(real_raw))
    features, _ = timed(lambda: nodes.build_appointment_features(table, parameters))
    assert cleaning + features < 3
