"""Figures with intervals, and comparisons, on predictions with a known order of models."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from crossfold.exceptions import CrossfoldError
from crossfold.templates.cross_validation import evaluation
from crossfold.templates.cross_validation.parameters import EvaluationParameters
from crossfold.templates.parameters import TableParameters
from crossfold.validation.schemas import COMPARISON, METRICS

PARAMETERS = EvaluationParameters(
    n_resamples=60, subsets={"flagged_rows": "flag", "others": "not flag"}
)
ROLES = TableParameters(target="y")
NOISE = {"mlp_tuned": 0.3, "mlp_numpy": 1.0, "mlp_torch": 1.0, "prevalence": np.inf}


@pytest.fixture(scope="module")
def features() -> pd.DataFrame:
    return pd.DataFrame({"flag": np.arange(900) % 3 == 0})


@pytest.fixture(scope="module")
def predictions() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    risk, target = rng.normal(size=900), None
    target = (rng.random(900) < 1 / (1 + np.exp(-2 * risk))).astype("int8")
    shared_noise = rng.normal(size=900)
    tables = []
    for model, spread in NOISE.items():
        score = np.zeros(900) if np.isinf(spread) else 2 * risk + spread * 3 * shared_noise
        p = (1 / (1 + np.exp(-score))).astype("float32")
        tables.append(
            pd.DataFrame(
                {
                    "model": model,
                    "protocol": "grouped_k_fold",
                    "row": np.arange(900, dtype="int32"),
                    "group": np.arange(900, dtype="int32") // 2,
                    "fold": (np.arange(900) // 2 % 5).astype("int8"),
                    "target": target,
                    "member": -1,
                    "predicted": (p > 0.5).astype("int8"),
                    "raw_p1": p,
                    "p1": p,
                    "flagged": p > 0.5,
                }
            )
        )
    table = pd.concat(tables, ignore_index=True)
    return table.astype({"model": "category", "protocol": "category"})


@pytest.fixture(scope="module")
def metrics_table(predictions, features) -> pd.DataFrame:
    return evaluation.evaluate_predictions(predictions, features, ROLES, PARAMETERS, 0)


def one(table: pd.DataFrame, **where: str) -> pd.Series:
    for column, value in where.items():
        table = table[table[column] == value]
    (row,) = table.itertuples()
    return row


def test_pooled_figures_equal_scikit_learns(predictions, metrics_table) -> None:
    rows = predictions[predictions["model"] == "mlp_tuned"]
    row = one(metrics_table, model="mlp_tuned", scope="pooled", metric="roc_auc")
    assert row.estimate == pytest.approx(roc_auc_score(rows["target"], rows["p1"]))
    assert row.low < row.estimate < row.high
    rate = one(metrics_table, model="mlp_tuned", scope="pooled", metric="observed_rate")
    assert (row.n, rate.estimate) == (900, pytest.approx(rows["target"].mean()))


def test_subsets_take_the_rows_they_name(predictions, metrics_table) -> None:
    rows = predictions[predictions["model"] == "mlp_tuned"]
    for scope, is_in in (("flagged_rows", rows["row"] % 3 == 0), ("others", rows["row"] % 3 != 0)):
        row = one(metrics_table, model="mlp_tuned", scope=scope, metric="brier")
        expected = ((rows["p1"] - rows["target"]) ** 2)[is_in].mean()
        assert row.n == is_in.sum()
        assert row.estimate == pytest.approx(expected, rel=1e-5)


def test_flags_with_gaps_make_subsets_too(predictions, features) -> None:
    is_known = np.arange(900) % 2 > 0
    gaps = features.assign(flag=features["flag"].astype("float32").where(is_known))
    table = evaluation.evaluate_predictions(predictions, gaps, ROLES, PARAMETERS, 0)
    for scope, value in (("flagged_rows", 1), ("others", 0)):
        row = one(table, model="mlp_tuned", scope=scope, metric="brier")
        assert row.n == (gaps["flag"] == value).sum() > 0


@pytest.mark.parametrize("column", ["nowhere", "not age", "flag > 0"])
def test_subsets_that_no_flag_names_are_refused(predictions, features, column) -> None:
    parameters = PARAMETERS.model_copy(update={"subsets": {"own": column}})
    aged = features.assign(age=30)
    with pytest.raises(CrossfoldError, match=f"evaluation.subsets.own is '{column}': name a flag"):
        evaluation.evaluate_predictions(predictions, aged, ROLES, parameters, 0)


def test_every_fold_has_its_figures_without_interval(metrics_table) -> None:
    folds = metrics_table[metrics_table["scope"].str.startswith("fold ")]
    assert set(folds["scope"]) == {f"fold {number}" for number in range(5)}
    assert folds[["low", "high"]].isna().all(axis=None)


def test_the_summary_is_strict_json_with_intervals(metrics_table) -> None:
    summary = evaluation.summarise_metrics(metrics_table)
    json.dumps(summary, allow_nan=False)
    figure = summary["mlp_tuned"]["grouped_k_fold"]["roc_auc"]
    assert set(figure) == {"estimate", "low", "high", "n"}


@pytest.fixture(scope="module")
def comparison(predictions, metrics_table) -> pd.DataFrame:
    return evaluation.compare_models(predictions, metrics_table, ROLES, PARAMETERS, 0)


@pytest.mark.parametrize("test", ["paired bootstrap", "corrected resampled t-test over folds"])
def test_the_better_model_is_told_apart(comparison, test: str) -> None:
    row = one(comparison, model_a="mlp_tuned", model_b="prevalence", metric="roc_auc", test=test)
    assert row.difference > 0.2
    assert 0 < row.low < row.difference < row.high
    assert row.verdict == "differ"


def test_paired_differences_are_those_of_the_figures(comparison, metrics_table) -> None:
    row = one(
        comparison,
        model_a="mlp_tuned",
        model_b="mlp_numpy",
        metric="brier",
        test="paired bootstrap",
    )
    a, b = (
        one(metrics_table, model=model, scope="pooled", metric="brier").estimate
        for model in ("mlp_tuned", "mlp_numpy")
    )
    assert row.difference == pytest.approx(a - b)


def test_equal_twins_are_equal_and_equivalent(comparison) -> None:
    twins = comparison[comparison["model_a"] == "mlp_numpy"]
    assert one(twins, metric="raw_probability").verdict == "equal to rounding"
    equivalence = one(twins, test="equivalence over folds")
    assert equivalence.verdict == "equivalent within 0.005"


def test_tables_fit_their_schemas(metrics_table, comparison) -> None:
    METRICS.validate(metrics_table)
    COMPARISON.validate(comparison)


def test_every_verdict_is_that_of_its_interval(comparison) -> None:
    told = comparison[comparison["verdict"].isin(["differ", "not told apart"])]
    leaves_out_zero = (told["low"] > 0) | (told["high"] < 0)
    has_interval = told["low"].notna()
    assert (leaves_out_zero == (told["verdict"] == "differ"))[has_interval].all()


def test_unequal_twins_are_found_out(predictions, metrics_table) -> None:
    spoilt = predictions.copy()
    is_torch = (spoilt["model"] == "mlp_torch").to_numpy()
    spoilt.loc[is_torch, "raw_p1"] -= np.float32(0.01)
    comparison = evaluation.compare_models(spoilt, metrics_table, ROLES, PARAMETERS, 0)
    assert one(comparison, model_a="mlp_numpy", metric="raw_probability").verdict == "differ"
