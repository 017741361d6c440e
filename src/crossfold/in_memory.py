"""Run pipelines on data in memory, without a project: for notebooks, scripts and tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from crossfold.datasets.figure_dataset import to_svg

if TYPE_CHECKING:
    from kedro.pipeline import Pipeline


class KeptDataset(MemoryDataset):
    """Stays in memory after the last node has read it; nodes read a figure as SVG, as from a file.

    Attributes
    ----------
    data
        What was saved.
    """

    data: Any = None

    def save(self, data: Any) -> None:
        """Keep the data itself."""
        self.data = data
        super().save(to_svg(data) if hasattr(data, "savefig") else data)

    def release(self) -> None:
        """Keep the data: whoever runs the pipeline asks for it afterwards."""


def run_in_memory(
    pipeline: Pipeline,
    data: Mapping[str, Any],
    parameters: Mapping[str, Any],
    wanted: Iterable[str],
) -> dict[str, Any]:
    """Run a pipeline and return some of what it makes.

    Parameters
    ----------
    pipeline
        The pipeline; what is not needed for `wanted` is not run.
    data
        Its inputs by name.
    parameters
        Nested parameters, as configuration files hold them; checked by the types that the nodes ask
        for, as in a run of a project.
    wanted
        Names of datasets.

    Raises
    ------
    kedro.validation.ParameterValidationError
        A parameter is not what its node asks for.
    """
    from kedro.validation.parameter_validator import ParameterValidator

    wanted = list(wanted)
    needed = pipeline.to_outputs(*wanted)
    checked = ParameterValidator({"study": needed}).validate_raw_params(dict(parameters))
    kept = {name: KeptDataset() for name in wanted}
    catalog = DataCatalog(dict(kept))
    for name, value in data.items():
        catalog[name] = MemoryDataset(value, copy_mode="assign")
    for name in needed.inputs():
        if name.startswith("params:"):
            catalog[name] = MemoryDataset(_nested(checked, name.removeprefix("params:")))
    SequentialRunner().run(needed, catalog)
    return {name: dataset.data for name, dataset in kept.items()}


def _nested(parameters: Any, name: str) -> Any:
    for key in name.split("."):
        parameters = parameters[key]
    return parameters
