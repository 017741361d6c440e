"""What the sample environment reads: synthetic tables and small images, made when they are read.

Of the synthetic appointments, each patient has a sex, an age, conditions, a neighbourhood and a
tendency to miss appointments; each appointment has a lead time drawn from the published shares. The
chance of a no-show is the published one of that lead time, moved on the logit scale by age,
scholarship, SMS and the patient's tendency.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.datasets.bases import DataError, ReadOnlyDataset
from crossfold.datasets.identifiers import hash_identifiers
from crossfold.datasets.images import LabelledImages

if TYPE_CHECKING:
    from kedro_datasets._typing import TablePreview

INVALID_ROWS_EACH = 2
SOURCE_FILE = "synthetic sample"

Part = Literal["train", "independent", "labels"]
# Patients of each class in the two published files of gene expression.
PATIENTS = {"train": (27, 11), "independent": (20, 14)}
CONTROLS_SHARE, INFORMATIVE_SHARE, SHIFT = 0.01, 0.05, 1.0

Colour = Literal["red", "white"]
# Mean and standard deviation of the published measurements: red, then white.
WINES: dict[str, tuple[float, float, float, float]] = {
    "fixed acidity": (8.32, 1.74, 6.85, 0.84),
    "volatile acidity": (0.53, 0.18, 0.28, 0.10),
    "citric acid": (0.27, 0.19, 0.33, 0.12),
    "residual sugar": (2.54, 1.41, 6.39, 5.07),
    "chlorides": (0.087, 0.047, 0.046, 0.022),
    "free sulfur dioxide": (15.9, 10.5, 35.3, 17.0),
    "total sulfur dioxide": (46.5, 32.9, 138.4, 42.5),
    "density": (0.9967, 0.0019, 0.9940, 0.0030),
    "pH": (3.31, 0.154, 3.19, 0.151),
    "sulphates": (0.66, 0.17, 0.49, 0.114),
    "alcohol": (10.4, 1.07, 10.5, 1.23),
}
DUPLICATED_SHARE = 0.18
FIRST_DAY, LAST_DAY = np.datetime64("2016-04-29"), np.datetime64("2016-06-08")
LEAD_TIMES = pd.DataFrame(
    [
        (0, 0, 0.349, 0.046),
        (1, 1, 0.047, 0.214),
        (2, 2, 0.061, 0.238),
        (3, 7, 0.183, 0.250),
        (8, 14, 0.109, 0.305),
        (15, 30, 0.157, 0.326),
        (31, 60, 0.075, 0.342),
        (61, 179, 0.019, 0.284),
    ],
    columns=["first_day", "last_day", "share", "no_show_rate"],
)
APPOINTMENTS_PER_PATIENT = 1.8
N_NEIGHBOURHOODS = 20
FIRST_DAY_WITH_SMS, SMS_SHARE = 3, 0.59
TENDENCY_SPREAD = 0.9
NEW_NUMBERS = 1_000_000
PUBLISHED = {
    "patient": "PatientId",
    "appointment": "AppointmentID",
    "gender": "Gender",
    "booked": "ScheduledDay",
    "appointment_day": "AppointmentDay",
    "age": "Age",
    "neighbourhood": "Neighbourhood",
    "scholarship": "Scholarship",
    "hypertension": "Hipertension",
    "diabetes": "Diabetes",
    "alcoholism": "Alcoholism",
    "handicap": "Handcap",
    "sms_received": "SMS_received",
    "no_show": "No-show",
}
"""The columns of the published table by the names that the project gives them."""


def sample_appointments(
    *, n_rows: int, seed: int, credentials: dict[str, str], days_later: int | None = None
) -> pd.DataFrame:
    """Make appointments in the form in which `ExportDataset` gives real ones.

    There are `n_rows` valid ones; two rows that break each row rule come on top. Equal seeds give
    equal rows. Credentials are ``{"key": secret}`` for the hashes of patients. `days_later` is None
    for past appointments; else the same ones come again so many days later, without outcomes.
    """
    made = make_appointments(n_rows, np.random.default_rng(seed))
    if days_later is not None:
        made = _coming_again(made, days_later)
    table = add_invalid_rows(made, INVALID_ROWS_EACH)
    table = table.rename(columns={own: name for name, own in PUBLISHED.items()})
    table["patient"] = hash_identifiers(table["patient"], credentials["key"])
    table["source_file"] = pd.Categorical([SOURCE_FILE] * len(table))
    table["source_row"] = pd.RangeIndex(1, len(table) + 1).astype("int32")
    return table


def sample_expression(*, part: Part, n_probes: int, seed: int) -> pd.DataFrame:
    """Make expressions in the form in which `ExportDataset` gives the published files.

    One probe in twenty differs between the classes; there are as many patients of each class in
    each file as were published. The part is ``train``, ``independent`` or ``labels``; equal seeds
    give the same patients, whatever the part.
    """
    origin = np.repeat(list(PATIENTS), [sum(counts) for counts in PATIENTS.values()])
    is_aml = np.concatenate([np.repeat([0, 1], counts) for counts in PATIENTS.values()])
    if part == "labels":
        label = np.where(is_aml, "AML", "ALL")
        table = pd.DataFrame({"patient": np.arange(1, len(label) + 1), "cancer": label})
    else:
        table = _make_probes(is_aml, n_probes, np.random.default_rng(seed))
        patients = np.flatnonzero(origin != part) + 1
        drop = [name for number in patients for name in (str(number), f"call.{number}")]
        table = table.drop(columns=drop)
    rows = pd.RangeIndex(1, len(table) + 1).astype("int32")
    return table.astype("str").assign(source_file=SOURCE_FILE, source_row=rows)


def _make_probes(is_aml: np.ndarray, n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Draw the expressions of all patients; calls are present above the background."""
    shift = rng.normal(0, SHIFT, n) * (rng.random(n) < INFORMATIVE_SHARE)
    level = rng.normal(5, 1.2, n)[:, None] + shift[:, None] * is_aml
    noise = rng.normal(0, 0.5, (n, len(is_aml)))
    values = np.exp(level + noise) + rng.normal(-50, 100, noise.shape)
    controls = round(n * CONTROLS_SHARE)
    names = [f"AFFX-{i}_at" if i < controls else f"S{i:05d}_at" for i in range(n)]
    columns: dict[str, Any] = {
        "Gene Description": [f"synthetic gene {i}" for i in range(n)],
        "Gene Accession Number": names,
    }
    for patient, of_patient in enumerate(values.T.round().astype(int), start=1):
        columns[str(patient)] = of_patient
        columns[f"call.{patient}"] = np.where(of_patient > 200, "P", "A")
    return pd.DataFrame(columns)


def sample_images(*, part: Literal["train", "test"]) -> LabelledImages:
    """Give scikit-learn's 1,797 handwritten digits of 8×8 pixels, enlarged to 28×28.

    They are in the place of published images where there is no network. Each pixel becomes 3×3 with
    a margin of two pixels around; every fourth image is a test image.
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    is_test = np.arange(len(digits.target)) % 4 == 3
    chosen = is_test if part == "test" else ~is_test
    small = np.minimum(digits.images[chosen] * 16, 255).astype(np.uint8)
    enlarged = small.repeat(3, axis=1).repeat(3, axis=2)
    images = np.pad(enlarged, ((0, 0), (2, 2), (2, 2)))
    return LabelledImages(images, digits.target[chosen].astype(np.uint8))


def sample_wines(*, colour: Colour, n_rows: int, seed: int) -> pd.DataFrame:
    """Make wines of one colour, with the columns and about the figures of the published ones.

    Measurements are drawn one by one, so wines are further from real ones than their means suggest.
    About one row in six repeats another. Equal seeds give equal rows.
    """
    first = 2 * (colour == "white")
    rng = np.random.default_rng((seed, first))
    columns = {
        name: np.abs(rng.normal(figures[first], figures[first + 1], n_rows)).round(4)
        for name, figures in WINES.items()
    }
    table = pd.DataFrame(columns).assign(quality=rng.integers(4, 8, n_rows))
    copies = rng.random(n_rows) < DUPLICATED_SHARE
    originals = rng.integers(n_rows, size=n_rows)
    return table.iloc[np.where(copies, originals, np.arange(n_rows))].reset_index(drop=True)


MAKERS: dict[str, Callable[..., Any]] = {
    "appointments": sample_appointments,
    "expression": sample_expression,
    "images": sample_images,
    "wines": sample_wines,
}


class SampleDataset(ReadOnlyDataset[Any]):
    """A sample, made when it is read.

    Parameters
    ----------
    of
        What it is a sample of: ``appointments``, made by `sample_appointments`, ``expression``,
        ``images`` or ``wines``.
    metadata
        Ignored here; read by Kedro-Viz.
    **arguments
        Those of the function.
    """

    def __init__(
        self, *, of: str, metadata: dict[str, Any] | None = None, **arguments: Any
    ) -> None:
        if of not in MAKERS:
            raise DataError(f"There is no sample of {of}: there are {', '.join(MAKERS)}.")
        self._make = MAKERS[of]
        inspect.signature(self._make).bind(**arguments)
        self._arguments = arguments
        self.metadata = metadata

    def load(self) -> Any:
        """Make the sample."""
        return self._make(**self._arguments)

    def preview(self, nrows: int = 5) -> TablePreview:
        """Show the first rows of a table; of images nothing."""
        made = self.load()
        return made.head(nrows).to_dict(orient="split") if isinstance(made, pd.DataFrame) else {}

    def _describe(self) -> dict[str, Any]:
        return {name: value for name, value in self._arguments.items() if name != "credentials"}

    def _exists(self) -> bool:
        return True


def make_appointments(n_rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """Make appointments that break no rule.

    Returns the columns of the published table, all as text, in the order of booking.
    """
    patients = _make_patients(max(1, round(n_rows / APPOINTMENTS_PER_PATIENT)), rng)
    # Some patients come far more often than others.
    often = _shares(rng.gamma(1.0, 1.0, len(patients)) + 0.2)
    rows = patients.iloc[rng.choice(len(patients), n_rows, p=often)].reset_index(drop=True)
    lead_time = LEAD_TIMES.iloc[rng.choice(len(LEAD_TIMES), n_rows, p=_shares(LEAD_TIMES["share"]))]
    lead_days = rng.integers(lead_time["first_day"], lead_time["last_day"], endpoint=True)
    sms = (lead_days >= FIRST_DAY_WITH_SMS) & (rng.random(n_rows) < SMS_SHARE)
    rate = lead_time["no_show_rate"].to_numpy()
    logit = (
        np.log(rate / (1 - rate))
        + rows["tendency"]
        + 0.2 * rows["Scholarship"]
        - 0.012 * (rows["Age"] - 37)
        - 0.25 * (sms - SMS_SHARE) * (lead_days >= FIRST_DAY_WITH_SMS)
    )
    days = np.arange(FIRST_DAY, LAST_DAY + 1)
    day = rng.choice(days[np.is_busday(days)], n_rows)
    booking_day = day - lead_days.astype("timedelta64[D]")
    seconds = np.clip(rng.normal(11.2, 3, n_rows), 6.5, 21) * 3600
    booked = booking_day.astype("datetime64[s]") + seconds.astype("timedelta64[s]")
    table = rows.drop(columns="tendency").assign(
        ScheduledDay=np.datetime_as_string(booked),
        AppointmentDay=np.datetime_as_string(day.astype("datetime64[s]")),
        SMS_received=sms.astype(int),
        **{"No-show": np.where(rng.random(n_rows) < _logistic(logit), "Yes", "No")},
    )
    return _in_published_form(table)


def _make_patients(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Draw the traits that a patient keeps; older patients have more conditions."""
    age = np.clip(np.where(rng.random(n) < 0.25, rng.gamma(2, 4, n), rng.normal(45, 18, n)), 0, 98)
    return pd.DataFrame(
        {
            "PatientId": 10_000_000 + rng.permutation(n),
            "Gender": np.where(rng.random(n) < 0.65, "F", "M"),
            "Age": age.astype(int),
            "Neighbourhood": [f"DISTRICT {d:02d}" for d in rng.integers(1, N_NEIGHBOURHOODS, n)],
            "Scholarship": (rng.random(n) < 0.1).astype(int),
            "Hipertension": (rng.random(n) < _logistic((age - 62) / 10)).astype(int),
            "Diabetes": (rng.random(n) < 0.35 * _logistic((age - 62) / 10)).astype(int),
            "Alcoholism": ((age > 17) & (rng.random(n) < 0.035)).astype(int),
            "Handcap": rng.choice(5, n, p=[0.9793, 0.0185, 0.0017, 0.0003, 0.0002]),
            "tendency": rng.normal(-(TENDENCY_SPREAD**2) / 6, TENDENCY_SPREAD, n),
        }
    )


def _in_published_form(table: pd.DataFrame) -> pd.DataFrame:
    ordered = table.sort_values("ScheduledDay", ignore_index=True)
    ordered.insert(1, "AppointmentID", 5_000_000 + np.arange(len(ordered)) * 7)
    ordered["ScheduledDay"] += "Z"
    ordered["AppointmentDay"] += "Z"
    columns = ["PatientId", "AppointmentID", "Gender", "ScheduledDay", "AppointmentDay", "Age"]
    return ordered[[*columns, *ordered.columns.drop(columns)]].astype("str")


def _coming_again(table: pd.DataFrame, days_later: int) -> pd.DataFrame:
    """Move appointments some days on, so that they are still to come, without outcomes."""
    moved = table.drop(columns="No-show")
    moved["AppointmentID"] = (moved["AppointmentID"].astype("int64") + NEW_NUMBERS).astype("str")
    for column in ("ScheduledDay", "AppointmentDay"):
        later = pd.to_datetime(moved[column]) + pd.Timedelta(days=days_later)
        moved[column] = later.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    return moved


def add_invalid_rows(table: pd.DataFrame, each: int) -> pd.DataFrame:
    """Add rows that break each row rule, made from the first rows of `make_appointments`."""
    faults = [
        ("PatientId", ""),
        ("AppointmentID", ""),
        ("ScheduledDay", "yesterday"),
        ("AppointmentDay", "2015-01-05T00:00:00Z"),
        ("Age", "-1"),
        ("Gender", "?"),
        ("Diabetes", "2"),
        ("Handcap", "9"),
        ("No-show", "Maybe"),
        ("ScheduledDay", "1900-01-01T00:00:00Z"),
        ("AppointmentDay", "2061-04-29T00:00:00Z"),
    ]
    broken = [
        table.iloc[number * each : (number + 1) * each].assign(**{column: value})
        for number, (column, value) in enumerate(faults)
        if column in table
    ]
    renumbered = pd.concat(broken)
    numbers = pd.RangeIndex(9_000_000, 9_000_000 + len(renumbered)).astype("str")
    has_number = renumbered["AppointmentID"] != ""
    renumbered["AppointmentID"] = numbers.to_series().where(has_number.to_numpy(), "").array
    return pd.concat([table, renumbered, table.iloc[:each]], ignore_index=True)


def _shares(weights: NDArray[np.float64] | pd.Series) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = np.asarray(weights, dtype=np.float64) / np.sum(weights)
    return shares


def _logistic(x: NDArray[np.float64] | pd.Series) -> NDArray[np.float64]:
    chance: NDArray[np.float64] = 1 / (1 + np.exp(-np.asarray(x, dtype=np.float64)))
    return chance
