"""What has changed in the data of a study, as one table."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from crossfold.refreshing.promotion import Decision, Difference
from crossfold.refreshing.settings import DriftRule
from kedro_refresh.exceptions import RefreshError
from kedro_refresh.ledger import Output

if TYPE_CHECKING:
    import pandas as pd

ROWS, RATE, FEATURE, MODEL = "rows", "rate", "feature", "model"
COLUMNS = [
    "measure",
    "name",
    "before",
    "before_low",
    "before_high",
    "now",
    "now_low",
    "now_high",
    "estimate",
    "low",
    "high",
    "by_chance",
    "n",
    "verdict",
]


@dataclass(frozen=True)
class Change:
    """A table that has changed: what was written now, and before, or None for the first time."""

    now: Output
    before: Output | None


@dataclass(frozen=True)
class Drift:
    """What has changed in the data of a study.

    Attributes
    ----------
    study
        Its name.
    rule
        What is compared.
    table
        As `drift_table` gives it.
    change
        Versions of the data.
    notice
        First line of the page, or nothing.
    decision
        What becomes of the new model, or None where there is none.
    """

    study: str
    rule: DriftRule
    table: pd.DataFrame
    change: Change
    notice: str = ""
    decision: Decision | None = None

    @property
    def in_a_sentence(self) -> str:
        """Say how much has changed."""
        if self.change.before is None:
            return f"{self.study}: there are no data from before to compare with."
        rows = self.table.set_index("measure").loc[ROWS]
        features = self.table[self.table["measure"] == FEATURE]
        n_moved = int((features["verdict"] != "stable").sum())
        return (
            f"{self.study}: {rows['before']:,.0f} rows before, {rows['now']:,.0f} now;"
            f" {n_moved} of {len(features)} features have shifted."
        )


def drift_table(
    rule: DriftRule,
    now: pd.DataFrame,
    before: pd.DataFrame | None,
    difference: Difference | None,
) -> pd.DataFrame:
    """Compare the data of a study with those before, and its model with the one in use.

    Parameters
    ----------
    rule
        Which column is the label, and which are not compared.
    now, before
        The data; None where there were none before.
    difference
        Of the models, or None.

    Returns
    -------
    One row for each ``measure``: ``rows``; the ``rate`` of each level of the label, with Wilson
    intervals, and Newcombe's for the difference; each ``feature``, whose ``estimate`` is the
    population stability index; the ``model``, whose ``estimate`` is positive where the new one is
    better. No row tells of a single row of the data.

    Raises
    ------
    RefreshError
        If the data have no such label.
    """
    import pandas as pd

    parts = [
        _rows(rule.table, now, before),
        _rates(rule, now, before),
        _features(rule, now, before),
        pd.DataFrame([_model(rule.model, difference)] if difference else []),
    ]
    table = pd.concat([part for part in parts if len(part)], ignore_index=True)
    return table.reindex(columns=COLUMNS)


def _rows(name: str, now: pd.DataFrame, before: pd.DataFrame | None) -> pd.DataFrame:
    import pandas as pd

    row: dict[str, object] = {"measure": ROWS, "name": name, "now": len(now), "n": len(now)}
    if before is not None:
        row |= {"before": len(before), "estimate": len(now) - len(before)}
    return pd.DataFrame([row])


def _rates(rule: DriftRule, now: pd.DataFrame, before: pd.DataFrame | None) -> pd.DataFrame:
    from crossfold.validation import label_rates, rate_changes

    rates = [label_rates(_label(rule, table)) for table in (now, before) if table is not None]
    changes = rate_changes(*rates)
    names = f"{rule.label} " + changes.pop("level")
    return changes.assign(measure=RATE, name=names, n=len(now))


def _label(rule: DriftRule, table: pd.DataFrame) -> pd.Series:
    if rule.label not in table:
        raise RefreshError(
            f"{rule.table} has no column {rule.label}: name its label under drift in refresh.yml."
        )
    return table[rule.label]


def _features(rule: DriftRule, now: pd.DataFrame, before: pd.DataFrame | None) -> pd.DataFrame:
    from crossfold.validation import feature_drift

    if before is None:
        return now.iloc[:0, :0]
    left_out = [rule.label, *rule.ignore]
    before, now = (table.drop(columns=left_out, errors="ignore") for table in (before, now))
    table = feature_drift(before, now).rename(columns={"index": "estimate"})
    return table.assign(measure=FEATURE, n=len(now))


def _model(name: str | None, difference: Difference) -> dict[str, object]:
    fields = asdict(difference)
    named = {"measure": MODEL, "name": f"{name} {fields.pop('metric')}", "n": fields.pop("n_rows")}
    verdict = "worse" if difference.high < 0 else "better" if difference.low > 0 else "as good"
    return {**named, **fields, "verdict": verdict}
