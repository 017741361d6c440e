"""The report: one HTML file that holds its style, its figures and its tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from crossfold.reports import words
from crossfold.reports.page import data_uri

if TYPE_CHECKING:
    from jinja2 import Environment


class Caption(NamedTuple):
    """The words beside a figure.

    Attributes
    ----------
    alt
        What is drawn, for a reader who does not see it.
    text
        What to make of it.
    """

    alt: str
    text: str


def render(
    template: str, filters: Mapping[str, Callable[[str], str]] | None = None, **content: Any
) -> str:
    """Fill a template of the folder ``templates``; `content` holds what it names.

    Parameters
    ----------
    template
        File name, ``binary.html`` for one.
    filters
        Functions of the template's own, beside ``count`` and ``data_uri``.
    """
    return _environment(filters or {}).get_template(template).render(**content)


def _environment(filters: Mapping[str, Callable[[str], str]]) -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("crossfold.pipelines.reporting", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count": words.count, "data_uri": data_uri, **filters}
    return environment
