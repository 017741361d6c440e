"""How F1 went over the epochs, as the source drew it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from crossfold.pipelines.audit.no_show.parameters import ProtocolParameters
from crossfold.pipelines.audit.no_show.training import NUMPY, TORCH, UNWEIGHTED
from crossfold.pipelines.audit.runs import REPORTED, SOUND

LABELS = {NUMPY: "NumPy, weighted", TORCH: "PyTorch, weighted", UNWEIGHTED: "PyTorch, unweighted"}
PANELS = {REPORTED: "With the source's faults", SOUND: "Without"}


def draw_epochs(epochs: pd.DataFrame, protocol: ProtocolParameters) -> Any:
    """Draw the folds' mean F1 by epoch, with all faults and without; a matplotlib figure."""
    from crossfold.pipelines.reporting.style import (
        SERIES,
        figure_style,
        legend_below,
        line,
        new_figure,
    )

    with figure_style():
        figure, panels = new_figure(5.2, n_rows=2)
        for axes, (run, title) in zip(panels, PANELS.items(), strict=True):
            part = epochs[epochs["run"] == run]
            for style, (subject, label) in zip(SERIES, LABELS.items(), strict=False):
                own = part[part["subject"] == subject]
                line(axes, own["epoch"], own["f1"], style, label)
            axes.set_title(f"{title}: mean of {protocol.n_splits} folds")
            axes.set_ylabel(f"F1 at {protocol.threshold}")
            axes.set_xlabel("Epoch")
            axes.set_ylim(bottom=0)
        legend_below(figure, panels[0])
        return figure
