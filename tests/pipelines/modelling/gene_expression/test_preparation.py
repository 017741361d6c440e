"""What is fitted inside a fold sees training patients alone."""

import numpy as np
import pytest
from pydantic import ValidationError

from crossfold.pipelines.modelling.gene_expression.networks import fit_stack, score_folds
from crossfold.pipelines.modelling.gene_expression.parameters import (
    VariantParameters,
    VariantsParameters,
)
from crossfold.pipelines.modelling.gene_expression.preparation import (
    inputs_for,
    make_preprocessor,
    make_sampler,
    probe_names,
    selected_probes,
    signal_to_noise,
)
from crossfold.pipelines.modelling.gene_expression.splits import K_FOLD, from_table


def test_signal_to_noise_by_hand() -> None:
    values = np.array([[0.0, 1.0], [2.0, 1.0], [5.0, 1.0], [9.0, 3.0]])
    score = signal_to_noise(values, np.array([0, 0, 1, 1]))
    np.testing.assert_allclose(score, [6 / (1 + 2), 1 / (0 + 1)])


def test_the_informative_probes_are_chosen(features, calls) -> None:
    variant = VariantParameters(n_probes=5)
    inputs = inputs_for(features, calls, variant)
    fitted = make_preprocessor(variant).fit(inputs, features["aml"].to_numpy())
    chosen = selected_probes(fitted, probe_names(features))
    assert set(chosen) <= {f"p{number}" for number in range(6)}


def test_probes_that_are_seldom_present_are_left_out(features, calls) -> None:
    variant = VariantParameters(n_probes=5, min_present_share=0.5)
    absent = calls.assign(p0="A", p1=np.where(np.arange(len(calls)) < 20, "P", "M"))
    inputs = inputs_for(features, absent, variant)
    assert inputs.shape == (len(features), 120)
    fitted = make_preprocessor(variant).fit(inputs, features["aml"].to_numpy())
    chosen = selected_probes(fitted, probe_names(features))
    assert set(chosen) == {"p1", "p2", "p3", "p4", "p5"}
    np.testing.assert_allclose(fitted.transform(inputs).mean(axis=0), 0, atol=1e-5)


@pytest.mark.parametrize("sampler", ["none", "down_sampling", "smote"])
def test_validation_patients_leave_no_trace_in_what_is_fitted(
    features, calls, folds, network, sampler
) -> None:
    variant = VariantParameters(n_probes=5, sampler=sampler)
    inputs, aml = inputs_for(features, calls, variant), features["aml"].to_numpy()
    split = from_table(folds, K_FOLD)[0]
    altered, turned = inputs.copy(), aml.copy()
    altered[split.validation_rows] *= -100
    turned[split.validation_rows] = 1 - aml[split.validation_rows]
    first, second = (
        fit_stack(x, y, [split.pair], variant, network, 0)
        for x, y in ((inputs, aml), (altered, turned))
    )
    for a, b in zip(first.estimators_[0][0].coefs_, second.estimators_[0][0].coefs_, strict=True):
        np.testing.assert_array_equal(a, b)
    names = probe_names(features)
    chosen = [selected_probes(s.preprocessors_[0], names).tolist() for s in (first, second)]
    assert chosen[0] == chosen[1]


def test_every_fold_has_a_fresh_network(features, calls, folds, network) -> None:
    variant = VariantParameters(n_probes=5)
    inputs, aml = inputs_for(features, calls, variant), features["aml"].to_numpy()
    splits = from_table(folds, K_FOLD)[:3]
    together = fit_stack(inputs, aml, [s.pair for s in splits], variant, network, 0)
    alone = fit_stack(inputs, aml, [splits[2].pair], variant, network, 0)
    np.testing.assert_allclose(
        score_folds(together, inputs, splits)[2],
        score_folds(alone, inputs, splits[2:])[0],
        rtol=1e-4,
    )


def test_samplers_balance_the_classes(features) -> None:
    aml = features["aml"].to_numpy()
    values = features[probe_names(features)].to_numpy()
    sizes = {
        name: np.bincount(make_sampler(name, 0).fit_resample(values, aml)[1]).tolist()
        for name in ("down_sampling", "smote")
    }
    assert sizes == {"down_sampling": [12, 12], "smote": [24, 24]}
    assert make_sampler("none", 0) is None


def test_weights_beside_resampling_are_refused() -> None:
    with pytest.raises(ValidationError, match="resampled classes are balanced already"):
        VariantParameters(sampler="smote", class_weight="balanced")


def test_a_study_without_networks_is_refused() -> None:
    with pytest.raises(ValidationError, match="name at least one network"):
        VariantsParameters({})


def test_the_first_variant_is_the_main_one(variants) -> None:
    assert variants.main == "mlp"
