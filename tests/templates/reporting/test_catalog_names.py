"""Parts of a report are stored as what they are: no other pattern of the catalog takes them."""

from pathlib import Path

import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import CatalogConfigResolver

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
