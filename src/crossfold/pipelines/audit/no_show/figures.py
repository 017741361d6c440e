"""How F1 went over the epochs, as the source drew it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from crossfold.pipelines.audit.no_show.parameters import ProtocolParameters
from crossfold.pipelines.audit.no_show.training import (
    NUMPY,
    REPORTED_WEIGHTING,
    TORCH,
    UNWEIGHTED,
)
from crossfold.pipelines.audit.runs import REPORTED, SOUND

LABELS = {NUMPY: "NumPy, weighted", TORCH: "PyTorch, weighted", UNWEIGHTED: "PyTorch, unweighted"}
# A network that the first run of a panel has not trained is drawn from the second.
PANELS = {
    "With the source's faults": [REPORTED, REPORTED_WEIGHTING],
    "Without": [SOUND],
}


def draw_epochs(epochs: pd.DataFrame, protocol: ProtocolParameters) -> Any:
    """Draw the folds' mean F1 by epoch, with all faults and without; a matplotlib figure."""
    from crossfold.reports.style import (
        SERIES,
        figure_style,
        legend_below,
        line,
        new_figure,
    )

    with figure_style():
        figure, panels = new_figure(5.2, n_rows=2)
        for axes, (title, runs) in zip(panels, PANELS.items(), strict=True):
            for style, (subject, label) in zip(SERIES, LABELS.items(), strict=False):
                own = _history(epochs, subject, runs)
                line(axes, own["epoch"], own["f1"], style, label)
            axes.set_title(f"{title}: mean of {protocol.n_splits} folds")
            axes.set_ylabel(f"F1 at {protocol.threshold}")
            axes.set_xlabel("Epoch")
            axes.set_ylim(bottom=0)
        legend_below(figure, panels[0])
        return figure


def _history(epochs: pd.DataFrame, subject: str, runs: list[str]) -> pd.DataFrame:
    """Give the epochs of a network in the first of some runs that has trained it."""
    of_runs = [epochs[(epochs["run"] == run) & (epochs["subject"] == subject)] for run in runs]
    return next((own for own in of_runs if len(own)), of_runs[0])
