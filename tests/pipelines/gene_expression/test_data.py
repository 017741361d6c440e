"""Two source files and their labels become one table, and bad ones are refused in a sentence."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.gene_expression import schemas
from crossfold.pipelines.gene_expression.nodes import (
    FeatureParameters,
    build_features,
    join_patients,
    parse,
)

RAW_VALUES = FeatureParameters(log10=False, standardise_patients=False)


@pytest.fixture
def joined(train_raw, independent_raw, labels_raw) -> tuple:
    return join_patients(train_raw, independent_raw, labels_raw)


def test_patients_are_rows_in_the_order_of_their_numbers(joined) -> None:
    expression, _, counts = joined
    assert expression["patient"].tolist() == [1, 2, 3]
    assert expression["origin"].tolist() == ["train", "independent", "train"]
    assert expression["label"].tolist() == ["ALL", "AML", "AML"]
    assert expression["X95735_at"].tolist() == [20000, -7, 300]
    assert counts["by_origin"]["train"] == {"ALL": 1, "AML": 1}


def test_the_tables_keep_to_their_schemas(joined) -> None:
    expression, probes, _ = joined
    schemas.PATIENTS.validate(expression)
    schemas.PROBES.validate(probes)
    schemas.FEATURES.validate(build_features(expression, probes, FeatureParameters()))


def test_probes_are_described(joined) -> None:
    probes = joined[1].set_index("probe")
    assert probes["control"].tolist() == [True, False, False]
    assert probes.loc["M23197_at", "description"] == "CD33"


def test_features_hold_no_patient_number(joined) -> None:
    expression, probes, _ = joined
    features = build_features(expression, probes, RAW_VALUES)
    assert features.columns.tolist() == ["aml", *probes["probe"]]
    assert features["aml"].tolist() == [0, 1, 1]
    assert features["M23197_at"].tolist() == [99, 150, 1000]


def test_control_probes_are_optional(joined) -> None:
    expression, probes, _ = joined
    parameters = FeatureParameters(control_probes=False)
    features = build_features(expression, probes, parameters)
    assert features.columns.tolist() == ["aml", "X95735_at", "M23197_at"]


def test_the_logarithm_is_taken_between_floor_and_ceiling(joined) -> None:
    expression, probes, _ = joined
    parameters = FeatureParameters(standardise_patients=False)
    features = build_features(expression, probes, parameters)
    np.testing.assert_allclose(features["X95735_at"], np.log10([16000, 100, 300]), rtol=1e-6)


def test_a_patient_is_standardised_by_its_own_values_alone(joined) -> None:
    expression, probes, _ = joined
    whole = build_features(expression, probes, FeatureParameters())
    alone = build_features(expression.iloc[:1], probes, FeatureParameters())
    values = whole[probes["probe"]].to_numpy()
    np.testing.assert_allclose(values.mean(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(values.std(axis=1), 1, rtol=1e-5)
    pd.testing.assert_frame_equal(whole.iloc[:1], alone)


def test_a_patient_below_the_floor_is_refused(joined) -> None:
    expression, probes, _ = joined
    with pytest.raises(CrossfoldError, match="Patient 2 has the same expression everywhere"):
        build_features(expression, probes, FeatureParameters(floor=200))


def test_a_floor_above_the_ceiling_is_refused() -> None:
    with pytest.raises(ValidationError, match="floor must be below"):
        FeatureParameters(floor=200, ceiling=100)


# Bad files


def test_text_where_an_expression_belongs_is_refused(train_raw) -> None:
    train_raw.loc[1, "3"] = "12.5"
    with pytest.raises(CrossfoldError, match=r"X95735_at of patient 3 holds '12.5' where a whole"):
        parse(train_raw)


def test_a_patient_without_calls_is_refused(train_raw) -> None:
    with pytest.raises(CrossfoldError, match=r"the column 1 is not a patient's number"):
        parse(train_raw.drop(columns="call.1"))


def test_columns_without_patients_are_refused(train_raw) -> None:
    columns = ["Gene Description", "Gene Accession Number", "source_file", "source_row"]
    with pytest.raises(CrossfoldError, match="is not a patient's number"):
        parse(train_raw[columns])


def test_a_probe_that_comes_twice_is_refused(train_raw) -> None:
    twice = pd.concat([train_raw, train_raw.iloc[:1]], ignore_index=True)
    with pytest.raises(CrossfoldError, match="has the probe AFFX-x_at twice"):
        parse(twice)


def test_files_with_other_probes_are_refused(train_raw, independent_raw, labels_raw) -> None:
    with pytest.raises(CrossfoldError, match="differ in 1 probes, M23197_at for one"):
        join_patients(train_raw, independent_raw.iloc[:2], labels_raw)


def test_a_patient_in_both_files_is_refused(train_raw, independent_raw, labels_raw) -> None:
    with pytest.raises(CrossfoldError, match=r"Patient 3 is in .* and in"):
        join_patients(train_raw, independent_raw.rename(columns={"2": "3"}), labels_raw)


def test_a_patient_without_a_label_is_refused(train_raw, independent_raw, labels_raw) -> None:
    with pytest.raises(CrossfoldError, match="no label, or more than one, for patient 3"):
        join_patients(train_raw, independent_raw, labels_raw.iloc[:2])


def test_an_unknown_label_is_refused(train_raw, independent_raw, labels_raw) -> None:
    labels_raw.loc[0, "cancer"] = "CML"
    with pytest.raises(CrossfoldError, match=r"actual.csv holds the label 'CML'"):
        join_patients(train_raw, independent_raw, labels_raw)
