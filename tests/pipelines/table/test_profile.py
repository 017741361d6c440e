"""What is found out about a table: kinds, tasks, warnings, refusals."""

import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.table.kinds import describe_column, missing_words
from crossfold.pipelines.table.profile import Profile, Wishes, find_task, profile_table

Profiler = Callable[..., Profile]
N = 200
random = np.random.default_rng(0)


def text(values: object, name: str = "column") -> pd.Series:
    return pd.Series(list(map(str, values)), name=name, dtype="str")  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("values", "name", "kind"),
    [
        (random.normal(size=N), "unique measurement", "number"),
        (range(1, 5), "four whole numbers", "number"),
        (random.integers(1, 4, N), "few whole numbers", "number"),
        (random.integers(0, 90_000, N), "whole amounts", "number"),
        (["0.5", "1e-3", "-2"], "exponents", "number"),
        ([*random.normal(size=30), "oops"], "one that is unreadable", "number"),
        (range(N), "rows counted", "identifier"),
        (random.permutation(N) + 5000, "numbers in a row", "identifier"),
        (random.integers(10**9, 10**10, N), "long numbers", "identifier"),
        (random.integers(0, 100, N), "patient_id", "identifier"),
        (random.integers(0, 100, N), "PatientId", "identifier"),
        (random.integers(0, 9, N), "Patienten-Nr.", "identifier"),
        (random.integers(0, 9, N), "PATIENTID", "identifier"),
        (random.integers(0, 9, N), "id_patient", "identifier"),
        (random.integers(0, 9, N), "fallzahl", "number"),
        (random.integers(0, 9, N), "patients", "number"),
        (random.integers(0, 100, N), "paid", "number"),
        (random.integers(0, 5, N), "store_id", "number"),
        ([f"{place:05}" for place in random.integers(0, 9, N)], "codes", "category"),
        ([f"{place:08}" for place in range(N)], "codes of rows", "identifier"),
        ([f"P-{place}" for place in range(N)], "coded", "identifier"),
        ([f"came by bus {place}" for place in range(N)], "remark", "text"),
        ([f"town {place % 15}" for place in range(N)], "town", "category"),
        ([f"town {place % 30}" for place in range(N)], "town_name", "category"),
        ([f"Ann {place % 9}" for place in range(N)], "Patient Name", "identifier"),
        ([f"a{place % 9}@b.org" for place in range(N)], "contact", "identifier"),
        ([f"Ann {place % 30}" for place in range(N)], "name", "identifier"),
        ([f"a{place % 30}@b.org" for place in range(N)], "E-Mail", "identifier"),
        (random.integers(30, size=N) + 5550000, "Telefon", "identifier"),
        (random.integers(60, size=N), "phone_calls", "number"),
        (["yes", "no"] * 5, "yes", "flag"),
        (["Ja", "nein"] * 5, "ja", "flag"),
        (["Ja", "nein", "ja"] * 5, "ja in two spellings", "flag"),
        (["0", "1"] * 5, "bits", "flag"),
        (["1", "2"] * 5, "one or two", "number"),
        (["M", "F"] * 5, "sex", "category"),
        (["x"] * 5, "always the same", "constant"),
        (["2023-01-31", "2023-02-01"], "ISO", "date"),
        (["2023-01-31T10:00:00Z", "2023-02-01T11:30:00+01:00"], "ISO with times", "date"),
        (["31.01.2023", "1.2.2023"], "German", "date"),
        (["01/31/2023", "02/01/2023"], "American", "date"),
        (["20230131", "20230201"], "digits", "date"),
        (["10:30", "11:45"], "times", "date"),
        (["2019", "2020", "2021"], "years", "number"),
    ],
)
def test_kind_of_a_column(values: object, name: str, kind: str) -> None:
    assert describe_column(text(values, name)).kind == kind


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pd.Series(pd.to_datetime(["2023-01-31", "2023-02-01"])), "date"),
        (pd.Series([True, False, None], dtype="boolean"), "flag"),
        (pd.Series([1, 2, None], dtype="Int64"), "number"),
        (pd.Series([0.5, np.nan, 2]), "number"),
        (pd.Series([np.nan, np.nan]), "constant"),
    ],
)
def test_kind_of_a_typed_column(values: pd.Series, kind: str) -> None:
    assert describe_column(values).kind == kind


def test_day_and_month_are_told_apart_where_they_can_be() -> None:
    dayfirst = describe_column(text(["01/02/2023", "13/02/2023"]))
    assert (dayfirst.date_format, dayfirst.note) == ("%d/%m/%Y", "")
    monthfirst = describe_column(text(["01/02/2023", "02/13/2023"]))
    assert monthfirst.date_format == "%m/%d/%Y"
    either = describe_column(text(["01/02/2023", "02/03/2023"]))
    assert "day or month first" in either.note
    assert describe_column(text(["2023-01-31", "2023-02-01"]), "%m/%d/%Y").date_format is None
    said = describe_column(text(["01/02/2023", "02/03/2023"]), "%m/%d/%Y")
    assert (said.date_format, said.note) == ("%m/%d/%Y", "")


def test_nobody_sees_identifiers_and_free_text() -> None:
    assert describe_column(text(range(N), "id")).example == ""
    assert describe_column(text([f"said number {k}" for k in range(N)])).example == ""
    assert describe_column(text(["M", "F"])).example in ("M", "F")
    assert describe_column(text(["a\nb"])).example == "a b"
    assert describe_column(text(["patient 98234"])).example == "patient 99999"


def test_long_numbers_are_nines_in_every_sentence(
    profile_of: Profiler, visits: pd.DataFrame
) -> None:
    """They may be of a patient, in whichever column they stand."""
    patient = "982345000017"
    visits["constant"] = patient
    visits["spelt"] = [f"a{patient}", f"A{patient}"] * 200
    visits["signed"] = [f">{patient}", "1"] * 200
    visits["class"] = [*[patient] * 3, *["few"] * 7, *["many"] * 390]
    visits["number"] = [123456, *random.normal(5, 1, 399)]
    told = [warnings_of(profile_of(visits, target)) for target in ("class", "number")]
    visits["rare"] = [*["a"] * 3, *[patient] * 397]
    told += [warnings_of(profile_of(visits, "rare"))]
    for options in (
        {"target": "constant"},
        {"target": "class", "task": "binary"},
        {"target": "rare", "positive": "b"},
        {"target": "x"},
    ):
        with pytest.raises(CrossfoldError) as error:
            profile_of(visits.rename(columns={"remark": patient}), **options)  # type: ignore[arg-type]
        told.append(str(error.value))
    assert [sentence.count("9" * len(patient)) for sentence in told] == [4, 3, 4, 1, 1, 1, 1]
    assert not any(number in sentence for sentence in told for number in (patient, "123456"))


def test_missing_words() -> None:
    assert missing_words(text(["a", "NA", "-", "none", "b"])) == ["NA", "-"]
    assert missing_words(text([*range(20), "not asked"])) == ["not asked"]
    assert missing_words(text(["1", "2", "not asked"])) == [], "too few numbers to be sure"
    assert missing_words(text([*range(20_000), "?"])) == ["?"], "it may come late"
    assert missing_words(pd.Series([1.0, 2.0])) == []


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["1", "2"], "binary"),
        (["0.5", "1.5"], "binary"),
        (["a", "b", "c"], "multiclass"),
        ([*range(3, 10)] * 10, "multiclass"),
        (range(3, 10), "regression"),
        (["0.5", "1", "2"], "regression"),
        (range(21), "regression"),
    ],
)
def test_task(values: object, task: str) -> None:
    assert find_task(text(values), "target") == task


@pytest.mark.parametrize(
    ("values", "event"),
    [
        ("yes no no", ("yes", "no")),
        ("0 1 1", ("1", "0")),
        ("0.0 1.0 1.0", ("1.0", "0.0")),
        ("sick well well", ("sick", "well")),
        ("Ja Nein Nein", ("Ja", "Nein")),
    ],
)
def test_event_means_yes_or_is_rarer(
    profile_of: Profiler, visits: pd.DataFrame, values: str, event: tuple[str, str]
) -> None:
    visits["target"] = random.choice(values.split(), len(visits))
    parameters = profile_of(visits, "target").parameters
    assert (parameters.positive, parameters.negative) == event


def warnings_of(profile: Profile) -> str:
    return "\n".join(profile.warnings)


def test_a_quiet_table_has_no_warnings(profile_of: Profiler, visits: pd.DataFrame) -> None:
    assert profile_of(visits, "missed", group="patient_id", drop=("remark",)).warnings == ()


def test_names_of_rows_do_not_count(visits: pd.DataFrame) -> None:
    alike = visits.set_axis([0] * len(visits))  # as after pd.concat
    assert profile_table(alike, Wishes("missed")) == profile_table(visits, Wishes("missed"))


def test_numbers_with_a_unit_are_read(profile_of: Profiler, visits: pd.DataFrame) -> None:
    weight = [f"{number:.1f} kg" for number in random.normal(75, 9, len(visits))]
    share = [f"{number}%" for number in random.integers(0, 20, len(visits))]
    room = [f"{number}A" for number in random.integers(100, 120, len(visits))]
    profile = profile_of(visits.assign(weight=weight, share=share, room=room), "missed")
    assert profile.units == {"weight": "kg", "share": "%"}
    kinds = [profile.parameters.columns[name] for name in ("weight", "share", "room")]
    assert kinds == ["number", "number", "category"]


def test_numbers_with_a_unit_in_a_dataframe_are_told() -> None:
    column = describe_column(text(f"{number:.1f} kg" for number in random.normal(75, 9, N)))
    assert (column.kind, column.note) == (
        "text",
        "numbers with a unit are no numbers: take 'kg' out of the cells to have them read",
    )


def test_cells_that_hold_too_much_are_told(profile_of: Profiler, visits: pd.DataFrame) -> None:
    pressure = [f"{high}/{high - 40}" for high in random.integers(100, 180, len(visits))]
    ages = random.choice(["18-25", "26-40"], len(visits))
    forms = ["%d.%m.%Y", "%Y-%m-%d"]
    days = pd.to_datetime(visits["visited_on"])
    seen = [day.strftime(forms[place % 2]) for place, day in enumerate(days)]
    crp = ["<5" if place % 8 == 0 else f"{place}.5" for place in range(len(visits))]
    flagged = [f"{place}.5*" if place % 8 == 0 else f"{place}.5" for place in range(len(visits))]
    visits = visits.assign(pressure=pressure, ages=ages, seen=seen, crp=crp, flagged=flagged)
    visits["change"] = [f"\N{MINUS SIGN}{place}.5" for place in range(len(visits))]
    told = warnings_of(profile_of(visits, "missed"))
    assert "pressure: two numbers in a cell are not read" in told
    assert "crp: some values are no numbers and count as missing (rows: 50)" in told
    assert re.search(r"flagged: signs beside numbers, as in '\d+.5\*', are not read", told)
    assert "change: signs beside numbers, as in \N{MINUS SIGN}1, are not read: write hyph" in told
    assert "seen: dates written in several ways are not read" in told
    assert "ages" not in told


def test_words_for_missing_values_are_none_of_another_column(
    profile_of: Profiler, visits: pd.DataFrame
) -> None:
    drinks = [*(str(place % 60) for place in range(391)), *["none"] * 9]
    visits = visits.assign(drinks=drinks)
    assert "none" in profile_of(visits, "missed").missing_words
    profile = profile_of(visits.assign(allergy=["none", "nuts"] * 200), "missed")
    assert "none" not in profile.missing_words
    assert profile.parameters.columns["drinks"] == "number"


def test_years_of_two_digits_are_told_where_they_lie_ahead() -> None:
    told = [describe_column(text(f"{day}.02.{year}" for day in range(1, 29))) for year in (52, 99)]
    assert [column.kind for column in told] == ["date", "date"]
    assert "years of two digits are taken for 1969 to 2068" in told[0].note
    assert "years" not in told[1].note


def test_words_in_several_spellings_are_told(profile_of: Profiler, visits: pd.DataFrame) -> None:
    ward = random.choice(["ICU", "Icu", "surgery"], len(visits))
    visits["missed"] = random.choice(["yes", "Yes", "no", " no "], len(visits))
    profile = profile_of(visits.assign(ward=ward), "missed")
    told = [warning for warning in profile.warnings if "differ only in case" in warning]
    assert [warning.partition(" differ")[0] for warning in told] == [
        "missed: 'Yes', 'yes'",
        "ward: 'ICU', 'Icu'",
    ]
    assert profile.parameters.task == "multiclass"


def test_forgotten_group_is_told(profile_of: Profiler, visits: pd.DataFrame) -> None:
    assert "give --group 'patient_id'" in warnings_of(profile_of(visits, "missed"))


def test_groups_that_cannot_do_their_work_are_told(
    profile_of: Profiler, visits: pd.DataFrame
) -> None:
    assert "another value in every row" in warnings_of(profile_of(visits, "missed", group="visit"))
    one = warnings_of(profile_of(visits.assign(ward="a"), "missed", group="ward"))
    assert "ward has 1 values" in one
    told = warnings_of(profile_of(visits, "missed", group="postcode"))
    assert "postcode has 3 values, and 4 are needed to learn" in told
    few = visits.assign(ward=[f"ward {row % 9}" for row in range(len(visits))])
    told = warnings_of(profile_of(few, "missed", group="ward"))
    assert "ward has 9 values only: whether a figure holds for others is uncertain" in told


def test_what_tells_the_group_is_an_identifier(profile_of: Profiler, visits: pd.DataFrame) -> None:
    places = pd.factorize(visits["patient_id"])[0]
    names = [f"{a}{b}" for a in "ABCDEFGHIJ" for b in "klmnopqrst"]  # for 117 patients
    visits["who"] = [names[place % len(names)] for place in places]
    visits["ward"] = [f"ward {place % 10}" for place in places]
    visits["household"], visits["house"] = 10_000 + places // 3, 10_000 + places // 3
    by_patient = profile_of(visits, "missed", group="patient_id")
    assert "who: it tells the patient_id of a row" in warnings_of(by_patient)
    assert "who" in by_patient.hashed_columns
    assert {"ward", "household"} <= set(by_patient.parameters.columns)
    by_household = profile_of(visits, "missed", group="household")
    assert "house" in by_household.hashed_columns
    visits["sibling"] = visits["patient_id"].sample(frac=1, random_state=0).to_numpy()
    of_sibling = profile_of(visits, "missed", group="patient_id")
    assert "sibling: it holds identifiers of patient_id, and is" in warnings_of(of_sibling)
    assert "sibling" in of_sibling.hashed_columns
    visits["clinic"] = [f"clinic {max(place - 110, 0)}" for place in places]  # nearly all in one
    assert "ward" in profile_of(visits, "missed", group="clinic").parameters.columns


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_column_that_gives_the_target_away_is_left_out(
    profile_of: Profiler, visits: pd.DataFrame, task: str
) -> None:
    code = random.integers({"binary": 2, "multiclass": 4, "regression": 300}[task], size=400)
    visits["target"] = code if task == "regression" else [f"class {one}" for one in code]
    visits["outcome"] = [f"o{one}" for one in code // 2] if task != "binary" else code * 5 + 1
    visits["copy"] = code * 2.5 + random.normal(0, 0.1, 400).round(3)
    profile = profile_of(visits, "target", task=task, group="patient_id")
    given_away = {n for n, why in profile.parameters.left_out.items() if "by itself" in why}
    assert given_away == ({"copy", "outcome"} if task == "binary" else {"copy"})
    assert "copy gives the target away by itself" in warnings_of(profile)


def test_lucky_column_of_a_small_table_is_not_suspected(
    profile_of: Profiler, visits: pd.DataFrame
) -> None:
    small = visits[:60].assign(copy=(visits["missed"] == "yes").astype(int) * 3 + 1)
    assert "copy" in profile_of(small, "missed").parameters.columns


def test_what_hardly_happens_is_given_away_by_no_column(
    profile_of: Profiler, visits: pd.DataFrame
) -> None:
    visits["missed"] = ["yes"] * 3 + ["no"] * 397
    profile = profile_of(visits, "missed")
    assert not [why for why in profile.parameters.left_out.values() if "by itself" in why]
    assert "missed has 3 rows of the rarest class, fewer than 5 folds need" in warnings_of(profile)


def test_rare_classes_duplicates_and_missing_targets_are_told(
    profile_of: Profiler, visits: pd.DataFrame
) -> None:
    visits["target"] = ["rare"] * 3 + ["few"] * 7 + ["many"] * 200 + ["most"] * 190
    visits.loc[399, "target"] = None
    twice = pd.concat([visits, visits[390:]], ignore_index=True)
    told = warnings_of(profile_of(twice, "target"))
    assert "too few rows for 5 folds: rare (3). They go to the rejected rows" in told
    assert "hardly more rows than 5 folds need: few (7)" in told
    assert "repeat another one in every column that is used: 10." in told
    assert "2 rows have no target" in told


def test_nearly_constant_targets_and_few_rows_are_told(
    profile_of: Profiler, visits: pd.DataFrame
) -> None:
    visits["target"] = ["a"] * 2 + ["b"] * 398
    assert "target is nearly constant: 99.5% are b" in warnings_of(profile_of(visits, "target"))
    visits["target"] = [0.5, 1.5, 2] + [7] * 397
    assert "target is nearly always 7" in warnings_of(profile_of(visits, "target"))
    visits["target"] = [*random.normal(5, 1, 399), 1e6]
    assert "decide how good a model looks: 1e+06 (rows: 1)" in warnings_of(
        profile_of(visits, "target")
    )
    visits["target"] = random.normal(5e-9, 1e-9, 400)
    assert "target has so small values (standard deviation" in warnings_of(
        profile_of(visits, "target")
    )
    near = visits.assign(target=random.normal(1e7, 1, 400), clock=random.normal(1e9, 10, 400))
    assert {
        line.partition(" that differ by less than a millionth")[0]
        for line in profile_of(near, "target").warnings
        if "seven digits" in line
    } == {"target has values near 1e+07", "clock has values near 1e+09"}
    coded = visits.assign(age=np.where(np.arange(400) % 9, visits["age"], "999"))
    assert "age is 999 in 45 rows, far from all else" in warnings_of(profile_of(coded, "missed"))
    assert "far from all else" not in warnings_of(profile_of(visits, "missed"))
    assert "40 rows are too few" in warnings_of(profile_of(visits[:40], "missed"))


@pytest.mark.parametrize(
    ("wishes", "sentence"),
    [
        ({"target": "mised"}, r"no column 'mised' \(did you mean 'missed'\?\)"),
        ({"target": "missed", "group": "patient"}, "did you mean 'patient_id'"),
        ({"target": "missed", "drop": ("what",)}, "no column 'what'"),
        ({"target": "postcode", "positive": "80331"}, "is multiclass: leave it out"),
        ({"target": "country"}, r"has one value only \(D\)"),
        ({"target": "empty"}, "is missing in all rows"),
        ({"target": "postcode", "group": "postcode"}, "cannot be the target and the group"),
        ({"target": "missed", "task": "regression"}, "holds no numbers: give another --task"),
        ({"target": "missed", "date_format": "%Q"}, "--date-format %Q is no format of dates"),
        ({"target": "remark"}, "400 different texts"),
        ({"target": "missed", "positive": "Yes"}, "has no value 'Yes': give --positive no or yes"),
        ({"target": "postcode", "task": "binary"}, "has 3 values .* give --task multiclass"),
        ({"target": "missed", "time": "country"}, "neither dates nor numbers that vary"),
        ({"target": "missed", "time": "postcode", "drop": ("postcode",)}, "cannot be dropped"),
    ],
)
def test_refusals(
    profile_of: Profiler, visits: pd.DataFrame, wishes: dict[str, object], sentence: str
) -> None:
    visits["empty"] = None
    with pytest.raises(CrossfoldError, match=sentence):
        profile_of(visits, **wishes)


def test_tables_without_inputs_rows_or_values_are_refused(
    profile_of: Profiler, visits: pd.DataFrame
) -> None:
    with pytest.raises(CrossfoldError, match=r"No input column is left \(visit: identifier"):
        profile_of(visits[["visit", "missed"]], "missed")
    with pytest.raises(CrossfoldError, match="no rows below its header"):
        profile_of(visits[:0], "missed")
    with pytest.raises(CrossfoldError, match="All values of the table are missing"):
        profile_of(visits.assign(**dict.fromkeys(visits.columns, "NA")), "missed")
