"""A report: from a page of Markdown with Jinja to one HTML file that needs no other.

What a page prints with ``{{ … }}`` is text: whatever names a user's table has, they are shown as
they are, and never read as Markdown or HTML.
"""

import re
import shlex
import sys
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from traceback import extract_tb
from typing import Any

from markupsafe import Markup

from crossfold.exceptions import CrossfoldError
from crossfold.reports import words
from crossfold.reports.tables import Estimate, on_one_line

_SYNTAX = re.compile(r"""[!"#$&'*<>@\[\\\]^_`{|}~=+-]|(?<=\d)[.)]""")
_DOCUMENT = Markup(
    '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    "<title>{title} – crossfold</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
    "<main>\n{notice}{main}</main>\n<script>\n{script}</script>\n</body>\n</html>\n"
)


class PageError(CrossfoldError):
    """A page of a report cannot be filled."""


@dataclass(frozen=True)
class Lazy:
    """A value that is computed when a page names it."""

    compute: Callable[[], Any]


def render_page(
    source: str, names: Mapping[str, Any], notice: str = "", folder: Path | None = None
) -> str:
    """Fill a page of Markdown with Jinja, and turn it into HTML.

    `names` are what it can name: values, and functions that return `Markup` for what is HTML;
    ``{{ contents }}`` is where the list of sections goes. `notice` is its first line, `folder` has
    the pages that it may extend, include or import. A page that names what there is not, or is no
    Jinja, is a `PageError`.
    """
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    tokens = parser.parse(_fill(source, {**_LATER, **names}, folder))
    title, sections = _headings(tokens)
    main = parser.renderer.render(tokens, parser.options, {}).replace(_CONTENTS, _nav(sections))
    main = main.replace(_GLOSSARY, _glossary(main))
    first = Markup('<p class="notice" role="note">{}</p>\n').format(notice) if notice else ""
    parts = {"style": _beside("page.css"), "script": _beside("page.js")}
    return str(_DOCUMENT.format(title=title, notice=first, main=Markup(main), **parts))


def _beside(name: str) -> Markup:
    return Markup(files("crossfold.reports").joinpath(name).read_text(encoding="utf-8"))


_CONTENTS, _GLOSSARY = "<nav></nav>", '<dl class="glossary"></dl>'
_LATER = {"contents": Markup(_CONTENTS), "glossary": Markup(_GLOSSARY)}


def _fill(source: str, names: Mapping[str, Any], folder: Path | None) -> str:
    from jinja2 import FileSystemLoader, StrictUndefined, TemplateError
    from jinja2.runtime import Context
    from jinja2.sandbox import SandboxedEnvironment

    class Computing(Context):
        """Computes a value the first time that it is named."""

        def resolve_or_missing(self, key: str) -> Any:
            found = super().resolve_or_missing(key)
            if isinstance(found, Lazy):
                found = self.parent[key] = found.compute()
            return found

    environment = SandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=as_text,
        loader=FileSystemLoader(folder) if folder else None,
    )
    environment.context_class = Computing
    of_words = {one.__name__: one for one in (words.count, words.number, words.listed)}
    environment.filters |= {**of_words, "percent": _percent, "code": code, "literal": literal}
    try:
        return environment.from_string(source).render(**names)
    except (TemplateError, TypeError, ValueError) as error:
        line = _line(error)
        where = f"line {line} of the report's page" if line else "the report's page"
        raise PageError(
            f"In {where}: {error}; see docs/how-to/report-page.md for what it can name."
        ) from error


def _line(error: Exception) -> int | None:
    lines = [f.lineno for f in extract_tb(error.__traceback__) if f.filename == "<template>"]
    return getattr(error, "lineno", None) or (lines[-1] if lines else None)


def _percent(value: Estimate | float, decimals: int = 1) -> str:
    return value.percent() if isinstance(value, Estimate) else words.percent(value, decimals)


def as_text(value: Any) -> Markup:
    """Print a value on a page so that nothing in it is read as Markdown or HTML.

    Every character with a meaning becomes a numbered entity, which both show as that character.
    """
    if isinstance(value, Markup):
        return value
    return _entities(re.sub(r"\s*[\r\n]\s*", " ", str(value)).strip(" \t"))


def _entities(text: str) -> Markup:
    return Markup(_SYNTAX.sub(lambda found: f"&#{ord(found.group())};", text))


def this_command() -> str:
    """Give the command that started this run, or nothing where it was no ``kedro run``."""
    program, *arguments = sys.argv or [""]
    is_kedro = Path(program).stem == "kedro" or program.endswith("-m kedro")
    return f"kedro {shlex.join(arguments)}" if is_kedro and arguments[:1] == ["run"] else ""


def today() -> str:
    """Name the day of this run."""
    return words.day(datetime.now(UTC))


def code(value: object) -> Markup:
    """Print a value in the type of code."""
    return Markup(f"<code>{as_text(value)}</code>")


def literal(text: str) -> Markup:
    """Keep lines and spaces of a text inside of an element ``pre``."""
    return Markup(str(_entities(text)).replace("\n", "&#10;").replace(" ", "&#32;"))


def figure_html(name: str, image: bytes, caption: str, alt: str, title: str = "") -> Markup:
    """Embed a PNG or SVG image; its address on the page is ``#figure-NAME``."""
    finding = Markup('<p class="finding">{}</p>').format(title) if title else ""
    figure = Markup(
        '<figure id="figure-{0}">{4}'
        '<div class="scroll" tabindex="0" role="group" aria-label="{2}">'
        '<img src="{1}" alt="{2}"></div><figcaption>{3}</figcaption></figure>'
    )
    return on_one_line(figure.format(name, data_uri(image), alt, caption, finding))


def data_uri(image: bytes) -> str:
    """Turn the bytes of a PNG or SVG image into an address that needs no other file."""
    kind = "png" if image.startswith(b"\x89PNG") else "svg+xml"
    return f"data:image/{kind};base64,{b64encode(image).decode()}"


def _headings(tokens: list[Any]) -> tuple[str, dict[str, str]]:
    """Read the title and the headings of sections, which get their addresses."""
    title, sections = "", dict[str, str]()
    for heading, inline in pairwise(tokens):
        kind = heading.tag if heading.type == "heading_open" else ""
        text = "".join(part.content for part in inline.children or ())
        if kind == "h1":
            title = title or text
        elif kind == "h2":
            address = re.sub(r"\W+", "-", text.lower()).strip("-") or "section"
            address = f"{address}-{len(sections)}" if address in sections else address
            heading.attrSet("id", address)
            sections[address] = text
    return title, sections


def _nav(sections: Mapping[str, str]) -> str:
    items = [Markup('<li><a href="#{}">{}</a></li>').format(*one) for one in sections.items()]
    return f'<nav aria-label="Contents"><ul>{"".join(items)}</ul></nav>'


def glossary() -> dict[str, str]:
    """Give every term that reports explain, with its sentence."""
    import yaml

    terms: dict[str, str] = yaml.safe_load(str(_beside("glossary.yml")))
    return terms


def _glossary(main: str) -> str:
    """Explain the terms that a page uses, each in one sentence."""
    text = re.sub(r"<[^>]*>", " ", main).lower()
    items = [
        Markup("<dt>{}</dt><dd>{}</dd>").format(term, sentence)
        for term, sentence in glossary().items()
        if any(
            re.search(rf"(?<!\w){re.escape(name)}s?(?!\w)", text)
            for name in re.split(r", | \(|\)", term.lower())
            if name
        )
    ]
    start = '<details class="glossary"><summary>Glossary</summary>'
    return f"{start}<dl>{''.join(items)}</dl></details>" if items else ""
