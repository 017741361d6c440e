"""The configuration loader, which names the file that cannot be read."""

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from kedro.config import BadConfigException
from omegaconf import OmegaConf
from yaml import MarkedYAMLError

from kedro_refresh.adapter import ThreadSafeConfigLoader


class ConfigLoader(ThreadSafeConfigLoader):
    """Kedro's loader, with a `BadConfigException` for a file that is no YAML, or a list."""

    def __getitem__(self, key: str) -> dict[str, Any]:
        """Load the configuration of a type."""
        try:
            return super().__getitem__(key)
        except (MarkedYAMLError, AttributeError) as error:
            raise next(self._unreadable_files(), error) from error

    def _unreadable_files(self) -> Iterator[BadConfigException]:
        for env in (self.base_env, self.env or self.default_run_env):
            folder = PurePath(self._get_conf_env_path(env)).as_posix()
            for file in sorted(self._fs.glob(f"{folder}/**/*.yml")):
                try:
                    content = OmegaConf.create(self._fs.cat_file(file).decode())
                except MarkedYAMLError as error:
                    line = getattr(error.problem_mark, "line", 0) + 1
                    yield BadConfigException(f"{file}, line {line}: {error.problem}.")
                else:
                    if not OmegaConf.is_dict(content):
                        yield BadConfigException(f"{file}: give each value a name.")
