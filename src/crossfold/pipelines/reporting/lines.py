"""Lines of tables that the reports of all studies hold."""

from __future__ import annotations

import pandas as pd

from crossfold.reports.words import count, plain

Rows = list[tuple[str, ...]]
LEAK_GUARD_HEADER = ("Check", "Rows checked", "Crossing a fold", "Verdict")


def leak_guard_lines(table: pd.DataFrame) -> Rows:
    """Arrange the leak guard's checks as lines."""
    return [
        (plain(row.check), count(row.rows_checked), count(row.crossing), str(row.verdict))
        for row in table.itertuples()
    ]
