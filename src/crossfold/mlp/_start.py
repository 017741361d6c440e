"""Where training starts: drawn weights, targets in units of their spread, an engine's stack."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Self

import numpy as np

from crossfold.mlp._batches import BatchSampler, dropout_rates
from crossfold.mlp._engine import Layout, Stack
from crossfold.mlp._functions import label_weights_of
from crossfold.mlp._spec import (
    Array,
    DataSet,
    EpochEvent,
    Member,
    Network,
    Settings,
    Start,
    Trained,
)
from crossfold.mlp._update import factors_of, inverse_scaling, rule_of
from crossfold.mlp.exceptions import ParameterError

Shape = tuple[int, ...]
LayerInitializer = Callable[[np.random.Generator, int, int, Shape], Array]


def _within(bound: float) -> LayerInitializer:
    return lambda rng, n_in, n_out, shape: rng.uniform(-bound, bound, size=shape)


def xavier(rng: np.random.Generator, n_in: int, n_out: int, shape: Shape) -> Array:
    """Draw from ``Uniform(-b, b)`` with ``b = sqrt(6 / (n_in + n_out))`` (Glorot, Bengio 2010)."""
    bound = np.sqrt(6 / (n_in + n_out))
    return rng.uniform(-bound, bound, size=shape)


INITIALIZERS: dict[str, LayerInitializer] = {
    # He et al. 2015, and LeCun et al. 1998, which goes with ``selu``.
    "he": lambda rng, n_in, n_out, shape: rng.normal(scale=np.sqrt(2 / n_in), size=shape),
    "lecun": lambda rng, n_in, n_out, shape: rng.normal(scale=n_in**-0.5, size=shape),
    "xavier": xavier,
    "glorot_uniform": xavier,
    "uniform": _within(0.05),
    "normal": lambda rng, n_in, n_out, shape: rng.normal(scale=0.05, size=shape),
    # All units of a layer stay alike, which shows why starts are drawn.
    "zeros": lambda rng, n_in, n_out, shape: np.zeros(shape),
    "ones": lambda rng, n_in, n_out, shape: np.ones(shape),
    # Both starts of ``torch.nn.Linear``.
    "pytorch": lambda rng, n_in, n_out, shape: _within(n_in**-0.5)(rng, n_in, n_out, shape),
}
"""Distributions by name; `n_in` and `n_out` are those of the layer, also where biases are drawn."""


def draw_start(
    rng: np.random.Generator, layout: Layout, member: Member, network: Network, dtype: str
) -> Array:
    """Draw the flat parameters of one network, shape ``(n_parameters,)``, from its own generator.

    Drawn in float64, weights layer by layer, then biases, or all by a function of the user's.
    ``auto`` is he beside a ReLU kind of activation, xavier for all others.
    """
    if callable(member.init):
        return _join_drawn(layout, *member.init(rng, layout.sizes), dtype)
    shapes = list(pairwise(layout.sizes))
    inits, bias_inits, use_bias = (
        spread(one, len(shapes)) for one in (member.init, member.bias_init, member.use_bias)
    )
    coefs = [
        _draw(_resolve(init, network, number), rng, shape, shape)
        for number, (init, shape) in enumerate(zip(inits, shapes, strict=True))
    ]
    intercepts = [
        _draw(init, rng, shape, shape[1:]) if has_bias else np.zeros(shape[1])
        for init, shape, has_bias in zip(bias_inits, shapes, use_bias, strict=True)
    ]
    if network.is_periodic:
        coefs[:2], intercepts[:2] = _draw_embedding(
            rng, layout.sizes[0], member.periodic_embedding or 0.0
        )
    return layout.join(coefs, intercepts, dtype)


N_WAVES, N_EMBEDDED = 16, 4
"""Sines and cosines of an input, and units that read them, of a periodic embedding."""


def _draw_embedding(
    rng: np.random.Generator, n_in: int, deviation: float
) -> tuple[list[Array], list[Array]]:
    """Draw the two layers of a periodic embedding, ``sin(2 π c x)`` and ``sin(2 π c x + π/2)``.

    ``c`` is normal around 0, of that standard deviation; the layer above has PyTorch's start, as
    in the paper.
    """
    n_sines = N_WAVES // 2
    frequencies = rng.normal(scale=2 * np.pi * deviation, size=(n_in, n_sines))
    phases = np.tile(np.repeat([0, np.pi / 2], n_sines), n_in)
    first, second = _between_inputs(n_in)
    bound = N_WAVES**-0.5
    weights = [
        first * np.tile(frequencies, 2 * n_in),
        second * rng.uniform(-bound, bound, second.shape),
    ]
    return weights, [phases, rng.uniform(-bound, bound, second.shape[1])]


def _between_inputs(n_in: int) -> tuple[Array, Array]:
    """Give 1 for weights of the two layers of an embedding that belong to one input, else 0."""
    own = np.eye(n_in)
    return np.kron(own, np.ones((1, N_WAVES))), np.kron(own, np.ones((N_WAVES, N_EMBEDDED)))


def spread(setting: Any, n_layers: int) -> tuple[Any, ...]:
    """Give each layer its own of a setting that is one for all, or one per layer."""
    return setting if isinstance(setting, tuple) else (setting,) * n_layers


def _draw(init: Start, rng: np.random.Generator, fans: tuple[int, int], shape: Shape) -> Array:
    if isinstance(init, str):
        return INITIALIZERS[init](rng, *fans, shape)
    return _within(init)(rng, *fans, shape)


def _resolve(init: Start, network: Network, number: int) -> Start:
    """Say what ``auto`` is for a layer of weights: he if it reads or feeds a ReLU kind."""
    own = network.activation
    neighbours = own[max(number - 1, 0) : number + 1] if isinstance(own, tuple) else (own,)
    auto = "xavier" if {"relu", "leaky_relu", "silu", "mish"}.isdisjoint(neighbours) else "he"
    return auto if init == "auto" else init


def _join_drawn(layout: Layout, coefs: list[Array], intercepts: list[Array], dtype: str) -> Array:
    """Join what a function of the user's own has drawn, if it has the right shapes."""
    drawn = [np.shape(array) for array in (*coefs, *intercepts)]
    weights = [(n_in - 1, n_out) for n_in, n_out in layout.shapes]
    if drawn != [*weights, *((n_out,) for _, n_out in weights)]:
        raise ParameterError(
            f"The function given as init drew arrays of shapes {drawn}; layers of {layout.sizes} "
            f"units need weights {weights} and one bias per unit."
        )
    return layout.join(coefs, intercepts, dtype)


_LEAST_ADAPTIVE_RATE = 1e-6
_ADAPTIVE_DIVISOR = 5


class Progress:
    """Follows one member from epoch to epoch, with scikit-learn's rules.

    A member stops when more than `n_iter_no_change` epochs in a row have not improved by `tol`: the
    validation score or loss with early stopping and validation rows, else the training loss. With
    ``adaptive`` SGD its learning rate is then divided by 5 instead, down to 1e-6. A member whose
    loss is not finite stops at once. `improved` tells whether the last epoch is the best of early
    stopping so far.
    """

    def __init__(self, settings: Settings, member: Member) -> None:
        self._settings = settings
        self._initial_rate = member.learning_rate_init
        self._is_validated = len(member.validation_rows) > 0
        self._by_rows = bool(settings.early_stopping) and self._is_validated
        # What a later training goes on from, beside the optimiser's arrays.
        self.state: dict[str, Any] = {
            "best": -np.inf,
            "stale_epochs": 0,
            "rows_seen": 0,
            "learning_rate": member.learning_rate_init,
            "steps_done": 0,
        } | (member.optimizer_state or {})
        self.trained = Trained([], [], n_iter=0, t=0)
        self.best_parameters: Array | None = None
        self.stopped = self.improved = False

    def advance(self, n_rows: int, n_steps: int) -> None:
        """Note an epoch that has been trained."""
        self.trained.n_iter += 1
        self.trained.t += n_rows
        self.state["steps_done"] += n_steps
        self.state["rows_seen"] += n_rows
        if self._settings.solver == "sgd" and self._settings.learning_rate == "invscaling":
            self.state["learning_rate"] = inverse_scaling(
                self._initial_rate, self.state["rows_seen"], self._settings.power_t
            )

    def record(self, event: EpochEvent, place: int, seconds: float) -> None:
        """Note an epoch that has been scored, and decide whether it was the last."""
        history, state = self.trained.history, self.state
        history.epochs.append(self.trained.n_iter)
        history.train_loss.append(loss := float(event.train_loss[place]))
        history.seconds.append(seconds)
        if self._is_validated:
            history.validation_loss.append(float(event.validation_loss[place]))
            history.validation_score.append(float(event.validation_score[place]))
        if event.train_score is not None and event.validation_confusion is not None:
            history.train_score.append(float(event.train_score[place]))
            history.validation_confusion.append(event.validation_confusion[place])
        merit = -loss
        if self._by_rows:
            by_loss = self._settings.early_stopping == "loss"
            merit = -history.validation_loss[-1] if by_loss else history.validation_score[-1]
        self.improved = self._by_rows and merit > state["best"]
        stale = merit < state["best"] + self._settings.tol
        state["stale_epochs"] = state["stale_epochs"] + 1 if stale else 0
        state["best"] = max(state["best"], merit)
        if not np.isfinite(loss):
            self.stopped = True
        elif state["stale_epochs"] > self._settings.n_iter_no_change:
            adaptive = self._settings.solver == "sgd" and self._settings.learning_rate == "adaptive"
            if adaptive and state["learning_rate"] > _LEAST_ADAPTIVE_RATE:
                state["learning_rate"] /= _ADAPTIVE_DIVISOR
                state["stale_epochs"] = 0
            else:
                self.stop()

    def stop(self) -> None:
        """End the training here."""
        self.stopped = self.trained.converged = True


_NEVER = -1e30


class Slot:
    """A member in the stack: as it was given, its place among all, and what training makes of it.

    `layout` and `start`, its flat parameters before training, are of its own network; `places`
    tells where they lie in the stack's flat row, and `state_places` the same in the optimiser's
    arrays, which have factors of the inputs too. `scales` are these factors at first.
    """

    def __init__(
        self,
        index: int,
        member: Member,
        network: Network,
        data_sets: Sequence[DataSet],
        settings: Settings,
    ) -> None:
        rng = np.random.default_rng(member.seed)  # What it draws first is the start.
        self.index, self.member, self.network = index, member, network
        self.layout = own = Layout(member.layer_sizes or network.layer_sizes)
        stacked = Layout(network.layer_sizes)
        self.places = self.state_places = stacked.places_of(own)
        if member.scaling is not None:
            begin = stacked.n_parameters
            self.state_places = np.r_[self.places, begin : begin + own.sizes[0]]
        self.scales = np.ones(own.sizes[0])
        if member.start is not None:
            self.start = own.join(*member.start, settings.dtype)
        else:
            self.start = draw_start(rng, own, member, network, settings.dtype)
        if member.start is None and member.shared_seed is not None:
            common = np.random.default_rng(member.shared_seed)
            shared = draw_start(common, own, member, network, settings.dtype)
            self.start[: own.n_hidden] = shared[: own.n_hidden]
            self.scales = rng.choice([-1.0, 1.0], len(self.scales))
            own.blocks(self.start)[0][:-1] *= self.scales[:, None]
        data_set, units = data_sets[member.data], own.sizes[:-1]
        self.sampler = BatchSampler(member, units, data_set, network.head, settings, rng)
        self.progress = Progress(settings, member)


def make_stack(
    slots: Sequence[Slot], network: Network, data_sets: Sequence[DataSet], settings: Settings
) -> Stack:
    """Put the members into arrays with one row each, in the order of the slots."""
    members = [slot.member for slot in slots]
    is_scaled = settings.solver != "lbfgs" and any(m.scaling is not None for m in members)
    layout = Layout(network.layer_sizes, scaled=is_scaled)
    parameters = _parameters(slots, network, layout, settings.dtype)
    labels = label_weights_of(members, network)
    ensembles = [member.ensemble or place for place, member in enumerate(members)]
    return Stack(
        network=network,
        layout=layout,
        settings=settings,
        data_sets=data_sets,
        data=[member.data for member in members],
        ensembles=ensembles,
        parameters=parameters,
        state=_state(slots, layout, settings, parameters),
        gamma=np.array([m.focal_gamma for m in members], dtype=settings.dtype),
        label_weights=None if labels is None else labels.astype(settings.dtype),
        factors=factors_of(members, layout, settings) | _used(slots, layout, settings.dtype),
        dropout=np.array([dropout_rates(m.dropout, len(layout.sizes) - 1) for m in members]),
        seed=members[0].seed,
    )


def _parameters(slots: Sequence[Slot], network: Network, layout: Layout, dtype: str) -> Array:
    """Give the flat start of all members, zero for units that a member lacks.

    Softmax counts all units of its layer. A bias so low that the exponential is zero takes out
    those that a member lacks; no penalty and no gradient touches it.
    """
    flat = np.zeros((len(slots), layout.n_parameters), dtype=dtype)
    for activation, block in zip(network.activations, layout.blocks(flat), strict=False):
        if activation == "softmax":
            block[:, -1] = _NEVER
    for row, slot in zip(flat, slots, strict=True):
        row[slot.places] = slot.start
    return flat


def _state(
    slots: Sequence[Slot], layout: Layout, settings: Settings, parameters: Array
) -> dict[str, Array]:
    """Give the optimiser's arrays, zero for members that begin anew, and see `ScalingLayer`."""
    behind = np.pad(parameters, ((0, 0), (0, layout.n_scales)), constant_values=1)
    state = {name: np.zeros_like(behind) for name in rule_of(settings).state_names}
    if layout.n_scales:
        state["behind"] = behind
        for slot, first, scales in zip(
            slots, layout.blocks(behind)[0], behind[:, layout.n_parameters :], strict=True
        ):
            scales[: len(slot.scales)] = slot.scales
            first[:-1] /= scales[:, None]
    for place, slot in enumerate(slots):
        before = slot.member.optimizer_state
        for name, array in state.items():
            if before is not None:
                array[place, slot.state_places] = before["arrays"][name]
    return state


def _used(slots: Sequence[Slot], layout: Layout, dtype: str) -> dict[str, Array]:
    """Mark the parameters that each member has, as one of `Factors`; none where all have all."""
    is_whole = all(s.layout.sizes == layout.sizes and np.all(s.member.use_bias) for s in slots)
    if is_whole and not slots[0].network.is_periodic:
        return {}
    used = np.ones((len(slots), layout.n_parameters + layout.n_scales), dtype=dtype)
    used[:, : layout.n_parameters] = 0
    for row, slot in zip(used, slots, strict=True):
        own = slot.layout.spread(1, slot.member.use_bias)
        if slot.network.is_periodic:
            parts = zip(
                slot.layout.blocks(own), _between_inputs(slot.layout.sizes[0]), strict=False
            )
            for block, kept in parts:
                block[:-1] = kept
        row[slot.places] = own
    return {"used": used}


Layers = tuple[list[Array], list[Array]]


@dataclass(frozen=True)
class Units:
    """The mean and standard deviation of a member's training targets, float64 ``(n_out,)``.

    The scale of an output that is constant is 1.
    """

    offset: Array
    scale: Array

    @classmethod
    def of(cls, member: Member, data_set: DataSet) -> Self:
        """Measure the training rows; a training that goes on keeps its units."""
        if member.optimizer_state is not None:
            return cls(*member.optimizer_state["units"])
        targets = data_set.targets[member.train_rows].astype(np.float64)
        weights = None if data_set.weights is None else data_set.weights[member.train_rows]
        if weights is not None and not weights.any():
            weights = None
        offset = np.average(targets, axis=0, weights=weights)
        if not np.ravel(member.use_bias)[-1]:  # Nothing could add the offset again.
            offset = np.zeros_like(offset)
        scale = np.sqrt(np.average(np.square(targets - offset), axis=0, weights=weights))
        least = np.finfo(data_set.targets.dtype).eps * np.abs(offset)
        return cls(offset, np.where(scale > least, scale, 1.0))

    def enter(self, data_set: DataSet, member: Member, place: int) -> tuple[DataSet, Member]:
        """Convert targets, and weights to go on from; the member's data set is then at `place`."""
        targets = (data_set.targets - self.offset) / self.scale
        if member.start is not None:
            (*coefs, last), (*intercepts, bias) = member.start
            start = ([*coefs, last / self.scale], [*intercepts, (bias - self.offset) / self.scale])
            member = replace(member, start=start)
        entered = replace(data_set, targets=targets.astype(data_set.targets.dtype))
        return entered, replace(member, data=place)

    def leave(self, layers: Layers) -> Layers:
        """Scale the last layer in place, so that the network gives values as they were before."""
        for arrays, offset in zip(layers, (0, self.offset), strict=True):
            arrays[-1] = (arrays[-1] * self.scale + offset).astype(arrays[-1].dtype)
        return layers

    def values(self, outputs: Array) -> Array:
        """Convert outputs, shape ``(n, n_out)``, to what they were before."""
        result: Array = (outputs * self.scale + self.offset).astype(outputs.dtype)
        return result
