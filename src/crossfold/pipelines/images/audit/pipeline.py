"""The audits of digits and fashion: train what the claims need, judge them, write the page."""

from __future__ import annotations

from functools import partial

import pandas as pd
from kedro.pipeline import Pipeline

from crossfold.pipelines.images.audit.measures import (
    STUDY,
    TEST,
    Case,
    DigitsClaims,
    FashionClaims,
    ImageClaims,
    Runs,
    accuracy,
    cross_entropies,
    curve,
)
from crossfold.pipelines.images.audit.training import (
    TRAINING_FAULTS,
    ProtocolParameters,
    train_setups,
    training_setup,
)
from crossfold.pipelines.images.data import SOURCE
from crossfold.templates import audit
from crossfold.validation.tables import probabilities

CLAIMS = {"digits": DigitsClaims, "fashion": FashionClaims}


def judge_claims(
    answers: pd.DataFrame,
    curves: pd.DataFrame,
    predictions: pd.DataFrame,
    history: pd.DataFrame,
    protocol: ProtocolParameters,
    claims: ImageClaims,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Measure and judge every claim; see `crossfold.templates.audit.judge`.

    Parameters
    ----------
    answers, curves
        Of `train_setups`.
    predictions, history
        Of the study, whose networks are those without faults.
    protocol, claims
        The audit's.
    seed
        Of the bootstrap, and of the small samples.
    """
    study_answers, study_curves = of_study(predictions, protocol), of_study(history, protocol)
    study_answers["loss"] = cross_entropies(probabilities(study_answers), study_answers["target"])
    study_answers = study_answers.assign(part=TEST, dropped=study_answers["predicted"])
    runs = Runs(
        _below(answers, study_answers), _below(curves, study_curves), protocol.n_resamples, seed
    )
    case_of = partial(make_case, runs, protocol, claims)
    figures = audit.beside_printed(claims, case_of, _beside, _subject)
    epochs = protocol.network.max_iter, protocol.source_epochs
    return audit.judge(claims, case_of, epochs=epochs, figures=figures)


def make_case(
    runs: Runs, protocol: ProtocolParameters, claims: ImageClaims, setup: audit.Setup
) -> Case:
    """Find what was trained in a setup."""

    def run_of(one: audit.Setup) -> str:
        trained = training_setup(one)
        return STUDY if trained == audit.Setup() else trained.name

    is_sample = setup.setting and setup.setting[0] == "sample_rows"
    return Case(
        runs,
        run=run_of(setup),
        short=run_of(setup._replace(short=True)),
        plain=run_of(audit.Setup(short=setup.short)),
        source=training_setup(audit.Setup(claims.on, setup.short)).name,
        faults=setup.faults,
        sample_rows=int(setup.setting[1]) if setup.setting and is_sample else protocol.sample_rows,
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
    tested = metric == "test_accuracy"
    return accuracy(case, [name]) if tested else curve(case, [metric], [name])


def _subject(name: str) -> str:
    return f"experiment {name}" if name.isdigit() else name.replace("_", " ")


def create_pipeline(study: str, source: str) -> Pipeline:
    """Build the audit of a study; the study's tables must have been made before.

    Parameters
    ----------
    study
        ``digits`` or ``fashion``.
    source
        Name of the source of images.
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
