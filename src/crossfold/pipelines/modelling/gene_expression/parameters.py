"""Typed parameters of the gene expression study; Kedro checks them before any node runs."""

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    RootModel,
    model_validator,
)

Share = Annotated[float, Field(ge=0, le=1)]
DropoutRate = Annotated[float, Field(ge=0, lt=1)]
Sampler = Literal["none", "down_sampling", "smote"]


class _Parameters(BaseModel):
    """A block of parameters that refuses names it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FoldParameters(_Parameters):
    """How patients are assigned to folds.

    Attributes
    ----------
    n_splits
        Folds of each repeat of the stratified cross-validation, at least 2.
    n_repeats
        How often it is repeated with other folds.
    """

    n_splits: Annotated[int, Field(ge=2)] = 10
    n_repeats: PositiveInt = 5


class NetworkParameters(_Parameters):
    """Arguments of `crossfold.mlp.MLPClassifier`, under the same names."""

    engine: Literal["numpy", "torch"] = "numpy"
    hidden_layer_sizes: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (64, 32)
    activation: Literal["relu", "leaky_relu", "sigmoid", "tanh"] = "relu"
    dropout: DropoutRate = 0.5
    solver: Literal["sgd", "adam", "adamw"] = "adam"
    learning_rate_init: PositiveFloat = 0.001
    alpha: NonNegativeFloat = 0.0
    batch_size: PositiveInt | Literal["full"] = "full"
    max_iter: PositiveInt = 100

    def arguments(self) -> dict[str, Any]:
        """Give the constructor's arguments; every epoch is run."""
        return {
            **self.model_dump(),
            "learning_rate": "constant",
            "n_iter_no_change": float("inf"),
        }


class VariantParameters(_Parameters):
    """What is done inside each training fold before a network learns from it.

    Attributes
    ----------
    n_probes
        Probes whose class means are furthest apart (`signal_to_noise`), or ``all``.
    min_present_share
        Probes called present in a smaller share of the training patients are left out first.
    sampler
        ``down_sampling`` draws as many patients of the larger class as the smaller has, ``smote``
        adds synthetic patients to the smaller class (Chawla et al. 2002).
    class_weight
        ``balanced`` weighs patients so that both classes count alike.
    members
        Networks in each fold, of other starts; their log odds are averaged.
    """

    n_probes: PositiveInt | Literal["all"] = 20
    min_present_share: Share = 0.0
    sampler: Sampler = "none"
    class_weight: Literal["balanced"] | None = None
    members: PositiveInt = 1

    @model_validator(mode="after")
    def _check_one_remedy(self) -> "VariantParameters":
        if self.sampler != "none" and self.class_weight is not None:
            raise ValueError("resampled classes are balanced already: give no class_weight as well")
        return self


class VariantsParameters(RootModel[dict[str, VariantParameters]]):
    """Variants by name of the model; the first is the one that is kept."""

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="after")
    def _check_any(self) -> "VariantsParameters":
        if not self.root:
            raise ValueError("name at least one network")
        return self

    @property
    def main(self) -> str:
        """Name of the network that is kept."""
        return next(iter(self.root))


class BaselineParameters(_Parameters):
    """The models that stand beside the networks; each reads all probes, scaled in the fold.

    Attributes
    ----------
    shrink_threshold
        By how many pooled standard deviations class centroids are shrunken towards the centre of
        all patients (Tibshirani et al. 2002).
    svm_C, logistic_C
        Inverse strength of the L2 penalty of the linear SVM and of logistic regression.
    """

    shrink_threshold: PositiveFloat = 2.0
    svm_C: PositiveFloat = 1.0
    logistic_C: PositiveFloat = 1.0


class ControlParameters(_Parameters):
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


class EvaluationParameters(_Parameters):
    """How figures get their intervals: bootstrap resamples of patients."""

    n_resamples: Annotated[int, Field(ge=50)] = 1000


class CardParameters(_Parameters):
    """What the model card says beyond the figures."""

    intended_use: str
    not_intended_for: str
    limits: tuple[str, ...] = ()
