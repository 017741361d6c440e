"""The page: the answer, then its sections, made from the run's own tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from crossfold.pipelines.reporting.document import Document, Figure, Section, Table
from crossfold.pipelines.reporting.gene_expression import lines
from crossfold.pipelines.reporting.gene_expression.captions import CAPTIONS
from crossfold.pipelines.reporting.gene_expression.labels import PROTOCOLS, model_label
from crossfold.pipelines.reporting.gene_expression.opening import opening
from crossfold.pipelines.reporting.gene_expression.parameters import ReportParameters
from crossfold.pipelines.reporting.lines import LEAK_GUARD_HEADER, leak_guard_lines
from crossfold.reports.words import percent
from crossfold.templates.cross_validation.folds import LEAVE_ONE_OUT


@dataclass(frozen=True)
class Run:
    """What a run of the study made, and the words of its report."""

    metrics_table: pd.DataFrame
    comparison: pd.DataFrame
    controls: pd.DataFrame
    leak_guard: pd.DataFrame
    row_counts: Mapping[str, Any]
    card: Mapping[str, Any]
    selected_probes: pd.DataFrame
    report: ReportParameters
    data_notice: str
    figures: Mapping[str, bytes]

    def figure(self, name: str) -> Figure:
        """Give a figure with its caption."""
        return Figure(name, self.figures[name], CAPTIONS[name])


def make_document(run: Run) -> Document:
    """Arrange a run as a page."""
    return Document(
        title=run.report.title,
        opening=opening(run.metrics_table, run.comparison, run.controls, run.report.model),
        lead=(run.figure("model_comparison"),),
        sections=(
            _data(run),
            _models(run),
            _training(run),
            _controls(run),
            _probes(run),
            _use(run),
        ),
        data_notice=run.data_notice,
        command=run.report.command,
        facts=_facts(run.card),
    )


def _data(run: Run) -> Section:
    counts = run.row_counts
    return Section(
        "data",
        "The patients",
        (
            f"Bone marrow and blood of {counts['read']} patients with acute leukaemia, ALL or AML, "
            f"measured by {counts['probes']:,} probes of a chip, {counts['control_probes']} of "
            "which are its own controls (Golub et al. 1999). The study published them as two "
            "files: one to learn from, and one of independent patients, from other hospitals in "
            "part.",
        ),
        (
            Table("Patients by source file", lines.ORIGIN_HEADER, lines.origin_lines(counts)),
            run.figure("class_counts"),
            run.figure("patients_2d"),
        ),
    )


def _models(run: Run) -> Section:
    tables = [
        Table(
            f"{label}: pooled predictions of patients that no part of the model has seen, 95 % "
            "intervals",
            lines.METRICS_HEADER,
            lines.metric_lines(run.metrics_table, protocol),
            model_label(run.report.model),
        )
        for protocol, label in PROTOCOLS.items()
    ]
    comparison = Table(
        f"{model_label(run.report.model)} minus each other model: difference of accuracy with 95 % "
        "interval. McNemar's test counts patients that only one of the two calls correctly; the "
        "corrected resampled t-test counts folds",
        lines.COMPARISON_HEADER,
        lines.comparison_lines(run.comparison, run.report.model),
    )
    return Section(
        "models",
        "Models compared",
        (
            "Filtering, choice of probes, scaling and resampling are learnt inside each training "
            "fold, each fold has fresh networks, and validation patients are never resampled. "
            "Repeats of the folds are pooled; a patient then counts once, with all of its "
            "predictions. Accuracy and the shares of AML and ALL have Wilson's intervals; the "
            "others are bootstrapped over patients.",
        ),
        (*tables, comparison),
    )


def _training(run: Run) -> Section:
    names = ("resampling_curves", "k_fold_curves", "leave_one_out_curves")
    return Section("training", "Training", parts=tuple(run.figure(name) for name in names))


def _controls(run: Run) -> Section:
    return Section(
        "controls",
        "What leaks would have shown",
        (
            "On permuted labels there is nothing to learn: a sound protocol scores at chance. Two "
            "customary shortcuts do not. The leak guard sees rows: it finds the synthetic patients "
            "that were made from validation patients, but it cannot see that probes were chosen "
            "with the labels of all patients; only this control can.",
        ),
        (
            run.figure("controls"),
            Table(
                "Permuted labels: means over permutations, 95 % t-intervals",
                lines.CONTROL_HEADER,
                lines.control_lines(run.controls),
            ),
            Table(
                "Leak guard on the sound protocols",
                LEAK_GUARD_HEADER,
                tuple(leak_guard_lines(run.leak_guard)),
            ),
        ),
    )


def _probes(run: Run) -> Section:
    shown = run.selected_probes.head(run.report.n_probes_shown)
    return Section(
        "probes",
        "Which probes are chosen",
        (
            "Each training fold chooses its own probes. What most folds choose does not hang on "
            "single patients; it is still only what tells these two classes apart on this chip.",
        ),
        (
            run.figure("selected_probes"),
            Table(
                "Share of training folds that chose each probe, the most stable first",
                lines.PROBE_HEADER,
                lines.probe_lines(shown),
            ),
        ),
    )


def _use(run: Run) -> Section:
    card = run.card
    accuracy = card["metrics"][LEAVE_ONE_OUT]["accuracy"]["estimate"]
    return Section(
        "limits",
        "Use and limits",
        (
            f"For: {card['intended_use']}",
            f"Not for: {card['not_intended_for']}",
            f"The model that is kept learnt from all patients and reads {len(card['inputs'])} "
            f"probes; its own accuracy is not known, that of its kind is about "
            f"{percent(accuracy)}.",
            *card["limits"],
        ),
    )


def _facts(card: Mapping[str, Any]) -> dict[str, str]:
    versions = ", ".join(f"{name} {version}" for name, version in card["versions"].items())
    return {
        "Seed": str(card["seed"]),
        "Versions": versions,
        "Fingerprint of the data": card["data"]["fingerprint"],
    }
