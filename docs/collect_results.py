"""Copies what the documents show from the latest run on the real data: make figures."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from crossfold.pipelines.reporting.binary.labels import in_order, metric_label, model_label
from crossfold.pipelines.reporting.binary.lookup import GROUPED, find

ROOT = Path(__file__).parents[1]
REPORTING = ROOT / "data/08_reporting/no_show"
FIGURES = ("model_comparison", "no_show_by_lead_time", "reliability", "capacity", "twin_training")
METRICS = ("roc_auc", "pr_auc", "brier", "expected_calibration_error")


def main() -> None:
    """Copy the figures, and write the table of models."""
    for name in FIGURES:
        figure = latest(REPORTING / "figures" / f"{name}.png").with_suffix(".svg")
        shutil.copy(figure, ROOT / "docs/images" / figure.name)
    metrics = pd.read_csv(latest(REPORTING / "metrics.csv"))
    table = "\n".join(table_of_models(metrics))
    (ROOT / "docs/results/no_show_models.md").write_text(f"{table}\n", encoding="utf-8")


def latest(dataset: Path) -> Path:
    """Give the file of a versioned dataset's latest version."""
    return max(dataset.iterdir()) / dataset.name


def table_of_models(metrics: pd.DataFrame) -> Iterator[str]:
    """Write one line a model, with the 95 % interval of each figure."""
    grouped = metrics[metrics["protocol"] == GROUPED]
    yield f"| model | {' | '.join(metric_label(metric) for metric in METRICS)} |"
    yield f"| --- |{' --- |' * len(METRICS)}"
    for model in in_order(grouped["model"].unique()):
        figures = (str(find(metrics, model, metric) or "–") for metric in METRICS)
        yield f"| {model_label(model)} | {' | '.join(figures)} |"


if __name__ == "__main__":
    main()
