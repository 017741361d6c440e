"""Parameters: the shipped files, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from crossfold.pipelines.images.parameters import (
    ComparisonsParameters,
    ExperimentParameters,
    ExperimentsParameters,
    RegimeParameters,
    SplitParameters,
)
from crossfold.pipelines.images.report import Extra
from crossfold.templates.cross_validation.parameters import IntervalParameters

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
    experiments, regimes = content["experiments"], content["regimes"]
    models = {f"{regime}/{name}" for regime in regimes for name in experiments}
    for framework in ("numpy", "torch"):
        models |= {f"twin_{framework}"}
        models |= {f"twin_{framework}_{regime}" for regime in list(content["twin"]["regimes"])[1:]}
    pairs = ComparisonsParameters(content["comparisons"]).root.values()
    assert {model for some in pairs for pair in some for model in pair} <= models
    assert content["twin"]["experiment"] in experiments
    shown = content["report"]["extra"]
    assert {*shown["shown"], *shown["precision_recall"]} <= models | {"strong"}
    assert len(content["classes"]) == 10


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
