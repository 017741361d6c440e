"""Nodes of the moons report: figures, then the page."""

from typing import Any

import pandas as pd

from crossfold.pipelines.reporting.parameters import PageParameters


def draw_moons_figures(
    *,
    points: pd.DataFrame,
    plane: pd.DataFrame,
    draws: pd.DataFrame,
    history: pd.DataFrame,
    metrics_table: pd.DataFrame,
    comparison: pd.DataFrame,
) -> dict[str, Any]:
    """Draw every figure; they are matplotlib Figures by name."""
    from crossfold.pipelines.reporting.moons import figures
    from crossfold.reports.style import figure_style

    with figure_style():
        return {
            "boundary": figures.boundary(points, plane, metrics_table),
            "draws": figures.draws(draws, metrics_table),
            "points": figures.points(points),
            "training_curves": figures.training_curves(history),
            "twins": figures.twins(comparison),
        }


def write_moons_report(
    *,
    metrics_table: pd.DataFrame,
    comparison: pd.DataFrame,
    report: PageParameters,
    data_notice: str,
    seed: int,
    **figures: bytes,
) -> str:
    """Write the page; figures come as ``figure_NAME``."""
    from crossfold.pipelines.reporting.document import render_document
    from crossfold.pipelines.reporting.moons.page import make_document

    images = {name.removeprefix("figure_"): image for name, image in figures.items()}
    tables = {"metrics": metrics_table, "comparison": comparison}
    return render_document(make_document(tables, images, report, data_notice, seed))
