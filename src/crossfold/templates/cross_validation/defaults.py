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
    """Read what `write_parameters` chooses."""
    chosen: dict[str, Any] = yaml.safe_load(write_parameters(table, n_rows))
    return chosen


def write_parameters(table: TableParameters, n_rows: int, command: str = "") -> str:
    """Choose the parameters of a study by the kind of its target and its number of rows.

    Parameters
    ----------
    table
        What the columns are.
    n_rows
        Rows of the table.
    command
        What runs the study, for its report.

    Returns
    -------
    As YAML with comments, the blocks that `crossfold.templates.cross_validation.create_pipeline`
    reads, but for ``table``.
    """
    from jinja2 import Template

    from crossfold.mlp._ensemble import N_STEPS, SEARCH_SPACE, TABULAR

    batch_size = _batch_size(n_rows)

    def epochs(steps: int) -> int:
        """Choose as many epochs as take so many steps, within bounds."""
        fewest = 3 if n_rows >= VERY_MANY_ROWS else 6
        return max(fewest, min(60, round(steps * batch_size / n_rows)))

    preset = {name: _yaml(one) for name, one in TABULAR.items() if name != "max_iter"}
    text: str = Template(_DEFAULTS.read_text(encoding="utf-8"), trim_blocks=True).render(
        kind="Regressor" if table.task == "regression" else "Classifier",
        is_small=n_rows < FEW_ROWS,
        is_large=n_rows >= MANY_ROWS,
        is_very_large=n_rows >= VERY_MANY_ROWS,
        # Second derivatives are few then, and make the regression five times as fast.
        is_narrow_binary=table.task == "binary" and len(table.columns) <= MOST_NEWTON,
        batch_size=batch_size,
        epochs=epochs,
        preset=preset,
        n_steps=N_STEPS,
        space=_yaml(SEARCH_SPACE),
        command=_yaml(command),
    )
    return text


def _yaml(value: Any) -> str:
    """Write a value on one line of YAML; None for a number of epochs without end."""
    plain = None if value == float("inf") else list(value) if isinstance(value, tuple) else value
    text: str = yaml.safe_dump(plain, default_flow_style=True, sort_keys=False, width=10**6)
    return text.removesuffix("\n").removesuffix("\n...")


def _batch_size(n_rows: int) -> int:
    """Choose the size of batches, a power of two."""
    batch, most = 16, 2048 if n_rows >= VERY_MANY_ROWS else 512
    while batch < min(n_rows / 40, most):
        batch *= 2
    return batch
