"""The wine report says what the study found, in sentences and tables."""

import re

import pytest

from crossfold.pipelines.reporting.parameters import PageParameters
from crossfold.pipelines.reporting.wine.figures import candidate_label
from crossfold.pipelines.reporting.wine.labels import (
    LOGISTIC,
    MLP,
    SINGLE_SPLIT,
    TUNED,
    WITHOUT_QUALITY,
)
from crossfold.pipelines.reporting.wine.nodes import write_wine_report
from crossfold.pipelines.reporting.wine.page import Run, make_document, opening
from crossfold.pipelines.reporting.wine.pipeline import FIGURES, create_pipeline
from crossfold.reports.words import percent

PNG = b"\x89PNG"
REPORT = PageParameters(title="Red or white?", command="kedro run --pipelines=wine")
GIVEN = ("row_counts", "metrics_table", "comparison", "leak_guard")


@pytest.fixture(scope="module")
def given(run) -> dict:
    return {
        **{name: getattr(run, name) for name in GIVEN},
        "grid": run.tuned_search,
        "importance": run.feature_importance,
        "report": REPORT,
        "data_notice": "Synthetic sample data.",
        "seed": 3,
    }


@pytest.fixture(scope="module")
def page(given) -> str:
    return write_wine_report(**given, **{f"figure_{name}": PNG for name in FIGURES})


@pytest.fixture(scope="module")
def page_run(given) -> Run:
    return Run(**given, figures=dict.fromkeys(FIGURES, PNG))


@pytest.fixture(scope="module")
def sections(page_run) -> dict:
    return {section.id: section for section in make_document(page_run).sections}


def _tables(section) -> list:
    return [part for part in section.parts if hasattr(part, "rows")]


def test_every_figure_and_section_is_on_the_page(page, sections) -> None:
    assert all(f'id="figure-{name}"' in page for name in FIGURES)
    assert list(sections) == ["data", "models", "search", "columns", "checks"]


def test_the_notice_comes_first_and_the_command_is_given(page) -> None:
    assert page.index("Synthetic sample data.") < page.index("<h1>")
    assert REPORT.command in page


def test_the_opening_says_how_many_wines_each_model_calls_wrongly(page_run, accuracies) -> None:
    first, second = opening(page_run)
    of_mlp = accuracies.loc[MLP]
    assert first.startswith(f"Of {of_mlp['n']:.0f} wines")
    assert f"{of_mlp['wrong']:.0f} wrongly" in first
    for model in (LOGISTIC, TUNED, f"{MLP}{WITHOUT_QUALITY}"):
        assert percent(accuracies.loc[model, "accuracy"]) in first
    n_single = page_run.accuracy(MLP, f"fold {SINGLE_SPLIT}").n
    assert f"single split of {n_single} wines" in second


@pytest.mark.parametrize(
    ("verdict", "words"), [("differ", "the two differ"), ("not told apart", "are not told apart")]
)
def test_the_opening_tells_whether_tuning_made_a_difference(given, verdict, words) -> None:
    changed = {**given, "comparison": given["comparison"].assign(verdict=verdict)}
    first, _ = opening(Run(**changed, figures={}))
    assert words in first


def test_the_table_of_models_counts_the_wrong_wines_and_leaves_the_control_out(
    sections, accuracies
) -> None:
    models, comparison = _tables(sections["models"])
    wrong = {row[0]: int(row[1]) for row in models.rows}
    assert wrong == {
        "Logistic regression, with quality": accuracies.loc[LOGISTIC, "wrong"],
        "Logistic regression, without quality": accuracies.loc[
            f"{LOGISTIC}{WITHOUT_QUALITY}", "wrong"
        ],
        "MLP, with quality": accuracies.loc[MLP, "wrong"],
        "MLP, without quality": accuracies.loc[f"{MLP}{WITHOUT_QUALITY}", "wrong"],
        "MLP, tuned by grid search, with quality": accuracies.loc[TUNED, "wrong"],
    }
    assert {row[2] for row in comparison.rows} == {"all folds", "single split"}


def test_the_search_tells_each_fold_s_choice_and_what_came_of_it(sections, run) -> None:
    [table] = _tables(sections["search"])
    chosen = run.tuned_search[run.tuned_search["chosen"]].sort_values("fold")
    for line, row in zip(table.rows, chosen.itertuples(), strict=True):
        assert line[1] == candidate_label(row.candidate)
        assert line[2] == percent(row.score, 2)
    assert sum(int(line[4]) for line in table.rows) == len(run.wines)


def test_the_wines_and_their_duplicates_are_counted(sections, run) -> None:
    [paragraph] = sections["data"].paragraphs
    assert paragraph.startswith("100 red and 200 white wines")
    repeated = run.wines.drop(columns=["source_row", "group"]).duplicated().sum()
    assert repeated > 0
    assert re.search(rf"\b{repeated} of the 300 rows repeat", paragraph)


def test_the_pipeline_reads_the_study_and_writes_one_page() -> None:
    pipeline = create_pipeline()
    assert {
        "wines",
        "wines_row_counts",
        "wine.metrics_table",
        "wine.tuned_search",
    } <= pipeline.inputs()
    assert "wine.report" in pipeline.outputs()
