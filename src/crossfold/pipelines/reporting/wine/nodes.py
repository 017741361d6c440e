"""Nodes of the wine report: figures, then the page."""

from typing import Any

import pandas as pd

from crossfold.pipelines.reporting.parameters import PageParameters


def draw_wine_figures(
    *,
    wines: pd.DataFrame,
    metrics_table: pd.DataFrame,
    grid: pd.DataFrame,
    importance: pd.DataFrame,
    history: pd.DataFrame,
) -> dict[str, Any]:
    """Draw every figure; they are matplotlib Figures by name."""
    from crossfold.pipelines.reporting.wine import figures
    from crossfold.reports.style import figure_style

    with figure_style():
        return {
            "accuracy": figures.accuracy(metrics_table),
            "nested_search": figures.nested_search(grid, metrics_table),
            "grid": figures.grid(grid),
            "importance": figures.importance(importance),
            "training_curves": figures.training_curves(history),
            "permuted_control": figures.permuted_control(metrics_table),
            "measurements": figures.measurements(wines),
        }


def write_wine_report(
    *,
    row_counts: dict[str, Any],
    metrics_table: pd.DataFrame,
    comparison: pd.DataFrame,
    grid: pd.DataFrame,
    importance: pd.DataFrame,
    leak_guard: pd.DataFrame,
    report: PageParameters,
    data_notice: str,
    seed: int,
    **figures: bytes,
) -> str:
    """Write the page; figures come as ``figure_NAME``."""
    from crossfold.pipelines.reporting.document import render_document
    from crossfold.pipelines.reporting.wine.page import Run, make_document

    run = Run(
        row_counts=row_counts,
        metrics_table=metrics_table,
        comparison=comparison,
        grid=grid,
        importance=importance,
        leak_guard=leak_guard,
        report=report,
        data_notice=data_notice,
        seed=seed,
        figures={name.removeprefix("figure_"): image for name, image in figures.items()},
    )
    return render_document(make_document(run))
