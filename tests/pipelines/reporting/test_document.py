"""A document becomes one page that holds what it was given, and nothing unescaped."""

from crossfold.pipelines.reporting.document import (
    Document,
    Figure,
    Section,
    Table,
    render_document,
)
from crossfold.pipelines.reporting.report import Caption

PNG = b"\x89PNG\r\n\x1a\nnot much of an image"


def make_document(**changes: object) -> Document:
    table = Table(
        "Accuracy, n = 20",
        ("Model", "Accuracy"),
        (("a", "0.9 (0.8–1.0)"), ("b <&>", "0.7")),
        highlighted="a",
    )
    figure = Figure("accuracy", PNG, Caption("Two dots.", "One is higher."))
    content = {
        "title": "A study",
        "opening": ("It works.",),
        "lead": (figure,),
        "sections": (Section("models", "Models", ("Some words.",), (table,)),),
        "command": "kedro run",
        "facts": {"Seed": "42"},
    }
    return Document(**{**content, **changes})


def test_the_page_holds_every_part_once():
    page = render_document(make_document())
    for text in ("<h1>A study</h1>", "It works.", "Two dots.", "One is higher.", "Some words."):
        assert page.count(text) == 1, text
    assert 'href="#models"' in page
    assert 'id="models"' in page
    assert "data:image/png;base64," in page
    assert "<code>kedro run</code>" in page
    assert "<dt>Seed</dt><dd>42</dd>" in page


def test_texts_are_escaped_and_one_row_is_highlighted():
    page = render_document(make_document())
    assert "b &lt;&amp;&gt;" in page
    assert page.count('class="highlight"') == 1


def test_the_notice_is_the_first_thing_on_the_page():
    page = render_document(make_document(data_notice="Synthetic."))
    body = page.split("<body>")[1].lstrip()
    assert body.startswith('<p class="notice" role="note">Synthetic.</p>')
    assert 'class="notice"' not in render_document(make_document())


def test_without_a_command_there_is_nothing_to_reproduce():
    assert "How to reproduce" not in render_document(make_document(command=""))
