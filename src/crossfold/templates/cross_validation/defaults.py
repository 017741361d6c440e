"""What a study of a table is made of when nobody says otherwise: written into its configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from crossfold.templates.parameters import TableParameters

FEW_ROWS, MANY_ROWS, VERY_MANY_ROWS = 2_000, 20_000, 200_000
MOST_NEWTON = 50
_DEFAULTS = Path(__file__).with_name("defaults.yml.j2")


def study_parameters(table: TableParameters, n_rows: int) -> dict[str, Any]:
    """Choose the parameters of a study by the kind of its target and its number of rows.

    Parameters
    ----------
    table
        What the columns are.
    n_rows
        Rows of the table.

    Returns
    -------
    The blocks that `crossfold.templates.cross_validation.create_pipeline` reads, but for ``table``.
    """
    from jinja2 import Template

    batch_size = _batch_size(n_rows)

    def epochs(steps: int) -> int:
        """Choose as many epochs as take so many steps, within bounds."""
        fewest = 3 if n_rows >= VERY_MANY_ROWS else 6
        return max(fewest, min(60, round(steps * batch_size / n_rows)))

    text = Template(_DEFAULTS.read_text(encoding="utf-8"), trim_blocks=True).render(
        kind="Regressor" if table.task == "regression" else "Classifier",
        is_small=n_rows < FEW_ROWS,
        is_large=n_rows >= MANY_ROWS,
        is_very_large=n_rows >= VERY_MANY_ROWS,
        # Second derivatives are few then, and make the regression five times as fast.
        is_narrow_binary=table.task == "binary" and len(table.columns) <= MOST_NEWTON,
        batch_size=batch_size,
        epochs=epochs,
    )
    chosen: dict[str, Any] = yaml.safe_load(text)
    return chosen


def _batch_size(n_rows: int) -> int:
    """Choose the size of batches, a power of two."""
    batch, most = 16, 2048 if n_rows >= VERY_MANY_ROWS else 512
    while batch < min(n_rows / 40, most):
        batch *= 2
    return batch
