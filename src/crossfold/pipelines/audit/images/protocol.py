"""Which runs an audit makes: with all faults, with none, with one, with other plausible values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from crossfold.pipelines.audit.images.faults import (
    SMALL_TRAINING_SAMPLE,
    TRAINING_FAULTS,
    Arguments,
    with_faults,
)
from crossfold.pipelines.audit.images.parameters import (
    FaultsParameters,
    ProtocolParameters,
    UnstatedParameters,
)
from crossfold.pipelines.audit.runs import REPORTED, SOUND, only


@dataclass(frozen=True)
class Run:
    """One way to train the experiments.

    Attributes
    ----------
    name
        As in the table of runs.
    faults
        Switches that are on.
    epochs
        How long.
    changes
        Other values of the networks' arguments.
    """

    name: str
    faults: tuple[str, ...]
    epochs: int
    changes: Mapping[str, Any]

    @property
    def has_small_sample(self) -> bool:
        """Whether it learns from a sample of the training rows."""
        return SMALL_TRAINING_SAMPLE in self.faults

    def arguments(self, network: Arguments) -> Arguments:
        """Give the arguments of one experiment's network in this run."""
        changes = dict(self.changes)
        if not network["dropout"]:
            changes.pop("dropout", None)
        return with_faults({**network, **changes}, self.faults)


def list_runs(
    faults: FaultsParameters, protocol: ProtocolParameters, unstated: UnstatedParameters
) -> list[Run]:
    """List all runs of an audit, the longest first."""
    epochs = min(protocol.share_epochs, protocol.network.max_iter)
    alone = [name for name in faults.root if name in TRAINING_FAULTS]
    return [
        Run(REPORTED, faults.root, protocol.network.max_iter, {}),
        Run(SOUND, (), epochs, {}),
        *(Run(only(fault), (fault,), epochs, {}) for fault in alone),
        *(
            Run(unstated_run(name, value), faults.root, epochs, {argument: value})
            for name, argument, value in _trained_values(unstated)
        ),
    ]


def unstated_run(name: str, value: float) -> str:
    """Name the run with another value of what the source does not state."""
    return f"unstated:{name}={value:g}"


def _trained_values(unstated: UnstatedParameters) -> Iterator[tuple[str, str, float]]:
    for name, argument in {"learning_rate": "learning_rate_init", "dropout": "dropout"}.items():
        for value in getattr(unstated, name):
            yield name, argument, value
