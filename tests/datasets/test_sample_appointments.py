"""The synthetic sample: repeatable, in the real table's form, with rates like its."""

from pathlib import Path

import pandas as pd
import pytest

from crossfold.datasets import ExportDataset, SampleDataset
from crossfold.datasets.bases import DataError
from crossfold.datasets.samples import PUBLISHED
from crossfold.pipelines.appointments import schemas
from crossfold.pipelines.appointments.cleaning import DUPLICATE, ROW_RULES
from crossfold.pipelines.appointments.nodes import clean_appointments


def sample(n_rows: int = 5000, seed: int = 42) -> SampleDataset:
    return SampleDataset(of="appointments", n_rows=n_rows, seed=seed, credentials={"key": "k"})


@pytest.fixture(scope="module")
def raw() -> pd.DataFrame:
    return sample().load()


def test_equal_seeds_give_equal_rows(raw: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(sample().load(), raw)
    assert not sample(seed=1).load().equals(raw)
    assert sample().preview(3)["data"] == raw.head(3).to_numpy().tolist()


def test_every_rule_has_rows_that_break_it(raw: pd.DataFrame) -> None:
    kept, _, counts = clean_appointments(raw)
    assert counts["rejected"] == dict.fromkeys([*ROW_RULES, DUPLICATE], 2)
    assert len(kept) == counts["kept"] == 5000


def test_rates_are_like_the_published_ones(raw: pd.DataFrame) -> None:
    kept, _, _ = clean_appointments(raw)
    lead = (kept["appointment_day"] - kept["booked_at"].dt.normalize()).dt.days
    same_day, long = kept[lead == 0], kept[lead >= 15]
    assert len(same_day) / len(kept) == pytest.approx(0.349, abs=0.02)
    assert kept["no_show"].mean() == pytest.approx(0.202, abs=0.02)
    assert same_day["no_show"].mean() == pytest.approx(0.046, abs=0.025)
    assert long["no_show"].mean() == pytest.approx(0.33, abs=0.04)
    assert not kept.loc[lead < 3, "sms_received"].any()
    assert kept.loc[lead >= 3, "sms_received"].mean() == pytest.approx(0.59, abs=0.03)
    assert kept["patient"].nunique() < 0.7 * len(kept)


def test_form_is_that_of_a_real_export(raw: pd.DataFrame, tmp_path: Path) -> None:
    columns = list(PUBLISHED)
    file = tmp_path / "a.csv"
    raw[columns].rename(columns=PUBLISHED).to_csv(file, index=False)
    read = ExportDataset(filepath=str(file), columns=PUBLISHED).load()
    assert set(raw.columns) == set(read.columns)
    assert raw.dtypes[columns].equals(read.dtypes[columns])
    schemas.RAW.validate(raw)


def test_sample_is_never_written() -> None:
    with pytest.raises(DataError, match="never written"):
        sample().save(pd.DataFrame())  # type: ignore[arg-type]


def test_the_same_patients_come_again_later_without_outcomes(raw: pd.DataFrame) -> None:
    coming = SampleDataset(
        of="appointments", n_rows=5000, seed=42, credentials={"key": "k"}, days_later=41
    ).load()
    assert "no_show" not in coming
    past, *_ = clean_appointments(raw)
    kept, _, counts = clean_appointments(coming)
    assert len(kept) == 5000
    assert counts["rejected"]
    assert set(kept["patient"]) == set(past["patient"])
    assert not set(kept["appointment_id"]) & set(past["appointment_id"])
    assert kept["appointment_day"].min() > past["appointment_day"].max()
