"""Audits as data: a source's claims, measured with its faults and without, and judged."""

from crossfold.templates.audit.claims import (
    Claim,
    Claims,
    Protocol,
    Setup,
    beside_printed,
    list_setups,
)
from crossfold.templates.audit.judging import Tables, judge
from crossfold.templates.audit.measured import (
    Measured,
    exact,
    from_interval,
    mean_of,
    over_draws,
    resampled,
    share_of,
)
from crossfold.templates.audit.pipeline import TABLES, create_pipeline, run_side_by_side

__all__ = [
    "TABLES", "Claim", "Claims", "Measured", "Protocol", "Setup", "Tables", "beside_printed",
    "create_pipeline", "exact", "from_interval", "judge", "list_setups", "mean_of", "over_draws",
    "resampled", "run_side_by_side", "share_of",
]  # fmt: skip
