"""Rates by group with Wilson intervals: the one form of all descriptive tables."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd


def rate_table(groups: Mapping[str, pd.Series], outcome: pd.Series) -> pd.DataFrame:
    """Compute the rate of an outcome in every group that occurs.

    Parameters
    ----------
    groups
        Columns that define the groups, by name; same index as `outcome`.
    outcome
        True where the event happened.

    Returns
    -------
    One row a group, sorted: the columns of `groups`, ``n``, ``events``, ``estimate`` (rate in
    [0, 1]), ``low`` and ``high`` (95 % Wilson interval).
    """
    from crossfold.validation import wilson_interval

    keys = pd.DataFrame(dict(groups))
    counted = outcome.groupby([keys[name] for name in keys], observed=True).agg(["size", "sum"])
    table = counted.reset_index().rename(columns={"size": "n", "sum": "events"})
    low, high = wilson_interval(table["events"].to_numpy(), table["n"].to_numpy())
    return table.assign(estimate=table["events"] / table["n"], low=low, high=high)
