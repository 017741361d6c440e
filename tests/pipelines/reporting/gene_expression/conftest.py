"""Stand-ins for what the other pipelines hand to the report: same columns, same dtypes."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from crossfold.pipelines.modelling.gene_expression.controls import BEFORE, INSIDE
from crossfold.pipelines.modelling.gene_expression.evaluation import (
    compare_models,
    evaluate_controls,
    evaluate_predictions,
)
from crossfold.pipelines.modelling.gene_expression.nodes import (
    assign_patients_to_folds,
    guard_against_leaks,
)
from crossfold.pipelines.modelling.gene_expression.parameters import (
    EvaluationParameters,
    FoldParameters,
    VariantsParameters,
)
from crossfold.pipelines.reporting.gene_expression import nodes
from crossfold.pipelines.reporting.gene_expression.labels import MODELS
from crossfold.pipelines.reporting.gene_expression.parameters import ReportParameters

N, N_PROBES, N_MEMBERS, N_EPOCHS = 36, 12, 2, 4
FINAL = ["p0", "p1", "p3"]
FOLDS = FoldParameters(n_splits=4, n_repeats=1)


def _features(rng: np.random.Generator) -> pd.DataFrame:
    aml = np.tile([0, 0, 1], N // 3).astype(np.int8)
    values = rng.normal(size=(N, N_PROBES)).astype(np.float32)
    values[:, 0] += 2 * aml
    values[:, 1] -= 2 * aml
    origin = pd.Categorical(np.where(np.arange(N) < 24, "train", "independent"))
    names = [f"p{number}" for number in range(N_PROBES)]
    facts = pd.DataFrame({"aml": aml, "origin": origin})
    return pd.concat([facts, pd.DataFrame(values, columns=names)], axis=1)


def _predictions(
    features: pd.DataFrame, folds: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    validated = folds[folds["validated"]].drop(columns="validated")
    target = features["aml"].to_numpy()[validated["row"]]
    tables = []
    for model in MODELS:
        score = np.clip(0.25 + 0.5 * target + rng.normal(0, 0.15, len(target)), 0, 1)
        score = np.full(len(target), 0.3) if model == "prevalence" else score
        tables.append(
            validated.assign(model=model, target=target, score=score, flagged=score >= 0.5)
        )
    joined = pd.concat(tables, ignore_index=True)
    return joined.astype({"model": "category", "score": "float32"})


def _history(folds: pd.DataFrame) -> pd.DataFrame:
    keys = folds[folds["validated"]].drop_duplicates(["protocol", "fold"])[["protocol", "fold"]]
    grid = keys.merge(pd.DataFrame({"epoch": range(1, N_EPOCHS + 1)}), how="cross")
    grid = grid.merge(pd.DataFrame({"member": range(N_MEMBERS)}), how="cross")
    tables = [
        grid.assign(
            model=model,
            train_loss=1 / grid["epoch"],
            validation_loss=1.5 / grid["epoch"],
            false_positives=0.0,
            false_negatives=(grid["epoch"] == 1).astype(float) * (grid["member"] == 0),
        )
        for model in ("mlp", "mlp_smote")
    ]
    return pd.concat(tables, ignore_index=True).astype({"model": "category"})


def _selected(folds: pd.DataFrame) -> pd.DataFrame:
    keys = folds.drop_duplicates(["protocol", "fold"])[["protocol", "fold"]]
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
                        "score": score,
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
    folds = assign_patients_to_folds(features, FOLDS, 0)
    predictions = _predictions(features, folds, rng)
    metrics_table = evaluate_predictions(predictions, EvaluationParameters(n_resamples=50), 0)
    variants = VariantsParameters({"mlp": {}})
    names = features.columns[2:]
    accuracy = {"estimate": 0.9, "low": 0.8, "high": 0.95, "n": N}
    return SimpleNamespace(
        features=features,
        folds=folds,
        predictions=predictions,
        history=_history(folds),
        selected=_selected(folds),
        probes=pd.DataFrame({"probe": names, "description": [f"Gene {n}" for n in names]}),
        metrics_table=metrics_table,
        comparison=compare_models(predictions, variants, FOLDS),
        controls=_controls(rng),
        leak_guard=guard_against_leaks(features, folds),
        row_counts={
            "read": N,
            "probes": N_PROBES,
            "control_probes": 1,
            "by_origin": {"train": {"ALL": 16, "AML": 8}, "independent": {"ALL": 8, "AML": 4}},
        },
        model_card={
            "probes": FINAL,
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
    names = ("features", "probes", "folds", "predictions", "history", "selected", "model_card")
    return nodes.compute_expression_tables(
        **{name: getattr(inputs, name) for name in names}, seed=0
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
