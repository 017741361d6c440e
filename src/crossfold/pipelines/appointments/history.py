"""Features of a patient's past, from outcomes that were known when the prediction is made."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crossfold.pipelines.appointments.lookup import (
    Integers,
    SortedEvents,
    Times,
)

LAST_OUTCOMES = ["none", "show", "no_show"]
PRIOR_RATE, PRIOR_APPOINTMENTS = 0.2, 2


def history_features(no_show: pd.Series, times: Times, first_unknown_day: Integers) -> pd.DataFrame:
    """Describe each patient's appointments on days before a given one.

    Parameters
    ----------
    no_show
        Outcomes; a missing one counts nowhere.
    times
        Who and when.
    first_unknown_day
        First day whose outcomes are not known, for each row. It is never later than the row's own
        day, so neither its own outcome counts nor any of that day.

    Returns
    -------
    ``earlier_appointments`` and ``earlier_no_shows``; ``earlier_no_show_rate``, drawn towards 0.2
    as by two more appointments; ``earlier_no_shows_with_lead``, those not booked on their day;
    ``days_since_last_appointment`` and ``last_lead_time_days``, missing where there is none;
    ``last_outcome``. Of several appointments on the last day, the one booked last counts.
    """
    known = np.flatnonzero(no_show.notna())
    missed = no_show.to_numpy()[known].astype(np.int64)
    lead = times.lead_time_days[known]
    day, booked = times.appointment_day[known], times.booking_second[known]
    past = SortedEvents(times.patient[known], day, booked, missed)
    start, end = past.start(times.patient), past.before(times.patient, first_unknown_day)
    n, n_missed = end - start, _sum_between(missed[past.order], start, end)
    last = past.order[np.maximum(end - 1, 0)] if len(known) else np.zeros_like(end)
    return pd.DataFrame(
        {
            "earlier_appointments": n.astype("int32"),
            "earlier_no_shows": n_missed.astype("int32"),
            "earlier_no_show_rate": _shrunken_rate(n_missed, n),
            "earlier_no_shows_with_lead": _sum_between(
                (missed * (lead > 0))[past.order], start, end
            ).astype("int32"),
            "days_since_last_appointment": _where(n > 0, first_unknown_day - _take(day, last)),
            "last_lead_time_days": _where(n > 0, _take(lead, last)),
            "last_outcome": pd.Categorical.from_codes(
                np.where(n > 0, _take(missed, last) + 1, 0), pd.Index(LAST_OUTCOMES)
            ),
        }
    )


def _sum_between(sorted_values: Integers, start: Integers, end: Integers) -> Integers:
    total: Integers = np.concatenate([[0], np.cumsum(sorted_values)])
    return total[end] - total[start]


def _shrunken_rate(n_missed: Integers, n: Integers) -> pd.Series:
    rate = (n_missed + PRIOR_RATE * PRIOR_APPOINTMENTS) / (n + PRIOR_APPOINTMENTS)
    return pd.Series(rate, dtype="float32")


def _take(values: Integers, places: Integers) -> Integers:
    return values[places] if len(values) else np.zeros_like(places)


def _where(exists: np.ndarray, values: Integers) -> pd.Series:
    return pd.Series(np.where(exists, values, np.nan), dtype="float32")
