"""Nodes of the reporting template: tables, then figures, then the report."""

from typing import Any

import pandas as pd

from crossfold.pipelines.reporting.binary.parameters import ReportParameters

Tables = dict[str, pd.DataFrame]


def compute_model_tables(
    predictions: pd.DataFrame, history: pd.DataFrame, report: ReportParameters, seed: int
) -> Tables:
    """Compute every table of the models from out-of-fold predictions and training histories.

    Parameters
    ----------
    predictions
        Long table of all models and protocols.
    history
        Long table of losses, F1 and seconds by model, fold, member and epoch.
    report
        Names the models whose figures get bootstrap intervals here.
    seed
        Of the bootstrap.
    """
    from crossfold.pipelines.reporting.binary import model_tables as tables

    grouped = tables.grouped_predictions(predictions)

    def of_models(models: tuple[str, ...]) -> pd.DataFrame:
        return grouped[grouped["model"].isin(models)]

    return {
        "calibration": tables.calibration(grouped),
        "calibration_scores": tables.calibration_scores(
            of_models(report.calibration_models), report.n_resamples, seed
        ),
        "probability_histogram": tables.histogram(grouped),
        "thresholds": tables.thresholds(grouped),
        "chosen_thresholds": tables.chosen_thresholds(grouped),
        "capacity": tables.capacity(of_models(report.curve_models), report.n_resamples, seed),
        "decision_curve": tables.decision_curves(grouped),
        "confusion": tables.confusion(grouped),
        "curves": tables.curves(grouped),
        "epochs": tables.epochs(history),
    }


def draw_ranking_figures(metrics_table: pd.DataFrame, report: ReportParameters) -> dict[str, Any]:
    """Draw how well the models rank; the figures are matplotlib Figures by name."""
    from crossfold.pipelines.reporting.binary import ranking_figures as figures
    from crossfold.reports.style import figure_style

    with figure_style():
        return {
            "model_comparison": figures.model_comparison(metrics_table, report.model),
            "rows_apart": figures.rows_apart(metrics_table),
            "time_split": figures.time_split(metrics_table),
            "permuted_control": figures.permuted_control(metrics_table),
        }


def draw_training_figures(
    epochs: pd.DataFrame, curves: pd.DataFrame, metrics_table: pd.DataFrame
) -> dict[str, Any]:
    """Draw how the networks trained, the twins beside each other."""
    from crossfold.pipelines.reporting.binary import training_figures as figures
    from crossfold.reports.style import figure_style

    with figure_style():
        return {
            "twin_training": figures.twin_training(epochs),
            "twin_curves": figures.twin_curves(curves, metrics_table),
            "loss_weighting": figures.loss_weighting(epochs),
        }


def draw_decision_figures(
    *,
    calibration: pd.DataFrame,
    probability_histogram: pd.DataFrame,
    thresholds: pd.DataFrame,
    chosen_thresholds: pd.DataFrame,
    capacity: pd.DataFrame,
    decision_curve: pd.DataFrame,
    confusion: pd.DataFrame,
    subgroups: pd.DataFrame,
    report: ReportParameters,
) -> dict[str, Any]:
    """Draw what the one who decides needs: calibration, thresholds, capacity, subgroups."""
    from crossfold.pipelines.reporting.binary import decision_figures as figures
    from crossfold.pipelines.reporting.binary.subgroup_figures import subgroup_forest
    from crossfold.reports.style import figure_style

    with figure_style():
        return {
            "reliability": figures.reliability(
                calibration, probability_histogram, report.calibration_models, report.event
            ),
            "thresholds": figures.thresholds(thresholds, chosen_thresholds, report.model),
            "capacity": figures.capacity(capacity, report),
            "decision_curve": figures.decision_curve(
                decision_curve, report.curve_models, int(capacity["n_called"].max())
            ),
            "confusion_matrices": figures.confusion_matrices(confusion, report),
            "subgroups": subgroup_forest(subgroups, report),
        }


def write_report(
    *,
    metrics_table: pd.DataFrame,
    comparison: pd.DataFrame,
    leak_guard: pd.DataFrame,
    model_card: dict[str, Any],
    row_counts: dict[str, Any],
    report: ReportParameters,
    data_notice: str,
    **parts: Any,
) -> str:
    """Write the report as one HTML file that needs no other.

    Parameters
    ----------
    metrics_table, comparison, leak_guard, model_card
        What the modelling pipeline says of the models.
    row_counts
        Rows read, superseded, kept, and rejected by rule.
    report
        The study's words.
    data_notice
        First line of the report, or nothing; it says so where the data is synthetic.
    **parts
        By name: ``table_<name>`` (DataFrame), ``figure_<name>`` and, for the section on the
        data, ``data_figure_<name>`` (bytes of a PNG or SVG image).
    """
    from crossfold.pipelines.reporting.binary import sections
    from crossfold.pipelines.reporting.binary.captions import CAPTIONS
    from crossfold.pipelines.reporting.binary.labels import metric_label, model_in_text, model_label
    from crossfold.pipelines.reporting.lines import leak_guard_lines
    from crossfold.pipelines.reporting.report import render

    tables = _with_prefix(parts, "table_")
    return render(
        "binary.html",
        {"model": model_label, "model_in_text": model_in_text, "metric": metric_label},
        captions=CAPTIONS,
        report=report,
        data_notice=data_notice,
        card=model_card,
        figures=_with_prefix(parts, "figure_"),
        data_figures=_with_prefix(parts, "data_figure_"),
        row_counts=sections.row_counts(row_counts),
        leak_guard=leak_guard_lines(leak_guard),
        **sections.comparisons(comparison, report),
        **sections.answer(metrics_table, tables["capacity"], model_card, report),
        **sections.models(metrics_table),
        **sections.decisions(tables, report),
    )


def _with_prefix(parts: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {
        name.removeprefix(prefix): part for name, part in parts.items() if name.startswith(prefix)
    }
