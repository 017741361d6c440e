"""The nodes of the template on a small table."""

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sklearn.metrics import roc_auc_score

from crossfold.pipelines.modelling.binary import nodes
from crossfold.pipelines.modelling.binary.baselines import ordinal_inputs
from crossfold.pipelines.modelling.binary.folds import OuterFold
from crossfold.pipelines.modelling.binary.parameters import (
    BaselineParameters,
    RandomForestParameters,
    TunedParameters,
    VariantsParameters,
)
from crossfold.validation import LeakError, SplitError


@pytest.fixture(scope="module")
def fitted(features, fold_table, preparation, decision):
    return features, fold_table, preparation, decision


@pytest.fixture(scope="module")
def tuned(fitted, network) -> tuple[pd.DataFrame, pd.DataFrame]:
    return nodes.cross_validate_tuned(*fitted, TunedParameters(members=3, network=network), 0)


def auc(features: pd.DataFrame, predictions: pd.DataFrame) -> float:
    return roc_auc_score(features["missed"].iloc[predictions["row"]], predictions["probability"])


def test_folds_do_not_depend_on_how_patients_are_hashed(
    records, features, fold_table, fold_parameters, preparation, decision
) -> None:
    rehashed = records.assign(patient=records["patient"].map(lambda name: name[::-1]))
    again = nodes.assign_rows_to_folds(
        rehashed, features, fold_parameters, preparation, decision, 0
    )
    assert_frame_equal(again, fold_table)


def test_the_fold_table_holds_no_patient(fold_table: pd.DataFrame) -> None:
    assert list(fold_table) == ["row", "group", "fold", "time_fold", "part"]
    assert not any(dtype == "str" for dtype in fold_table.dtypes)


def test_the_time_split_follows_the_dates(records, fold_table) -> None:
    late = records["day"] >= "2016-06-01"
    assert (fold_table["time_fold"] == np.where(late, 0, -1)).all()


@pytest.mark.parametrize("day", [None, "2030-01-01", "2016-05-01"])
def test_a_day_that_no_date_reaches_is_chosen_from_the_data(
    records, features, fold_parameters, preparation, decision, day
) -> None:
    folds = fold_parameters.model_validate({**fold_parameters.model_dump(), "first_test_day": day})
    table = nodes.assign_rows_to_folds(records, features, folds, preparation, decision, 0)
    late = table["time_fold"] == 0
    assert 0.15 < late.mean() < 0.25
    assert records["day"][late].min() > records["day"][~late].max()
    one_day = records.assign(day=records["day"].min())
    table = nodes.assign_rows_to_folds(one_day, features, folds, preparation, decision, 0)
    assert (table["time_fold"] == -1).all()


def test_sound_folds_pass_the_guard(records, fold_table, fold_parameters) -> None:
    checks = nodes.guard_against_leaks(records, fold_table, fold_parameters)
    assert (checks["crossing"] == 0).all()


def test_the_guard_stops_folds_that_split_a_patient(records, fold_table, fold_parameters) -> None:
    mixed = fold_table.assign(fold=np.arange(len(fold_table), dtype="int8") % 3)
    with pytest.raises(LeakError, match="groups in two folds"):
        nodes.guard_against_leaks(records, mixed, fold_parameters)


def test_the_guard_stops_duplicates_that_only_an_identifier_tells_apart(
    records, fold_table, fold_parameters
) -> None:
    twice = records.copy()
    first, second = (fold_table.index[fold_table["fold"] == fold][0] for fold in (0, 1))
    twice.loc[second, ["patient", "day"]] = twice.loc[first, ["patient", "day"]]
    with pytest.raises(LeakError, match="1 exact duplicate rows"):
        nodes.guard_against_leaks(twice, fold_table, fold_parameters)


def test_every_row_is_predicted_once_out_of_its_fold(fitted, tuned) -> None:
    _, fold_table, *_ = fitted
    grouped = tuned[0][tuned[0]["protocol"] == "grouped_k_fold"].sort_values("row")
    assert (grouped["row"] == np.arange(len(fold_table))).all()
    assert (grouped["fold"].to_numpy() == fold_table["fold"].to_numpy()).all()


def test_the_tuned_model_learns_and_is_scored_on_the_time_split(fitted, tuned) -> None:
    features, fold_table, *_ = fitted
    predictions = dict(list(tuned[0].groupby("protocol", observed=True)))
    assert auc(features, predictions["grouped_k_fold"]) > 0.8
    test_rows = fold_table.index[fold_table["time_fold"] == 0]
    assert sorted(predictions["time_split"]["row"]) == list(test_rows)


def test_history_has_every_epoch_of_every_member(tuned, network) -> None:
    history = tuned[1]
    # Three members in each of three folds and the time split.
    assert len(history) == 3 * 4 * network.max_iter
    assert history.groupby(["protocol", "fold", "member"], observed=True)["epoch"].max().eq(8).all()
    assert history.notna().all(axis=None)
    by_epoch = history.groupby("epoch")["train_loss"].mean()
    assert by_epoch.iloc[-1] < by_epoch.iloc[0]


def test_validation_rows_change_nothing_that_is_learnt(fitted, tuned, network) -> None:
    features, fold_table, preparation, decision = fitted
    is_first = (fold_table["fold"] == 0).to_numpy()
    spoilt = features.copy()
    spoilt.loc[is_first, "missed"] = ~features.loc[is_first, "missed"]
    again, _ = nodes.cross_validate_tuned(
        spoilt, fold_table, preparation, decision, TunedParameters(members=3, network=network), 0
    )
    columns = ["row", "raw_probability", "probability", "threshold"]

    def of_first_fold(predictions: pd.DataFrame) -> pd.DataFrame:
        is_grouped = predictions["protocol"] == "grouped_k_fold"
        return predictions[is_grouped & (predictions["fold"] == 0)][columns]

    assert_frame_equal(of_first_fold(again), of_first_fold(tuned[0]))


def test_the_twins_are_equal_to_rounding(fitted, network) -> None:
    numpy_twin, _ = nodes.cross_validate_numpy(*fitted, network, 0)
    torch_twin, _ = nodes.cross_validate_torch(*fitted, network, 0)
    assert numpy_twin["model"].unique().tolist() == ["mlp_numpy"]
    assert torch_twin["model"].unique().tolist() == ["mlp_torch"]
    gap = numpy_twin["raw_probability"] - torch_twin["raw_probability"]
    assert np.abs(gap).max() < 1e-4


def test_variants_train_as_one_stack_and_differ(fitted, network) -> None:
    variants = VariantsParameters(
        {"weighted": {"class_weight": "balanced"}, "focal": {"loss": "focal"}}
    )
    predictions, _ = nodes.cross_validate_variants(*fitted, network, variants, 0)
    raw = predictions.groupby("model", observed=True)["raw_probability"].mean()
    calibrated = predictions.groupby("model", observed=True)["probability"].mean()
    assert raw["weighted"] > fitted[0]["missed"].mean() + 0.05
    assert np.abs(calibrated - fitted[0]["missed"].mean()).max() < 0.05


def test_inputs_follow_the_table(features, preparation) -> None:
    """Columns that may be absent are none of the inputs; those named by their kind are."""
    optional = preparation.model_copy(update={"optional": ("level",)})
    own = features.drop(columns="level").assign(flag_own=True, number_own=1.5, category_own="a")
    assert optional.of(own).inputs == ["x", "number_own", "flag", "flag_own", "category_own"]
    assert optional.of(features) == optional
    assert preparation.of(own).inputs[-2:] == ["level", "category_own"]


def test_rare_levels_share_one_code_that_training_rows_decide(features, preparation) -> None:
    """Histogram gradient boosting takes 255 levels, and a table may have any number."""
    many = [f"P{number:03}" for number in range(300)]
    level = pd.Categorical([*many, *many[:150], *many[:150]], many)
    table = features.assign(level=level)
    codes = ordinal_inputs(table, preparation, np.arange(300, 600))[:, -1]
    assert len(np.unique(codes)) == 151
    assert (codes[150:300] == codes.max()).all()
    assert len(np.unique(codes[:150])) == 150
    codes = ordinal_inputs(table, preparation, np.arange(600))[:, -1]
    assert len(np.unique(codes)) == 255
    assert (codes[:150] == codes[300:450]).all()


def test_baselines_are_scored_on_every_protocol(fitted) -> None:
    features, *_ = fitted
    baselines = BaselineParameters(
        single_column="flag", random_forest=RandomForestParameters(n_estimators=20)
    )
    predictions = nodes.cross_validate_baselines(*fitted, baselines, 0)
    grouped = predictions[predictions["protocol"] == "grouped_k_fold"]
    scores = {m: auc(features, rows) for m, rows in grouped.groupby("model", observed=True)}
    assert set(scores) == {
        "prevalence",
        "flag_flag",
        "logistic_regression",
        "random_forest",
        "hist_gradient_boosting",
    }
    assert scores["logistic_regression"] > 0.8 > scores["flag_flag"] > 0.5
    assert set(predictions["protocol"].unique()) == {"grouped_k_fold", "time_split"}


def test_a_column_without_a_value_stops_no_baseline(fitted) -> None:
    features, *rest = fitted
    baselines = BaselineParameters(random_forest=RandomForestParameters(n_estimators=2))
    predictions = nodes.cross_validate_baselines(features.assign(x=np.nan), *rest, baselines, 0)
    assert predictions["probability"].notna().all()


def test_a_training_fold_without_groups_to_leave_out_is_told() -> None:
    fold = OuterFold("grouped_k_fold", 0, np.arange(4), np.arange(4, 6))
    with pytest.raises(SplitError, match="too few groups to leave some out"):
        fold.inner(np.array([0, 0, 0, 0, 1, 1], dtype=np.int8), 1)


def test_the_control_is_at_chance(fitted, network) -> None:
    features, fold_table, preparation, decision = fitted
    rng = np.random.default_rng(0)
    permuted = features.assign(missed=rng.permutation(features["missed"]))
    predictions = nodes.cross_validate_control(
        permuted, fold_table, preparation, decision, network, 0
    )
    assert predictions["protocol"].unique().tolist() == ["permuted_labels"]
    collected = nodes.collect_predictions(fold_table, predictions).sort_values("row")
    assert (collected["target"].to_numpy(dtype=bool) == permuted["missed"]).all()
    assert (collected["group"].to_numpy() == fold_table["group"]).all()
    assert abs(auc(permuted, predictions) - 0.5) < 0.08
