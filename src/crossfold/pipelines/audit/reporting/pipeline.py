"""From an audit's tables to its figures and its page, and from all audits to one page."""

from __future__ import annotations

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.audit.reporting import nodes

FIGURES = ("claims", "shares", "runs")
JOINED = "audit"


def create_report(study: str, further_figures: Sequence[str] = ()) -> Pipeline:
    """Build the figures and the page of one study's audit.

    It reads ``<study>_audit_claims``, ``<study>_audit.shares`` and ``.runs`` and the parameters
    ``<study>_audit.report``.

    Parameters
    ----------
    study
        Name of the study.
    further_figures
        Names of further figures on the page, ``<study>_audit.figures.<name>``, which the audit has
        drawn; their captions are in the parameters.
    """
    audit = f"{study}_audit"
    shown = (*FIGURES, *further_figures)
    tables = {name: name for name in ("claims", "shares", "runs")}
    draw = Node(
        nodes.draw_figures,
        tables,
        {name: f"figure_{name}" for name in FIGURES},
        name="draw_figures",
        namespace="reporting",
    )
    write = Node(
        nodes.write_report,
        {**tables, **_words(), **{f"figure_{name}": f"figure_{name}" for name in shown}},
        "report",
        name="write_report",
        namespace="reporting",
    )
    return Pipeline(
        [draw, write],
        namespace=f"{study}.audit",
        inputs={
            "claims": f"{audit}_claims",
            **{name: f"{audit}.{name}" for name in ("shares", "runs")},
            **{f"figure_{name}": f"{audit}.figures.{name}" for name in further_figures},
        },
        outputs={
            "report": f"{audit}.report",
            **{f"figure_{name}": f"{audit}.figures.{name}" for name in FIGURES},
        },
        parameters={"params:seed": "params:seed", "params:report": f"params:{audit}.report"},
        tags=["audit", "reporting"],
    )


def create_pipeline(studies: Sequence[str]) -> Pipeline:
    """Build the page that joins the audits of several studies."""
    join = Node(
        nodes.join_claims,
        [f"{study}_claims" for study in studies],
        "claims",
        name="join_claims",
    )
    draw = Node(
        nodes.draw_claims,
        "claims",
        "figure_claims",
        name="draw_claims",
    )
    write = Node(
        nodes.write_joined_report,
        {"claims": "claims", "figure_claims": "figure_claims", **_words()},
        "report",
        name="write_report",
    )
    return Pipeline(
        [join, draw, write],
        namespace=JOINED,
        inputs={f"{study}_claims": f"{study}_audit_claims" for study in studies},
        outputs={"figure_claims": f"{JOINED}.figures.claims"},
        parameters={"params:seed": "params:seed"},
        tags=["audit", "reporting"],
    )


def _words() -> dict[str, str]:
    return {"report": "params:report", "seed": "params:seed"}
