"""Odd tables, as people have them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crossfold.pipelines.table.profile import Profile, Wishes
from crossfold.pipelines.table.study import read_profile

FIRST_PATIENT = 29_872_499_824_296  # 14 digits, as in the wild


@pytest.fixture
def visits() -> pd.DataFrame:
    """Make visits of patients: every kind of column, as text."""
    random = np.random.default_rng(0)
    n = 400
    patient = random.integers(120, size=n)
    age = 20 + patient % 60
    missed = random.random(n) < np.where(age < 40, 0.5, 0.15)
    days = pd.Timestamp("2023-01-02") + pd.to_timedelta(random.integers(300, size=n), unit="D")
    return pd.DataFrame(
        {
            "patient_id": (FIRST_PATIENT + patient * 7919).astype("str"),
            "visit": np.arange(1, n + 1).astype("str"),
            "age": age.astype("str"),
            "weight": np.round(random.normal(70, 12, n), 1).astype("str"),
            "visited_on": days.strftime("%Y-%m-%d"),
            "insured": random.choice(["yes", "no"], n),
            "postcode": random.choice(["01067", "80331", "20095"], n),
            "remark": [f"came by bus {place} times" for place in random.permutation(n)],
            "country": "D",
            "missed": np.where(missed, "yes", "no"),
        }
    )


@pytest.fixture
def profile_of(tmp_path: Path) -> Callable[..., Profile]:
    """Give a function that writes a table as CSV and finds out what it holds."""

    def profile(table: pd.DataFrame, target: str, **wishes: object) -> Profile:
        file = tmp_path / "table.csv"
        table.to_csv(file, index=False)
        return read_profile(str(file), Wishes(target=target, **wishes))[1]  # type: ignore[arg-type]

    return profile
