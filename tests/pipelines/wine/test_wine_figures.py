"""The figures of the wine report draw what the study found."""

import numpy as np
import pytest

from crossfold.pipelines.reporting.wine.figures import candidate_label
from crossfold.pipelines.reporting.wine.labels import (
    MLP,
    MODELS,
    SINGLE_SPLIT,
    TUNED,
    WITHOUT_QUALITY,
    column_label,
)
from crossfold.pipelines.reporting.wine.pipeline import FIGURES


def _drawn(figure) -> list:
    """Give the x values of each series of error bars or points."""
    containers = figure.axes[0].containers
    return [np.asarray(one.lines[0].get_xdata(), dtype=float) for one in containers]


def test_every_figure_of_the_pipeline_is_drawn(figures) -> None:
    assert set(figures) == set(FIGURES)


def test_accuracies_are_those_of_the_predictions(figures, accuracies) -> None:
    with_quality, without, single = _drawn(figures["accuracy"])
    expected = accuracies["accuracy"]
    for place, model in enumerate(MODELS):
        assert with_quality[place] == pytest.approx(expected[model])
        if model != TUNED:
            bare = expected[f"{model}{WITHOUT_QUALITY}"]
            assert without[place] == pytest.approx(bare)
    assert np.isnan(without[list(MODELS).index(TUNED)])
    assert not np.isnan(single).any()


def test_the_search_s_promise_stands_beside_what_came_of_it(figures, run) -> None:
    axes = figures["nested_search"].axes[0]
    [held_out] = _drawn(figures["nested_search"])
    tuned = run.predictions[run.predictions["model"] == TUNED]
    right = (tuned["flagged"] == (tuned["target"] == 1)).groupby(tuned["fold"]).mean()
    np.testing.assert_allclose(held_out, right)
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert ["(single split)" in label for label in labels] == [
        fold == SINGLE_SPLIT for fold in range(3)
    ]
    chosen = run.tuned_search[run.tuned_search["chosen"]].sort_values("fold")
    for label, row in zip(labels, chosen.itertuples(), strict=True):
        assert candidate_label(row.candidate) in label


def test_candidates_are_named_by_layers_and_rate() -> None:
    text = '{"hidden_layer_sizes": [50, 25], "learning_rate_init": 0.001}'
    assert candidate_label(text) == "50-25, 0.001"


def test_the_grid_says_how_often_each_candidate_was_chosen(figures, run) -> None:
    notes = [text.get_text() for text in figures["grid"].axes[0].texts]
    counts = run.tuned_search.groupby("candidate")["chosen"].sum()
    assert notes == [f"chosen {count}×" for count in counts[counts > 0]]


def test_columns_are_drawn_in_the_order_of_their_importance(figures, run) -> None:
    axes = figures["importance"].axes[0]
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert labels == [column_label(name) for name in run.feature_importance["column"]]
    [values] = _drawn(figures["importance"])
    assert (np.diff(values) <= 0).all()


def test_curves_have_every_epoch_of_the_network_with_quality(figures, run) -> None:
    own = (run.history["model"] == MLP) & (run.history["measure"] == "train_loss")
    [curve, _] = figures["training_curves"].axes[0].lines
    expected = run.history[own].groupby("epoch")["value"].mean()
    np.testing.assert_allclose(curve.get_ydata(), expected)


def test_permuted_labels_are_drawn_nearer_to_chance_than_real_ones(figures, run) -> None:
    real, permuted = _drawn(figures["permuted_control"])
    areas = run.metrics_table.query("metric == 'roc_auc' and scope == 'pooled'")
    of_control = areas[areas["protocol"] == "permuted_labels"].set_index("model")["estimate"]
    assert permuted[0] == of_control[MLP]
    assert abs(permuted[0] - 0.5) < 0.2
    assert (np.abs(permuted - 0.5) < np.abs(real - 0.5)).all()


def test_measurements_of_both_colours_are_drawn_with_their_number(figures) -> None:
    labels = [text.get_text() for text in figures["measurements"].legends[0].get_texts()]
    assert labels == ["Red, n = 100", "White, n = 200"]
    assert len(figures["measurements"].axes) == 12
