"""What the project's notebooks start with."""

from __future__ import annotations

import base64
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
from kedro.utils import find_kedro_project

import crossfold
from crossfold.exceptions import CrossfoldError

if TYPE_CHECKING:
    from kedro.io import CatalogProtocol

_WIDTH = 800
_COLOURS = 64


def load_catalog(environment: str = "sample") -> CatalogProtocol[Any, Any]:
    """Load the catalog of the project's last runs, and say what data they are of.

    The environment is ``sample`` for runs on synthetic data, ``local`` for those on real data;
    ``KEDRO_ENV`` comes first where it is set. Names in the catalog are those that Kedro-Viz shows.
    Raises a `CrossfoldError`: neither the working folder nor the installed package is in a project.
    """
    project = _find_project()
    # Kedro reads this on import; without it, it logs every table that is loaded.
    os.environ.setdefault("KEDRO_LOGGING_CONFIG", str(project / "conf" / "logging.yml"))
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project

    bootstrap_project(project)
    environment = os.environ.get("KEDRO_ENV", environment)
    with KedroSession.create(project, env=environment, save_on_close=False) as session:
        context = cast("KedroSession", session).load_context()
    _print_plainly()
    click.echo(context.params["data_notice"] or "Real data.")
    catalog: CatalogProtocol[Any, Any] = context.catalog
    return catalog


def show_figure(catalog: CatalogProtocol[Any, Any], name: str) -> None:
    """Show a figure of a run, 800 pixels wide in 64 colours, so that a stored notebook stays small.

    The catalog is that of `load_catalog`, the name that of a figure, such as
    ``wine.figures.models``.
    """
    from IPython.display import Image, display
    from PIL import Image as Picture

    figure: Any = catalog.get(name)
    with Picture.open(io.BytesIO(base64.b64decode(figure.preview()))) as picture:
        height = round(picture.height * _WIDTH / picture.width)
        small = picture.convert("RGB").resize((_WIDTH, height)).quantize(_COLOURS)
    content = io.BytesIO()
    small.save(content, format="png", optimize=True)
    display(Image(content.getvalue()))  # type: ignore[no-untyped-call]


def _find_project() -> Path:
    """Find the project around the working folder, or else the one this package is a part of."""
    for folder in (Path.cwd(), Path(crossfold.__file__)):
        project = find_kedro_project(folder.resolve())
        if project is not None and (project / "src" / "crossfold").is_dir():
            return Path(project)
    raise CrossfoldError(
        f"There is no crossfold project around {Path.cwd()}: start from a folder of the project, or"
        " install it with pip install --editable."
    )


def _print_plainly() -> None:
    """Take rich's printing, which comes with Kedro's logging, out of the notebook again."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None:
        from IPython.core.formatters import PlainTextFormatter

        formatter = shell.display_formatter
        formatter.formatters["text/plain"] = PlainTextFormatter(parent=formatter)
