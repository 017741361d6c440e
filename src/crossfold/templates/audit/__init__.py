"""Audits as data: a source's claims, measured with its faults and without, and judged."""

from crossfold.templates.audit.claims import Claim, Claims
from crossfold.templates.audit.judging import judge
from crossfold.templates.audit.measured import (
    Measured,
    exact,
    from_interval,
    mean_of,
    over_draws,
    resampled,
    share_of,
)
from crossfold.templates.audit.pipeline import create_pipeline
from crossfold.templates.audit.setups import Setup, beside_printed, list_setups, run_figures

__all__ = [
    "Claim",
    "Claims",
    "Measured",
    "Setup",
    "beside_printed",
    "create_pipeline",
    "exact",
    "from_interval",
    "judge",
    "list_setups",
    "mean_of",
    "over_draws",
    "resampled",
    "run_figures",
    "share_of",
]
