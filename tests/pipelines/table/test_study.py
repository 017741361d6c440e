"""From a file to a study: what is written is read back, and runs."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog, DatasetError
from kedro.runner import SequentialRunner
from omegaconf import OmegaConf

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.table.pipeline import create_data_pipeline
from crossfold.pipelines.table.profile import Wishes
from crossfold.pipelines.table.study import read_profile, scalar, write_study
from crossfold.templates.cross_validation.folds import assign_rows_to_folds, guard_against_leaks
from crossfold.templates.cross_validation.parameters import FoldParameters
from crossfold.templates.parameters import TableParameters

KEY = {"patient_key": {"key": "k"}}
LAYERS = Path(__file__).parents[3] / "conf" / "base" / "catalog.yml"


class Study:
    """A study in a project of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "conf" / "base").mkdir(parents=True)
        (folder / "conf" / "local").mkdir()
        globals_file = folder / "conf" / "base" / "globals.yml"
        globals_file.write_text(f"data_root: {(folder / 'data').as_posix()}\ndata_notice: ''\n")
        (folder / "conf" / "base" / "catalog.yml").write_text(LAYERS.read_text())

    def write(self, data: str, *, name: str = "mine", force: bool = False, **wishes: str) -> None:
        source, profile = read_profile(data, Wishes(**wishes))  # type: ignore[arg-type]
        write_study(name, source, profile, self.folder, force=force)

    def loader(self, **runtime_params: str) -> OmegaConfigLoader:
        return OmegaConfigLoader(
            str(self.folder / "conf"),
            base_env="base",
            default_run_env="local",
            merge_strategy={"parameters": "soft", "globals": "soft"},
            runtime_params=runtime_params,
        )

    def parameters(self) -> TableParameters:
        return TableParameters.model_validate(self.loader()["parameters"]["mine"]["table"])

    def catalog(self, **runtime_params: str) -> DataCatalog:
        catalog = DataCatalog.from_config(self.loader(**runtime_params)["catalog"], KEY)
        catalog["params:mine.table"] = self.parameters()
        return catalog

    def run(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Run the data pipeline; give the table and the features."""
        catalog = self.catalog()
        SequentialRunner().run(create_data_pipeline("mine"), catalog)
        again = self.catalog()
        return again.load("mine.table"), again.load("mine.features")


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(tmp_path / "project")


def neighbours(identifiers: pd.Series) -> pd.Series:
    """Give numbers that are one as floats, which a missing value makes of them in pandas."""
    numbers = 2**53 + pd.factorize(identifiers)[0].astype("int64")
    return pd.Series(numbers, identifiers.index, dtype="Int64")


def decimal_comma(numbers: pd.Series) -> pd.Series:
    return numbers.str.replace(".", ",", regex=False)


def test_semicolons_decimal_commas_and_umlauts_in_cp1252(
    study: Study, visits: pd.DataFrame, tmp_path: Path
) -> None:
    visits["größe"] = decimal_comma(visits["weight"])
    visits["Tag"] = pd.to_datetime(visits["visited_on"]).dt.strftime("%d.%m.%Y")
    visits["ort"] = "Köln"
    visits.loc[::3, "ort"] = "Fürth"
    columns = ["age", "größe", "Tag", "ort", "missed"]
    file = tmp_path / "a.csv"
    visits[columns].to_csv(file, sep=";", index=False, encoding="cp1252")
    study.write(str(file), target="missed")
    table, features = study.run()
    np.testing.assert_array_equal(table["größe"], visits["weight"].astype(float))
    assert table["ort"].tolist() == visits["ort"].tolist()
    assert table["Tag"].tolist() == pd.to_datetime(visits["visited_on"]).tolist()
    assert table["missed"].tolist() == (visits["missed"] == "yes").tolist()
    assert [*features] == [
        "missed", "age", "größe", "Tag_month", "Tag_weekday", "Tag_days", "ort"
    ]  # fmt: skip


def test_utf16_with_tabs_and_five_classes(
    study: Study, visits: pd.DataFrame, tmp_path: Path
) -> None:
    visits["ward"] = [f"Ward {'ABCDE'[place % 5]}" for place in range(len(visits))]
    file = tmp_path / "a.txt"
    visits[["age", "weight", "ward"]].to_csv(file, sep="\t", index=False, encoding="utf-16")
    study.write(str(file), target="ward")
    table, features = study.run()
    assert study.parameters().task == "multiclass"
    assert table["ward"].tolist() == visits["ward"].tolist()
    assert table["age"].tolist() == visits["age"].astype(float).tolist()
    assert features.dtypes.astype(str).to_dict() == {
        "ward": "category", "age": "float32", "weight": "float32"
    }  # fmt: skip


def test_number_as_target_with_missing_words_and_thousands(
    study: Study, visits: pd.DataFrame, tmp_path: Path
) -> None:
    visits["cost"] = [f"{1000 + place * 3.25:,.2f}" for place in range(len(visits))]
    visits["score"] = np.sin(np.arange(len(visits))).round(3).astype("str")
    visits.loc[:9, "age"] = "not asked"
    visits.loc[10:19, "cost"] = "NA"
    visits.loc[20:29, "insured"] = "-"
    file = tmp_path / "a.csv"
    visits[["age", "cost", "insured", "score"]].to_csv(file, index=False, quoting=1)
    study.write(str(file), target="score")
    table, features = study.run()
    assert study.parameters().task == "regression"
    assert table["cost"].iloc[-1] == 1000 + 399 * 3.25
    assert table.isna().sum().to_dict() == {"age": 10, "cost": 10, "insured": 10, "score": 0}
    assert features["insured"].dtype == "float32"
    assert features["score"].dtype == "float64"


ODD = ["a.b", "${x}", "\\${oc.env:HOME}", 'say "hi"', "grün {1}", "yes", "12", "#%", "@a", "it's", "a: b", " ", "null", "_c", "???", "a\nb"]  # noqa: E501  # fmt: skip


def test_columns_of_any_name(study: Study, visits: pd.DataFrame, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    table = pd.DataFrame({name: random.normal(size=200).round(3) for name in ODD})
    table["${target}"] = random.choice(["${yes}", "\\${no}"], 200)
    file = tmp_path / "${a} b.csv"
    table.to_csv(file, index=False)
    study.write(str(file), target="${target}", positive="${yes}", time="${x}")
    parameters = study.parameters()
    assert [*parameters.columns] == ODD
    read, features = study.run()
    assert read["${target}"].tolist() == (table["${target}"] == "${yes}").tolist()
    assert [*features] == ["${target}", *(name for name in ODD if name != "${x}")]


SIGNS = st.text(alphabet="${}\\:a1.' \"#-[],?\t\n\u2028ä", max_size=12) | st.text(max_size=12)


@settings(deadline=None)
@given(value=SIGNS)
@example("${")
@example("a ${b c}")
@example("\\\\${x}")
def test_configuration_gives_back_every_text(value: str) -> None:
    text = f"a: {{{scalar(value, is_key=True)}: [{scalar(value)}]}}\nb: {scalar(value)}\n"
    read = OmegaConf.to_container(OmegaConf.load(io.StringIO(text)), resolve=True)
    assert read == {"a": {value: [value]}, "b": value}


@pytest.mark.parametrize("name", ["a@b@c", "a ${b c}"])
def test_columns_that_kedro_cannot_name_are_refused(
    study: Study, visits: pd.DataFrame, tmp_path: Path, name: str
) -> None:
    file = tmp_path / "a.csv"
    visits.rename(columns={"missed": name}).to_csv(file, index=False)
    with pytest.raises(CrossfoldError, match=r"Kedro cannot read .*: rename them"):
        study.write(str(file), target=name)
    assert not (study.folder / "conf" / "base" / "mine").exists()


def test_identifiers_are_hashed_exactly_and_never_stored(
    study: Study, visits: pd.DataFrame, tmp_path: Path
) -> None:
    file = tmp_path / "a.csv"
    visits.to_csv(file, index=False)
    study.write(str(file), target="missed", group="patient_id", time="visited_on")
    table, features = study.run()
    assert table["patient_id"].nunique() == visits["patient_id"].nunique()
    assert table["patient_id"].str.fullmatch("[0-9a-f]{24}").all()
    parameters = study.parameters()
    assert parameters.identifiers == ("visit",)
    assert parameters.left_out == {"visit": "identifier", "remark": "text", "country": "constant"}
    assert not {"patient_id", "visit", "remark"} & {*features}
    secrets = {*visits["patient_id"], *visits["remark"]}
    for stored in [file for file in study.folder.rglob("*") if file.is_file()]:
        content = stored.read_bytes()
        assert not any(secret.encode() in content for secret in secrets), stored


def test_what_holds_identifiers_of_other_rows_is_left_out_and_hashed(
    study: Study, visits: pd.DataFrame, tmp_path: Path
) -> None:
    """Also in free text, which is left out but was not hashed: a run reads what was written."""
    file, other = tmp_path / "a.csv", visits["patient_id"].sample(frac=1, random_state=0)
    visits["sibling"] = np.where(visits.index % 20 == 0, other, "none")
    visits["remark"] = visits["remark"] + " as " + visits["patient_id"]
    visits.to_csv(file, index=False)
    study.write(str(file), target="missed", group="patient_id", time="visited_on")
    assert study.parameters().identifiers == ("visit", "remark", "sibling")
    table, _ = study.run()
    assert not {"sibling", "remark"} & {*table}
    visits["insured"] = visits["sibling"]
    visits.to_csv(file, index=False)
    with pytest.raises(DatasetError, match="patient_id in its column insured too, in 20 of 400"):
        study.run()


def test_identifiers_without_a_group_do_not_stop_the_split(
    study: Study, visits: pd.DataFrame, tmp_path: Path
) -> None:
    visits.to_csv(tmp_path / "a.csv", index=False)
    study.write(str(tmp_path / "a.csv"), target="missed")
    parameters = study.parameters()
    assert parameters.identifiers == ("patient_id", "visit")
    table, features = study.run()
    folds = assign_rows_to_folds(table, features, FoldParameters(parts=0), parameters, 0)
    assert not guard_against_leaks(table, folds, parameters)["crossing"].any()


def test_excel(study: Study, visits: pd.DataFrame, tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    file = tmp_path / "a.xlsx"
    typed = visits.astype({"age": "int64", "weight": "float64"})
    typed["visited_on"] = pd.to_datetime(typed["visited_on"])
    typed["patient_id"] = typed["patient_id"].astype("int64")
    commas = typed.assign(weight=decimal_comma(visits["weight"]))
    commas.to_excel(file, index=False)
    study.write(str(file), target="missed", group="patient_id")
    table, _ = study.run()
    assert table["weight"].tolist() == typed["weight"].tolist()
    assert table["visited_on"].tolist() == typed["visited_on"].tolist()
    assert table["postcode"].tolist() == visits["postcode"].tolist()
    assert table["patient_id"].nunique() == visits["patient_id"].nunique()


@pytest.mark.parametrize("ending", ["dta", "sav", "feather"])
def test_tables_of_statistics_packages(
    study: Study, visits: pd.DataFrame, tmp_path: Path, ending: str
) -> None:
    typed = visits.astype({"age": "float64", "weight": "float64", "patient_id": "float64"})
    typed["visited_on"] = pd.to_datetime(typed["visited_on"])
    file = tmp_path / f"a.{ending}"
    if ending == "dta":
        typed.astype({"missed": "category"}).to_stata(file, write_index=False, version=118)
    elif ending == "feather":
        typed.to_feather(file)
    else:
        labels = {"missed": {0: "no", 1: "yes"}}
        coded = typed.assign(missed=(typed["missed"] == "yes").astype(float))
        pytest.importorskip("pyreadstat").write_sav(coded, file, variable_value_labels=labels)
    study.write(str(file), target="missed", group="patient_id")
    assert study.parameters().positive == "yes"
    table, _ = study.run()
    assert table["missed"].tolist() == (visits["missed"] == "yes").tolist()
    assert table["weight"].tolist() == typed["weight"].tolist()
    assert table["visited_on"].tolist() == typed["visited_on"].tolist()
    assert table["patient_id"].nunique() == visits["patient_id"].nunique()


def test_folder_of_exports(study: Study, visits: pd.DataFrame, tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    visits[:200].to_csv(folder / "2023-01.csv", index=False)
    visits[200:].to_csv(folder / "2023-02.csv", index=False)
    (folder / "notes.md").write_text("not a table")
    study.write(str(folder), target="missed", group="patient_id")
    table, _ = study.run()
    assert table["age"].tolist() == visits["age"].astype(float).tolist()


def test_numbers_with_units_are_read(study: Study, visits: pd.DataFrame, tmp_path: Path) -> None:
    weight = [f"{75 + place % 9},5 kg" for place in range(len(visits))]
    weight[3] = "NA"
    cost = [f"{1 + place % 4}.{place % 10}00,50 €" for place in range(len(visits))]
    visits = visits[["patient_id", "missed"]].assign(weight=weight, cost=cost)
    visits.to_csv(tmp_path / "a.csv", index=False, sep=";")
    study.write(str(tmp_path / "a.csv"), target="cost", group="patient_id")
    table, _ = study.run()
    assert table["weight"].tolist()[:3] == [75.5, 76.5, 77.5]
    assert table["weight"].isna().sum() == 1
    assert table["cost"].tolist()[:3] == [1000.5, 2100.5, 3200.5]


def test_files_of_any_kind_give_the_same_table(
    study: Study, visits: pd.DataFrame, tmp_path: Path
) -> None:
    visits.loc[:9, "postcode"] = "N/A"
    typed = visits.astype({"age": "int16", "weight": "float64"})
    typed["insured"] = (typed["insured"] == "yes").astype("float64")
    typed.loc[5, "insured"] = None  # so that CSV holds 1.0 and 0.0
    typed["patient_id"] = neighbours(visits["patient_id"])
    typed.loc[3, "patient_id"] = None
    typed.to_csv(tmp_path / "a.csv.gz", index=False)
    typed.set_index("patient_id").to_parquet(tmp_path / "a.parquet")
    typed.to_feather(tmp_path / "a.feather")
    tables = []
    for file in ("a.csv.gz", "a.parquet", "a.feather"):
        wishes = {"target": "missed", "group": "patient_id"}
        study.write(str(tmp_path / file), force=True, **wishes)
        tables.append(study.run()[0])
    assert tables[0]["patient_id"].nunique() == visits["patient_id"].drop(3).nunique()
    assert tables[1]["postcode"].isna().sum() == 9
    pd.testing.assert_frame_equal(tables[0], tables[1])
    pd.testing.assert_frame_equal(tables[0], tables[2])


def test_database_table(study: Study, visits: pd.DataFrame, tmp_path: Path) -> None:
    sqlalchemy = pytest.importorskip("sqlalchemy")
    address = f"sqlite:///{(tmp_path / 'a.db').as_posix()}"
    engine = sqlalchemy.create_engine(address)
    typed = visits.astype({"age": "Int64"})
    typed["patient_id"] = neighbours(visits["patient_id"])
    typed.loc[3, ["patient_id", "age"]] = None
    typed.to_sql("visits", engine, index=False)
    engine.dispose()
    study.write(f"{address}::visits", target="missed", group="patient_id")
    table, _ = study.run()
    assert len(table) == len(visits) - 1
    assert table["patient_id"].nunique() == visits["patient_id"].drop(3).nunique()


def test_study_is_written_once_and_whole(
    study: Study, visits: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.csv"
    visits.to_csv(file, index=False)
    study.write(str(file), target="missed")
    folder = study.folder / "conf" / "base" / "mine"
    (folder / "parameters.yml").write_text("mine: {folds: 3}\n")
    with pytest.raises(CrossfoldError, match="There is a study mine already"):
        study.write(str(file), target="missed")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with monkeypatch.context() as patch:
        patch.setattr("crossfold.datasets.atomic.AtomicWriter._commit", _fail)
        with pytest.raises(OSError, match="disk full"):
            study.write(str(file), target="missed", force=True, group="patient_id")
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    study.write(str(file), target="missed", force=True, group="patient_id")
    assert study.parameters().group == "patient_id"
    assert (folder / "parameters.yml").exists()


def test_half_a_study_is_never_there(
    study: Study, visits: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.csv"
    visits.to_csv(file, index=False)
    before = sorted(study.folder.rglob("*"))
    write_text = Path.write_text

    def fail_second(path: Path, text: str, **options: str) -> int:
        if path.name == "parameters_table.yml":
            raise OSError("disk full")
        return write_text(path, text, **options)

    monkeypatch.setattr(Path, "write_text", fail_second)
    with pytest.raises(OSError, match="disk full"):
        study.write(str(file), target="missed")
    assert sorted(study.folder.rglob("*")) == before


def _fail(*_: object) -> None:
    raise OSError("disk full")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("Mine", "lower-case letters"),
        ("1st", "lower-case letters"),
        ("a.b", "lower-case letters"),
        ("../up", "lower-case letters"),
        ("all", "reserved"),
        ("seed", "reserved"),
        ("catalog_of_mine", "reserved"),
        ("mine_audit", "reserved"),
        ("mine_coming", "reserved"),
        ("wine", "There is a study wine already"),
    ],
)
def test_names_that_cannot_be_a_study_are_refused(
    study: Study, visits: pd.DataFrame, tmp_path: Path, name: str, sentence: str
) -> None:
    (study.folder / "conf" / "base" / "wine").mkdir()
    file = tmp_path / "a.csv"
    visits.to_csv(file, index=False)
    before = [*study.folder.rglob("*")]
    with pytest.raises(CrossfoldError, match=sentence):
        study.write(str(file), name=name, target="missed", force=True)
    assert [*study.folder.rglob("*")] == before


def test_new_rows_come_from_the_named_file(
    study: Study, visits: pd.DataFrame, tmp_path: Path
) -> None:
    file, coming = tmp_path / "a.csv", tmp_path / "next.csv"
    visits.to_csv(file, index=False)
    visits[:3].drop(columns="missed").to_csv(coming, index=False)
    study.write(str(file), target="missed", group="patient_id")
    study.run()
    rows = study.catalog(mine_coming=str(coming)).load("mine.coming")
    assert rows["age"].tolist() == visits["age"][:3].tolist()
    assert rows["patient_id"].str.fullmatch("[0-9a-f]{24}").all()
    for columns in (["patient_id", "missed"], ["missed"]):
        held = visits[:3].drop(columns=columns).assign(insured=visits["patient_id"][3:6].to_numpy())
        held.to_csv(coming, index=False)
        with pytest.raises(DatasetError, match="patient_id in its column insured too, in 3 of 3"):
            study.catalog(mine_coming=str(coming)).load("mine.coming")
    file.rename(tmp_path / "a v1.2.csv")
    study.write(str(tmp_path / "a v1.2.csv"), force=True, target="missed", group="patient_id")
    with pytest.raises(DatasetError, match=r"01_raw/mine/coming\.csv: check its path"):
        study.catalog().load("mine.coming")
