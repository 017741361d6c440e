"""The moons report as a page."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from crossfold.pipelines.modelling.versions import library_versions
from crossfold.pipelines.moons.nodes import DRAWS, LEARNT, NEW
from crossfold.pipelines.moons.variants import variant_label
from crossfold.pipelines.reporting.document import Document, Figure, Section, Table
from crossfold.pipelines.reporting.moons.summary import draw_summary
from crossfold.pipelines.reporting.parameters import PageParameters
from crossfold.pipelines.reporting.report import Caption
from crossfold.reports.words import count, number, percent_interval

Tables = Mapping[str, pd.DataFrame]

CAPTIONS = {
    "boundary": Caption(
        "Maps of the plane: probability as grey shading, the boundary as a line, training points.",
        "The line is where both moons are equally likely. The darker the shade, the surer the "
        "network is of the lower moon.",
    ),
    "draws": Caption(
        "Test accuracy of every variant over new draws of the training points.",
        "Each tick is a network trained on points of its own; all are tested on the same points. "
        "What the training points happen to be moves a single figure more than most settings do.",
    ),
    "points": Caption(
        "Training points and test points of two moons.",
        "Test points are drawn apart, with a seed of their own: no network has seen them.",
    ),
    "training_curves": Caption(
        "Training and test loss over epochs for every variant.",
        "The training loss holds the L2 penalty, the test loss does not.",
    ),
    "twins": Caption(
        "Largest difference between the probabilities that NumPy and PyTorch give a point.",
        "From the same start on the same batches, only rounding is left between the engines.",
    ),
}


def make_document(
    tables: Tables,
    figures: Mapping[str, bytes],
    report: PageParameters,
    data_notice: str,
    seed: int,
) -> Document:
    """Arrange a run as a page."""

    def show(name: str) -> Figure:
        return Figure(name, figures[name], CAPTIONS[name])

    versions = ", ".join(f"{name} {version}" for name, version in library_versions().items())
    return Document(
        title=report.title,
        opening=opening(tables),
        lead=(show("boundary"),),
        sections=(
            Section("points", "The points", parts=(show("points"),)),
            Section("models", "Models compared", parts=(_accuracies(tables), show("draws"))),
            Section("training", "Training", parts=(show("training_curves"),)),
            Section("twins", "NumPy and PyTorch", parts=(show("twins"), _twins(tables))),
        ),
        data_notice=data_notice,
        command=report.command,
        facts={"Seed": str(seed), "Versions": versions},
    )


def opening(tables: Tables) -> tuple[str, ...]:
    """Give the answer in sentences."""
    own = tables["metrics"].query("model == 'quadratic_0' and metric == 'accuracy'")
    learnt, new = (own[own["protocol"] == name].iloc[0] for name in (LEARNT, NEW))
    over = tables["comparison"].query("protocol == @DRAWS and model_b == 'coordinates_0'").iloc[0]
    mean, low, high = (100 * over[name] for name in ("difference", "low", "high"))
    differ = "they matter little" if low <= 0 <= high else "a difference beyond chance"
    return (
        f"With quadratic features and no L2, the network tells "
        f"{percent_interval(learnt.estimate, learnt.low, learnt.high)} of the {count(learnt.n)} "
        f"points it learnt from apart, and {percent_interval(new.estimate, new.low, new.high)} of "
        f"{count(new.n)} new ones. The second figure is the one to believe.",
        f"Over {over['n']} draws of the training points, quadratic features change "
        f"test accuracy by {number(mean, 2)} points ({number(low, 2)} to {number(high, 2)}): "
        f"{differ}.",
    )


def _accuracies(tables: Tables) -> Table:
    own = tables["metrics"].query("metric == 'accuracy'").set_index(["model", "protocol"])
    lines = []
    for model in draw_summary(tables["metrics"])["model"]:
        cells = [own.loc[(model, name)] for name in (LEARNT, NEW, DRAWS)]
        texts = [percent_interval(cell["estimate"], cell["low"], cell["high"]) for cell in cells]
        lines.append((variant_label(model), *texts))
    return Table(
        "Accuracy with 95 % intervals: Wilson's on the points of this draw, Student's over draws",
        ("Variant", "Training points", "Test points", "Test points, mean over draws"),
        tuple(lines),
    )


def _twins(tables: Tables) -> Table:
    own = tables["comparison"].query("protocol == @NEW")
    gaps, apart = (part for _, part in own.groupby("metric", sort=False))
    lines = [
        (variant_label(row.model_a), f"{row.difference:.1e}", count(round(other * row.n)))
        for row, other in zip(gaps.itertuples(), apart["difference"], strict=True)
    ]
    header = ("Variant", "Largest difference of probability", "Points decided differently")
    return Table("The same network on both engines, in double precision", header, tuple(lines))
