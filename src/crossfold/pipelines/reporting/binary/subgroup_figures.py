"""The forest plot of who is affected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crossfold.pipelines.reporting.binary.labels import subgroup_label
from crossfold.pipelines.reporting.binary.parameters import ReportParameters
from crossfold.reports import style
from crossfold.reports.words import count

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def subgroup_forest(table: pd.DataFrame, report: ReportParameters) -> Figure:
    """Draw the rate, the share flagged, recall and ROC-AUC of every subgroup as a forest plot."""
    columns = {
        "rate": f"{report.event.capitalize()} rate",
        "flagged_share": "Share flagged",
        "recall": "Recall",
        "roc_auc": "ROC-AUC",
    }
    rows = table.drop_duplicates(["group", "level"])
    figure, panels = style.new_figure(0.8 * len(rows) + 1.2, 2, 2, sharey=True)
    for axes, (metric, title) in zip(panels, columns.items(), strict=True):
        part = table[table["metric"] == metric]
        places = range(len(part))
        mark = {**style.MAIN, "linestyle": "none"}
        axes.errorbar(part["estimate"], places, xerr=style.errors(part), capsize=2, **mark)
        axes.set_title(title)
        axes.locator_params(axis="x", nbins=4)
        if metric != "roc_auc":
            style.percent_axis(axes.xaxis)
    names = [
        f"{subgroup_label(row.group, row.level)}\nn = {count(row.n)}"
        for row in rows.itertuples(index=False)
    ]
    panels[0].set_yticks(range(len(rows)), names, fontsize=9.5)
    panels[0].set_ylim(len(rows) - 0.5, -0.5)
    return figure
