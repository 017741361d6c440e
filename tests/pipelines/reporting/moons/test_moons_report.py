"""The moons report says what its tables say, and draws every variant."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from crossfold.pipelines.moons import nodes as modelling
from crossfold.pipelines.moons.parameters import (
    DrawParameters,
    EvaluationParameters,
    NetworkParameters,
    PointParameters,
    TableParameters,
    VariantParameters,
)
from crossfold.pipelines.moons.variants import variant_label
from crossfold.pipelines.reporting.moons import create_pipeline, nodes
from crossfold.pipelines.reporting.moons.page import CAPTIONS, make_document, opening
from crossfold.pipelines.reporting.moons.pipeline import FIGURES
from crossfold.pipelines.reporting.parameters import PageParameters

SEED, ALPHAS, N_DRAWS = 1, (0.0, 6.4), 3
POINTS = PointParameters(n_train=60, n_test=700)
REPORT = PageParameters(title="Two moons", command="kedro run --pipelines=moons")
PNG = b"\x89PNG\r\n\x1a\nnot much of an image"


@pytest.fixture(scope="module")
def run() -> SimpleNamespace:
    network = NetworkParameters(
        hidden_layer_sizes=(4,), solver="sgd", learning_rate_init=0.1, momentum=0.0, batch_size=32,
        max_iter=9, dtype="float64",
    )  # fmt: skip
    draws, variants = DrawParameters(n_draws=N_DRAWS, step=0.5), VariantParameters(alphas=ALPHAS)
    points = modelling.draw_points(POINTS, SEED)
    predictions, networks, history = modelling.train_variants(points, network, variants, SEED)
    made = modelling.repeat_draws(points, POINTS, draws, network, variants, SEED)
    evaluation = EvaluationParameters(n_resamples=50, reference="quadratic_0", twins=())
    table = TableParameters(target="label")
    return SimpleNamespace(
        points=points,
        history=history,
        plane=modelling.map_plane(points, networks, draws),
        draws=made,
        metrics_table=modelling.evaluate_variants(
            predictions, points, made, table, evaluation, SEED
        ),
        comparison=modelling.compare_variants(predictions, made, variants, evaluation),
    )


@pytest.fixture(scope="module")
def figures(run: SimpleNamespace) -> dict[str, object]:
    return nodes.draw_moons_figures(**vars(run))


@pytest.fixture(scope="module")
def tables(run: SimpleNamespace) -> dict[str, pd.DataFrame]:
    return {"metrics": run.metrics_table, "comparison": run.comparison}


def texts(figure) -> str:
    return "\n".join(item.get_text() for item in figure.findobj(Text))


def test_every_declared_figure_is_drawn_and_captioned(figures) -> None:
    assert set(figures) == set(FIGURES) == set(CAPTIONS)
    outputs = create_pipeline().all_outputs()
    assert {f"moons.figures.{name}" for name in FIGURES} | {"moons.report"} <= outputs


def test_points_are_counted_and_at_most_500_shown(figures) -> None:
    shown = texts(figures["points"])
    assert "Train, n = 60\n" in shown
    assert "Test, n = 700, 500 shown" in shown
    drawn = [len(item.get_offsets()) for item in figures["points"].axes[1].collections]
    assert sum(drawn) == 500


def test_the_boundary_is_where_both_moons_are_as_likely(figures, run) -> None:
    maps = [axes for axes in figures["boundary"].axes if axes.get_title(loc="left")]
    assert len(maps) == 2 * len(ALPHAS)
    own = run.metrics_table.query("protocol == 'new_points' and metric == 'accuracy'")
    for row in own[~own["model"].str.endswith("torch")].itertuples():
        title = f"{variant_label(row.model)}\ntest: {100 * row.estimate:.1f}"
        assert any(axes.get_title(loc="left").startswith(title) for axes in maps), title


def test_every_draw_is_a_tick_beside_the_mean(figures, run) -> None:
    [axes] = figures["draws"].axes
    ticks = [line for line in axes.lines if line.get_marker() == "|" and len(line.get_xdata()) == 3]
    assert sorted(np.concatenate([tick.get_xdata() for tick in ticks])) == sorted(
        run.draws["accuracy"]
    )
    assert f"({N_DRAWS} draws" in texts(figures["draws"])


def test_the_opening_gives_both_figures_of_the_same_network(tables) -> None:
    metrics = tables["metrics"].query("model == 'quadratic_0' and metric == 'accuracy'")
    first, second = opening(tables)
    for row in metrics[metrics["protocol"] != "new_draws"].itertuples():
        assert f"{100 * row.estimate:.1f}\u00a0%" in first
    assert "of the 60 points" in first
    assert "700 new ones" in first
    assert f"Over {N_DRAWS} draws" in second


@pytest.mark.parametrize(("low", "expected"), [(0.05, "beyond chance"), (-0.1, "little")])
def test_the_opening_says_whether_features_matter(tables, low, expected) -> None:
    comparison = tables["comparison"].assign(difference=0.1, low=low, high=0.15)
    assert expected in opening({**tables, "comparison": comparison})[1]


def test_the_page_holds_a_line_for_every_variant(run, tables) -> None:
    images = {name: PNG for name in FIGURES}
    document = make_document(tables, images, REPORT, "", SEED)
    sections = {section.id: section for section in document.sections}
    accuracies = sections["models"].parts[0]
    assert len(accuracies.rows) == 2 * len(ALPHAS)
    assert {len(row) for row in accuracies.rows} == {len(accuracies.header)}
    assert len(sections["twins"].parts[1].rows) == 2 * len(ALPHAS)
    page = nodes.write_moons_report(
        metrics_table=run.metrics_table, comparison=run.comparison,
        report=REPORT, data_notice="Not real.", seed=SEED,
        **{f"figure_{name}": PNG for name in FIGURES},
    )  # fmt: skip
    assert page.split("<body>")[1].lstrip().startswith('<p class="notice" role="note">Not real.')
    assert page.count("data:image/png") == len(FIGURES)
