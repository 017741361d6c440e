"""A report as data: sections of paragraphs, tables and figures, filled into one HTML file."""

from dataclasses import dataclass, field

from crossfold.pipelines.reporting.report import Caption, render


@dataclass(frozen=True)
class Table:
    """A table as it is printed.

    Attributes
    ----------
    caption
        What the rows are, with the number of rows they rest on.
    header
        One text per column.
    rows
        Texts in the order of the header; an estimate is printed with its interval.
    highlighted
        First text of the row that the report is about, or nothing.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    highlighted: str = ""


@dataclass(frozen=True)
class Figure:
    """A figure with its words.

    Attributes
    ----------
    name
        Name of the figure's dataset; its address on the page is ``#figure-NAME``.
    image
        Bytes of a PNG or SVG file.
    caption
        What is drawn, and what to make of it.
    """

    name: str
    image: bytes
    caption: Caption


Part = Table | Figure


@dataclass(frozen=True)
class Section:
    """A part of a report with its own heading; its address on the page is ``#ID``."""

    id: str
    title: str
    paragraphs: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Document:
    """A report.

    Attributes
    ----------
    title
        Heading of the page.
    opening
        The answer, in sentences with figures and intervals.
    lead
        Tables and figures that belong to the answer.
    sections
        In reading order; the contents list them.
    data_notice
        First line of the page, or nothing: that the data is synthetic or the run was shortened.
    command
        The command that repeats the run.
    facts
        What else it takes to repeat the run, by name: seed, versions, fingerprint of the data.
    """

    title: str
    opening: tuple[str, ...]
    lead: tuple[Part, ...] = ()
    sections: tuple[Section, ...] = ()
    data_notice: str = ""
    command: str = ""
    facts: dict[str, str] = field(default_factory=dict)


def render_document(document: Document) -> str:
    """Give the page: one HTML file that needs no other."""
    return render("document.html", document=document, data_notice=document.data_notice)
