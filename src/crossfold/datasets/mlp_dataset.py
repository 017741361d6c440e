"""Fitted networks, stored by `crossfold.mlp`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from crossfold.datasets.bases import FileDataset
from crossfold.datasets.exceptions import DataError
from crossfold.exceptions import CrossfoldError

if TYPE_CHECKING:
    from kedro_datasets._typing import JSONPreview

    from crossfold.mlp import MLPClassifier, MLPRegressor

    Networks = tuple[list[MLPClassifier | MLPRegressor], dict[str, Any]]


class MLPDataset(FileDataset["Networks", "Networks"]):
    """Networks and what belongs to them: ``(estimators, extra)``, in one safetensors file.

    Parameters
    ----------
    filepath
        Where the file goes.
    version
        Given by Kedro where the catalog entry has ``versioned: true``.
    metadata
        Ignored here; read by Kedro-Viz.
    """

    def load(self) -> Networks:
        """Read the networks; PyTorch is not imported for it."""
        from crossfold.mlp import persistence

        try:
            return persistence.load(str(self._get_load_path()))
        except CrossfoldError as error:
            raise DataError(str(error)) from error

    def save(self, data: Networks) -> None:
        """Write the networks."""
        from crossfold.mlp import persistence

        estimators, extra = data
        try:
            with self._fs.open(str(self._get_save_path()), "wb") as file:
                persistence.save(file, estimators, extra)
        except CrossfoldError as error:
            raise DataError(str(error)) from error

    def preview(self) -> JSONPreview:
        """Show the networks' kinds and layer sizes."""
        estimators, _ = self.load()
        return json.dumps([_summary(one) for one in estimators])


def _summary(network: MLPClassifier | MLPRegressor) -> dict[str, Any]:
    sizes = [network.coefs_[0].shape[0], *(weights.shape[1] for weights in network.coefs_)]
    return {"kind": type(network).__name__, "engine": network.engine, "layer_sizes": sizes}
