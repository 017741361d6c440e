"""What other pipelines must have made before one can run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crossfold.exceptions import CrossfoldError

if TYPE_CHECKING:
    from kedro.io import CatalogProtocol
    from kedro.pipeline import Pipeline


def require_inputs(
    pipeline: Pipeline, catalog: CatalogProtocol[Any, Any], pipelines: Mapping[str, Pipeline]
) -> None:
    """Refuse to start without a table that another pipeline makes.

    Raises
    ------
    CrossfoldError
        A table is not there; the message names the command that makes it.
    """
    for name in sorted(pipeline.inputs()):
        maker = smallest_maker(name, pipelines)
        if maker is not None and name in catalog and not catalog.exists(name):
            raise CrossfoldError(
                f"{name} has not been made yet: run kedro run --pipelines={maker} first, in the"
                " same environment."
            )


def smallest_maker(name: str, pipelines: Mapping[str, Pipeline]) -> str | None:
    """Name the pipeline with the fewest nodes that makes a dataset, or None."""
    makers = [key for key, pipeline in pipelines.items() if name in pipeline.all_outputs()]
    return min(
        makers, key=lambda key: (len(pipelines[key].nodes), key == "__default__"), default=None
    )
