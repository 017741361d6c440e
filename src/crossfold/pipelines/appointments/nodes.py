"""Nodes of the appointment pipeline."""

import logging
from typing import Any

import numpy as np
import pandas as pd

from crossfold.datasets.identifiers import masked
from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.appointments import cleaning
from crossfold.pipelines.appointments.cleaning import AppointmentsParameters, HistoryAsOf
from crossfold.pipelines.appointments.features import build_features

_logger = logging.getLogger(__name__)


def clean_appointments(
    appointments_raw: pd.DataFrame,
    appointments_parameters: AppointmentsParameters = cleaning.DEFAULTS,
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Split an export into typed rows and rejected rows, and count both.

    The export is as `crossfold.datasets.ExportDataset` reads it: text, patients hashed. Without the
    column ``no_show`` its rows are coming appointments.

    Returns the cleaned table; the rejected rows as they were read, with the first ``rule`` that
    each breaks; counts of rows read, superseded by a later file, kept, and rejected by rule.
    """
    raw = cleaning.latest_rows(cleaning.declared(appointments_raw))
    parsed = cleaning.parse(raw, appointments_parameters)
    if unreadable := cleaning.unreadable(raw, parsed, appointments_parameters):
        raise CrossfoldError(
            f"{raw['source_file'].iloc[-1]} cannot be used: {'; '.join(unreadable)}."
        )
    for name, texts in cleaning.no_numbers(raw, parsed).items():
        _logger.warning(
            "%d of %d values of %s are no numbers, such as %r, and count as missing.",
            *(len(texts), len(raw), name, masked(texts.iloc[0])),
        )
    if repeated := cleaning.count_repeated(raw):
        _logger.warning(
            "%d rows are in an earlier file too, and count again, as no column tells appointments"
            " apart: take out what was exported twice.",
            repeated,
        )
    rule = cleaning.broken_rules(parsed)
    bad = rule != ""
    counts: dict[str, Any] = {
        "read": len(appointments_raw),
        "superseded": len(appointments_raw) - len(raw),
        "kept": int((~bad).sum()),
        "rejected": rule[bad].value_counts().to_dict(),
    }
    if counts["kept"] == 0:
        raise CrossfoldError(_nothing_kept(raw, counts))
    if bad.any():
        _logger.warning(
            "%d of %d appointments break a rule and are not used: %s.",
            *(
                bad.sum(),
                len(raw),
                ", ".join(f"{n} {rule}" for rule, n in counts["rejected"].items()),
            ),
        )
    rejected = raw[bad].assign(rule=rule[bad]).reset_index(drop=True)
    return cleaning.typed(parsed[~bad]), rejected, counts


def clean_coming_appointments(
    coming_raw: pd.DataFrame, appointments_parameters: AppointmentsParameters
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Split an export of coming appointments as `clean_appointments` does.

    Their outcomes are not known yet: a column of outcomes is not read.
    """
    raw = coming_raw.drop(columns="no_show", errors="ignore")
    return clean_appointments(raw, appointments_parameters)


def _nothing_kept(raw: pd.DataFrame, counts: dict[str, Any]) -> str:
    file = raw["source_file"].iloc[-1]
    rule, n = next(iter(counts["rejected"].items()))
    return (
        f"Not one of the {len(raw)} appointments in {file} can be used: {n} break the rule"
        f" {rule}; check that the file has the columns and formats of the published table."
    )


def build_appointment_features(
    appointments: pd.DataFrame, appointments_parameters: AppointmentsParameters
) -> pd.DataFrame:
    """Build the feature table: same rows, same order, target ``no_show`` first.

    It holds neither patients nor appointment numbers.
    """
    return build_features(appointments, appointments_parameters.history_as_of)


def build_permuted_features(
    appointments: pd.DataFrame, appointments_parameters: AppointmentsParameters, seed: int
) -> pd.DataFrame:
    """Build the feature table of a control: outcomes are shuffled first, history and all."""
    shuffled = np.random.default_rng(seed).permutation(appointments["no_show"].to_numpy())
    return build_features(
        appointments.assign(no_show=shuffled), appointments_parameters.history_as_of
    )


def build_coming_features(
    coming: pd.DataFrame,
    appointments: pd.DataFrame,
    appointments_parameters: AppointmentsParameters,
    model: tuple[list[Any], dict[str, Any]],
) -> pd.DataFrame:
    """Build the features of coming appointments, with past appointments as their history.

    Both are cleaned. Coming ones have no outcomes; without ``sms_received``, none counts as
    reminded. A past row of a coming appointment is left out. The history is known as of the time
    that the model's own features had, whatever the parameters say.

    Returns the columns of the feature table but for the target; the rows of `coming` in their
    order.
    """
    past = appointments[~appointments["appointment_id"].isin(coming["appointment_id"])]
    if "sms_received" in past and "sms_received" not in coming:
        _logger.warning("sms_received is absent: all appointments count as without a reminder.")
        coming = coming.assign(sms_received=False)
    if missing := sorted(set(past.columns) - set(coming.columns) - {"no_show"}):
        raise CrossfoldError(
            f"The coming appointments lack {', '.join(missing)}, which the past ones have: give"
            " both the same columns, and run no_show again if they have changed."
        )
    coming = coming[[name for name in past if name in coming]]
    if not coming["patient"].isin(past["patient"]).any():
        _logger.warning(
            "None of the coming appointments is of a patient with a past one, so that no history"
            " counts: make sure that patients are written alike in both, and that the key in"
            " conf/local/credentials.yml is the one that no_show ran with."
        )
    outcomes = past["no_show"].astype("boolean")
    unknown: Any = pd.NA
    everything = pd.concat(
        [_plain_text(coming).assign(no_show=unknown), _plain_text(past).assign(no_show=outcomes)],
        ignore_index=True,
    ).astype({"no_show": "boolean"} | dict.fromkeys(_categories(past), "category"))
    wanted = appointments_parameters.history_as_of
    learnt: HistoryAsOf = model[1].get("made_with", {}).get("history_as_of", wanted)
    if learnt != wanted:
        _logger.warning(
            "The model in use was trained with history_as_of=%s, and features are made so too.",
            learnt,
        )
    features = build_features(everything, learnt)
    return features.iloc[: len(coming)].drop(columns="no_show")


def _plain_text(appointments: pd.DataFrame) -> pd.DataFrame:
    return appointments.astype(dict.fromkeys(_categories(appointments), "str"))


def _categories(appointments: pd.DataFrame) -> list[str]:
    return list(appointments.select_dtypes("category").columns)
