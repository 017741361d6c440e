"""The final model scores the same after a round trip, and its card says what it was made of."""

import json

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sklearn.metrics import roc_auc_score

from crossfold.mlp import persistence
from crossfold.pipelines.modelling.binary import final_model
from crossfold.pipelines.modelling.binary.parameters import CardParameters, TunedParameters


@pytest.fixture(scope="module")
def model(features, fold_table, preparation, decision, network) -> final_model.Model:
    tuned = TunedParameters(members=2, network=network)
    return final_model.fit_final_model(features, fold_table, preparation, decision, tuned, 0)


def test_the_model_scores_as_it_learnt(model, features) -> None:
    scored = final_model.score(model, features)
    assert roc_auc_score(features["missed"], scored["probability"]) > 0.8
    threshold = np.float32(model[1]["threshold"])
    assert (scored["flagged"] == (scored["probability"] >= threshold)).all()
    assert 0 < scored["flagged"].mean() < 0.3


def test_scores_survive_a_file(model, features, tmp_path) -> None:
    persistence.save(tmp_path / "model.safetensors", *model)
    again = persistence.load(tmp_path / "model.safetensors")
    assert_frame_equal(final_model.score(again, features), final_model.score(model, features))


def test_scores_do_not_depend_on_the_blocks(model, features, monkeypatch) -> None:
    whole = final_model.score(model, features)
    monkeypatch.setattr(final_model, "_ROWS_AT_ONCE", 77)
    blocks = final_model.score(model, features)
    np.testing.assert_allclose(blocks["probability"], whole["probability"], atol=1e-6)
    assert_frame_equal(blocks[["flagged"]], whole[["flagged"]])


def test_the_card_is_json_and_names_data_use_and_limits(model, features, network) -> None:
    card = CardParameters(intended_use="Reminders", not_intended_for="Penalties", limits=("Small",))
    tuned = TunedParameters(members=2, network=network)
    metrics = {"mlp_tuned": {"grouped_k_fold": {"roc_auc": {"estimate": 0.8}}}}
    written = json.loads(
        json.dumps(final_model.write_model_card(model, features, metrics, tuned, card, 0))
    )
    assert written["intended_use"] == "Reminders"
    assert written["metrics"] == metrics["mlp_tuned"]
    assert written["members"] == 2
    assert written["network"]["hidden_layer_sizes"] == [8]
    assert written["data"]["rows"] == len(features)
    assert set(written["versions"]) >= {"numpy", "torch", "crossfold"}


def test_fingerprints_follow_content(features: pd.DataFrame) -> None:
    changed = features.assign(x=features["x"].where(features.index != 5, 0.0))
    assert final_model.table_fingerprint(features.copy()) == final_model.table_fingerprint(features)
    assert final_model.table_fingerprint(changed) != final_model.table_fingerprint(features)
