"""Nodes of the gene expression report: tables, then figures, then the page."""

from typing import Any

import pandas as pd

from crossfold.pipelines.reporting.gene_expression.parameters import ReportParameters

Tables = dict[str, pd.DataFrame]


def compute_expression_tables(
    *,
    features: pd.DataFrame,
    expression: pd.DataFrame,
    probes: pd.DataFrame,
    folds: pd.DataFrame,
    predictions: pd.DataFrame,
    history: pd.DataFrame,
    selected: pd.DataFrame,
    model_card: dict[str, Any],
    seed: int,
) -> Tables:
    """Compute every table of the report.

    Parameters
    ----------
    features, expression, probes
        What models read of each patient, the patients as published, and what each probe measures.
    folds, predictions, history, selected, model_card
        What the modelling pipeline made.
    seed
        Of resampling.
    """
    from crossfold.pipelines.reporting.gene_expression import tables

    final = model_card["inputs"]
    return {
        "class_counts": tables.class_counts(features, folds, seed),
        "epochs": tables.epochs(history, predictions),
        "selected_probes": tables.selected_probes(selected, probes, features, final),
        "patients_2d": tables.patients_2d(features, expression["origin"], final),
    }


def draw_expression_figures(
    *,
    metrics_table: pd.DataFrame,
    controls: pd.DataFrame,
    class_counts: pd.DataFrame,
    epochs: pd.DataFrame,
    selected_probes: pd.DataFrame,
    patients_2d: pd.DataFrame,
    report: ReportParameters,
) -> dict[str, Any]:
    """Draw every figure; they are matplotlib Figures by name."""
    from crossfold.pipelines.reporting.gene_expression import data_figures, figures
    from crossfold.reports.style import figure_style
    from crossfold.templates.cross_validation.folds import K_FOLD, LEAVE_ONE_OUT

    resampled = [report.model, *report.resampled_models]
    measures = {"train_loss": "Training loss", "validation_loss": "Validation loss", "f1": "F1"}
    with figure_style():
        return {
            "model_comparison": figures.model_comparison(metrics_table),
            "controls": figures.controls(controls),
            "class_counts": data_figures.class_counts(class_counts),
            "resampling_curves": figures.curves(epochs, K_FOLD, resampled, measures),
            "k_fold_curves": figures.train_and_validation(epochs, K_FOLD, report.model),
            "leave_one_out_curves": figures.train_and_validation(
                epochs, LEAVE_ONE_OUT, report.model
            ),
            "selected_probes": figures.selected_probes(selected_probes, report.n_probes_shown),
            "patients_2d": data_figures.patients_2d(patients_2d),
        }


def write_expression_report(
    *,
    metrics_table: pd.DataFrame,
    comparison: pd.DataFrame,
    controls: pd.DataFrame,
    leak_guard: pd.DataFrame,
    row_counts: dict[str, Any],
    model_card: dict[str, Any],
    selected_probes: pd.DataFrame,
    report: ReportParameters,
    data_notice: str,
    **figures: bytes,
) -> str:
    """Write the report as one HTML file that needs no other.

    Parameters
    ----------
    metrics_table, comparison, controls, leak_guard, model_card
        What the modelling pipeline says of the models.
    row_counts
        Patients and probes of the source files.
    selected_probes
        How many folds chose each probe.
    report
        The study's words.
    data_notice
        First line of the report, or nothing; it says so where the data is synthetic.
    **figures
        ``figure_<name>``: bytes of a PNG or SVG image.
    """
    from crossfold.pipelines.reporting.document import render_document
    from crossfold.pipelines.reporting.gene_expression.page import Run, make_document

    run = Run(
        metrics_table=metrics_table,
        comparison=comparison,
        controls=controls,
        leak_guard=leak_guard,
        row_counts=row_counts,
        card=model_card,
        selected_probes=selected_probes,
        report=report,
        data_notice=data_notice,
        figures={name.removeprefix("figure_"): image for name, image in figures.items()},
    )
    return render_document(make_document(run))
