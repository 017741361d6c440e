import re
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from kedro.validation.type_extractor import TypeExtractor
from pydantic import ValidationError

from crossfold.datasets import FigureDataset
from crossfold.exceptions import CrossfoldError
from crossfold.reports import charts
from crossfold.reports.page import data_uri
from crossfold.reports.tables import Estimate
from crossfold.templates.cross_validation.evaluation import compare_models, evaluate_predictions
from crossfold.templates.cross_validation.parameters import EvaluationParameters
from crossfold.templates.parameters import TableParameters
from crossfold.templates.reporting import create_pipeline, findings, summaries
from crossfold.templates.reporting.nodes import (
    FIGURES,
    TABLES,
    make_tables,
    node_function,
    write_report,
)
from crossfold.templates.reporting.results import (
    DATASETS,
    OwnReportParameters,
    ReportParameters,
    Results,
)

TASKS = ("binary", "multiclass", "regression")
IMPOSSIBLE = re.compile(r"\bnan\b|\binf\b|\d[eE][+-]?\d\d\b|None|Undefined|\(–|–\)")


class Text(HTMLParser):
    """Collects what a reader sees, and the elements of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.seen, self.tags, self.attributes = "", [], []
        self._skipped = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, *one) for one in attrs]
        self._skipped = tag in ("style", "script")

    def handle_data(self, data: str) -> None:
        self.seen += "" if self._skipped else data


def page_of(study: dict[str, Any], **changes: Any) -> str:
    """Write the report of a small study without drawing its figures."""
    results = _results(study, **changes)
    tables = {f"table_{n}": as_stored(t) for n, t in tables_of(results).items()}
    images = {f"figure_{name}": b"<svg/>" for name in FIGURES}
    return write_report(None, results, data_notice="", seed=0, **tables, **images)


def tables_of(results: Results) -> dict[str, pd.DataFrame]:
    return make_tables(tuple(TABLES), results)


def as_stored(table: pd.DataFrame) -> pd.DataFrame:
    """Read a table back from a CSV file, as the page does."""
    return pd.read_csv(StringIO(table.to_csv(index=False)))


def _results(study: dict[str, Any], **changes: Any) -> Results:
    return Results(**{**study, **changes})


@pytest.mark.parametrize("task", TASKS)
def test_pipeline_writes_every_table_figure_and_the_page(study, task, tmp_path, monkeypatch):
    monkeypatch.setattr("crossfold.datasets.figure_dataset.DOTS_PER_INCH", 10)
    made = study(task)
    settings = {"table": made["table_parameters"], "evaluation": made["evaluation"]}
    given = {
        **{f"s.{name}": made[name] for name in Results.__dataclass_fields__ if name in made},
        **{f"params:s.{name}": value for name, value in settings.items()},
        "params:s.report": ReportParameters(),
        "params:seed": 0,
        "params:data_notice": "Synthetic data.",
    }
    figures = {
        f"s.figures.{name}": FigureDataset(filepath=str(tmp_path / f"{name}.png"))
        for name in FIGURES
    }
    catalog = DataCatalog({name: MemoryDataset(value) for name, value in given.items()} | figures)
    report = SequentialRunner().run(create_pipeline("s"), catalog)["s.report"].load()
    page = Text(report)
    assert page.tags.count("img") == len(re.findall(r'src="data:image/svg', report)) > 7
    assert not IMPOSSIBLE.search(page.seen), IMPOSSIBLE.search(page.seen)
    assert page.seen.index("Synthetic data.") < page.seen.rindex("What ")


def test_the_page_shows_a_network_of_the_final_model(study):
    made = study("multiclass")
    network = made["model"][0][0]
    page = page_of(made)
    assert f'alt="{network.draw().description}"' in page
    assert data_uri(network.draw().encode()) in page
    assert 'id="figure-network"' not in page_of(made, model=([], {}))


OWN_PAGE = """{% extends "default.md.j2" %}
{% block data %}
{% endblock %}
{% block importance %}
{% endblock %}
{% block settings %}
{% endblock %}
{% block answer %}
{{ greeting }}
{% endblock %}
{% block models %}
## Own figures

{{ figure("curves", "Curves") }}

{{ table("sizes", "Sizes") }}
{% endblock %}
"""


def draw_curves(history: pd.DataFrame, seed: int) -> Any:
    assert seed == 0
    return charts.curves(history, ["mlp_tuned"])


def count_rows(results: Results, table_data: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"rows": [len(results.features)], "kinds": [len(table_data)]})


@pytest.mark.usefixtures("undrawn")
def test_a_study_overrides_blocks_of_the_default_page(study, tmp_path):
    made = study("binary")
    page = tmp_path / "report.md.j2"
    page.write_text(OWN_PAGE, encoding="utf-8")
    missing = ("tuned_search", "feature_importance", "feature_effects")
    pipeline = create_pipeline(
        "s",
        page=page,
        inputs={"table": "visits"},
        figures={"curves": draw_curves},
        tables={"sizes": count_rows},
        words=lambda table_sizes: {"greeting": f"{table_sizes['rows'][0]} rows, hello."},
        without=missing,
        default_tables=("data", "decision", "calibration", "models"),
        default_figures=tuple(
            name for name in FIGURES if name not in ("differences", "importance", "effects")
        ),
    )
    given = {f"s.{name}": made[name] for name in DATASETS if name not in (*missing, "table")}
    given |= {"visits": made["table"], "params:seed": 0, "params:data_notice": ""}
    given |= {f"params:s.{name}": made[name] for name in ("evaluation",)}
    given |= {"params:s.table": made["table_parameters"], "params:s.report": ReportParameters()}
    assert pipeline.inputs() == set(given)
    figures = {
        name: FigureDataset(filepath=str(tmp_path / f"{name}.png"))
        for name in pipeline.outputs() | pipeline.all_outputs()
        if ".figures." in name
    }
    catalog = DataCatalog({name: MemoryDataset(value) for name, value in given.items()} | figures)
    seen = Text(SequentialRunner().run(pipeline, catalog)["s.report"].load()).seen
    assert "150 rows, hello." in seen
    assert "Sizes" in seen
    assert "How it was judged" in seen
    assert "Of two rows" not in seen


@pytest.mark.parametrize("kind", [ReportParameters, OwnReportParameters])
def test_kedro_checks_the_parameters_of_every_node_of_a_report(kind):
    own = {"figures": {"curves": draw_curves}, "tables": {"sizes": count_rows}}
    pipeline = create_pipeline("s", **own, types={"report": kind})
    known = TypeExtractor({"s": pipeline})
    wanted = {"s.table": TableParameters, "s.report": kind, "s.evaluation": EvaluationParameters}
    for node in pipeline.nodes:
        read = {name for name in wanted if f"params:{name}" in node.inputs}
        assert known._extract_types_from_node(node) == {name: wanted[name] for name in read}
    assert known.extract_types_from_pipelines() == wanted


def test_every_dataset_is_read_once_for_all_of_a_report() -> None:
    read = Counter(name for node in create_pipeline("s").nodes for name in node.inputs)
    assert {read[f"s.{name}"] for name in DATASETS} == {1}


@pytest.mark.parametrize("task", TASKS)
def test_names_of_users_are_shown_as_they_are(study, task):
    page = Text(page_of(study(task)))
    assert not {"i", "u", "s", "em"} & set(page.tags)
    assert page.tags.count("script") == 1
    for name in ("<script>alert(1)</script>", "a|b", "*bold* _x_", "${x}", "the <i>target</i>"):
        assert name in page.seen
    assert "n" * 61 not in page.seen
    assert all(value for tag, name, value in page.attributes if (tag, name) == ("img", "alt"))


def test_columns_that_are_called_like_models_keep_their_names(study):
    made = dict(study("binary"))
    used = {made["feature_importance"]["column"].iloc[0]: "linear"}
    for name in ("feature_importance", "feature_effects"):
        made[name] = made[name].assign(column=made[name]["column"].replace(used))
    made["features"] = made["features"].rename(columns=used)
    made["feature_importance"] = made["feature_importance"].assign(estimate=0.2, low=0.1, high=0.3)
    report = ReportParameters(labels={"linear": "A line", "mlp_tuned": "Networks"})
    page = page_of(made, report=report)
    assert "Shuffling linear costs" in page
    assert "With linear, all" in page
    tables = [one.partition("</table>")[0] for one in page.split("<caption><span>")]
    assert any(one.startswith("All models") and "A line" in one for one in tables)
    assert any(one.startswith("Loss when") and "A line" not in one for one in tables)


def test_figures_of_nothing_are_left_out(study):
    made = study("binary")
    metrics = made["metrics_table"].copy()
    metrics.loc[metrics["model"] == "linear", ["estimate", "low", "high"]] = np.nan
    comparison = made["comparison"].copy()
    missing = ("tuned_search", "feature_importance", "feature_effects")
    with_linear = (comparison["model_a"] == "linear") | (comparison["model_b"] == "linear")
    comparison.loc[with_linear, ["difference", "low", "high"]] = np.nan
    empty = {name: made[name].iloc[:0] for name in missing}
    page = Text(page_of(made, metrics_table=metrics, comparison=comparison, **empty))
    assert not IMPOSSIBLE.search(page.seen)
    assert "Settings searched" not in page.seen
    assert "What the model reads" not in page.seen
    assert "mlp_tuned and linear" not in page.seen


def flat(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(p1=np.float32(0.5), raw_p1=np.float32(0.5), flagged=False)


def perfect(rows: pd.DataFrame) -> pd.DataFrame:
    p = rows["target"].astype("float32")
    return rows.assign(p1=p, raw_p1=p, flagged=p > 0)


def constant(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(predicted=1.0)


def scaled(by: float) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda rows: rows.assign(
        target=rows["target"] * by, predicted=rows["predicted"].astype(float) * by
    )


@pytest.mark.parametrize(
    ("task", "change"),
    [
        ("binary", flat),
        ("binary", perfect),
        ("regression", constant),
        ("regression", scaled(1e7)),
        ("regression", scaled(1e-9)),
    ],
)
def test_odd_predictions_are_reported_without_impossible_figures(study, task, change):
    made = dict(study(task))
    table, evaluation = made["table_parameters"], made["evaluation"]
    made["predictions"] = change(made["predictions"])
    metrics = evaluate_predictions(made["predictions"], made["features"], table, evaluation, 0)
    made["metrics_table"] = metrics
    made["comparison"] = compare_models(made["predictions"], metrics, table, evaluation, 0)
    results = _results(made)
    decision = as_stored(tables_of(results)["decision"])
    for name, draw in FIGURES.items():
        read = [results, decision] if name == "decision" else [results]
        node_function(draw, {}, draws=True)(*read)
    assert not IMPOSSIBLE.search(Text(page_of(made)).seen)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_rows_that_are_predicted_in_repeats_count_once(study, task):
    made = dict(study(task))
    once = tables_of(_results(made))["decision"]
    again = made["predictions"].assign(fold=lambda rows: rows["fold"] + 5)
    made["predictions"] = pd.concat([again, made["predictions"]])
    pd.testing.assert_frame_equal(tables_of(_results(made))["decision"], once)


def test_rates_of_classes_have_intervals_by_group(study):
    """With every group ten times, a row says no more than before."""
    made = dict(study("multiclass"))
    table = tables_of(_results(made))["decision"]
    rows = made["predictions"]
    copies = [rows.assign(row=rows["row"] + 1000 * copy) for copy in range(10)]
    made["predictions"] = pd.concat(copies, ignore_index=True)
    tenfold = tables_of(_results(made))["decision"]
    ends = ["precision_low", "precision_high", "recall_low", "recall_high"]
    assert tenfold["rows"].equals(10 * table["rows"])
    np.testing.assert_allclose(tenfold[ends], table[ends])
    inside = table.query("0 < recall < 1")
    assert (
        inside["recall_low"].lt(inside["recall"]) & inside["recall_high"].gt(inside["recall"])
    ).all()


def test_a_study_that_says_little_has_a_report(study):
    made = dict(study("binary"))
    empty = {name: made[name].iloc[:0] for name in ("history", "leak_guard", "comparison")}
    bare = made["table_parameters"].model_copy(
        update={"columns": {}, "left_out": {}, "positive": None, "group": None, "time": None}
    )
    page = page_of(made, **empty, row_counts={}, model_card={}, table_parameters=bare)
    assert not IMPOSSIBLE.search(Text(page).seen)
    assert "No group is named" in Text(page).seen


def test_few_groups_are_told(study):
    made = study("binary")
    assert "there are only" not in Text(page_of(made)).seen
    few = made["folds"].assign(group=made["folds"]["group"] % 6)
    assert "whole groups, and there are only 6:" in Text(page_of(made, folds=few)).seen


def test_control_that_is_better_than_chance_is_a_warning(study):
    made = study("binary")
    metrics = made["metrics_table"].copy()
    of_control = (metrics["protocol"] == "permuted_labels") & (metrics["metric"] == "roc_auc")
    assert "no better than chance" in Text(page_of(made)).seen
    metrics.loc[of_control, ["estimate", "low", "high"]] = [0.8, 0.7, 0.9]
    assert "do not use these figures" in Text(page_of(made, metrics_table=metrics)).seen


def test_best_model_is_named_where_it_is_not_ours(study):
    assert re.search(r"best ROC-AUC is that of linear", Text(page_of(study("binary"))).seen)


def test_own_page_reads_like_the_report(study, tmp_path):
    page = tmp_path / "report.md.j2"
    page.write_text(
        "# Mine\n\n{{ results.reference }} has {{ metric('mlp_tuned', 'roc_auc') | percent }}.\n\n"
        "{{ table('models') }}\n\n{{ figure('models', 'a *caption*') }}\n",
        encoding="utf-8",
    )
    made = study("binary")
    value = _results(made).metric("mlp_tuned", "roc_auc").value
    html = page_of(made, report=ReportParameters(page=str(page)))
    assert f"mlp_tuned has {100 * value:.1f}\u00a0%" in Text(html).seen
    assert "a *caption*" in Text(html).seen
    assert Text(html).tags.count("table") == 1


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("{{ table('nothing') }}", "asks for a table 'nothing'; there are calibration, columns"),
        ("\n{{ unknown }}", "In line 2 of the report's page: 'unknown' is undefined"),
        ("\n\n{{ metric('mlp_tuned') }}", "In line 3 of the report's page"),
        ("\n{% if %}", "line 2 of the report's page"),
    ],
)
def test_faults_of_an_own_page_are_one_sentence(study, tmp_path, source, told):
    page = tmp_path / "report.md.j2"
    page.write_text(source, encoding="utf-8")
    with pytest.raises(CrossfoldError, match=re.escape(told)):
        page_of(study("binary"), report=ReportParameters(page=str(page)))


def test_an_own_page_that_is_no_file_is_refused_before_anything_runs():
    with pytest.raises(ValidationError, match="there is no such file"):
        ReportParameters(page="no/report.md.j2")


def test_tables_are_numbers(study):
    tables = tables_of(_results(study("multiclass")))
    assert set(tables) == set(TABLES)
    models = tables["models"]
    assert models["accuracy"].is_monotonic_decreasing
    assert (models["worst_fold"] <= models["best_fold"]).all()
    known = tables["decision"].dropna()
    assert (known["precision_low"] <= known["precision"]).all()
    assert (tables["decision"]["rows"].sum(), len(tables["decision"])) == (150, 12)


def test_of_nothing_flagged_there_is_no_precision(study):
    models = tables_of(_results(study("binary")))["models"].set_index("model")
    assert models.loc["baseline", "recall"] == 0
    assert np.isnan(models.loc["baseline", "precision"])


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (0.6, 1.2, "they spread as they should"),
        (-3.3, 1.9, "too wide an interval"),
        (0.5, 0.9, "too extreme"),
        (-0.4, 0.9, "too extreme"),
        (1.1, 1.9, "too cautious"),
    ],
)
def test_a_slope_is_read_as_far_as_its_interval_goes(low: float, high: float, told: str) -> None:
    assert told in findings.how_spread(Estimate("calibration_slope", (low + high) / 2, low, high))


def test_the_rows_of_a_source_add_up() -> None:
    counts = {"read": 9, "superseded": 2, "rejected": {"unknown_label": 3}, "kept": 4}
    rows = summaries.data(Results(row_counts=counts)).set_index("rows")["number"]
    assert rows.pop("read") == rows.sum()
    assert "replaced by a later file" in rows
