"""Losses of the steps of a block, worked out together when all have been taken."""

from __future__ import annotations

import numpy as np

from crossfold.mlp._batches import Block
from crossfold.mlp._engine import Stack
from crossfold.mlp._losses import loss_of
from crossfold.mlp._spec import Array


def sum_losses(
    stack: Stack, block: Block, logits: Array, targets: Array, twice_penalty: Array
) -> Array:
    """Give each member's sum of batch loss times rows, shape ``(k,)``, in float64.

    Parameters
    ----------
    stack
        The loss, and its constants for each member.
    block
        Which members and rows.
    logits, targets
        Of each step, shape ``(k, steps, n_out, batch)``.
    twice_penalty
        Of each step, shape ``(k, steps)``, before its update.
    """
    gamma = stack.gamma[block.members, None, None, None]
    terms = loss_of(stack.network).terms(logits, targets, gamma)
    if stack.label_weights is not None:
        terms = terms * stack.label_weights[block.members, None, :, None]
    of_row = terms.sum(axis=-2)
    if block.weights is not None:
        of_row = of_row * block.weights
    losses = (of_row.sum(axis=-1, dtype=np.float64) + twice_penalty / 2) * block.scale
    total: Array = (losses * block.counts).sum(axis=-1)
    return total
