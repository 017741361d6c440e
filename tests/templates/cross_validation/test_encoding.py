"""The encoder learns from training rows only and survives a round trip through JSON."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from crossfold.exceptions import CrossfoldError
from crossfold.mlp import TabularEncoder
from crossfold.templates.cross_validation import encoding
from crossfold.templates.cross_validation.encoding import (
    MOST_CODES,
    OneHot,
    PiecewiseLinear,
    TableEncoder,
    fit_encoder,
    inputs_by_kind,
)
from crossfold.templates.cross_validation.parameters import PreparationParameters

PREPARATION = PreparationParameters(n_bins=4, min_count=2)
METHODS = ("encoded", "tabular", "min_max", "standard", "ordinal", "filled")
KINDS = {"numeric": ["x"], "binary": ["b"], "categorical": ["c"]}


@pytest.fixture
def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "x": [0.0, 1.0, 2.0, 3.0, 4.0, np.nan],
            "b": [True, False, True, False, True, False],
            "c": pd.Categorical(["u", "u", "v", "v", "w", None]),
        }
    )


def encode(column, values) -> np.ndarray:
    out = np.full((len(values), column.width), 9, dtype=np.float32)
    column.encode(pd.DataFrame({column.column: values}), out)
    return out


def test_piecewise_linear_encoding_by_hand() -> None:
    column = PiecewiseLinear("x", (0.0, 2.0, 6.0), has_missing=True)
    expected = [[0, 0, 0], [0.5, 0, 0], [1, 0, 0], [1, 0.5, 0], [1, 1, 0], [0, 0, 1]]
    np.testing.assert_array_equal(encode(column, [-1, 1, 2, 4, 9, np.nan]), expected)


def test_missing_values_without_training_examples_are_zero() -> None:
    column = PiecewiseLinear("x", (0.0, 1.0), has_missing=False)
    np.testing.assert_array_equal(encode(column, [np.nan, 1.0]), [[0], [1]])


def test_edges_are_distinct_values_or_quantiles() -> None:
    few = PiecewiseLinear.fit(pd.Series([3, 1, 1, 2], name="x"), n_bins=5)
    assert few.edges == (1, 2, 3)
    even = PiecewiseLinear.fit(pd.Series(np.arange(101), name="x"), n_bins=8)
    assert even.edges == (0, 25, 50, 75, 100)


def test_a_skewed_count_keeps_edges_in_its_tail() -> None:
    values = pd.Series([0] * 900 + list(range(101)), name="x")
    column = PiecewiseLinear.fit(values, n_bins=8)
    assert column.edges[-4:] == (25, 50, 75, 100)


def test_edges_too_close_for_single_precision_are_one() -> None:
    values = pd.Series([0.0, 1.0, 1.0 + 1e-12, 2.0], name="x")
    column = PiecewiseLinear.fit(values, n_bins=4)
    assert column.edges == (0, 1, 2)
    assert np.isfinite(encode(column, values)).all()


def test_a_constant_column_encodes_to_zeros() -> None:
    column = PiecewiseLinear.fit(pd.Series([7.0, 7.0], name="x"), n_bins=4)
    np.testing.assert_array_equal(encode(column, [7.0, 8.0]), [[0], [0]])


def test_rare_unknown_and_missing_levels_share_the_last_column() -> None:
    column = OneHot.fit(pd.Series(["u", "u", "v", "v", "w"], name="c"), min_count=2)
    assert column.levels == ("u", "v")
    expected = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1], [0, 0, 1]]
    np.testing.assert_array_equal(encode(column, ["u", "v", "w", "new", None]), expected)


def test_levels_do_not_depend_on_the_order_of_categories() -> None:
    column = OneHot("c", ("u", "v"))
    reordered = pd.Categorical(["u", "v"], categories=["v", "x", "u"])
    np.testing.assert_array_equal(encode(column, reordered), [[1, 0, 0], [0, 1, 0]])


def test_inputs_follow_the_table(table: pd.DataFrame) -> None:
    """Columns that may be absent are none of the inputs; those named by their kind are."""
    own = table.drop(columns="c").assign(flag_own=True, number_own=1.5, category_own="a")
    named = PreparationParameters(
        numeric=("x",), binary=("b",), categorical=("c",), optional=("c",)
    )
    assert inputs_by_kind(own, "y", named) == {
        "numeric": ["x", "number_own"],
        "binary": ["b", "flag_own"],
        "categorical": ["category_own"],
    }


@pytest.mark.parametrize("method", METHODS)
def test_a_column_without_a_value_is_encoded_as_numbers(table, method: str) -> None:
    empty = table.assign(x=np.nan)
    encoded = fit_encoder(empty, KINDS, PREPARATION, method).transform(empty)
    assert np.isfinite(encoded[:-1]).all()


def test_the_table_is_encoded_side_by_side(table: pd.DataFrame) -> None:
    encoder = fit_encoder(table, KINDS, PREPARATION)
    encoded = encoder.transform(table)
    assert encoded.shape == (6, encoder.width) == (6, 5 + 1 + 3)
    assert encoded.dtype == np.float32
    np.testing.assert_array_equal(encoded[:, 5], table["b"])


@pytest.mark.parametrize("method", METHODS)
def test_the_state_survives_json(table: pd.DataFrame, method: str) -> None:
    encoder = fit_encoder(table, KINDS, PREPARATION, method)
    again = TableEncoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    np.testing.assert_array_equal(again.transform(table), encoder.transform(table))


def test_tables_are_encoded_as_the_preset_of_the_library_does(table: pd.DataFrame) -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"x": rng.lognormal(size=60), "z": rng.normal(size=60), "b": 1.0})
    rows.loc[::7, "x"] = rows.loc[::5, "b"] = np.nan
    rows.loc[::2, "b"] = 0.0
    rows["c"] = pd.Categorical(rng.choice(["u", "v", None], 60))
    kinds = {"numeric": ["x", "z"], "binary": ["b"], "categorical": ["c"]}
    encoder = fit_encoder(rows[:40], kinds, PREPARATION, "tabular")
    library = TabularEncoder(n_bins=PREPARATION.n_bins, min_frequency=PREPARATION.min_count)
    library.fit(rows[:40])
    names = list(library.get_feature_names_out())
    ours, theirs = encoder.transform(rows), library.transform(rows)
    pieces = [n for n in names if n.startswith("x_from")], [n for n in names if "z_from" in n]
    order = ["x", "z", *pieces[0], "x_missing", *pieces[1], "b_from_0", "b_missing", "c_u", "c_v"]
    expected = theirs[:, [names.index(name) for name in order]]
    np.testing.assert_allclose(ours[:, : len(order)], expected, atol=1e-6)
    assert encoder.places["x"] == [0, *range(2, 3 + len(pieces[0]))]
    places = [place for own in encoder.places.values() for place in own]
    assert sorted(places) == list(range(encoder.width))


def test_scaling_by_hand(table: pd.DataFrame) -> None:
    kinds = {"numeric": ["x"], "binary": [], "categorical": []}
    between, standard = (
        fit_encoder(table, kinds, PREPARATION, method).transform(table)[:, 0]
        for method in ("min_max", "standard")
    )
    np.testing.assert_allclose(between, [0, 0.25, 0.5, 0.75, 1, 0.5])
    np.testing.assert_allclose(standard, np.append((np.arange(5) - 2) / np.sqrt(2), 0), rtol=1e-6)


@pytest.mark.parametrize("method", ["min_max", "standard"])
def test_many_columns_are_scaled_in_blocks_as_each_alone(method: str, monkeypatch) -> None:
    monkeypatch.setattr(encoding, "_CELLS_AT_ONCE", 20)
    values = np.random.default_rng(0).normal(size=(9, 7)).astype(np.float32)
    values[:, 3] = 5
    table = pd.DataFrame(values, columns=list("abcdefg"))
    kinds = {"numeric": list(table), "binary": [], "categorical": []}
    encoder = fit_encoder(table.iloc[:6], kinds, PREPARATION, method)
    scaler = (MinMaxScaler() if method == "min_max" else StandardScaler()).fit(values[:6])
    np.testing.assert_allclose(encoder.transform(table), scaler.transform(values), atol=1e-5)
    later = encoder.transform(table.assign(d=99))
    assert (later[:, 3] == 0).all(), "of a column that was constant nothing is known"
    assert encoder.inputs == list("abcdefg")


def test_codes_keep_or_fill_what_is_missing(table: pd.DataFrame) -> None:
    ordinal, filled = (
        fit_encoder(table, KINDS, PREPARATION, method).transform(table)
        for method in ("ordinal", "filled")
    )
    np.testing.assert_array_equal(ordinal[:, 2], [0, 0, 1, 1, 2, np.nan])
    np.testing.assert_array_equal(filled[5], [-1, 0, -1])


def test_many_levels_keep_codes_for_the_most_frequent(table: pd.DataFrame) -> None:
    names = [f"n{number:03}" for number in range(300)]
    many = pd.DataFrame({"c": pd.Categorical(names + names[100:])})
    kinds = {"numeric": [], "binary": [], "categorical": ["c"]}
    codes = fit_encoder(many, kinds, PREPARATION, "ordinal").transform(many)[:, 0]
    assert np.nanmax(codes) == MOST_CODES - 1
    assert not np.isnan(codes[100:300]).any()


def test_inputs_are_told_by_their_type(table: pd.DataFrame) -> None:
    assert inputs_by_kind(table.assign(y=1), "y", PREPARATION) == KINDS
    named = PreparationParameters(numeric=("b",))
    assert inputs_by_kind(table, "y", named) == {
        "numeric": ["b"], "binary": [], "categorical": []
    }  # fmt: skip


def test_inputs_that_no_feature_is_are_refused(table: pd.DataFrame) -> None:
    named = PreparationParameters(numeric=("zz",), binary=("own",), optional=("own",))
    with pytest.raises(CrossfoldError, match="preparation names zz, but the features have no"):
        inputs_by_kind(table, "y", named)


def test_rows_outside_the_training_rows_change_nothing(table: pd.DataFrame) -> None:
    other = table.copy()
    other.loc[5, ["x", "b"]] = [1e6, True]
    for method in METHODS:
        of_train, of_other = (
            fit_encoder(one.iloc[:5], KINDS, PREPARATION, method) for one in (table, other)
        )
        assert repr(of_train) == repr(of_other)


def test_encoder_of_another_version_is_refused_with_advice() -> None:
    with pytest.raises(CrossfoldError, match=r"reads a column as Unchanged.*train it again"):
        TableEncoder.from_dict([{"kind": "Unchanged", "column": "male"}])
