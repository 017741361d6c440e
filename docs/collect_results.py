"""Copies what the documents show from the latest runs on the real data: make figures."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
import pandas as pd
import yaml
from screenshot import take_screenshot

from crossfold.pipelines.images.data import SOURCE
from crossfold.reports.index import find_reports
from crossfold.reports.tables import metric_name
from crossfold.reports.words import interval, number, percent_interval
from crossfold.templates.audit.page import join_claims
from crossfold.templates.cross_validation.folds import GROUPED, LEAVE_ONE_OUT, ORIGINAL_SPLIT
from crossfold.validation.tables import POOLED

ROOT = Path(__file__).parents[1]
REPORTING = ROOT / "data/08_reporting"
RESULTS = ROOT / "docs/results"
FIGURES = {
    "no_show": {
        "models": "model_comparison",
        "no_show_by_lead_time": "no_show_by_lead_time",
        "calibration": "reliability",
        "decision": "capacity",
        "twin_training": "twin_training",
    },
    "digits": {"experiment_accuracy": "digits_experiment_accuracy"},
    "fashion": {"experiment_accuracy": "fashion_experiment_accuracy"},
    "gene_expression": {
        name: f"gene_expression_{name}" for name in ("model_comparison", "controls", "patients_2d")
    },
    "wine": {"accuracy": "wine_accuracy"},
    "moons": {"boundary": "moons_boundary", "draws": "moons_draws"},
    "primer": {name: f"primer_{name}" for name in ("growing_weights", "first_network")},
}
SHOWN = "no_show"  # whose report the home page shows
METRICS = ("roc_auc", "pr_auc", "brier", "expected_calibration_error")


def main() -> None:
    """Copy what the documents show of every study that has been run."""
    answers = {report.folder: report.headline for report in find_reports(REPORTING)}
    for study, figures in FIGURES.items():
        if study not in answers:
            click.echo(f"{study} has not been run on the real data: make real STUDY={study}")
            continue
        for name, copied_as in figures.items():
            figure = latest(study, f"figures/{name}.png").with_suffix(".svg")
            shutil.copy(figure, ROOT / f"docs/images/{copied_as}.svg")
        for name, lines in TABLES[study]().items():
            write(name, lines)
        write(f"{study}_answer", [f"**{answers[study].rstrip('.')}.**"])
    audits = [
        pd.read_csv(latest(study, "audit.csv")) for study in answers if study.endswith("_audit")
    ]
    if audits:
        join_claims(*audits).to_csv(RESULTS / "audit.csv", index=False)
    if SHOWN in answers:
        take_screenshot(latest(SHOWN, "report.html"), ROOT / "docs/images/report.png")


def no_show_tables() -> dict[str, Iterable[str]]:
    """Give the tables of the no-show study by name."""
    return {"no_show_models": table_of_models(read("no_show", "tables/models"))}


def digits_tables() -> dict[str, Iterable[str]]:
    """Give the tables of the digits study by name."""
    return {
        "digits_experiments": table_of_experiments(
            read("digits", "experiments"), read("digits", "metrics")
        ),
        "digits_twins": table_of_twins(read("digits", "twins")),
    }


def fashion_tables() -> dict[str, Iterable[str]]:
    """Give the tables of the fashion study by name."""
    differences = table_of_differences(read("fashion", "comparison"), "fashion")
    return {"fashion_comparison": differences}


def gene_expression_tables() -> dict[str, Iterable[str]]:
    """Give the tables of the leukaemia study by name."""
    return {
        f"gene_expression_{protocol}": table_of_protocol(protocol)
        for protocol in (LEAVE_ONE_OUT, ORIGINAL_SPLIT)
    }


def table_of_protocol(protocol: str) -> Iterator[str]:
    """Write the study's table of one protocol with its intervals, one line a model."""
    table = read("gene_expression", f"tables/{protocol}")
    shown = [name for name in table if not name.endswith(("_low", "_high"))]
    printers = {name: percent_interval for name in ("accuracy", "recall", "specificity")}

    def cell(row: dict[str, Any], name: str) -> str:
        if f"{name}_low" not in row:
            return f"{row[name]:g}" if name == "wrong" else str(row[name])
        return printers.get(name, interval)(row[name], row[f"{name}_low"], row[f"{name}_high"])

    rows = ([cell(row, name) for name in shown] for row in table.to_dict("records"))
    return markdown([metric_name(name) for name in shown], rows)


def wine_tables() -> dict[str, Iterable[str]]:
    """Give the tables of the study of wine colours by name."""
    return {"wine_accuracy": table_of_wine_models(read("wine", "metrics"))}


def no_tables() -> dict[str, Iterable[str]]:
    """Give nothing: the study's figures say it all."""
    return {}


TABLES = {
    "no_show": no_show_tables,
    "digits": digits_tables,
    "fashion": fashion_tables,
    "gene_expression": gene_expression_tables,
    "wine": wine_tables,
    "moons": no_tables,
    "primer": no_tables,
}


def latest(study: str, name: str) -> Path:
    """Give the file of a versioned dataset's latest version."""
    dataset = REPORTING / study / name
    return max(dataset.iterdir()) / dataset.name


def read(study: str, name: str) -> pd.DataFrame:
    """Read a table of the latest run."""
    return pd.read_csv(latest(study, f"{name}.csv"), dtype={"experiment": str})


def write(name: str, lines: Iterable[str]) -> None:
    """Write a part of a document."""
    (RESULTS / f"{name}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def markdown(header: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Write a table, one line a row."""
    names = list(header)
    yield f"| {' | '.join(names)} |"
    yield "|" + " --- |" * len(names)
    for row in rows:
        yield f"| {' | '.join(row)} |"


def table_of_models(models: pd.DataFrame) -> Iterator[str]:
    """Write one line a model, best first, with the 95 % interval of each figure."""
    labels = yaml.safe_load((ROOT / "conf/base/no_show/parameters_reporting.yml").read_text())
    names = labels["no_show"]["report"]["labels"]
    rows = (
        [
            names.get(row["model"], row["model"]),
            *(
                interval(*(row[f"{metric}{end}"] for end in ("", "_low", "_high")))
                for metric in METRICS
            ),
        ]
        for row in models.to_dict("records")
    )
    return markdown(["model", *map(metric_name, METRICS)], rows)


def table_of_experiments(experiments: pd.DataFrame, metrics: pd.DataFrame) -> Iterator[str]:
    """Write one line an experiment, with its test accuracy in each regime."""
    on_source = metrics[(metrics["scope"] == POOLED) & (metrics["protocol"] == SOURCE)]
    accuracies = on_source[on_source["metric"] == "accuracy"]
    tested = experiments.merge(accuracies, on=["model", "protocol"])
    settings = ["layers", "init", "activation", "dropout"]
    rows = []
    for name, own in tested.groupby("experiment"):
        accuracy = {
            row.regime: percent_interval(row.estimate, row.low, row.high)
            for row in own.itertuples()
        }
        shown = map(str, own.iloc[0][settings])
        rows.append([str(name), *shown, accuracy["full_batch"], accuracy["mini_batch"]])
    header = ["experiment", "layers", "start", "hidden", "dropout", "full batch", "mini-batch"]
    return markdown(header, sorted(rows, key=lambda row: int(row[0])))


def table_of_twins(twins: pd.DataFrame) -> Iterator[str]:
    """Write one line for each library in each regime."""
    rows = (
        [
            {"numpy": "NumPy", "torch": "PyTorch"}[row.framework],
            row.regime.replace("_", " "),
            percent_interval(row.estimate, row.low, row.high),
            number(row.seconds, 0),
            f"{row.largest_probability_difference:.0e}"
            if row.largest_probability_difference
            else "0",
        ]
        for row in twins.itertuples()
    )
    header = [
        "library",
        "regime",
        "test accuracy",
        "seconds",
        "largest difference of a probability",
    ]
    return markdown(header, rows)


def table_of_differences(comparison: pd.DataFrame, study: str) -> Iterator[str]:
    """Write one line for each comparison over all seeds."""
    asked = yaml.safe_load((ROOT / f"conf/base/{study}/parameters.yml").read_text())[study]
    pairs = [(question, *pair) for question, own in asked["comparisons"].items() for pair in own]
    questions = pd.DataFrame(pairs, columns=["question", "model_a", "model_b"])
    found = questions.merge(comparison, on=["model_a", "model_b"])
    over_seeds = found[~found["test"].str.contains(", seed ")]
    rows = (
        [
            row.question,
            f"{row.model_a.split('/')[-1]} – {row.model_b.split('/')[-1]}".replace("_", " "),
            row.test,
            interval(100 * row.difference, 100 * row.low, 100 * row.high, 2),
            row.verdict,
        ]
        for row in over_seeds.itertuples()
    )
    return markdown(
        ["question", "networks", "interval from", "difference, points", "verdict"], rows
    )


def table_of_wine_models(metrics: pd.DataFrame) -> Iterator[str]:
    """Write one line a model, all folds together."""
    is_result = (metrics["scope"] == POOLED) & (metrics["protocol"] == GROUPED)
    pooled = metrics[is_result & (metrics["metric"] == "accuracy")]
    labels = yaml.safe_load((ROOT / "conf/base/wine/parameters.yml").read_text(encoding="utf-8"))[
        "wine"
    ]["report"]["labels"]
    rows = (
        [
            labels[row.model],
            percent_interval(row.estimate, row.low, row.high, decimals=2),
            f"{round((1 - row.estimate) * row.n):,} of {row.n:,}",
        ]
        for row in pooled.itertuples()
    )
    return markdown(["model", "accuracy", "wrong"], rows)


if __name__ == "__main__":
    main()
