"""The audit of the moons study's source: train many seeds, judge the claims, write the page."""

from __future__ import annotations

from kedro.pipeline import Pipeline

from crossfold.pipelines.moons.audit import nodes
from crossfold.templates import audit
from crossfold.templates.wiring import wire

_STUDY = ("network", "points")


def create_pipeline() -> Pipeline:
    """Build the audit; the study's points must have been drawn before."""
    claimed = ["params:protocol", "params:claims"]
    trained = ["points", "params:points", "params:network", *claimed, "params:seed"]
    judged = ["seeds", "params:network", *claimed]
    made = wire(
        (nodes.train_seeds, trained, "seeds"),
        (nodes.judge_claims, judged, ["claims", "shares", "runs"]),
    )
    return audit.create_pipeline(
        "moons",
        made,
        inputs={"points": "moons.points"},
        outputs={"seeds": "moons_audit.tables.seeds"},
        parameters={
            "protocol": "moons_audit.protocol",
            **{name: f"moons.{name}" for name in _STUDY},
        },
    )
