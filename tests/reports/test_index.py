"""The page that leads to all reports."""

from pathlib import Path

from crossfold.reports.index import find_reports, index_page

PAGE = (
    "<title>{} – crossfold</title><h1>Title</h1>\n"
    '<p class="headline"><b>22 %</b> <span>of &lt;all&gt;</span></p>'
    '<figure id="figure-curves"></figure>'
)


def write(folder: Path, study: str, version: str, title: str, name: str = "report") -> None:
    file = folder / study / f"{name}.html" / version / f"{name}.html"
    file.parent.mkdir(parents=True)
    file.write_text(PAGE.format(title), encoding="utf-8")


def test_the_newest_version_of_each_report_is_listed_with_its_headline(tmp_path: Path) -> None:
    write(tmp_path, "visits", "2026-02-01T00.00.00.000Z", "Old")
    write(tmp_path, "visits", "2026-03-01T00.00.00.000Z", "New &lt;b&gt;")
    write(tmp_path, "visits", "2026-03-02T00.00.00.000Z", "visits", "drift")
    figure = tmp_path / "visits/figures/curves.png/2026-03-01T00.00.00.000Z/curves.png"
    figure.parent.mkdir(parents=True)
    figure.write_bytes(b"")
    drift, report = find_reports(tmp_path)
    assert (report.title, report.headline, report.day) == (
        "New <b>",
        "22 % of <all>",
        "1 March 2026",
    )
    assert report.image == figure.relative_to(tmp_path).as_posix()
    assert drift.title == "What changed in the data: visits"
    page = index_page(tmp_path, "Not real")
    assert "<b>New &lt;b&gt;</b>" in page
    assert "Old" not in page
    assert page.index("Not real") < page.index("<h1>")


def test_an_empty_folder_has_an_empty_page(tmp_path: Path) -> None:
    assert "0 reports" in index_page(tmp_path)
