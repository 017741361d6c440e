"""The template as a whole: what it reads and makes, and its splits of the real images."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from crossfold.datasets import IdxDataset
from crossfold.datasets.images import LabelledImages
from crossfold.pipelines.images.data import assign_parts, guard_against_leaks, join_images
from crossfold.pipelines.images.parameters import SplitParameters
from crossfold.pipelines.images.pipeline import create_modelling, create_report
from crossfold.user_input import parameter_types, wrong_values

CONF = Path(__file__).parents[3] / "conf/base"


def test_a_study_reads_its_source_and_its_parameters() -> None:
    pipeline = create_modelling("clothes", "shop")
    read = {name for name in pipeline.inputs() if not name.startswith("params:clothes.")}
    assert read == {"shop_images", "shop_labels", "params:seed"}
    made = pipeline.outputs() | {f"clothes.{name}" for name in ("model", "split", "history")}
    assert made <= set(pipeline.datasets())
    assert all(name.startswith("clothes.") for name in made)


@pytest.mark.parametrize("part", ["modelling", "report"])
def test_every_class_has_a_name(part: str) -> None:
    made = {"modelling": create_modelling, "report": create_report}[part]("clothes", "shop")
    types = parameter_types({"clothes": made})
    names = {"clothes": {"classes": ["shirt", "shoe"]}}
    [fault] = wrong_values(names, {"clothes.classes": types["clothes.classes"]})
    assert "at least 10 items" in fault


def real_images(mirror: Path, source: str) -> tuple[object, pd.DataFrame]:
    parts = [
        LabelledImages(
            *(
                IdxDataset(filepath=str(mirror / source / f"{part}-{kind}-ubyte.gz")).load()
                for kind in ("images-idx3", "labels-idx1")
            )
        )
        for part in ("train", "t10k")
    ]
    images, labels, _ = join_images(*parts)
    return images, labels


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("study", "source", "sizes"),
    [
        ("digits", "mnist", {"train": 37_800, "validation": 2_100, "test": 2_100}),
        ("fashion", "fashion_mnist", {"train": 55_000, "validation": 5_000, "test": 10_000}),
    ],
)
def test_the_real_images_are_split_as_the_sources_did(
    mirror: Path, study: str, source: str, sizes: dict[str, int]
) -> None:
    images, labels = real_images(mirror, source)
    content = yaml.safe_load((CONF / study / "parameters.yml").read_text())[study]
    table = assign_parts(images, labels, SplitParameters(**content["split"]), 42)
    assert table["part"].value_counts().drop("unused", errors="ignore").to_dict() == sizes
    standard = table["standard"].value_counts().to_dict()
    assert standard == {"train": 55_000, "validation": 5_000, "test": 10_000}
    assert guard_against_leaks(images, table)["crossing"].eq(0).all()
