"""The primer's report shows the numbers that a reader follows by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.text import Text

from crossfold.pipelines.primer import first_network, logistic
from crossfold.pipelines.primer.parameters import (
    FirstNetworkParameters,
    LogisticParameters,
)
from crossfold.pipelines.reporting.parameters import PageParameters
from crossfold.pipelines.reporting.primer import create_pipeline, nodes
from crossfold.pipelines.reporting.primer.page import CAPTIONS
from crossfold.pipelines.reporting.primer.pipeline import FIGURES

SEED = 42
LOGISTIC = LogisticParameters(epochs=50, exercise_epochs=(200,))
FIRST = FirstNetworkParameters()
REPORT = PageParameters(title="First steps", command="kedro run --pipelines=primer")
PNG = b"\x89PNG\r\n\x1a\nnot much of an image"


@pytest.fixture(scope="module")
def run() -> SimpleNamespace:
    toy = logistic.make_toy_table(SEED)
    by_hand = logistic.train_logistic_by_hand(toy, LOGISTIC, SEED)
    points = first_network.draw_integer_points(FIRST, SEED)
    steps, epochs = first_network.train_network_by_hand(points, FIRST, SEED)
    return SimpleNamespace(
        toy=toy,
        points=points,
        logistic_steps=by_hand,
        logistic_comparison=logistic.compare_logistic(toy, by_hand, LOGISTIC, SEED),
        longer_training=logistic.train_for_longer(toy, LOGISTIC, SEED),
        two_outputs=logistic.train_two_outputs(toy, LOGISTIC, SEED),
        network_steps=steps,
        network_epochs=epochs,
        network_comparison=first_network.compare_first_network(points, epochs, FIRST, SEED),
    )


@pytest.fixture(scope="module")
def figures(run: SimpleNamespace) -> dict[str, object]:
    drawn = ("logistic_steps", "longer_training", "logistic_comparison", "points", "network_epochs")
    return nodes.draw_primer_figures(**{name: getattr(run, name) for name in drawn})


@pytest.fixture(scope="module")
def page(run: SimpleNamespace) -> str:
    return nodes.write_primer_report(
        **vars(run), logistic=LOGISTIC, report=REPORT, data_notice="Not real.", seed=SEED,
        **{f"figure_{name}": PNG for name in FIGURES},
    )  # fmt: skip


def texts(figure) -> str:
    return "\n".join(item.get_text() for item in figure.findobj(Text))


def test_every_declared_figure_is_drawn_and_captioned(figures) -> None:
    assert set(figures) == set(FIGURES) == set(CAPTIONS)
    outputs = create_pipeline().all_outputs()
    assert {f"primer.figures.{name}" for name in FIGURES} | {"primer.report"} <= outputs


def test_the_epochs_are_drawn_from_before_training(figures, run) -> None:
    errors, accuracies = figures["first_network"].axes
    for part, line in zip(("train", "validation"), errors.lines, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), run.network_epochs[f"{part}_error"])
        assert line.get_label() == (
            f"{part.capitalize()}, n = {(run.points['part'] == part).sum()}"
        )
    assert len(accuracies.lines[0].get_xdata()) == FIRST.epochs + 1


def test_every_point_is_drawn_with_its_label_and_part(figures, run) -> None:
    [axes] = figures["points"].axes
    labelled = [line for line in axes.lines if not line.get_label().startswith("_")]
    assert sum(len(line.get_xdata()) for line in labelled) == len(run.points)
    assert len(labelled) == 4
    assert "label 1, train, n = " in texts(figures["points"])


def test_the_loss_and_the_growing_weights_are_the_tables(figures, run) -> None:
    loss = figures["logistic_loss"].axes[0].lines[0]
    np.testing.assert_allclose(loss.get_ydata(), run.logistic_steps["loss"])
    drawn = [line.get_ydata() for axes in figures["growing_weights"].axes for line in axes.lines]
    assert any(np.array_equal(line, run.longer_training["length"]) for line in drawn)


def test_the_page_writes_out_the_first_steps(page, run) -> None:
    steps = run.logistic_steps.head(LOGISTIC.first_steps + 1)
    for name in ("w1", "gradient_w1", "loss"):
        for value in steps[name]:
            assert f"{value:.4f}".replace("-", "−") in page
    for name in ("w1_x0", "gradient_w1_x0", "output"):
        for value in run.network_steps[name]:
            assert f"{value:.4f}".replace("-", "−") in page
    assert "step 3" in page
    assert "step 4" not in page


def test_the_page_answers_in_its_first_sentences(page, run) -> None:
    losses = run.logistic_steps["loss"]
    assert f"50 epochs its loss falls from {losses.iloc[0]:.4f} to {losses.iloc[-1]:.4f}" in page
    n = (run.points["part"] == "validation").sum()
    share = run.network_epochs["validation_accuracy"].iloc[-1]
    assert f"tells {100 * share:.1f}" in page
    assert f"of {n} points set aside apart" in page
    body = page.split("<body>")[1].lstrip()
    assert body.startswith('<p class="notice" role="note">Not real.')
    assert page.count("data:image/png") == len(FIGURES)
    assert "nan" not in body.lower()


def test_the_exercises_show_the_epochs_that_were_asked_for(page, run) -> None:
    section = page.split('id="exercises"')[1]
    longer = run.longer_training.set_index("epoch")
    for epoch in (LOGISTIC.epochs, *LOGISTIC.exercise_epochs):
        assert f"{longer.loc[epoch, 'length']:.4f}" in section
    assert f"{run.two_outputs['sum'].iloc[0]:.4f}" in section
