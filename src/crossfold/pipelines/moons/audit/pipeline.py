"""The audit of the moons study's source: train many seeds, judge the claims, write the page."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.moons.audit import nodes
from crossfold.templates import audit

_STUDY = ("network", "points")


def create_pipeline() -> Pipeline:
    """Build the audit; the study's points must have been drawn before."""
    train = Node(
        nodes.train_seeds,
        ["points", "params:points", "params:network", "params:protocol", "params:claims",
         "params:seed"],
        "seeds",
        name="train_seeds",
    )  # fmt: skip
    judge = Node(
        nodes.judge_claims,
        ["seeds", "params:network", "params:protocol", "params:claims"],
        ["claims", "shares", "runs"],
        name="judge_claims",
    )
    return audit.create_pipeline(
        "moons",
        [train, judge],
        inputs={"points": "moons.points"},
        outputs={"seeds": "moons_audit.tables.seeds"},
        parameters={
            "protocol": "moons_audit.protocol",
            **{name: f"moons.{name}" for name in _STUDY},
        },
    )
