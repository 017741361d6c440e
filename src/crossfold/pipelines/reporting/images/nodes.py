"""Nodes of the reporting template: tables, then figures, then the report."""

from typing import Any

import numpy as np
import pandas as pd

from crossfold.pipelines.images.parameters import ComparisonsParameters
from crossfold.pipelines.reporting.images.parameters import ReportParameters

Tables = dict[str, pd.DataFrame]


def compute_experiment_tables(
    experiments: pd.DataFrame,
    twins: pd.DataFrame,
    metrics_table: pd.DataFrame,
    history: pd.DataFrame,
) -> Tables:
    """Compute the experiments' figures over seeds, and all training over epochs."""
    from crossfold.pipelines.reporting.images import experiment_tables as tables
    from crossfold.pipelines.reporting.images.labels import SOURCE

    on_source = history[history["protocol"] == SOURCE]
    return {
        "experiment_summary": tables.experiment_summary(experiments, metrics_table, history),
        "epochs": tables.epochs(on_source, experiments, "experiment"),
        "twin_epochs": tables.epochs(on_source, twins, "framework"),
    }


def compute_class_tables(
    predictions: pd.DataFrame,
    experiments: pd.DataFrame,
    classes: list[str],
    highlighted: dict[str, str],
) -> Tables:
    """Compute reports, confusion and precision-recall curves by class of what the report shows."""
    from crossfold.pipelines.reporting.images import class_tables as tables
    from crossfold.pipelines.reporting.images.lookup import kept_for_report

    kept = kept_for_report(predictions, experiments, highlighted.values())
    return {
        "classification_report": tables.classification_report(kept, classes),
        "confusion": tables.confusion(kept, classes),
        "precision_recall": tables.precision_recall(kept, classes),
    }


def compute_image_tables(
    split: pd.DataFrame,
    predictions: pd.DataFrame,
    classes: list[str],
    report: ReportParameters,
    seed: int,
) -> Tables:
    """Compute the images of each class, and choose the test images that the report shows."""
    from crossfold.pipelines.reporting.images import image_tables as tables

    return {
        "class_counts": tables.class_counts(split, classes),
        "most_confidently_wrong": tables.most_confidently_wrong(
            predictions, report.most_confidently_wrong
        ),
        "random_test_images": tables.random_test_images(
            predictions, report.random_test_images, seed
        ),
    }


def draw_experiment_figures(
    experiment_summary: pd.DataFrame,
    metrics_table: pd.DataFrame,
    learning_rates: pd.DataFrame,
    epochs: pd.DataFrame,
    highlighted: dict[str, str],
    report: ReportParameters,
) -> dict[str, Any]:
    """Draw the experiments; the figures are matplotlib Figures by name."""
    from crossfold.pipelines.reporting.images import experiment_figures as figures
    from crossfold.reports.style import figure_style

    names = tuple(dict.fromkeys(highlighted.values()))
    text = {"experiment": str}
    summary, rates = experiment_summary.astype(text), learning_rates.astype(text)
    epochs = epochs.astype({"series": str})
    with figure_style():
        return {
            "experiment_accuracy": figures.experiment_accuracy(summary, metrics_table),
            "learning_rate_choice": figures.learning_rate_choice(rates, summary),
            "training_curves": figures.training_curves(epochs, names),
            "scores_over_epochs": figures.scores_over_epochs(epochs, names, report.regime),
        }


def draw_comparison_figures(
    comparison: pd.DataFrame,
    twins: pd.DataFrame,
    twin_epochs: pd.DataFrame,
    confusion: pd.DataFrame,
    classes: list[str],
    comparisons: ComparisonsParameters,
) -> dict[str, Any]:
    """Draw what is set against each other: pairs of models, frameworks and regimes."""
    from crossfold.pipelines.reporting.images import comparison_figures as figures
    from crossfold.pipelines.reporting.images.class_figures import confusion_by_prediction
    from crossfold.pipelines.reporting.images.experiment_figures import twin_training
    from crossfold.pipelines.reporting.images.lookup import of_twin, with_questions
    from crossfold.reports.style import figure_style

    with figure_style():
        return {
            "paired_differences": figures.paired_differences(
                with_questions(comparison, comparisons)
            ),
            "twins": figures.twins(twins),
            "twin_training": twin_training(twin_epochs),
            "twin_confusion": confusion_by_prediction(of_twin(confusion), classes),
        }


def draw_class_figures(
    *,
    classification_report: pd.DataFrame,
    confusion: pd.DataFrame,
    precision_recall: pd.DataFrame,
    classes: list[str],
    highlighted: dict[str, str],
    report: ReportParameters,
) -> dict[str, Any]:
    """Draw the highlighted experiments and the strong model class by class."""
    from crossfold.pipelines.reporting.images import class_figures as figures
    from crossfold.pipelines.reporting.images.lookup import shown_by_class
    from crossfold.reports.style import figure_style

    confusion, precision_recall, by_class = (
        shown_by_class(table, highlighted.values(), report.regime)
        for table in (confusion, precision_recall, classification_report)
    )
    with figure_style():
        return {
            "confusion_by_truth": figures.confusion_by_truth(confusion, classes),
            "confusion_by_prediction": figures.confusion_by_prediction(confusion, classes),
            "precision_recall": figures.precision_recall(precision_recall, classes),
            "class_scores": figures.class_scores(by_class, classes),
        }


def draw_image_figures(
    *,
    images: np.ndarray,
    labels: pd.DataFrame,
    class_counts: pd.DataFrame,
    most_confidently_wrong: pd.DataFrame,
    random_test_images: pd.DataFrame,
    classes: list[str],
    report: ReportParameters,
    seed: int,
) -> dict[str, Any]:
    """Draw the images that the report shows, and how many there are of each class."""
    from crossfold.pipelines.reporting.images import image_figures as figures
    from crossfold.reports.style import figure_style

    n_each = report.samples_of_each_class
    with figure_style():
        return {
            "class_counts": figures.class_counts(class_counts),
            "most_confidently_wrong": figures.image_page(
                images, most_confidently_wrong, classes, n_columns=5
            ),
            "random_test_images": figures.image_page(
                images, random_test_images, classes, n_columns=4
            ),
            "sample_images": figures.sample_images(images, labels["label"], classes, n_each, seed),
        }


def write_report(
    *,
    comparison: pd.DataFrame,
    twins: pd.DataFrame,
    learning_rates: pd.DataFrame,
    leak_guard: pd.DataFrame,
    split: pd.DataFrame,
    model_card: dict[str, Any],
    highlighted: dict[str, str],
    report: ReportParameters,
    comparisons: ComparisonsParameters,
    **parts: Any,
) -> str:
    """Write the report as one HTML file that needs no other.

    Parameters
    ----------
    comparison, twins, learning_rates, leak_guard, split, model_card
        What the modelling pipeline says of the models.
    highlighted
        Experiments singled out, by role.
    report
        The study's words.
    comparisons
        Which question each pair of models answers.
    **parts
        By name: ``table_<name>`` (DataFrame) and ``figure_<name>`` (bytes of a PNG or SVG image).
    """
    from crossfold.pipelines.reporting.document import render_document
    from crossfold.pipelines.reporting.images.lookup import with_questions
    from crossfold.pipelines.reporting.images.sections import Run, document

    run = Run(
        comparison=with_questions(comparison, comparisons),
        twins=twins,
        learning_rates=learning_rates,
        leak_guard=leak_guard,
        split=split,
        card=model_card,
        highlighted=tuple(highlighted.values()),
        report=report,
        tables=_with_prefix(parts, "table_"),
        figures=_with_prefix(parts, "figure_"),
    )
    return render_document(document(run))


def _with_prefix(parts: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {
        name.removeprefix(prefix): part for name, part in parts.items() if name.startswith(prefix)
    }
