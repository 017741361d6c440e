"""Names and values that a user gives, refused in one sentence before anything runs."""

from pathlib import Path
from typing import Any, Literal

import pytest
from kedro.config import OmegaConfigLoader
from kedro.pipeline import Node, Pipeline
from pydantic import BaseModel, ConfigDict, Field, RootModel, model_validator

from crossfold.exceptions import CrossfoldError
from crossfold.user_input import (
    did_you_mean,
    parameter_types,
    require_environment,
    require_parameters,
    require_selection,
    unknown_parameters,
    wrong_values,
)


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")

    share: float = Field(gt=0, lt=1)
    policy: Literal["cost", "share"] = "cost"


class Split(BaseModel):
    model_config = ConfigDict(extra="forbid")

    part: Part
    parts: tuple[Part, ...] = ()
    by_name: RootModel[dict[str, Part]] = RootModel({})
    low: int = 0
    high: int = 1

    @model_validator(mode="after")
    def check_order(self) -> "Split":
        if self.low > self.high:
            raise ValueError("low must not be above high.")
        return self


def divide(table: str, split: Split, seed: int) -> str:
    return table


def draw(parts: str, *, classes: list[str], notice: str) -> str:
    return parts


STUDY = Pipeline(
    [
        Node(divide, ["table", "params:split", "params:seed"], "parts", name="divide"),
        Node(
            draw,
            {"parts": "parts", "classes": "params:report.classes", "notice": "params:notice"},
            "figure",
            name="draw",
        ),
    ],
    namespace="study",
    parameters={"params:seed", "params:notice"},
    inputs={"table"},
    tags=["modelling"],
)
PIPELINES = {"study": STUDY, "__default__": STUDY}
TYPES = parameter_types(PIPELINES)
GOOD = {
    "seed": 42,
    "notice": "",
    "study": {"split": {"part": {"share": 0.5}}, "report": {"classes": ["a"]}},
}


def faults(**changes: Any) -> list[str]:
    """Tell of the faults of good parameters with some of the study's blocks replaced."""
    tree = {**GOOD, **{key: changes[key] for key in changes if key in GOOD}}
    blocks = {key: value for key, value in changes.items() if key not in GOOD}
    if blocks:
        tree["study"] = {**GOOD["study"], **blocks}
    return [*unknown_parameters(tree, set(TYPES)), *wrong_values(tree, TYPES)]


def test_types_are_those_that_nodes_declare() -> None:
    assert {
        "study.split": Split,
        "seed": int,
        "study.report.classes": list[str],
        "notice": str,
    } == TYPES


def test_good_parameters_have_no_fault() -> None:
    assert faults() == []
    assert faults(split={"part": {"share": 0.5}, "by_name": {"any": {"share": 0.1}}}) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"split": {"part": {"share": 2}}},
            "The parameter study.split.part.share is 2: input should be less than 1",
        ),
        ({"split": {"part": {}}}, "The parameter study.split.part.share is missing"),
        (
            {"split": {"part": {"share": 0.5}, "lo": 1}},
            "There is no parameter study.split.lo (did you mean study.split.low?), which was given"
            " as 1",
        ),
        (
            {"split": {"part": {"share": 0.5, "polcy": 1}}},
            "There is no parameter study.split.part.polcy (did you mean study.split.part.policy?),"
            " which was given as 1",
        ),
        (
            {"split": {"part": {"share": 0.5}, "parts": [{"share": 0.5, "shar": 1}]}},
            "There is no parameter study.split.parts.0.shar (did you mean"
            " study.split.parts.0.share?), which was given as 1",
        ),
        (
            {"split": {"part": {"share": 0.5}, "by_name": {"a": {"share": 0.5, "shar": 1}}}},
            "There is no parameter study.split.by_name.a.shar (did you mean"
            " study.split.by_name.a.share?), which was given as 1",
        ),
        (
            {"split": {"part": {"share": 0.5}, "low": 2}},
            "In the block of parameters study.split: low must not be above high",
        ),
        ({"report": {}}, "The parameter study.report.classes is missing"),
        ({"split": 3}, "The parameter study.split is 3: it is a block of parameters"),
        ({"study": 3}, "The parameter study is 3: it is a block of parameters"),
        (
            {"splt": {"low": 1}},
            "There is no parameter study.splt (did you mean study.split?), which was given as"
            " {'low': 1}",
        ),
        (
            {"report": {"classes": "ab"}},
            "The parameter study.report.classes is 'ab': input should be a valid list",
        ),
        ({"notice": 3}, "The parameter notice is 3: input should be a valid string"),
    ],
)
def test_parameter_is_named_with_its_value_and_what_is_allowed(
    changes: dict[str, object], sentence: str
) -> None:
    assert faults(**changes) == [sentence]


@pytest.mark.parametrize("seed", ["abc", "7", -1, 1.5, 7.0, True, None, 2**32])
def test_seed_is_a_whole_number_of_32_bits(seed: object) -> None:
    assert faults(seed=seed) == [
        f"The parameter seed is {seed!r}: it should be a whole number from 0 to 4,000,000,000"
    ]


@pytest.mark.parametrize("seed", [0, 4_000_000_000])
def test_every_other_seed_is_one(seed: int) -> None:
    assert faults(seed=seed) == []


@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("sed", " (did you mean seed?)"),
        ("study.splti", " (did you mean study.split?)"),
        ("stdy.split", " (did you mean study.split?)"),
        ("study.nothing", ""),
        ("seed", ""),
    ],
)
def test_the_closest_name_is_asked_for(name: str, question: str) -> None:
    assert did_you_mean(name, ["seed", "study.split", "study.report"]) == question


# Configuration


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    files = {
        "base/globals.yml": "seed: 42\nroot: data\nexport: null\n",
        "base/parameters.yml": "seed: ${globals:seed}\nnotice: ''\n",
        "base/study/parameters.yml": "study:\n  split: {part: {share: 0.5}}\n"
        "  report: {classes: [a]}\n",
        "base/study/catalog.yml": "table:\n  filepath: ${runtime_params:export,"
        " ${globals:export}}\n",
        "local/.gitkeep": "",
        "sample/catalog.yml": "other: {filepath: '${globals:own}'}\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def check(conf: Path, env: str | None = None, **runtime: Any) -> None:
    loader = OmegaConfigLoader(
        str(conf),
        env,
        runtime,
        base_env="base",
        default_run_env="local",
        merge_strategy={"parameters": "soft", "globals": "soft"},
    )
    require_environment(loader)
    require_parameters(loader, PIPELINES)


def refused(conf: Path, env: str | None = None, **runtime: Any) -> str:
    with pytest.raises(CrossfoldError) as caught:
        check(conf, env, **runtime)
    return str(caught.value)


def test_what_the_configuration_reads_can_be_given_for_a_run(conf: Path) -> None:
    check(conf, export="a.csv", tracking=True, study={"split": {"low": 1}})
    assert refused(conf, exprt="a.csv") == (
        "There is no parameter exprt (did you mean export?), which was given as 'a.csv'."
        " Change it in conf/ or with --params."
    )


def test_what_the_environment_does_not_read_is_refused_with_it(conf: Path) -> None:
    check(conf, "sample", export="a.csv")
    (conf / "sample" / "catalog.yml").write_text("table: {filepath: made.csv}\n")
    assert refused(conf, "sample", export="a.csv") == (
        "The parameter export is not read with --env=sample, which has data of its own: leave out"
        " one of the two. Change it in conf/ or with --params."
    )


def test_what_no_run_can_change_is_no_parameter_of_a_run(conf: Path) -> None:
    assert refused(conf, root="x").startswith("There is no parameter root, which was given")


def test_all_faults_are_told_at_once(conf: Path) -> None:
    (conf / "local" / "parameters_own.yml").write_text("study: {split: {hgh: 1}}\nexport: a.csv\n")
    (conf / "local" / "globals.yml").write_text("exprt: a.csv\n")
    assert refused(conf, seed=-1) == (
        "The parameter export is none of a file: put it into globals.yml;"
        " there is no global exprt (did you mean export?) in globals.yml;"
        " there is no parameter study.split.hgh (did you mean study.split.high?), which was given"
        " as 1; the parameter seed is -1: it should be a whole number from 0 to 4,000,000,000."
        " Change it in conf/ or with --params."
    )


def test_a_global_that_a_catalog_reads_is_one(conf: Path) -> None:
    (conf / "sample" / "globals.yml").write_text("own: a.csv\nroot: elsewhere\n")
    check(conf, "sample")


def test_unknown_environment_is_told_with_those_that_there_are(conf: Path) -> None:
    assert refused(conf, "smple") == (
        "There is no environment smple (did you mean sample?): the environments are base, local,"
        " sample."
    )


# Pipelines and their parts


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"pipelines": [], "from_nodes": (), "tags": ()},
        {"pipeline": "study", "to_nodes": ["study.draw"], "namespaces": ["study"]},
        {"pipelines": ["study"], "from_inputs": ["table"], "to_outputs": ["study.figure"]},
        {
            "node_names": ("study.divide",),
            "tags": ["modelling"],
            "runner": "kedro_refresh.RefreshRunner",
        },
    ],
)
def test_what_exists_can_be_selected(options: dict[str, Any]) -> None:
    require_selection(options, PIPELINES)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"pipelines": ["stduy", "x"]},
            "There is no pipeline stduy (did you mean study?); there is no pipeline x: the"
            " pipelines are study, __default__.",
        ),
        (
            {"pipelines": ["study"], "to_nodes": ["study.drw"], "from_inputs": ["tabel"]},
            "There is no node study.drw (did you mean study.draw?); there is no dataset tabel (did"
            " you mean table?): kedro registry describe study lists the nodes that there are.",
        ),
        (
            {"namespaces": ["studi"], "tags": ["reporting"]},
            "There is no namespace studi (did you mean study?); there is no tag reporting: kedro"
            " registry describe __default__ lists the nodes that there are.",
        ),
        *(
            (
                {"runner": runner},
                f"There is no runner {runner}{meant}: there are SequentialRunner, ThreadRunner,"
                " ParallelRunner, and others by their import path.",
            )
            for runner, meant in {
                "ThredRunner": " (did you mean ThreadRunner?)",
                "no.Runner": "",
                "os.path": "",
                ".X": "",
            }.items()
        ),
    ],
)
def test_what_does_not_exist_is_told_with_the_closest(
    options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(CrossfoldError) as caught:
        require_selection(options, PIPELINES)
    assert str(caught.value) == sentence
