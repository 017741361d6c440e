"""Small stacks for the tests of the engines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from crossfold.mlp._batches import Batches, Block
from crossfold.mlp._engine import Stack
from crossfold.mlp._spec import Activation, Array, DataSet, Head, Member, Network, Settings
from crossfold.mlp._start import Slot, make_stack
from crossfold.mlp._training import make_engine

SOFTSIGN = Activation(
    "softsign", lambda z: z / (1 + np.abs(z)), lambda a, z: 1 / (1 + np.abs(z)) ** 2
)
SQUASHED = Activation(
    "squashed", lambda z: (1 + np.tanh(z)) / 2, lambda a, z: (1 - np.tanh(z) ** 2) / 2
)
ACTIVATIONS: tuple[str | Activation, ...] = (
    "relu",
    "leaky_relu",
    "sigmoid",
    "tanh",
    "hard_sigmoid",
    "linear",
    "exp",
    "softmax",
    SOFTSIGN,
)
SMOOTH_ACTIVATIONS = ("selu", "silu", "mish", "sin")
HEADS: tuple[tuple[Head, str, int], ...] = (
    ("binary", "cross_entropy", 1),
    ("binary", "focal", 1),
    ("multilabel", "cross_entropy", 3),
    ("multilabel", "focal", 3),
    ("multiclass", "cross_entropy", 3),
    ("multiclass", "focal", 3),
    ("regression", "mse", 2),
    ("regression", "mae", 2),
    ("regression", "poisson", 2),
)

OUTPUTS: tuple[tuple[Head, str, str | Activation | None], ...] = (
    ("binary", "mse", None),
    ("binary", "mae", "tanh"),
    ("binary", "cross_entropy", "hard_sigmoid"),
    ("multiclass", "mse", "softmax"),
    ("multiclass", "cross_entropy", "sigmoid"),
    ("multiclass", "focal", "sigmoid"),
    ("multilabel", "mae", "sigmoid"),
    ("regression", "mse", SOFTSIGN),
    ("regression", "cross_entropy", SQUASHED),
    ("regression", "poisson", "sigmoid"),
)
UNLIKE_LAYERS = Member(
    0,
    np.arange(12),
    seed=3,
    alpha=(0.1, 0.0, 0.3),
    l1=(0.0, 0.2, 0.1),
    dropout=(0.2, 0.4, 0.0),
    init=("he", 0.5, "normal"),
    bias_init=(0.3, "normal", "ones"),
    use_bias=(False, True, False),
    focal_gamma=1.7,
)


def name_of(value: object) -> str | None:
    """Name a test case."""
    return value.name if isinstance(value, Activation) else None


def make_data(head: Head, n_out: int, n: int = 40, n_in: int = 4, seed: int = 0) -> DataSet:
    """Draw inputs, targets that go with the head, and weights, in float64."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(n, n_in))
    if head == "regression":
        targets = rng.normal(size=(n, n_out))
    elif head == "multiclass":
        targets = np.eye(n_out)[rng.integers(n_out, size=n)]
    else:
        targets = rng.integers(2, size=(n, n_out)).astype(float)
    return DataSet(inputs, targets, rng.uniform(0.5, 2, size=n))


def make_network(
    head: Head, loss: str, n_out: int, activation: str | Activation = "tanh"
) -> Network:
    """Give a network of 4 inputs and two small hidden layers."""
    return Network((4, 5, 3, n_out), activation, head, loss)  # type: ignore[arg-type]


def start(
    network: Network, data: DataSet, members: Sequence[Member], settings: Settings
) -> tuple[Stack, Block]:
    """Give a stack at its start and the block of its first step, with plain step sizes of one."""
    slots = [Slot(i, m, network, [data], settings) for i, m in enumerate(members)]
    samplers = [slot.sampler for slot in slots]
    batches = Batches(samplers, network.layer_sizes, settings.dtype, n_workers=1)
    for sampler in samplers:
        sampler.start_epoch()
    ones = np.ones((len(members), 1), dtype=settings.dtype)
    everyone = slice(0, len(members))
    block = Block(
        worker=0,
        **batches.draw(everyone, 0, 1),
        learning_rates=ones.copy(),
        step_sizes=ones.copy(),
    )
    return make_stack(slots, network, [data], settings), block


def differentiate(stack: Stack, block: Block) -> tuple[Array, Array]:
    """Give each member's loss ``(k,)`` and gradients ``(k, n_parameters)`` on a block's step.

    Plain gradient descent with step size one moves the parameters by the gradient.
    """
    before = stack.parameters.copy()
    engine = make_engine([replace(stack, parameters=before.copy())])
    losses = engine.run(block) / block.counts.sum(axis=1)
    after = np.stack([engine.parameters(place) for place in range(len(before))])
    return losses, before - after
