"""The nodes that train: nothing leaks, everything is kept, for all kinds of targets."""

import threading
import weakref
from types import SimpleNamespace

import joblib
import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sklearn.inspection import permutation_importance
from sklearn.metrics import r2_score, roc_auc_score
from tests.templates.cross_validation.conftest import NETWORK, family, make_study

from crossfold.exceptions import CrossfoldError
from crossfold.mlp import persistence
from crossfold.templates.cross_validation import fitting, importance, nodes
from crossfold.templates.cross_validation.encoding import target_numbers
from crossfold.templates.cross_validation.final_model import decide
from crossfold.templates.cross_validation.folds import assign_rows_to_folds, read_folds
from crossfold.templates.cross_validation.importance import (
    group_columns,
    kept_models,
    measure_fold,
)
from crossfold.templates.cross_validation.parameters import (
    DecisionParameters,
    FoldParameters,
    ImportanceParameters,
    Model,
    PreparationParameters,
)
from crossfold.templates.cross_validation.training import class_separation, make_estimator, pool
from crossfold.templates.parameters import TableParameters
from crossfold.validation.comparison import corrected_resampled_t_test
from crossfold.validation.estimates import MAIN_METRIC
from crossfold.validation.schemas import HISTORY, PREDICTIONS
from crossfold.validation.tables import CALIBRATION, probabilities

BEST_EPOCH = {**NETWORK, "early_stopping": "loss", "n_iter_no_change": None}
TUNED = family(mlp_tuned={"params": BEST_EPOCH, "members": 3, "preparation": "tabular"})
CAPACITY = DecisionParameters(threshold={"policy": "capacity"})


def train(study, models, features=None):
    features = study.features if features is None else features
    return nodes.search_networks(features, study.folds, study.roles, study.preparation, models, 0)


def decided(study, *scores) -> pd.DataFrame:
    return decide(study.folds, CAPACITY, study.roles, *scores)


@pytest.fixture(scope="module")
def tuned(study):
    return train(study, TUNED)


@pytest.fixture(scope="module")
def predictions(study, tuned) -> pd.DataFrame:
    return decided(study, tuned[0])


def quality(study, predictions: pd.DataFrame) -> float:
    """A figure that is about 0 at chance and 1 at best."""
    target = predictions["target"]
    if study.task == "regression":
        return r2_score(target, predictions["predicted"])
    if study.task == "multiclass":
        base = target.value_counts(normalize=True).max()
        return ((predictions["predicted"] == target).mean() - base) / (1 - base)
    return 2 * roc_auc_score(target, predictions["p1"]) - 1


def test_a_model_that_names_inputs_that_are_none_is_refused(binary) -> None:
    """Without the misspelt one, it would quietly read fewer columns."""
    models = family(logistic={"inputs": ["x", "flg"], "estimator": "sklearn.svm.SVC"})
    said = r"inputs name flg \(did you mean flag\?\), but there is no such"
    with pytest.raises(CrossfoldError, match=said):
        nodes.cross_validate_estimators(
            *(binary.features, binary.folds, binary.roles, binary.preparation, models, 0)
        )


def test_predictions_fit_their_schema_and_hold_every_row_once(study, predictions) -> None:
    PREDICTIONS.validate(predictions)
    grouped = predictions[predictions["protocol"] == "grouped_k_fold"].sort_values("row")
    assert grouped["row"].tolist() == list(range(len(study.table)))
    for fold in read_folds(study.folds):
        assert set(grouped.loc[grouped["fold"] == fold.fold, "row"]) == set(fold.validation_rows)


def test_models_learn(study, predictions) -> None:
    by_protocol = dict(list(predictions.groupby("protocol", observed=True)))
    assert quality(study, by_protocol["grouped_k_fold"]) > 0.35
    assert quality(study, by_protocol["time_split"]) > 0.3


def test_history_has_every_epoch_of_every_member(study, tuned) -> None:
    history = tuned[2]
    HISTORY.validate(history)
    losses = history[history["measure"] == "train_loss"]
    # Three members in each of three folds and the time split.
    assert len(losses) == 3 * 4 * NETWORK["max_iter"]
    by_epoch = losses.groupby("epoch")["value"].mean()
    assert by_epoch.iloc[-1] < by_epoch.iloc[0]
    assert {"validation_loss", "validation_score", "seconds"} <= set(history["measure"])


def test_folds_that_do_not_fit_into_memory_together_are_trained_alike(
    study, tuned, monkeypatch
) -> None:
    monkeypatch.setattr(fitting, "MOST_BYTES", 1)
    scores, (networks, document), history, _ = train(study, TUNED)
    assert_frame_equal(scores, tuned[0], rtol=1e-4)
    assert document == tuned[1][1]
    assert len(networks) == 12
    keys = ["protocol", "fold", "member", "epoch", "measure"]
    assert_frame_equal(
        history[keys].sort_values(keys, ignore_index=True),
        tuned[2][keys].sort_values(keys, ignore_index=True),
    )


def test_validation_rows_change_nothing_that_is_learnt(study, tuned) -> None:
    first = read_folds(study.folds)[0].validation_rows
    spoilt = study.features.copy()
    spoilt.loc[first, "y"] = spoilt["y"].to_numpy()[first[::-1]]
    spoilt.loc[first, "y"] = spoilt["y"].iloc[0]
    again, *_ = train(study, TUNED, spoilt)

    def of_first_fold(scores: pd.DataFrame) -> pd.DataFrame:
        chosen = scores[(scores["protocol"] == "grouped_k_fold") & (scores["fold"] == 0)]
        return chosen.drop(columns="target")

    assert_frame_equal(of_first_fold(again), of_first_fold(tuned[0]))


def test_members_are_pooled_in_the_log_odds() -> None:
    # Odds 1 and 9: the geometric mean is 3, the probability 3/4.
    two = [np.full((3, 1), p, dtype=np.float32) for p in (0.5, 0.9)]
    assert pool(two, "binary")[:, 0] == pytest.approx([0.75] * 3)
    certain = [np.full((2, 1), p, dtype=np.float32) for p in (0.0, 1.0)]
    assert pool(certain, "binary")[:, 0] == pytest.approx([0.5] * 2, abs=0.01)
    classes = [np.array([[0.5, 0.5, 0.0]], dtype=np.float32) for _ in range(2)]
    assert pool(classes, "multiclass")[0] == pytest.approx([0.5, 0.5, 0.0], abs=1e-5)
    assert pool([np.array([[1.0]]), np.array([[2.0]])], "regression") == pytest.approx(1.5)


def test_the_twins_are_equal_to_rounding(study) -> None:
    said = [
        decided(study, train(study, family(mlp={"params": {**NETWORK, "engine": engine}}))[0])
        for engine in ("numpy", "torch")
    ]
    if study.task == "regression":
        gap = (said[0]["predicted"] - said[1]["predicted"]) / said[0]["predicted"].std()
    else:
        gap = probabilities(said[0], "raw_p") - probabilities(said[1], "raw_p")
    assert np.abs(gap).max() < 1e-3


def test_networks_that_differ_in_their_loss_keep_their_own(binary) -> None:
    models = family(
        weighted={"params": {**NETWORK, "class_weight": "balanced"}},
        focal={"params": {**NETWORK, "loss": "focal"}},
    )
    scores, (networks, _document), *_ = train(binary, models)
    assert [one.loss for one in networks] == ["cross_entropy"] * 4 + ["focal"] * 4
    assert [one.class_weight for one in networks] == ["balanced"] * 4 + [None] * 4
    by_model = decided(binary, scores).groupby("model", observed=True)
    rate = binary.features["y"].mean()
    assert by_model["raw_p1"].mean()["weighted"] > rate + 0.05
    assert np.abs(by_model["p1"].mean() - rate).max() < 0.05


def test_every_fold_s_networks_can_be_loaded_and_predict(
    study, tuned, predictions, tmp_path
) -> None:
    persistence.save(tmp_path / "networks.safetensors", *tuned[1])
    kept = kept_models(persistence.load(tmp_path / "networks.safetensors"), "mlp_tuned", study.task)
    fold = read_folds(study.folds)[1]
    model = kept["grouped_k_fold", 1]
    rows = predictions[(predictions["protocol"] == "grouped_k_fold") & (predictions["fold"] == 1)]
    inputs = study.features.iloc[rows["row"]]
    assert len(rows) == len(fold.validation_rows)
    if study.task == "regression":
        np.testing.assert_allclose(model.predict(inputs), rows["predicted"], rtol=1e-5)
    else:
        np.testing.assert_allclose(
            model.predict_proba(inputs), probabilities(rows, "raw_p"), atol=1e-5
        )


def test_a_search_chooses_inside_each_fold(study) -> None:
    models = family(
        mlp={
            "params": NETWORK,
            "search": {"learning_rate_init": [1e-7, 0.05]},
            "search_folds": 2,
        }
    )
    _scores, (networks, _), _, searched = train(study, models)
    chosen = searched[searched["chosen"]]
    # Three folds and the time split; a network that learns nothing is never chosen.
    assert chosen["candidate"].tolist() == ['{"learning_rate_init": 0.05}'] * 4
    assert {one.learning_rate_init for one in networks} == {0.05}
    assert len(searched) == 8


def test_baselines_are_scored_on_every_protocol(study) -> None:
    linear = "Ridge" if study.task == "regression" else "LogisticRegression"
    dummy = "DummyRegressor" if study.task == "regression" else "DummyClassifier"
    models = family(
        nothing={"estimator": f"sklearn.dummy.{dummy}", "preparation": "ordinal"},
        linear={"estimator": f"sklearn.linear_model.{linear}", "dtype": "float64"},
        flag={"estimator": f"sklearn.linear_model.{linear}", "inputs": ["flag"]},
    )
    scores = nodes.cross_validate_estimators(
        study.features, study.folds, study.roles, study.preparation, models, 0
    )
    said = decided(study, scores)
    grouped = said[said["protocol"] == "grouped_k_fold"]
    figures = {m: quality(study, rows) for m, rows in grouped.groupby("model", observed=True)}
    assert figures["linear"] > 0.35 > figures["flag"] > figures["nothing"] - 0.05
    assert set(said["protocol"]) == {"grouped_k_fold", "time_split"}


@pytest.mark.parametrize("absent", list("abcd"))
def test_a_class_that_a_fold_does_not_learn_has_no_probability(absent: str) -> None:
    """All rows of a class may belong to one group; the other classes keep their places."""
    study = make_study("multiclass")
    patient = study.table["patient"].mask((study.features["y"] == absent).to_numpy(), "one")
    table = study.table.assign(patient=patient)
    folds = assign_rows_to_folds(
        table, study.features, FoldParameters(n_splits=3, parts=4), study.roles, 0
    )
    models = family(
        linear={"estimator": "sklearn.linear_model.LogisticRegression", "members": 2},
    )
    scores = nodes.cross_validate_estimators(
        study.features, folds, study.roles, study.preparation, models, 0
    )
    said = decide(folds, CAPACITY, study.roles, scores)
    PREDICTIONS.validate(said)
    said = said[said["protocol"] == "grouped_k_fold"]
    number = "abcd".index(absent)
    fold = said.loc[said["target"] == number, "fold"].iloc[0]
    assert said.loc[said["fold"] == fold, f"p{number}"].max() < 0.001
    known = said[said["target"] != number]
    assert (known["predicted"] == known["target"]).mean() > 0.4


def test_baselines_of_as_many_folds_as_there_are_workers_are_held_at_a_time(
    binary, monkeypatch
) -> None:
    held, most = [], []
    fit = fitting._fit_estimator

    def fitted(*arguments):
        made = fit(*arguments)
        held.append(weakref.ref(made))
        most.append(sum(one() is not None for one in held))
        return made

    monkeypatch.setattr(fitting, "_fit_estimator", fitted)
    models = family(linear={"estimator": "sklearn.linear_model.LogisticRegression"})
    with joblib.parallel_config("threading", n_jobs=2):
        nodes.cross_validate_estimators(
            binary.features, binary.folds, binary.roles, binary.preparation, models, 0
        )
    assert len(held) > 3 >= max(most)


@pytest.mark.skipif(joblib.cpu_count() < 2, reason="there is one processor")
def test_baselines_are_fitted_side_by_side_in_threads(binary, monkeypatch) -> None:
    places, fit = [], fitting._fit_estimator

    def fitted(*arguments):
        places.append((threading.current_thread() is threading.main_thread(), arguments[-1]))
        return fit(*arguments)

    monkeypatch.setattr(fitting, "_fit_estimator", fitted)
    models = family(linear={"estimator": "sklearn.linear_model.LogisticRegression"})
    nodes.cross_validate_estimators(
        binary.features, binary.folds, binary.roles, binary.preparation, models, 0
    )
    n_processors, n_at_once = joblib.cpu_count(), min(joblib.cpu_count(), len(places))
    assert (False, max(1, n_processors // n_at_once)) in places


def test_an_estimator_that_is_not_installed_is_left_out_with_a_word(binary, caplog) -> None:
    caplog.set_level("INFO")
    models = family(boosted={"estimator": "xgboost.no_such.Model"})
    scores = nodes.cross_validate_estimators(
        binary.features, binary.folds, binary.roles, binary.preparation, models, 0
    )
    assert scores.empty
    assert "Left out, as not installed: boosted." in caplog.text


def test_other_packages_are_loaded_when_a_model_is_made_and_then_refused_in_a_sentence() -> None:
    model = Model(estimator="imblearn.no_such.Model")
    with pytest.raises(
        CrossfoldError, match=r"imblearn\.no_such\.Model cannot be made: there is no"
    ):
        make_estimator(model, np.zeros(0, dtype=bool), 0)


def test_the_control_is_at_chance(study) -> None:
    permuted = nodes.permute_labels(study.features, study.roles, 0)
    assert sorted(permuted["y"].astype(str)) == sorted(study.features["y"].astype(str))
    scores = nodes.cross_validate_control(
        permuted, study.folds, study.roles, study.preparation, TUNED, 0
    )
    said = decided(study, scores)
    assert said["protocol"].unique().tolist() == ["permuted_labels"]
    assert quality(study, said) < 0.2


def test_the_control_is_not_calibrated(binary) -> None:
    permuted = nodes.permute_labels(binary.features, binary.roles, 0)
    scores = nodes.cross_validate_control(
        permuted, binary.folds, binary.roles, binary.preparation, TUNED, 0
    )
    said = decided(binary, scores)
    np.testing.assert_array_equal(said["p1"], said["raw_p1"])


def test_calibration_and_threshold_read_the_left_out_parts_alone(binary) -> None:
    scores, *_ = train(binary, TUNED)
    left_out = scores["role"] == CALIBRATION
    assert left_out.any()
    spoilt = scores.assign(target=scores["target"].where(left_out, 1 - scores["target"]))
    before, after = (decided(binary, table) for table in (scores, spoilt))
    assert_frame_equal(before.drop(columns="target"), after.drop(columns="target"))
    assert (before["flagged"] == (before["p1"] >= before["threshold"])).all()
    assert before["flagged"].mean() == pytest.approx(0.1, abs=0.05)


def test_a_column_that_says_nothing_has_no_importance(study, tuned) -> None:
    features = study.features.assign(level=pd.Categorical(["u"] * 600, ["u", "v", "w"]))
    _, networks, *_ = train(study, TUNED, features)
    table, _ = nodes.measure_importance(
        features,
        study.folds,
        networks,
        study.roles,
        study.preparation,
        TUNED,
        ImportanceParameters(n_repeats=2, max_rows=150),
        0,
    )
    table = table.set_index("column")
    assert table.loc["level", ["estimate", "low", "high"]].tolist() == [0, 0, 0]
    assert table["estimate"].idxmax() == "x"
    assert table.loc["x", "low"] > 0


@pytest.mark.parametrize("n_folds", [2, 1])
def test_importance_is_measured_on_folds_of_both_classes(binary, n_folds: int) -> None:
    """Where the event is rare, and groups are few, a fold may have none."""
    _, networks, *_ = train(binary, TUNED)
    without = np.concatenate([one.validation_rows for one in read_folds(binary.folds)[n_folds:]])
    features = binary.features.copy()
    features.loc[without, "y"] = False
    table, effects = nodes.measure_importance(
        *(features, binary.folds, networks, binary.roles),
        *(binary.preparation, TUNED, ImportanceParameters(n_repeats=2), 0),
    )
    assert (table["estimate"].notna() == (n_folds > 1)).all()
    assert (table["folds"] == (n_folds if n_folds > 1 else 0)).all()
    assert (effects["folds"] == 3).all()


def test_repeats_do_not_hide_that_folds_share_their_training_rows(binary) -> None:
    """The variance has the share that a fold validates: a third, in however many folds."""
    folds = FoldParameters(n_splits=3, n_repeats=2, parts=4)
    repeated = SimpleNamespace(**vars(binary))
    repeated.folds = assign_rows_to_folds(binary.table, binary.features, folds, binary.roles, 0)
    lost = iter(np.arange(6.0))
    settings = ImportanceParameters(n_repeats=1, max_rows=20, n_effects=1, n_values=2)
    _, networks, *_ = train(repeated, TUNED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importance, "measure_fold", lambda *_: pd.Series({"x": next(lost)}))
        patch.setattr(importance, "group_columns", lambda *_: {"x": ["x"]})
        patch.setattr(importance, "effect_in_fold", lambda *_: np.zeros((2, 2)))
        table, _ = nodes.measure_importance(
            *(repeated.features, repeated.folds, networks, repeated.roles),
            *(repeated.preparation, TUNED, settings, 0),
        )
    expected = corrected_resampled_t_test(np.arange(6), np.zeros(6), test_share=1 / 3)
    assert table.loc[0, ["low", "high"]].tolist() == pytest.approx([expected.low, expected.high])


def test_columns_that_say_one_thing_are_shuffled_together(study, tuned) -> None:
    features = study.features.assign(twin=study.features["x"])
    _, networks, *_ = train(study, TUNED, features)
    read = (features, study.folds, networks, study.roles, study.preparation, TUNED)
    alone, _ = nodes.measure_importance(*read, ImportanceParameters(n_repeats=2), 0)
    one_thing = {"one thing": ("x", "twin")}
    grouped = ImportanceParameters(n_repeats=2, n_effects=2, groups=one_thing)
    together, effects = nodes.measure_importance(*read, grouped, 0)
    before, after = (table.set_index("column")["estimate"] for table in (alone, together))
    assert set(after.index) == {*before.index, "one thing"} - {"x", "twin"}
    assert after["one thing"] > max(before["x"], before["twin"])
    others = after.index.drop("one thing")
    assert after[others].equals(before[others])
    assert {*effects["column"]} == {"x", "twin"}


def test_importance_is_that_of_scikit_learn(study, tuned) -> None:
    _, networks, *_ = train(study, TUNED)
    fold, settings = read_folds(study.folds)[0], ImportanceParameters(n_repeats=2)
    model = kept_models(networks, "mlp_tuned", study.roles.task)[fold.protocol, fold.fold]
    y = target_numbers(study.features["y"], study.roles)[fold.validation_rows]
    rows = study.features[["x", "flag", "level"]].iloc[fold.validation_rows]
    own = measure_fold(model, rows, y, {name: [name] for name in rows}, settings, 0)
    scoring = MAIN_METRIC[study.roles.task]
    expected = permutation_importance(model, rows, y, scoring=scoring, n_repeats=2, random_state=0)
    np.testing.assert_array_equal(own, expected.importances_mean)


def test_parts_of_a_date_are_one_group_and_wrong_groups_are_named() -> None:
    kinds = {"day": "date", "day_off": "flag", "age": "number"}
    table = TableParameters(target="y", task="regression", columns=kinds)
    features = pd.DataFrame(
        columns=["day_month", "day_weekday", "day_off", "age", "y"], dtype=float
    )
    given = (features, table, PreparationParameters(optional=("absent",)))
    groups = group_columns(*given, ImportanceParameters(groups={"few": ("age", "absent")}))
    assert groups == {"day": ["day_month", "day_weekday"], "day_off": ["day_off"], "age": ["age"]}
    for wrong, name in ({"age": ("day_off",)}, "age"), ({"g": ("ages", "age")}, "ages"):
        with pytest.raises(CrossfoldError, match=f"groups: {name}: give every group"):
            group_columns(*given, ImportanceParameters(groups=wrong))
    kinds = dict.fromkeys(("visit_end", "visit"), "date")
    features = pd.DataFrame(columns=[f"{day}_{part}" for day in kinds for part in ("days", "year")])
    table = TableParameters(target="y", task="regression", columns=kinds)
    groups = group_columns(
        features.assign(y=0.0), table, PreparationParameters(), ImportanceParameters()
    )
    assert groups == {day: [f"{day}_days", f"{day}_year"] for day in kinds}
    with pytest.raises(ValueError, match="age: name each column in one of the groups"):
        ImportanceParameters(groups={"a": ("age",), "b": ("age", "day_off")})


def test_effects_are_mean_predictions_of_unseen_rows_at_each_value(study, tuned) -> None:
    _, networks, *_ = train(study, TUNED)
    read = (study.features, study.folds, networks, study.roles, study.preparation, TUNED)
    settings = ImportanceParameters(n_repeats=1, n_effects=3, n_values=5)
    _, table = nodes.measure_importance(*read, settings, 0)
    assert set(table["column"]) == {"x", "level", "flag"}
    own = table[table["output"] == table["output"].max()]
    x = own[own["column"] == "x"]
    assert x["value"].is_monotonic_increasing
    assert len(x) == 5
    kept = kept_models(networks, "mlp_tuned", study.roles.task)
    means = []
    for fold in read_folds(study.folds):
        unseen = study.features.iloc[fold.validation_rows].assign(x=np.float32(x["value"].iloc[-1]))
        model = kept[fold.protocol, fold.fold]
        is_value = study.roles.task == "regression"
        said = model.predict(unseen) if is_value else model.predict_proba(unseen)[:, -1]
        means.append(said.mean())
    assert x["estimate"].iloc[-1] == pytest.approx(np.mean(means), rel=1e-5)
    spread = x["estimate"].max() - x["estimate"].min()
    level = own[own["column"] == "level"]
    assert set(level["level"]) == set(study.features["level"].dropna())
    assert level["value"].isna().all()
    assert spread > level["estimate"].max() - level["estimate"].min()


def test_the_separation_of_classes_by_hand() -> None:
    values = np.array([[0.0, 1.0], [2.0, 1.0], [5.0, 1.0], [9.0, 3.0]])
    np.testing.assert_allclose(
        class_separation(values, np.array([0, 0, 1, 1])), [6 / (1 + 2), 1 / (0 + 1)]
    )
    three = np.array([[0.0], [2.0], [5.0], [9.0], [20.0], [20.0]])
    # The last two against the others: means 20 and 4, deviations 0 and that of 0, 2, 5, 9.
    expected = 16 / np.std([0, 2, 5, 9])
    np.testing.assert_allclose(class_separation(three, np.array([0, 0, 1, 1, 2, 2])), [expected])


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_inputs_are_selected_inside_each_fold(task) -> None:
    study = make_study(task)
    rng = np.random.default_rng(3)
    noise = {f"noise{number}": rng.normal(size=len(study.table)) for number in range(20)}
    features = study.features.assign(**noise)
    models = family(mlp={"params": NETWORK, "preparation": "standard", "select": 1})
    kept = train(study, models, features)[1][1]["fitted"]
    assert len(kept) == 4
    for fitted in kept:
        scaled, *_ = fitted["encoder"]
        assert scaled["columns"] == ("x",)
    nothing = features.assign(x=rng.permutation(features["x"].to_numpy()))
    chosen = {
        tuple(one["encoder"][0]["columns"]) for one in train(study, models, nothing)[1][1]["fitted"]
    }
    assert len(chosen) > 1, "folds choose for themselves"


def test_a_search_selects_inputs_inside_its_own_folds(binary) -> None:
    models = family(
        mlp={
            "params": NETWORK,
            "preparation": "standard",
            "select": 1,
            "search": {"learning_rate_init": [1e-7, 0.05]},
            "search_folds": 2,
        }
    )
    _scores, (networks, _), _, _searched = train(binary, models)
    assert {one.learning_rate_init for one in networks} == {0.05}


@pytest.mark.parametrize("sampler", ["down_sampling", "smote"])
def test_classes_are_balanced_in_training_alone(binary, sampler) -> None:
    linear = {"estimator": "sklearn.linear_model.LogisticRegression", "preparation": "standard"}
    models = {"plain": linear, "balanced": {**linear, "sampler": sampler}}
    scores = nodes.cross_validate_estimators(
        binary.features, binary.folds, binary.roles, binary.preparation, family(**models), 0
    )
    grouped = scores[(scores["protocol"] == "grouped_k_fold") & (scores["role"] == "validation")]
    by_model = grouped.groupby("model", observed=True)
    assert by_model.size().eq(len(binary.table)).all()
    rate = binary.features["y"].mean()
    assert by_model["raw_p1"].mean()["plain"] == pytest.approx(rate, abs=0.03)
    assert by_model["raw_p1"].mean()["balanced"] > rate + 0.05
    network, *_ = train(binary, family(mlp={"params": NETWORK, "sampler": sampler}))
    assert network["raw_p1"].mean() > rate + 0.05


def test_an_estimator_without_probabilities_gives_the_logistic_of_its_margin(binary) -> None:
    models = family(svm={"estimator": "sklearn.svm.LinearSVC", "preparation": "standard"})
    scores = nodes.cross_validate_estimators(
        binary.features, binary.folds, binary.roles, binary.preparation, models, 0
    )
    said = decided(binary, scores)
    assert said["raw_p1"].between(0, 1).all()
    assert quality(binary, said) > 0.35
