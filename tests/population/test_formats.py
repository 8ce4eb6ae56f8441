"""Life tables and populations as ENCR, HMD, the UN, Eurostat, NORDCAN and others publish them.

The files are made by hand in the publishers' layouts; their numbers are invented.
"""

import itertools
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecare.errors import ColumnError, FileError, LifeTableError, UsageError
from rarecare.population.abridged import single_years
from rarecare.population.formats import read_eurostat, read_hmd, read_nordcan, read_wpp
from rarecare.population.hazards import DEATH, RATE
from rarecare.population.life_expectancy import life_expectancy
from rarecare.population.life_table import LifeTable
from rarecare.population.population import Population

# --- ENCR-JRC -----------------------------------------------------------------------------------


def written(folder, lines, name="table.csv"):
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def encr_lines(age, *, region=False, value="All causes death probability", ages=(0, 1, 2)):
    head = ["Calendar year", "Sex", age, *(["Geo_code"] if region else []), value]
    lines = [";".join(head)]
    for year in (2000, 2001):
        for sex in (1, 2):
            for place in ("FI1B", "FI1C") if region else ("",):
                for a in ages:
                    q = f"{0.01 * (1 + sex + (a == ages[-1])):.2f}"
                    cells = [str(year), str(sex), str(a), *([place] if region else []), q]
                    lines.append(";".join(cells))
    return lines


@pytest.mark.parametrize("age", ["Age unit", "Age Unit", "Age_Unit", "Annual age", "age_unit"])
def test_encr_life_tables_in_every_spelling(tmp_path, age):
    table = LifeTable.read(written(tmp_path, encr_lines(age)))
    assert table.keys == ("sex",)
    assert table.quantity == DEATH
    assert table.years.tolist() == [2000, 2001]
    assert table.levels["sex"].to_list() == ["female", "male"]
    expected = -np.log1p(-np.array([[0.03, 0.03, 0.04], [0.02, 0.02, 0.03]]))
    np.testing.assert_allclose(table.hazard[:, :, 0], expected, rtol=1e-14)


def test_encr_life_tables_by_region(tmp_path):
    table = LifeTable.read(written(tmp_path, encr_lines("Age_Unit", region=True)))
    assert set(table.keys) == {"sex", "region"}  # as read_encr names the residence
    assert sorted(set(table.levels["region"])) == ["FI1B", "FI1C"]


def test_encr_life_tables_of_survival_are_refused(tmp_path):
    lines = ["Calendar year;Sex;Age_Unit;All causes death probability"]
    lines += [f"2000;1;{age};0.99" for age in range(30)]
    with pytest.raises(LifeTableError, match=r"probabilities of survival: name the column px"):
        LifeTable.read(written(tmp_path, lines))


@pytest.mark.parametrize("age", ["Age unit", "Age Unit", "Age_Unit"])
def test_encr_populations_in_every_spelling(tmp_path, age):
    lines = [
        *(f"Calendar year;Sex;{age};Number of residents",),
        *(f"{year};{sex};{a};{1000 + a}" for year in (2000, 2001) for sex in (1, 2)
          for a in range(100)),
    ]  # fmt: skip
    population = Population.read(written(tmp_path, lines))
    assert population.keys == ("sex",)
    assert population.years == (2000, 2001)
    assert population.age_lower == tuple(range(100))
    assert population.table["person_years"].sum() == 4 * sum(range(1000, 1100))


def test_encr_populations_by_number_of_age_group_and_region(tmp_path):
    lines = ["Calendar year;Sex;Age Unit;Geo_code;Number of residents"]
    lines += [f"2000;{sex};{g};FI1B;{g}" for sex in (1, 2) for g in range(1, 19)]
    population = Population.read(written(tmp_path, lines), age_groups="number")
    assert population.keys == ("sex", "region")
    assert population.age_lower == tuple(range(0, 90, 5))


# --- Human Mortality Database -------------------------------------------------------------------

TITLE = "Nowhere, Life tables (period 1x1), {}\tLast modified: 1 Jan 2024;  Methods Protocol: v6"
HEADER = "  Year          Age         mx       qx    ax      lx      dx      Lx       Tx     ex"


def hmd_lines(sex, rates, ages=("0", "1", "2+"), years=(2000, 2001)):
    lines = [TITLE.format(sex), "", HEADER]
    for year in years:
        for age, rate in zip(ages, rates, strict=True):
            lines.append(f"  {year}  {age:>6}  {rate}  0.5  0.5  100000  1  1  1  50.00")
    return lines


def test_hmd_life_tables_of_men_and_women(tmp_path):
    men = written(tmp_path, hmd_lines("Males", ["0.01", "0.002", "0.7"]), "mltper_1x1.txt")
    women = written(tmp_path, hmd_lines("Females", ["0.02", "0.001", "0.6"]), "fltper_1x1.txt")
    table = read_hmd([men, women])
    assert table.keys == ("sex",)
    assert table.quantity == RATE
    assert table.hazard[:, :, 1].tolist() == [[0.02, 0.001, 0.6], [0.01, 0.002, 0.7]]
    assert table.source.name == "mltper_1x1.txt + fltper_1x1.txt"
    assert table.source.rows == 12
    named = read_hmd(men, country="NO", years=(2001, 2001))
    assert named.levels.rows() == [("male", "NO")]
    assert named.years.tolist() == [2001]


def test_hmd_tables_of_both_sexes_have_no_sex(tmp_path):
    both = written(tmp_path, hmd_lines("Total", ["0.01", "0.002", "0.7"]), "bltper_1x1.txt")
    assert read_hmd(both).keys == ()
    men = written(tmp_path, hmd_lines("Males", ["0.01", "0.002", "0.7"]), "mltper_1x1.txt")
    with pytest.raises(UsageError, match=r"both sexes together and of one sex are mixed"):
        read_hmd([men, both])


def test_hmd_death_rates(tmp_path):
    lines = [
        "Nowhere, Death rates (period 1x1), \tLast modified: 1 Jan 2024",
        "",
        "  Year          Age             Female            Male           Total",
        "  2000           0             0.020000        0.010000        0.015000",
        "  2000           1             0.001000        0.002000        0.001500",
        "  2000           2+            0.600000        0.700000        0.650000",
    ]
    table = read_hmd(written(tmp_path, lines, "Mx_1x1.txt"))
    assert table.hazard[:, :, 0].tolist() == [[0.02, 0.001, 0.6], [0.01, 0.002, 0.7]]
    lines[-1] = lines[-1].replace("0.700000", ".")
    with pytest.raises(
        LifeTableError,
        match=r"a death rate is missing \(Mx_1x1\.txt, line 6\): got 'year 2000, age 2'",
    ):
        read_hmd(written(tmp_path, lines, "Mx_1x1.txt"))


@pytest.mark.parametrize(
    ("old", "new", "error", "message"),
    [
        ("  Year   ", "  Jahr   ", FileError, r"not a table of the Human Mortality.*Year and Age"),
        ("Males", "Persons", FileError, r"does not say whose.*line 1.*allowed: males, females"),
        ("mx", "nx", FileError, r"no death rates.*a column mx"),
        ("  2001  ", "2001-02 ", FileError, r"not a calendar year .*line 7\): got '2001-02'"),
        ("  2+", "  old", LifeTableError, r"no age group .*line 6\): got 'old'; allowed: ages"),
        (" 0.002 ", " x ", LifeTableError, r"death rate is no number .*line 5, column 'mx'\)"),
        ("50.00", "50.00 1", FileError, r"the line has 11 columns, the header 10 .*line 4"),
    ],
)
def test_hmd_files_of_another_kind(tmp_path, old, new, error, message):
    lines = hmd_lines("Males", ["0.01", "0.002", "0.7"])
    path = written(tmp_path, [line.replace(old, new) for line in lines], "mltper_1x1.txt")
    with pytest.raises(error, match=message):
        read_hmd(path)


def test_hmd_years_and_files_that_are_not_there(tmp_path):
    path = written(tmp_path, hmd_lines("Males", ["0.01", "0.002", "0.7"]), "mltper_1x1.txt")
    with pytest.raises(
        UsageError, match=r"none of these years .*got '1990-1995'; allowed: 2000 to"
    ):
        read_hmd(path, years=(1990, 1995))
    with pytest.raises(FileError, match="there is no such file"):
        read_hmd(tmp_path / "absent.txt")


def test_hmd_five_year_ages_are_expanded(tmp_path):
    ages = ("0", "1-4", "5-9", "10+")
    path = written(tmp_path, hmd_lines("Males", ["0.01", "0.002", "0.001", "0.1"], ages))
    table = read_hmd(path)
    assert table.hazard[0, :, 0].tolist() == [0.01, *[0.002] * 4, *[0.001] * 5, 0.1]
    assert table.notes[1] == (
        "from hazard or central death rate per person-year by age group to single years: hazard "
        "constant within the group"
    )


# --- UN World Population Prospects --------------------------------------------------------------


def wpp_frame(ages=((0, 1), (1, 1), (100, -1)), sexes=("Male", "Female", "Total")):
    rows = [
        {
            **{"ISO3_code": iso3, "ISO2_code": iso2, "Location": name, "Variant": "Medium"},
            **{"Time": year, "Sex": sex, "AgeGrpStart": age, "AgeGrpSpan": span},
            **{"mx": 0.01 * (1 + i) + (0.001 if sex == "Female" else 0), "qx": 0.5},
        }
        for iso3, iso2, name in (("SWE", "SE", "Sweden"), ("ITA", "IT", "Italy"))
        for year in (2000, 2001)
        for sex in sexes
        for i, (age, span) in enumerate(ages)
    ]
    return pl.DataFrame(rows)


@pytest.mark.parametrize("country", ["SE", "SWE", "Sweden"])
def test_wpp_of_one_country(tmp_path, country):
    path = tmp_path / "WPP2024_Life_Table_Complete_Medium_Both_1950-2023.csv"
    wpp_frame(((0, 1), (1, 1), (2, -1))).write_csv(path)
    table = read_wpp(path, country=country, years=(2001, 2001))
    assert table.keys == ("sex",)
    assert table.levels["sex"].to_list() == ["female", "male"]
    np.testing.assert_allclose(
        table.hazard[:, :, 0], [[0.011, 0.021, 0.031], [0.01, 0.02, 0.03]], rtol=1e-12
    )


def test_wpp_of_several_countries_and_of_all():
    frame = wpp_frame(((0, 1), (1, -1)))
    assert read_wpp(frame, country=["SE", "IT"]).levels["country"].unique().sort().to_list() == [
        *("IT", "SE")
    ]
    assert set(read_wpp(frame).levels["country"]) == {"Sweden", "Italy"}


def test_wpp_abridged_tables_are_expanded():
    frame = wpp_frame(((0, 1), (1, 4), (5, 5), (10, -1)))
    hazard = read_wpp(frame, country="SE").hazard[1, :, 0]
    np.testing.assert_allclose(hazard, [0.01, *[0.02] * 4, *[0.03] * 5, 0.04], rtol=1e-12)


def test_wpp_refusals():
    frame = wpp_frame(((0, 1), (1, -1)))
    with pytest.raises(UsageError, match=r"no such country .*got 'Sweeden'.*Did you mean 'Sweden'"):
        read_wpp(frame, country="Sweeden")
    with pytest.raises(ColumnError, match=r"not a life table of the UN.*no column AgeGrpSpan"):
        read_wpp(frame.drop("AgeGrpSpan"))
    with pytest.raises(LifeTableError, match=r"sex is not a known word .*line 2.*got 'Homme'"):
        read_wpp(frame.with_columns(Sex=pl.lit("Homme")))
    with pytest.raises(LifeTableError, match="both sexes together only"):
        read_wpp(frame.filter(pl.col("Sex") == "Total"))
    text = frame.with_columns(pl.all().cast(pl.String)).with_columns(mx=pl.lit("…"))
    with pytest.raises(LifeTableError, match=r"no number .*line 2, column 'mx'\): got '…'"):
        read_wpp(text)


# --- Eurostat -----------------------------------------------------------------------------------

AGES = ("Y_LT1", "Y1", "Y_GE2")


def eurostat_lines(indicator="DEATHRATE", first=r"freq,indic_de,sex,age,geo\TIME_PERIOD"):
    lines = [f"{first}\t2001 \t2000 "]
    for geo in ("SE", "IT"):
        for sex in ("F", "M", "T"):
            for i, age in enumerate(AGES):
                name = f"A,{indicator},{sex},{age},{geo}"
                name = name if first.startswith("freq") else name[2:]
                lines.append(f"{name}\t0.0{i + 1} b\t{':' if geo == 'IT' else f'0.1{i}'} ")
    return lines


def test_eurostat_tsv_flags_and_years_without_values(tmp_path):
    path = written(tmp_path, eurostat_lines(), "demo_mlifetable.tsv")
    table = read_eurostat(path, country="SE")
    assert (table.keys, table.quantity) == (("sex",), RATE)
    assert table.years.tolist() == [2000, 2001]
    assert table.hazard[0].T.tolist() == [[0.1, 0.11, 0.12], [0.01, 0.02, 0.03]]
    assert read_eurostat(path, country="IT").years.tolist() == [2001]
    both = read_eurostat(path, country=["SE", "IT"], years=(2001, 2001))
    assert both.keys == ("sex", "country")


def test_eurostat_probabilities_and_the_older_header(tmp_path):
    lines = eurostat_lines("PROBDEATH", r"indic_de,sex,age,geo\time")
    lines = [line.replace("0.12", "1.00") for line in lines]
    table = read_eurostat(written(tmp_path, lines, "old.tsv"), country="SE")
    assert table.quantity == DEATH
    # certain death in the open age takes the hazard of the age before, -ln(1 - 0.11)
    np.testing.assert_allclose(
        table.hazard[0, :, 0], -np.log1p(-np.array([0.1, 0.11, 0.11])), rtol=1e-14
    )


def test_eurostat_sdmx_csv_prefers_the_rate(tmp_path):
    rows = [
        {
            **{"freq": "A", "indic_de": indicator, "sex": sex, "age": age, "geo": "SE"},
            **{"TIME_PERIOD": 2000, "OBS_VALUE": value, "OBS_FLAG": None},
        }
        for indicator, value in (("PROBDEATH", 0.3), ("DEATHRATE", 0.2))
        for sex in ("M", "F")
        for age in AGES
    ]
    path = tmp_path / "demo_mlifetable.csv"
    pl.DataFrame(rows).write_csv(path)
    assert read_eurostat(path, country="SE").hazard.ravel().tolist() == [0.2] * 6


def test_eurostat_refusals(tmp_path):
    lines = eurostat_lines()
    lines[1] = lines[1].replace("0.10", ":")
    with pytest.raises(
        LifeTableError, match=r"is missing \(e\.tsv, line 2\): got 'SE, 2000, female, Y_LT1'"
    ):
        read_eurostat(written(tmp_path, lines, "e.tsv"), country="SE")
    with pytest.raises(LifeTableError, match="allowed: DEATHRATE, PROBDEATH"):
        read_eurostat(written(tmp_path, eurostat_lines("LIFEXP"), "e.tsv"))
    other = [line.replace("Y1", "YOUNG") for line in eurostat_lines()]
    with pytest.raises(LifeTableError, match=r"no age group \(e\.tsv, line 3\): got 'YOUNG'"):
        read_eurostat(written(tmp_path, other, "e.tsv"), country="SE")
    with pytest.raises(ColumnError, match=r"not a life table of Eurostat: there is no dimension"):
        read_eurostat(pl.DataFrame({"sex": ["M"], "age": ["Y1"]}))
    with pytest.raises(UsageError, match=r"no such country .*got 'FR'; allowed: IT, SE"):
        read_eurostat(written(tmp_path, eurostat_lines(), "e.tsv"), country="FR")


# --- NORDCAN ------------------------------------------------------------------------------------


def test_nordcan_probabilities_are_of_survival(tmp_path):
    lines = ["year;sex;age;prob", "2018;2;0;.997833", "2018;2;1;.9998", "2018;1;0;.997"]
    lines.append("2018;1;1;.9997")
    table = read_nordcan(written(tmp_path, lines))
    assert table.keys == ("sex",)
    assert table.hazard[0, 0, 0] == pytest.approx(-math.log(0.997833), rel=1e-14)


def test_nordcan_refusals(tmp_path):
    with pytest.raises(ColumnError, match=r"not those of a NORDCAN life table .*got 'prob'"):
        read_nordcan(written(tmp_path, ["year;sex;age;qx", "2018;2;0;.1"]))
    with pytest.raises(ColumnError, match=r"not those of a NORDCAN.*got 'region'"):
        read_nordcan(written(tmp_path, ["year;sex;age;prob;region", "2018;2;0;.1;1"]))
    lines = ["year;sex;age;prob", *(f"2018;1;{age};0.001" for age in range(30))]
    with pytest.raises(LifeTableError, match="look like probabilities of death"):
        read_nordcan(written(tmp_path, lines))


# --- Age groups to single years -----------------------------------------------------------------


def cells(values, spans=(1, 4, 5, 5, None), first=0):
    ages = np.concatenate([[first], first + np.cumsum([s for s in spans if s])])[: len(spans)]
    return pl.DataFrame(
        {
            **{"age": ages, "span": list(spans), "value": [float(v) for v in values]},
            **{"year": [2000] * len(spans), "line": list(range(2, 2 + len(spans)))},
        },
        schema_overrides={"age": pl.Int64, "span": pl.Int64, "year": pl.Int64, "line": pl.Int64},
    )


SOURCE = LifeTable.read(pl.DataFrame({"age": [0, 1], "year": [1, 1], "mx": [0.1, 0.1]})).source


def expanded(frame, *, quantity=DEATH, method="constant"):
    return single_years(frame, keys=(), quantity=quantity, source=SOURCE, method=method)


def test_probabilities_of_a_group_by_hand():
    # of 100 alive at 1, 64 at 5: a yearly survival of 0.64^(1/4), hazard -ln(0.64)/4 = 0.111572
    table = expanded(cells([0.1, 0.36, 0.2, 0.2, 1]))
    assert table.quantity == RATE
    hazard = table.hazard[0, :, 0]
    assert hazard[1:5] == pytest.approx([0.1115717756] * 4, rel=1e-9)
    assert hazard[0] == pytest.approx(-math.log(0.9), rel=1e-14)
    assert hazard[-1] == hazard[-2]  # certain death from 15 on
    assert any("certain death from age 15 on" in note for note in table.notes)


groups = st.lists(st.floats(1e-5, 0.4), min_size=5, max_size=5)


@given(groups, st.sampled_from(["constant", "monotone"]))
def test_both_methods_keep_the_survivors_at_every_bound(values, method):
    table = expanded(cells(values, first=45), method=method)
    yearly = table.hazard[0, :, 0]
    assert (yearly >= 0).all()
    survivors = np.exp(-np.concatenate([[0], np.cumsum(yearly)]))[[1, 5, 10, 15]]
    assert survivors == pytest.approx(np.cumprod(1 - np.array(values[:4])), rel=1e-9)


@given(st.floats(1e-5, 0.5), st.sampled_from(["constant", "monotone"]))
def test_a_constant_hazard_stays_constant(rate, method):
    hazard = expanded(cells([rate] * 5), quantity=RATE, method=method).hazard
    assert hazard.ravel() == pytest.approx([rate] * 16, rel=1e-9)


def test_the_cubic_is_nearer_to_a_smooth_truth(shared_data):
    """Swedish men 2019 by single year, put into groups and back."""
    frame = pl.read_parquet(shared_data / "lifetables.parquet").filter(
        (pl.col("country") == "SE") & (pl.col("sex") == "male") & (pl.col("year") == 2019)
    )
    truth = frame.sort("age")["mx"].to_numpy()[:100]
    spans = (1, 4, *[5] * 19, None)
    bounds = np.cumsum([0, *[s for s in spans if s]])
    rates = [truth[a:b].mean() for a, b in itertools.pairwise(bounds)] + [0.5]
    error = {
        method: np.abs(
            np.log(expanded(cells(rates, spans), quantity=RATE, method=method).hazard[0, 30:95, 0])
            - np.log(truth[30:95])
        ).mean()
        for method in ("constant", "monotone")
    }
    assert error["monotone"] < error["constant"] / 2


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (cells([0.1] * 5, (1, 3, 5, 5, None)).with_columns(age=pl.Series([0, 1, 5, 10, 15])),
         r"overlap or leave a gap \(data frame, line 4\): got '5 after 1-3'"),
        (cells([0.1] * 5).vstack(cells([0.1] * 5)[1:2]), "a cell of the life table occurs twice"),
        (cells([0.1, 1.2, 0.1, 0.1, 1]), r"outside its range .*line 3\): got 1.2"),
        (cells([0.1, 1.0, 0.1, 0.1, 1]), r"death is certain before the open last .*line 3"),
    ],
)  # fmt: skip
def test_groups_that_cannot_be(frame, message):
    with pytest.raises(LifeTableError, match=message):
        expanded(frame)


def test_a_missing_group_is_named():
    other = cells([0.1] * 5).with_columns(year=pl.lit(2001, pl.Int64))
    with pytest.raises(LifeTableError, match=r"is missing .*got 'year 2001, age 5'"):
        expanded(cells([0.1] * 5).vstack(other.filter(pl.col("age") != 5)))


def test_an_unknown_method_is_refused():
    with pytest.raises(UsageError, match=r"got 'spline'; allowed: constant, monotone"):
        expanded(cells([0.1] * 5), method="spline")


# --- Life expectancy ----------------------------------------------------------------------------


def test_life_expectancy_by_hand():
    # hazard ln 2 in year 0, then 1 for ever: (1 - 1/2)/ln 2 + 1/2 · 1/1
    frame = pl.DataFrame({"age": [0, 1], "year": [2000] * 2, "mx": [math.log(2), 1.0]})
    table = LifeTable.read(frame)
    found = life_expectancy(table, year=2000)
    assert found.columns == ["year", "age", "life_expectancy"]
    assert found["life_expectancy"][0] == pytest.approx(0.5 / math.log(2) + 0.5, rel=1e-14)
    assert life_expectancy(table, year=2000, age=1)["life_expectancy"][0] == 1.0


def test_years_without_deaths_are_lived_whole():
    frame = pl.DataFrame({"age": [0, 1, 2], "year": [2000] * 3, "mx": [0.0, 0.0, 0.5]})
    assert life_expectancy(LifeTable.read(frame), year=2000)["life_expectancy"][0] == 4.0


def test_life_expectancy_refusals():
    table = LifeTable.read(pl.DataFrame({"age": [0, 1], "year": [2000] * 2, "mx": [0.1, 0.0]}))
    with pytest.raises(LifeTableError, match=r"nobody dies at the last age.*age 1, year 2000"):
        life_expectancy(table, year=2000)
    with pytest.raises(UsageError, match=r"has not this year .*got 1999; allowed: 2000 to 2000"):
        life_expectancy(table, year=1999)
    with pytest.raises(UsageError, match=r"has not this age .*got 7; allowed: 0 to 1"):
        life_expectancy(table, year=2000, age=7)


@given(st.lists(st.floats(0, 0.15), max_size=40), st.floats(0.01, 0.15), st.floats(1.01, 3))
def test_higher_hazards_shorten_life(hazards, last, factor):
    def expectancy(k):
        rates = np.array([*hazards, last]) * k
        frame = pl.DataFrame({"age": range(len(rates)), "year": [1] * len(rates), "mx": rates})
        return life_expectancy(LifeTable.read(frame), year=1)["life_expectancy"][0]

    assert expectancy(factor) < expectancy(1.0) <= 1 / last + len(hazards)


def test_published_life_expectancies_of_men_2019(shared_data):
    """HMD, men 2019: 81.34, 81.15, 74.08; printed to two decimals."""
    frame = (
        pl.read_parquet(shared_data / "lifetables.parquet")
        .filter(pl.col("country").is_in(["SE", "IT", "PL"]) & (pl.col("year") == 2019))
        .with_columns(pl.col("country", "sex").cast(pl.String))
        .drop("source")
    )
    found = life_expectancy(LifeTable.read(frame), year=2019).filter(pl.col("sex") == "male")
    years = dict(found.select("country", "life_expectancy").rows())
    for country, published in {"SE": 81.34, "IT": 81.15, "PL": 74.08}.items():
        assert years[country] == pytest.approx(published, abs=0.005), country


def test_slovene_hazards_per_day(slopop):
    """Slovenia, both by day in R's table; women live longer, and D cancels only once."""
    found = dict(life_expectancy(slopop, year=2000, days_per_year=365.241).select(
        "sex", "life_expectancy").rows())  # fmt: skip
    assert 71 < found["male"] < 73.5
    assert 78.5 < found["female"] < 80.5


# --- Real files of other kinds ------------------------------------------------------------------


def test_popepi_and_stata_tables_hold_the_same_hazards(shared_data):
    finnish = LifeTable.read(
        shared_data / "popEpi_popmort.csv",
        columns={"age": "agegroup"},
        codes={"sex": {"0": "male", "1": "female"}},
    )
    teaching = LifeTable.read(shared_data / "biostat3_popmort.csv", keys=("sex",))
    assert finnish.years[0] == teaching.years[0] == 1951
    # both are Finland's; the teaching file holds single precision, and later years smoothed
    one, other = finnish.hazard[:, :80, 0], teaching.hazard[:, :80, 0]
    np.testing.assert_allclose(one, other, rtol=1e-6)


def test_the_prob_column_of_a_stata_table_is_survival(shared_data):
    frame = pl.read_csv(shared_data / "biostat3_popmort.csv")
    by_rate = LifeTable.read(frame)
    by_survival = LifeTable.read(frame.drop("rate"))
    np.testing.assert_allclose(by_survival.hazard, by_rate.hazard, rtol=1e-6)  # single precision


def test_populations_of_the_un(shared_data):
    frame = pl.read_parquet(shared_data / "population.parquet").filter(
        pl.col("country").is_in(["FI", "SI"])
    )
    rows = frame.with_columns(pl.col("country", "sex", "age_group").cast(pl.String))
    population = Population.read(
        rows.drop("quality"), columns={"person_years": "persons"}, keys=("sex", "country")
    )
    assert population.age_lower == tuple(range(0, 105, 5))
    assert population.table["person_years"].sum() == frame["persons"].sum()
