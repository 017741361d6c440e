"""Nodes that judge the claims of the no-show study's source and draw its epochs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import pandas as pd

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.no_show.audit.faults import TRAINING_FAULTS, ProtocolParameters
from crossfold.pipelines.no_show.audit.measures import Case, NoShowClaims
from crossfold.templates.audit import Setup, judge

# The sound study's models that stand for the audit's.
STUDY_MODELS = {
    "weighted": "mlp_weighted",
    "weighted_numpy": "mlp_weighted",
    "unweighted": "mlp_numpy",
    "focal": "mlp_focal",
    "numpy": "mlp_numpy",
    "torch": "mlp_torch",
    "network": "mlp_tuned",
}
AUDIT_SUBJECTS = {"weighted": "torch", "weighted_numpy": "numpy", "network": "torch"}
TREES = ("hist_gradient_boosting", "random_forest")
_LABELS = {"numpy": "NumPy", "torch": "PyTorch", "unweighted": "PyTorch, unweighted"}


def judge_claims(
    answers: pd.DataFrame,
    speed: pd.DataFrame,
    predictions: pd.DataFrame,
    protocol: ProtocolParameters,
    claims: NoShowClaims,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Measure and judge every claim; see `crossfold.templates.audit.judge`.

    Parameters
    ----------
    answers, speed
        What the audit trained and timed.
    predictions
        The sound study's predictions.
    protocol, claims
        How the audit trained, and what is judged.
    seed
        Of the bootstrap.
    """
    runs = {str(run): part for run, part in answers.groupby("run", observed=True)}

    @cache
    def trained(setup: Setup) -> Case:
        own = _by_subject(runs[setup.name], "subject")
        return Case(own, AUDIT_SUBJECTS, speed, setup.faults, protocol, seed)

    sound = Case(study_answers(predictions), STUDY_MODELS, speed, (), protocol, seed)

    def case_of(setup: Setup) -> Case:
        if setup == Setup():
            return sound
        return trained(setup.keep(TRAINING_FAULTS)).with_faults(setup.faults)

    return judge(claims, case_of, epochs=(protocol.network.max_iter, protocol.source_epochs))


def study_answers(predictions: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Find what the sound study's models answered, before calibration.

    Raises
    ------
    CrossfoldError
        The study has not evaluated one of them.
    """
    grouped = predictions[predictions["protocol"] == "grouped_k_fold"]
    needed = {*STUDY_MODELS.values(), *TREES}
    if missing := sorted(needed - set(grouped["model"].unique())):
        raise CrossfoldError(
            f"The audit compares with {', '.join(missing)}, which the last run of the no-show study"
            " did not evaluate; run kedro run --pipelines=no_show."
        )
    chosen = grouped[grouped["model"].isin({*needed, "xgboost"})]
    return _by_subject(chosen.rename(columns={"raw_p1": "probability"}), "model")


def _by_subject(table: pd.DataFrame, name: str) -> dict[str, pd.DataFrame]:
    return {
        str(subject): part.sort_values("row")
        for subject, part in table.groupby(name, observed=True)
    }


def draw_epochs(epochs: pd.DataFrame, protocol: ProtocolParameters, claims: NoShowClaims) -> Any:
    """Draw the folds' mean F1 by epoch, with all faults and without; a matplotlib figure."""
    from crossfold.reports.style import SERIES, figure_style, legend_below, line, new_figure

    panels: Mapping[str, Setup] = {
        "With the source's faults": Setup(claims.on).keep(TRAINING_FAULTS),
        "Without": Setup(short=True),
    }
    with figure_style():
        figure, axes_of = new_figure(5.2, n_rows=2)
        for axes, (title, setup) in zip(axes_of, panels.items(), strict=True):
            run = epochs[epochs["run"] == setup.name]
            for style, (subject, label) in zip(SERIES, _LABELS.items(), strict=False):
                own = run[run["subject"] == subject]
                line(axes, own["epoch"], own["f1"], style, label)
            axes.set_title(f"{title}: mean of the folds")
            axes.set_ylabel(f"F1 at {protocol.threshold}")
            axes.set_xlabel("Epoch")
            axes.set_ylim(bottom=0)
        legend_below(figure, axes_of[0])
        return figure
