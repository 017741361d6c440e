"""The page holds the run's figures, in sentences, tables and images."""

import pytest

from crossfold.pipelines.reporting.gene_expression import lines, nodes
from crossfold.pipelines.reporting.gene_expression.opening import opening
from crossfold.pipelines.reporting.gene_expression.pipeline import FIGURES, create_pipeline

PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def page(inputs, tables, report_parameters) -> str:
    return nodes.write_expression_report(
        metrics_table=inputs.metrics_table,
        comparison=inputs.comparison,
        controls=inputs.controls,
        leak_guard=inputs.leak_guard,
        row_counts=inputs.row_counts,
        model_card=inputs.model_card,
        selected_probes=tables["selected_probes"],
        report=report_parameters,
        data_notice="Synthetic sample data.",
        **{f"figure_{name}": PNG for name in FIGURES},
    )


def test_every_figure_is_on_the_page(page) -> None:
    assert all(f'id="figure-{name}"' in page for name in FIGURES)


def test_the_notice_comes_first(page) -> None:
    assert page.index("Synthetic sample data.") < page.index("<h1>")


def test_the_page_says_how_to_repeat_the_run_and_what_not_to_do(page) -> None:
    assert "kedro run" in page
    assert "Not for: Diagnosis." in page
    assert "Few patients." in page
    assert "abc" in page


def test_the_opening_counts_patients(inputs) -> None:
    reached, told_apart, faked = opening(
        inputs.metrics_table, inputs.comparison, inputs.controls, "mlp"
    )
    table = lines.pooled(inputs.metrics_table)
    accuracy = table[(table["model"] == "mlp") & (table["metric"] == "accuracy")].set_index(
        "protocol"
    )
    right = accuracy["n"] * accuracy["estimate"]
    assert f"{right['leave_one_out']:.0f} of 36 patients" in reached
    assert f"{right['original_split']:.0f} of 12 patients" in reached
    assert "of the 8 others" in told_apart
    assert faked.count("50") >= 1


def test_the_opening_names_models_that_are_told_apart(inputs) -> None:
    changed = inputs.comparison.assign(verdict="not told apart")
    sentence = opening(inputs.metrics_table, changed, inputs.controls, "mlp")[1]
    assert "from none of them" in sentence
    changed.loc[changed["model_b"] == "prevalence", "verdict"] = "differ"
    sentence = opening(inputs.metrics_table, changed, inputs.controls, "mlp")[1]
    assert "only from: Always the larger class" in sentence


def test_errors_over_repeats_keep_a_decimal(inputs) -> None:
    is_accuracy = inputs.metrics_table["metric"] == "accuracy"
    for wrong, shown in ((1.4, "1.4"), (2.0, "2")):
        table = inputs.metrics_table.copy()
        table.loc[is_accuracy, "estimate"] = 1 - wrong / table.loc[is_accuracy, "n"]
        assert lines.metric_lines(table, "k_fold")[0][1] == shown


def test_the_comparison_has_one_test_of_accuracy_a_model_and_protocol(inputs) -> None:
    shown = lines.comparison_lines(inputs.comparison, "mlp")
    assert len(shown) == 8 * 3
    assert len({line[:2] for line in shown}) == len(shown)


def test_every_line_has_as_many_cells_as_its_header(inputs, tables) -> None:
    made = {
        lines.METRICS_HEADER: lines.metric_lines(inputs.metrics_table, "leave_one_out"),
        lines.COMPARISON_HEADER: lines.comparison_lines(inputs.comparison, "mlp"),
        lines.CONTROL_HEADER: lines.control_lines(inputs.controls),
        lines.PROBE_HEADER: lines.probe_lines(tables["selected_probes"]),
        lines.ORIGIN_HEADER: lines.origin_lines(inputs.row_counts),
    }
    for header, rows in made.items():
        assert rows
        assert {len(row) for row in rows} == {len(header)}


def test_nodes_stand_in_the_studys_namespace() -> None:
    pipeline = create_pipeline()
    assert {node.namespace for node in pipeline.nodes} == {"gene_expression.reporting"}
    figures = {f"gene_expression.figures.{name}" for name in FIGURES}
    assert figures <= pipeline.all_outputs()
