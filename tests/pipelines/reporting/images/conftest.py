"""Stand-ins for what the other pipelines hand to the report: same columns, same dtypes."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml

from crossfold.pipelines.images.parameters import ComparisonsParameters
from crossfold.pipelines.reporting.images import nodes
from crossfold.pipelines.reporting.images.parameters import ReportParameters

ROOT = Path(__file__).parents[4]
N_TRAIN, N_TEST, N_CLASSES = 1_200, 400, 10
RATES = (0.01, 0.1, 1.0)
FASHION = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
DIGITS = tuple("0123456789")
DIGIT_EXPERIMENTS = {
    str(number): {
        "layers": "784-10-20-10" if number > 10 else "784-20-10",
        "init": ("random", "kaiming", "xavier")[number % 3],
        "activation": ("relu", "sigmoid", "tanh")[number % 3 if number != 7 else 0],
        "dropout": 0.2 if number > 15 else 0.0,
    }
    for number in range(1, 21)
}
FASHION_EXPERIMENTS = {
    f"{activation}{depth}": {
        "layers": layers,
        "init": "random",
        "activation": activation,
        "dropout": 0.0,
    }
    for depth, layers in (("", "784-25-10"), ("_two_layers", "784-25-25-10"))
    for activation in ("sigmoid", "relu")
}
DIGIT_PAIRS = {
    "Mini-batch minus full batch": [
        ("mini_batch/7", "full_batch/7"),
        ("twin_numpy", "twin_numpy_full_batch"),
    ],
    "ReLU minus sigmoid": [("full_batch/1", "full_batch/4")],
}
FASHION_PAIRS = {
    "ReLU minus sigmoid": [
        ("mini_batch/relu", "mini_batch/sigmoid"),
        ("mini_batch/relu_two_layers", "mini_batch/sigmoid_two_layers"),
    ],
    "PyTorch minus NumPy": [("twin_torch", "twin_numpy")],
}
STUDIES = {
    "digits": SimpleNamespace(
        classes=DIGITS,
        experiments=DIGIT_EXPERIMENTS,
        regimes={"full_batch": 2500, "mini_batch": 20},
        rates=RATES,
        seeds=(42,),
        highlighted={"best": "7", "middle": "18", "worst": "4"},
        twin_regimes=("mini_batch", "full_batch"),
        pairs=DIGIT_PAIRS,
        is_on_standard_split=True,
    ),
    "fashion": SimpleNamespace(
        classes=FASHION,
        experiments=FASHION_EXPERIMENTS,
        regimes={"mini_batch": 500},
        rates=(0.1,),
        seeds=(42, 43, 44, 45, 46),
        highlighted={"sigmoid": "sigmoid", "relu": "relu"},
        twin_regimes=("mini_batch",),
        pairs=FASHION_PAIRS,
        is_on_standard_split=False,
    ),
}


@pytest.fixture(scope="session", params=list(STUDIES))
def name(request: pytest.FixtureRequest) -> str:
    """The study's name."""
    return request.param


@pytest.fixture(scope="session")
def inputs(name: str) -> SimpleNamespace:
    """All inputs of the reporting pipeline of a study, made from one seed."""
    return make_inputs(name)


@pytest.fixture(scope="session")
def report_parameters(name: str) -> ReportParameters:
    """The study's own words."""
    return read_parameters(name)


@pytest.fixture(scope="session")
def tables(inputs: SimpleNamespace, report_parameters: ReportParameters) -> dict[str, pd.DataFrame]:
    """All tables of the report."""
    return make_tables(inputs, report_parameters)


def read_parameters(name: str) -> ReportParameters:
    content = yaml.safe_load((ROOT / f"conf/base/{name}/parameters_reporting.yml").read_text())
    return ReportParameters(**content[name]["report"] | {"data_notice": ""})


def make_tables(inputs: SimpleNamespace, report: ReportParameters) -> dict[str, pd.DataFrame]:
    return {
        **nodes.compute_experiment_tables(
            inputs.experiments, inputs.twins, inputs.metrics_table, inputs.history
        ),
        **nodes.compute_class_tables(
            inputs.predictions, inputs.experiments, inputs.classes, inputs.highlighted
        ),
        **nodes.compute_image_tables(inputs.split, inputs.predictions, inputs.classes, report, 42),
    }


def make_inputs(name: str, seed: int = 7) -> SimpleNamespace:
    study, rng = STUDIES[name], np.random.default_rng(seed)
    labels = make_labels(rng)
    split = make_split(labels, rng)
    experiments, twins = make_experiments(study), make_twins(study)
    return SimpleNamespace(
        images=rng.integers(0, 256, (len(labels), 28, 28), dtype=np.uint8),
        labels=labels,
        split=split,
        leak_guard=make_leak_guard(),
        learning_rates=make_learning_rates(study, rng),
        experiments=experiments,
        metrics_table=make_metrics(experiments, rng),
        history=make_history(study, experiments, twins, rng),
        predictions=make_predictions(study, split, rng),
        comparison=make_comparison(study, rng),
        twins=twins,
        model_card=make_model_card(),
        comparisons=ComparisonsParameters(study.pairs),
        classes=list(study.classes),
        highlighted=study.highlighted,
    )


def make_labels(rng: np.random.Generator) -> pd.DataFrame:
    n = N_TRAIN + N_TEST
    return pd.DataFrame(
        {
            "label": rng.permutation(np.arange(n) % N_CLASSES).astype(np.uint8),
            "origin": pd.Categorical(["train"] * N_TRAIN + ["test"] * N_TEST),
            "row": np.r_[:N_TRAIN, :N_TEST].astype(np.int32),
            "duplicate_of_test": np.arange(n) == 3,
        }
    )


def make_split(labels: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    is_train = (labels["origin"] == "train").to_numpy()
    draw = rng.random(len(labels))
    names = ["test", "validation", "train", "unused"]
    part = np.select([draw < 0.2, draw < 0.4, draw < 0.9], names[:3], names[3])
    standard = np.where(draw < 0.1, "validation", "train")
    standard = np.where(labels["duplicate_of_test"], "excluded", standard)
    return labels[["label", "origin"]].assign(
        part=pd.Categorical(np.where(is_train, part, "unused")),
        standard=pd.Categorical(np.where(is_train, standard, "test")),
    )


def make_leak_guard() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "check": ["exact duplicate rows in two folds"],
            "rows_checked": [N_TRAIN + N_TEST],
            "crossing": [0],
            "verdict": ["none found"],
        }
    )


def make_learning_rates(study: SimpleNamespace, rng: np.random.Generator) -> pd.DataFrame:
    lines = []
    for regime in study.regimes:
        for name in study.experiments:
            accuracies = 0.6 + 0.35 * rng.random(len(study.rates))
            for rate, accuracy in zip(study.rates, accuracies, strict=True):
                best = accuracy == accuracies.max()
                lines.append((regime, name, rate, 100, accuracy, 1 - accuracy, best))
    columns = ["regime", "experiment", "learning_rate", "epochs"]
    columns += ["validation_accuracy", "validation_loss", "chosen"]
    table = pd.DataFrame(lines, columns=columns)
    if len(study.rates) == 1:
        return table.assign(epochs=0, validation_accuracy=np.nan, validation_loss=np.nan)
    return table


def make_experiments(study: SimpleNamespace) -> pd.DataFrame:
    """Say what was trained; standard trainings come after the others."""
    places = [(regime, "source") for regime in study.regimes]
    if study.is_on_standard_split:
        places.append(("mini_batch", "standard"))
    table = pd.DataFrame(
        [
            {"model": f"{regime}/{name}", "protocol": protocol, "member": member, "regime": regime,
             "experiment": name, "seed": seed, **settings, "learning_rate": 0.1,
             "epochs": study.regimes[regime], "seconds": 12.5}
            for regime, protocol in places
            for name, settings in study.experiments.items()
            for member, seed in enumerate(study.seeds)
        ]
    )  # fmt: skip
    # A CSV file gives numbers back as numbers.
    return table.astype({"experiment": int}) if "7" in study.experiments else table


def make_metrics(experiments: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Make the figures of each member, and their means with intervals."""
    members = experiments[["model", "protocol", "member"]].merge(
        pd.DataFrame({"metric": ["accuracy", "macro_f1"]}), how="cross"
    )
    members["estimate"] = rng.uniform(0.7, 0.97, len(members))
    by_model = members.groupby(["model", "protocol", "metric"], sort=False)["estimate"]
    pooled = by_model.agg(estimate="mean", n="size").reset_index()
    estimate, n = pooled["estimate"], N_TEST * pooled["n"]
    pooled = pooled.assign(scope="pooled", low=estimate - 0.014, high=estimate + 0.014, n=n)
    scope = "member " + members.pop("member").astype(str)
    return pd.concat([pooled, members.assign(scope=scope, low=np.nan, high=np.nan, n=N_TEST)])


def make_history(
    study: SimpleNamespace,
    experiments: pd.DataFrame,
    twins: pd.DataFrame,
    rng: np.random.Generator,
) -> pd.DataFrame:
    of_twins = twins[["model", "regime"]].assign(protocol="source", member=0)
    trained = pd.concat([experiments, of_twins])
    tables = [
        one_history(study.regimes[one.regime], rng).assign(
            model=one.model, protocol=one.protocol, fold=0, member=one.member
        )
        for one in trained.itertuples()
    ]
    return pd.concat(tables, ignore_index=True)


def one_history(n_epochs: int, rng: np.random.Generator) -> pd.DataFrame:
    epoch = np.linspace(1, n_epochs, min(n_epochs, 50)).astype(int)
    speed = rng.uniform(2, 12) / n_epochs
    loss = 0.2 + 2.5 * np.exp(-speed * epoch)
    accuracy = 0.95 - 0.8 * np.exp(-speed * epoch) + 0.01 * rng.standard_normal(len(epoch))
    table = pd.DataFrame(
        {
            "epoch": epoch,
            "train_loss": loss,
            "train_accuracy": accuracy + 0.01,
            "validation_loss": loss + 0.05,
            "validation_accuracy": accuracy,
            "seconds": 0.1 * epoch,
        }
    )
    for measure in ("precision", "recall", "f1"):
        table[f"validation_{measure}"] = accuracy - 0.02
    return table.melt("epoch", var_name="measure", value_name="value")


def make_predictions(
    study: SimpleNamespace, split: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    skills = {
        f"{regime}/{name}": 4.0 - place
        for regime in study.regimes
        for place, name in enumerate(study.highlighted.values())
    }
    drawn = np.flatnonzero(split["part"] == "test")
    standard = np.flatnonzero(split["standard"] == "test")
    tables = [
        scored(model, "source", drawn, split["label"].to_numpy(), skill, rng)
        for model, skill in skills.items()
    ]
    tables.append(scored("twin_torch", "source", drawn, split["label"].to_numpy(), 3.0, rng))
    tables.append(scored("strong", "standard", standard, split["label"].to_numpy(), 5.0, rng))
    table = pd.concat(tables, ignore_index=True)
    return table.astype({"model": "category", "protocol": "category"})


def scored(model, split, rows, labels, skill, rng):
    logits = rng.standard_normal((len(rows), N_CLASSES)) * 1.3
    logits[np.arange(len(rows)), labels[rows]] += skill
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    columns = {f"p{label}": probability[:, label] for label in range(N_CLASSES)}
    table = pd.DataFrame(columns, dtype=np.float32)
    table.insert(0, "predicted", probability.argmax(axis=1).astype(np.uint8))
    about = {"model": model, "protocol": split, "fold": 0, "member": 0, "row": rows, "group": rows}
    return table.assign(**about, target=labels[rows])


def make_comparison(study: SimpleNamespace, rng: np.random.Generator) -> pd.DataFrame:
    rows = []
    for pairs in study.pairs.values():
        for pair in pairs:
            several = len(study.seeds) > 1 and pair[0].startswith("mini_batch")
            tests = [f"McNemar, seed {seed}" for seed in study.seeds] if several else ["McNemar"]
            rows += [compared(pair, test, 0.018, rng) for test in tests]
            if several:
                rows.append(compared(pair, "t over seeds", 0.006, rng))
            rows.append(compared(pair, "bootstrap over images", 0.01, rng))
    return pd.DataFrame(rows)


def compared(pair, test, width, rng):
    middle = 0.012 + 0.01 * rng.standard_normal()
    p_value = float("nan") if test.startswith("bootstrap") else 0.03
    return {
        "model_a": pair[0], "model_b": pair[1], "protocol": "source", "metric": "accuracy",
        "test": test, "difference": middle, "low": middle - width, "high": middle + width,
        "p_value": p_value, "n": 41, "verdict": "differ",
    }  # fmt: skip


def make_twins(study: SimpleNamespace) -> pd.DataFrame:
    accuracies, seconds = {"full_batch": 0.917, "mini_batch": 0.951}, {"numpy": 9.3, "torch": 30.8}
    rows = []
    for regime in study.twin_regimes:
        for framework in ("numpy", "torch"):
            accuracy = accuracies[regime]
            is_first = regime == study.twin_regimes[0]
            model = f"twin_{framework}" if is_first else f"twin_{framework}_{regime}"
            row = {"model": model, "framework": framework, "regime": regime, "estimate": accuracy}
            row |= {"low": accuracy - 0.01, "high": accuracy + 0.01, "n": N_TEST, "epochs": 20}
            row |= {"learning_rate": 0.01, "dtype": "float64", "seconds": seconds[framework]}
            row |= {"largest_weight_difference": 2e-6, "largest_probability_difference": 3e-7}
            rows.append(row)
    return pd.DataFrame(rows)


def make_model_card() -> dict:
    return {
        "model": "strong",
        "layers": "784-512-512-10",
        "seconds": 301.0,
        "seed": 42,
        "data": {"rows": N_TRAIN + N_TEST, "fingerprint": "ba8910"},
        "intended_use": "Teaching.",
        "not_intended_for": "Reading real forms.",
        "limits": ["Centred images of one size."],
        "versions": {"python": "3.11.4", "numpy": "2.4.0", "torch": "2.13.0"},
    }
