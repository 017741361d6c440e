"""The gene expression report: tables, then figures, then one HTML page."""

from __future__ import annotations

from collections.abc import Callable

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.reporting.gene_expression import nodes

STUDY = "gene_expression"
TABLES = ("class_counts", "epochs", "selected_probes", "patients_2d")
FIGURES = (
    "model_comparison",
    "controls",
    "class_counts",
    "resampling_curves",
    "k_fold_curves",
    "leave_one_out_curves",
    "selected_probes",
    "patients_2d",
)
_GIVEN = (
    "features",
    "expression",
    "probes",
    "row_counts",
    "folds",
    "predictions",
    "history",
    "selected",
    "metrics_table",
    "comparison",
    "controls",
    "leak_guard",
    "model_card",
)


def create_pipeline() -> Pipeline:
    """Build the reporting pipeline of the leukaemia study."""
    return Pipeline(
        [_table_node(), _figure_node(), _report_node()],
        namespace=STUDY,
        inputs={name: f"{STUDY}.{name}" for name in _GIVEN},
        outputs={
            **{f"table_{name}": f"{STUDY}.tables.{name}" for name in TABLES},
            **{f"figure_{name}": f"{STUDY}.figures.{name}" for name in FIGURES},
        },
        parameters={name: name for name in ("params:data_notice", "params:seed")},
        tags=["reporting"],
    )


def _table_node() -> Node:
    given = ("features", "expression", "probes", "folds", "predictions", "history", "selected")
    inputs = {**_same(*given, "model_card"), "seed": "params:seed"}
    return _node(nodes.compute_expression_tables, inputs, _with_prefix("table_", TABLES))


def _figure_node() -> Node:
    inputs = {
        **_same("metrics_table", "controls"),
        **_with_prefix("table_", TABLES),
        "report": "params:report",
    }
    return _node(nodes.draw_expression_figures, inputs, _with_prefix("figure_", FIGURES))


def _report_node() -> Node:
    given = ("metrics_table", "comparison", "controls", "leak_guard", "row_counts", "model_card")
    inputs = {
        **_same(*given),
        "selected_probes": "table_selected_probes",
        "report": "params:report",
        "data_notice": "params:data_notice",
        **{f"figure_{name}": f"figure_{name}" for name in FIGURES},
    }
    return _node(nodes.write_expression_report, inputs, "report")


def _node(
    function: Callable[..., object], inputs: dict[str, str], outputs: str | dict[str, str]
) -> Node:
    return Node(function, inputs, outputs, name=function.__name__, namespace="reporting")


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


def _with_prefix(prefix: str, names: tuple[str, ...]) -> dict[str, str]:
    return {name: f"{prefix}{name}" for name in names}
