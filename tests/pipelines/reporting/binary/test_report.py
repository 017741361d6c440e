"""The report opens with the run's own numbers and stands alone."""

from html.parser import HTMLParser
from types import SimpleNamespace

import pandas as pd
import pytest

from crossfold.pipelines.reporting.binary import nodes, pipeline
from crossfold.pipelines.reporting.binary.lookup import ReportError
from crossfold.pipelines.reporting.binary.parameters import PartOfRows, ReportParameters

IMAGE = b"\x89PNG\r\n\x1a\nnot much of an image"
NOTICE = "Synthetic sample data: <nobody> is real."
FIGURES = (*pipeline.RANKING_FIGURES, *pipeline.TRAINING_FIGURES, *pipeline.DECISION_FIGURES)


class Page(HTMLParser):
    """What a page loads, shows and says."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._hidden = False
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        self._hidden = tag in {"style", "title"}

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        if not self._hidden and data.strip():
            self.words.append(" ".join(data.split()))

    @property
    def text(self) -> str:
        return " ".join(self.words)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def write(
    inputs: SimpleNamespace,
    tables: dict[str, pd.DataFrame],
    report: ReportParameters,
    data_notice: str = NOTICE,
    **changed: object,
) -> str:
    arguments = {
        "metrics_table": inputs.metrics_table,
        "comparison": inputs.comparison,
        "leak_guard": inputs.leak_guard,
        "model_card": inputs.model_card,
        "row_counts": inputs.row_counts,
        **{f"table_{name}": tables[name] for name in ("calibration_scores", "capacity")},
        "table_subgroups": tables["subgroups"],
        **{f"figure_{name}": IMAGE for name in FIGURES},
        "data_figure_class_counts": IMAGE,
    }
    return nodes.write_report(report=report, data_notice=data_notice, **arguments | changed)


@pytest.fixture(scope="module")
def html(inputs, tables, report_parameters) -> str:
    return write(inputs, tables, report_parameters)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_the_notice_is_the_first_line_and_escaped(page: Page, html: str) -> None:
    assert page.words[0] == NOTICE
    assert "<nobody>" not in html


def test_without_a_notice_the_title_comes_first(inputs, tables, report_parameters) -> None:
    page = Page(write(inputs, tables, report_parameters, data_notice=""))
    assert page.words[0] == report_parameters.title


def test_the_opening_is_three_sentences_of_the_runs_numbers(page, inputs, tables) -> None:
    ranking, capacity, limits = page.words[2:5]
    roc_auc = inputs.metrics_table.query(
        "model == 'mlp_tuned' and protocol == 'grouped_k_fold' and metric == 'roc_auc'"
    ).set_index("scope")
    pooled, later = roc_auc.loc["pooled"], roc_auc.loc["later"]
    assert f"ROC-AUC of {pooled.estimate:.3f} ({pooled.low:.3f}–{pooled.high:.3f})" in ranking
    assert "ranks 5,000 appointments" in ranking
    of_model = inputs.predictions.query("model == 'mlp_tuned' and protocol == 'grouped_k_fold'")
    assert f"({of_model['target'].sum():,} no-shows)" in ranking
    at_share = tables["capacity"].query("model == 'mlp_tuned' and share == 0.1")
    for row in at_share.itertuples():
        assert f"{row.estimate:.1%} (".replace("%", " %") in capacity
    assert "riskiest 10 % (500 appointments)" in capacity
    assert f"the {later.n:,} appointments booked for a later day" in limits
    assert f"{later.estimate:.3f} ({later.low:.3f}–{later.high:.3f})" in limits
    assert limits.endswith("not for overbooking, penalties, or refusing an appointment.")


def test_the_opening_does_without_an_easier_part(inputs, tables, report_parameters) -> None:
    plain = report_parameters.model_copy(update={"harder_rows": None})
    assert "It is not for overbooking" in Page(write(inputs, tables, plain)).text
    part = PartOfRows(scope="nowhere", rows="rows", model="same_day_flag", skill="telling")
    unknown = report_parameters.model_copy(update={"harder_rows": part})
    assert "It is not for overbooking" in Page(write(inputs, tables, unknown)).text


def test_a_model_that_did_not_run_is_named(inputs, tables, report_parameters) -> None:
    other = report_parameters.model_copy(update={"model": "mlp_other"})
    with pytest.raises(
        ReportError, match=r"'mlp_other', which this run did not evaluate.*mlp_tuned"
    ):
        write(inputs, tables, other)


def test_nothing_is_loaded_from_elsewhere(page: Page, html: str) -> None:
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in page.tags}
    assert "http://" not in html
    assert "https://" not in html
    assert "url(" not in html
    assert all(image["src"].startswith("data:image/png;base64,") for image in page.all("img"))
    assert all(link["href"].startswith("#") for link in page.all("a"))


def test_links_lead_to_sections(page: Page) -> None:
    sections = {section.get("id") for section in page.all("section")}
    assert {link["href"][1:] for link in page.all("a")} <= sections


def test_every_figure_has_a_text_and_every_table_a_caption(page: Page) -> None:
    images = page.all("img")
    assert len(images) == len(FIGURES) + 1
    assert all(len(image["alt"]) > 30 for image in images)
    assert len(page.all("caption")) == len(page.all("table")) > 5


def test_no_patient_or_appointment_is_identified(html: str, inputs: SimpleNamespace) -> None:
    assert not any(patient in html for patient in inputs.appointments["patient"].unique())
    assert not any(str(number) in html for number in inputs.appointments["appointment_id"])


def test_row_counts_are_given_by_rule(page: Page) -> None:
    assert "Rejected: appointment before booking day 5" in page.text
    assert "Read 5,006" in page.text
    assert "Kept 5,000" in page.text


def test_twins_and_comparisons_are_given(page: Page) -> None:
    assert "2.1e-07" in page.text
    assert "equal to rounding" in page.text
    assert "Logistic regression 0.0034 (0.0011–0.0057)" in page.text


def test_the_card_says_how_to_use_and_reproduce(page: Page) -> None:
    assert "Choose which patients to remind or to help with transport." in page.text
    assert "One city, six weeks of 2016." in page.text
    assert "kedro run --pipelines=no_show" in page.text
    assert "Seed 42" in page.text
    assert "torch 2.13.0" in page.text


@pytest.mark.parametrize(
    ("protocol", "sentence", "figure"),
    [
        ("time_split", "This run holds no time split.", "time_split"),
        ("permuted_labels", "This run holds no control on permuted labels.", "permuted_control"),
    ],
)
def test_a_missing_protocol_is_said_in_words(
    inputs, tables, report_parameters, page: Page, protocol: str, sentence: str, figure: str
) -> None:
    table = inputs.metrics_table
    without = Page(
        write(inputs, tables, report_parameters, metrics_table=table[table["protocol"] != protocol])
    )
    assert sentence not in page.text
    assert sentence in without.text
    assert {"id": f"figure-{figure}"} not in without.all("figure")
