"""Tables, figures and words of the page on gene expression."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field, PositiveInt

from crossfold.pipelines.gene_expression.nodes import CLASSES, TARGET
from crossfold.reports import charts, style
from crossfold.reports.tables import widen
from crossfold.reports.words import percent, shortened
from crossfold.templates.cross_validation.folds import K_FOLD, LEAVE_ONE_OUT, ORIGINAL_SPLIT
from crossfold.templates.cross_validation.history import pool_epochs
from crossfold.templates.cross_validation.leak_controls import BEFORE, INSIDE, SELECTION, SMOTE
from crossfold.templates.parameters import Parameters
from crossfold.templates.reporting import protocols
from crossfold.templates.reporting.results import ReportParameters

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PROTOCOLS = (LEAVE_ONE_OUT, K_FOLD, ORIGINAL_SPLIT)
SHOWN = ("accuracy", "recall", "specificity", "f1", "mcc", "pr_auc")


class Extra(Parameters):
    """What the page shows of many."""

    resampled: Annotated[dict[str, str], Field(min_length=1)]
    """Networks whose resampled classes are compared, by the name for them in a figure."""
    n_probes_shown: PositiveInt = 20
    """Probes in the table and the figure of those that most folds chose."""


class GeneReportParameters(ReportParameters):
    """The words of the report on gene expression."""

    extra: Extra


TYPES = {"report": GeneReportParameters}


def selected_probes(
    selected: pd.DataFrame, probes: pd.DataFrame, features: pd.DataFrame, model_card: dict[str, Any]
) -> pd.DataFrame:
    """Compute the share of folds that chose each probe, by protocol.

    Returns columns ``probe``, ``description``, ``higher_in`` (the class with the higher mean), one
    share for each protocol, and ``in_final_model``; the most stable first.
    """
    folds = selected.groupby("protocol", observed=True)["fold"].nunique()
    counts = pd.crosstab(selected["column"].astype(str), selected["protocol"].astype(str))
    shares = counts.div(folds).reindex(columns=list(PROTOCOLS)).fillna(0.0).rename_axis("probe")
    means = features.groupby(TARGET)[shares.index.tolist()].mean()
    table = shares.set_axis(PROTOCOLS, axis=1).assign(
        description=probes.set_index("probe")["description"].reindex(shares.index),
        higher_in=np.where(means.loc[1] > means.loc[0], *CLASSES[::-1]),
        in_final_model=shares.index.isin(list(model_card["inputs"])),
    )
    ranked = table.sort_values([K_FOLD, LEAVE_ONE_OUT], ascending=False, kind="stable")
    return ranked[["description", "higher_in", *PROTOCOLS, "in_final_model"]].reset_index()


def patients_2d(
    features: pd.DataFrame, table: pd.DataFrame, model_card: dict[str, Any]
) -> pd.DataFrame:
    """Project the patients on two principal components, of all probes and of the final model's.

    Returns columns ``probes`` (all or chosen), ``label``, ``origin``, ``x``, ``y``, ``x_share`` and
    ``y_share`` of the variance.
    """
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    facts = {
        "label": np.where(features[TARGET] == 1, *CLASSES[::-1]),
        "origin": table["origin"].astype("str"),
    }
    tables = []
    for kind, names in (("all", features.columns.drop(TARGET)), ("chosen", model_card["inputs"])):
        pca = PCA(2, svd_solver="full")
        x, y = pca.fit_transform(StandardScaler().fit_transform(features[list(names)])).T
        shares = dict(zip(("x_share", "y_share"), pca.explained_variance_ratio_, strict=True))
        tables.append(pd.DataFrame({"probes": kind, **facts, "x": x, "y": y, **shares}))
    return pd.concat(tables, ignore_index=True)


def draw_selected_probes(
    table_selected_probes: pd.DataFrame, report: GeneReportParameters
) -> Figure:
    """Draw the share of folds that chose each of the most stable probes."""
    shown = table_selected_probes.head(report.extra.n_probes_shown)
    names = [f"{shortened(row.description, 15)} {row.probe}" for row in shown.itertuples()]
    shares = pd.Series(shown[K_FOLD].to_numpy(), index=names)
    return charts.bars(shares, "Share of training folds that chose the probe")


def draw_patients_2d(table_patients_2d: pd.DataFrame, report: ReportParameters) -> Figure:
    """Draw the patients on two principal components: a description, not a proof."""
    figure, panels = style.new_figure(3.9, 1, 2)
    looks = {"train": "o", "independent": "s"}
    for axes, (kind, part) in zip(panels, table_patients_2d.groupby("probes"), strict=True):
        for (label, origin), rows in part.groupby(["label", "origin"]):
            ink = style.BLUE if label == "ALL" else style.VERMILLION
            axes.scatter(
                rows["x"], rows["y"], marker=looks[str(origin)], edgecolors=ink, s=26,
                facecolors=ink if label == "AML" else "none",
                label=f"{label}, {origin} file (n = {len(rows)})",
            )  # fmt: skip
        shares = part.iloc[0]
        axes.set_title(report.labels.get(str(kind), str(kind)))
        axes.set_xlabel(f"First component ({percent(shares['x_share'])})")
        axes.set_ylabel(f"Second ({percent(shares['y_share'])})")
    style.name_series(figure, panels[0])
    return figure


def _within_shares(table: pd.DataFrame) -> pd.DataFrame:
    """Cut the intervals of shares where shares end: few permutations have wide ones."""
    return table.assign(low=table["low"].clip(0), high=table["high"].clip(upper=1))


def leak_controls(controls: pd.DataFrame, report: ReportParameters) -> pd.DataFrame:
    """Arrange what steps before the split score on permuted labels, a line each."""
    keys = ["control", "when", "permutations", "synthetic_leaks"]
    shown = ("balanced_accuracy", "accuracy", "roc_auc")
    table = widen(_within_shares(controls), keys, "metric", shown)
    table["control"] = table["control"].map(report.labels)
    return table.rename(columns={"control": "step", "when": "done"})


def draw_leak_controls(controls: pd.DataFrame, report: ReportParameters) -> Figure:
    """Draw the balanced accuracy of steps on permuted labels, inside the folds and before."""
    order = (SELECTION, SMOTE, INSIDE, BEFORE)
    table = _within_shares(controls[controls["metric"] == "balanced_accuracy"])
    table = table.sort_values(["control", "when"], key=lambda column: column.map(order.index))
    names = report.labels | {name: name.capitalize() for name in (INSIDE, BEFORE)}
    return charts.estimates(
        table, "control", ["balanced_accuracy"], series="when", names=names,
        reference=0.5, percent=True, axis="Balanced accuracy on permuted labels",
    )  # fmt: skip


def words(
    controls: pd.DataFrame, row_counts: dict[str, Any], table_tests: pd.DataFrame
) -> dict[str, Any]:
    """Find what the page says beside its tables."""
    balanced = controls[controls["metric"] == "balanced_accuracy"]
    return {
        "apart": table_tests.loc[table_tests["verdict"] == "differ", "against"].unique().tolist(),
        "n_others": table_tests["against"].nunique(),
        "faked": balanced.set_index(["control", "when"])["estimate"].to_dict(),
        "origins": pd.DataFrame(row_counts["by_origin"]).reset_index(names="class"),
    }


TABLES: dict[str, Callable[..., pd.DataFrame]] = {
    **{protocol: protocols.metrics_of(protocol, SHOWN) for protocol in PROTOCOLS},
    "tests": protocols.tests,
    "permuted": leak_controls,
    "class_counts": protocols.class_counts,
    "epochs": pool_epochs,
    "selected_probes": selected_probes,
    "patients_2d": patients_2d,
}
FIGURES: dict[str, Callable[..., Figure]] = {
    "model_comparison": protocols.models,
    "controls": draw_leak_controls,
    "resampling_curves": protocols.pooled_curves(
        K_FOLD, "loss", "f1", of=lambda report: report.extra.resampled
    ),
    "k_fold_curves": protocols.pooled_curves(K_FOLD, "loss", "f1", "accuracy"),
    "leave_one_out_curves": protocols.pooled_curves(LEAVE_ONE_OUT, "loss", "f1", "accuracy"),
    "selected_probes": draw_selected_probes,
    "patients_2d": draw_patients_2d,
}
