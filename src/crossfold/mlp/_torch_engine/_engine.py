"""Stack, data and blocks on a device, for the engine's steps."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from torch import Tensor

from crossfold.mlp._batches import Block
from crossfold.mlp._engine import Measure, Stack, keep_members, runs_of, sum_losses
from crossfold.mlp._spec import Array
from crossfold.mlp._torch_engine._step import (
    GraphedStep,
    StepInputs,
    TrainingStep,
    draw_mask,
    forward,
    members_of,
    transpose_layers,
)
from crossfold.mlp._update import CHUNK_BYTES, Penalties, Update
from crossfold.mlp.exceptions import ParameterError

_SCORED_BYTES = 1 << 24
_FEW_COLUMNS = 32


class TorchEngine:
    """Trains a stack with PyTorch. See `Engine`.

    On a CUDA device a step is captured once as a graph and replayed, and dropout masks come from
    the device's own generator: they differ from those on the CPU and depend on the whole stack.

    Parameters
    ----------
    stack
        What to begin with. On the CPU its arrays are trained in place.
    """

    def __init__(self, stack: Stack) -> None:
        self._device = choose_device(stack.settings.device)
        self._dtype: torch.dtype = getattr(torch, stack.settings.dtype)
        self.n_workers = torch.get_num_threads() if self._device.type == "cpu" else 0
        self._generator = torch.Generator(self._device)
        self._generator.manual_seed(stack.seed)
        inputs = {id(d.inputs): d.inputs for d in stack.data_sets}
        tensors = {key: resident(array, self._device) for key, array in inputs.items()}
        self._data = [
            (tensors[id(d.inputs)], resident(d.targets, self._device).to(self._dtype))
            for d in stack.data_sets
        ]
        self._begin(stack)

    def _begin(self, stack: Stack) -> None:
        self._stack = stack
        self._flat = self._tensor(stack.parameters)
        self._state = {name: self._tensor(array) for name, array in stack.state.items()}
        factors = {name: self._tensor(array) for name, array in stack.penalties.items()}
        self._penalties = Penalties(torch, **factors)
        self._steps: dict[tuple[int, int], TrainingStep | GraphedStep] = {}

    def run(self, block: Block) -> Array:
        """Take the steps of a block; give each member's sum of batch loss times rows, ``(k,)``."""
        key = block.members.start, block.members.stop
        if key not in self._steps:
            step = self._make_step(block.members)
            self._steps[key] = step if self.n_workers else GraphedStep(step)
        return self._sum_losses(block, self._steps[key])

    def differentiate(self, block: Block) -> tuple[Array, Array]:
        """Take no step: give each member's sum of loss times rows, and the gradient of its loss."""
        step = self._make_step(block.members)
        return self._sum_losses(block, step.differentiate), _copy(step.update.gradients)

    def replace(self, place: int, parameters: Array) -> None:
        """Put flat parameters in place of one member's."""
        self._flat[place].copy_(self._tensor(parameters))

    def _sum_losses(self, block: Block, take: Callable[[StepInputs], Any]) -> Array:
        """Let `take` take each step of a block, and sum up the losses."""
        inputs, targets = self._gather(block.rows, block.members)
        taken = [take(one) for one in self._inputs_of(block, inputs, targets)]
        logits = torch.stack([z for z, _ in taken], dim=1).cpu().numpy()
        penalties = [p for _, p in taken if isinstance(p, Tensor)]
        twice_penalty = np.zeros((len(inputs), 1))
        if penalties:
            twice_penalty = torch.stack(penalties, dim=1).cpu().numpy()
        with np.errstate(over="ignore", invalid="ignore"):
            return sum_losses(self._stack, block, logits, targets.cpu().numpy(), twice_penalty)

    def logits(self, rows: Array, measure: Measure) -> list[Any]:
        """Give what is measured of each chunk of the rows ``(k, r)``."""
        row_bytes = len(rows) * max(self._stack.network.layer_sizes) * self._flat.element_size()
        n_chunks = max(1, -(-rows.shape[1] * row_bytes // _SCORED_BYTES))
        layers = transpose_layers(self._stack.layout.blocks(self._flat))
        measured, start = [], 0
        with torch.no_grad():
            for chunk in np.array_split(rows, n_chunks, axis=1):
                inputs, _ = self._gather(chunk, slice(0, len(rows)))
                logits = forward(self._stack.network, layers, inputs).cpu().numpy()
                measured.append(measure(logits, slice(start, start + chunk.shape[1])))
                start += chunk.shape[1]
        return measured

    def parameters(self, place: int) -> Array:
        """Give a copy of one member's flat parameters."""
        return _copy(self._flat[place])

    def state(self, place: int) -> dict[str, Array]:
        """Give copies of one member's optimiser arrays."""
        return {name: _copy(tensor[place]) for name, tensor in self._state.items()}

    def one_thread_each(self) -> AbstractContextManager[None]:
        """Keep operations from using several threads while several workers are at work."""
        return one_torch_thread()

    def keep(self, places: Array) -> None:
        """Let all members leave but those at these places."""
        trained = replace(
            self._stack,
            parameters=self._flat.cpu().numpy(),
            state={name: tensor.cpu().numpy() for name, tensor in self._state.items()},
        )
        self._begin(keep_members(trained, places))

    def _make_step(self, members: slice) -> TrainingStep:
        # `data` counts its changes alone; a view would count those that other workers make.
        parameters = self._flat[members].data
        update = Update(
            torch,
            self._stack.settings,
            parameters,
            torch.empty_like(parameters),
            {name: tensor[members] for name, tensor in self._state.items()},
            self._penalties.of(members),
            members_of(self._stack.used, members, parameters),
            CHUNK_BYTES if self.n_workers else None,
        )
        return TrainingStep(self._stack, members, update)

    def _tensor(self, array: Array) -> Tensor:
        return torch.as_tensor(array, dtype=self._dtype, device=self._device)

    def _gather(self, rows: Array, members: slice) -> tuple[Tensor, Tensor]:
        """Give inputs ``(k, ..., n_in, r)`` and targets ``(k, ..., n_out, r)`` of some rows."""
        index = torch.from_numpy(rows).to(self._device)
        taken = [
            (
                _take(self._data[d][0], index[run]).to(self._dtype),
                _take(self._data[d][1], index[run]),
            )
            for run, d in runs_of(self._stack.data[members])
        ]
        inputs, targets = (
            torch.cat(parts) if len(parts) > 1 else parts[0] for parts in zip(*taken, strict=True)
        )
        if self._stack.network.input_scale != 1:
            inputs = inputs * self._stack.network.input_scale
        return _turn(inputs), targets.transpose(-1, -2)

    def _inputs_of(self, block: Block, inputs: Tensor, targets: Tensor) -> Iterator[StepInputs]:
        """Give what each step reads. On CUDA weights are always given: one graph serves all."""
        weights: Sequence[Tensor | None] = [None] * block.n_steps
        if block.weights is not None:
            weights = self._tensor(block.weights)[:, :, None].unbind(1)
        elif not self.n_workers:
            weights = torch.ones_like(targets[:, :, :1]).unbind(1)
        masks = self._masks_of(block)
        per_member = (block.scale, block.step_sizes, block.learning_rates)
        scale, sizes, rates = (self._tensor(array)[..., None].unbind(1) for array in per_member)
        for s, (x, y) in enumerate(zip(inputs.unbind(1), targets.unbind(1), strict=True)):
            step_masks = [None if mask is None else mask[:, s] for mask in masks]
            yield StepInputs(x, y, weights[s], step_masks, scale[s], sizes[s], rates[s])

    def _masks_of(self, block: Block) -> list[Tensor | None]:
        """Give dropout masks ``(k, steps, units, batch)`` for inputs and each hidden layer."""
        if not self.n_workers:
            return [self._draw_mask(block, layer) for layer in range(len(block.masks))]
        return [None if mask is None else self._tensor(mask) for mask in block.masks]

    def _draw_mask(self, block: Block, layer: int) -> Tensor | None:
        rates = self._stack.dropout[block.members, layer]
        if not self._stack.dropout[:, layer].any():
            return None
        k, n_steps, batch = block.rows.shape
        shape = (k, n_steps, self._stack.network.layer_sizes[layer], batch)
        return draw_mask(self._tensor(rates), shape, self._generator)


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Let operations use one thread for a while."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)


def choose_device(name: str) -> torch.device:
    """Give the device of that name; ``auto`` takes a CUDA device when there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ParameterError(
            "device='cuda' was asked for, but PyTorch finds no CUDA device here; use device='auto'."
        )
    return torch.device(name)


def resident(array: Any, device: torch.device) -> Any:
    """Put an array on the device; on the CPU the caller's own memory is read.

    A sparse matrix is left where it is.
    """
    if issparse(array):
        return array
    if array.dtype.kind == "u" and array.itemsize > 1:
        array = array.astype(np.int64)  # Larger unsigned integers cannot be indexed by torch.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(np.ascontiguousarray(array)).to(device)


def _take(source: Any, rows: Tensor) -> Tensor:
    """Give rows of any shape; four times as fast on the CPU as indexing with them."""
    if issparse(source):
        taken = source[rows.reshape(-1).cpu().numpy()].toarray()
        return torch.as_tensor(taken, device=rows.device).view(*rows.shape, -1)
    return torch.index_select(source, 0, rows.reshape(-1)).view(*rows.shape, -1)


def _turn(inputs: Tensor) -> Tensor:
    """Put the rows last; few columns are copied, because MKL is slow at them when they are not."""
    turned = inputs.transpose(-1, -2)
    return turned.contiguous() if inputs.shape[-1] < _FEW_COLUMNS else turned


def _copy(tensor: Tensor) -> Array:
    array: Any = tensor.detach().cpu().numpy()
    copied: Array = array.copy()
    return copied
