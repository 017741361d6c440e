"""Figures draw what their tables say, and all that are declared."""

import numpy as np
import pytest
from matplotlib.text import Text

from crossfold.pipelines.reporting.gene_expression.captions import CAPTIONS
from crossfold.pipelines.reporting.gene_expression.labels import MODELS, model_label
from crossfold.pipelines.reporting.gene_expression.pipeline import FIGURES


def texts(figure) -> str:
    return "\n".join(item.get_text() for item in figure.findobj(Text))


def test_every_declared_figure_is_drawn_and_captioned(figures) -> None:
    assert tuple(figures) == FIGURES
    assert set(CAPTIONS) == set(FIGURES)


@pytest.mark.parametrize("name", FIGURES)
def test_nothing_is_cut_off(figures, name) -> None:
    figure = figures[name]
    figure.draw_without_rendering()
    width, height = figure.bbox.size
    for legend in figure.legends:
        box = legend.get_window_extent()
        assert box.x0 >= 0
        assert box.x1 <= width
        assert box.y0 >= 0
    for axes in figure.axes:
        box = axes.xaxis.label.get_window_extent()
        assert box.width == 0 or (box.x0 >= 0 and box.x1 <= width and box.y1 <= height)


def test_every_model_is_compared_under_every_protocol(figures) -> None:
    shown = texts(figures["model_comparison"])
    assert all(model_label(model) in shown for model in MODELS)
    for label in ("Leave-one-out, n = 36", "Repeated k-fold, n = 36", "Original split, n = 12"):
        assert label in shown


def test_controls_show_chance_and_each_figure(figures, inputs) -> None:
    shown = texts(figures["controls"])
    part = inputs.controls[inputs.controls["metric"] == "balanced_accuracy"]
    assert all(f"{100 * estimate:.1f}" in shown for estimate in part["estimate"])
    assert "chance" in shown
    assert "(4 permutations)" in shown


def test_class_counts_are_written_on_the_bars(figures) -> None:
    shown = texts(figures["class_counts"])
    assert "18.0\n66.7" in shown
    assert "All patients: 24 ALL, 12 AML; means over 4 training folds" in shown


def test_the_last_epochs_are_drawn(figures, tables) -> None:
    table = tables["epochs"]
    expected = table[
        (table["model"] == "mlp")
        & (table["protocol"] == "leave_one_out")
        & (table["measure"] == "validation_loss")
    ]["estimate"]
    drawn = {
        line.get_label(): line.get_ydata() for line in figures["leave_one_out_curves"].axes[0].lines
    }
    np.testing.assert_allclose(drawn["Validation"], expected)
    assert "36 fresh networks" in texts(figures["leave_one_out_curves"])


def test_probes_are_named_with_their_genes(figures) -> None:
    shown = texts(figures["selected_probes"])
    assert "Gene p0  p0" in shown
    assert "In the final model" in shown


def test_the_view_of_patients_names_its_components(figures, tables) -> None:
    shown = texts(figures["patients_2d"])
    share = tables["patients_2d"]["x_share"].iloc[0]
    assert f"First component ({100 * share:.1f}" in shown
    assert "ALL, training file (n = 16)" in shown
