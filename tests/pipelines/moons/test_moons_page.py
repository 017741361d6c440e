"""The moons page says what its tables say, and draws every variant."""

from html import unescape
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from matplotlib.text import Text

from crossfold.api import run_in_memory
from crossfold.pipelines.moons import create_pipeline, report
from crossfold.pipelines.moons.variants import variant_label

N_DRAWS = 3
WANTED = ("points", "networks", "metrics_table", "comparison", "tables.variants", "report")


@pytest.fixture(scope="module")
def run() -> SimpleNamespace:
    conf = yaml.safe_load(Path("conf/base/moons/parameters.yml").read_text(encoding="utf-8"))
    own = conf["moons"]
    own["points"] |= {"n_train": 60, "n_test": 700}
    own["network"] |= {"hidden_layer_sizes": [4], "max_iter": 9}
    own["draws"] = {"n_draws": N_DRAWS, "step": 0.5}
    names = {name: f"moons.{name}" for name in WANTED}
    figures = {name: f"moons.figures.{name}" for name in report.FIGURES}
    made = run_in_memory(
        create_pipeline(),
        {},
        {"moons": own, "seed": 1, "data_notice": "Not real."},
        [*names.values(), *figures.values()],
    )
    made[names["report"]] = unescape(made[names["report"]])
    return SimpleNamespace(
        **{name.split(".")[-1]: made[full] for name, full in names.items()},
        figures={name: made[full] for name, full in figures.items()},
    )


def texts(figure) -> str:
    return "\n".join(item.get_text() for item in figure.findobj(Text))


def test_the_opening_gives_both_figures_of_the_same_network(run) -> None:
    opening = run.report.split("</nav>")[0]
    own = run.metrics_table.query("model == 'quadratic_0' and metric == 'accuracy'")
    for row in own[own["protocol"] != "new_draws"].itertuples():
        assert f"{100 * row.estimate:.1f}\u00a0%" in opening
    assert "of 700 new points" in opening
    assert "learnt from 60" in opening
    assert f"over {N_DRAWS} draws" in opening.lower()
    assert run.report.index("Not real.") < run.report.index("<h1>")


@pytest.mark.parametrize("told", ["differ", "not told apart"])
def test_the_words_are_of_quadratic_against_plain_features(run, told) -> None:
    comparison = run.comparison.assign(
        verdict=told, difference=run.comparison["model_b"].map({"coordinates_0": -0.015})
    )
    features = report.words(comparison, run.networks)["features"]
    assert features["verdict"] == told
    assert features["difference"] == -0.015


def test_the_first_network_is_drawn_and_named(run) -> None:
    drawing = run.networks[0][0].draw()
    assert drawing.description in run.report
    assert f"The variant {variant_label(run.networks[1]['models'][0])}, as NumPy" in run.report


def test_the_page_names_the_versions_of_libraries(run) -> None:
    assert f"numpy {version('numpy')}," in run.report
    assert f"torch {version('torch')}." in run.report


def test_points_are_counted_and_at_most_500_shown(run) -> None:
    shown = texts(run.figures["points"])
    assert "Train, n = 60\n" in shown
    assert "Test, 500 of 700" in shown
    drawn = [len(item.get_offsets()) for item in run.figures["points"].axes[1].collections]
    assert sum(drawn) == 500


def test_each_map_is_named_by_its_variant_with_its_accuracy(run) -> None:
    maps = [axes.get_title(loc="left") for axes in run.figures["boundary"].axes]
    own = run.metrics_table.query("protocol == 'new_points' and metric == 'accuracy'")
    own = own[~own["model"].str.endswith("torch")]
    assert len(own) == 6
    for row in own.itertuples():
        title = f"{variant_label(row.model)}\n{100 * row.estimate:.1f}"
        assert any(text.startswith(title) for text in maps), title


def test_the_table_has_a_row_for_every_variant(run) -> None:
    table, draws = run.variants.set_index("variant"), run.metrics_table.query("metric=='accuracy'")
    assert len(table) == 6
    own = draws.set_index(["model", "protocol"])["estimate"]
    row = table.loc["Coordinates only, α = 6.4"]
    assert row["mean_over_draws"] == own["coordinates_6.4", "new_draws"]
    assert row["points_learnt_from"] == own["coordinates_6.4", "points_learnt_from"]
