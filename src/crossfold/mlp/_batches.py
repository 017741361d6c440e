"""Which rows each step of an epoch takes, with their weights and dropout masks.

What a member draws from its generator depends on its own settings only, so that it is trained
alike alone and in any stack.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from crossfold.mlp._functions import row_weights
from crossfold.mlp._spec import Array, DataSet, Head, Member, Settings

_LEVELS = 1 << 16
_BLOCK_BYTES = 1 << 20
_GROUP_BYTES = 1 << 20
SMALL_PRODUCT = 1 << 22
"""Multiplications in a product below which a second thread costs more than it saves, and very much
more where other programs are at work."""


@dataclass(frozen=True)
class Block:
    """Some consecutive steps of some neighbouring members of a stack, in one piece."""

    # Number of the thread that takes them, from 0.
    worker: int
    # Places of the `k` members that take part.
    members: slice
    # Row numbers, shape ``(k, steps, batch)``, or ``(1, 1, batch)`` where all read the same; what
    # is padding has weight 0. The batch is as wide as the widest of these steps.
    rows: Array
    # Shape ``(k, steps, batch)``, or None where all are 1.
    weights: Array | None
    # Rows of each batch without padding, and one over the sum of its weights: ``(k, steps)``.
    counts: Array
    scale: Array
    # For inputs and each hidden layer, factors of units, ``(k, steps, units, batch)``, or None if
    # nothing is dropped. Of networks on the same rows such a list for each shape, of hidden layers
    # only and without the axis of the steps.
    masks: list[Any]
    # Shape ``(k, steps)``.
    learning_rates: Array
    step_sizes: Array

    @property
    def n_steps(self) -> int:
        return int(self.rows.shape[1])


class BatchSampler:
    """The rows of one member, and what its generator draws after the start: orders and masks."""

    def __init__(
        self,
        member: Member,
        units: tuple[int, ...],
        data_set: DataSet,
        head: Head,
        settings: Settings,
        rng: np.random.Generator,
    ) -> None:
        self.n_rows = len(member.train_rows)
        self.batch_size = batch_rows(settings.batch_size, self.n_rows)
        self.n_batches = -(-self.n_rows // self.batch_size)
        self.row_weights = row_weights(member, data_set, head)
        self.units = units
        rates = dropout_rates(member.dropout, len(units))
        self.thresholds = [round(rate * _LEVELS) for rate in rates]
        self._rng = rng
        self._shuffle = settings.shuffle
        self._rows = np.asarray(member.train_rows, dtype=np.intp)
        self._order = self._rows

    def start_epoch(self) -> None:
        """Draw the order of the rows."""
        if self._shuffle:
            self._order = self._rng.permutation(self._rows)

    def rows(self, start: int, stop: int) -> Array:
        """Give the row numbers of the batches from `start` up to `stop`."""
        return self._order[start * self.batch_size : stop * self.batch_size]

    def counts(self, start: int, stop: int) -> Array:
        """Give the number of rows of each of these batches."""
        left = self.n_rows - np.arange(start, stop) * self.batch_size
        return np.minimum(left, self.batch_size)

    def fill_masks(self, masks: list[Array | None], place: int, n_steps: int) -> None:
        """Draw inverted dropout masks (Srivastava et al. 2014) of some steps, 16 bits a unit.

        A step's draws fill whole 32-bit words, the generator's unit.
        """
        sizes = [
            units * self.batch_size if threshold else 0
            for units, threshold in zip(self.units, self.thresholds, strict=True)
        ]
        words = -(-sum(sizes) // 2)
        drawn = self._rng.integers(0, 1 << 32, size=(n_steps, words), dtype=np.uint32)
        parts = np.split(drawn.view(np.uint16), np.cumsum(sizes), axis=1)
        for mask, units, threshold, part in zip(
            masks, self.units, self.thresholds, parts, strict=False
        ):
            if mask is not None and threshold:
                own = mask[place, :n_steps, :units, : self.batch_size]
                drawn_for = part.reshape(n_steps, units, self.batch_size)
                kept = drawn_for[..., : own.shape[-1]] >= threshold
                np.multiply(kept, own.dtype.type(_LEVELS / (_LEVELS - threshold)), out=own)


class Batches:
    """Cuts the epochs of a stack's members into blocks of steps; samplers with most batches first.

    `groups` are places of members that take their steps together: as many as keep the `n_buffers`
    arrays that a step walks through in the cache, for each of `n_workers` threads, with none of
    `runs`, members side by side, cut; all together, with masks of its own, on a device (0). Of
    large products each thread has a group at least: sharing one product costs more.
    `largest_product` counts multiplications of one member.
    """

    def __init__(
        self,
        samplers: list[BatchSampler],
        sizes: tuple[int, ...],
        dtype: str,
        runs: Sequence[slice] | None = None,
        *,
        n_workers: int,
        n_buffers: int = 1,
    ) -> None:
        self._samplers = samplers
        self._batch = max(sampler.batch_size for sampler in samplers)
        # A device replays a recorded step, whose shapes stay the same; elsewhere a last batch that
        # is small costs less.
        self._cuts_batches = n_workers > 0
        self._dtype = np.dtype(dtype)
        highest = map(max, zip(*(sampler.thresholds for sampler in samplers), strict=True))
        self._dropped = [
            units if threshold and n_workers else 0
            for units, threshold in zip(sizes[:-1], highest, strict=True)
        ]
        self.largest_product = self._batch * max(n_in * n_out for n_in, n_out in pairwise(sizes))
        per_row = sizes[0] + 1 + 2 * sizes[-1] + sum(self._dropped)
        self._step_bytes = self._batch * per_row * self._dtype.itemsize
        n_parameters = sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes))
        widest = max(n_parameters, n_buffers * self._batch * max(sizes[1:])) * self._dtype.itemsize
        runs = runs or [slice(place, place + 1) for place in range(len(samplers))]
        longest = max(run.stop - run.start for run in runs)
        most = max(1, _GROUP_BYTES // widest // longest)
        least = n_workers if self.largest_product >= SMALL_PRODUCT else 1
        n_groups = max(-(-len(runs) // most), least) if n_workers else 1
        groups = cut_evenly(len(runs), n_groups, n_workers)
        self.groups = [slice(runs[g.start].start, runs[g.stop - 1].stop) for g in groups]

    def start_epoch(self) -> None:
        for sampler in self._samplers:
            sampler.start_epoch()

    def spans(self, group: slice) -> Iterator[tuple[slice, int, int]]:
        """Give ``(members, start, stop)``: these of the group take the steps from start to stop."""
        ends = np.array([sampler.n_batches for sampler in self._samplers[group]])
        begin = 0
        for end in np.unique(ends).tolist():
            k = int((ends >= end).sum())
            stride = max(1, _BLOCK_BYTES // (k * self._step_bytes))
            for start in range(begin, end, stride):
                yield slice(group.start, group.start + k), start, min(start + stride, end)
            begin = end

    def draw(self, members: slice, start: int, stop: int) -> dict[str, Any]:
        """Give rows, weights, counts, scale and masks of a `Block`."""
        samplers = self._samplers[members]
        counts = np.stack([sampler.counts(start, stop) for sampler in samplers])
        width = int(counts.max()) if self._cuts_batches else self._batch
        rows = np.zeros((len(samplers), stop - start, width), dtype=np.intp)
        for own, sampler in zip(rows.reshape(len(samplers), -1), samplers, strict=True):
            chunk = sampler.rows(start, stop)
            own[: len(chunk)] = chunk
        weights = self._weights(samplers, rows, counts)
        total = counts if weights is None else weights.sum(axis=-1, dtype=np.float64)
        scale = np.divide(1, total, out=np.zeros(total.shape), where=total > 0)
        return {
            "members": members,
            "rows": rows,
            "weights": weights,
            "counts": counts,
            "scale": scale.astype(self._dtype),
            "masks": draw_masks(samplers, self._dropped, stop - start, width, self._dtype),
        }

    def _weights(self, samplers: list[BatchSampler], rows: Array, counts: Array) -> Array | None:
        if (counts == rows.shape[-1]).all() and all(
            sampler.row_weights is None for sampler in samplers
        ):
            return None
        real = np.arange(rows.shape[-1]) < counts[..., None]
        weights = real.astype(self._dtype)
        for place, sampler in enumerate(samplers):
            if sampler.row_weights is not None:
                weights[place] *= sampler.row_weights[rows[place]]
        return weights


def draw_masks(
    samplers: Sequence[BatchSampler],
    dropped: Sequence[int],
    n_steps: int,
    width: int,
    dtype: np.dtype[np.generic],
) -> list[Array | None]:
    """Draw the masks ``(k, n_steps, units, width)`` of layers, None for those of 0 units."""
    masks: list[Array | None] = [
        np.ones((len(samplers), n_steps, units, width), dtype=dtype) if units else None
        for units in dropped
    ]
    if any(dropped):
        for place, sampler in enumerate(samplers):
            sampler.fill_masks(masks, place, n_steps)
    return masks


def batch_rows(batch_size: int | str, n_rows: int) -> int:
    """Count the rows of a step: all for ``full``; for ``auto`` a 32nd of the rows, 32 to 256.

    ``auto`` is a power of two. The penalties are divided by it, so that they weigh less where
    there are more rows to learn from.
    """
    if batch_size == "full":
        return n_rows
    if batch_size == "auto":
        batch_size = 1 << int(np.clip((n_rows // 32).bit_length() - 1, 5, 8))
    return min(int(batch_size), n_rows)


def cut_evenly(n: int, n_parts: int, n_workers: int) -> list[slice]:
    """Cut `n` things into parts of nearly one size; of several parts, as many for each worker."""
    if n_parts > 1:
        n_parts = min(n, -(-n_parts // n_workers) * n_workers)
    bounds = np.linspace(0, n, n_parts + 1).round().astype(int).tolist()
    return [slice(start, stop) for start, stop in pairwise(bounds)]


def dropout_rates(dropout: float | tuple[float, ...], n_layers: int) -> tuple[float, ...]:
    """Give the probability of dropping a unit of the inputs and of each hidden layer."""
    hidden = dropout if isinstance(dropout, tuple) else (dropout,) * (n_layers - 1)
    return (0.0, *hidden)[-n_layers:]
