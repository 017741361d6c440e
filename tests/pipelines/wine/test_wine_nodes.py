"""Wines are joined whole, and those that measure the same are found."""

import json
from pathlib import Path

import pandas as pd
import pytest

from crossfold.datasets import SampleDataset
from crossfold.pipelines.wine.nodes import MEASUREMENTS, QUALITY, count_wines, join_wines
from crossfold.pipelines.wine.schemas import RAW, WINES

FACTS = json.loads((Path(__file__).parent / "facts.json").read_text())


def raw(colour: str, n_rows: int = 40) -> pd.DataFrame:
    return RAW.validate(SampleDataset(of="wines", colour=colour, n_rows=n_rows, seed=1).load())


def test_red_comes_first_and_every_row_is_kept() -> None:
    wines = WINES.validate(join_wines(raw("red", 30), raw("white")))
    assert list(wines["colour"]) == ["red"] * 30 + ["white"] * 40
    assert wines["source_row"].iloc[[0, 29, 30]].tolist() == [1, 30, 1]


def test_wines_that_differ_in_quality_or_colour_only_share_a_group() -> None:
    red, white = raw("red"), raw("white")
    red.loc[1] = red.loc[0]
    red.loc[1, "quality"] += 1
    white.loc[0] = red.loc[0]
    wines = join_wines(red, white)
    assert len(set(wines.loc[[0, 1, 40], "group"])) == 1
    assert wines.loc[2, "group"] != wines.loc[0, "group"] or red.loc[2].equals(red.loc[0])
    assert count_wines(wines)["groups_in_both_colours"] == 1


def test_the_sample_repeats_rows_as_the_source_does() -> None:
    wines = join_wines(raw("red", 200), raw("white", 600))
    assert 0.08 < count_wines(wines)["exact_duplicates"] / len(wines) < 0.25


@pytest.mark.real_data
def test_the_real_files_hold_what_is_known_of_them(mirror: Path) -> None:
    files = {
        colour: RAW.validate(pd.read_csv(mirror / f"wine/winequality-{colour}.csv", sep=";"))
        for colour in ("red", "white")
    }
    wines = WINES.validate(join_wines(files["red"], files["white"]))
    counts = count_wines(wines)
    assert counts["read"] == {"red": FACTS["red"], "white": FACTS["white"]}
    assert counts["exact_duplicates"] == FACTS["exact_duplicates"]
    # The fact counts rows that stand once in each file; another stands twice among the red.
    columns = [*MEASUREMENTS, QUALITY]
    single = wines.drop_duplicates([*columns, "colour"], keep=False)
    assert single.duplicated(columns).sum() == FACTS["rows_alike_in_both_colours"]
    assert counts["groups_in_both_colours"] == 2
