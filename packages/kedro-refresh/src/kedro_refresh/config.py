"""A configuration loader for runs in several threads."""

from __future__ import annotations

import threading
from typing import Any

from kedro.config import OmegaConfigLoader

from kedro_refresh.adapter import register_globals

_loading = threading.RLock()


class ThreadSafeConfigLoader(OmegaConfigLoader):
    """Kedro's loader, one thread at a time.

    What `globals` and `runtime_params` stand for is registered once for the whole process, so that
    a loader has to register its own, and to keep others out, while it resolves.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        with _loading:
            super().__init__(*args, **settings)

    def __getitem__(self, key: str) -> dict[str, Any]:
        """Load the configuration of a type."""
        with _loading:
            register_globals(self)
            return super().__getitem__(key)
