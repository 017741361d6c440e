"""Figures draw what their tables say, and all that are declared."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from crossfold.pipelines.reporting.images import (
    class_figures,
    comparison_figures,
    experiment_figures,
    image_figures,
    nodes,
    pipeline,
)
from crossfold.pipelines.reporting.images.captions import CAPTIONS
from crossfold.pipelines.reporting.images.lookup import with_questions
from crossfold.pipelines.reporting.images.parameters import ReportParameters

Tables = dict[str, pd.DataFrame]


def texts(figure: Any) -> str:
    """All text of a figure after drawing."""
    from matplotlib.text import Text

    return "\n".join(item.get_text() for item in figure.findobj(Text))


@pytest.fixture(scope="session")
def drawn_experiments(
    inputs: SimpleNamespace, tables: Tables, report_parameters: ReportParameters
) -> dict[str, Any]:
    """The figures of the experiments."""
    return nodes.draw_experiment_figures(
        tables["experiment_summary"],
        inputs.metrics_table,
        inputs.learning_rates,
        tables["epochs"],
        inputs.highlighted,
        report_parameters,
    )


def test_every_declared_figure_is_drawn_and_captioned(
    inputs: SimpleNamespace,
    tables: Tables,
    drawn_experiments: dict[str, Any],
    report_parameters: ReportParameters,
) -> None:
    given = {"classes": inputs.classes, "report": report_parameters}
    of_classes = {name: tables[name] for name in pipeline.CLASS_TABLES}
    of_images = {name: tables[name] for name in pipeline.IMAGE_TABLES}
    comparisons = nodes.draw_comparison_figures(
        inputs.comparison,
        inputs.twins,
        tables["twin_epochs"],
        tables["confusion"],
        inputs.classes,
        inputs.comparisons,
    )
    classes = nodes.draw_class_figures(**of_classes, **given, highlighted=inputs.highlighted)
    images = nodes.draw_image_figures(
        images=inputs.images, labels=inputs.labels, **of_images, **given, seed=42
    )
    assert tuple(drawn_experiments) == pipeline.EXPERIMENT_FIGURES
    assert tuple(comparisons) == pipeline.COMPARISON_FIGURES
    assert tuple(classes) == pipeline.CLASS_FIGURES
    assert tuple(images) == pipeline.IMAGE_FIGURES
    assert set(CAPTIONS) == set(pipeline.FIGURES)


def test_every_experiment_has_a_mark_at_its_test_accuracy_and_several_seeds_have_theirs(
    inputs: SimpleNamespace, drawn_experiments: dict[str, Any]
) -> None:
    axes = drawn_experiments["experiment_accuracy"].axes[0]
    means = np.concatenate([c.lines[0].get_xdata(orig=False) for c in axes.containers])
    of_bars = {id(line) for bars in axes.containers for line in bars.lines[0:1] + bars.lines[1]}
    drawn = [line.get_xdata(orig=False) for line in axes.lines if id(line) not in of_bars]
    accuracies = inputs.metrics_table[inputs.metrics_table["metric"] == "accuracy"]
    is_pooled = accuracies["scope"] == "pooled"
    np.testing.assert_allclose(np.sort(means), np.sort(accuracies.loc[is_pooled, "estimate"]))
    seeds = accuracies.loc[~is_pooled, "estimate"] if len(inputs.experiments) == 20 else []
    np.testing.assert_allclose(np.sort(np.concatenate(drawn)), np.sort(seeds))
    assert len(axes.get_yticklabels()) == inputs.experiments["experiment"].nunique()


def test_chosen_learning_rates_are_filled(
    inputs: SimpleNamespace, drawn_experiments: dict[str, Any]
) -> None:
    figure = drawn_experiments["learning_rate_choice"]
    tried = inputs.learning_rates.dropna(subset="validation_accuracy")
    if tried.empty:
        assert "One learning rate was given" in texts(figure)
        return
    filled = [line for line in figure.axes[0].lines if line.get_linestyle() == "None"]
    drawn = [float(line.get_ydata(orig=False)[0]) for line in filled if len(line.get_xdata())]
    first = tried[(tried["regime"] == tried["regime"].iloc[0]) & tried["chosen"]]
    np.testing.assert_allclose(drawn, first["validation_accuracy"])


def test_training_is_drawn_in_every_regime(
    inputs: SimpleNamespace, tables: Tables, drawn_experiments: dict[str, Any]
) -> None:
    figure = drawn_experiments["training_curves"]
    epochs, name = tables["epochs"], next(iter(inputs.highlighted.values()))
    assert len(figure.axes) == 2 * epochs["regime"].nunique()
    regime = epochs["regime"].iloc[0]
    chosen = (epochs["regime"] == regime) & (epochs["series"] == name)
    expected = epochs[chosen & (epochs["measure"] == "validation_loss")]
    drawn = figure.axes[0].lines[1].get_ydata(orig=False)
    np.testing.assert_allclose(drawn, expected["estimate"])


def test_scores_are_those_of_the_reports_regime(
    inputs: SimpleNamespace,
    tables: Tables,
    drawn_experiments: dict[str, Any],
    report_parameters: ReportParameters,
) -> None:
    figure = drawn_experiments["scores_over_epochs"]
    epochs, name = tables["epochs"], next(iter(inputs.highlighted.values()))
    chosen = (epochs["regime"] == report_parameters.regime) & (epochs["series"] == name)
    expected = epochs[chosen & (epochs["measure"] == "validation_recall")]
    drawn = figure.axes[2].lines[0].get_ydata(orig=False)
    np.testing.assert_allclose(drawn, expected["estimate"])


def test_without_scores_the_figure_says_so(tables: Tables) -> None:
    epochs = tables["epochs"]
    losses = epochs[epochs["measure"].str.contains("loss")]
    figure = experiment_figures.scores_over_epochs(losses, ("7",), "full_batch")
    assert "accuracy alone" in texts(figure)


def test_differences_are_drawn_in_percentage_points(inputs: SimpleNamespace) -> None:
    asked = with_questions(inputs.comparison, inputs.comparisons)
    figure = comparison_figures.paired_differences(asked)
    questions = list(inputs.comparisons.root)
    assert [axes.get_title() for axes in figure.axes] == questions
    drawn = [float(c.lines[0].get_xdata(orig=False)[0]) for c in figure.axes[0].containers]
    rows = comparison_figures.drawn_differences(asked)
    expected = 100 * rows.loc[rows["question"] == questions[0], "difference"]
    np.testing.assert_allclose(drawn, expected)


def test_each_seed_is_drawn_and_a_lone_test_only_over_images(inputs: SimpleNamespace) -> None:
    drawn = comparison_figures.drawn_differences(inputs.comparison)
    lone = inputs.comparison["test"] == "McNemar"
    assert len(drawn) == len(inputs.comparison) - lone.sum()


def test_what_a_run_lacks_is_said_in_the_figure(inputs: SimpleNamespace) -> None:
    nothing = comparison_figures.paired_differences(
        with_questions(inputs.comparison.head(0), inputs.comparisons)
    )
    assert "compares no two models" in texts(nothing)
    assert "no twins" in texts(comparison_figures.twins(inputs.twins.head(0)))


def test_twins_are_drawn_with_accuracy_and_seconds(inputs: SimpleNamespace) -> None:
    figure = comparison_figures.twins(inputs.twins)
    numpy = inputs.twins[inputs.twins["framework"] == "numpy"]
    drawn = figure.axes[0].containers[0].lines[0].get_xdata(orig=False)
    np.testing.assert_allclose(drawn, numpy["estimate"])
    assert f"{numpy['seconds'].iloc[0]:.1f} s" in texts(figure)


def test_the_confusion_map_prints_whole_per_cent(inputs: SimpleNamespace, tables: Tables) -> None:
    confusion = tables["confusion"]
    strong = confusion[confusion["model"] == "strong"]
    figure = class_figures.confusion_by_truth(strong, inputs.classes)
    (axes,) = figure.axes
    printed = {(t.get_position()[1], t.get_position()[0]): t.get_text() for t in axes.texts}
    for row in strong.itertuples():
        percent = round(100 * row.share_of_truth)
        assert printed.get((row.target, row.predicted), "0") == f"{percent}"
    assert [label.get_text() for label in axes.get_yticklabels()] == inputs.classes
    assert f"n = {strong['n'].sum()}" in texts(figure)


def test_every_model_is_drawn_in_every_class(inputs: SimpleNamespace, tables: Tables) -> None:
    figure = class_figures.precision_recall(tables["precision_recall"], inputs.classes)
    models = tables["precision_recall"]["model"].nunique()
    assert [axes.get_title() for axes in figure.axes] == inputs.classes
    assert all(len(axes.lines) == models for axes in figure.axes)


def test_class_scores_are_drawn_at_their_estimates(inputs: SimpleNamespace, tables: Tables) -> None:
    report = tables["classification_report"]
    strong = report[report["model"] == "strong"]
    figure = class_figures.class_scores(strong, inputs.classes)
    drawn = figure.axes[1].containers[0].lines[0].get_xdata(orig=False)
    expected = strong.set_index("class").loc[inputs.classes, "recall"]
    np.testing.assert_allclose(drawn, expected)


def test_an_image_page_shows_the_images_that_it_names(inputs: SimpleNamespace) -> None:
    columns = ["row", "target", "predicted", "probability"]
    shown = pd.DataFrame([(3, 1, 2, 0.987), (8, 0, 9, 0.5)], columns=columns)
    (axes,) = image_figures.image_page(inputs.images, shown, inputs.classes, n_columns=5).axes
    drawn = [image.get_array() for image in axes.images]
    np.testing.assert_array_equal(drawn, inputs.images[[3, 8]])
    truth, predicted = inputs.classes[1], inputs.classes[2]
    assert axes.texts[0].get_text() == f"true {truth}\nsaid {predicted}\n98.7\u00a0%"


def test_samples_stand_in_the_row_of_their_class(inputs: SimpleNamespace) -> None:
    labels = inputs.labels["label"]
    figure = image_figures.sample_images(inputs.images, labels, inputs.classes, 8, 42)
    (axes,) = figure.axes
    assert len(axes.images) == 8 * len(inputs.classes)
    codes = {image.tobytes(): label for image, label in zip(inputs.images, labels, strict=True)}
    for image in axes.images:
        row = int(min(image.get_extent()[2:]))
        assert codes[np.asarray(image.get_array()).tobytes()] == row


def test_more_experiments_than_looks_are_all_drawn(tables: Tables) -> None:
    epochs = tables["epochs"]
    names = list(dict.fromkeys(epochs["series"]))[:6]
    figure = experiment_figures.training_curves(epochs, names)
    assert len(figure.axes[0].lines) == 2 * len(names)
