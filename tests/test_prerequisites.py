"""A run that lacks what another pipeline makes stops before it starts, and says what to do."""

import pandas as pd
import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

from crossfold.datasets import TableDataset
from crossfold.exceptions import CrossfoldError
from crossfold.hooks import ProjectHooks, require_inputs, smallest_maker


def copy(table: pd.DataFrame) -> pd.DataFrame:
    return table


STUDY = Pipeline([Node(copy, "raw", "table", name="make")])
AUDIT = Pipeline([Node(copy, "table", "audited", name="audit")])
PIPELINES = {"__default__": STUDY, "all": STUDY + AUDIT, "study": STUDY, "audit": AUDIT}


@pytest.fixture
def catalog(tmp_path) -> DataCatalog:
    table = {"type": "pandas.CSVDataset", "filepath": str(tmp_path / "table.csv")}
    return DataCatalog.from_config({"table": table})


def test_a_missing_table_is_named_with_the_command_that_makes_it(catalog):
    with pytest.raises(CrossfoldError, match=r"table has not been .* --pipelines=study first"):
        require_inputs(AUDIT, catalog, PIPELINES)


def test_a_table_that_is_there_or_comes_from_outside_is_no_obstacle(catalog):
    require_inputs(STUDY, catalog, PIPELINES)
    catalog.save("table", pd.DataFrame({"a": [1]}))
    require_inputs(AUDIT, catalog, PIPELINES)


def test_a_table_of_the_user_s_own_is_no_sample(catalog):
    params = {"env": "sample", "run_id": None}
    ProjectHooks().before_pipeline_run(params, STUDY, catalog)
    catalog["raw"] = TableDataset(dataset={"type": "pandas.CSVDataset", "filepath": "a.csv"})
    ProjectHooks().before_pipeline_run({**params, "env": None}, STUDY, catalog)
    with pytest.raises(CrossfoldError, match=r"raw: no synthetic data, .* without --env=sample"):
        ProjectHooks().before_pipeline_run(params, STUDY, catalog)


def test_the_smallest_pipeline_is_named():
    assert smallest_maker("table", PIPELINES) == "study"
    assert smallest_maker("audited", PIPELINES) == "audit"
    assert smallest_maker("raw", PIPELINES) is None
