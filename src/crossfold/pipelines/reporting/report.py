"""The report: one HTML file that holds its style, its figures and its tables."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from crossfold.pipelines.reporting import formatting
from crossfold.pipelines.reporting.captions import CAPTIONS
from crossfold.pipelines.reporting.labels import metric_label, model_in_text, model_label

if TYPE_CHECKING:
    from jinja2 import Environment


def render(**content: Any) -> str:
    """Fill the template; `content` holds what it names."""
    return _environment().get_template("report.html").render(captions=CAPTIONS, **content)


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("crossfold.pipelines.reporting", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": formatting.count,
        "model": model_label,
        "model_in_text": model_in_text,
        "metric": metric_label,
        "data_uri": data_uri,
    }
    return environment


def data_uri(image: bytes) -> str:
    """Turn the bytes of a PNG or SVG image into an address that needs no other file."""
    kind = "png" if image.startswith(b"\x89PNG") else "svg+xml"
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"
