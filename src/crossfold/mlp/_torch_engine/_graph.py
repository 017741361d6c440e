"""The training step as a CUDA graph."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from crossfold.mlp._torch_engine._step import StepInputs, TrainingStep

_WARM_UP_STEPS = 3


class GraphedStep:
    """Captures a step as a CUDA graph when it is first taken, and replays it from then on.

    The step reads from and writes to the same memory each time; partial batches come padded, so
    that their shapes are the same. Where the step cannot be captured (an activation of the
    user's own runs on the CPU), it is taken as it is, once per call.

    Parameters
    ----------
    step
        What to capture.
    """

    def __init__(self, step: TrainingStep) -> None:
        self._step = step
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, step: StepInputs) -> tuple[Tensor, Tensor | int]:
        """Take a step; see `TrainingStep`."""
        if not self._step.can_be_captured:
            return self._step(step)
        if self._graph is None:
            self._graph = self._capture(step)
        torch._foreach_copy_(self._static.tensors(), step.tensors())
        self._graph.replay()
        logits, twice_penalty = self._results
        kept = twice_penalty.clone() if isinstance(twice_penalty, Tensor) else twice_penalty
        return logits.clone(), kept

    def _capture(self, step: StepInputs) -> torch.cuda.CUDAGraph:
        """Record the step, and put back what the warm-up steps changed."""
        self._static = step.clone()
        changed = [self._step.update.parameters, *self._step.update.state.values()]
        before = [tensor.clone() for tensor in changed]
        stream: Any = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP_STEPS):
                self._step(self._static)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._results = self._step(self._static)
        torch._foreach_copy_(changed, before)
        return graph
