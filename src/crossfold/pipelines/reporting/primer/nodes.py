"""Nodes of the primer's report: figures, then the page."""

from typing import Any

import pandas as pd

from crossfold.pipelines.primer.first_network import VALIDATION
from crossfold.pipelines.primer.parameters import LogisticParameters
from crossfold.pipelines.reporting.parameters import PageParameters


def draw_primer_figures(
    *,
    logistic_steps: pd.DataFrame,
    longer_training: pd.DataFrame,
    logistic_comparison: pd.DataFrame,
    points: pd.DataFrame,
    network_epochs: pd.DataFrame,
) -> dict[str, Any]:
    """Draw every figure; they are matplotlib Figures by name."""
    from crossfold.pipelines.reporting.primer import figures
    from crossfold.reports.style import figure_style

    with figure_style():
        return {
            "logistic_loss": figures.logistic_loss(logistic_steps),
            "growing_weights": figures.growing_weights(longer_training),
            "probabilities": figures.probabilities(logistic_comparison),
            "first_network": figures.first_network(network_epochs, points),
            "points": figures.points(points),
        }


def write_primer_report(
    *,
    toy: pd.DataFrame,
    logistic_steps: pd.DataFrame,
    longer_training: pd.DataFrame,
    logistic_comparison: pd.DataFrame,
    two_outputs: pd.DataFrame,
    network_steps: pd.DataFrame,
    network_epochs: pd.DataFrame,
    network_comparison: pd.DataFrame,
    points: pd.DataFrame,
    logistic: LogisticParameters,
    report: PageParameters,
    data_notice: str,
    seed: int,
    **figures: bytes,
) -> str:
    """Write the page; figures come as ``figure_NAME``."""
    from crossfold.pipelines.reporting.document import render_document
    from crossfold.pipelines.reporting.primer.page import Run, make_document

    run = Run(
        toy=toy,
        logistic_steps=logistic_steps,
        longer_training=longer_training,
        logistic_comparison=logistic_comparison,
        two_outputs=two_outputs,
        network_steps=network_steps,
        network_epochs=network_epochs,
        network_comparison=network_comparison,
        n_validation=int((points["part"] == VALIDATION).sum()),
        logistic=logistic,
        report=report,
        data_notice=data_notice,
        seed=seed,
        figures={name.removeprefix("figure_"): image for name, image in figures.items()},
    )
    return render_document(make_document(run))
