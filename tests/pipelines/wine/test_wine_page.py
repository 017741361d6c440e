"""The wine page says what the study found, in sentences, tables and figures."""

import json

import pytest
from tests.pipelines.wine.conftest import parameters, run_study

from crossfold.pipelines.wine.report import (
    candidate_label,
    nested_search,
    searched,
    with_fold_intervals,
)


def test_the_opening_says_how_many_wines_are_called_wrongly(run, accuracies) -> None:
    opening = run.report.split("</nav>")[0]
    own = accuracies.loc["mlp"]
    assert f"of {own['n']:.0f} wines" in opening
    assert f"; {own['wrong']:.0f} are not" in opening
    for model in ("mlp", "logistic_regression", "mlp_tuned"):
        assert f"{100 * accuracies.loc[model, 'accuracy']:.1f}\u00a0%" in opening


def test_the_opening_tells_whether_tuning_made_a_difference(run) -> None:
    rows = run.comparison.query("model_b == 'mlp_tuned' and test == 'McNemar'")
    [verdict] = rows[rows["model_a"] == "mlp"]["verdict"]
    assert f"the two {'differ' if verdict == 'differ' else 'are not told apart'}" in run.report


@pytest.mark.usefixtures("undrawn")
def test_what_there_is_not_is_left_out() -> None:
    """Rows that are predicted twice have no McNemar's test; and no fold need stand alone."""
    own = parameters()
    own["folds"] |= {"n_splits": 2, "n_repeats": 2}
    own["evaluation"]["single_fold"] = None
    page = run_study(own).report
    assert "Every row is predicted 2 times, by models that did not learn from it: 4 folds." in page
    assert "is then judged on wines that took no part in the choice." in " ".join(page.split())
    assert "The single split is one fold" not in page


def test_the_wines_and_their_duplicates_are_counted(run) -> None:
    repeated = run.wines.drop(columns=["source_row", "group"]).duplicated().sum()
    assert repeated > 0
    assert "100 red and 200 white wines." in run.report
    assert f"{repeated} rows repeat another of the same colour" in run.report


def test_the_search_tells_each_fold_s_choice_and_what_came_of_it(run) -> None:
    table = searched(run.tuned_search, run.metrics_table)
    chosen = run.tuned_search[run.tuned_search["chosen"]].sort_values("fold")
    for line, row in zip(table.itertuples(), chosen.itertuples(), strict=True):
        assert line.fold == f"fold {row.fold}"
        assert line.chosen == candidate_label(row.candidate)
        assert line.inner_accuracy == row.score
    assert table["wines"].sum() == len(run.wines)
    axes = nested_search(table).axes[0]
    [promised, came] = axes.containers
    assert list(promised.lines[0].get_xdata()) == table["inner_accuracy"].tolist()
    assert list(came.lines[0].get_xdata()) == table["held_out_accuracy"].tolist()


def test_candidates_are_named_by_layers_and_learning_rate() -> None:
    candidate = json.dumps({"hidden_layer_sizes": [50, 25], "learning_rate_init": 0.001})
    assert candidate_label(candidate) == "50-25, 0.001"


def test_a_single_fold_has_wilsons_interval(run) -> None:
    table = with_fold_intervals(run.metrics_table)
    fold = table[table["scope"].str.startswith("fold")].iloc[0]
    pooled = table[(table["scope"] == "pooled") & (table["model"] == fold["model"])].iloc[0]
    assert fold["low"] < fold["estimate"] < fold["high"] + 1e-12
    assert fold["high"] - fold["low"] > pooled["high"] - pooled["low"]


@pytest.mark.parametrize("name", ["accuracy", "measurements"])
def test_own_figures_are_drawn(run, name) -> None:
    legend = [text.get_text() for text in run.figures[name].legends[0].get_texts()]
    expected = {
        "accuracy": ["All folds, n = 300", f"Single split, n = {run.n_single}"],
        "measurements": ["Red, n = 100", "White, n = 200"],
    }
    assert legend == expected[name]
