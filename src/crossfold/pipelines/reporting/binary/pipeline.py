"""The reporting template: tables, then figures, then one HTML report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.reporting.binary import nodes

TABLES = (
    "calibration",
    "calibration_scores",
    "probability_histogram",
    "thresholds",
    "chosen_thresholds",
    "capacity",
    "decision_curve",
    "confusion",
    "curves",
    "epochs",
)
RANKING_FIGURES = ("model_comparison", "rows_apart", "time_split", "permuted_control")
TRAINING_FIGURES = ("twin_training", "twin_curves", "loss_weighting")
DECISION_FIGURES = (
    "reliability",
    "thresholds",
    "capacity",
    "decision_curve",
    "confusion_matrices",
    "subgroups",
)
_FROM_MODELLING = (
    "predictions",
    "history",
    "metrics_table",
    "comparison",
    "leak_guard",
    "model_card",
)


@dataclass(frozen=True)
class Description:
    """What a study says of its own data.

    Attributes
    ----------
    names
        Names of its tables, and of the figures that draw them.
    compute_tables
        From the study's records to its tables by name.
    draw_figures
        From those tables, as keyword arguments, to figures by name.
    compute_subgroups
        From predictions, records and report parameters to the subgroup table.
    """

    names: tuple[str, ...]
    compute_tables: Callable[..., dict[str, pd.DataFrame]]
    draw_figures: Callable[..., dict[str, object]]
    compute_subgroups: Callable[..., pd.DataFrame]


def create_pipeline(
    study: str, records: str, row_counts: str, description: Description
) -> Pipeline:
    """Build the reporting pipeline of a study.

    Parameters
    ----------
    study
        Name of the study and of its namespace.
    records
        Dataset of the cleaned table; predictions count its rows from 0.
    row_counts
        Dataset with the numbers of rows read, kept and rejected by rule.
    description
        The study's own tables and figures.
    """
    return Pipeline(
        [*_table_nodes(description), *_figure_nodes(description), _report_node(description)],
        namespace=study,
        inputs={
            "records": records,
            "row_counts": row_counts,
            **{name: f"{study}.{name}" for name in _FROM_MODELLING},
        },
        outputs=_catalog_names(study, description),
        parameters={name: name for name in ("params:data_notice", "params:seed")},
        tags=["reporting"],
    )


def _catalog_names(study: str, description: Description) -> dict[str, str]:
    """Name tables and figures as the catalog's patterns do: ``<study>.figures.<name>``."""
    tables = (*TABLES, "subgroups", *description.names)
    figures = (*RANKING_FIGURES, *TRAINING_FIGURES, *DECISION_FIGURES, *description.names)
    return {
        **{f"table_{name}": f"{study}.tables.{name}" for name in tables},
        **{f"figure_{name}": f"{study}.figures.{name}" for name in figures},
    }


def _table_nodes(description: Description) -> list[Node]:
    return [
        _node(
            description.compute_tables, "records", _tables(description.names), "compute_data_tables"
        ),
        _node(
            nodes.compute_model_tables,
            ["predictions", "history", "params:report", "params:seed"],
            _tables(TABLES),
            "compute_model_tables",
        ),
        _node(
            description.compute_subgroups,
            ["predictions", "records", "params:report", "params:seed"],
            "table_subgroups",
            "compute_subgroups",
        ),
    ]


def _figure_nodes(description: Description) -> list[Node]:
    return [
        _node(
            description.draw_figures,
            _tables(description.names),
            _figures(description.names),
            "draw_data_figures",
        ),
        _node(
            nodes.draw_ranking_figures,
            ["metrics_table", "params:report"],
            _figures(RANKING_FIGURES),
            "draw_ranking_figures",
        ),
        _node(
            nodes.draw_training_figures,
            ["table_epochs", "table_curves", "metrics_table"],
            _figures(TRAINING_FIGURES),
            "draw_training_figures",
        ),
        _node(
            nodes.draw_decision_figures,
            {
                **_tables(
                    (
                        "calibration",
                        "probability_histogram",
                        "thresholds",
                        "chosen_thresholds",
                        "capacity",
                        "decision_curve",
                        "confusion",
                        "subgroups",
                    )
                ),
                "report": "params:report",
            },
            _figures(DECISION_FIGURES),
            "draw_decision_figures",
        ),
    ]


def _report_node(description: Description) -> Node:
    figures = (*RANKING_FIGURES, *TRAINING_FIGURES, *DECISION_FIGURES)
    tables = ("calibration_scores", "capacity", "subgroups")
    own = ("metrics_table", "comparison", "leak_guard", "model_card", "row_counts")
    inputs = {
        **{name: name for name in own},
        "report": "params:report",
        "data_notice": "params:data_notice",
        **{f"table_{name}": f"table_{name}" for name in tables},
        **{f"figure_{name}": f"figure_{name}" for name in figures},
        **{f"data_figure_{name}": f"figure_{name}" for name in description.names},
    }
    return _node(nodes.write_report, inputs, "report", "write_report")


def _node(
    function: Callable[..., object],
    inputs: str | list[str] | dict[str, str],
    outputs: str | dict[str, str],
    name: str,
) -> Node:
    return Node(function, inputs, outputs, name=name, namespace="reporting")


def _tables(names: tuple[str, ...]) -> dict[str, str]:
    return {name: f"table_{name}" for name in names}


def _figures(names: tuple[str, ...]) -> dict[str, str]:
    return {name: f"figure_{name}" for name in names}
