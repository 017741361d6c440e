"""The report, section by section, from the run's tables and figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from crossfold.pipelines.reporting.document import Document, Figure, Section
from crossfold.pipelines.reporting.images import table_lines as lines
from crossfold.pipelines.reporting.images.captions import CAPTIONS
from crossfold.pipelines.reporting.images.experiment_tables import has_scores, tried_rates
from crossfold.pipelines.reporting.images.labels import STRONG
from crossfold.pipelines.reporting.images.lookup import of_strong, of_twin, shown_by_class
from crossfold.pipelines.reporting.images.opening import opening
from crossfold.pipelines.reporting.images.parameters import ReportParameters
from crossfold.reports.words import count, number


@dataclass(frozen=True)
class Run:
    """All that the report is written from; the arguments of `nodes.write_report`."""

    comparison: pd.DataFrame
    twins: pd.DataFrame
    learning_rates: pd.DataFrame
    leak_guard: pd.DataFrame
    split: pd.DataFrame
    card: Mapping[str, Any]
    highlighted: tuple[str, ...]
    report: ReportParameters
    tables: Mapping[str, pd.DataFrame]
    figures: Mapping[str, bytes]

    def figure(self, name: str) -> Figure:
        """Give a figure with its caption."""
        return Figure(name, self.figures[name], CAPTIONS[name])


def document(run: Run) -> Document:
    """Arrange the report: the answer, then what it rests on."""
    tables = run.tables
    return Document(
        title=run.report.title,
        opening=opening(
            tables["classification_report"], tables["experiment_summary"], run.comparison,
            run.twins, run.report,
        ),
        lead=(run.figure("experiment_accuracy"),),
        sections=tuple(section for section in _sections(run) if section is not None),
        data_notice=run.report.data_notice,
        command=run.report.command,
        facts=_facts(run.card),
    )  # fmt: skip


def _sections(run: Run) -> list[Section | None]:
    return [
        _experiments(run),
        _learning_rates(run),
        _training(run),
        _classes(run),
        _pairs(run),
        _twins(run),
        _strong(run),
        _wrong(run),
        _samples(run),
        _data(run),
        _leak_guard(run),
        _limits(run),
    ]


def _experiments(run: Run) -> Section:
    return Section(
        "experiments",
        "Experiments",
        (
            "All experiments of a regime train at once on the same images in the same batches."
            " Learning rates are chosen on the validation images; the test images take no part.",
        ),
        lines.experiment_tables(run.tables["experiment_summary"]),
    )


def _learning_rates(run: Run) -> Section:
    title = "Choice of the learning rate"
    if tried_rates(run.learning_rates).empty:
        rates = ", ".join(
            f"{rate:g}" for rate in sorted(run.learning_rates["learning_rate"].unique())
        )
        return Section("learning-rates", title, (f"The learning rate is given: {rates}.",))
    paragraph = (
        "Every rate is tried for a few epochs and scored on the validation images; each experiment"
        " keeps its best."
    )
    tables = lines.learning_rate_tables(run.learning_rates)
    return Section(
        "learning-rates", title, (paragraph,), (run.figure("learning_rate_choice"), *tables)
    )


def _training(run: Run) -> Section:
    scored = has_scores(run.tables["epochs"])
    names = ("training_curves", "scores_over_epochs") if scored else ("training_curves",)
    return Section("training", "Training", _note(run), tuple(map(run.figure, names)))


def _classes(run: Run) -> Section:
    report = shown_by_class(run.tables["classification_report"], run.highlighted, run.report.regime)
    tables = [
        lines.class_table(part)
        for model, part in report.groupby("model", sort=False)
        if model != STRONG
    ]
    figures = ("class_scores", "confusion_by_truth", "confusion_by_prediction", "precision_recall")
    return Section("classes", "Class by class", _note(run), (*map(run.figure, figures), *tables))


def _note(run: Run) -> tuple[str, ...]:
    return (run.report.highlighted_note,) if run.report.highlighted_note else ()


def _pairs(run: Run) -> Section | None:
    if run.comparison.empty:
        return None
    parts = (run.figure("paired_differences"), lines.comparison_table(run.comparison))
    return Section("pairs", "Compared in pairs", (), parts)


def _twins(run: Run) -> Section | None:
    if run.twins.empty:
        return None
    paragraph = (
        "The same network from NumPy and from PyTorch, from the same start and in the same batches,"
        " once in each regime: within a regime the framework differs, between regimes the regime"
        " does."
    )
    report = of_twin(run.tables["classification_report"])
    drawn = map(run.figure, ("twins", "twin_training", "twin_confusion"))
    parts = (*drawn, lines.twin_table(run.twins), lines.class_table(report))
    return Section("twins", "Regime and library", (paragraph,), parts)


def _strong(run: Run) -> Section:
    table = lines.class_table(of_strong(run.tables["classification_report"]))
    return Section("strong", "The strong model", _strong_words(run.card), (table,))


def _strong_words(card: Mapping[str, Any]) -> tuple[str, ...]:
    words = []
    if "layers" in card:
        words.append(f"Layers {card['layers']}.")
    if "seconds" in card:
        words.append(f"Trained in {number(card['seconds'], 0)} s.")
    return (" ".join(words),) if words else ()


def _wrong(run: Run) -> Section:
    wrong = run.tables["most_confidently_wrong"]
    paragraph = (
        f"The {count(len(wrong))} standard test {run.report.images} that the strong model names"
        " wrongly with the highest probability."
    )
    figures = (run.figure("most_confidently_wrong"),) if len(wrong) else ()
    return Section("wrong", "Most confidently wrong", (paragraph,), figures)


def _samples(run: Run) -> Section:
    figures = (run.figure("sample_images"), run.figure("random_test_images"))
    return Section("samples", "Sample images", (), figures)


def _data(run: Run) -> Section:
    excluded = int((run.split["standard"] == "excluded").sum())
    paragraph = (
        "The drawn split divides training images by class with the run's seed. The standard split"
        f" is the published one, less {count(excluded)} training images that repeat another image."
    )
    parts = (lines.split_table(run.split), run.figure("class_counts"))
    return Section("data", "Data and split", (paragraph,), parts)


def _leak_guard(run: Run) -> Section:
    return Section("leak-guard", "Leak guard", (), (lines.leak_guard_table(run.leak_guard),))


def _limits(run: Run) -> Section | None:
    card = run.card
    words = {"Meant for": card.get("intended_use"), "Not meant for": card.get("not_intended_for")}
    paragraphs = [f"{name}: {text}" for name, text in words.items() if text]
    paragraphs += card.get("limits", ())
    return Section("limits", "Use and limits", tuple(paragraphs)) if paragraphs else None


def _facts(card: Mapping[str, Any]) -> dict[str, str]:
    versions = card.get("versions", {})
    return {
        "Seed": str(card.get("seed", "Not stated.")),
        "Data (SHA-256)": str(card.get("data", {}).get("fingerprint", "Not stated.")),
        "Versions": ", ".join(f"{library} {number}" for library, number in versions.items()),
    }
