"""Typed parameters of the gene expression study; Kedro checks them before any node runs."""

from pydantic import PositiveFloat, PositiveInt, model_validator

from crossfold.templates.parameters import Parameters


class FeatureParameters(Parameters):
    """How measured expressions become what a model reads.

    Attributes
    ----------
    control_probes
        Whether the chip's own control probes (AFFX) are kept.
    log10
        Whether a model reads the decimal logarithm.
    floor, ceiling
        Values outside these bounds, in the scanner's units, are set to them before the logarithm
        is taken; 100 and 16,000 are customary (Dudoit et al. 2002).
    standardise_patients
        Whether each patient's values are moved and scaled to mean 0 and standard deviation 1, by
        the patient's own values alone: chips differ in brightness.
    """

    control_probes: bool = True
    log10: bool = True
    standardise_patients: bool = True
    floor: PositiveFloat = 100
    ceiling: PositiveFloat = 16000

    @model_validator(mode="after")
    def _check_bounds(self) -> "FeatureParameters":
        if self.floor >= self.ceiling:
            raise ValueError("the floor must be below the ceiling")
        return self


class ControlParameters(Parameters):
    """Controls on permuted labels, where nothing can be learnt.

    Attributes
    ----------
    n_permutations
        How often labels are permuted.
    smote_permutations
        The same for the controls of SMOTE, whose networks read all probes.
    """

    n_permutations: PositiveInt = 20
    smote_permutations: PositiveInt = 5
