"""Parameters: the shipped files, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from crossfold.pipelines.images.parameters import (
    ExperimentParameters,
    ExperimentsParameters,
    RegimeParameters,
    SplitParameters,
    misfits,
)
from crossfold.pipelines.images.report import Extra
from crossfold.templates.cross_validation.parameters import IntervalParameters
from kedro_refresh.adapter import ThreadSafeConfigLoader

CONF = Path(__file__).parents[3] / "conf"


def parameters(study: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((CONF / f"base/{study}/parameters.yml").read_text())
    return content[study]


def test_the_digits_table_is_that_of_the_source() -> None:
    table = ExperimentsParameters(parameters("digits")["experiments"]).root
    assert list(table) == [str(number) for number in range(1, 21)]
    assert [name for name, one in table.items() if one.dropout] == ["16", "17", "18", "19", "20"]
    assert table["13"].hidden_layer_sizes == (5, 10)
    activations = {
        kind: [int(name) for name, one in table.items() if one.activation == kind]
        for kind in ("sigmoid", "tanh")
    }
    assert activations == {"sigmoid": [4, 9, 12, 17, 19], "tanh": [5, 10, 13]}
    inits = {
        kind: [int(name) for name, one in table.items() if one.init == kind]
        for kind in ("kaiming", "xavier")
    }
    assert inits == {"kaiming": [2, 7, 12, 18], "xavier": [3, 8, 13, 16, 17, 20]}


@pytest.mark.parametrize("study", ["digits", "fashion"])
def test_every_named_model_exists(study: str) -> None:
    content = parameters(study)
    assert list(misfits(content)) == []
    assert len(content["classes"]) == 10


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"twin": {"experiment": "21"}}, "twin.experiment names 21, and there is no such exp"),
        (
            {"twin": {"regimes": {"full": {"network": {}}}}},
            "twin.regimes names full, and there is no such regime with rates",
        ),
        (
            {"comparisons": {"A minus B": [["twin_numpy", "strong"]]}},
            "comparisons names strong, and there is no such model",
        ),
        ({"evaluation": {"reference": "strog"}}, "evaluation.reference names strog, and there is"),
        (
            {"report": {"extra": {"shown": ["full_batch/77"]}}},
            "report.extra.shown names full_batch/77, and there is no such model (did you mean ful",
        ),
        (
            {"report": {"extra": {"named_by": "relu"}}},
            "report.extra.named_by names relu, and there is no such model",
        ),
    ],
)
def test_names_that_no_model_has_are_refused(changes: dict[str, Any], said: str) -> None:
    changed = ThreadSafeConfigLoader._soft_merge(parameters("digits"), changes)
    assert [fault.startswith(said) for fault in misfits(changed)] == [True]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (SplitParameters, {"n_validaton": 5}),
        (SplitParameters, {"n_test": 0}),
        (ExperimentParameters, {"hidden_layer_sizes": (), "init": "xavier", "activation": "relu"}),
        (ExperimentParameters, {"hidden_layer_sizes": (5,), "init": "he", "activation": "relu"}),
        (RegimeParameters, {"network": {}, "learning_rates": ()}),
        (RegimeParameters, {"network": {"max_iter": 0}, "learning_rates": (0.1,)}),
        (Extra, {"show": ["mini_batch/7"], "precision_recall": []}),
        (Extra, {"shown": "strong", "precision_recall": []}),
        (IntervalParameters, {"metric": "accuracy"}),  # of which nothing is compared
    ],
)
def test_wrong_values_are_refused(kind: Any, values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        kind(**values)
