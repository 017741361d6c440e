"""Figures draw what their tables say, and all that are declared."""

import inspect
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from crossfold.pipelines.reporting.binary import (
    APPOINTMENTS,
    appointments_figures,
    decision_figures,
    nodes,
    pipeline,
    ranking_figures,
    training_figures,
)
from crossfold.pipelines.reporting.binary.captions import CAPTIONS
from crossfold.pipelines.reporting.binary.labels import MODELS
from crossfold.pipelines.reporting.binary.parameters import ReportParameters
from crossfold.pipelines.reporting.binary.subgroup_figures import subgroup_forest

Tables = dict[str, pd.DataFrame]


def texts(figure) -> str:
    """All text of a figure after drawing."""
    from matplotlib.text import Text

    return "\n".join(item.get_text() for item in figure.findobj(Text))


def decision_inputs(tables: Tables, report_parameters: ReportParameters) -> dict:
    names = inspect.signature(nodes.draw_decision_figures).parameters
    return {name: tables.get(name, report_parameters) for name in names}


def test_every_declared_figure_is_drawn_and_captioned(
    inputs: SimpleNamespace, tables: Tables, report_parameters: ReportParameters
) -> None:
    data = APPOINTMENTS.draw_figures(**{name: tables[name] for name in APPOINTMENTS.names})
    ranking = nodes.draw_ranking_figures(inputs.metrics_table, report_parameters)
    training = nodes.draw_training_figures(tables["epochs"], tables["curves"], inputs.metrics_table)
    decision = nodes.draw_decision_figures(**decision_inputs(tables, report_parameters))
    assert tuple(data) == APPOINTMENTS.names
    assert tuple(ranking) == pipeline.RANKING_FIGURES
    assert tuple(training) == pipeline.TRAINING_FIGURES
    assert tuple(decision) == pipeline.DECISION_FIGURES
    assert set(CAPTIONS) == {*data, *ranking, *training, *decision}


def test_the_comparison_shows_every_model_and_value(inputs: SimpleNamespace) -> None:
    figure = ranking_figures.model_comparison(inputs.metrics_table, "mlp_tuned")
    shown = texts(figure)
    pooled = inputs.metrics_table.query("protocol == 'grouped_k_fold' and scope == 'pooled'")
    for label in MODELS.values():
        assert label in shown
    for value in pooled.query("metric == 'roc_auc'")["estimate"]:
        assert f"{value:.3f}" in shown


def test_rows_apart_draws_each_scope_at_its_estimate(inputs: SimpleNamespace) -> None:
    figure = ranking_figures.rows_apart(inputs.metrics_table)
    later = inputs.metrics_table.query(
        "protocol == 'grouped_k_fold' and scope == 'later' and metric == 'roc_auc'"
    ).set_index("model")["estimate"]
    drawn = next(c for c in figure.axes[0].containers if c.get_label().startswith("Later days"))
    np.testing.assert_allclose(drawn.lines[0].get_xdata(orig=False), later.loc[list(MODELS)])


@pytest.mark.parametrize(
    ("draw", "protocol", "sentence"),
    [
        (ranking_figures.time_split, "time_split", "no time split"),
        (ranking_figures.permuted_control, "permuted_labels", "no control on permuted labels"),
    ],
)
def test_a_missing_protocol_gives_a_figure_that_says_so(
    inputs: SimpleNamespace, draw, protocol: str, sentence: str
) -> None:
    table = inputs.metrics_table
    assert sentence not in texts(draw(table))
    assert sentence in texts(draw(table[table["protocol"] != protocol]))


def test_rates_are_drawn_with_intervals_and_sample_sizes(tables: Tables) -> None:
    table = tables["no_show_by_lead_time"]
    axes = appointments_figures.no_show_by_lead_time(table).axes[0]
    points, _, (bars,) = axes.containers[0]
    np.testing.assert_allclose(points.get_xdata(orig=False), table["estimate"])
    ends = np.array([segment[:, 0] for segment in bars.get_segments()])
    np.testing.assert_allclose(ends, table[["low", "high"]])
    assert [label.get_text() for label in axes.get_yticklabels()] == table["lead_time"].tolist()
    assert f"n = {table['n'][0]:,}" in texts(axes.figure)


def test_the_sms_figure_warns_of_the_raw_rates(tables: Tables) -> None:
    table = tables["sms_by_lead_time"]
    figure = appointments_figures.sms_by_lead_time(table)
    raw, strata = figure.axes
    assert "Raw rates mislead" in texts(raw)
    assert len(raw.get_yticks()) == 1
    assert [label.get_text() for label in strata.get_yticklabels()] == list(
        table.loc[table["view"] == "stratum", "stratum"].unique()
    )


@pytest.mark.parametrize(("with_sms", "says"), [(0.2, True), (0.4, False)])
def test_the_sms_figure_claims_only_what_the_strata_show(with_sms: float, says: bool) -> None:
    row = {"n": 100, "events": 30, "low": 0.1, "high": 0.5}
    rates = [("raw", "All rows", True, 0.5), ("raw", "All rows", False, 0.1)]
    rates += [("stratum", "8–14 days", True, with_sms), ("stratum", "8–14 days", False, 0.3)]
    columns = ["view", "stratum", "sms_received", "estimate"]
    table = pd.DataFrame(rates, columns=columns).assign(**row)
    shown = texts(appointments_figures.sms_by_lead_time(table))
    assert ("fewer no-shows with SMS" in shown) == says


def test_thresholds_mark_the_chosen_one_and_hide_noisy_precision(tables: Tables) -> None:
    figure = decision_figures.thresholds(
        tables["thresholds"], tables["chosen_thresholds"], "mlp_tuned"
    )
    axes = figure.axes[0]
    precision = axes.lines[0].get_ydata(orig=False)
    part = tables["thresholds"].query("model == 'mlp_tuned'")
    few = (part["flagged_share"] * part["n"] < decision_figures.FEWEST_FLAGGED).to_numpy()
    np.testing.assert_array_equal(np.isnan(precision), few)
    np.testing.assert_allclose(precision[~few], part["precision"][~few])
    chosen = tables["chosen_thresholds"].query("model == 'mlp_tuned'")["threshold"].mean()
    assert f"chosen: {chosen:.2f}" in texts(figure)


def test_confusion_matrices_print_the_counts(
    tables: Tables, report_parameters: ReportParameters
) -> None:
    figure = decision_figures.confusion_matrices(tables["confusion"], report_parameters)
    shown = texts(figure)
    assert len(figure.axes) == 3
    for n in tables["confusion"].query("model == 'mlp_tuned'")["n"]:
        assert f"{n:,}" in shown


def test_reliability_draws_raw_and_calibrated(tables: Tables) -> None:
    figure = decision_figures.reliability(
        tables["calibration"], tables["probability_histogram"], ("mlp_weighted",), "no-show"
    )
    table = tables["calibration"].query("model == 'mlp_weighted'")
    for kind in ("raw", "calibrated"):
        drawn = next(c for c in figure.axes[0].containers if c.get_label() == kind.capitalize())
        part = table[table["kind"] == kind]
        np.testing.assert_allclose(drawn.lines[0].get_xdata(orig=False), part["mean_predicted"])
        np.testing.assert_allclose(drawn.lines[0].get_ydata(orig=False), part["observed"])


def test_twins_are_drawn_from_their_epochs(tables: Tables) -> None:
    figure = training_figures.twin_training(tables["epochs"])
    expected = tables["epochs"].query("model == 'mlp_torch' and measure == 'seconds'")
    np.testing.assert_allclose(figure.axes[2].lines[1].get_ydata(orig=False), expected["estimate"])
    assert "mean of 5 folds" in texts(figure)


def test_the_forest_has_a_line_for_everyone(
    tables: Tables, report_parameters: ReportParameters
) -> None:
    shown = texts(subgroup_forest(tables["subgroups"], report_parameters))
    for name in ("Everyone", "Sex: Female", "Age: 65 and over", "Disability: Yes"):
        assert name in shown
