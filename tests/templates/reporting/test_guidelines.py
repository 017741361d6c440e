"""What the page on reporting guidelines says of reports is so."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/explanation/guidelines.md").read_text(encoding="utf-8")
REPORTS = [
    ROOT / "src/crossfold/templates/reporting/base.md.j2",
    ROOT / "src/crossfold/templates/reporting/default.md.j2",
    ROOT / "src/crossfold/pipelines/no_show/report.md.j2",
]
GENERIC = {"Sections"}


def headings(pages: list[Path]) -> set[str]:
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    return set(re.findall(r"^## (.+)$", text, re.MULTILINE))


def test_every_section_that_it_names_is_in_the_appointments_report() -> None:
    named = set(re.findall(r"(?<!\*)\*([A-Z][^*]+)\*(?!\*)", PAGE)) - GENERIC
    assert len(named) > 6
    assert named - headings(REPORTS) == set()


def test_no_item_of_tripod_is_left_out() -> None:
    items = re.findall(r"^\| (\d+)[a-g]? \|", PAGE, re.MULTILINE)
    assert sorted(set(map(int, items))) == list(range(1, 28))
    domains = set(re.findall(r"^\| (data|inputs|outcome|analysis|applicability) \|", PAGE, re.M))
    assert len(domains) == 5
