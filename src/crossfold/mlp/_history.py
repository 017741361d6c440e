"""What the training of a network looked like."""

from __future__ import annotations

from dataclasses import dataclass

from crossfold.mlp._spec import Trained


@dataclass(frozen=True)
class History:
    """What one network's training looked like, one figure per epoch.

    Attributes
    ----------
    train_loss
        Mean training loss, penalties included.
    validation_loss, validation_score
        On the fold's validation rows, or with early stopping on the rows set aside; empty without
        such rows. The score is accuracy for classifiers and R² for regressors.
    seconds
        Wall-clock seconds since the start of the stack's training.
    """

    train_loss: list[float]
    validation_loss: list[float]
    validation_score: list[float]
    seconds: list[float]

    @classmethod
    def of(cls, trained: Trained) -> History:
        """Read the history of what was trained."""
        return cls(
            trained.loss_curve,
            trained.validation_loss,
            trained.validation_scores,
            trained.seconds,
        )
