"""The audit template: from what a study trains and judges to a page; all pages joined."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import Any, TypeVar, get_type_hints

from kedro.pipeline import Node, Pipeline

from crossfold.templates.audit import page
from crossfold.templates.audit.claims import Claims
from crossfold.templates.wiring import wire

_Result = TypeVar("_Result")
TABLES = ("claims", "shares", "runs")
JOINED, ANSWERS, FIGURE = "audit", "answers", "figure_"
_WORDS = ("report", "data_notice", "seed")
_COMMON = {f"params:{name}": f"params:{name}" for name in ("seed", "data_notice")}
_OWN = {"claims": "{study}_claims", **{n: f"{{study}}_audit.{n}" for n in ("protocol", "report")}}


def create_pipeline(
    claims: type[Claims],
    nodes: Mapping[Callable[..., Any], str | Sequence[str]],
    reads: Mapping[str, str],
) -> Pipeline:
    """Build the audit of a study's source, of its claims and functions that train, draw and judge.

    `nodes` are the functions with what they make. An argument names what it reads: ``claims``,
    ``seed``, ``protocol`` (the parameters ``STUDY_audit.protocol``), what another function makes,
    or one of `reads` (datasets by argument; parameters as ``params:NAME``). The last function makes
    `TABLES`. ``answers`` are kept as ``STUDY_audit.predictions``, ``figure_NAME`` stands on the
    page with its caption of the report's parameters, anything else is kept as
    ``STUDY_audit.tables.NAME``. The page's words are the parameters ``STUDY_audit.report``.
    """
    audit = f"{claims.study}_audit"
    own = {name: f"params:{block.format(study=claims.study)}" for name, block in _OWN.items()}
    given = {**own, **reads}
    parameters = {f"params:{n}": one for n, one in given.items() if one.startswith("params:")}
    known = {name.removeprefix("params:"): name for name in (*parameters, *_COMMON)}
    made = [
        one for names in nodes.values() for one in ([names] if isinstance(names, str) else names)
    ]
    drawn = {n: f"{audit}.figures.{n.removeprefix(FIGURE)}" for n in made if n.startswith(FIGURE)}
    tables = {name: f"{audit}.tables.{name}" for name in made} | drawn
    named = {"claims": f"{audit}_claims", ANSWERS: f"{audit}.predictions"}
    named |= {name: f"{audit}.{name}" for name in ("shares", "runs", "report")}
    written = {name: name for name in (*TABLES, *drawn)}
    return Pipeline(
        [
            *wire({_typed(one, claims): names for one, names in nodes.items()}, known),
            _page_node(written, namespace="reporting", tags=["reporting"]),
        ],
        namespace=f"{claims.study}.audit",
        inputs={name: one for name, one in given.items() if f"params:{name}" not in parameters},
        outputs={name: named.get(name, tables.get(name, "")) for name in {*made, "report"}},
        parameters={**_COMMON, **parameters},
        tags=["audit"],
    )


def run_side_by_side(
    function: Callable[..., _Result], jobs: Iterable[Sequence[Any]], n_jobs: int
) -> list[_Result]:
    """Call a function with the arguments of each job, as many at a time as joblib's `n_jobs` says.

    Each process keeps its matrix products to its share of the processors. Arguments that a
    generator makes are made shortly before their turn.
    """
    from joblib import Parallel, delayed

    return list(Parallel(n_jobs)(delayed(function)(*job) for job in jobs))


def _typed(function: Callable[..., Any], claims: type[Claims]) -> Callable[..., Any]:
    """Say of which class a node's claims are: Kedro checks parameters by the types of arguments."""
    hints = get_type_hints(function, include_extras=True)
    if hints.get("claims", claims) is claims:
        return function

    @wraps(function)
    def run(*inputs: Any) -> Any:
        return function(*inputs)

    run.__annotations__ = {**hints, "claims": claims}
    return run


def _page_node(tables: Mapping[str, str], **about: Any) -> Node:
    inputs = {**tables, **{name: f"params:{name}" for name in _WORDS}}
    return Node(page.write_report, inputs, "report", name="write_report", **about)


def join_audits(studies: Sequence[str]) -> Pipeline:
    """Build the page that joins the audits of several studies."""
    read = [f"{study}_claims" for study in studies]
    return Pipeline(
        [
            Node(page.join_claims, read, "claims", name="join_claims"),
            _page_node({"claims": "claims"}),
        ],
        namespace=JOINED,
        inputs={f"{study}_claims": f"{study}_audit_claims" for study in studies},
        parameters=_COMMON,
        tags=["audit", "reporting"],
    )
