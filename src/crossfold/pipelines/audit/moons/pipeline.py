"""The audit of the moons study's source: train many seeds, judge the claims, write the report."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.audit.moons import nodes, training
from crossfold.pipelines.audit.reporting.pipeline import create_report

_OWN = ("protocol", "faults", "unstated", "printed")
_STUDY = ("network", "points")


def create_pipeline() -> Pipeline:
    """Build the audit; the study's points and predictions must have been made before."""
    protocol = Pipeline(
        [*_training_nodes(), *_judging_nodes()],
        namespace="moons.audit",
        inputs={"points": "moons.points", "predictions": "moons.predictions"},
        outputs={
            "claims": "moons_audit_claims",
            "first_predictions": "moons_audit.predictions",
            "seeds": "moons_audit.tables.seeds",
            "figure_seeds": "moons_audit.figures.seeds",
            **{name: f"moons_audit.{name}" for name in ("shares", "runs")},
        },
        parameters={
            "params:seed": "params:seed",
            **{f"params:{name}": f"params:moons_audit.{name}" for name in _OWN},
            **{f"params:{name}": f"params:moons.{name}" for name in _STUDY},
        },
        tags=["audit"],
    )
    return protocol + create_report("moons", further_figures=["seeds"])


def _training_nodes() -> list[Node]:
    return [
        Node(
            training.train_first_epoch,
            ["points", "params:network", "params:protocol", "params:seed"],
            "first_predictions",
            name="train_first_epoch",
        ),
        Node(
            training.train_seeds,
            [
                "points",
                "params:points",
                "params:network",
                "params:protocol",
                "params:unstated",
                "params:seed",
            ],
            "seeds",
            name="train_seeds",
        ),
    ]


def _judging_nodes() -> list[Node]:
    return [
        Node(
            nodes.judge_claims,
            [
                "first_predictions",
                "predictions",
                "seeds",
                "params:network",
                *(f"params:{name}" for name in _OWN),
            ],
            ["claims", "shares", "runs"],
            name="judge_claims",
        ),
        Node(
            nodes.draw_seeds,
            ["seeds", "params:protocol", "params:printed"],
            "figure_seeds",
            name="draw_seeds",
        ),
    ]
