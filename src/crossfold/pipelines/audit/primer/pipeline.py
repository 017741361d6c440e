"""The audit of the primer's source: train many seeds, judge the claims, write the report."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.audit.primer import nodes, training
from crossfold.pipelines.audit.reporting.pipeline import create_report

_TRAINED = ["params:first_network", "params:protocol", "params:faults"]
_OWN = ("protocol", "faults", "printed")
_FROM_STUDY = ("points", "network_epochs")


def create_pipeline() -> Pipeline:
    """Build the audit; the study's tables must have been made before."""
    protocol = Pipeline(
        _nodes(),
        namespace="primer.audit",
        inputs={name: f"primer.{name}" for name in _FROM_STUDY},
        outputs={
            "claims": "primer_audit_claims",
            "seeds": "primer_audit.tables.seeds",
            "figure_seeds": "primer_audit.figures.seeds",
            **{name: f"primer_audit.{name}" for name in ("shares", "runs")},
        },
        parameters={
            "params:seed": "params:seed",
            "params:first_network": "params:primer.first_network",
            **{f"params:{name}": f"params:primer_audit.{name}" for name in _OWN},
        },
        tags=["audit"],
    )
    return protocol + create_report("primer", further_figures=["seeds"])


def _nodes() -> list[Node]:
    return [
        Node(training.train_seeds, [*_TRAINED, "params:seed"], "seeds", name="train_seeds"),
        Node(
            nodes.judge_claims,
            ["seeds", *_FROM_STUDY, *_TRAINED, "params:printed", "params:seed"],
            ["claims", "shares", "runs"],
            name="judge_claims",
        ),
        Node(nodes.draw_seeds, ["seeds", "params:printed"], "figure_seeds", name="draw_seeds"),
    ]
