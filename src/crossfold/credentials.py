"""The secret key that turns patients into hashes: made once, kept with the user's own settings."""

import logging
import secrets
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock

from crossfold.datasets.atomic import write_privately

PATIENT_KEY = "patient_key"
KEY_BYTES = 32

_logger = logging.getLogger(__name__)


def folder_of_key(conf_source: str, project: Path) -> Path:
    """Give the folder of the user's own settings; the project's, where others are in an archive."""
    conf = Path(conf_source)
    return (conf if conf.is_dir() else project / "conf") / "local"


def with_patient_key(credentials: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Add the patients' key to credentials of an environment that lack one.

    The ``credentials.yml`` in the folder of the user's own settings holds it, or is given one.
    """
    if PATIENT_KEY in credentials:
        return credentials
    file = folder / "credentials.yml"
    key = _read(file)[1].get(PATIENT_KEY) or _make_key(file)
    return {**credentials, PATIENT_KEY: key}


def _read(file: Path) -> tuple[str, dict[str, Any]]:
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    return text, yaml.safe_load(text) or {}


def _make_key(file: Path) -> Any:
    """Make the key, unless another first run has made it meanwhile: two keys are two patients."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_name(".credentials.lock")):
        text, own = _read(file)
        if PATIENT_KEY not in own:
            own[PATIENT_KEY] = {"key": secrets.token_hex(KEY_BYTES)}
            separator = "" if not text or text.endswith("\n") else "\n"
            addition = yaml.safe_dump({PATIENT_KEY: own[PATIENT_KEY]})
            write_privately(file, f"{text}{separator}{addition}")
            _logger.info("Made a secret key for hashing patients, in %s.", file)
    return own[PATIENT_KEY]
