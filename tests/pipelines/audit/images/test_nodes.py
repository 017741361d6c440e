"""The claims of both sources are judged from the runs that the project's parameters ask for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from pydantic import ValidationError

from crossfold.pipelines.audit.claims import CLAIM_COLUMNS, EXPLAINED, JUDGEMENTS
from crossfold.pipelines.audit.images.nodes import judge_claims
from crossfold.pipelines.audit.images.parameters import (
    FaultsParameters,
    PrintedParameters,
    ProtocolParameters,
    UnstatedParameters,
)
from crossfold.pipelines.audit.images.protocol import list_runs
from crossfold.pipelines.audit.runs import PRINTED, REPORTED, RUN_COLUMNS, SOUND, find_measured

ROOT = Path(__file__).parents[4]
N = 300
LABEL = np.arange(N) % 10


def base_parameters(study: str) -> dict[str, Any]:
    text = (ROOT / "conf" / "base" / f"{study}_audit" / "parameters.yml").read_text()
    return yaml.safe_load(text)[f"{study}_audit"]


def rows(share: float, **about: object) -> pd.DataFrame:
    is_right = np.arange(N) < share * N
    predicted = np.where(is_right, LABEL, (LABEL + 1) % 10)
    return pd.DataFrame({"row": np.arange(N), "target": LABEL, "predicted": predicted}).assign(
        **about
    )


class Audit:
    """A study's audit in which faults leave the networks guessing."""

    def __init__(self, study: str) -> None:
        parameters = base_parameters(study)
        self.protocol = ProtocolParameters.model_validate(parameters["protocol"])
        self.faults = FaultsParameters.model_validate(parameters["faults"])
        self.unstated = UnstatedParameters.model_validate(parameters["unstated"])
        self.printed = PrintedParameters.model_validate(parameters["printed"])

    def trained(self) -> Iterator[pd.DataFrame]:
        for run in list_runs(self.faults, self.protocol, self.unstated):
            for name in self.printed.root:
                share = 0.1 if run.faults else 0.9
                yield rows(share, run=run.name, experiment=name, epochs=run.epochs)

    def study_predictions(self) -> pd.DataFrame:
        names = self.protocol.experiments or {name: name for name in self.printed.root}
        regime = self.protocol.regime
        models = [f"{regime}/{name}" for name in names.values()]
        models += ["twin_torch", "twin_numpy", "twin_numpy_full_batch"]
        tables = [
            rows(share, model=model, protocol="source", member=member)
            for model in models
            for member, share in enumerate((0.9, 0.85) if "/" in model else (0.9,))
        ]
        return pd.concat(tables)

    def experiments(self) -> pd.DataFrame:
        names = self.protocol.experiments or {name: name for name in self.printed.root}
        regime = self.protocol.regime
        return pd.DataFrame(
            {
                "model": [f"{regime}/{name}" for name in names.values()], "protocol": "source",
                "member": 0, "regime": regime, "experiment": list(names.values()),
                "epochs": self.protocol.source_epochs,
            }
        )  # fmt: skip

    def history(self) -> pd.DataFrame:
        measures = {"train_loss": 0.3, "train_accuracy": 0.9, "validation_accuracy": 0.9}
        values = [
            {"epoch": epoch, "measure": measure, "value": value * epoch / 500}
            for epoch in (250, 500)
            for measure, value in measures.items()
        ]
        own = self.experiments()[["model", "protocol", "member"]]
        return own.merge(pd.DataFrame(values), how="cross")

    def judge(self) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        parts = pd.Series(["train", "validation", "test"] * N, dtype="category")
        return judge_claims(
            pd.DataFrame(
                [
                    (REPORTED, subject, "test_accuracy", 0.1, 0.05, 0.15, N, 500)
                    for subject in ("experiment 1", "sigmoid")
                ],
                columns=list(RUN_COLUMNS),
            ),
            pd.concat(self.trained()),
            pd.DataFrame({"part": parts}),
            self.experiments(),
            self.history(),
            self.study_predictions(),
            self.protocol,
            self.faults,
            self.unstated,
            self.printed,
            seed=1,
        )


@pytest.fixture(scope="module", params=["digits", "fashion"])
def judged(request) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    return Audit(request.param).judge()


def test_every_claim_is_judged(judged):
    claims, shares, _ = judged
    assert tuple(claims.columns) == CLAIM_COLUMNS
    assert claims["claim"].is_unique
    assert set(claims["judgement"]) <= set(JUDGEMENTS)
    assert set(shares["claim"]) == set(claims["claim"])
    assert (claims["shortened"] == "").all()


def test_the_runs_hold_what_was_printed_and_what_the_study_found(judged):
    runs = judged[2]
    assert {PRINTED, REPORTED, SOUND} == set(runs["run"])
    sound = runs[runs["run"] == SOUND]
    is_loss = sound["metric"] == "train_loss"
    assert sound.loc[~is_loss, "estimate"].to_numpy() == pytest.approx(0.9)
    assert (sound.loc[~is_loss, "low"] < 0.9).all()
    assert sound.loc[is_loss, "estimate"].to_numpy() == pytest.approx(0.3)
    assert sound["n"].eq(N).all()


def test_digits_claims_that_hold_only_with_the_wrong_derivative_are_explained_by_it():
    claims, shares, runs = Audit("digits").judge()
    by_claim = claims.set_index("claim")
    for name in ("sigmoid_fails", "tanh_fails", "pytorch_beats_numpy", "worst_test_accuracy"):
        assert by_claim.loc[name, "judgement"] == EXPLAINED, name
    assert by_claim.loc["sigmoid_fails", "reported"] == pytest.approx(0.1)
    assert "10.10 to 15.48" in by_claim.loc["sigmoid_fails", "printed"]
    assert by_claim.loc["deeper_is_worse", "printed_value"] == pytest.approx(-0.5328, abs=1e-4)
    assert shares[shares["claim"] == "printed_precision"]["fault"].tolist() == ["swapped_arguments"]
    assert find_measured_printed(runs, "experiment 19", "train_accuracy") == 0.707


def test_the_best_test_accuracy_is_as_printed_in_the_text():
    claims, _, _ = Audit("digits").judge()
    best = claims.set_index("claim").loc["best_test_accuracy"]
    assert best["printed_value"] == 0.9169
    assert best["printed"].startswith("91.69")


def find_measured_printed(runs: pd.DataFrame, subject: str, metric: str) -> float:
    printed = runs[runs["run"] == PRINTED].assign(n=0)
    return find_measured(printed, PRINTED, subject, metric).estimate


def test_fashion_says_which_samples_can_give_the_printed_accuracies():
    claims, _, _ = Audit("fashion").judge()
    quantity = claims.set_index("claim").loc["sigmoid_test_accuracy", "quantity"]
    assert "only 30, 60, 90 can give both printed accuracies, and 10,000 cannot" in quantity
    assert (claims["reported_n"] == 30).all()
    assert (claims["sound_n"] == N).all()


def test_a_run_tested_on_a_sample_says_so_in_its_number_of_rows():
    for study, subject, expected in (("digits", "experiment 1", N), ("fashion", "sigmoid", 30)):
        runs = Audit(study).judge()[2]
        assert find_measured(runs, REPORTED, subject, "test_accuracy").n == expected


def test_an_unknown_fault_is_refused():
    with pytest.raises(ValidationError, match="relu_as_derivative"):
        FaultsParameters.model_validate(["relu_as_derivativ"])


def test_the_faults_of_the_sources_are_all_switches():
    assert len(base_parameters("digits")["faults"]) == 5
    assert len(base_parameters("fashion")["faults"]) == 5
    assert len(base_parameters("digits")["printed"]) == 20
