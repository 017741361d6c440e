"""Figures: PNG and SVG side by side, equal for equal figures, visible when complete."""

import base64
from pathlib import Path

import pytest
from kedro.io import DatasetError, Version
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from crossfold.datasets import FigureDataset


def draw() -> Figure:
    figure, axes = plt.subplots(figsize=(2, 1))
    axes.plot([0, 1], label="rate")
    axes.legend()
    return figure


def dataset(folder: Path, save: str) -> FigureDataset:
    return FigureDataset(filepath=str(folder / "rate.png"), version=Version(None, save))


def test_both_files_are_written_and_the_figure_is_closed(tmp_path: Path) -> None:
    saved = dataset(tmp_path, "1")
    figure = draw()
    saved.save(figure)
    assert not plt.fignum_exists(figure.number)  # type: ignore[attr-defined]
    version = tmp_path / "rate.png" / "1"
    assert sorted(f.name for f in version.iterdir()) == ["rate.png", "rate.svg"]
    assert (version / "rate.png").read_bytes().startswith(b"\x89PNG")
    assert saved.load() == (version / "rate.svg").read_bytes()
    assert base64.b64decode(saved.preview()) == (version / "rate.png").read_bytes()
    assert saved.exists()


def test_equal_figures_give_equal_files(tmp_path: Path) -> None:
    for save in ("1", "2"):
        dataset(tmp_path, save).save(draw())
    for name in ("rate.png", "rate.svg"):
        first, second = ((tmp_path / "rate.png" / v / name).read_bytes() for v in "12")
        assert first == second


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_figure_that_cannot_be_drawn_leaves_nothing(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure = draw()
    monkeypatch.setattr(figure.canvas, f"print_{kind}", lambda *_, **__: 1 / 0, raising=False)
    failing = dataset(tmp_path, "1")
    with pytest.raises(DatasetError):
        failing.save(figure)
    plt.close(figure)
    assert not list(tmp_path.iterdir())


def test_version_without_its_png_is_discarded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset(tmp_path, "1").save(draw())
    usual = Path.write_bytes

    def fail_at_png(self: Path, content: bytes) -> int:
        return 1 // 0 if self.suffix == ".png" else usual(self, content)

    monkeypatch.setattr(Path, "write_bytes", fail_at_png)
    failing = dataset(tmp_path, "2")
    figure = draw()
    with pytest.raises(DatasetError):
        failing.save(figure)
    plt.close(figure)
    assert [folder.name for folder in (tmp_path / "rate.png").iterdir()] == ["1"]
    assert dataset(tmp_path, "3").resolve_load_version() == "1"


def test_unversioned_figure_is_replaced(tmp_path: Path) -> None:
    saved = FigureDataset(filepath=str(tmp_path / "rate.png"))
    for _ in range(2):
        saved.save(draw())
    assert sorted(file.name for file in tmp_path.iterdir()) == ["rate.png", "rate.svg"]
