"""Stand-ins for what the other pipelines hand to the report: same columns, same dtypes."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from crossfold.pipelines.gene_expression.controls import BEFORE, INSIDE, evaluate_controls
from crossfold.pipelines.reporting.gene_expression import nodes
from crossfold.pipelines.reporting.gene_expression.labels import MODELS
from crossfold.pipelines.reporting.gene_expression.parameters import ReportParameters
from crossfold.templates.cross_validation.evaluation import compare_models, evaluate_predictions
from crossfold.templates.cross_validation.folds import (
    ALL_ROWS,
    assign_rows_to_folds,
    guard_against_leaks,
)
from crossfold.templates.cross_validation.parameters import EvaluationParameters, FoldParameters
from crossfold.templates.parameters import TableParameters
from crossfold.validation.tables import VALIDATION

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
    always = keys.merge(pd.DataFrame({"probe": ["p0", "p1"]}), how="cross")
    first = keys[keys["fold"] == 0].assign(probe="p2")
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
    return evaluate_controls(pd.concat(tables, ignore_index=True), pd.DataFrame(leaks))


@pytest.fixture(scope="session")
def inputs() -> SimpleNamespace:
    """Give what data engineering and modelling make."""
    rng = np.random.default_rng(0)
    features = _features(rng)
    expression = _expression(features)
    folds = assign_rows_to_folds(expression, features, FOLDS, TABLE, 0)
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


@pytest.fixture(scope="session")
def tables(inputs: SimpleNamespace) -> dict[str, pd.DataFrame]:
    names = ("features", "expression", "probes", "folds", "predictions", "history", "selected")
    return nodes.compute_expression_tables(
        **{name: getattr(inputs, name) for name in (*names, "model_card")}, seed=0
    )


@pytest.fixture(scope="session")
def report_parameters() -> ReportParameters:
    return ReportParameters(
        title="ALL or AML?", command="kedro run", resampled_models=("mlp_smote",), n_probes_shown=3
    )


@pytest.fixture(scope="session")
def figures(inputs, tables, report_parameters) -> dict:
    return nodes.draw_expression_figures(
        metrics_table=inputs.metrics_table,
        controls=inputs.controls,
        **tables,
        report=report_parameters,
    )
