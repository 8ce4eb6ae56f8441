"""Population, life table and deaths as they stand in their files, faults and all."""

import math

import pytest

from rarecare.errors import ColumnError
from rarecare.registry.submission import read_submission

CASES = '[cases]\nfile = "c.csv"\nformat = "tidy"\n'
TIDY = "incidence_date;sex\n2001-01-02;male\n"


def read(submitted, toml, **files):
    return read_submission(submitted(CASES + toml, c__csv=TIDY, **files))


def test_population_and_deaths_of_the_european_call(submitted):
    population = "Calendar year;Sex;Age Unit;Number of residents\n2001;1;0-4;100\n2001;2;85+;-7\n"
    deaths = (
        "Calendar year;Sex;Age unit;Cause of death;Number of deaths\n"
        "2001;1;0-4;C50;3\n2001;3;5;C509;x\n20011;2;999;C50;2\n"
    )
    found = read(
        submitted,
        '[population]\nfile = "p.csv"\n[mortality]\nfile = "m.csv"\n',
        p__csv=population,
        m__csv=deaths,
    )
    assert found.population.rows() == [
        (2, 2001, "male", 0, "0-4", None, 100.0),
        (3, 2001, "female", 85, "85+", None, -7.0),
    ]
    assert found.mortality.rows() == [
        (2, 2001, "male", 0, "0-4", None, "C50", 3.0),
        (3, 2001, None, 5, "5", None, "C509", None),
        (4, None, "female", None, "999", None, "C50", 2.0),
    ]
    assert found.rejects.select("file", "row", "column", "value").rows() == [
        ("mortality", 3, "sex", "3"),
        ("mortality", 3, "deaths", "x"),
        ("mortality", 4, "year", "20011"),
    ]
    assert [(each.file, each.records, each.read) for each in found.counts] == [
        ("cases", 1, 1),
        ("population", 2, 2),
        ("mortality", 3, 3),
    ]


@pytest.mark.parametrize(
    ("column", "given", "quantity", "expected"),
    [
        ("All causes death probability", 0.25, "", 0.25),
        ("prob", 0.75, "", 0.25),
        ("mx", 0.5, "", 1 - math.exp(-0.5)),
        ("haz_per_day", 0.001, "", 1 - math.exp(-0.3652425)),
        ("mx", 1.5, "", 1 - math.exp(-1.5)),
        ("qx", 1.25, "", 1.25),  # left to the checks
    ],
)
def test_what_a_life_table_holds(submitted, column, given, quantity, expected):
    life = f"Calendar_year;Sex;Age_Unit;{column}\n2001;1;0;{given}\n"
    found = read(submitted, f'[life_table]\nfile = "l.csv"\n{quantity}', l__csv=life)
    assert found.life_table["death_probability"][0] == pytest.approx(expected, rel=1e-12)
    assert column in found.notes[-1]


def test_nordcan_populations_in_numbers_of_age_groups(submitted):
    population = "year;sex;region;agegroup;pop_endofyear;pop_midyear\n"
    population += "".join(f"2001;1;10;{i};99;{i * 10}\n" for i in range(1, 19))
    toml = '[population]\nfile = "p.csv"\nage_groups = "number"\n'
    found = read(submitted, toml, p__csv=population)
    assert found.population["age_lower"].to_list() == [5 * i for i in range(18)]
    assert found.population["persons"].to_list() == [10.0 * i for i in range(1, 19)]
    assert found.population["region"].unique().to_list() == ["10"]


def test_a_missing_column_names_the_file_and_the_remedy(submitted):
    with pytest.raises(ColumnError, match=r"\[population\] there is no column for persons.*p\.csv"):
        read(submitted, '[population]\nfile = "p.csv"\n', p__csv="year;sex;age;n\n2001;1;0;5\n")
    toml = (
        '[population]\nfile = "p.csv"\ncolumns = { persons = "n" }\ncodes = { sex = { M = "1" } }\n'
    )
    found = read(submitted, toml, p__csv="year;sex;age;n\n2001;M;0;5\n")
    assert found.population.select("sex", "persons").row(0) == ("male", 5.0)
