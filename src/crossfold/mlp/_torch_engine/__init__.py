"""The PyTorch engine: the same stack with autograd, on the CPU or on a CUDA device.

Only this package imports torch. Parameters lie in one flat tensor, and the update rules of
`crossfold.mlp._update` work on it in place: ``torch.optim`` knows one learning rate per group
of parameters, not one per member of a stack.
"""

from crossfold.mlp._torch_engine._engine import TorchEngine, choose_device
from crossfold.mlp._torch_engine._shared import SharedTorchEngine

__all__ = ["SharedTorchEngine", "TorchEngine", "choose_device"]
