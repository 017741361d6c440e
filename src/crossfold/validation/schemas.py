"""Schemas of the five tables: the catalog names them, and Kedro checks what is read and written."""

import pandera.pandas as pa

from crossfold.validation.tables import NOT_SET, TRAIN, VALIDATION


def _numbers(
    kind: str, low: float | None = None, *, nullable: bool = False, required: bool = True
) -> pa.Column:
    checks = [pa.Check(lambda values: values.dtype.kind in kind, error=f"numbers of kind {kind}")]
    bounds = [] if low is None else [pa.Check.ge(low)]
    return pa.Column(None, checks + bounds, nullable=nullable, required=required)


def _names(*allowed: str) -> pa.Column:
    checks = [
        pa.Check(
            lambda values: (
                not len(values) or isinstance(values.iloc[0], str) or values.isna().all()
            ),
            error="text",
        )
    ]
    return pa.Column(None, checks + ([pa.Check.isin(allowed)] if allowed else []))


_INTEGER, _FLOAT, _NUMBER = "iu", "f", "iufb"
_PROBABILITY = pa.Column(None, pa.Check.in_range(0, 1), regex=True, required=False)
_NETWORK = {
    **{"model": _names(), "protocol": _names()},
    **{"fold": _numbers(_INTEGER, 0), "member": _numbers(_INTEGER, NOT_SET)},
}
_ENDS = {"low": _numbers(_NUMBER, nullable=True), "high": _numbers(_NUMBER, nullable=True)}

FOLDS = pa.DataFrameSchema(
    {
        "protocol": _names(),
        "fold": _numbers(_INTEGER, 0),
        "row": _numbers(_INTEGER, 0),
        "role": _names(TRAIN, VALIDATION),
        "part": _numbers(_INTEGER, NOT_SET),
        "group": _numbers(_INTEGER, 0),
    },
    strict=True,
    description="one row is a row of the table in a fold; rows of part k calibrate member k",
)

PREDICTIONS = pa.DataFrameSchema(
    {
        **_NETWORK,
        "row": _numbers(_INTEGER, 0),
        "group": _numbers(_INTEGER, 0),
        "target": _numbers(_NUMBER),
        "predicted": _numbers(_NUMBER),
        r"^p\d+$": _PROBABILITY,
        r"^raw_p\d+$": _PROBABILITY,
        "threshold": _numbers(_FLOAT, required=False),
        "flagged": pa.Column("bool", required=False),
    },
    strict=True,
    description="one row is what a model says of a row that it did not learn from",
)

HISTORY = pa.DataFrameSchema(
    {
        **_NETWORK,
        "epoch": _numbers(_INTEGER, 0),
        "measure": _names(),
        "value": _numbers(_FLOAT, nullable=True),
    },
    strict=True,
    description="one row is a measure of one network after an epoch",
)

METRICS = pa.DataFrameSchema(
    {
        **{name: _names() for name in ("model", "protocol", "scope", "metric")},
        "estimate": _numbers(_NUMBER, nullable=True),
        **_ENDS,
        "n": _numbers(_INTEGER, 0),
    },
    strict=True,
    description="one row is an estimate with its 95 % interval; a fold may have none",
)

COMPARISON = pa.DataFrameSchema(
    {
        **{name: _names() for name in ("model_a", "model_b", "protocol", "metric", "test")},
        "difference": _numbers(_NUMBER, nullable=True),
        **_ENDS,
        "p_value": _numbers(_NUMBER, nullable=True),
        "n": _numbers(_INTEGER, 0),
        "verdict": _names(),
    },
    strict=True,
    description="one row compares model a with model b: the difference is a minus b",
)
