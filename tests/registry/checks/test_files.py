"""Checks of population, mortality and life table: a clean file, then one thing wrong with it."""

from datetime import date

import pytest

from rarecare.registry.checks import CHECKS, run_checks
from tests.registry.checks.examples import CLEAN
from tests.registry.checks.submissions import FACTS, TODAY, cases, submitted

YEARS = range(2008, 2013)
SEXES = ("male", "female")
OF_FILES = [
    check.code for check in CHECKS if check.applies_to in ("population", "mortality", "life_table")
]


def population():
    cells = [(year, sex, age) for year in YEARS for sex in SEXES for age in (0, 40, 80)]
    return [
        {"row": i, "year": year, "sex": sex, "age_lower": age, "age_group": None, "region": "X1",
         "persons": 1000.0}
        for i, (year, sex, age) in enumerate(cells, start=2)
    ]  # fmt: skip


def mortality():
    return [
        {"row": i, "year": year, "sex": sex, "age_lower": 40, "age_group": None, "region": None,
         "cause_of_death": "C50", "deaths": 3.0}
        for i, (year, sex) in enumerate([(y, s) for s in SEXES for y in YEARS], start=2)
    ]  # fmt: skip


def life_table():
    """Mortality of 0.005 at age 0, 0.0005 at 1, then rising by a tenth each year of age."""
    cells = [(year, sex, age) for year in YEARS for sex in SEXES for age in range(100)]
    return [
        {"row": i, "year": year, "sex": sex, "age": age, "region": None,
         "death_probability": min(0.0005 * 1.08 ** (age - 1), 0.9) if age else 0.005}
        for i, (year, sex, age) in enumerate(cells, start=2)
    ]  # fmt: skip


def found(facts=FACTS, record=CLEAN, **files):
    given = submitted(record, facts=facts, **files)
    table = run_checks(given, today=TODAY).table
    return table.filter(file=next(iter(files)))


def changed(rows, at, **values):
    return [row | values if i == at else row for i, row in enumerate(rows)]


BROKEN = {
    # code: file, what is done to its rows, lines or values found
    "population-negative": ("population", lambda r: changed(r, 3, persons=-1.0), [5]),
    "population-unknown": ("population", lambda r: changed(r, 3, persons=None), [5]),
    "population-doubled": ("population", lambda r: [*r, r[0] | {"row": 99}], [2, 99]),
    "population-incomplete": ("population", lambda r: r[:7] + r[8:], ["2009; male; 40; X1"]),
    "population-sex": (
        "population", lambda r: [row for row in r if row["sex"] == "male"], ["female"],
    ),
    "population-years": (
        "population", lambda r: [row for row in r if row["year"] != 2010], ["2010"],
    ),
    "population-regions": (
        "population", lambda r: [row | {"region": "X2"} for row in r], ["X1"],
    ),
    # 3000 persons and 301 more than a tenth of them; 300 are not more than a tenth
    "population-jump": (
        "population",
        lambda r: [row | {"persons": 1101.0} if row["year"] == 2012 else row for row in r],
        ["2012; female; X1; 3000.0 -> 3303.0", "2012; male; X1; 3000.0 -> 3303.0"],
    ),
    "mortality-negative": ("mortality", lambda r: changed(r, 1, deaths=-1.0), [3]),
    "mortality-fraction": ("mortality", lambda r: changed(r, 1, deaths=1.5), [3]),
    "mortality-unknown": ("mortality", lambda r: changed(r, 1, cause_of_death=None), [3]),
    "mortality-doubled": ("mortality", lambda r: [*r, r[0] | {"row": 99}], [2, 99]),
    "mortality-years": ("mortality", lambda r: r[1:5] + r[6:], ["2008"]),
    "mortality-sex": ("mortality", lambda r: r[:5], ["female"]),
    "life-table-range": ("life_table", lambda r: changed(r, 99, death_probability=1.01), [101]),
    "life-table-unknown": ("life_table", lambda r: changed(r, 99, death_probability=None), [101]),
    "life-table-survival": ("life_table", lambda r: changed(r, 20, death_probability=0.51), [22]),
    "life-table-doubled": ("life_table", lambda r: [*r, r[0] | {"row": 9999}], [2, 9999]),
    "life-table-incomplete": ("life_table", lambda r: r[:-1], ["2012; female; 99"]),
    "life-table-ages": (
        "life_table", lambda r: [row for row in r if row["age"] < 99], ["99"],
    ),
    "life-table-years": (
        "life_table", lambda r: [row for row in r if row["year"] < 2012], ["2012"],
    ),
    "life-table-infants": ("life_table", lambda r: changed(r, 0, death_probability=0.0005), [2]),
    "life-table-falling": (
        # age 45 (row 45 of the first hundred) falls to the probability of age 39
        "life_table", lambda r: changed(r, 45, death_probability=0.0005 * 1.08**38), [42],
    ),
}  # fmt: skip
FILES = {"population": population, "mortality": mortality, "life_table": life_table}
CLEAN_TWIN = {  # as near as the rule allows
    "population-jump": lambda r: [
        row | {"persons": 1100.0} if row["year"] == 2012 else row for row in r
    ],
    "life-table-infants": lambda r: changed(r, 0, death_probability=0.00051),
    "life-table-range": lambda r: changed(r, 99, death_probability=1.0),
    "life-table-survival": lambda r: changed(r, 20, death_probability=0.5),
    "population-negative": lambda r: changed(r, 3, persons=0.0),
}


@pytest.mark.parametrize("file", FILES)
def test_a_clean_file_breaks_nothing(file):
    assert found(**{file: FILES[file]()}).is_empty()


@pytest.mark.parametrize("code", OF_FILES)
def test_what_breaks_a_check_is_found(code):
    file, broken, expected = BROKEN[code]
    table = found(**{file: broken(FILES[file]())})
    told = table.filter(code=code)
    assert told["row" if isinstance(expected[0], int) else "values"].to_list() == expected


@pytest.mark.parametrize("code", CLEAN_TWIN)
def test_the_neighbour_is_clean(code):
    file = BROKEN[code][0]
    assert code not in set(found(**{file: CLEAN_TWIN[code](FILES[file]())})["code"])


@pytest.mark.parametrize("code", OF_FILES)
def test_unknown_is_cannot_tell(code):
    """An unknown number is said to be unknown; no other check guesses it."""
    file, broken, _ = BROKEN[code]
    if code.endswith(("unknown", "doubled", "years", "incomplete", "sex", "regions", "ages")):
        return
    number = {"population": "persons", "mortality": "deaths", "life_table": "death_probability"}
    rows = [row | {number[file]: None} for row in broken(FILES[file]())]
    assert code not in set(found(**{file: rows})["code"])


def test_the_life_table_reaches_the_closing_date():
    facts = type(FACTS)("X", "XX", 2008, 2012, date(2014, 12, 31))
    told = found(facts=facts, life_table=life_table()).filter(code="life-table-years")
    assert told["values"].to_list() == ["2013", "2014"]


def test_a_year_without_cases():
    years = [CLEAN | {"row": y, "tumour_id": f"t{y}", "patient_id": f"p{y}"} for y in (2, 3)]
    years[1]["incidence_date"] = date(2009, 1, 15)
    findings = run_checks(submitted(*years), today=TODAY).table
    missing = findings.filter(code="year-without-cases")
    assert missing["values"].to_list() == ["2008", "2011", "2012"]
    assert missing["file"].unique().to_list() == ["cases"]


def test_cases_without_years_have_no_year_to_miss():
    record = {name: value for name, value in CLEAN.items() if not name.startswith("incidence")}
    assert cases(record).height == 1
    findings = run_checks(submitted(record), today=TODAY).table
    assert "year-without-cases" not in set(findings["code"])


def test_every_file_check_has_an_example():
    assert set(BROKEN) == set(OF_FILES)
