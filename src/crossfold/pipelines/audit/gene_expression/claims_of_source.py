"""What the source on leukaemia patients claims, and when a measured quantity bears it out."""

from __future__ import annotations

from crossfold.pipelines.audit.claims import Statement
from crossfold.pipelines.audit.gene_expression.faults import DOWN_SAMPLED, SMOTE
from crossfold.pipelines.audit.gene_expression.folds import PERMUTED
from crossfold.pipelines.audit.gene_expression.parameters import PrintedParameters
from crossfold.pipelines.audit.measured import Holds, Measured, above
from crossfold.templates.cross_validation.folds import K_FOLD, LEAVE_ONE_OUT

STUDY = "gene_expression"
# The larger class makes up 65 %; what is called rightly more often than this was learnt.
_LEARNT = 0.8
_PATIENTS = 72
_ONE_WRONG = (_PATIENTS - 1) / _PATIENTS
_REMEDIES = {SMOTE: "SMOTE", DOWN_SAMPLED: "Down-sampling"}
_CURVES = {K_FOLD: "Ten-fold", LEAVE_ONE_OUT: "Leave-one-out"}
_NO_VALUES = "curves of the folds' mean loss and accuracy, without values"


def no_error(measured: Measured) -> Holds:
    """Say yes to an estimate of 1: a single row called wrongly makes it smaller."""
    return "yes" if measured.estimate >= 1 else "no"


def one_wrong_at_most(measured: Measured) -> Holds:
    """Say yes where the share of patients called wrongly is no more than one of 72."""
    return "yes" if measured.estimate >= _ONE_WRONG else "no"


def perfect_f1(table: str, printed: PrintedParameters) -> Statement:
    """State that a resampled table gives F1 1.0."""
    remedy, value = _REMEDIES[table], _printed_f1(table, printed)
    return Statement(
        study=STUDY,
        claim=f"{table}_f1",
        statement=f"{remedy} gives F1 {value:.1f}",
        quantity="F1 on validation rows. With faults, after the last epoch: mean of splits drawn"
        " anew, and where 95\u00a0% of them lie. Without, F1 of the study's network that resamples"
        " inside its ten folds, over all patients. F1 is 1 only where no row is called wrongly",
        unit="number",
        printed=f"{value:.1f}",
        holds=no_error,
        so="no row is called wrongly",
        not_so="some rows are called wrongly",
        printed_value=value,
    )


def higher_f1(table: str, printed: PrintedParameters) -> Statement:
    """State that a resampled table raises F1."""
    remedy, value = _REMEDIES[table], _printed_f1(table, printed)
    before = printed.original.f1
    return Statement(
        study=STUDY,
        claim=f"{table}_gain",
        statement=f"{remedy} raises F1",
        quantity="F1 with resampling minus F1 without. With faults, mean of splits drawn anew;"
        " without, of the study's networks in ten folds, the same patients bootstrapped",
        unit="number",
        printed=f"from {before:.4f} to {value:.1f}",
        holds=above(0),
        so="F1 is higher with resampling",
        not_so="F1 is no higher with resampling",
        printed_value=value - before,
    )


def _printed_f1(table: str, printed: PrintedParameters) -> float:
    return float(getattr(printed, table).f1)


def perfect_curve(cross_validation: str) -> Statement:
    """State that a cross-validation's accuracy ends at or near 100 %."""
    name = _CURVES[cross_validation]
    return Statement(
        study=STUDY,
        claim=f"{cross_validation}_accuracy",
        statement=f"{name} accuracy ends near 100\u00a0%",
        quantity="share of patients called rightly by the network that validates them, after the"
        " last epoch; near 100\u00a0% is at most one of 72 wrong, which the interval cannot tell"
        " from two or three. Without the faults, the study's network that reads all probes",
        unit="share",
        printed=_NO_VALUES,
        holds=one_wrong_at_most,
        so="at most one patient in 72 is called wrongly",
        not_so="more than one patient in 72 is called wrongly",
    )


def curve_of_permuted_labels() -> Statement:
    """State that the curve climbs even where nothing can be learnt."""
    return Statement(
        study=STUDY,
        claim=PERMUTED,
        statement="With permuted labels, ten-fold accuracy climbs as well",
        quantity="share of patients called rightly in ten-fold cross-validation after the last"
        f" epoch, labels permuted at random: nothing can be learnt, so that a value above"
        f" {_LEARNT:.0%} is a leak".replace("%", "\u00a0%"),
        unit="share",
        printed="no such control",
        holds=above(_LEARNT),
        so="permuted labels are called rightly",
        not_so="permuted labels stay at chance",
    )
