import re
from html import unescape

import pandas as pd
import pytest
from markdown_it import MarkdownIt

from crossfold.reports.page import PageError, as_text, code, figure_html, render_page, this_command
from crossfold.reports.tables import to_html

NAMES = (
    "<script>alert(1)</script>",
    "a|b",
    "*bold* __init__",
    "${x} `code` ~~gone~~",
    "[link](http://localhost)",
    "# heading",
    "1. list",
    "- item",
    "> quote",
    "&amp; \\* {{ x }} {% if %}",
    "![image](x.png)",
    "<!-- hidden -->",
    "line\n\nbreak\n---",
)


@pytest.mark.parametrize("name", NAMES)
def test_captions_and_headings_stay_inside_their_tables_and_figures(name):
    table = to_html(pd.DataFrame({name: [1], "x": [name]}), name, names={"x": name})
    page = "{{ table }}\n\n{{ figure }}"
    figure = figure_html("f", b"<svg/>", name, name, name)
    shown = render_page(page, {"table": table, "figure": figure}).partition("<main>")[2]
    found = re.findall(
        r"<(h1|li|p|hr|strong|em|blockquote)\b", shown.replace('<p class="finding"', "")
    )
    assert found == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("around", ["{}", "| a |\n| --- |\n| {} |", "<p>{}</p>", "**{}**", "- {}"])
def test_names_are_never_read_as_markdown_or_html(name, around):
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    plain, shown = (parser.render(around.format(one)) for one in ("WORD", as_text(name)))
    assert unescape(shown) == plain.replace("WORD", re.sub(r"\s*\n\s*", " ", name))


def test_code_and_figures_hold_names_as_they_are():
    assert unescape(code("<b>|*")).replace("code", "") == "<><b>|*</>"
    html = figure_html("n", b"\x89PNG", 'a "b" <c>', 'say "<i>"')
    assert 'alt="say &#34;&lt;i&gt;&#34;"' in html
    assert "data:image/png;base64," in html
    assert "\n" not in html


def test_literal_text_keeps_its_lines_and_spaces():
    text = "a:\n  b: <i>*x*</i>\n\n  c: 1"
    html = render_page("# A\n\n<pre><code>{{ text | literal }}</code></pre>\n", {"text": text})
    assert unescape(re.search(r"<pre><code>(.*?)</code>", html, re.DOTALL)[1]) == text


def test_page_has_one_title_contents_and_a_notice_first():
    html = render_page(
        "# A & B\n\n{{ contents }}\n\n## One\n\n## One\n\n## Ünder\n", {}, "Not real"
    )
    assert "<title>A &amp; B – crossfold</title>" in html
    assert html.index("Not real") < html.index("<h1>")
    anchors = re.findall(r'href="#([^"]+)"', html)
    assert anchors == re.findall(r'<h2 id="([^"]+)"', html) == ["one", "one-1", "ünder"]
    assert not re.search(r'(src|href)="(?!#|data:)', html)


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["python -m kedro", "run", "--params=a=b c"], "kedro run '--params=a=b c'"),
        (["/usr/bin/kedro", "run"], "kedro run"),
        (["/usr/bin/kedro", "refresh"], ""),
        (["pytest", "run"], ""),
    ],
)
def test_the_command_is_the_one_that_started_the_run(monkeypatch, arguments, command):
    monkeypatch.setattr("sys.argv", arguments)
    assert this_command() == command


def test_page_without_a_notice_has_no_empty_one():
    assert 'class="notice"' not in render_page("# A", {})


@pytest.mark.parametrize("source", ["{{ ''.__class__.__mro__ }}", "{{ unknown }}", "{% for %}"])
def test_a_faulty_page_is_told_in_one_sentence(source):
    with pytest.raises(PageError, match="report's page"):
        render_page(source, {})
