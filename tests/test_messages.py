"""Errors that a user can cause, told in one sentence."""

import errno
import io
import logging
from pathlib import Path

import pandas as pd
import pandera.pandas as pa
import pytest
import yaml
from kedro.config import MissingConfigException
from kedro.io import DataCatalog, DatasetError
from kedro.validation import DataValidationError
from kedro_datasets.pandas import ParquetDataset
from sklearn.ensemble import RandomForestClassifier

from crossfold.exceptions import CrossfoldError
from crossfold.messages import explain

SCHEMA = pa.DataFrameSchema(
    {
        "id": pa.Column("int64", unique=True),
        "age": pa.Column("float64", pa.Check.le(115), nullable=False),
    },
    checks=pa.Check(lambda table: len(table) > 0, error="at least one row"),
    strict=True,
)


@pytest.mark.parametrize(
    ("table", "detail"),
    [
        (pd.DataFrame({"id": [1]}), "the column age is missing"),
        (pd.DataFrame({"id": [1], "age": [1.0], "x": [1]}), "the column x is not expected"),
        (pd.DataFrame({"id": [1, 1], "age": [1.0, 2]}), "the column id repeats values in 2 rows"),
        (pd.DataFrame({"id": [1], "age": [None]}, dtype=float), "the column age is empty"),
        (
            pd.DataFrame({"id": [1], "age": [130.0]}),
            "the column age breaks less_than_or_equal_to(115) in 1 rows, for instance 130.0",
        ),
        (
            pd.DataFrame({"id": ["a"], "age": [1.0]}),
            "the column id holds 'a' where int64 was expected",
        ),
        (
            pd.DataFrame({"id": [1], "age": [982345.0]}),
            "in 1 rows, for instance 999999.0",
        ),
        (
            pd.DataFrame({"id": [], "age": []}).astype({"id": "int64", "age": "float64"}),
            "it should have at least one row",
        ),
    ],
)
def test_table_that_does_not_fit_is_told_with_its_column(
    table: pd.DataFrame, detail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import crossfold.messages

    monkeypatch.setattr(crossfold.messages, "TEST_SCHEMA", SCHEMA, raising=False)
    catalog = DataCatalog.from_config(
        {
            "people": {
                "type": "MemoryDataset",
                "validator": {"class": "crossfold.messages.TEST_SCHEMA", "on": "load"},
            }
        }
    )
    catalog.save("people", table)
    with pytest.raises(DataValidationError) as caught:
        catalog.load("people")
    sentence = explain(caught.value)
    assert sentence is not None
    assert sentence.startswith("The dataset people does not fit its schema: ")
    assert detail in sentence
    caught.value.add_note("/data/people.csv")
    assert str(explain(caught.value)).startswith("/data/people.csv does not fit its schema: ")


def test_missing_and_damaged_files_are_told(tmp_path: Path) -> None:
    config = {"type": "pandas.ParquetDataset", "filepath": str(tmp_path / "a.parquet")}
    catalog = DataCatalog.from_config({"plain": config, "versioned": config | {"versioned": True}})
    with pytest.raises(DatasetError) as plain:
        catalog.load("plain")
    with pytest.raises(DatasetError) as versioned:
        catalog.load("versioned")
    (tmp_path / "a.parquet").write_bytes(b"PAR1, cut short")
    with pytest.raises(DatasetError) as damaged:
        ParquetDataset(filepath=config["filepath"]).load()
    file = tmp_path / "a.parquet"
    assert explain(plain.value) == (
        f"{file} cannot be read (there is no such file): run the pipeline that makes it again."
    )
    assert explain(versioned.value) == (
        f"There is no version of {file} yet: run the pipeline that makes it first."
    )
    assert str(explain(damaged.value)).startswith(f"{file} cannot be read (")


def test_a_full_disk_is_told_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", fail)
    file = tmp_path / "a.parquet"
    with pytest.raises(DatasetError) as full:
        ParquetDataset(filepath=str(file)).save(pd.DataFrame({"a": [1]}))
    told = f"The disk is full: {file} cannot be written. Free some space, then run again;"
    assert str(explain(full.value)).startswith(told)
    assert str(explain(OSError(errno.ENOSPC, "full", "b.csv"))).startswith(
        "The disk is full: b.csv"
    )
    assert explain(OSError(errno.EIO, "broken", "b.csv")) is None


def test_own_error_is_found_behind_those_that_wrap_it() -> None:
    error = DatasetError("Failed while loading data from dataset X.\nMend it.")
    error.__cause__ = CrossfoldError("Mend it.")
    assert explain(error) == "Mend it."


def test_a_folder_without_settings_is_told() -> None:
    told = explain(FileNotFoundError(errno.ENOENT, "No such file or directory", "/tmp/conf"))
    assert told is not None
    assert told.startswith("There is no folder /tmp/conf with settings: run the command in the")


def test_configuration_and_empty_selections_are_told() -> None:
    assert explain(MissingConfigException("No files")) == (
        "The configuration cannot be read: No files"
    )
    assert explain(ValueError("Duplicate keys found in a.yml and b.yml: seed")) == (
        "The configuration cannot be read: Duplicate keys found in a.yml and b.yml: seed: keep one"
        " of each."
    )
    assert explain(ValueError("Pipeline contains no nodes after\nall filters.")) == (
        "Pipeline contains no nodes after all filters."
    )
    told = explain(AttributeError("The following nodes cannot be serialised:\n[Node(…)]"))
    assert str(told).startswith("ParallelRunner cannot run the nodes of a report: leave them out")
    with pytest.raises(ValueError, match="must be an int") as refused:
        RandomForestClassifier(n_estimators=-3).fit([[0], [1]], [0, 1])
    assert str(explain(refused.value)).endswith(
        "-3 instead. Mend the model's params in the configuration."
    )


@pytest.mark.parametrize(
    "error",
    [
        ZeroDivisionError(),
        ValueError("shapes differ"),
        DatasetError("Failed while saving data to dataset X.\nbug"),
        DataValidationError("bug", mode="save"),
    ],
)
def test_mistakes_of_the_program_are_not_told_as_the_users(error: Exception) -> None:
    assert explain(error) is None


def test_square_brackets_of_a_message_stay_in_a_terminal() -> None:
    from rich.console import Console
    from rich.logging import RichHandler

    file = Path(__file__).parents[1] / "conf/logging.yml"
    options = yaml.safe_load(file.read_text())["handlers"]["rich"]
    del options["class"]
    shown = io.StringIO()
    handler = RichHandler(console=Console(file=shown, width=99), **options)
    handler.emit(logging.makeLogRecord({"msg": "weight [kg] needs 'crossfold[references]'"}))
    assert "weight [kg] needs 'crossfold[references]'" in shown.getvalue()
