"""The audit template: from the tables that a study's judge writes to a page; all pages joined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kedro.pipeline import Node, Pipeline

from crossfold.templates.audit import page

TABLES = ("claims", "shares", "runs")
JOINED = "audit"
_WORDS = ("report", "data_notice", "seed")
_COMMON = {name: name for name in ("params:seed", "params:data_notice")}


def create_pipeline(
    study: str,
    nodes: Sequence[Node],
    *,
    inputs: Mapping[str, str] | None = None,
    outputs: Mapping[str, str] | None = None,
    parameters: Mapping[str, str] | None = None,
    figures: Sequence[str] = (),
) -> Pipeline:
    """Build the audit of a study's source.

    Parameters
    ----------
    study
        Name of the study. Its claims are the parameters ``STUDY_claims``, named ``params:claims``
        in its nodes; the words of the page are the parameters ``STUDY_audit.report``.
    nodes
        What trains and judges: the last of them makes ``claims``, ``shares`` and ``runs`` with
        `crossfold.templates.audit.judge`.
    inputs, outputs
        Datasets of other names than within the nodes, beside those of the template.
    parameters
        Parameters of other names, without ``params:``, such as ``{"protocol":
        "moons_audit.protocol"}``.
    figures
        Names of the nodes' outputs ``figure_NAME`` for the page; their captions are in the
        parameters of the report.
    """
    audit = f"{study}_audit"
    drawn = {f"figure_{name}": f"{audit}.figures.{name}" for name in figures}
    read = {name: name for name in (*TABLES, *drawn)}
    write = Node(
        page.write_report,
        {**read, **{name: f"params:{name}" for name in _WORDS}},
        "report",
        name="write_report",
        namespace="reporting",
        tags=["reporting"],
    )
    named = {"claims": f"{study}_claims", "report": f"{audit}.report", **(parameters or {})}
    return Pipeline(
        [*nodes, write],
        namespace=f"{study}.audit",
        inputs=dict(inputs or {}),
        outputs={
            "claims": f"{audit}_claims",
            **{name: f"{audit}.{name}" for name in ("shares", "runs", "report")},
            **drawn,
            **(outputs or {}),
        },
        parameters={
            **_COMMON,
            **{f"params:{own}": f"params:{name}" for own, name in named.items()},
        },
        tags=["audit"],
    )


def join_audits(studies: Sequence[str]) -> Pipeline:
    """Build the page that joins the audits of several studies."""
    join = Node(
        page.join_claims, [f"{study}_claims" for study in studies], "claims", name="join_claims"
    )
    write = Node(
        page.write_joined_report,
        {"claims": "claims", **{name: f"params:{name}" for name in _WORDS}},
        "report",
        name="write_report",
    )
    return Pipeline(
        [join, write],
        namespace=JOINED,
        inputs={f"{study}_claims": f"{study}_audit_claims" for study in studies},
        parameters=_COMMON,
        tags=["audit", "reporting"],
    )
