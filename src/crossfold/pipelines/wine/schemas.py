"""Schemas of the wine tables; Kedro checks them on load and save."""

import pandera.pandas as pa

from crossfold.pipelines.wine.nodes import COLOURS, MEASUREMENTS, QUALITY

_HAS_ROWS = pa.Check(lambda table: len(table) > 0, error="at least one row")
_POSITIVE = pa.Check.ge(0)
_SOURCE_NAMES = {"ph": "pH"}

RAW = pa.DataFrameSchema(
    {
        _SOURCE_NAMES.get(name, name.replace("_", " ")): pa.Column("float64", _POSITIVE)
        for name in (*MEASUREMENTS, QUALITY)
    },
    checks=_HAS_ROWS,
    coerce=True,
)
WINES = pa.DataFrameSchema(
    {
        **{name: pa.Column("float64", _POSITIVE) for name in MEASUREMENTS},
        QUALITY: pa.Column(
            "int8", pa.Check.in_range(0, 10), description="median of tasters' marks"
        ),
        "colour": pa.Column(pa.Category(COLOURS), description="file that the wine comes from"),
        "source_row": pa.Column("int32", pa.Check.ge(1), description="row in that file, from 1"),
        "group": pa.Column("int32", _POSITIVE, description="wines alike in all measurements"),
    },
    checks=_HAS_ROWS,
    unique=["colour", "source_row"],
    strict=True,
)
