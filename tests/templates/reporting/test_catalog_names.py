"""Parts of a report are stored as what they are: no other pattern of the catalog takes them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import AbstractDataset, CatalogConfigResolver
from pandas.testing import assert_frame_equal

from crossfold.templates.reporting.nodes import FIGURES, TABLES

CONF = Path(__file__).parents[3] / "conf"


@pytest.fixture(scope="module")
def resolver() -> CatalogConfigResolver:
    loader = OmegaConfigLoader(str(CONF), base_env="base", default_run_env="base")
    return CatalogConfigResolver(loader["catalog"], {"patient_key": {"key": "k"}})


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_stored_as_figures(resolver: CatalogConfigResolver, name: str) -> None:
    assert resolver.match_dataset_pattern(f"visits.figures.{name}") == "{study}.figures.{name}"


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_stored_as_tables(resolver: CatalogConfigResolver, name: str) -> None:
    assert resolver.match_dataset_pattern(f"visits.tables.{name}") == "{study}.tables.{name}"


@pytest.mark.parametrize("name", ["tables.decision", "feature_importance", "feature_effects"])
def test_names_of_users_are_read_back_as_they_were(resolver, name: str, tmp_path: Path) -> None:
    config = resolver.resolve_pattern(f"visits.{name}")
    config = {**config, "filepath": (tmp_path / "table.csv").as_posix(), "versioned": False}
    dataset = AbstractDataset.from_config(name, config)
    names = ["007", "2024", "1.0", "None", "NA", "True", "1e5"]
    columns = dict.fromkeys(("column", "level", "class", "predicted"), names)
    table = pd.DataFrame({**columns, "estimate": [np.nan, *range(6)], "rows": range(7)})
    dataset.save(table)
    assert_frame_equal(dataset.load(), table)
