"""The node that judges the claims of the leukaemia study's source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from crossfold.pipelines.audit.claims import Claim, Statement, claims_table, shares_table
from crossfold.pipelines.audit.gene_expression import claims_of_source, measures
from crossfold.pipelines.audit.gene_expression.faults import DOWN_SAMPLED, ORIGINAL, SMOTE
from crossfold.pipelines.audit.gene_expression.folds import PERMUTED
from crossfold.pipelines.audit.gene_expression.parameters import (
    PrintedParameters,
    ProtocolParameters,
)
from crossfold.pipelines.audit.gene_expression.summary import draw_range, runs_table, subject
from crossfold.pipelines.audit.measured import FaultShare, Measured
from crossfold.pipelines.audit.runs import (
    REPORTED,
    SOUND,
    find_measured,
    measured_share,
    only,
    shortened_text,
)
from crossfold.templates.cross_validation.folds import K_FOLD, LEAVE_ONE_OUT

# The sound study's networks that stand for the audit's.
STUDY_MODELS = {ORIGINAL: "mlp", DOWN_SAMPLED: "mlp_down_sampled", SMOTE: "mlp_smote"}
SOURCE_SHAPE = "mlp_all_probes"


def judge_claims(
    split_epochs: pd.DataFrame,
    fold_epochs: pd.DataFrame,
    predictions: pd.DataFrame,
    protocol: ProtocolParameters,
    printed: PrintedParameters,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Measure and judge every claim.

    Parameters
    ----------
    split_epochs, fold_epochs
        What the audit trained.
    predictions
        The sound study's predictions.
    protocol, printed
        How the source trained, and what it printed.
    seed
        Of the bootstrap.

    Returns
    -------
    The tables of claims, of the faults' shares, and of all runs.
    """
    runs = runs_table(split_epochs, fold_epochs, protocol, printed, seed)
    judge = Judge(split_epochs, runs, predictions, protocol, seed)
    claims = [
        *(judge.f1(claims_of_source.perfect_f1(t, printed), t) for t in (SMOTE, DOWN_SAMPLED)),
        *(judge.gain(claims_of_source.higher_f1(t, printed), t) for t in (SMOTE, DOWN_SAMPLED)),
        *(
            judge.curve(claims_of_source.perfect_curve(name), name, judge.study_accuracy(name))
            for name in (K_FOLD, LEAVE_ONE_OUT)
        ),
        judge.curve(claims_of_source.curve_of_permuted_labels(), PERMUTED),
    ]
    return claims_table(claims), shares_table(claims), runs


@dataclass(frozen=True)
class Judge:
    """Answers questions from the runs of the audit and from the sound study."""

    split_epochs: pd.DataFrame
    runs: pd.DataFrame
    predictions: pd.DataFrame
    protocol: ProtocolParameters
    seed: int

    def f1(self, statement: Statement, table: str) -> Claim:
        """Measure F1 of a table."""
        study = measures.f1_of_patients(self._study(STUDY_MODELS[table]), *self._bootstrap)
        return self._claim(statement, table, "f1", study, draw_range(self.split_epochs, table))

    def gain(self, statement: Statement, table: str) -> Claim:
        """Measure F1 of a table minus that of the original one."""
        models = (self._study(STUDY_MODELS[name]) for name in (table, ORIGINAL))
        study = measures.f1_difference(*models, *self._bootstrap)
        return self._claim(statement, table, "f1_gain", study)

    def curve(self, statement: Statement, name: str, study: Measured | None = None) -> Claim:
        """Measure the accuracy at the end of a cross-validation."""
        sound = study or find_measured(self.runs, SOUND, subject(name), "accuracy")
        return self._claim(statement, name, "accuracy", sound)

    def study_accuracy(self, protocol: str) -> Measured:
        """Give the accuracy of the sound study's network of the source's shape, by patient."""
        rows = self._study(SOURCE_SHAPE, protocol)
        n = rows["row"].nunique()
        right = (rows["flagged"] == (rows["target"] == 1)).mean()
        return measured_share(float(right) * n, n)

    def _claim(
        self, statement: Statement, name: str, metric: str, sound: Measured, unstated: str = ""
    ) -> Claim:
        about = subject(name), metric
        return Claim(
            statement,
            reported=find_measured(self.runs, REPORTED, *about),
            sound=sound,
            shares=tuple(self._shares(*about)),
            unstated=unstated,
            shortened=self._shortened,
        )

    def _shares(self, of_subject: str, metric: str) -> Iterator[FaultShare]:
        """Give what each fault does alone, beside a sound run that was trained for as long."""
        sound = find_measured(self.runs, SOUND, of_subject, metric).estimate
        is_about = (self.runs["subject"] == of_subject) & (self.runs["metric"] == metric)
        for run in self.runs.loc[is_about, "run"]:
            if run.startswith(only("")):
                alone = find_measured(self.runs, run, of_subject, metric)
                yield FaultShare(run.removeprefix(only("")), alone, sound)

    @property
    def _shortened(self) -> str:
        protocol = self.protocol
        trained = (protocol.network.max_iter, *dict(protocol.epochs).values())
        return shortened_text(min(trained), protocol.source_epochs)

    @property
    def _bootstrap(self) -> tuple[int, int]:
        return self.protocol.n_resamples, self.seed

    def _study(self, model: str, protocol: str = K_FOLD) -> pd.DataFrame:
        table = self.predictions
        return table[(table["model"] == model) & (table["protocol"] == protocol)]
