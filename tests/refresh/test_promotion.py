"""New models come into use unless they are worse on the rows that both have scored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog, DatasetError
from kedro.pipeline import Node, Pipeline

from crossfold.datasets import PromotedModelDataset
from crossfold.datasets.networks import Promotion, read_promotion, write_promotion
from crossfold.mlp import MLPClassifier
from crossfold.refreshing.hooks import ModelRule, RefreshHooks
from crossfold.refreshing.promotion import IF_RIGHT, common_rows, consider, difference, scored_rows
from kedro_refresh import RefreshError
from kedro_refresh.adapter import set_version

N = 400
RULE = ModelRule(
    predictions="predictions", records="records", key="visit", model="mlp", protocol="folds"
)
TARGET = np.random.default_rng(0).integers(0, 2, 2 * N)  # by visit


def catalog(folder: Path, version: str) -> DataCatalog:
    def entry(kind: str, name: str) -> dict[str, Any]:
        return {"type": kind, "filepath": f"{folder}/{name}", "versioned": True}

    model = entry("crossfold.datasets.MLPDataset", "model.safetensors")
    entries = {
        "model": model,
        "in_use": {**model, "type": "crossfold.datasets.PromotedModelDataset"},
        "predictions": entry("pandas.ParquetDataset", "predictions.parquet"),
        "records": entry("pandas.ParquetDataset", "records.parquet"),
    }
    return DataCatalog.from_config(entries, save_version=version)


def run_study(
    folder: Path, version: str, noise: float, first_visit: int = 0, moved: int = 0
) -> DataCatalog:
    """Write what a study writes; the more noise, the worse the model. Rows come in any order.

    Rows that have moved have the numbers of visits of other patients.
    """
    rng = np.random.default_rng(1)
    made = catalog(folder, version)
    order = rng.permutation(N)
    visits = np.arange(N) + first_visit
    made.save("records", pd.DataFrame({"visit": visits, "patient": visits + moved}).iloc[order])
    target = TARGET[visits]
    scores = 1 / (1 + np.exp(-(2 * target - 1 + noise * rng.normal(size=N))))
    own = pd.DataFrame(
        {
            "row": np.arange(N),
            "model": "mlp",
            "protocol": "folds",
            "target": target[order],
            "p1": scores[order],
            "group": order // 2,
        }
    )
    made.save("predictions", pd.concat([own, own.assign(model="other", p1=0.5)]))
    X = np.eye(2)
    network = MLPClassifier(hidden_layer_sizes=(2,), max_iter=1, n_iter_no_change=np.inf)
    made.save("model", ([network.fit(X, [0, 1])], {"version": version}))
    return made


def decide(made: DataCatalog, policy: Any = "auto", rule: ModelRule = RULE) -> str | None:
    """Decide on the latest version, carry it out, and say what was decided."""
    decision = consider(made, "model", rule, policy)
    if decision is None:
        return None
    decision.carry_out()
    return decision.sentence


def records_for_scoring(folder: Path, load: str | None = None) -> pd.DataFrame:
    """Load what a run that scores with the model in use reads beside it."""
    made = catalog(folder, "9")
    set_version(made.get("records"), load, None)
    scoring = Pipeline([Node(lambda model, records: 0, ["in_use", "records"], "scored")])
    RefreshHooks().before_pipeline_run(scoring, made)
    found: pd.DataFrame = made.load("records")
    return found


def in_use(folder: Path) -> str:
    version: str = catalog(folder, "9").load("in_use")[1]["version"]
    return version


def test_a_worse_model_is_written_and_not_used(tmp_path: Path) -> None:
    first = run_study(tmp_path, "1", noise=1)
    assert in_use(tmp_path) == "1"
    assert decide(first) == "model 1 is in use: it is the first."
    worse = run_study(tmp_path, "2", noise=9)
    decided = decide(worse)
    assert decided is not None
    assert decided.startswith("model 2 is written but not in use: roc_auc -0.")
    assert decided.endswith("on the 400 rows of both; 1 stays in use.")
    assert in_use(tmp_path) == "1"
    assert decide(worse) is None
    better = run_study(tmp_path, "3", noise=0.5, first_visit=100)
    decided = decide(better)
    assert decided is not None
    assert "on the 300 rows of both." in decided
    assert in_use(tmp_path) == "3"


@pytest.mark.parametrize(("policy", "used"), [("never", "1"), ("always", "2"), ("auto", "1")])
def test_policies(tmp_path: Path, policy: Any, used: str) -> None:
    decide(run_study(tmp_path, "1", noise=1), policy)
    decide(run_study(tmp_path, "2", noise=9), policy)
    assert in_use(tmp_path) == used
    promotion = read_promotion(tmp_path / "model.safetensors")
    assert promotion is not None
    assert promotion.considered == "2"


def test_both_models_are_scored_on_the_same_rows(tmp_path: Path) -> None:
    decide(run_study(tmp_path, "1", noise=1))
    new = run_study(tmp_path, "2", noise=2, first_visit=150)
    before = read_promotion(tmp_path / "model.safetensors")
    assert before is not None
    rows = common_rows(*scored_rows(new, RULE, before))
    assert sorted(rows.index) == list(range(150, N))
    for version, column in (("1", "p1_before"), ("2", "p1")):
        made = new.load("predictions", version=version).query("model == 'mlp'")
        by_visit = made.set_index(new.load("records", version=version)["visit"].to_numpy())
        assert (rows[column] == by_visit.loc[rows.index, "p1"]).all()


def test_rows_that_are_predicted_in_repeats_are_compared_once(tmp_path: Path) -> None:
    made = run_study(tmp_path, "1", noise=1)
    decide(made)
    again = catalog(tmp_path, "2")
    again.save("predictions", pd.concat([made.load("predictions")] * 2))
    before = read_promotion(tmp_path / "model.safetensors")
    assert before is not None
    rows = common_rows(*scored_rows(again, RULE, before))
    assert len(rows) == N


def test_a_model_is_not_compared_with_itself(tmp_path: Path) -> None:
    """An earlier promotion that names no predictions leaves nothing to compare with."""
    run_study(tmp_path, "1", noise=1)
    write_promotion(tmp_path / "model.safetensors", Promotion("1", "1"))
    told = decide(run_study(tmp_path, "2", noise=9))
    assert told == "model 2 is in use: there is nothing to compare."


def test_a_key_that_tells_no_rows_apart_is_refused(tmp_path: Path) -> None:
    decide(run_study(tmp_path, "1", noise=1))
    run_study(tmp_path, "2", noise=1)
    made = catalog(tmp_path, "3")
    made.save("records", pd.DataFrame({"visit": [1] * N}))
    with pytest.raises(RefreshError, match="visit of records do not tell its rows apart"):
        decide(made)


@pytest.mark.parametrize("other", [{"first_visit": N}, {"moved": N}])
def test_a_model_of_other_rows_has_to_know_something(tmp_path: Path, other: dict[str, int]) -> None:
    rule = RULE.model_copy(update={"key": ("visit", "patient")})
    decide(run_study(tmp_path, "1", noise=1), rule=rule)
    decided = decide(run_study(tmp_path, "2", noise=99, **other), rule=rule)
    no_rows = "it shares no rows of two outcomes with the one before"
    assert decided == (
        f"model 2 is written but not in use: {no_rows}; it is not shown to know more than the rate"
        f" of the outcome; 1 stays in use. {IF_RIGHT}"
    )
    decided = decide(run_study(tmp_path, "3", noise=2, **other), rule=rule)
    assert decided == f"model 3 is in use: {no_rows}."


def change_predictions(made: DataCatalog, change: Any) -> DataCatalog:
    """Write predictions again, changed."""
    predictions = made.load("predictions")
    again = catalog(Path(made.get("predictions")._filepath).parent, "3")
    again.save("predictions", change(predictions))
    again.save("records", made.load("records"))
    again.save("model", made.load("model"))
    return again


def test_outcomes_that_are_turned_round_bring_no_model_into_use(tmp_path: Path) -> None:
    decide(run_study(tmp_path, "1", noise=1))
    made = run_study(tmp_path, "2", noise=1)
    turned = change_predictions(made, lambda p: p.assign(target=1 - p["target"], p1=1 - p["p1"]))
    decided = decide(turned)
    assert decided is not None
    assert decided.startswith("model 3 is written but not in use: roc_auc +0.")
    assert "the outcome of 400 of the 400 rows of both is not what it was; 1 stays" in decided


def test_a_table_that_has_lost_most_of_its_rows_brings_no_model_into_use(tmp_path: Path) -> None:
    decide(run_study(tmp_path, "1", noise=1))
    made = run_study(tmp_path, "2", noise=1)
    decided = decide(change_predictions(made, lambda p: p[p["row"] < N // 3]))
    assert decided is not None
    told = "there are 133 rows, and there were 400; 1 stays in use. If the new data are right, "
    assert decided.endswith(f"{told}kedro refresh --params=promote=always brings it into use.")


def test_a_model_that_was_kept_out_of_use_comes_into_use_by_wish(tmp_path: Path) -> None:
    decide(run_study(tmp_path, "1", noise=1))
    made = run_study(tmp_path, "2", noise=9)
    decide(made)
    assert decide(made) is None
    decided = decide(made, "always")
    assert decided is not None
    assert decided.startswith("model 2 is in use: promote is always; roc_auc -0.")
    assert in_use(tmp_path) == "2"
    assert decide(made, "always") is None


def test_scoring_reads_no_records_that_look_bad(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    decide(run_study(tmp_path, "1", noise=1))
    worse = run_study(tmp_path, "2", noise=9, first_visit=100)
    decide(worse)
    assert in_use(tmp_path) == "1"
    assert records_for_scoring(tmp_path)["visit"].min() == 100  # worse, but no bad data
    assert not caplog.messages
    made = change_predictions(worse, lambda p: p[p["row"] < N // 3])
    decide(made)
    assert records_for_scoring(tmp_path)["visit"].min() == 0
    assert "records is read as of 1: what came later looks bad" in caplog.text
    assert records_for_scoring(tmp_path, load="3")["visit"].min() == 100  # it was asked for
    decide(made, "always")
    assert records_for_scoring(tmp_path)["visit"].min() == 100


@pytest.mark.parametrize("is_web", [False, True])
def test_an_export_is_compared_with_the_past_that_the_run_reads(
    tmp_path: Path, is_web: bool
) -> None:
    table = {"type": "pandas.ParquetDataset", "filepath": str(tmp_path / "a"), "versioned": True}
    export: dict[str, Any] = {"type": "crossfold.datasets.ExportDataset", "past": table}
    export["filepath"] = str(tmp_path / "a.csv")
    if is_web:
        source = {
            "type": "crossfold.datasets.WebSourceDataset",
            "url": "https://clinic.example/a.csv",
        }
        export = source | {"dataset": export}
    entries = {"records": table, "export": export}
    for version in ("1", "2"):
        made = DataCatalog.from_config(entries, save_version=version)
        made.save("records", pd.DataFrame({"patient": [version]}))
    made = DataCatalog.from_config(entries, load_versions={"records": "1"})
    scoring = Pipeline([Node(lambda export, records: 0, ["export", "records"], "scored")])
    RefreshHooks().before_pipeline_run(scoring, made)
    export_dataset: Any = made.get("export")
    assert (
        export_dataset.past.load()["patient"].tolist()
        == made.load("records")["patient"].tolist()
        == ["1"]
    )


def test_difference_is_paired_and_signed() -> None:
    rng = np.random.default_rng(0)
    good = TARGET[:N] + rng.normal(size=N)
    rows = pd.DataFrame({"target": TARGET[:N], "group": np.arange(N)})
    rows = rows.assign(p1=1 / (1 + np.exp(-good)), p1_before=0.5)
    for metric in ("roc_auc", "brier"):
        found = difference(rows, metric)
        assert 0 < found.low < found.estimate < found.high
    same = difference(rows.assign(p1_before=rows["p1"]), "roc_auc")
    assert (same.low, same.estimate, same.high) == (0, 0, 0)


def test_the_model_in_use_is_not_written(tmp_path: Path) -> None:
    dataset = PromotedModelDataset(filepath=str(tmp_path / "model.safetensors"))
    with pytest.raises(DatasetError, match="only read"):
        dataset.save(([], {}))


@pytest.mark.parametrize("text", ["", '{"version": "20', "[]", '{"version": "1"}'])
def test_a_damaged_promotion_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "promoted.json").write_text(text)
    told = "promoted.json does not say which model is in use: put a backup in its place, or remove"
    with pytest.raises(DatasetError, match=told):
        read_promotion(tmp_path)
