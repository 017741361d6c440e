"""The page of an audit says what was measured, and first of all what is not real."""

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from crossfold.pipelines.audit import create_pipeline
from crossfold.pipelines.audit.claims import Claim, Statement, claims_table, shares_table
from crossfold.pipelines.audit.measured import FaultShare, Measured, above
from crossfold.pipelines.audit.reporting import nodes
from crossfold.pipelines.audit.reporting.parameters import AuditReportParameters, CaptionParameters
from crossfold.pipelines.audit.runs import PRINTED, REPORTED, RUN_COLUMNS, SOUND

PNG = b"\x89PNG\r\n\x1a\nnot much of an image"
REPORT = AuditReportParameters(title="Audit", about="A report of 2020.", command="kedro run")
HIGH, LOW = Measured(0.3, 0.2, 0.4, 90), Measured(0.01, -0.02, 0.04, 1000)


def make_claim(unit: str, shortened: str = "") -> Claim:
    statement = Statement(
        "digits", f"claim_{unit}", f"A {unit} is <high>", "A minus B", unit, "A, B", above(0.1),
        "it is high", "it is low", 0.35,
    )  # fmt: skip
    shares = (FaultShare("a_fault", HIGH, 0.01),) if unit != "number" else ()
    return Claim(statement, HIGH, LOW, shares, "The rate is not stated.", shortened)


def from_csv(table: pd.DataFrame) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(table.to_csv(index=False)))


@pytest.fixture
def claims() -> list[Claim]:
    return [make_claim(unit) for unit in ("share", "points", "number")]


@pytest.fixture
def runs() -> pd.DataFrame:
    rows = [
        (PRINTED, "1", "test_accuracy", 0.35, np.nan, np.nan, np.nan, np.nan),
        (REPORTED, "1", "test_accuracy", *HIGH, 20),
        (SOUND, "1", "test_accuracy", *LOW, 20),
    ]
    return pd.DataFrame(rows, columns=list(RUN_COLUMNS))


def make_page(claims: list[Claim], runs: pd.DataFrame, **changes: Any) -> str:
    figures = {f"figure_{name}": PNG for name in changes.get("further_figures", ())}
    return nodes.write_report(
        claims=from_csv(claims_table(claims)),
        shares=from_csv(shares_table(claims)),
        runs=from_csv(runs),
        figure_claims=PNG,
        figure_shares=PNG,
        figure_runs=PNG,
        report=REPORT.model_copy(update=changes),
        seed=3,
        **figures,
    )


def test_the_page_holds_every_claim_with_its_figures(claims, runs):
    page = make_page(claims, runs)
    assert "Of 3 claims: 3 explained by a fault." in page
    for text in ("30.0\u00a0%", "30.0\u00a0pp", "0.300", "A fault alone", "+29.0\u00a0pp"):
        assert text in page, text
    assert "A share is &lt;high&gt;" in page
    assert page.count("The rate is not stated.") == 3
    assert "nan" not in page.split("<body>")[1].lower()


def test_further_figures_are_shown_where_the_audit_draws_them(claims, runs):
    words = CaptionParameters(alt="Two curves.", text="F1 over epochs.")
    page = make_page(claims, runs, further_figures={"epochs": words})
    assert "Further figures" in page
    assert 'alt="Two curves."' in page
    assert "F1 over epochs." in page
    assert "Further figures" not in make_page(claims, runs)


def test_the_first_line_says_what_is_not_real_and_what_was_shortened(runs):
    page = make_page([make_claim("share", "Shortened: 5 of 50 epochs.")], runs, data_notice="Fake.")
    body = page.split("<body>")[1].lstrip()
    notice = '<p class="notice" role="note">Fake. Shortened: 5 of 50 epochs.</p>'
    assert body.startswith(notice)
    assert 'class="notice"' not in make_page([make_claim("share")], runs)


def test_the_figures_show_every_claim_share_and_run(claims, runs):
    figures = nodes.draw_figures(
        from_csv(claims_table(claims)), from_csv(shares_table(claims)), from_csv(runs)
    )
    assert {name: len(figure.axes) for name, figure in figures.items()} == {
        "claims": 3,
        "shares": 2,
        "runs": 1,
    }
    labels = [text.get_text() for text in figures["shares"].axes[0].texts]
    assert labels == ["+29.0\u00a0pp"]


def test_an_audit_without_single_faults_still_has_a_figure(runs):
    claims = [make_claim("number")]
    shares = from_csv(shares_table(claims))
    figures = nodes.draw_figures(from_csv(claims_table(claims)), shares, runs)
    assert isinstance(figures["shares"], Figure)


def test_all_audits_are_joined_on_one_page(claims):
    table = from_csv(claims_table(claims))
    joined = nodes.join_claims(table, table.assign(study="fashion"))
    assert joined["study"].tolist() == ["digits"] * 3 + ["fashion"] * 3
    page = nodes.write_joined_report(joined, PNG, REPORT, 3)
    assert "Of 6 claims" in page
    assert "<td>Fashion</td>" in page
    assert isinstance(nodes.draw_claims(joined), Figure)


def test_the_joined_pipeline_reads_the_claims_of_each_study():
    pipeline = create_pipeline(("digits", "fashion"))
    assert {"digits_audit_claims", "fashion_audit_claims"} <= pipeline.inputs()
    assert {"audit.report", "audit.figures.claims"} <= pipeline.all_outputs()
