"""Nodes that join the wines and find those that measure the same, and the names of columns."""

from typing import Any

import pandas as pd

MEASUREMENTS = (
    *("fixed_acidity", "volatile_acidity", "citric_acid", "residual_sugar", "chlorides"),
    *("free_sulfur_dioxide", "total_sulfur_dioxide", "density", "ph", "sulphates", "alcohol"),
)
QUALITY = "quality"
RED, WHITE = "red", "white"
COLOURS = (RED, WHITE)


def join_wines(red_wines_raw: pd.DataFrame, white_wines_raw: pd.DataFrame) -> pd.DataFrame:
    """Join red and white wines, red first, as the files list them.

    Returns eleven measurements, ``quality``, ``colour``, ``source_row`` (from 1) and ``group``:
    wines alike in all eleven measurements share one, whatever their colour and quality.
    """
    joined = pd.concat(
        [_one_colour(red_wines_raw, RED), _one_colour(white_wines_raw, WHITE)], ignore_index=True
    )
    group = joined.groupby(list(MEASUREMENTS), sort=False).ngroup()
    colour = pd.Categorical(joined["colour"], categories=COLOURS)
    return joined.assign(colour=colour, group=group.astype("int32"))


def _one_colour(raw: pd.DataFrame, colour: str) -> pd.DataFrame:
    names = {name: name.lower().replace(" ", "_") for name in raw.columns}
    table = raw.rename(columns=names).astype(dict.fromkeys(MEASUREMENTS, "float64"))
    source_row = pd.RangeIndex(1, len(table) + 1).astype("int32")
    return table.astype({QUALITY: "int8"}).assign(colour=colour, source_row=source_row)


def count_wines(wines: pd.DataFrame) -> dict[str, Any]:
    """Count wines, exact duplicates and what is alike in both colours."""
    inputs = [*MEASUREMENTS, QUALITY]
    colours_of_group = wines.groupby("group")["colour"].nunique()
    return {
        "read": {colour: int((wines["colour"] == colour).sum()) for colour in COLOURS},
        "exact_duplicates": int(wines.duplicated([*inputs, "colour"]).sum()),
        "groups": int(wines["group"].nunique()),
        "groups_in_both_colours": int((colours_of_group > 1).sum()),
    }
