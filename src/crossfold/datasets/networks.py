"""Fitted networks, stored by `crossfold.mlp`, and which version of a model is in use."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossfold.datasets.atomic import AtomicLocalFileSystem
from crossfold.datasets.bases import DataError, FileDataset
from crossfold.exceptions import CrossfoldError

if TYPE_CHECKING:
    from kedro_datasets._typing import JSONPreview

    from crossfold.mlp import MLPClassifier, MLPRegressor

    Networks = tuple[list[MLPClassifier | MLPRegressor], dict[str, Any]]

POINTER = "promoted.json"


class MLPDataset(FileDataset["Networks", "Networks"]):
    """Networks and what belongs to them: ``(estimators, extra)``, in one safetensors file.

    Takes the arguments of `FileDataset`.
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
        shown = []
        for one in self.load()[0]:
            sizes = [one.coefs_[0].shape[0], *(weights.shape[1] for weights in one.coefs_)]
            kind = type(one).__name__
            shown.append({"kind": kind, "engine": one.engine, "layer_sizes": sizes})
        return json.dumps(shown)


@dataclass(frozen=True)
class Promotion:
    """Which version of a model is in use."""

    version: str  # the version
    considered: str  # the latest version that has been considered; a worse one is not promoted
    # versions of the datasets that the next version is compared by
    evidence: dict[str, str] = field(default_factory=dict)
    doubted: bool = False  # whether the data of the version considered look bad


def read_promotion(model: Path) -> Promotion | None:
    """Say what is promoted of a model, None where nothing has been promoted yet.

    The model is the `filepath` of its catalog entry: the folder of its versions. Raises a
    `DataError` if the file that says so is damaged.
    """
    pointer = model / POINTER
    if not pointer.is_file():
        return None
    try:
        return Promotion(**json.loads(pointer.read_text("utf-8")))
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{pointer} does not say which model is in use: put a backup in its place, or remove"
            " it, and the latest model is in use until a refresh promotes another."
        ) from error


def write_promotion(model: Path, promotion: Promotion) -> None:
    """Put a version of a model into use."""
    with AtomicLocalFileSystem(auto_mkdir=True).open(str(model / POINTER), "w") as file:
        json.dump(asdict(promotion), file)


class PromotedModelDataset(MLPDataset):
    """The promoted version of an `MLPDataset`, or the latest where none is promoted; read only.

    Takes the same arguments. The `filepath` is that of the model, and the entry is versioned.
    """

    def promotion(self) -> Promotion | None:
        """Say what is promoted; see `read_promotion`."""
        return read_promotion(Path(self._filepath))

    def resolve_load_version(self) -> str | None:
        """Give the version that is loaded."""
        promotion = self.promotion()
        return promotion.version if promotion else super().resolve_load_version()

    def save(self, data: Networks) -> None:
        """Refuse: a model is promoted, not saved here."""
        raise DataError(f"{self._filepath} is only read: save the model under its own name.")
