"""Tables, figures and words of the page on gene expression."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crossfold.pipelines.gene_expression.controls import BEFORE, INSIDE, SELECTION, SMOTE
from crossfold.pipelines.gene_expression.nodes import CLASSES, TARGET
from crossfold.reports import charts, style
from crossfold.reports.tables import side_by_side
from crossfold.reports.words import percent, shortened
from crossfold.templates.cross_validation.folds import (
    K_FOLD,
    LEAVE_ONE_OUT,
    ORIGINAL_SPLIT,
    read_folds,
)
from crossfold.templates.cross_validation.history import pool_epochs
from crossfold.templates.cross_validation.parameters import EvaluationParameters, Sampler
from crossfold.templates.cross_validation.training import make_sampler
from crossfold.templates.reporting.parameters import ReportParameters
from crossfold.validation.tables import POOLED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PROTOCOLS = (LEAVE_ONE_OUT, K_FOLD, ORIGINAL_SPLIT)
SHOWN = ("accuracy", "recall", "specificity", "f1", "mcc", "pr_auc")
SAMPLERS: dict[Sampler, str] = {
    "none": "As they are",
    "down_sampling": "Down-sampling",
    "smote": "SMOTE",
}
PARTS = {"train": "Training", "validation": "Validation"}
FIGURES_OF_EPOCHS = {"loss": "Loss", "f1": "F1", "accuracy": "Accuracy"}
PROBES = {"all": "All probes", "chosen": "The final model's probes"}


def figures_of(protocol: str) -> Callable[..., pd.DataFrame]:
    """Make the function that arranges one protocol's figures, a line a model."""

    def arrange(metrics_table: pd.DataFrame, report: ReportParameters) -> pd.DataFrame:
        table = metrics_table[metrics_table["scope"] == POOLED]
        own = table[table["protocol"] == protocol]
        wide = side_by_side(own, "model", "metric", SHOWN).set_index("model")
        wide = wide.loc[[name for name in report.labels if name in wide.index]]
        wrong = ((1 - wide["accuracy"]) * own["n"].max()).round(1)
        wide.insert(0, "wrong", wrong.astype(int) if (wrong % 1 == 0).all() else wrong)
        return wide.rename(index=report.labels).reset_index()

    return arrange


def of_accuracy(comparison: pd.DataFrame, model: str) -> pd.DataFrame:
    """Choose the tests of a model's accuracy against that of every other, one a protocol.

    Over folds of the cross-validation, and over patients where each of them is decided once.
    """
    over_folds = comparison["test"].str.endswith("over folds")
    return comparison[
        (comparison["model_a"] == model)
        & (comparison["metric"] == "accuracy")
        & ((comparison["test"] == "McNemar") | over_folds)
        & (over_folds == (comparison["protocol"] == K_FOLD))
    ]


def tests(
    comparison: pd.DataFrame, evaluation: EvaluationParameters, report: ReportParameters
) -> pd.DataFrame:
    """Arrange the tests of the reference network's accuracy against every other model."""
    columns = {
        "model_b": "against",
        "protocol": "protocol",
        "difference": "difference",
        "low": "difference_low",
        "high": "difference_high",
        "p_value": "p_value",
        "verdict": "verdict",
    }
    own = of_accuracy(comparison, evaluation.reference)
    named = {name: own[name].astype(str).map(report.labels) for name in ("model_b", "protocol")}
    return own.assign(**named)[[*columns]].rename(columns=columns)


def permuted(controls: pd.DataFrame, report: ReportParameters) -> pd.DataFrame:
    """Arrange the controls on permuted labels, a line each."""
    keys = ["control", "when", "permutations", "synthetic_leaks"]
    shown = ("balanced_accuracy", "accuracy", "roc_auc")
    table = side_by_side(_possible(controls), keys, "metric", shown)
    table["control"] = table["control"].map(report.labels)
    return table.rename(columns={"control": "step", "when": "done"})


def _possible(controls: pd.DataFrame) -> pd.DataFrame:
    """Cut intervals of shares where shares end: few permutations have wide ones."""
    return controls.assign(low=controls["low"].clip(0), high=controls["high"].clip(upper=1))


def class_counts(features: pd.DataFrame, folds: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Count the classes of the training folds of the k-fold protocol, before and after resampling.

    Returns
    -------
    Columns ``sampler``, ``label``, ``all_patients``, ``before`` and ``after`` (means over folds).
    """
    aml = features[TARGET].to_numpy()
    before = [aml[fold.train_rows] for fold in read_folds(folds, K_FOLD)]
    tables = []
    for kind, name in SAMPLERS.items():
        sampler = make_sampler(kind, seed)
        after = [sampler.fit_resample(y[:, None], y)[1] if sampler else y for y in before]
        counts = {"sampler": name, "label": CLASSES, "all_patients": np.bincount(aml, minlength=2)}
        for stage, labels in (("before", before), ("after", after)):
            counts[stage] = np.mean([np.bincount(y, minlength=2) for y in labels], axis=0)
        tables.append(pd.DataFrame(counts))
    return pd.concat(tables, ignore_index=True)


def selected_probes(
    selected: pd.DataFrame,
    probes: pd.DataFrame,
    features: pd.DataFrame,
    model_card: dict[str, Any],
) -> pd.DataFrame:
    """Compute the share of folds that chose each probe, by protocol.

    Returns
    -------
    Columns ``probe``, ``description``, ``higher_in`` (the class with the higher mean), one share
    for each protocol, and ``in_final_model``; the most stable first.
    """
    folds = selected.groupby("protocol", observed=True)["fold"].nunique()
    counts = pd.crosstab(selected["probe"].astype(str), selected["protocol"].astype(str))
    shares = counts.div(folds).reindex(columns=list(PROTOCOLS)).fillna(0.0)
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

    Returns
    -------
    Columns ``probes`` (all or chosen), ``label``, ``origin``, ``x``, ``y``, ``x_share`` and
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


def model_comparison(metrics_table: pd.DataFrame, report: ReportParameters) -> Figure:
    """Draw the accuracy of every model under each protocol with its interval."""
    own = metrics_table[
        (metrics_table["scope"] == POOLED) & (metrics_table["metric"] == "accuracy")
    ]
    sizes = own.groupby("protocol")["n"].max()
    names = {name: f"{report.labels[name]}, n = {sizes[name]:.0f}" for name in PROTOCOLS}
    order = {name: place for place, name in enumerate([*PROTOCOLS, *report.labels])}
    table = own.sort_values(["model", "protocol"], key=lambda column: column.map(order))
    return charts.estimates(
        table, "model", ["accuracy"], series="protocol", names=report.labels | names, percent=True,
        axis="Patients called correctly (95 % interval)",
    )  # fmt: skip


def draw_controls(controls: pd.DataFrame, report: ReportParameters) -> Figure:
    """Draw the balanced accuracy of the controls on permuted labels, sound beside leaky."""
    table = _possible(controls[controls["metric"] == "balanced_accuracy"]).sort_values(
        ["control", "when"], key=lambda column: column.map([SELECTION, SMOTE, INSIDE, BEFORE].index)
    )
    names = {name: name.capitalize() for name in (INSIDE, BEFORE)}
    return charts.estimates(
        table, "control", ["balanced_accuracy"], series="when", names=report.labels | names,
        reference=0.5, percent=True, axis="Balanced accuracy on permuted labels",
    )  # fmt: skip


def resampling_curves(table_epochs: pd.DataFrame, report: ReportParameters) -> Figure:
    """Draw loss and F1 of training and validation for each way of treating the classes."""
    panels = {
        (model, figure): f"{FIGURES_OF_EPOCHS[figure]}: {told}"
        for model, told in report.extra["resampled"].items()
        if model in set(table_epochs["model"])
        for figure in ("loss", "f1")
    }
    return _curves(table_epochs, K_FOLD, panels)


def curves_of(protocol: str) -> Callable[..., Figure]:
    """Make the function that draws the reference network's curves under one protocol."""

    def draw(table_epochs: pd.DataFrame, evaluation: EvaluationParameters) -> Figure:
        panels = {(evaluation.reference, one): name for one, name in FIGURES_OF_EPOCHS.items()}
        return _curves(table_epochs, protocol, panels)

    return draw


def _curves(table: pd.DataFrame, protocol: str, panels: Mapping[tuple[str, str], str]) -> Figure:
    """Draw a panel for each model and figure; bands are the range of the starts."""
    part, _, figure = table["measure"].str.partition("_").to_numpy().T
    own = table.assign(part=part, figure=figure)[table["protocol"] == protocol]
    drawn = [
        own[(own["model"] == model) & (own["figure"] == name)].assign(panel=title)
        for (model, name), title in panels.items()
    ]
    ordered = [one.sort_values(["part", "epoch"]) for one in drawn]
    return charts.lines(
        pd.concat(ordered), "epoch", series="part", panel="panel", names=PARTS, share_y=False,
        height=2.2,
    )  # fmt: skip


def draw_selected_probes(table_selected_probes: pd.DataFrame, report: ReportParameters) -> Figure:
    """Draw the share of folds that chose each of the most stable probes."""
    shown = table_selected_probes.head(report.extra["n_probes_shown"])
    names = [f"{shortened(row.description, 15)} {row.probe}" for row in shown.itertuples()]
    shares = pd.Series(shown[K_FOLD].to_numpy(), index=names)
    return charts.bars(shares, "Share of training folds that chose the probe")


def draw_patients_2d(table_patients_2d: pd.DataFrame) -> Figure:
    """Draw the patients on two principal components: a description, not a proof."""
    figure, panels = style.new_figure(3.9, 1, 2)
    looks = {"train": "o", "independent": "s"}
    for axes, (kind, title) in zip(panels, PROBES.items(), strict=True):
        part = table_patients_2d[table_patients_2d["probes"] == kind]
        for (label, origin), rows in part.groupby(["label", "origin"]):
            ink = style.BLUE if label == "ALL" else style.VERMILLION
            axes.scatter(
                rows["x"], rows["y"], marker=looks[str(origin)], edgecolors=ink, s=26,
                facecolors=ink if label == "AML" else "none",
                label=f"{label}, {origin} file (n = {len(rows)})",
            )  # fmt: skip
        shares = part.iloc[0]
        axes.set_title(title)
        axes.set_xlabel(f"First component ({percent(shares['x_share'])})")
        axes.set_ylabel(f"Second ({percent(shares['y_share'])})")
    style.legend_below(figure, panels[0])
    return figure


def words(
    comparison: pd.DataFrame,
    controls: pd.DataFrame,
    leak_guard: pd.DataFrame,
    row_counts: dict[str, Any],
    table_selected_probes: pd.DataFrame,
    evaluation: EvaluationParameters,
    report: ReportParameters,
) -> dict[str, Any]:
    """Find what the page says."""
    own = of_accuracy(comparison, evaluation.reference)
    apart = own.loc[own["verdict"] == "differ", "model_b"].astype(str).unique()
    balanced = controls[controls["metric"] == "balanced_accuracy"]
    origins = pd.DataFrame(row_counts["by_origin"]).reset_index(names="class")
    return {
        "reference": evaluation.reference,
        "apart": [report.labels[name] for name in apart],
        "n_others": own["model_b"].nunique(),
        "faked": balanced.set_index(["control", "when"])["estimate"].to_dict(),
        "steps": {"selection": SELECTION, "smote": SMOTE, "inside": INSIDE, "before": BEFORE},
        "guard": leak_guard,
        "counts": row_counts,
        "origins": origins,
        "probes": table_selected_probes.head(report.extra["n_probes_shown"]),
    }


TABLES: dict[str, Callable[..., pd.DataFrame]] = {
    **{protocol: figures_of(protocol) for protocol in PROTOCOLS},
    "tests": tests,
    "permuted": permuted,
    "class_counts": class_counts,
    "epochs": pool_epochs,
    "selected_probes": selected_probes,
    "patients_2d": patients_2d,
}
FIGURES: dict[str, Callable[..., Figure]] = {
    "model_comparison": model_comparison,
    "controls": draw_controls,
    "resampling_curves": resampling_curves,
    "k_fold_curves": curves_of(K_FOLD),
    "leave_one_out_curves": curves_of(LEAVE_ONE_OUT),
    "selected_probes": draw_selected_probes,
    "patients_2d": draw_patients_2d,
}
