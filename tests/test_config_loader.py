"""The configuration loader says which file it cannot read, and why."""

import re
from pathlib import Path

import pytest
from kedro.config import BadConfigException

from crossfold.config_loader import ConfigLoader


@pytest.mark.parametrize("kind", ["parameters", "globals"])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3", ".yml, line 3: found duplicate key a"),
        ("a:\n\tb: 1", ".yml, line 2: found character"),
        ("a: [1, *other]", ".yml, line 1: found undefined alias"),
        ("- a\n- b", ".yml: give each value a name."),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, kind: str, text: str, said: str
) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / f"{kind}.yml").write_text(text)
    with pytest.raises(BadConfigException, match=re.escape(f"{kind}{said}")):
        ConfigLoader(str(tmp_path), base_env="base", default_run_env="base")[kind]
