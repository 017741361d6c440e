"""The code of this package's datasets counts for the nodes that read and write them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import crossfold
from kedro_refresh.code import CodeReader


@pytest.mark.parametrize(
    ("dataset", "file", "old", "new"),
    [
        ("FigureDataset", "datasets/figure_dataset.py", "DOTS_PER_INCH = 200", "DOTS_PER_INCH = 9"),
        ("FigureDataset", "datasets/atomic.py", "os.fsync(self.fileno())", "pass"),
        ("MLPDataset", "datasets/networks.py", "(file, estimators, extra)", "(file, [], extra)"),
        ("MLPDataset", "mlp/persistence.py", "FORMAT = 1", "FORMAT = 9"),
    ],
)
def test_the_datasets_of_this_package_count_with_what_they_call(
    tmp_path: Path, dataset: str, file: str, old: str, new: str
) -> None:
    root = Path(crossfold.__file__).parent
    copy = shutil.copytree(root, tmp_path / "crossfold", ignore=shutil.ignore_patterns("*.pyc"))
    path = f"crossfold.datasets.{dataset}"
    before = CodeReader("crossfold", root).of_path(path)
    assert CodeReader("crossfold", copy).of_path(path) == before
    text = (copy / file).read_text()
    assert old in text
    (copy / file).write_text(text.replace(old, new))
    assert CodeReader("crossfold", copy).of_path(path) != before
