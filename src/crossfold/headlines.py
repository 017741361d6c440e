"""The figures that a run ends with: for each study, the first figure of its main model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from kedro.io import CatalogProtocol
    from kedro.pipeline import Pipeline

METRICS_TABLE = ".metrics_table"
COLUMNS = {"model", "metric", "estimate", "low", "high", "n"}
CONTROL = "permuted"
OWN_MODELS = "mlp"
WORDS = {"roc_auc": "ROC-AUC", "pr_auc": "PR-AUC", "r2": "R²"}
SHARES = ("accuracy", "balanced_accuracy", "recall", "precision", "specificity")


def headlines(pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> Iterator[str]:
    """Print a line for each study whose metrics the run has written.

    The figure is the first metric of the model that the report tells of, of the one that others are
    compared with, or else of the first network, over all folds of the first protocol that is no
    control on permuted labels: the order is the study's own, and nothing is chosen by its value.

    Parameters
    ----------
    pipeline
        What has run.
    catalog
        With the metrics, a row an estimate.
    """
    for name in sorted(pipeline.all_outputs()):
        if name.endswith(METRICS_TABLE) and catalog.exists(name):
            study = name.removesuffix(METRICS_TABLE)
            row = headline(catalog.load(name), _main_model(study, catalog))
            if row is not None:
                yield f"{study}: {_told(row)}"


def headline(table: pd.DataFrame, model: str | None) -> pd.Series | None:
    """Choose the row, by names and by order alone; None where there is no figure of a result."""
    if not set(table) >= COLUMNS:
        return None
    if "protocol" in table:
        table = table[~table["protocol"].astype(str).str.contains(CONTROL)]
    networks = table["model"].astype(str).str.startswith(OWN_MODELS)
    for rows in (table[table["model"] == model], table[networks], table):
        if len(rows):
            return rows.iloc[0]
    return None


def _main_model(study: str, catalog: CatalogProtocol[Any, Any]) -> str | None:
    # Not `in catalog`: patterns of the catalog would match the name of a parameter too.
    known = set(catalog.keys())
    if (name := f"params:{study}.report.model") in known:
        return str(catalog.load(name))
    if (name := f"params:{study}.evaluation") in known:
        return getattr(catalog.load(name), "reference", None)
    return None


def _told(row: pd.Series) -> str:
    """Print a figure with its interval, rows and model."""
    share = row["metric"] in SHARES
    estimate, low, high = (
        f"{100 * row[key]:.1f}" if share else f"{row[key]:.3f}"
        for key in ("estimate", "low", "high")
    )
    unit = " %" if share else ""
    metric = WORDS.get(row["metric"], row["metric"].replace("_", " "))
    model = ", ".join(str(row[key]) for key in ("model", "protocol") if key in row)
    return f"{metric} {estimate}{unit} ({low} to {high}), n = {row['n']:,} ({model})"
