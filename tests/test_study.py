"""A table is studied from Python without a project, and says what came of it."""

import numpy as np
import pandas as pd
import pytest

import crossfold
from crossfold.exceptions import CrossfoldError
from crossfold.mlp import MLPEnsemble, MLPRegressor
from crossfold.mlp._batches import batch_rows
from crossfold.mlp._tabular import N_STEPS, TABULAR
from crossfold.pipelines.table.study import study_parameters
from crossfold.templates.cross_validation.folds import assign_rows_to_folds, read_folds
from crossfold.templates.cross_validation.parameters import FoldParameters
from crossfold.templates.parameters import TableParameters
from crossfold.validation.schemas import COMPARISON, METRICS, PREDICTIONS

SMALL = {"params": {"max_iter": 3, "hidden_layer_sizes": [6]}}
QUICK = {
    "folds": {"n_splits": 3, "parts": 3},
    "models": {
        "baselines": {"random_forest": {"params": {"n_estimators": 5}}},
        "numpy": {"mlp_numpy": SMALL},
        "torch": {"mlp_torch": SMALL},
        "ensemble": {"mlp_ensemble": {**SMALL, "members": 2}},
    },
    "evaluation": {"n_resamples": 50},
    "importance": {"n_repeats": 1, "max_rows": 50},
}


def make_frame(n: int = 240) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    age = rng.uniform(1, 95, n).round(3)
    city = rng.choice(["Aachen", "Bonn", "Köln"], n)
    days = pd.date_range("2024-01-01", periods=n)
    missed = rng.random(n) < 1 / (1 + np.exp(-(age - 50) / 10))
    return pd.DataFrame(
        {
            "patient_id": rng.integers(10_000, 10_060, n),
            "age": np.where(rng.random(n) < 0.1, np.nan, age),
            "city": np.where(rng.random(n) < 0.1, "n/a", city),
            "remark": [f"some words on row {row}" for row in range(n)],
            "missed": np.where(missed, "yes", "no"),
            "day": days.strftime("%d.%m.%Y"),
        }
    )


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return make_frame()


@pytest.fixture(scope="module")
def studied(frame: pd.DataFrame) -> crossfold.Study:
    seed = np.int64(42)  # a number of NumPy is a whole number too
    return crossfold.study(frame, target="missed", group="patient_id", seed=seed, parameters=QUICK)


def test_the_tables_are_those_of_every_study(studied: crossfold.Study) -> None:
    PREDICTIONS.validate(studied.predictions)
    METRICS.validate(studied.metrics)
    COMPARISON.validate(studied.comparison)
    assert {"mlp_ensemble", "mlp_numpy", "mlp_torch", "prevalence"} <= set(studied.summary().index)
    assert studied.summary().loc["logistic_regression", "roc_auc"] > 0.75
    assert studied.row_counts["kept"] == 240


def test_groups_stay_together(studied: crossfold.Study, frame: pd.DataFrame) -> None:
    one = studied.predictions[studied.predictions["model"] == "mlp_ensemble"]
    fold = one.sort_values("row")["fold"].to_numpy()
    assert pd.Series(fold).groupby(frame["patient_id"].to_numpy()).nunique().max() == 1


def test_nobody_and_no_free_text_is_in_what_models_read(studied: crossfold.Study) -> None:
    dates = ["day_month", "day_weekday", "day_days"]
    assert list(studied.features) == ["missed", "age", "city", *dates]


def test_the_report_is_one_page_that_names_no_other_study(studied, tmp_path) -> None:
    page = studied.to_html(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == page
    assert page.count("<h1>") == 1
    for foreign in ("Vit&oacute;ria", "Vitória", "no-show", "appointment", "SMS", "wine"):
        assert foreign not in page
    assert "srcdoc" in studied._repr_html_()
    assert "Study of 'missed', 240 rows" in repr(studied)


def test_figures_are_matplotlib_s(studied: crossfold.Study) -> None:
    from matplotlib.figure import Figure

    assert studied.figures
    assert all(isinstance(figure, Figure) for figure in studied.figures.values())
    said = [tick.get_text() for tick in studied.figures["target"].axes[0].get_yticklabels()]
    assert said == ["no", "yes"]


def test_new_rows_are_scored_with_what_they_have(studied: crossfold.Study) -> None:
    new = pd.DataFrame({"city": ["Bonn", "Ulm"], "age": [90.0, np.nan], "day": "31.01.2024"})
    scored = studied.score(new)
    assert list(scored) == ["row", "probability", "flagged"]
    assert scored["probability"].between(0, 1).all()
    with pytest.raises(CrossfoldError, match="no column 'age', 'city', 'day'"):
        studied.score(pd.DataFrame({"town": ["Bonn"]}))
    assert studied.features["day_month"].nunique() == 8
    assert studied.features["city"].isna().sum() > 10
    assert "n/a" not in set(studied.features["city"])


def test_a_wrong_target_is_refused_with_the_closest_name(frame: pd.DataFrame) -> None:
    with pytest.raises(CrossfoldError, match="did you mean 'missed'"):
        crossfold.study(frame, target="misssed")


@pytest.mark.usefixtures("undrawn")
def test_what_should_be_known_is_a_warning(frame: pd.DataFrame) -> None:
    copied = frame.assign(closed_as=frame["missed"].map({"yes": "no contact", "no": "seen"}))
    with pytest.warns(UserWarning, match="closed_as gives the target away"):
        found = crossfold.study(
            copied, target="missed", group="patient_id", drop=["remark"], parameters=QUICK
        )
    assert "closed_as" not in found.features


@pytest.mark.parametrize(
    ("names", "target", "task"),
    [(None, "city", "multiclass"), (range(6), 1, "regression")],
    ids=["several classes", "a number, columns without names"],
)
@pytest.mark.usefixtures("undrawn")
def test_classes_and_numbers_are_studied_alike(frame, names, target, task: str) -> None:
    named = frame if names is None else frame.set_axis(names, axis=1)
    known = named[named[target].notna() & (named[target] != "n/a")]
    found = crossfold.study(
        known,
        target=target,
        task=task,
        group=named.columns[0],
        drop=named.columns[3],
        parameters=QUICK,
    )
    PREDICTIONS.validate(found.predictions)
    assert "<h1>" in found.to_html()
    assert "predicted" in found.score(named.drop(columns=target).head(3))


@pytest.mark.parametrize(
    ("frame", "options", "message"),
    [
        ([1, 2], {}, "reads a pandas DataFrame, not a list"),
        (pd.DataFrame({"y": [True, False]}), {"positive": 3.0}, "no value '3'"),
        (pd.DataFrame({"y": [True, False]}), {"positive": "--"}, "no value '--': give positive"),
        (pd.DataFrame({"y": [True, False]}), {"positive": True}, "No input column is left"),
        (pd.DataFrame({"y": [1]}), {"task": "classify"}, "give one of binary, multiclass"),
        (pd.DataFrame({"y": [1]}), {"parameters": {"fold": {}}}, "did you mean folds"),
        (pd.DataFrame({"y": [1]}), {"parameters": {"table": {}}}, "no block table"),
        (pd.DataFrame({"y": [1]}), {"seed": -1}, "seed is -1: give a whole number from 0"),
        (pd.DataFrame({"y": [1]}), {"seed": True}, "seed is True: give a whole number from 0"),
        (
            pd.DataFrame({"y": [1]}),
            {"parameters": [1]},
            r"parameters is \[1\]: give blocks by their",
        ),
        (
            make_frame(),
            {"target": "missed", "group": "patient_id", "title": 3},
            "study.report.title is 3: input should be",
        ),
        (
            make_frame(),
            {"target": "missed", "group": "patient_id", "parameters": {"folds": {"n_split": 3}}},
            r"no parameter study.folds.n_split \(did you mean study.folds.n_splits\?\)",
        ),
        (
            make_frame(),
            {"target": "missed", "group": "patient_id", "parameters": {"models": {"ensembl": {}}}},
            r"no parameter study.models.ensembl \(did you mean study.models.ensemble\?\)",
        ),
        (
            make_frame().rename(columns={"missed": "y"}),
            {"group": "patient_id", "parameters": {"evaluation": {"reference": "mlp"}}},
            "reference names mlp, and there is no such model",
        ),
        (pd.DataFrame({"y": [1, 2], "g": None}), {"group": "g"}, "'g' is missing in all rows"),
        (pd.DataFrame({"y": list("abc")}), {"task": "binary"}, "two: give task multiclass"),
    ],
)
def test_what_cannot_be_studied_is_said_in_a_sentence(frame, options, message: str) -> None:
    with pytest.raises(CrossfoldError, match=message):
        crossfold.study(frame, **{"target": "y", **options})


def test_the_package_starts_without_pandas() -> None:
    import subprocess
    import sys

    code = "import sys, crossfold; assert 'pandas' not in sys.modules; crossfold.study"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("n_rows", [300, 1_999, 2_000, 19_999])
def test_the_ensemble_has_the_batches_and_steps_of_the_preset(n_rows: int) -> None:
    """They follow from the rows that one network learns from, not from all rows of the table."""
    own = study_parameters(TableParameters(target="y", task="regression"), n_rows)
    folds, params = own["folds"], own["models"]["ensemble"]["mlp_ensemble"]["params"]
    learnt = round(n_rows * (1 - 1 / folds["n_splits"]) * (1 - 1 / folds["parts"]))
    preset = MLPEnsemble(MLPRegressor(**TABULAR), n_steps=N_STEPS)
    expected = batch_rows("auto", learnt), preset._epochs(learnt)
    assert (params["batch_size"], params["max_iter"]) == expected


@pytest.mark.parametrize("n_groups", [4, 5, 6, 7, 9, 11, 14, 19, 25])
@pytest.mark.parametrize("n_rows", [1_000, 2_500])
def test_every_member_learns_in_every_fold_of_a_few_groups(n_rows: int, n_groups: int) -> None:
    table = TableParameters(target="y", positive="1", group="ward", columns={"x": "number"})
    own = study_parameters(table, n_rows, n_groups)
    rng = np.random.default_rng(n_groups)
    shares = np.arange(n_groups) + 3
    frame = pd.DataFrame(
        {
            "x": rng.random(n_rows),
            "y": rng.integers(0, 2, n_rows).astype(str),
            "ward": rng.choice(n_groups, n_rows, p=shares / shares.sum()),
        }
    )
    folds = assign_rows_to_folds(frame, frame, FoldParameters(**own["folds"]), table, 0)
    members = own["models"]["ensemble"]["mlp_ensemble"]["members"]
    for fold in read_folds(folds):
        for member in range(members):
            learns, left_out = fold.inner(member)
            assert min(len(learns), len(left_out)) > 0
