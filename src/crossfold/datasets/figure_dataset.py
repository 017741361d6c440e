"""Figures, stored as PNG and SVG side by side."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING

from crossfold.datasets.atomic import atomic_folder
from crossfold.datasets.bases import FileDataset

if TYPE_CHECKING:
    from kedro_datasets._typing import ImagePreview
    from matplotlib.figure import Figure

DOTS_PER_INCH = 200


class FigureDataset(FileDataset["Figure", bytes]):
    """A matplotlib figure, saved as a PNG file and an SVG file of the same name.

    A version is a folder with both files, and is visible when it is complete. Equal figures give
    equal files. A saved figure is closed.

    Takes the arguments of `FileDataset`; the filepath is the PNG file's.
    """

    def load(self) -> bytes:
        """Read the SVG file."""
        content: bytes = self._fs.cat_file(str(self._get_load_path().with_suffix(".svg")))
        return content

    def save(self, data: Figure) -> None:
        """Write both files, then close the figure."""
        from matplotlib import pyplot as plt

        png = Path(self._get_save_path())
        contents = {png.with_suffix(".svg"): to_svg(data)}
        data.savefig(drawn := io.BytesIO(), format="png", dpi=DOTS_PER_INCH)
        contents[png] = drawn.getvalue()
        if self._version is None:
            for path, content in contents.items():
                self._fs.pipe_file(str(path), content)
        else:
            with atomic_folder(png.parent) as folder:
                for path, content in contents.items():
                    (folder / path.name).write_bytes(content)
        plt.close(data)

    def preview(self) -> ImagePreview:
        """Show the PNG file."""
        content = self._fs.cat_file(str(self._get_load_path()))
        return base64.b64encode(content).decode("ascii")


def to_svg(figure: Figure) -> bytes:
    """Draw a figure without what would differ from one run to the next; it keeps its layout."""
    import matplotlib as mpl

    content = io.BytesIO()
    _lay_out(figure)
    with mpl.rc_context({"svg.hashsalt": "crossfold"}):
        figure.savefig(content, format="svg", metadata={"Date": None})
    return content.getvalue()


def _lay_out(figure: Figure) -> None:
    """Lay a figure out once and for all: matplotlib would draw all of it twice for each file."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    engine, dots_per_inch = figure.get_layout_engine(), figure.dpi
    if engine is None:
        return
    FigureCanvasSVG(figure)  # measures text as the file will show it
    engine.execute(figure)
    figure.dpi = dots_per_inch  # SVG has its own
    figure.set_layout_engine(None)
