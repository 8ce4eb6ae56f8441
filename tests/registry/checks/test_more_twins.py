"""TNM, stage, treatment, persons and the other files beside their twins, on random input."""

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from rarecare.registry.checks import run_checks
from tests.reference import checks_files_twin as files_twin
from tests.reference import checks_stage_twin as stage_twin
from tests.registry.checks.submissions import TODAY, submitted
from tests.registry.checks.test_files import life_table, mortality, population

SITES = ("C18.7", "C25.0", "C56.9", "C64.9", "C62.1", "C58.9", "C73.9", "C61.9", "C50.1", "C67.2")
SITES += ("C42.1", "C71.0", "C48.1", "C77.2", "C44.5", "C80.9", "C54.1", "C20.9")
CELLS = (8140, 8140, 8260, 8050, 8500, 9061, 9440, 9590, 9680, 9732, 9823, 8800, 8142)
T = ("0", "1", "1a", "T2", "pT3", "4b", "is", "a", "X", "5", "mic", "1mic", "")
N = ("0", "1", "1mi", "N2", "pN2a", "3", "X", "9", "4", "1e")
M = ("0", "1", "M1a", "1d", "cM0", "X", "2")


def maybe(values):
    return st.one_of(st.sampled_from(values), st.sampled_from(values), st.none())


records = st.fixed_dictionaries(
    {
        **{f"tnm_{side}t": maybe(T) for side in "cp"},
        **{f"tnm_{side}n": maybe(N) for side in "cp"},
        **{f"tnm_{side}m": maybe(M) for side in "cp"},
        "tnm_edition": maybe((4, 6, 7, 8, 8)),
        "stage_type": maybe(("S", "cIS", "paS", "cpS", "esS", "A", "F", "D", "T1", "E")),
        "stage_code": maybe((0, 1, 2, 3, 4)),
        "topography": maybe(SITES),
        "morphology": maybe(CELLS),
        "behaviour": maybe((2, 3, 3)),
        "age": maybe((5, 19, 20, 39, 40, 54, 55, 70)),
        "sex": maybe(("female", "male")),
        "basis_of_diagnosis": maybe((0, 7)),
        "autopsy": maybe((0, 1)),
        "vital_status": maybe(("alive", "dead")),
        "birth_date": maybe((date(1950, 1, 1),)),
        "incidence_date": maybe((date(2008, 6, 1), date(2010, 6, 1), date(2012, 6, 1))),
        "last_date": maybe((date(2012, 12, 31),)),
        "follow_up_days_given": maybe((-5, 0, 700)),
        "patient_id": maybe(("p1",)),
        **{f"treatment_{name}": maybe((0, 1)) for name in stage_twin.TREATED},
    }
)


@settings(max_examples=25, deadline=None)
@given(st.lists(records, min_size=30, max_size=80))
def test_records_as_the_twin(given_records):
    numbered = [
        record
        | {"row": i, "tumour_id": f"t{i}", "follow_up_days": record["follow_up_days_given"]}
        | {"age_given": record["age"], "last_date_given": record["last_date"]}
        for i, record in enumerate(given_records)
    ]
    table = run_checks(submitted(*numbered), today=TODAY).table
    found = set(table.select("row", "code").rows())
    rules = stage_twin.RULES
    expected = {(r["row"], code) for r in numbered for code in stage_twin.breaks(r, rules)}
    assert {(row, code) for row, code in found if code in rules} == expected


simple = st.fixed_dictionaries(
    {
        "tnm_ct": maybe(("0", "1", "1a", "2", "2b", "3", "4", "4a", "is")),
        "tnm_cn": maybe(("0", "1", "1a", "2", "2b", "3")),
        "tnm_cm": maybe(("0", "0", "1")),
        "tnm_edition": maybe((7, 8)),
        "stage_type": st.sampled_from(("S", "cIS", "cpS")),
        "stage_code": maybe((0, 1, 2, 3, 4)),
        "topography": st.sampled_from(("C18.7", "C25.0", "C56.9", "C64.9")),
    }
)


@settings(max_examples=25, deadline=None)
@given(st.lists(simple, min_size=40, max_size=100))
def test_stages_of_four_sites_as_the_twin(given_records):
    """Clinical T, N and M all known: the checks find what the twin finds, and no more."""
    rules = stage_twin.OF_SOME_SITES
    blank = {"tnm_pt": None, "tnm_pn": None, "tnm_pm": None, "morphology": 8140, "behaviour": 3}
    numbered = [
        record | blank | {"row": i, "tumour_id": f"t{i}", "incidence_date": date(2017, 1, 1)}
        for i, record in enumerate(given_records)
    ]
    table = run_checks(submitted(*numbered), today=TODAY).table
    whole = {
        r["row"]
        for r in numbered
        if None not in (r["tnm_ct"], r["tnm_cn"], r["tnm_cm"], r["tnm_edition"])
    }
    found = {
        (row, code)
        for row, code in table.select("row", "code").rows()
        if code in rules and (row in whole or code == "tnm-site-edition")
    }
    expected = {
        (r["row"], code)
        for r in numbered
        for code in stage_twin.breaks(r, rules)
        if r["row"] in whole or code == "tnm-site-edition"
    }
    assert found == expected


def found_in(file, rows):
    given_files = submitted({"row": 2, "incidence_date": date(2010, 1, 1)}, **{file: rows})
    return run_checks(given_files, today=TODAY).table.filter(file=file)


@st.composite
def damaged(draw, clean, amounts):
    """Some rows of a clean file, a few of them lost, doubled or with another value."""
    rows = [dict(row) for row in clean]
    for _ in range(draw(st.integers(0, 6))):
        k = draw(st.integers(0, len(rows) - 1))
        what = draw(st.sampled_from(["drop", "double", "null", "amount", "all of a value"]))
        name = draw(st.sampled_from([n for n in rows[k] if n not in ("row", "age_group")]))
        if what == "drop" and len(rows) > 5:
            del rows[k]
        elif what == "double":
            rows.append(rows[k] | {"row": 5000 + len(rows)})
        elif what == "null":
            rows[k][name] = None
        elif what == "amount":
            rows[k][next(iter(amounts))] = draw(st.sampled_from(next(iter(amounts.values()))))
        elif name in ("year", "sex"):
            rows = [row for row in rows if row[name] != rows[k][name]] or rows
    return rows


def agree(file, rows):
    table = found_in(file, rows)
    for code, rule in files_twin.FILES[file].items():
        own = table.filter(code=code)
        by_line = own["row"].drop_nulls().sort().to_list()
        assert (by_line or sorted(own["values"].to_list())) == sorted(rule(rows)), code


@settings(max_examples=20, deadline=None)
@given(damaged(population(), {"persons": [-1.0, 0.0, 5000.0]}))
def test_population_as_the_twin(rows):
    agree("population", rows)
    table = found_in("population", rows)
    assert table.filter(code="population-jump").height == files_twin.jumps(rows)


@settings(max_examples=20, deadline=None)
@given(damaged(mortality(), {"deaths": [-1.0, 0.5, 0.0]}))
def test_mortality_as_the_twin(rows):
    agree("mortality", rows)


@settings(max_examples=5, deadline=None)
@given(damaged(life_table(), {"death_probability": [-0.1, 0.0, 0.6, 1.2]}))
def test_life_table_as_the_twin(rows):
    agree("life_table", rows)


person = st.fixed_dictionaries(
    {
        "patient_id": maybe(("a", "b", "c")),
        "tumour_id": maybe(("1", "2", "3", "4", "5")),
        "sex": maybe(("male", "female")),
        "birth_date": maybe((date(1950, 1, 1), date(1950, 1, 2))),
        "vital_status": maybe(("alive", "dead")),
        "last_date_given": maybe((date(2012, 12, 31), date(2012, 12, 30))),
        "topography": maybe(("C18.7", "C50.1")),
        "morphology": maybe((8140, 8500)),
        "behaviour": maybe((3, 2)),
        "incidence_date": maybe((date(2010, 1, 1), date(2010, 1, 30), date(2010, 2, 1))),
    }
)


@settings(max_examples=30, deadline=None)
@given(st.lists(person, min_size=1, max_size=12))
def test_persons_as_the_twin(given_records):
    precise = dict.fromkeys(
        ("birth_date_precision", "incidence_date_precision", "last_date_precision"), "day"
    )
    numbered = [
        record | precise | {"row": i, "last_date": record["last_date_given"]}
        for i, record in enumerate(given_records)
    ]
    table = run_checks(submitted(*numbered), today=TODAY).table
    for code, rule in files_twin.PERSON.items():
        assert table.filter(code=code)["row"].sort().to_list() == rule(numbered), code
