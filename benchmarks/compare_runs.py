"""Compare what two data folders hold of the same studies: metrics, predictions, audits.

    python benchmarks/compare_runs.py BEFORE AFTER [STUDY ...]

reads the latest version of every table below two data roots (``data/sample`` of two checkouts, say)
and prints, for each, how many figures are equal, how many differ by rounding, and the largest
differences. Renamed columns and rows are matched by `RENAMED`; what only one side has is listed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

RENAMED = {
    "probability": "p1",
    "score": "p1",
    "raw_probability": "raw_p1",
    "all folds": "pooled",
    "split": "protocol",
    "label": "target",
    "loss": "log_loss",
}
FILES = {"networks_history": "history", "control_predictions": "controls"}
MEASURES = ("train_loss", "validation_loss", "false_positives", "false_negatives")
KEYS = (
    "model",
    "model_a",
    "model_b",
    "protocol",
    "inputs",
    "scope",
    "metric",
    "test",
    "row",
    "fold",
    "member",
    "epoch",
    "measure",
    "claim",
    "run",
    "group",
    "level",
    "share",
    "engine",
    "features",
    "alpha",
    "part",
    "draw",
    "split",
    "column",
    "kind",
    "curve",
    "threshold",
)
ROUNDING = 1e-5
SHOWN = 8


def latest(root: Path, studies: list[str]) -> Iterator[tuple[str, Path]]:
    """List the latest version of every table below a data root, by its path."""
    for file in sorted(root.glob("0[78]_*/**/*")):
        if file.suffix not in (".csv", ".parquet") or not file.is_file():
            continue
        entry = file.parent.parent if file.parent.parent.name == file.name else file
        name = str(entry.relative_to(root))
        if studies and not any(f"/{study}" in f"/{name}" for study in studies):
            continue
        versions = sorted(entry.iterdir()) if entry.is_dir() else []
        if not versions or file.parent == versions[-1]:
            yield name, file


def read(file: Path) -> pd.DataFrame:
    """Read a table, with renamed columns and values under their new names."""
    table = pd.read_csv(file) if file.suffix == ".csv" else pd.read_parquet(file)
    names = table.select_dtypes(["category", "object", "str"]).columns
    table = table.astype(dict.fromkeys(names, "str")).replace(RENAMED)
    table = table.rename(columns={k: v for k, v in RENAMED.items() if v not in table})
    return _long_history(_without_inputs(table))


def _long_history(table: pd.DataFrame) -> pd.DataFrame:
    """Put a measure of a history into each row, where each used to have a column."""
    measures = [name for name in MEASURES if name in table]
    if "epoch" not in table or "measure" in table or "model" not in table or not measures:
        return table
    keys = [name for name in ("model", "protocol", "fold", "member", "epoch") if name in table]
    return table.melt(keys, measures, "measure")


def _without_inputs(table: pd.DataFrame) -> pd.DataFrame:
    """Name models by what they read, where a column used to say it."""
    if "inputs" not in table or "model" not in table:
        return table
    bare = table["inputs"] == "without quality"
    control = table["inputs"] == "permuted labels"
    return table.drop(columns="inputs").assign(
        model=table["model"].where(~bare, table["model"] + "_without_quality"),
        protocol=np.where(control, "permuted_labels", "grouped_k_fold"),
    )


def compare(before: pd.DataFrame, after: pd.DataFrame) -> list[str]:
    """Say in lines how two tables differ."""
    keys = [k for k in KEYS if k in before and k in after and k not in ("p1",)]
    if not keys:
        before, after = (table.reset_index(names="row") for table in (before, after))
        keys = ["row"]
    before, after = (
        t.assign(nth=t.groupby(keys, dropna=False).cumcount()) for t in (before, after)
    )
    keys = [*keys, "nth"]
    figures = [
        c for c in before.columns.intersection(after.columns).difference(keys)
        if pd.api.types.is_numeric_dtype(before[c]) and pd.api.types.is_numeric_dtype(after[c])
    ]  # fmt: skip
    both = before.merge(after, on=keys, how="outer", suffixes=("_before", "_after"), indicator=True)
    lines: list[str] = []
    for side in ("left_only", "right_only"):
        only = both[both["_merge"] == side]
        if len(only):
            lines.append(f"  {len(only)} rows {'before' if side[0] == 'l' else 'after'} only")
    both = both[both["_merge"] == "both"]
    for name in figures:
        a, b = (both[f"{name}_{s}"].astype("float64") for s in ("before", "after"))
        gap = (a - b).abs().where(a.notna() | b.notna(), 0).fillna(np.inf)
        relative = gap / a.abs().clip(lower=1)
        differing = relative > ROUNDING
        lines.append(
            f"  {name}: {int((gap == 0).sum())} equal, {int((~differing & (gap > 0)).sum())} to"
            f" rounding, {int(differing.sum())} differ, largest {gap.max():.3g}"
        )
        for _, row in both[differing].head(SHOWN).iterrows():
            place = ", ".join(str(row[k]) for k in keys)
            lines.append(f"    {place}: {row[f'{name}_before']:.6g} -> {row[f'{name}_after']:.6g}")
    return lines


def main(before: str, after: str, *studies: str) -> None:
    """Print the comparison of two data roots."""
    old, new = (dict(latest(Path(root), list(studies))) for root in (before, after))
    for name in list(old):
        stem = Path(name).stem
        renamed = name.replace(stem, FILES.get(stem, stem))
        if name not in new and renamed in new:
            old[renamed] = old.pop(name)
    for name in sorted(old.keys() & new.keys()):
        print(name)
        print("\n".join(compare(read(old[name]), read(new[name]))))
    print("before only:", *sorted(old.keys() - new.keys()), sep="\n  ")
    print("after only:", *sorted(new.keys() - old.keys()), sep="\n  ")


if __name__ == "__main__":
    main(*sys.argv[1:])
