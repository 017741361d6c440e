"""Any table: read exactly, identifiers hashed; how it is stored is found out."""

import datetime
import gzip
import logging
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from crossfold.datasets import TableDataset
from crossfold.datasets.bases import DataError
from crossfold.datasets.export_dataset import OLD_EXCEL
from crossfold.datasets.table_dataset import as_text, find_source, with_plain_types


def csv(file: Path, hashed: tuple[str, ...] = (), **load_args: Any) -> TableDataset:
    entry = {"type": "pandas.CSVDataset", "filepath": str(file), "load_args": load_args}
    return TableDataset(dataset=entry, hashed_columns=[*hashed], credentials={"key": "hush"})


def write(file: Path, text: str, encoding: str = "utf-8") -> Path:
    file.write_bytes(text.encode(encoding))
    return file


def test_text_is_read_as_it_is_written(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "code, word\n007,NA\n12345678901234567890,\n")
    table = csv(file).load()
    assert table["code"].tolist() == ["007", "12345678901234567890"]
    assert table["word"].tolist()[0] == "NA"
    assert table["word"].isna().tolist() == [False, True]


def test_units_are_taken_out_of_numbers_but_not_of_identifiers(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", 'w,cost,id\n75.5 kg,"$1,200.50",1 a\n kg? ,-$5,2 a\n')
    table = TableDataset(
        dataset=find_source(str(file)),
        units={"w": "kg", "cost": "$", "id": "a", "gone": "m"},
        hashed_columns=["id"],
        credentials={"key": "hush"},
    ).load()
    assert table["w"].tolist() == ["75.5", "kg?"], "what is no number stays as it is"
    assert table["cost"].tolist() == ["1200.50", "-5"]
    assert table["id"].tolist() == csv(file, ("id",)).load()["id"].tolist()


def test_identifiers_are_hashed_and_missing_ones_stay_empty(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "id,age\n90071992547409931,1\n90071992547409932,2\nNA,3\n")
    dataset = csv(file, ("id",), na_values=["NA"])
    table = dataset.load()
    assert table["id"].nunique() == 3, "the first two are one number as floats"
    assert table["id"].tolist()[2] == ""
    assert not table["id"].str.contains("9007199").any()
    assert "hush" not in str(dataset)
    assert not hasattr(dataset, "preview"), "rows that nobody has hashed or left out yet"


PATIENTS = [f"P-{982_345 + 7919 * n}" for n in range(200)]


def of_patients(file: Path, *, group: str = "id", **columns: Any) -> TableDataset:
    """Store a table with a group as Parquet, so that columns have types."""
    pd.DataFrame(columns).to_parquet(file)
    dataset = {"type": "pandas.ParquetDataset", "filepath": str(file)}
    return TableDataset(
        dataset=dataset, group=group, hashed_columns=[group, "hashed"], credentials={"key": "k"}
    )


@pytest.mark.parametrize(
    ("identifiers", "column", "n"),
    [
        (PATIENTS, [*PATIENTS[1:6], *["none"] * 195], 5),
        (PATIENTS, [f"seen {patient} twice" for patient in PATIENTS], 200),
        ([*map(float, range(10_000, 210_000, 1000))], [*range(10_000, 210_000, 1000)][::-1], 200),
        ([*range(200)], [float(n) for n in range(200)], 200),
    ],
)
def test_identifiers_of_the_group_in_another_column_are_refused_without_being_told(
    tmp_path: Path, identifiers: list[Any], column: list[Any], n: int
) -> None:
    file = tmp_path / "a.parquet"
    with pytest.raises(DataError) as error:
        of_patients(file, id=identifiers, note=column).load()
    assert re.search(
        rf"a\.parquet holds identifiers of id in its column note too, in {n} of 200 rows .*or list"
        " it in hashed_columns",
        str(error.value),
    )
    assert "P-98" not in str(error.value)
    table = of_patients(file, id=identifiers, hashed=column).load()
    assert table["hashed"].str.fullmatch("[0-9a-f]{24}|").all()


@pytest.mark.parametrize(
    ("group", "column"),
    [
        (["Germany", "Spain", "1. FC Nürnberg", "Schalke 04"], ["Spain", "Schalke 04", "x", "y"]),
        (
            ["2023-01-05", "2023-01", "2023Q1", "05.01.2023"],
            ["2023-01-05 10:30", "2023-01", "", ""],
        ),
        ([1, 2, 3, 4], [2, 1, 3, 1]),
        ([10_001, 10_002, 10_003, 10_004], [10_002, 10_004, 10_001, 10_003]),
        ([23_456, 45_678, 71_828, 99_999], [1.2345678, 9.23456, 123_456_789.0, 0.5]),
    ],
)
def test_what_may_stand_in_other_columns_stays(
    tmp_path: Path, group: list[Any], column: list[Any]
) -> None:
    """Words, dates, small numbers, numbers that fill their range, and digits within a number."""
    table = of_patients(tmp_path / "a.parquet", id=group, note=column).load()
    assert table["note"].fillna("").tolist() == column


def test_a_slip_is_emptied(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    note = [PATIENTS[0], *["none"] * 199]
    table = of_patients(tmp_path / "a.parquet", id=PATIENTS, note=note).load()
    assert table["note"].isna().tolist() == [True, *[False] * 199]
    assert "in 1 rows; they were emptied" in caplog.text


def test_hashing_needs_a_key(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no credentials with a key"):
        TableDataset(
            dataset={"type": "pandas.CSVDataset", "filepath": "a.csv"}, hashed_columns=["id"]
        )


def test_numbers_with_other_signs_get_a_point(tmp_path: Path) -> None:
    text = 'a;b\n1,5;Müller, Hans\n-2,25;1,5 mg\n"1.234,5";x\n1,5e3;2,5\n'
    table = csv(write(tmp_path / "a.csv", text), sep=";", decimal=",", thousands=".").load()
    assert table["a"].tolist() == ["1.5", "-2.25", "1234.5", "1.5e3"]
    assert table["b"].tolist() == ["Müller, Hans", "1,5 mg", "x", "2.5"]


def test_dates_of_another_format_are_not_lost_in_silence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = write(tmp_path / "a.csv", "day\n31.01.2023\nsoon\n\n")
    entry = {
        "type": "pandas.CSVDataset",
        "filepath": str(file),
        "load_args": {"skip_blank_lines": False},
    }
    with caplog.at_level(logging.WARNING):
        table = TableDataset(dataset=entry, date_formats={"day": "%d.%m.%Y"}).load()
    assert table["day"].isna().tolist() == [False, True, True]
    assert "day: 1 values are no dates written as %d.%m.%Y" in caplog.text
    with pytest.raises(DataError, match=r"No date in the column 'day' .* is written as %Y/%m/%d"):
        TableDataset(dataset=entry, date_formats={"day": "%Y/%m/%d"}).load()


def test_columns_of_any_type_become_text_or_stay(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "day": [datetime.date(2023, 1, 31), None],
            "amount": [Decimal("1.50"), Decimal("2")],
            "town": pd.Categorical(["Ulm", None]),
            "list": [[1, 2], [3]],
            "n": [1, 2],
            "flag": pd.array([True, None], dtype="boolean"),
            "bytes": [b"Ulm", b"\xff\x00"],
        }
    )
    table.to_parquet(tmp_path / "a.parquet")
    read = TableDataset(dataset=find_source(str(tmp_path / "a.parquet"))).load()
    assert read["day"].tolist()[0] == "2023-01-31"
    assert read["amount"].tolist() == ["1.50", "2.00"]
    assert read["town"].tolist()[0] == "Ulm"
    kinds = read.dtypes.astype(str).tolist()
    assert kinds[:4] == ["str"] * 4
    assert kinds[4] == "Int64"
    assert read["bytes"].tolist() == ["Ulm", "\\xff\x00"]
    with pytest.raises(DataError, match="several columns a: rename them"):
        with_plain_types(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_columns_of_arrow_become_plain_ones():
    large = 2**60 + 1
    table = pd.DataFrame(
        {
            "whole": pd.array([large, None], dtype="int64[pyarrow]"),
            "number": pd.array([0.5, None], dtype="double[pyarrow]"),
            "day": pd.array([pd.Timestamp("2024-02-01"), None], dtype="timestamp[us][pyarrow]"),
            "flag": pd.array([True, None], dtype="bool[pyarrow]"),
        },
        index=[7, 7],
    )
    plain = with_plain_types(table)
    first = [str(large), 0.5, pd.Timestamp("2024-02-01"), "True"]
    assert plain.iloc[0].tolist() == first
    assert plain.iloc[1].isna().all()
    assert list(plain.index) == [7, 7]
    assert (plain["number"] % 1).iloc[0] == 0.5


def test_folder_is_joined_in_the_order_of_names(tmp_path: Path) -> None:
    write(tmp_path / "b.csv", "a\n2\n")
    write(tmp_path / "a.csv", "a\n1\n")
    dataset = TableDataset(dataset=find_source(str(tmp_path)))
    assert dataset.load()["a"].tolist() == ["1", "2"]
    assert [file.name for file in dataset.stored_files()] == ["a.csv", "b.csv"]
    write(tmp_path / "c.csv", "b\n2\n")
    with pytest.raises(DataError, match=r"c and a in .* differ in the columns \['a', 'b'\]"):
        dataset.load()
    write(tmp_path / "c.csv", "982345000017\n2\n")
    with pytest.raises(DataError, match=r"differ in the columns \['999999999999', 'a'\]"):
        dataset.load()
    write(tmp_path / "c.csv", "")
    with pytest.raises(DataError, match=r"c in .* cannot be read: it is empty"):
        dataset.load()


def test_files_of_a_folder_are_looked_at_together(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "a.csv", "town;x\nUlm;1\n")
    write(tmp_path / "b.csv", "town;x\nKöln;2,5\n", "cp1252")
    write(tmp_path / "c.CSV", "town;x\nHof;3\n")
    for hidden in (".ipynb_checkpoints/b.csv", "~$b.csv"):
        (tmp_path / hidden).parent.mkdir(exist_ok=True)
        write(tmp_path / hidden, "town;x\nBonn;4\n")
    with caplog.at_level(logging.WARNING):
        dataset = TableDataset(dataset=find_source(str(tmp_path)))
    assert "only tables that end in .csv are read; left out: c.CSV." in caplog.text
    assert dataset.load().to_dict("list") == {"town": ["Ulm", "Köln"], "x": ["1", "2.5"]}
    assert [file.name for file in dataset.stored_files()] == ["a.csv", "b.csv"]
    write(tmp_path / "d.csv", "town;x\nKöln;2\n")
    with pytest.raises(DataError, match=r"b\.csv is written in cp1252, but .*d\.csv in utf-8"):
        find_source(str(tmp_path))
    write(tmp_path / "d.csv", "")
    with pytest.raises(DataError, match=r"d\.csv is empty"):
        find_source(str(tmp_path))


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        ("a,b\n1,x\n2,y\n", "utf-8", (",", ".", "utf-8")),
        ("a;b\n1,5;ä\n2,5;y\n", "cp1252", (";", ",", "cp1252")),
        ("a\tb\n1.5\tä\n", "utf-16", ("\t", ".", "utf-16")),
        ("a\tb\n1.5\tx\n", "utf-16-le", ("\t", ".", "utf-16-le")),
        ("a|b\n1|x,y\n2|z\n", "utf-8-sig", ("|", ".", "utf-8-sig")),
        ('a,b\n"1,5",x\n"2,25",y\n', "utf-8", (",", ",", "utf-8")),
        ('a,b\n"x;y;z",1\n"q;r;s",2\n', "utf-8", (",", ".", "utf-8")),
        ("kg, net;m, tall\n1,5;2,5\n", "utf-8", (";", ",", "utf-8")),
        ("w;p\n75,5 kg;1.5 % w/w\n80,25 kg;2.5\n", "utf-8", (";", ",", "utf-8")),
        ("w;p\n75.5;1,5 % w/w\n80.25;A\n", "utf-8", (";", ".", "utf-8")),
        ("a b\n1 2\n3 4\n", "utf-8", (r"\s+", ".", "utf-8")),
        ("a\n1\n2\n", "utf-8", (",", ".", "utf-8")),
    ],
)
def test_how_a_text_file_is_written_is_found_out(
    tmp_path: Path, text: str, encoding: str, expected: tuple[str, ...]
) -> None:
    found = find_source(str(write(tmp_path / "a.csv", text, encoding)))["load_args"]
    assert (found["sep"], found["decimal"], found["encoding"]) == expected
    assert TableDataset(
        dataset=find_source(str(tmp_path / "a.csv"))
    ).load().shape == (text.count("\n") - 1, 1 if text.startswith("a\n") else 2)  # fmt: skip


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ('"1,234.50"', (".", ",")),
        ('"1.234,50"', (",", ".")),
        ('"1,234"', (".", ",")),
        ('"1,23"', (",", None)),
        ('"-0,5"\n1.234', (",", ".")),
        ("-0.5\n1'234", (".", None)),
        ("950\n1.230", (",", ".")),
        ("950\n1 230", (".", " ")),
        ("950\n1\u202f230", (".", "\u202f")),
        ("950\n1.234\n1.230\n1.5", (".", None)),
        ("2.000\n1.230", (".", None)),
        ("2\n1.234", (".", None)),
        ("1.234.567", (",", ".")),
    ],
)
def test_thousands_are_found_out(
    tmp_path: Path, cells: str, expected: tuple[str, str | None]
) -> None:
    lines = "".join(f"{cell},x\n" for cell in cells.splitlines())
    found = find_source(str(write(tmp_path / "a.csv", f"a,b\n{lines}{lines}")))
    arguments = found["load_args"]
    assert (arguments["decimal"], arguments.get("thousands")) == expected


def test_columns_with_points_stand_beside_columns_with_commas(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "weight;height\n75,3;170.0\n81,0;181.5\n77,4;166.0\n")
    read = TableDataset(dataset=find_source(str(file))).load()
    assert read["weight"].tolist() == ["75.3", "81.0", "77.4"]
    assert read["height"].tolist() == ["170.0", "181.5", "166.0"]


def test_thousands_leave_decimals_alone(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "cost;share\n950;0.123\n1.230,50;12,5\n")
    read = TableDataset(dataset=find_source(str(file))).load()
    assert read.to_dict("list") == {"cost": ["950", "1230.50"], "share": ["0.123", "12.5"]}


def test_delimiters_at_the_ends_of_lines_shift_no_column(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "a;b\n1;x;\n2;y;\n")
    read = TableDataset(dataset=find_source(str(file))).load()
    assert read.to_dict("list") == {"a": ["1", "2"], "b": ["x", "y"]}


def test_late_bytes_that_are_no_utf8_count(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"a,b\n" + b"1,x\n" * 500_000 + "1,ä\n".encode("cp1252"))
    assert find_source(str(file))["load_args"]["encoding"] == "cp1252"


def test_what_the_user_says_is_not_found_out(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "a;b\n1,5;2\n")
    found = find_source(str(file), sep=",", decimal=".", encoding="latin-1")["load_args"]
    assert found == {"sep": ",", "decimal": ".", "encoding": "latin-1"}


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"\n\n", "is empty"),
        ("a.csv", b"5.1,3.5,setosa\n4.9,3.0,setosa\n", "has no header"),
        ("a.csv", b"1,0,0,x\n0,0,1,y\n", "has no header"),
        ("a.csv", b"1\n2\n", "has no header"),
        ("a.csv.gz", b"no gzip", "cannot be read"),
        ("a.csv", b"a,b\n\0\0\1\2" + b"x" * 300, "is not a table of text"),
    ],
)
def test_files_that_are_no_tables_are_refused(
    tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=sentence) as error:
        find_source(str(tmp_path / name))
    assert "5.1" not in str(error.value)  # where a patient may stand


@pytest.mark.parametrize(
    "options",
    [{"encoding": "latin-15x"}, {"encoding": "ascii"}, {"sep": "(("}, {"decimal": "x"}],
    ids=str,
)
def test_options_that_do_not_fit_are_refused(tmp_path: Path, options: dict[str, str]) -> None:
    file = write(tmp_path / "a.csv", "a,b\nä,1\n")
    with pytest.raises(DataError, match=r"check --sep and --encoding|give a point or"):
        find_source(str(file), **options)


@pytest.mark.parametrize(
    "header", ["1990,1991,country\n", "age,2019\n", "a,b,c\n", "Probe,1,2,3\n"]
)
def test_names_with_digits_are_a_header(tmp_path: Path, header: str) -> None:
    assert find_source(str(write(tmp_path / "a.csv", header + header.replace("a", "1"))))


def test_absent_files_empty_folders_and_damaged_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"There is no file or folder .*absent: check its path"):
        find_source(str(tmp_path / "absent"))
    with pytest.raises(DataError, match="holds no table"):
        find_source(str(tmp_path))
    with pytest.raises(DataError, match="is a folder, where one file is read: name a file"):
        csv(tmp_path).load()
    file = write(tmp_path / "a.csv", "a,b\n1,2\n1,2,3\n")
    with pytest.raises(DataError, match=r"a\.csv cannot be read: .*line 3, saw 3. Take out"):
        csv(file).load()
    file.write_bytes("a,b\n1,ä\n".encode("cp1252"))
    with pytest.raises(DataError, match="it is not written in utf-8: export it so"):
        csv(file).load()
    file.write_bytes(b"")
    with pytest.raises(DataError, match="it is empty"):
        csv(file).load()
    with pytest.raises(DataError, match="No file is named"):
        TableDataset(dataset={"type": "pandas.CSVDataset", "filepath": None}).load()
    with pytest.raises(DataError, match="never written"):
        csv(file).save(pd.DataFrame())  # type: ignore[arg-type]


def test_old_workbook_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.xls").write_bytes(OLD_EXCEL + bytes(900))
    with pytest.raises(DataError, match=r"a\.xls is not a table of text: save it as CSV or \.xlsx"):
        find_source(str(tmp_path / "a.xls"))


def test_gzip_is_read_through(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress("a;b\n1,5;ä\n".encode()))
    source = find_source(str(tmp_path / "a.csv.gz"))
    assert TableDataset(dataset=source).load().to_dict("list") == {"a": ["1.5"], "b": ["ä"]}


@pytest.mark.parametrize(
    ("ending", "library", "extra"), [("xlsx", "openpyxl", "excel"), ("sav", "pyreadstat", "spss")]
)
def test_missing_library_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, library: str, extra: str
) -> None:
    monkeypatch.setitem(__import__("sys").modules, library, None)
    (tmp_path / f"a.{ending}").write_bytes(b"PK\3\4")
    with pytest.raises(DataError, match=rf"pip install 'crossfold\[{extra}\]'"):
        TableDataset(dataset=find_source(str(tmp_path / f"a.{ending}"))).load()


@pytest.mark.parametrize("missing", [[], [None]])
@pytest.mark.parametrize("kind", ["float64", "float32", "Float64"])
def test_number_is_written_alike_whatever_stands_beside_it(missing: list[None], kind: str) -> None:
    for other in (2.5, 7.0):
        text = as_text(pd.Series([1.0, -0.0, -3.0, 1e15, other, *missing], dtype=kind))
        assert text.tolist()[:3] == ["1", "0", "-3"]
        assert text.isna().sum() == len(missing)


@pytest.mark.parametrize("ending", ["dta", "sav", "feather"])
def test_broken_file_is_told(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"a.{ending}"
    file.write_bytes(b"PK\3\4")
    with pytest.raises(DataError, match=rf"a\.{ending} cannot be read: "):
        TableDataset(dataset=find_source(str(file))).load()


def test_missing_database_library_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sqlalchemy", None)

    with pytest.raises(DataError, match=r"pip install 'crossfold\[database\]'"):
        TableDataset(dataset=find_source("sqlite:///a.db::visits")).load()


def test_absent_database_is_told_and_not_made(tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy")
    source = find_source(f"sqlite:///{(tmp_path / 'a.db').as_posix()}::visits")
    with pytest.raises(DataError, match=r"There is no database .*a\.db: check its path"):
        TableDataset(dataset=source).load()
    assert not [*tmp_path.iterdir()]


def test_paths_do_not_depend_on_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exports").mkdir()
    file = write(tmp_path / "a.csv", "a\n1\n")
    assert find_source("exports/../a.csv")["filepath"] == file.as_posix()
    found = find_source("sqlite:///a.db::visits")["credentials"]["con"]
    assert found == f"sqlite:///{(tmp_path / 'a.db').as_posix()}"
    assert find_source("sqlite:///:memory:::visits")["credentials"]["con"] == "sqlite:///:memory:"
