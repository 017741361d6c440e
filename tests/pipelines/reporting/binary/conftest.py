"""Stand-ins for what the other pipelines hand to the report: same columns, same dtypes."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml

from crossfold.pipelines.reporting.binary import APPOINTMENTS, nodes
from crossfold.pipelines.reporting.binary.parameters import ReportParameters

ROOT = Path(__file__).parents[4]

N_ROWS, N_PATIENTS, N_FOLDS = 5_000, 2_900, 5
SKILL = {
    "prevalence": 0.0,
    "same_day_flag": 0.3,
    "logistic_regression": 0.8,
    "random_forest": 0.9,
    "hist_gradient_boosting": 0.97,
    "mlp_numpy": 0.93,
    "mlp_torch": 0.93,
    "mlp_weighted": 0.92,
    "mlp_focal": 0.92,
    "mlp_tuned": 1.0,
}
DISTORTED = {"mlp_weighted": 4.0, "mlp_focal": 1.6}


@pytest.fixture(scope="session")
def inputs() -> SimpleNamespace:
    """All inputs of the reporting pipeline, made from one seed."""
    return make_inputs()


def make_inputs(n_rows: int = N_ROWS, seed: int = 7) -> SimpleNamespace:
    rng = np.random.default_rng(seed)
    appointments = make_appointments(n_rows, rng)
    predictions = make_predictions(appointments, rng)
    return SimpleNamespace(
        appointments=appointments,
        predictions=predictions,
        history=make_history(rng),
        metrics_table=make_metrics_table(predictions, appointments),
        comparison=make_comparison(predictions),
        leak_guard=make_leak_guard(n_rows),
        row_counts={
            "read": n_rows + 6,
            "superseded": 0,
            "kept": n_rows,
            "rejected": {"age_out_of_range": 1, "appointment_before_booking_day": 5},
        },
        model_card=make_model_card(n_rows),
    )


def make_appointments(n_rows: int, rng: np.random.Generator) -> pd.DataFrame:
    lead = np.where(rng.random(n_rows) < 0.35, 0, rng.geometric(0.07, n_rows))
    age = np.clip(rng.normal(38, 23, n_rows).round(), 0, 115)
    day = pd.Timestamp("2016-04-29") + pd.to_timedelta(rng.integers(0, 40, n_rows), unit="D")
    booked = day - pd.to_timedelta(lead, unit="D") + pd.to_timedelta(9, unit="h")
    risk = np.clip(np.where(lead == 0, 0.05, 0.22 + 0.004 * np.minimum(lead, 40)), 0, 1)
    risk = np.clip(risk * (1.35 - age / 110), 0.01, 0.9)
    return pd.DataFrame(
        {
            "appointment_id": np.arange(n_rows, dtype=np.int64) + 5_600_000,
            "patient": [f"hash{code:08x}" for code in rng.integers(0, N_PATIENTS, n_rows)],
            "gender": pd.Categorical(rng.choice(["F", "M"], n_rows, p=[0.65, 0.35])),
            "booked_at": booked,
            "appointment_day": day,
            "age": age.astype(np.int16),
            "neighbourhood": pd.Categorical(rng.choice(["CENTRO", "JARDIM CAMBURI"], n_rows)),
            "scholarship": rng.random(n_rows) < 0.1,
            "hypertension": rng.random(n_rows) < 0.2,
            "diabetes": rng.random(n_rows) < 0.07,
            "alcoholism": rng.random(n_rows) < 0.03,
            "handicap": rng.choice(5, n_rows, p=[0.975, 0.02, 0.003, 0.001, 0.001]).astype(np.int8),
            "sms_received": (lead >= 3) & (rng.random(n_rows) < 0.6),
            "no_show": rng.random(n_rows) < risk,
        }
    ).assign(true_risk=risk)


def make_predictions(appointments: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Long predictions of every model and protocol; drops the risk that made the labels."""
    risk = appointments.pop("true_risk").to_numpy()
    group = pd.factorize(appointments["patient"])[0]
    fold = rng.integers(0, N_FOLDS, group.max() + 1)[group]
    late = (appointments["appointment_day"] >= "2016-06-01").to_numpy()
    target = appointments["no_show"].to_numpy().astype(np.int8)
    parts = [_scored(model, "grouped_k_fold", risk, target, group, fold, rng) for model in SKILL]
    parts += [
        _scored(model, "time_split", risk, target, group, 0 * fold, rng)[late] for model in SKILL
    ]
    shuffled = rng.permutation(target)
    parts.append(_scored("mlp_tuned", "permuted_labels", risk, shuffled, group, fold, rng))
    table = pd.concat(parts, ignore_index=True)
    return table.astype({"model": "category", "protocol": "category"})


def _scored(model, protocol, risk, target, group, fold, rng):
    logits = np.log(risk / (1 - risk))
    noise = 0 if model in {"prevalence", "same_day_flag"} else 0.25
    logits = np.average(logits) + SKILL[model] * (logits - np.average(logits))
    probability = 1 / (1 + np.exp(-(logits + noise * rng.standard_normal(len(risk)))))
    if model == "same_day_flag":
        probability = np.where(risk < 0.1, 0.05, 0.28)
    odds = DISTORTED.get(model, 1.0) * probability / (1 - probability)
    threshold = np.quantile(probability, 0.9)
    return pd.DataFrame(
        {
            "model": model,
            "protocol": protocol,
            "row": np.arange(len(risk), dtype=np.int32),
            "group": group.astype(np.int32),
            "fold": fold.astype(np.int8),
            "target": target,
            "member": np.int16(-1),
            "predicted": (probability >= 0.5).astype(np.int8),
            "raw_p1": (odds / (1 + odds)).astype(np.float32),
            "p1": probability.astype(np.float32),
            "threshold": np.float32(threshold),
            "flagged": probability >= threshold,
        }
    )


def make_history(rng: np.random.Generator, n_epochs: int = 20) -> pd.DataFrame:
    rows = []
    start = {"mlp_weighted": 0.69, "mlp_focal": 0.2}
    speed = {"mlp_torch": 0.9}
    for model in ("mlp_numpy", "mlp_torch", "mlp_weighted", "mlp_focal", "mlp_tuned"):
        for fold in range(N_FOLDS):
            epochs = np.arange(1, n_epochs + 1)
            loss = start.get(model, 0.5) * (0.8 + 0.2 * np.exp(-epochs / 4)) + 0.003 * fold
            rows.append(
                pd.DataFrame(
                    {
                        "model": model,
                        "protocol": "grouped_k_fold",
                        "fold": np.int8(fold),
                        "member": np.int16(0),
                        "epoch": epochs.astype(np.int16),
                        "train_loss": loss,
                        "validation_loss": loss + 0.01 + 0.001 * rng.standard_normal(n_epochs),
                        "validation_f1": 0.4 * (1 - np.exp(-epochs / 5)) - 0.003 * fold,
                        "validation_f1_best": 0.45 * (1 - np.exp(-epochs / 3)) - 0.003 * fold,
                        "seconds": speed.get(model, 0.6) * epochs,
                    }
                )
            )
    keys = ["model", "protocol", "fold", "member", "epoch"]
    return pd.concat(rows, ignore_index=True).melt(keys, var_name="measure")


def make_metrics_table(predictions: pd.DataFrame, appointments: pd.DataFrame) -> pd.DataFrame:
    same_day = (
        appointments["booked_at"].dt.normalize() == appointments["appointment_day"]
    ).to_numpy()
    rows = []
    for (model, protocol), part in predictions.groupby(["model", "protocol"], observed=True):
        is_same_day = same_day[part["row"]]
        scopes = {"pooled": part, "same_day": part[is_same_day], "later": part[~is_same_day]}
        scopes |= {f"fold {fold}": fold_part for fold, fold_part in part.groupby("fold")}
        for scope, scope_part in scopes.items():
            rows += _metric_rows(model, protocol, scope, scope_part)
    return pd.DataFrame(rows)


def _metric_rows(model, protocol, scope, part):
    from sklearn import metrics

    target, probability = part["target"], part["p1"]
    figures = {
        "observed_rate": target.mean(),
        "roc_auc": metrics.roc_auc_score(target, probability),
        "pr_auc": metrics.average_precision_score(target, probability),
        "brier": np.mean((probability - target) ** 2),
        "log_loss": metrics.log_loss(target, probability.astype(float)),
        "expected_calibration_error": 0.004,
        "precision": metrics.precision_score(target, part["flagged"], zero_division=0),
        "recall": metrics.recall_score(target, part["flagged"]),
        "f1": metrics.f1_score(target, part["flagged"]),
    }
    return [
        {
            "model": model,
            "protocol": protocol,
            "scope": scope,
            "metric": metric,
            "estimate": float(value),
            "low": float(value) - 0.012,
            "high": float(value) + 0.012,
            "n": len(part),
        }
        for metric, value in figures.items()
    ]


def make_comparison(predictions: pd.DataFrame) -> pd.DataFrame:
    n = int((predictions["model"] == "mlp_tuned").sum())
    columns = ["model_a", "model_b", "metric", "test", "difference", "low", "high"]
    columns += ["statistic", "p_value", "n", "verdict"]
    t_test, nan = "corrected resampled t-test over folds", np.nan
    rows = []
    for other in (model for model in SKILL if model != "mlp_tuned"):
        pair = ("mlp_tuned", other)
        for metric in ("roc_auc", "pr_auc", "brier"):
            figures = (0.0034, 0.0011, 0.0057, nan, nan, 200, "differ")
            rows.append((*pair, metric, "paired bootstrap", *figures))
        rows.append((*pair, "roc_auc", t_test, 0.003, 0.001, 0.006, 3.1, 0.011, 5, "differ"))
        rows.append((*pair, "accuracy", "McNemar", 0.0, 0.0, 0.0, 4.2, 0.04, 321, "differ"))
    twins = ("mlp_numpy", "mlp_torch")
    equal = (2.1e-7, nan, nan, nan, nan, n, "equal to rounding")
    rows.append((*twins, "raw_probability", "largest difference of any row", *equal))
    same = (1e-6, -2e-5, 3e-5, 9.1, 1e-4, 5, "equivalent within 0.005")
    rows.append((*twins, "roc_auc", "equivalence over folds", *same))
    return pd.DataFrame(rows, columns=columns)


def make_leak_guard(n_rows: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "check": ["groups across folds", "identical rows across folds"],
            "rows_checked": [n_rows, n_rows],
            "crossing": [0, 0],
            "verdict": ["none", "none"],
        }
    )


def make_model_card(n_rows: int) -> dict:
    return {
        "study": "no_show",
        "model": "mlp_tuned",
        "created_at": "2026-11-21T02:00:00Z",
        "seed": 42,
        "command": "kedro run --pipelines=no_show",
        "data": {"rows": n_rows, "fingerprint": "9132aa"},
        "threshold": 0.34,
        "intended_use": "Choose which patients to remind or to help with transport.",
        "not_intended_for": "Overbooking, penalties, or refusing an appointment.",
        "limits": ["One city, six weeks of 2016.", "History is short for most patients."],
        "versions": {"python": "3.11.4", "numpy": "2.4.0", "torch": "2.13.0"},
    }


@pytest.fixture(scope="session")
def report_parameters() -> ReportParameters:
    """The no-show study's own words, with a short bootstrap."""
    content = yaml.safe_load((ROOT / "conf/base/no_show/parameters_reporting.yml").read_text())
    return ReportParameters(**content["no_show"]["report"] | {"n_resamples": 50})


@pytest.fixture(scope="session")
def tables(inputs: SimpleNamespace, report_parameters: ReportParameters) -> dict[str, pd.DataFrame]:
    """All tables of the no-show report."""
    subgroups = APPOINTMENTS.compute_subgroups(
        inputs.predictions, inputs.appointments, report_parameters, 42
    )
    return {
        **APPOINTMENTS.compute_tables(inputs.appointments),
        **nodes.compute_model_tables(inputs.predictions, inputs.history, report_parameters, 42),
        "subgroups": subgroups,
    }
