"""The moons report as a page."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from crossfold.pipelines.modelling.versions import library_versions
from crossfold.pipelines.moons.nodes import TEST, TRAIN
from crossfold.pipelines.moons.variants import FEATURES
from crossfold.pipelines.reporting.document import Document, Figure, Section, Table
from crossfold.pipelines.reporting.moons.summary import (
    paired_difference,
    summarise_draws,
    variant_label,
)
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
    metrics, draws = tables["metrics"], tables["draws"]
    alpha = metrics["alpha"].min()
    is_shown = (metrics["engine"] == "numpy") & (metrics["features"] == FEATURES[0])
    own = metrics[is_shown & (metrics["alpha"] == alpha)]
    by_part = {row.part: row for row in own.itertuples()}
    train, test = by_part[TRAIN], by_part[TEST]
    mean, low, high = 100 * paired_difference(draws, FEATURES, alpha)
    differ = "they matter little" if low <= 0 <= high else "a difference beyond chance"
    return (
        f"With quadratic features and no L2, the network tells "
        f"{percent_interval(train.estimate, train.low, train.high)} of the {count(train.n)} points "
        f"it learnt from apart, and {percent_interval(test.estimate, test.low, test.high)} of "
        f"{count(test.n)} new ones. The second figure is the one to believe.",
        f"Over {draws['draw'].nunique()} draws of the training points, quadratic features change "
        f"test accuracy by {number(mean, 2)} points ({number(low, 2)} to {number(high, 2)}): "
        f"{differ}.",
    )


def _accuracies(tables: Tables) -> Table:
    own = tables["metrics"].query("engine == 'numpy'").set_index(["features", "alpha", "part"])
    lines = []
    for row in summarise_draws(tables["draws"]).itertuples():
        cells = [own.loc[(row.features, row.alpha, part)] for part in (TRAIN, TEST)]
        texts = [percent_interval(cell["estimate"], cell["low"], cell["high"]) for cell in cells]
        over_draws = percent_interval(row.estimate, row.low, row.high)
        lines.append((variant_label(row.features, row.alpha), *texts, over_draws))
    return Table(
        "Accuracy with 95 % intervals: Wilson's on the points of this draw, Student's over draws",
        ("Variant", "Training points", "Test points", "Test points, mean over draws"),
        tuple(lines),
    )


def _twins(tables: Tables) -> Table:
    lines = [
        (
            variant_label(row.features, row.alpha),
            f"{row.largest_difference:.1e}",
            count(row.points_decided_differently),
        )
        for row in tables["twins"].itertuples()
    ]
    header = ("Variant", "Largest difference of probability", "Points decided differently")
    return Table("The same network on both engines, in double precision", header, tuple(lines))
