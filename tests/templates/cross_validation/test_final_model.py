"""The final model scores the same after a round trip, and its card says what it was made of."""

import json

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sklearn.metrics import r2_score, roc_auc_score
from tests.templates.cross_validation.conftest import NETWORK, family

from crossfold.exceptions import CrossfoldError
from crossfold.mlp import persistence
from crossfold.templates.cross_validation import final_model, nodes
from crossfold.templates.cross_validation.parameters import CardParameters, DecisionParameters

TUNED = family(mlp_tuned={"params": NETWORK, "members": 2})
DECISION = DecisionParameters(threshold={"policy": "capacity"})


@pytest.fixture(scope="module")
def model(study) -> nodes.Networks:
    fitted = nodes.fit_final_networks(
        study.features, study.folds, study.roles, study.preparation, TUNED, 0
    )
    return final_model.assemble_model(*fitted, study.features, DECISION, study.roles)


def test_the_model_scores_as_it_learnt(study, model) -> None:
    scored, target = final_model.score(model, study.features), study.features["y"]
    if study.task == "regression":
        assert r2_score(target, scored["predicted"]) > 0.8
    elif study.task == "multiclass":
        assert (scored["predicted"].astype(str) == target.astype(str)).mean() > 0.6
        assert list(scored) == ["predicted", "p_a", "p_b", "p_c", "p_d"]
    else:
        assert roc_auc_score(target, scored["probability"]) > 0.8
        threshold = np.float32(model[1]["threshold"])
        assert (scored["flagged"] == (scored["probability"] >= threshold)).all()
        assert 0 < scored["flagged"].mean() < 0.3


def test_scores_survive_a_file(study, model, tmp_path) -> None:
    persistence.save(tmp_path / "model.safetensors", *model)
    again = persistence.load(tmp_path / "model.safetensors")
    features = study.features
    assert_frame_equal(final_model.score(again, features), final_model.score(model, features))


def test_scores_do_not_depend_on_the_blocks(study, model, monkeypatch) -> None:
    whole = final_model.score(model, study.features)
    monkeypatch.setattr(final_model, "_ROWS_AT_ONCE", 77)
    blocks = final_model.score(model, study.features)
    assert_frame_equal(blocks, whole, atol=1e-4, rtol=1e-4)


def test_unknown_levels_and_missing_values_are_scored(study, model) -> None:
    new = study.features.head(3).drop(columns="y").assign(x=np.nan, level="never seen")
    assert final_model.score(model, new).notna().all(axis=None)


def test_rows_without_what_the_model_reads_are_refused(study, model) -> None:
    with pytest.raises(CrossfoldError, match="The model in use reads flag, which the rows to sc"):
        final_model.score(model, study.features.drop(columns="flag"))


def test_a_change_of_the_decision_needs_no_training(study, tmp_path) -> None:
    if study.task != "binary":
        return
    stored = study.features.copy()
    stored.attrs["history_as_of"] = "booking"
    stored.to_parquet(tmp_path / "features.parquet")
    fitted = nodes.fit_final_networks(
        study.features, study.folds, study.roles, study.preparation, TUNED, 0
    )
    few, many = (
        final_model.assemble_model(
            *fitted,
            pd.read_parquet(tmp_path / "features.parquet"),
            DecisionParameters(threshold={"policy": "capacity", "share": share}),
            study.roles,
        )
        for share in (0.05, 0.5)
    )
    assert few[0] is many[0]
    assert few[1]["threshold"] > many[1]["threshold"]
    assert few[1]["made_with"] == {"history_as_of": "booking"}


def test_the_card_is_json_and_names_data_use_and_limits(study, model) -> None:
    card = CardParameters(intended_use="Reminders", not_intended_for="Penalties", limits=("Small",))
    metrics = {"mlp_tuned": {"grouped_k_fold": {"roc_auc": {"estimate": 0.8}}}}
    written = json.loads(
        json.dumps(final_model.write_model_card(model, study.features, metrics, TUNED, card, 0))
    )
    assert written["intended_use"] == "Reminders"
    assert written["metrics"] == metrics["mlp_tuned"]
    assert written["members"] == 2
    assert written["network"]["hidden_layer_sizes"] == [8]
    assert written["data"]["rows"] == len(study.features)
    assert set(written["versions"]) >= {"numpy", "torch", "crossfold"}


def test_fingerprints_follow_content(study) -> None:
    features: pd.DataFrame = study.features
    changed = features.assign(x=features["x"].where(features.index != 5, 0.0))
    assert final_model.table_fingerprint(features.copy()) == final_model.table_fingerprint(features)
    assert final_model.table_fingerprint(changed) != final_model.table_fingerprint(features)
