"""The image pipeline through the catalog: the sample, the published files, the user's own."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog
from kedro.runner import SequentialRunner

from crossfold.datasets.images import LabelledImages
from crossfold.pipelines.images.pipeline import create_data

from .conftest import labelled

CONF = str(Path(__file__).parents[4] / "conf")


def catalog(env: str, folder: Path, **parameters: Any) -> DataCatalog:
    """Make the catalog of an environment, with its data in a folder."""
    loader = OmegaConfigLoader(
        CONF,
        env=env,
        base_env="base",
        default_run_env="base",
        runtime_params=parameters,
        merge_strategy={"globals": "soft"},
    )
    loader["globals"] = {**loader["globals"], "data_root": str(folder)}
    secrets = {"patient_key": {"key": "k"}}
    return DataCatalog.from_config(loader["catalog"], secrets, save_version="1")


def run(source: str, data: DataCatalog) -> tuple[np.ndarray, pd.DataFrame, dict[str, Any]]:
    SequentialRunner().run(create_data(source), data)
    names = (f"{source}_images", f"{source}_labels", f"{source}.row_counts")
    images, labels, counts = (data.load(name) for name in names)
    return images, labels, counts


def to_csv(images: LabelledImages, file: Path) -> str:
    table = pd.DataFrame(images.images.reshape(len(images.images), -1)).add_prefix("pixel")
    table.insert(0, "label", images.labels)
    table.to_csv(file, index=False)
    return str(file)


def test_the_sample_goes_through_the_catalog(source: str, tmp_path: Path) -> None:
    images, labels, counts = run(source, catalog("sample", tmp_path))
    assert images.shape == (1797, 28, 28)
    assert images.dtype == np.uint8
    assert labels.dtypes.astype(str).to_dict() == {
        "label": "uint8",
        "origin": "category",
        "row": "int32",
        "duplicate_of_test": "bool",
    }
    assert sum(counts["by_origin"]["train"]) == 1348
    assert sum(counts["by_origin"]["test"]) == 449
    assert (tmp_path / f"03_primary/{source}/images-idx3-ubyte/1/images-idx3-ubyte").is_file()


def test_the_users_files_take_the_place_of_the_published_ones(source: str, tmp_path: Path) -> None:
    train, test = labelled(3, 1, 4), labelled(1, 5, seed=1)
    own = {
        f"{source}_csv": to_csv(train, tmp_path / "train.csv"),
        f"{source}_test_csv": to_csv(test, tmp_path / "test.csv"),
    }
    images, labels, _ = run(source, catalog("base", tmp_path, **own))
    np.testing.assert_array_equal(images, np.concatenate([train.images, test.images]))
    assert labels["label"].tolist() == [3, 1, 4, 1, 5]


@pytest.mark.real_data
def test_the_published_files_go_through_the_catalog(
    source: str,
    tmp_path: Path,
    mirror: Path,
    published: tuple[LabelledImages, LabelledImages],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CROSSFOLD_MIRROR", str(mirror))
    data = catalog("base", tmp_path)
    images, labels, _ = run(source, data)
    np.testing.assert_array_equal(images[:60_000], published[0].images)
    np.testing.assert_array_equal(images[60_000:], published[1].images)
    np.testing.assert_array_equal(labels["label"][60_000:], published[1].labels)
    files = data[f"{source}.train_raw"].stored_files()
    assert [file.parent for file in files] == [tmp_path / "01_raw" / source] * 2
