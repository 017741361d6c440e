"""Schema of the table of labels; Kedro checks it on load and save."""

import pandera.pandas as pa

from crossfold.datasets.images import CLASSES
from crossfold.pipelines.images.data import ORIGINS

LABELS = pa.DataFrameSchema(
    {
        "label": pa.Column("uint8", pa.Check.le(CLASSES - 1), description="class, from 0 to 9"),
        "origin": pa.Column(pa.Category(ORIGINS), description="published part that it comes from"),
        "row": pa.Column("int32", pa.Check.ge(0), description="place in its file, from 0"),
        "duplicate_of_test": pa.Column(
            "bool", description="a training image equal to a test image"
        ),
    },
    checks=[
        pa.Check(lambda table: len(table) > 0, error="at least one row"),
        pa.Check(
            lambda table: ~(table["duplicate_of_test"] & (table["origin"] == "test")),
            error="only training images as duplicates of a test image",
        ),
    ],
    unique=["origin", "row"],
    strict=True,
)
