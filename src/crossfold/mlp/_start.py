"""The start of training: from members to the stack that an engine begins with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crossfold.mlp._batches import Feed, dropout_rates
from crossfold.mlp._engine import Stack
from crossfold.mlp._initializers import draw_start
from crossfold.mlp._layout import Layout
from crossfold.mlp._optimizers import rule_of
from crossfold.mlp._penalties import factors_of
from crossfold.mlp._progress import Progress
from crossfold.mlp._spec import Array, DataSet, Member, Network, Settings
from crossfold.mlp._weights import label_weights_of

_NEVER = -1e30


@dataclass
class Seat:
    """A member in the stack.

    Attributes
    ----------
    index
        Its number among all members.
    member
        As it was given.
    layout
        Of its own network.
    places
        Where its parameters lie in the stack's flat row.
    start
        Its own flat parameters before training.
    feed, progress
        What it reads, and how it does.
    """

    index: int
    member: Member
    layout: Layout
    places: Array | slice
    start: Array
    feed: Feed
    progress: Progress


def own_layout(network: Network, member: Member) -> Layout:
    """Give the layout of a member's own network, which may be narrower than the stack's."""
    n_in, *hidden, n_out = network.layer_sizes
    own_hidden = hidden if member.hidden_layer_sizes is None else member.hidden_layer_sizes
    return Layout((member.n_features or n_in, *own_hidden, n_out))


def take_seat(
    index: int, member: Member, network: Network, data_sets: Sequence[DataSet], settings: Settings
) -> Seat:
    """Prepare one member; the first thing that its generator draws is its start."""
    rng = np.random.default_rng(member.seed)
    own = own_layout(network, member)
    if member.start is None:
        start = draw_start(rng, own, member.init, network.activation, settings.dtype)
    else:
        start = own.join(*member.start, settings.dtype)
    data_set = data_sets[member.data]
    return Seat(
        index=index,
        member=member,
        layout=own,
        places=Layout(network.layer_sizes).places_of(own),
        start=start,
        feed=Feed(member, own.sizes[1:-1], data_set, network.head, settings, rng),
        progress=Progress(settings, member),
    )


def make_stack(
    seats: Sequence[Seat], network: Network, data_sets: Sequence[DataSet], settings: Settings
) -> Stack:
    """Put the members into arrays with one row each, in the order of the seats."""
    layout = Layout(network.layer_sizes)
    members = [seat.member for seat in seats]
    labels = label_weights_of(members, network)
    return Stack(
        network=network,
        layout=layout,
        settings=settings,
        data_sets=data_sets,
        data=[member.data for member in members],
        parameters=_parameters(seats, network, layout, settings.dtype),
        state=_state(seats, layout, settings),
        gamma=np.array([m.focal_gamma for m in members], dtype=settings.dtype),
        label_weights=None if labels is None else labels.astype(settings.dtype),
        penalties=factors_of(members, layout, settings),
        dropout=np.array([dropout_rates(m.dropout, len(layout.sizes) - 2) for m in members]),
        seed=members[0].seed,
        used=_used(seats, layout, settings.dtype),
    )


def _parameters(seats: Sequence[Seat], network: Network, layout: Layout, dtype: str) -> Array:
    """Give the flat start of all members, zero for units that a member lacks.

    Softmax counts all units of its layer. A bias so low that the exponential is zero takes out
    those that a member lacks; no penalty and no gradient touches it.
    """
    flat = np.zeros((len(seats), layout.n_parameters), dtype=dtype)
    if network.activation == "softmax":
        for block in layout.blocks(flat)[:-1]:
            block[:, -1] = _NEVER
    for row, seat in zip(flat, seats, strict=True):
        row[seat.places] = seat.start
    return flat


def _state(seats: Sequence[Seat], layout: Layout, settings: Settings) -> dict[str, Array]:
    """Give the optimiser's arrays, zero for members that begin anew."""
    shape = (len(seats), layout.n_parameters)
    names = rule_of(settings).state_names
    state = {name: np.zeros(shape, dtype=settings.dtype) for name in names}
    for place, seat in enumerate(seats):
        before = seat.member.optimizer_state
        for name, array in state.items():
            if before is not None:
                array[place, seat.places] = before["arrays"][name]
    return state


def _used(seats: Sequence[Seat], layout: Layout, dtype: str) -> Array | None:
    """Mark the parameters that each member has, None where all have all."""
    if all(seat.layout.sizes == layout.sizes for seat in seats):
        return None
    used = np.zeros((len(seats), layout.n_parameters), dtype=dtype)
    for row, seat in zip(used, seats, strict=True):
        row[seat.places] = 1
    return used
