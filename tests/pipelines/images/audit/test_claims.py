"""What the claims say of their sources is what the sources print."""

import numpy as np
import pytest

from crossfold.pipelines.images.faults import list_trainings
from crossfold.templates.audit.measured import answer, exact

from .conftest import read

DIGITS, DIGITS_PROTOCOL, DIGITS_NAMES = read("digits")
FASHION, FASHION_PROTOCOL, FASHION_NAMES = read("fashion")


def validation(*experiments: int) -> np.ndarray:
    return np.array([DIGITS.printed[str(one)]["validation_accuracy"] for one in experiments])


def possible_sizes(shares: list[float], sizes: range | list[int]) -> list[int]:
    """List the numbers of images of which each share, printed with six digits, is a whole one."""
    return [n for n in sizes if all(abs(round(s * n) / n - s) < 1e-6 for s in shares)]


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("sigmoid_fails", validation(4, 9, 12).mean()),
        ("tanh_fails", validation(5, 10, 13).mean()),
        ("deeper_is_worse", (validation(11, 15, 14) - validation(1, 1, 6)).mean()),
        ("better_starts", (validation(2, 3, 7, 8) - validation(1, 1, 6, 6)).mean()),
        ("wider_is_better", (validation(6, 7, 8, 10) - validation(1, 2, 3, 5)).mean()),
        ("sigmoid_needs_units", (validation(19) - validation(4))[0]),
        ("sigmoid_layers_hurt", (validation(12) - validation(19))[0]),
        ("tanh_more_units", (validation(10) - validation(5))[0]),
        ("tanh_fewer_units", (validation(13) - validation(5))[0]),
        ("depth_helps", (validation(11) - validation(1))[0]),
        ("width_need_not_help", (validation(14) - validation(11))[0]),
        ("every_relu_works", validation(14)[0]),
        ("seven_is_best", validation(7)[0]),
        ("best_test_accuracy", 0.9169),
        ("pytorch_beats_numpy", 0.9514 - 0.9169),
        ("parts", 0.95),
    ],
)
def test_a_figure_of_the_report_is_as_its_table_has_it(claim, value):
    assert DIGITS.claims[claim].figure == pytest.approx(value, abs=6e-5)


def test_the_table_of_the_report_contradicts_what_it_says_of_it():
    by_table = {
        name: exact(DIGITS.take_printed(**one.measure.arguments))
        for name, one in DIGITS.claims.items()
        if one.measure and one.measure.name == "printed"
    }
    judged = {name: answer(one, DIGITS.claims[name].rule) for name, one in by_table.items()}
    assert judged == {"every_relu_works": "no", "seven_is_best": "no", "parts": "no"}
    assert by_table["every_relu_works"].estimate == 0.1043
    assert by_table["seven_is_best"].estimate == pytest.approx(0.9086 - 0.9067)
    assert by_table["parts"].estimate == pytest.approx(37_800 / 42_000)
    best = max(DIGITS.printed, key=lambda n: DIGITS.printed[n].get("validation_accuracy", 0))
    assert best == "20"


def test_91_5_per_cent_appears_nowhere():
    best = DIGITS.claims["best_test_accuracy"]
    assert best.printed == "91.69 % in the text, 0.91 in the table, 91 % in the abstract"
    assert not any("91.5" in f"{one.says} {one.printed}" for one in DIGITS.claims.values())


def test_the_pytorch_code_builds_another_network():
    torch = DIGITS_PROTOCOL.further["pytorch"]
    assert (torch.hidden_layer_sizes, torch.init) == ((20, 10), "pytorch")
    assert DIGITS_PROTOCOL.mini_batch is not None
    assert DIGITS_PROTOCOL.mini_batch.batch_size == 8
    assert "unlike_networks" in DIGITS.claims["pytorch_beats_numpy"].faults


def test_training_accuracies_of_four_decimals_come_from_10_000_images():
    shares = [one["train_accuracy"] for one in FASHION.printed.values()]
    assert sorted(shares) == [0.9159, 0.9283, 0.9419]
    assert FASHION_PROTOCOL.train_sample_rows == 10_000
    assert all(round(share * 10_000) == pytest.approx(share * 10_000) for share in shares)
    # Of the accuracies that 60,000 images can give, one in six has four decimals.
    exactly = np.isclose(np.arange(60_001) / 6 % 1, 0)
    assert exactly.mean() ** 3 == pytest.approx(1 / 216, rel=1e-3)


def test_the_printed_test_accuracies_need_a_small_sample():
    shares = [FASHION.printed[name]["test_accuracy"] for name in ("relu", "sigmoid")]
    assert possible_sizes(shares, range(1, 101)) == [30, 60, 90]
    assert possible_sizes(shares, [10_000]) == []
    told = FASHION.claims["sigmoid_test_accuracy"].quantity
    assert "only 30, 60 and 90 can give both printed accuracies, and 10,000 cannot" in told
    assert FASHION.not_stated["sample_rows"].tried == (30, 60, 90)


def test_what_is_inferred_is_said_to_be():
    for name in ("small_training_sample", "penalty_not_applied"):
        assert FASHION.faults[name].about.startswith("Inferred: ")
    assert "dropout stays on" in DIGITS.claims["middle_test_accuracy"].inferred
    assert "different numbers of each" in DIGITS.claims["best_test_accuracy"].inferred


def test_the_third_run_has_its_own_learning_rate_and_figures():
    assert FASHION_PROTOCOL.further["relu_slow"].learning_rate_init == 0.01
    figures = FASHION.printed["relu_slow"]
    assert figures == {"train_loss": 0.2477, "train_accuracy": 0.9159, "test_accuracy": 0.9}
    for claim, metric in (
        ("third_last_loss", "train_loss"),
        ("third_train_accuracy", "train_accuracy"),
        ("third_test_accuracy", "test_accuracy"),
    ):
        assert FASHION.claims[claim].figure == figures[metric]


@pytest.mark.parametrize(
    ("claims", "names"),
    [(DIGITS, DIGITS_NAMES), (FASHION, FASHION_NAMES)],
    ids=["digits", "fashion"],
)
def test_every_network_that_a_claim_names_is_trained(claims, names):
    trained = list_trainings(claims, names)
    assert trained[max(trained, key=lambda one: (not one.short, len(one.faults)))] == names
    for claim in claims.claims.values():
        of = (claim.measure.arguments if claim.measure else {}).get("of", [])
        assert set([of] if isinstance(of, str) else of) <= {*names, "training images"}


def test_an_unknown_fault_is_refused():
    text = DIGITS.model_dump(exclude_none=True)
    text["faults"]["relu_as_derivativ"] = text["faults"].pop("relu_as_derivative")
    with pytest.raises(ValueError, match="relu_as_derivativ"):
        type(DIGITS).model_validate(text)
