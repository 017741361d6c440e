"""Bad parameters are refused, with the allowed values."""

import subprocess
import sys
from typing import get_args

import pytest
from pydantic import ValidationError

from crossfold.mlp import MLPClassifier, MLPRegressor
from crossfold.mlp._tabular import TABULAR
from crossfold.templates.cross_validation.folds import SCORED
from crossfold.templates.cross_validation.parameters import (
    DecisionParameters,
    EvaluationParameters,
    FamilyParameters,
    ImportanceParameters,
    Model,
    NetworkParameters,
    Protocol,
    misfits,
)
from crossfold.templates.cross_validation.training import make_network


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"engine": "jax"}, "'numpy' or 'torch'"),
        ({"learning_rate_init": -1}, "greater than 0"),
        ({"dropout": 1.0}, "less than 1"),
        ({"activation": "swish"}, "'relu'"),
        ({"init": "hee"}, "'he'"),
        ({"loss": "hinge"}, "'focal'"),
        ({"early_stopping": "score"}, "'loss'"),
        ({"label_smoothing": 1.5}, "label_smoothing"),
        ({"hidden_layer_sizes": [0]}, "greater than 0"),
        ({"batch_size": "all"}, "'full'"),
        ({"learning_rate_initial": 0.1}, r"no argument .* \(did you mean learning_rate_init\?\)"),
    ],
)
def test_bad_networks_are_refused(values: dict, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        NetworkParameters(**values)


def test_networks_take_what_the_library_takes() -> None:
    """Every argument of the library's list is known, with its default and the preset's values."""
    for kind in (MLPClassifier, MLPRegressor):
        of_library = {n: v for n, v in kind().get_params().items() if v is not None}
        NetworkParameters(**of_library)
    network = NetworkParameters(**{**TABULAR, "n_iter_no_change": None}, label_smoothing=0.1)
    made = make_network(network, "binary")
    assert {name: getattr(made, name) for name in TABULAR} == TABULAR
    assert made.label_smoothing == 0.1
    assert NetworkParameters(loss="poisson").loss == "poisson"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"estimator": "os.system"}, "come from one of sklearn"),
        (
            {"estimator": "sklearn.svm.SVM"},
            r"no estimator sklearn\.svm\.SVM \(did you mean SVR\?\)",
        ),
        ({"estimator": "sklearn.svn.SVC"}, r"no estimator sklearn\.svn\.SVC"),
        ({"estimator": "sklearn"}, "no estimator sklearn"),
        ({"estimator": "sklearn.neighbors"}, "no class of estimators"),
        ({"estimator": "sklearn.datasets.load_iris"}, "no class of estimators"),
        ({"inputs": []}, "at least 1 item"),
        (
            {"estimator": "sklearn.svm.SVC", "params": {"kernl": "rbf"}},
            "kernl of SVC .did you mean kernel",
        ),
        ({"estimator": "sklearn.svm.SVC", "params": {"C": "1.0"}}, "'C' parameter of SVC must be"),
        ({"estimator": "sklearn.svm.SVC", "search": {"C": [1, 2]}}, "only mlp can search"),
        ({"params": {"max_iter": 0}}, "greater than 0"),
        ({"search": {"alpha": [-1]}}, "greater than or equal to 0"),
        ({"search": {"alpha": []}}, "at least 1 item"),
        ({"params": {"random_state": 3}}, "random_state comes from the parameter seed"),
        ({"search": {"random_state": [3]}}, "random_state comes from the parameter seed"),
        ({"params": {"callbacks": [1]}}, "callbacks is for Python"),
        ({"members": 0}, "greater than 0"),
        ({"preparation": "tf_idf"}, "'encoded', 'tabular'"),
        ({"select": 0}, "greater than 0"),
        ({"protocols": ["kfold"]}, "'grouped_k_fold', 'k_fold'"),
        ({"search_metric": "acuracy"}, "did you mean accuracy"),
        ({"sampler": "copies"}, "'none', 'down_sampling' or 'smote'"),
        ({"sampler": "smote", "search": {"alpha": [0.1]}}, "cannot have a sampler"),
        (
            {"sampler": "smote", "params": {"class_weight": "balanced"}},
            "resampled classes are balanced already",
        ),
    ],
)
def test_bad_models_are_refused(values: dict, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Model(**values)


def test_a_family_is_models_by_name() -> None:
    models = FamilyParameters.model_validate({"mlp": {"params": {"max_iter": 3}}})
    assert [(name, model.network.max_iter) for name, model in models] == [("mlp", 3)]


def test_calibration_is_one_of_four() -> None:
    with pytest.raises(ValidationError, match="'none', 'platt', 'isotonic' or 'beta'"):
        DecisionParameters(calibration="temperature")


def test_a_changed_copy_is_checked_too() -> None:
    with pytest.raises(ValidationError, match="'numpy' or 'torch'"):
        NetworkParameters().changed(engine="jax")


def test_words_that_stand_in_the_types_are_the_library_s() -> None:
    fields = NetworkParameters.model_fields
    listed = [
        (name, word)
        for name, field in fields.items()
        for kind in get_args(field.annotation)
        for word in get_args(kind) or (kind,)
        if isinstance(word, str)
    ]
    assert ("solver", "adamw") in listed
    for name, word in listed:
        MLPClassifier(**{name: word})._validate_params()


def test_the_library_is_loaded_for_other_words_alone() -> None:
    code = (
        "import sys; from crossfold.templates.cross_validation.parameters import *;"
        "NetworkParameters(solver='adamw', max_iter=3); assert 'sklearn' not in sys.modules;"
        "NetworkParameters(activation='silu'); assert 'sklearn' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_protocols_are_those_that_are_scored() -> None:
    assert get_args(Protocol) == SCORED


def test_what_drives_a_model_is_measured_by_a_score() -> None:
    assert ImportanceParameters(metric="f1").metric == "f1"
    with pytest.raises(ValidationError, match="did you mean f1"):
        ImportanceParameters(metric="f11")


@pytest.mark.parametrize("scope", ["pooled", "fold 0"])
def test_a_subset_takes_no_other_figures_name(scope: str) -> None:
    """Figures of a subset called pooled would stand on the model card for those of all rows."""
    with pytest.raises(ValidationError, match=f"something else are called {scope}"):
        EvaluationParameters(subsets={scope: "flag"})


@pytest.mark.parametrize(
    ("evaluation", "said"),
    [
        (
            {"reference": "mpl"},
            ["evaluation.reference names mpl, and there is no such model (did you mean mlp?)"],
        ),
        (
            {"twins": ["mlp", "torch"]},
            ["evaluation.twins names torch, and there is no such model"],
        ),
        ({"single_fold": 6}, ["evaluation.single_fold is 6, and the folds are 0 to 5"]),
        (
            {"metric": "accuracy"},
            ["evaluation.metric is accuracy: there are r2, rmse, mae, mean_error"],
        ),
        (
            {"subsets": {"smokers": "smoke", "others": "not smoker", "early": "day_month"}},
            [
                "evaluation.subsets.smokers names smoke, and there is no such input"
                " (did you mean smoker?)"
            ],
        ),
        ({"reference": "mlp", "twins": [], "single_fold": 5, "metric": "mae"}, []),
        ({}, []),
    ],
)
def test_evaluations_name_what_their_study_has(evaluation: dict, said: list[str]) -> None:
    blocks = {
        "table": {
            "target": "y",
            "task": "regression",
            "columns": {"smoker": "flag", "day": "date"},
        },
        "folds": {"n_splits": 3, "n_repeats": 2},
        "models": {"numpy": {"mlp": {}}, "torch": {"other": {}}},
        "evaluation": evaluation,
    }
    tree = {"seed": 1, "study": blocks, "other": {"evaluation": {"reference": "own"}}}
    assert list(misfits(tree)) == [f"study.{one}" for one in said]


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (
            {"evaluation": {"subsets": {"old": "not oldd", "own": "flag_vip"}}},
            ["evaluation.subsets.old names oldd, and there is no such input (did you mean old?)"],
        ),
        (
            {"importance": {"groups": {"body": ["height", "wieght"]}}},
            [
                "importance.groups.body names wieght, and there is no such input"
                " (did you mean weight?)"
            ],
        ),
        (
            {"models": {"numpy": {"mlp": {"inputs": ["age", "number_km"]}}}},
            ["models.numpy.mlp.inputs names age, and there is no such input"],
        ),
        (
            {"folds": {"parts": 2}, "models": {"numpy": {"mlp": {"members": 3}}}},
            ["models.numpy.mlp.members is 3, and they leave out one of 2 parts each"],
        ),
        ({"folds": {"parts": 0}, "models": {"numpy": {"mlp": {"members": 3}}}}, []),
        ({"preparation": {}, "evaluation": {"subsets": {"a": "of code's features"}}}, []),
    ],
)
def test_where_code_builds_the_features_the_preparation_says_which_there_are(
    block: dict, said: list[str]
) -> None:
    blocks = {
        "preparation": {"numeric": ["height", "weight"], "binary": ["old"], "optional": ["old"]},
        "models": {},
        "evaluation": {},
        **block,
    }
    assert list(misfits({"study": blocks})) == [f"study.{one}" for one in said]


@pytest.mark.parametrize(
    ("task", "path", "kind"),
    [
        ("binary", "sklearn.neighbors.KNeighborsRegressor", "classifier"),
        ("multiclass", "sklearn.ensemble.IsolationForest", "classifier"),
        ("regression", "sklearn.svm.SVC", "regressor"),
    ],
)
def test_an_estimator_is_for_its_studys_task(task: str, path: str, kind: str) -> None:
    good = {"regression": "sklearn.svm.SVR"}.get(task, "sklearn.svm.SVC")
    models = {"baselines": {"x": {"estimator": path}, "y": {"estimator": good}}}
    blocks = {"table": {"task": task}, "models": models, "evaluation": {}}
    assert [*misfits({"study": blocks})] == [
        f"study.models.baselines.x.estimator is {path}, which is no {kind}"
    ]


def test_networks_and_other_estimators_have_families_of_their_own() -> None:
    """A network would be trained in place of the other, with the other's name."""
    models = {"numpy": {"svm": {"estimator": "sklearn.svm.SVC"}}, "baselines": {"net": {}}}
    assert [*misfits({"study": {"models": models, "evaluation": {}}})] == [
        "study.models.numpy.svm.estimator is sklearn.svm.SVC: it belongs into baselines",
        "study.models.baselines.net.estimator is mlp: it belongs into another family",
    ]


def test_no_two_models_have_one_name() -> None:
    """Their predictions would be told as those of one."""
    blocks = {"models": {"numpy": {"mlp": {}}, "torch": {"mlp": {}}}, "evaluation": {}}
    [said] = misfits({"study": blocks})
    assert said == "study.models.numpy and models.torch both name a model mlp"


def test_a_preparation_names_inputs_of_the_table() -> None:
    table = {"target": "y", "columns": {"age": "number"}}
    for kind in ("numeric", "optional"):
        blocks = {"table": table, "preparation": {kind: ["aeg"]}, "models": {}, "evaluation": {}}
        [said] = misfits({"study": blocks})
        assert said.startswith(f"study.preparation.{kind} names aeg, and there is no such input (")
