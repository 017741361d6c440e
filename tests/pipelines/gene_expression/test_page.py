"""The page on gene expression says what its tables say; its tables say what the run's say."""

from html import unescape
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml
from matplotlib.text import Text

from crossfold.api import run_in_memory
from crossfold.pipelines.gene_expression import create_pipeline, report
from crossfold.templates.cross_validation.evaluation import compare_models, evaluate_predictions
from crossfold.templates.cross_validation.folds import (
    ALL_ROWS,
    assign_rows_to_folds,
    guard_against_leaks,
)
from crossfold.templates.cross_validation.leak_controls import (
    BEFORE,
    INSIDE,
    evaluate_leak_controls,
)
from crossfold.templates.cross_validation.parameters import EvaluationParameters, FoldParameters
from crossfold.templates.parameters import TableParameters
from crossfold.templates.reporting import protocols
from crossfold.validation.tables import VALIDATION

CONF = yaml.safe_load(Path("conf/base/gene_expression/parameters.yml").read_text(encoding="utf-8"))[
    "gene_expression"
]
MODELS = [name for name in CONF["report"]["labels"] if name not in report.PROTOCOLS][:9]
N, N_PROBES, N_MEMBERS, N_EPOCHS = 36, 12, 2, 4
FINAL = ["p0", "p1", "p3"]
FOLDS = FoldParameters(n_splits=4, leave_one_out=True, split_column="origin", parts=0)
TABLE = TableParameters(target="aml", group="patient", identifiers=("patient", "origin"))
EVALUATION = EvaluationParameters(n_resamples=50, reference="mlp", metric="accuracy", twins=())


def _features(rng: np.random.Generator) -> pd.DataFrame:
    aml = np.tile([0, 0, 1], N // 3).astype(np.int8)
    values = rng.normal(size=(N, N_PROBES)).astype(np.float32)
    values[:, 0] += 2 * aml
    values[:, 1] -= 2 * aml
    names = [f"p{number}" for number in range(N_PROBES)]
    return pd.concat([pd.DataFrame({"aml": aml}), pd.DataFrame(values, columns=names)], axis=1)


def _expression(features: pd.DataFrame) -> pd.DataFrame:
    origin = pd.Categorical(np.where(np.arange(N) < 24, "train", "independent"))
    facts = pd.DataFrame({"patient": range(1, N + 1), "origin": origin})
    return pd.concat([facts, features], axis=1)


def _predictions(
    features: pd.DataFrame, folds: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    validated = folds[folds["role"] == VALIDATION].drop(columns=["role", "part"])
    target = features["aml"].to_numpy()[validated["row"]]
    tables = []
    for model in MODELS:
        score = np.clip(0.25 + 0.5 * target + rng.normal(0, 0.15, len(target)), 0, 1)
        score = np.full(len(target), 0.3) if model == "prevalence" else score
        tables.append(validated.assign(model=model, target=target, p1=score, flagged=score >= 0.5))
    joined = pd.concat(tables, ignore_index=True)
    return joined.astype({"model": "category", "p1": "float32"})


def _history(folds: pd.DataFrame) -> pd.DataFrame:
    validated = folds[folds["role"] == VALIDATION]
    keys = validated.drop_duplicates(["protocol", "fold"])[["protocol", "fold"]]
    grid = keys.merge(pd.DataFrame({"epoch": range(1, N_EPOCHS + 1)}), how="cross")
    grid = grid.merge(pd.DataFrame({"member": range(N_MEMBERS)}), how="cross")
    measures = {
        "train_loss": 1 / grid["epoch"],
        "validation_loss": 1.5 / grid["epoch"],
        "train_accuracy": 0.75,
        "train_f1": 0.5,
        "validation_score": 0.5,
        "false_positives": 0.0,
        "false_negatives": (grid["epoch"] == 1).astype(float) * (grid["member"] == 0),
    }
    tables = [
        grid.assign(model=model, measure=measure, value=value)
        for model in ("mlp", "mlp_smote")
        for measure, value in measures.items()
    ]
    joined = pd.concat(tables, ignore_index=True)
    return joined.astype({"model": "category", "measure": "category"})


def _selected(folds: pd.DataFrame) -> pd.DataFrame:
    scored = folds[folds["protocol"] != ALL_ROWS]
    keys = scored.drop_duplicates(["protocol", "fold"])[["protocol", "fold"]]
    always = keys.merge(pd.DataFrame({"column": ["p0", "p1"]}), how="cross")
    first = keys[keys["fold"] == 0].assign(column="p2")
    return pd.concat([always, first], ignore_index=True).assign(model="mlp")


def _controls(rng: np.random.Generator) -> pd.DataFrame:
    tables, leaks = [], []
    for control in ("selection", "smote"):
        for when, skill in ((INSIDE, 0.0), (BEFORE, 0.6)):
            target = np.tile([0, 1], 60)
            score = np.clip(0.5 + skill * (target - 0.5) + rng.normal(0, 0.2, 120), 0, 1)
            permutation = np.repeat(range(4), 30)
            tables.append(
                pd.DataFrame(
                    {
                        "control": control,
                        "when": when,
                        "permutation": permutation,
                        "target": target,
                        "p1": score,
                        "flagged": score >= 0.5,
                    }
                )
            )
            found = 9 if (control, when) == ("smote", BEFORE) else 0
            leaks.append({"control": control, "when": when, "synthetic_leaks": found})
    return evaluate_leak_controls(pd.concat(tables, ignore_index=True), pd.DataFrame(leaks))


@pytest.fixture(scope="module")
def inputs() -> SimpleNamespace:
    return make_inputs(FOLDS)


def make_inputs(fold_parameters: FoldParameters) -> SimpleNamespace:
    """Give what data engineering and modelling make."""
    rng = np.random.default_rng(0)
    features = _features(rng)
    expression = _expression(features)
    folds = assign_rows_to_folds(expression, features, fold_parameters, TABLE, 0)
    predictions = _predictions(features, folds, rng)
    metrics_table = evaluate_predictions(predictions, features, TABLE, EVALUATION, 0)
    names = features.columns[1:]
    accuracy = {"estimate": 0.9, "low": 0.8, "high": 0.95, "n": N}
    return SimpleNamespace(
        features=features,
        expression=expression,
        folds=folds,
        predictions=predictions,
        history=_history(folds),
        selected=_selected(folds),
        probes=pd.DataFrame({"probe": names, "description": [f"Gene {n}" for n in names]}),
        metrics_table=metrics_table,
        comparison=compare_models(predictions, metrics_table, TABLE, EVALUATION, 0),
        controls=_controls(rng),
        leak_guard=guard_against_leaks(expression, folds, TABLE),
        model=([], {}),
        row_counts={
            "read": N,
            "probes": N_PROBES,
            "control_probes": 1,
            "by_origin": {"train": {"ALL": 16, "AML": 8}, "independent": {"ALL": 8, "AML": 4}},
        },
        model_card={
            "inputs": FINAL,
            "metrics": {"leave_one_out": {"accuracy": accuracy}},
            "intended_use": "Learning.",
            "not_intended_for": "Diagnosis.",
            "limits": ["Few patients."],
            "seed": 42,
            "versions": {"crossfold": "1"},
            "data": {"fingerprint": "abc"},
        },
    )


@pytest.fixture(scope="module")
def run(inputs: SimpleNamespace) -> SimpleNamespace:
    return make_report(inputs, CONF["report"])


def make_report(inputs: SimpleNamespace, words: dict) -> SimpleNamespace:
    pipeline = create_pipeline().only_nodes_with_tags("reporting")
    data = {f"gene_expression.{name}": value for name, value in vars(inputs).items()}
    own = {
        "table": TABLE.model_dump(),
        "evaluation": EVALUATION.model_dump(),
        "report": words,
    }
    made = run_in_memory(
        pipeline,
        {name: data[name] for name in pipeline.inputs() if name in data},
        {"gene_expression": own, "seed": 0, "data_notice": "Synthetic sample data."},
        pipeline.all_outputs(),
    )
    return SimpleNamespace(
        report=unescape(made["gene_expression.report"]),
        tables={name: made[f"gene_expression.tables.{name}"] for name in report.TABLES},
        figures={name: made[f"gene_expression.figures.{name}"] for name in report.FIGURES},
    )


def words_of(inputs: SimpleNamespace, comparison: pd.DataFrame) -> dict:
    table = protocols.tests(comparison, EVALUATION, report.GeneReportParameters(**CONF["report"]))
    return report.words(inputs.controls, inputs.row_counts, table)


def texts(figure) -> str:
    return "\n".join(item.get_text() for item in figure.findobj(Text))


def test_the_opening_counts_patients(run, inputs) -> None:
    opening = run.report.split("</nav>")[0]
    own = inputs.metrics_table.query(
        "model == 'mlp' and metric == 'accuracy' and scope == 'pooled'"
    )
    right = (own["n"] * own["estimate"]).set_axis(own["protocol"])
    assert f"<b>{right['leave_one_out']:.0f} of 36</b>" in opening
    assert f"right for {right['original_split']:.0f} of the 12 patients" in opening
    assert "of 8 others" in opening
    assert run.report.index("Synthetic sample data.") < run.report.index("<h1>")


def test_a_run_of_fewer_protocols_and_a_model_without_a_label_has_a_page() -> None:
    labels = {name: said for name, said in CONF["report"]["labels"].items() if name != "linear_svm"}
    made = make_report(
        make_inputs(FoldParameters(n_splits=4, parts=0)), {**CONF["report"], "labels": labels}
    )
    assert made.tables["k_fold"]["model"].iloc[-1] == "linear_svm"
    assert "linear_svm" in set(made.tables["tests"]["against"])
    assert "linear_svm" in texts(made.figures["model_comparison"])
    opening = made.report.split("</nav>")[0]
    assert "of 36</b>" in opening
    assert "first published file" not in opening
    assert "left out in turn" not in made.report


def test_the_opening_names_models_that_are_told_apart(inputs) -> None:
    changed = inputs.comparison.assign(verdict="not told apart")
    assert words_of(inputs, changed)["apart"] == []
    changed.loc[changed["model_b"] == "prevalence", "verdict"] = "differ"
    assert words_of(inputs, changed)["apart"] == ["Always the larger class"]


def test_the_page_says_how_to_repeat_the_run_and_what_not_to_do(run) -> None:
    assert "Not intended for: Diagnosis." in run.report
    assert "Few patients." in run.report
    assert "abc" in run.report


def test_errors_over_repeats_keep_a_decimal(inputs) -> None:
    is_accuracy = inputs.metrics_table["metric"] == "accuracy"
    for wrong in (1.4, 2):
        table = inputs.metrics_table.copy()
        table.loc[is_accuracy, "estimate"] = 1 - wrong / table.loc[is_accuracy, "n"]
        made = protocols.metrics_of("k_fold", report.SHOWN)(
            table, report.GeneReportParameters(**CONF["report"])
        )
        assert made["wrong"].tolist() == [wrong] * 9
        assert made["wrong"].dtype == (int if wrong == 2 else float)


def test_the_comparison_has_one_test_of_accuracy_a_model_and_protocol(run) -> None:
    table = run.tables["tests"]
    assert len(table) == 8 * 3
    assert not table.duplicated(["against", "protocol"]).any()


def test_controls_end_where_shares_end(inputs) -> None:
    wide = inputs.controls.assign(low=-0.4, high=1.4)
    table = report.leak_controls(wide, report.GeneReportParameters(**CONF["report"]))
    assert len(table) == 4
    assert table["accuracy_low"].eq(0).all()
    assert table["accuracy_high"].eq(1).all()
    assert table["synthetic_leaks"].sum() == 9


@pytest.mark.parametrize("name", report.FIGURES)
def test_nothing_is_cut_off(run, name) -> None:
    figure = run.figures[name]
    figure.draw_without_rendering()
    width, height = figure.bbox.size
    for legend in figure.legends:
        box = legend.get_window_extent()
        assert box.x0 >= 0
        assert box.x1 <= width
        assert box.y0 >= 0
    for axes in figure.axes:
        for text in (axes.xaxis.label, axes.title, axes._left_title):
            box = text.get_window_extent()
            assert box.width == 0 or (box.x0 >= 0 and box.x1 <= width and box.y1 <= height)


def test_every_model_is_compared_under_every_protocol(run) -> None:
    shown = texts(run.figures["model_comparison"])
    assert all(CONF["report"]["labels"][model] in shown for model in MODELS)
    for label in ("Leave-one-out, n = 36", "Repeated k-fold, n = 36", "Original split, n = 12"):
        assert label in shown


def test_loss_f1_and_accuracy_of_both_parts_are_drawn(run) -> None:
    table = run.tables["epochs"].query("model == 'mlp' and protocol == 'leave_one_out'")
    panels = [axes for axes in run.figures["leave_one_out_curves"].axes if axes.get_visible()]
    assert [axes.get_title(loc="left") for axes in panels] == ["Loss", "F1", "Accuracy"]
    for axes, figure in zip(panels, ("loss", "f1", "accuracy"), strict=True):
        drawn = {line.get_label(): line.get_ydata() for line in axes.lines}
        for part, label in {"train": "Training", "validation": "Validation"}.items():
            expected = table[table["measure"] == f"{part}_{figure}"]["estimate"]
            np.testing.assert_allclose(drawn[label], expected)


def test_every_way_of_treating_the_classes_has_its_curves(run) -> None:
    titles = [axes.get_title(loc="left") for axes in run.figures["resampling_curves"].axes]
    assert titles == ["Loss: as they are", "F1: as they are", "Loss: SMOTE", "F1: SMOTE"]


def test_classes_are_counted_before_and_after_resampling(run) -> None:
    table = run.tables["class_counts"].set_index(["sampler", "label"])
    assert table["all_patients"].tolist() == [24, 12] * 3
    assert table.loc["As they are", "after"].tolist() == [18, 9]
    assert table.loc["Down-sampling", "after"].tolist() == [9, 9]
    assert table.loc["SMOTE", "after"].tolist() == [18, 18]
    assert table["before"].tolist() == [18, 9] * 3


def test_epochs_are_pooled_over_folds_and_averaged_over_starts(run) -> None:
    table = run.tables["epochs"]
    part = table[
        (table["model"] == "mlp") & (table["protocol"] == "k_fold") & (table["epoch"] == 1)
    ]
    rows = part.set_index("measure")
    assert rows.loc["train_accuracy", "estimate"] == 0.75
    # The first start misses one patient in each of 4 folds: 4 of 36, and 4 of 12 AML.
    assert rows.loc["validation_accuracy", ["low", "high"]].tolist() == [
        pytest.approx(32 / 36),
        1.0,
    ]
    assert rows.loc["validation_f1", "low"] == pytest.approx(2 * 8 / (2 * 8 + 4))
    assert rows.loc["validation_accuracy", "estimate"] == pytest.approx((32 / 36 + 1) / 2)
    assert rows.loc["validation_loss", "estimate"] == pytest.approx(1.5)
    assert part["folds"].eq(4).all()


def test_the_most_stable_probes_come_first(run) -> None:
    table = run.tables["selected_probes"].set_index("probe")
    assert table.index.tolist() == ["p0", "p1", "p2"]
    assert table["k_fold"].tolist() == [1.0, 1.0, 0.25]
    assert table["leave_one_out"].tolist() == [1.0, 1.0, pytest.approx(1 / 36)]
    assert table["higher_in"].tolist()[:2] == ["AML", "ALL"]
    assert table["in_final_model"].tolist() == [True, True, False]
    assert table["description"].tolist() == ["Gene p0", "Gene p1", "Gene p2"]


def test_patients_are_projected_on_all_and_on_chosen_probes(run) -> None:
    table = run.tables["patients_2d"]
    assert table.groupby("probes").size().to_dict() == {"all": 36, "chosen": 36}
    np.testing.assert_allclose(table.groupby("probes")[["x", "y"]].mean(), 0, atol=1e-5)
    assert (table["x_share"] >= table["y_share"]).all()
    assert not {"row", "patient"} & set(table)
