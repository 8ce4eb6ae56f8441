"""Prevalence, trends, projections and expected cases of a study beside the functions themselves."""

import re
from datetime import date

import polars as pl
import pytest

from rarecare import (
    ExclusionRules,
    LifeTable,
    Population,
    annual_change,
    classify,
    complete_prevalence,
    expected_cases,
    hierarchical_incidence,
    incidence,
    prevalence,
    project,
)
from rarecare.errors import CodeError, PopulationError, UsageError
from rarecare.registry.encr import read_encr
from rarecare.registry.exclusions import exclude
from rarecare.study import run_study, schema
from rarecare.study.config import study_of

COUNTRIES = ("BG", "SI", "FI")
NUMBERS = ("estimate", "se", "lower", "upper")
SEXES = {"sex": {"1": "male", "2": "female"}}


def people(folder, name):
    return Population.read(folder / name)


@pytest.fixture(scope="module")
def data(whole_data):
    return whole_data


@pytest.fixture(scope="module")
def release(whole_release):
    return whole_release


def cases_of(data, code, purpose):
    cases = classify(read_encr(data / code / "incidence.csv"))
    period = (date(1995, 1, 1), date(2007, 12, 31)) if purpose == "incidence" else None
    rules = ExclusionRules(
        purpose=purpose, period=period, needed=("sex",) if purpose == "incidence" else ()
    )
    return exclude(cases, rules, bad_rows="exclude")[0]


def row(release, **values):
    found = release.estimates.filter(*(pl.col(name) == value for name, value in values.items()))
    assert found.height == 1
    return found.row(0, named=True)


@pytest.mark.parametrize("years", [1, 3, 5, 10])
def test_prevalence_is_that_of_the_registrys_rare_cases(data, release, years):
    cases = cases_of(data, "SI", "prevalence")
    own = prevalence(
        cases.filter("rare"), people(data / "SI", "population.csv"), index_date="2007-12-31",
        windows=[years], survival_strata=["sex", "age_class"],
    ).table  # fmt: skip
    period = "2007" if years == 1 else f"{2008 - years}-2007"
    for measure, name in (
        (schema.PREVALENT, "prevalent persons"),
        (schema.PREVALENCE, "prevalence"),
    ):
        made = row(release, measure=measure, entity_id="rare", area="SI", period=period)
        known = own.filter(measure=name).row(0, named=True)
        assert made["n"] == known["alive"]
        for number in NUMBERS:
            assert made[number] == pytest.approx(known[number], rel=1e-9)
        if name == "prevalence":
            assert made["person_years"] == pytest.approx(known["population"])


def test_areas_add_and_windows_nest(release):
    alive = release.estimates.filter(measure=schema.PREVALENT, entity_id="all")
    by_area = dict(alive.filter(period="1998-2007").select("area", "estimate").rows())
    assert by_area["all"] == pytest.approx(sum(by_area[code] for code in COUNTRIES), rel=1e-9)
    nested = alive.filter(area="all").sort("period", descending=True)["estimate"]
    assert nested.is_sorted()


def test_complete_prevalence_is_that_of_the_registry(data, release):
    found = complete_prevalence(
        cases_of(data, "SI", "prevalence").filter("rare").drop_nulls("sex"),
        people(data / "SI", "population.csv"),
        LifeTable.read(data / "SI" / "lifetable.csv"), index_date="2007-12-31", years=10,
    ).result.table  # fmt: skip
    known = found.filter(measure="prevalent persons", window="complete").row(0, named=True)
    made = row(release, measure=schema.COMPLETE_PERSONS, area="SI")
    for number in NUMBERS:
        assert made[number] == pytest.approx(known[number], rel=1e-6)
    limited = row(
        release, measure=schema.PREVALENT, area="SI", entity_id="rare", period="1998-2007"
    )
    assert made["estimate"] > limited["estimate"]


def test_the_trend_is_that_of_all_cases_together(data, release):
    cases = pl.concat([cases_of(data, code, "incidence") for code in COUNTRIES], how="diagonal")
    table = cases.with_columns(year=pl.col("incidence_date").dt.year(), group=pl.col("age") // 5)
    table = table.with_columns(pl.col("group").clip(0, 17)).group_by("year", "group").len()
    counts = table.pivot("group", index="year", values="len").sort("year").fill_null(0)
    years = [
        people(data / code, "population.csv").grouped(range(0, 90, 5)).person_years_by(["year"])
        for code in COUNTRIES
    ]
    person_years = sum(sums for _, sums in years)
    known = annual_change(
        counts["year"], counts.select(str(k) for k in range(18)).to_numpy(), person_years,
        scale=True,
    ).row(0, named=True)  # fmt: skip
    made = row(release, measure=schema.TREND, entity_id="all")
    assert made["period"] == "1995-2007"
    for number in (*NUMBERS, "n"):
        assert made[number] == pytest.approx(known[number], rel=1e-9)


def test_the_projection_is_that_of_the_registry(data, release):
    both = pl.concat(
        [people(data / "SI", name).table for name in ("population.csv", "population_projected.csv")]
    )
    known = project(
        cases_of(data, "SI", "incidence").filter("rare"), Population.read(both), levels=[0.95]
    ).table.filter(measure="new cases per year")
    made = release.estimates.filter(
        measure=schema.PROJECTED, entity_id="rare", area="SI"
    ).sort("period")  # fmt: skip
    assert made["period"].to_list() == ["2008-2012", "2013-2017"]
    for number in (*NUMBERS, "n"):
        assert made[number].to_list() == pytest.approx(known[number].to_list(), rel=1e-9)
    assert made["reason"].null_count() == 2  # notes may tell counts that are withheld elsewhere


def test_expected_cases_are_those_of_pooled_rates(data, release):
    target = people(data, "target.csv")
    cases = pl.concat(
        [cases_of(data, code, "incidence").with_columns(area=pl.lit(code)) for code in COUNTRIES],
        how="diagonal",
    ).filter("rare")
    frames = [
        people(data / code, "population.csv").table.with_columns(area=pl.lit(code))
        for code in COUNTRIES
    ]
    whole = Population.read(pl.concat(frames))
    for by, names in (((), ("EU",)), (("area",), ("BG", "MT", "SI"))):
        known = expected_cases(
            cases, whole, target, target_by=by, age_groups=range(0, 90, 5)
        ).table  # fmt: skip
        for k, name in enumerate(names):
            made = row(release, measure=schema.EXPECTED, entity_id="rare", area=name)
            for number in NUMBERS:
                assert made[number] == pytest.approx(known[number][k], rel=1e-9)
    # three times the persons of 2007 give about three times the cases of a year
    crude = incidence(cases, whole, standards=[]).table.filter(measure="crude rate")
    eu = row(release, measure=schema.EXPECTED, entity_id="rare", area="EU")
    assert eu["estimate"] == pytest.approx(
        crude["estimate"][0] / 1e5 * eu["person_years"], rel=0.01
    )
    assert "EU" in release.areas["area"].to_list()


def test_shrunken_rates_are_those_of_the_countries_together(data, release):
    cases = pl.concat(
        [cases_of(data, code, "incidence").with_columns(area=pl.lit(code)) for code in COUNTRIES],
        how="diagonal",
    ).filter(pl.col("entity_tier1").cast(pl.String).str.starts_with("08."))
    frames = [
        people(data / code, "population.csv").table.with_columns(area=pl.lit(code))
        for code in COUNTRIES
    ]
    known = hierarchical_incidence(
        cases, Population.read(pl.concat(frames)), age_groups=range(0, 90, 5),
        unknown_age="exclude",
    ).table.filter(measure="shrunken rate")  # fmt: skip
    for own in known.iter_rows(named=True):
        made = row(release, measure=schema.SHRUNKEN, entity_id="08", area=own["area"])
        assert made["n"] == own["n"]
        for number in NUMBERS:
            assert made[number] == pytest.approx(own[number], rel=1e-6)


def test_every_measure_is_in_the_release_and_protected(release):
    assert set(release.estimates["measure"]) >= {
        schema.PREVALENT, schema.PREVALENCE, schema.COMPLETE_PERSONS, schema.COMPLETE,
        schema.SHRUNKEN, schema.TREND, schema.PROJECTED, schema.PROJECTED_RATE, schema.EXPECTED,
    }  # fmt: skip
    assert release.estimates.filter(pl.col("n").is_between(1, 4)).is_empty()
    summary = release.manifest["disclosure"]["summary"]
    assert schema.PREVALENT in {part["measure"] for part in summary}
    indicators = release.care.filter(pl.col("indicator").is_not_null())["indicator"].unique()
    assert set(release.exclusions["purpose"]) == {
        "incidence", "survival", "prevalence", "pathways",
        *(f"indicator {name}" for name in indicators),
    }  # fmt: skip


def test_a_count_withheld_in_one_measure_is_withheld_in_all(release):
    """The cases behind a trend are those of the rate."""
    rates = release.estimates.filter(
        measure=schema.INCIDENCE, standard="none", period="1995-2007", sex="all", age_group="all"
    )
    gone = rates.filter(status="withheld")
    assert gone.height > 20
    for measure, keys in (
        (schema.TREND, ["entity_id", "area"]), (schema.SHRUNKEN, ["entity_id", "area"]),
        (schema.EXPECTED, ["entity_id"]),
    ):  # fmt: skip
        base = gone if "area" in keys else gone.filter(area="all")
        linked = release.estimates.filter(measure=measure).join(base, on=keys, how="semi")
        assert linked["n"].null_count() == linked.height
        assert linked["estimate"].null_count() == linked.height
        assert set(linked["status"]) <= {"withheld"}
    assert release.estimates.filter(measure=schema.TREND, status="withheld").height


def bare(data, measures, more=""):
    """The study of all cancers together, with some measures and little else."""
    text = (data / "study.toml").read_text(encoding="utf-8")
    head, registries = text[: text.index("[care]")], text[text.index("[[registries]]") :]
    head, projections = re.subn(r"\[projection\].*?\n\n", "", head, flags=re.DOTALL)
    assert projections == 1
    asked = 'measures = ["incidence", "net survival", "prevalence", "trend"]'
    assert asked in head
    head = head.replace(asked, f'measures = {measures}\nentities = ["all"]')
    gone = ("events", "complete", "shrunken")
    lines = f"{head}{more}\n{registries}".splitlines()
    return "\n".join(line for line in lines if not line.startswith(gone))


def beside(data, tmp_path, text):
    """Write a study beside the data, under a name that no other worker has."""
    path = data / f"{tmp_path.parent.name}-{tmp_path.name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_index_year_beyond_follow_up_is_not_estimable(data, tmp_path):
    text = bare(data, ["prevalence"])
    text = text.replace("[prevalence]\n", "[prevalence]\nindex_year = 2009\n")
    rows = run_study(beside(data, tmp_path, text), tmp_path / "release").estimates
    assert set(rows["status"]) == {"not estimable"}
    assert rows["estimate"].null_count() == rows.height
    assert rows["reason"].str.contains("is followed to 2009-01-14 only").all()


BASE = {
    "study": {"name": "s", "title": "S", "period": ["2000-01-01", "2004-12-31"],
              "measures": ["incidence"]},
    "registries": [
        {"id": "SI", "country": "SI", "cases": {"path": "c.csv"}, "population": {"path": "p.csv"}}
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"projection": {"entities": []}}, "projection.entities"),
        ({"projection": {"entities": ["all"], "width": 2}}, "projection.width"),
        ({"prevalence": {"windows": [0]}}, "prevalence.windows"),
        ({"study": {**BASE["study"], "measures": ["trend"]}}, "trend needs incidence"),
        ({"expected": {"name": "EU"}}, r"lacks expected.population"),
    ],
)
def test_what_cannot_be_a_study_is_refused(change, words):
    with pytest.raises(UsageError, match=words):
        study_of(BASE | change)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda t: t.with_columns(area=pl.lit("XX")).unique(["sex", "age_lower"]), CodeError,
         "is no country"),
        (lambda t: t.drop("area").unique(["sex", "age_lower"]), PopulationError, "no key area"),
        (lambda t: pl.concat([t.with_columns(year=y) for y in (2006, 2007)]), PopulationError,
         "several years"),
    ],
)  # fmt: skip
def test_a_target_that_cannot_be_used_is_named(data, tmp_path, change, error, words):
    change(pl.read_csv(data / "target.csv")).write_csv(tmp_path / "target.csv")
    expected = f'[expected]\nname = "EU"\npopulation = {{ path = "{tmp_path}/target.csv" }}\n'
    text = bare(data, ["incidence"], expected)
    with pytest.raises(error, match=words):
        run_study(beside(data, tmp_path, text), tmp_path / "release")
