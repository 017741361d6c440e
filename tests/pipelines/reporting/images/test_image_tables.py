"""Counts of images, and the images that the report shows."""

from types import SimpleNamespace

import pandas as pd

from crossfold.pipelines.reporting.images import image_tables


def test_counts_are_those_of_the_split(inputs: SimpleNamespace, tables: dict) -> None:
    counts = tables["class_counts"]
    for column, split in (("part", "source"), ("standard", "standard")):
        parts = inputs.split[column].astype(str)
        expected = inputs.split.groupby([parts, "label"]).size()
        for row in counts[counts["split"] == split].itertuples():
            assert row.n == expected[row.part, row.label]
    shares = counts.groupby(["split", "part"])["share"].sum()
    assert (shares.round(12) == 1).all()
    assert set(counts["part"]) == {"train", "validation", "test"}


def test_only_wrong_images_of_the_strong_model_are_shown_surest_first(
    inputs: SimpleNamespace,
) -> None:
    shown = image_tables.most_confidently_wrong(inputs.predictions, 5)
    strong = inputs.predictions[inputs.predictions["model"] == "strong"].set_index("row")
    wrong = strong[strong["target"] != strong["predicted"]]
    highest = wrong[[f"p{label}" for label in range(10)]].max(axis=1).nlargest(5)
    assert shown["row"].tolist() == highest.index.tolist()
    assert shown["probability"].is_monotonic_decreasing
    assert (shown["target"] != shown["predicted"]).all()


def test_images_of_the_drawn_split_are_not_shown(inputs: SimpleNamespace) -> None:
    strong = inputs.predictions[inputs.predictions["model"] == "strong"]
    on_both = pd.concat([strong.assign(protocol="source", row=strong["row"] + 1), strong])
    shown = image_tables.most_confidently_wrong(on_both, 50)
    assert shown.equals(image_tables.most_confidently_wrong(strong, 50))


def test_a_faultless_model_shows_nothing(inputs: SimpleNamespace) -> None:
    right = inputs.predictions.assign(predicted=inputs.predictions["target"])
    assert image_tables.most_confidently_wrong(right, 5).empty


def test_random_images_follow_the_seed_and_are_standard_test_images(
    inputs: SimpleNamespace,
) -> None:
    def rows(seed: int) -> list[int]:
        return image_tables.random_test_images(inputs.predictions, 7, seed)["row"].tolist()

    assert rows(1) == rows(1) != rows(2)
    assert (inputs.split["standard"].take(rows(1)) == "test").all()


def test_fewer_images_than_asked_for_are_all_shown(inputs: SimpleNamespace) -> None:
    few = inputs.predictions[inputs.predictions["model"] == "strong"].head(3)
    assert len(image_tables.random_test_images(few, 7, 1)) == 3
