"""The audits of digits and fashion: train what the claims need, judge them, write the page."""

from __future__ import annotations

import pandas as pd
from kedro.pipeline import Pipeline

from crossfold.pipelines.images.audit import measures
from crossfold.pipelines.images.audit.measures import STUDY, TEST, Case, ImageClaims, Runs
from crossfold.pipelines.images.audit.training import (
    TRAINING_FAULTS,
    ProtocolParameters,
    train_setups,
    training_setup,
)
from crossfold.pipelines.images.data import SOURCE
from crossfold.templates import audit
from crossfold.validation.tables import probabilities

CLAIMS = {"digits": measures.DigitsClaims, "fashion": measures.FashionClaims}


def judge_claims(
    answers: pd.DataFrame,
    curves: pd.DataFrame,
    predictions: pd.DataFrame,
    history: pd.DataFrame,
    protocol: ProtocolParameters,
    claims: ImageClaims,
    seed: int,
) -> audit.Tables:
    """Measure and judge every claim.

    `answers` and `curves` are those of `train_setups`; in `predictions` and `history` are the
    study's networks, which are those without faults.
    """
    said, told = of_study(predictions, protocol), of_study(history, protocol)
    losses = measures.cross_entropies(probabilities(said), said["target"])
    said = said.assign(loss=losses, part=TEST, dropped=said["predicted"])
    runs = Runs(_below(answers, said), _below(curves, told), protocol.n_resamples, seed)

    def case_of(setup: audit.Setup) -> Case:
        return make_case(runs, protocol, claims, setup)

    return audit.judge(
        claims,
        case_of,
        epochs=(protocol.network.max_iter, protocol.source_epochs),
        figures=audit.beside_printed(claims, case_of, _beside, _subject),
    )


def make_case(
    runs: Runs, protocol: ProtocolParameters, claims: ImageClaims, setup: audit.Setup
) -> Case:
    """Find what was trained in a setup."""

    def run_of(one: audit.Setup) -> str:
        trained = training_setup(one)
        return STUDY if trained == audit.Setup() else trained.name

    name, value = setup.setting or ("", 0)
    return Case(
        runs,
        run=run_of(setup),
        short=run_of(setup.keep(short=True)),
        plain=run_of(audit.Setup(short=setup.short)),
        source=training_setup(audit.Setup(claims.on, setup.short)).name,
        faults=setup.faults,
        sample_rows=int(value) if name == "sample_rows" else protocol.sample_rows,
        trains_wrongly=bool(setup.faults & set(TRAINING_FAULTS)),
    )


def of_study(table: pd.DataFrame, protocol: ProtocolParameters) -> pd.DataFrame:
    """Take the study's networks on the source's split, named as the audit names them."""
    own = table[table["protocol"] == SOURCE]
    models = own["model"].astype("str")
    names = {f"{protocol.regime}/{study}": name for name, study in protocol.experiments.items()}
    names = names or {one: one.removeprefix(f"{protocol.regime}/") for one in models.unique()}
    return own.assign(run=STUDY, experiment=models.map(names)).dropna(subset="experiment")


def _below(table: pd.DataFrame, study: pd.DataFrame) -> pd.DataFrame:
    texts = {name: "str" for name in ("run", "experiment", "part", "measure") if name in table}
    parts = [one[list(table)].astype(texts) for one in (table, study)]
    return pd.concat(parts, ignore_index=True)


def _beside(case: Case, name: str, metric: str) -> audit.Measured | None:
    """Measure a figure of the source's table, if the network was trained in this setup."""
    if (case.run, name, TEST) not in case.runs.by_network:
        return None
    if metric == "test_accuracy":
        return measures.accuracy(case, [name])
    return measures.curve(case, [metric], [name])


def _subject(name: str) -> str:
    return f"experiment {name}" if name.isdigit() else name.replace("_", " ")


def create_pipeline(study: str, source: str) -> Pipeline:
    """Build the audit of a study, ``digits`` or ``fashion``, from the tables that it made.

    `source` is the name of the source of images.
    """
    return audit.create_pipeline(
        CLAIMS[study],
        {train_setups: ["answers", "curves"], judge_claims: audit.TABLES},
        {
            "images": f"{source}_images",
            "split_table": f"{study}.split",
            **{name: f"{study}.{name}" for name in ("predictions", "history")},
            **{name: f"params:{study}.{name}" for name in ("experiments", "starts")},
        },
    )
