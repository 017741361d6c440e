"""The report opens with the run's own numbers and stands alone."""

import re
from types import SimpleNamespace

import pandas as pd
import pytest

from crossfold.pipelines.reporting.images import nodes, pipeline
from crossfold.pipelines.reporting.images.lookup import ReportError
from crossfold.pipelines.reporting.images.parameters import ReportParameters

IMAGE = b"\x89PNG\r\n\x1a\nnot much of an image"
NOTICE = "Sample data: <nothing> is real."
OWN = (
    "comparison",
    "twins",
    "learning_rates",
    "leak_guard",
    "split",
    "model_card",
    "highlighted",
    "comparisons",
)
TABLES = ("experiment_summary", "epochs", "classification_report", "most_confidently_wrong")


def write(
    inputs: SimpleNamespace,
    tables: dict[str, pd.DataFrame],
    report: ReportParameters,
    **changed: object,
) -> str:
    arguments = {
        **{name: getattr(inputs, name) for name in OWN},
        "report": report,
        **{f"table_{name}": tables[name] for name in TABLES},
        **{f"figure_{name}": IMAGE for name in pipeline.FIGURES},
    }
    return nodes.write_report(**arguments | changed)


@pytest.fixture(scope="module")
def html(inputs, tables, report_parameters) -> str:
    return write(inputs, tables, report_parameters.model_copy(update={"data_notice": NOTICE}))


def words(html: str) -> str:
    """The page's text without its style."""
    body = re.sub(r"<style>.*?</style>|<title>.*?</title>", "", html, flags=re.DOTALL)
    return " ".join(re.sub("<[^>]+>", " ", body).split()).replace("\u00a0", " ")


def figures(html: str) -> set[str]:
    return set(re.findall(r'<figure id="figure-(\w+)"', html))


def test_the_notice_is_the_first_line_and_escaped(html: str) -> None:
    assert words(html).startswith("Sample data: &lt;nothing&gt; is real.")


def test_without_a_notice_the_title_comes_first(inputs, tables, report_parameters) -> None:
    page = words(write(inputs, tables, report_parameters))
    assert page.startswith(report_parameters.title)


def test_the_opening_says_what_the_strong_model_reaches(html, inputs) -> None:
    strong = inputs.predictions[inputs.predictions["model"] == "strong"]
    right = (strong["target"] == strong["predicted"]).mean()
    wrong = (strong["target"] != strong["predicted"]).sum()
    assert f"names {100 * right:.2f} % (" in words(html)
    assert f"of the {len(strong)} standard test" in words(html)
    assert f"correctly and {wrong} wrongly" in words(html)


def test_the_opening_names_the_experiment_that_the_validation_images_choose(html, tables) -> None:
    summary = tables["experiment_summary"]
    first = summary[(summary["regime"] == summary["regime"].iloc[0])]
    first = first[(first["protocol"] == "source") & (first["metric"] == "accuracy")]
    validation = first[first["part"] == "validation"].set_index("experiment")["estimate"]
    tested = first[first["part"] == "test"].set_index("experiment")["estimate"]
    reached = f"which reaches {100 * tested[validation.idxmax()]:.1f} % ("
    assert reached in words(html)
    assert f"with {100 * tested[validation.idxmin()]:.1f} % (" in words(html)


def test_the_opening_answers_the_first_question(html, inputs) -> None:
    comparison = inputs.comparison
    first = comparison[comparison["model_a"] == comparison["model_a"].iloc[0]]
    over_seeds = first[first["test"] == "t over seeds"]
    row = (
        first[first["test"] == "bootstrap over images"] if over_seeds.empty else over_seeds
    ).iloc[0]
    difference = f"{100 * row['difference']:.2f}".replace("-", "−")
    assert f"{next(iter(inputs.comparisons.root))}: {difference} (" in words(html)


def test_nothing_is_loaded_from_elsewhere(html: str) -> None:
    assert not re.search(r"<(script|link|iframe|object)\b|https?://|url\(", html)
    assert set(re.findall(r'src="([^,]+),', html)) == {"data:image/png;base64"}


def test_links_lead_to_sections(html: str) -> None:
    assert set(re.findall(r'href="#([\w-]+)"', html)) <= set(
        re.findall(r'<section id="([\w-]+)"', html)
    )


def test_every_figure_has_a_text_and_every_table_a_caption(html: str) -> None:
    texts = re.findall(r'<img [^>]*alt="([^"]*)"', html)
    assert len(texts) == len(figures(html))
    assert all(len(text) > 30 for text in texts)
    assert html.count("<caption>") == html.count("<table>") > 5


def test_a_study_without_a_choice_of_rates_leaves_it_out(html, inputs) -> None:
    had_choice = inputs.learning_rates["validation_accuracy"].notna().any()
    assert ("learning_rate_choice" in figures(html)) == had_choice
    assert ("The learning rate is given: 0.1." in words(html)) != had_choice
    assert figures(html) >= set(pipeline.FIGURES) - {"learning_rate_choice"}


def test_what_a_run_lacks_is_left_out(inputs, tables, report_parameters) -> None:
    epochs = tables["epochs"]
    without = write(
        inputs,
        tables,
        report_parameters,
        comparison=inputs.comparison.head(0),
        twins=inputs.twins.head(0),
        table_epochs=epochs[epochs["measure"].str.contains("loss")],
        table_most_confidently_wrong=tables["most_confidently_wrong"].head(0),
    )
    shown = figures(without)
    gone = {"paired_differences", "twins", "twin_training", "twin_confusion"}
    gone |= {"scores_over_epochs", "most_confidently_wrong"}
    assert not gone & shown
    assert "Compared in pairs" not in words(without)
    assert "Regime and library" not in words(without)


def test_an_experiment_without_predictions_is_named(inputs, tables, report_parameters) -> None:
    with pytest.raises(ReportError, match=r"'mini_batch/99', of which this run kept no.*strong"):
        write(
            inputs,
            tables,
            report_parameters.model_copy(update={"regime": "mini_batch"}),
            highlighted={"best": "99"},
        )


def test_the_experiment_table_holds_every_experiment(html, inputs) -> None:
    page = words(html).replace("\u2011", "-")
    for row in inputs.experiments.drop_duplicates("experiment").itertuples():
        assert f": {row.layers}" in page
    assert "784-20-10" in page or "784-25-10" in page


def test_the_split_and_the_guard_are_given(html, inputs) -> None:
    page, split = words(html), inputs.split
    n_train = f"{(split['part'] == 'train').sum():,} {(split['standard'] == 'train').sum():,}"
    assert f"Training {n_train}" in page
    unused = f"{(split['part'] == 'unused').sum():,} {(split['standard'] == 'excluded').sum():,}"
    assert f"Not used {unused}" in page
    assert "less 1 training images" in page
    assert "Exact duplicate rows in two folds" in page


def test_the_card_says_how_to_use_and_reproduce(html, report_parameters) -> None:
    page = words(html)
    assert "Layers 784-512-512-10. Trained in 301 s." in page
    assert "Not meant for: Reading real forms." in page
    assert report_parameters.command in page
    assert "torch 2.13.0" in page
