"""The figures that a run ends with."""

import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline

from crossfold.hooks import headlines
from crossfold.templates.cross_validation.parameters import EvaluationParameters

COLUMNS = ["model", "protocol", "metric", "estimate", "low", "high", "n"]
ROWS = [
    ("logistic", "k_fold", "roc_auc", 0.9, 0.8, 0.95, 6497),
    ("mlp", "permuted_labels", "accuracy", 0.5, 0.4, 0.6, 6497),
    ("mlp", "k_fold", "accuracy", 0.9963, 0.9944, 0.9977, 6497),
    ("mlp", "k_fold", "roc_auc", 0.999, 0.998, 1.0, 6497),
    ("mlp_tuned", "k_fold", "roc_auc", 0.7114, 0.7, 0.72, 6497),
]


def copy(table: pd.DataFrame) -> pd.DataFrame:
    return table


PIPELINE = Pipeline([Node(copy, "table", "metrics_table")], namespace="study", inputs={"table"})


def told(table: pd.DataFrame, **parameters: EvaluationParameters) -> list[str]:
    data = {"study.metrics_table": table, **{f"params:{k}": v for k, v in parameters.items()}}
    catalog = DataCatalog({name: MemoryDataset(value) for name, value in data.items()})
    return list(headlines(PIPELINE, catalog))


def test_the_first_figure_of_the_first_network_is_told_and_no_control() -> None:
    assert told(pd.DataFrame(ROWS, columns=COLUMNS)) == [
        "study: accuracy 99.6\u00a0% (99.4–99.8\u00a0%), n = 6,497 (mlp, k_fold)"
    ]


def test_the_model_that_others_are_compared_with_comes_first() -> None:
    parameters = {"study.evaluation": EvaluationParameters(reference="mlp_tuned")}
    assert told(pd.DataFrame(ROWS, columns=COLUMNS), **parameters) == [
        "study: ROC-AUC 0.711 (0.700–0.720), n = 6,497 (mlp_tuned, k_fold)"
    ]


def test_without_networks_the_first_row_is_told() -> None:
    table = pd.DataFrame(ROWS[:1], columns=COLUMNS)
    assert told(table) == ["study: ROC-AUC 0.900 (0.800–0.950), n = 6,497 (logistic, k_fold)"]


@pytest.mark.parametrize("rows", [ROWS[1:2], []], ids=["only a control", "empty"])
def test_where_there_is_no_such_figure_nothing_is_said(rows: list[tuple[object, ...]]) -> None:
    assert told(pd.DataFrame(rows, columns=COLUMNS)) == []


def test_what_the_run_has_not_written_is_not_told() -> None:
    assert list(headlines(PIPELINE, DataCatalog())) == []
