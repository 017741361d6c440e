"""One page that leads to every report of a project."""

import re
from collections.abc import Iterator
from datetime import datetime
from html import unescape
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from crossfold.reports import words
from crossfold.reports.page import render_page

PAGES = {
    "report.html": "",
    "audit.html": "Are the source's claims true? ",
    "drift.html": "What changed in the data: ",
}
_SOURCE = """# Reports

{{ n }} {{ "report" if n == 1 else "reports" }}, each in its newest version.

{{ cards }}
"""
_CARD = Markup(
    '<li><a href="{path}"><b>{title}</b><span>{headline}</span> '
    '<span class="note">{folder}, {day}</span>{image}</a></li>'
)


class Report(NamedTuple):
    """What the index says of a report."""

    path: str  # from the folder of reports
    image: str  # from there too; nothing where the report has no image of its own
    folder: str  # name of the study
    title: str  # this and the headline as the report has them
    headline: str
    day: str  # of the run that wrote it


def index_page(folder: Path, notice: str = "") -> str:
    """Write the page that leads to the newest version of every report in a folder.

    The folder has one for each study, and in it versioned pages; `notice` is the page's first line.
    """
    cards = [_card(one) for one in find_reports(folder)]
    listed = Markup('<ul class="cards">{}</ul>').format(Markup("").join(cards))
    return render_page(_SOURCE, {"n": len(cards), "cards": listed}, notice)


def _card(report: Report) -> Markup:
    shown = Markup('<img src="{}" alt="" loading="lazy">').format(report.image)
    return _CARD.format(**report._replace(image=shown if report.image else "")._asdict())


def find_reports(folder: Path) -> Iterator[Report]:
    """Find the newest version of every report, by study."""
    for dataset in sorted(folder.glob("*/*.html")):
        files = sorted(dataset.glob(f"*/{dataset.name}"))
        if files and dataset.name in PAGES:
            yield _read(folder, files[-1])


def _read(folder: Path, file: Path) -> Report:
    page, study = file.read_text(encoding="utf-8"), file.parents[2]
    title = _text(re.search(r"<title>(.*?)</title>", page, re.DOTALL)).removesuffix(" – crossfold")
    kinds = (r'<p class="answer">(.*?)</p>', r'<p class="headline">(.*?)</p>', r"<p>(.*?)</p>")
    found = (re.search(kind, page, re.DOTALL) for kind in kinds)
    figure = re.search(r'<figure id="figure-(\w+)"', page)
    images = sorted(study.glob(f"figures/{figure[1]}.png/*/*.png")) if figure else []
    return Report(
        path=file.relative_to(folder).as_posix(),
        image=images[-1].relative_to(folder).as_posix() if images else "",
        folder=study.name,
        title=f"{PAGES[file.name]}{title}" if PAGES[file.name] not in title else title,
        headline=_text(next(filter(None, found), None)),
        day=_day(file.parent.name),
    )


def _text(found: re.Match[str] | None) -> str:
    """Take the text of what was found, without its tags."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", found[1] if found else "")).split())


def _day(version: str) -> str:
    """Name the day of a version that Kedro named; else the version itself."""
    try:
        return words.day(datetime.strptime(version[:10], "%Y-%m-%d"))
    except ValueError:
        return version
