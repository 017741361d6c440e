"""What public notebooks report comes from their leaks: permuted labels show it too."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from crossfold.datasets import ExportDataset
from crossfold.datasets.samples import PUBLISHED
from crossfold.pipelines.appointments import nodes
from crossfold.pipelines.appointments.cleaning import DEFAULTS
from crossfold.pipelines.public_notebooks.audit import (
    Case,
    How,
    NotebookClaims,
    ProtocolParameters,
    count_roc_auc,
    judge_claims,
    measure_roc_auc,
    resampled_roc_auc,
)
from crossfold.templates.audit import Measured

CONF = Path(__file__).parents[3] / "conf/base/public_notebooks/claims.yml"
CLAIMS = NotebookClaims.model_validate(yaml.safe_load(CONF.read_text())["public_notebooks_claims"])
PROTOCOL = ProtocolParameters(n_trees=10, n_resamples=50)


@pytest.fixture(scope="module")
def tables() -> tuple[pd.DataFrame, ...]:
    """Appointments whose outcomes are drawn at random: no input tells anything about them."""
    rng = np.random.default_rng(0)
    n = 1200
    patient = rng.integers(400, size=n)
    features = pd.DataFrame(
        {
            "no_show": rng.random(n) < 0.2,
            "age": rng.integers(90, size=n),
            "lead_time_days": rng.integers(60, size=n),
            "booking_hour": rng.integers(8, 18, size=n),
        }
    )
    missed = features["no_show"].astype(int).groupby(patient)
    features["earlier_no_shows"] = missed.cumsum() - features["no_show"]
    return pd.DataFrame({"patient": patient}), features, features


def test_only_the_leaks_rank_outcomes_of_which_nothing_can_be_known(
    tables: tuple[pd.DataFrame, ...],
) -> None:
    table, shares, _ = judge_claims(*tables, PROTOCOL, CLAIMS, seed=1)
    judged = table.set_index("claim")
    assert judged["judgement"]["count_on_permuted_labels"] == "An artefact"
    assert judged["artefact_of"]["count_on_permuted_labels"] == "The answer is counted in"
    assert judged["reported"]["count_of_no_shows"] > 0.75
    assert judged["reported"]["resampled"] > 0.9
    assert judged.loc[["count_of_no_shows", "resampled"], "sound"].between(0.35, 0.65).all()
    # Copies of one row stay together with their patient, so that both faults are needed.
    alone = shares[(shares["claim"] == "resampled") & (shares["switch"] == "on")]
    assert (alone["estimate"] < 0.7).all()


def test_faults_of_other_claims_change_nothing() -> None:
    [one, other] = (Measured(value, value, value, 1) for value in (0.7, 0.9))
    touching = frozenset({"patients_across_split"})
    known = {("count", "real", touching): one, ("resampled", "real", touching): other}
    case = Case(known, touching | {"resampled_before_split"})
    assert count_roc_auc(case, "real") is one
    assert resampled_roc_auc(case._replace(faults=touching | {"own_label_counted"})) is other


@pytest.mark.real_data
def test_the_printed_figure_comes_out_again_and_permuted_labels_show_the_leak(
    mirror: Path,
) -> None:
    raw = ExportDataset(
        filepath=str(mirror / "appointments/KaggleV2-May-2016.csv"),
        columns=PUBLISHED,
        hashed_columns=["patient"],
        credentials={"key": "k"},
    ).load()
    appointments = nodes.clean_appointments(raw)[0]
    patients = {"patient": appointments["patient"].to_numpy()}
    real, permuted = (
        measure_roc_auc(
            features.assign(**patients),
            "count",
            How(frozenset({"own_label_counted", "patients_across_split"}), PROTOCOL, 42),
        )
        for features in (
            nodes.build_appointment_features(appointments, DEFAULTS),
            nodes.build_permuted_features(appointments, DEFAULTS, 42),
        )
    )
    assert round(real.estimate, 3) == pytest.approx(0.933, abs=0.002)
    assert real.low <= 0.933 <= real.high
    assert permuted.low > 0.8
