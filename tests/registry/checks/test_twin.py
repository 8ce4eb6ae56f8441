"""Random records, right and wrong and unknown, through the checks and through the twin."""

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from rarecare.codes.icdo3 import histology_numbers, site_numbers
from rarecare.registry.checks import run_checks
from tests.reference.checks_twin import RULES, breaks
from tests.registry.checks.submissions import TODAY, submitted

SPECIAL = (
    *(8000, 8140, 8170, 8240, 8480, 8500, 8720, 8910, 8960, 8970, 9100, 9470, 9500, 9510, 9530),
    *(8020, 8331, 8249, 8631, 9714, 9719, 9702, 9680, 9732, 9823, 9948, 9837, 9590),
)
precision = st.sampled_from(["day", "month", "year"])


def or_unknown(values):
    return st.one_of(values, values, values, values, st.none())


days = st.dates(date(2005, 1, 1), date(2015, 12, 31))
records = st.fixed_dictionaries(
    {
        "sex": or_unknown(st.sampled_from(["male", "female"])),
        "birth_date": or_unknown(st.dates(date(1904, 1, 1), date(2013, 1, 1))),
        "birth_date_precision": precision,
        "incidence_date": or_unknown(days),
        "incidence_date_precision": precision,
        "last_date_given": or_unknown(days),
        "last_date_precision": precision,
        "follow_up_days_given": or_unknown(st.integers(-10, 2000)),
        "vital_status": or_unknown(st.sampled_from(["alive", "dead", "lost"])),
        "cause_of_death": or_unknown(st.just("C50")),
        "topography": or_unknown(st.sampled_from(list(site_numbers()))),
        "morphology": or_unknown(
            st.one_of(st.sampled_from(SPECIAL), st.sampled_from(list(histology_numbers())))
        ),
        "behaviour": or_unknown(st.sampled_from([0, 1, 2, 3, 3, 3, 6])),
        "grade": or_unknown(st.integers(1, 8)),
        "basis_of_diagnosis": or_unknown(st.sampled_from([0, 1, 2, 4, 5, 6, 7])),
        "autopsy": or_unknown(st.integers(0, 1)),
    }
)


@st.composite
def cases(draw):
    """A record whose age and follow-up lie near what its dates say."""
    record = draw(records)
    born, found, last = (
        record[name] for name in ("birth_date", "incidence_date", "last_date_given")
    )
    age = None
    if born and found:
        years = max((found - born).days // 365, 0)
        age = draw(or_unknown(st.integers(max(years - 3, 0), years + 3)))
    if found and last and draw(st.booleans()):
        record["follow_up_days_given"] = (last - found) // timedelta(days=1) + draw(
            st.integers(-70, 70)
        )
    return {
        **record,
        "age": age,
        "age_given": age,
        "last_date": last,
        "follow_up_days": record["follow_up_days_given"],
        "patient_id": None,
        "region": None,
    }


@settings(max_examples=15)
@given(st.lists(cases(), min_size=30, max_size=100))
def test_the_checks_find_what_the_twin_finds(given_records):
    numbered = [record | {"row": i, "tumour_id": f"t{i}"} for i, record in enumerate(given_records)]
    table = run_checks(submitted(*numbered), today=TODAY).table
    found = {(row, code) for row, code in table.select("row", "code").rows() if code in RULES}
    expected = {(record["row"], code) for record in numbered for code in breaks(record)}
    assert found == expected


AGES = (0, 4, 5, 6, 14, 15, 19, 20, 25, 26, 39, 40, 45, 46)


def exhaustive():
    """All histologies with each grade and basis; all sites at ages on both sides of each limit."""
    histologies, sites = list(histology_numbers()), list(site_numbers())
    for morphology in histologies:
        for grade in range(1, 9):
            yield {"morphology": morphology, "grade": grade, "behaviour": 3}
        for basis in (0, 1, 2, 4, 5):
            for site in ("C44.5", "C50.9", "C61.9"):
                yield {"morphology": morphology, "basis_of_diagnosis": basis, "topography": site}
    for age in AGES:
        for site in sites:
            yield {"age_given": age, "age": age, "topography": site, "morphology": 8000}
        for morphology in histologies:
            yield {"age_given": age, "age": age, "morphology": morphology}
        for site in ("C17.9", "C18.9", "C33.9", "C34.9", "C58.9", "C61.9", "C69.2"):
            for morphology in SPECIAL:
                yield {"age_given": age, "age": age, "topography": site, "morphology": morphology}
    for behaviour in (0, 1, 2, 3, 6):
        for site in sites:
            for sex in ("male", "female"):
                yield {"behaviour": behaviour, "topography": site, "sex": sex, "morphology": 8480}


def test_every_code_as_the_twin():
    names = (*SAMPLE, "row", "tumour_id")
    numbered = [
        dict.fromkeys(names) | record | {"row": i, "tumour_id": f"t{i}"}
        for i, record in enumerate(exhaustive())
    ]
    table = run_checks(submitted(*numbered), today=TODAY).table
    found = {(row, code) for row, code in table.select("row", "code").rows() if code in RULES}
    expected = {(record["row"], code) for record in numbered for code in breaks(record)}
    assert len(expected) > 5000
    assert found == expected


SAMPLE = (
    *("sex", "birth_date", "incidence_date", "last_date_given", "follow_up_days_given"),
    *("birth_date_precision", "incidence_date_precision", "last_date_precision"),
    *("vital_status", "cause_of_death", "topography", "morphology", "behaviour", "grade"),
    *("basis_of_diagnosis", "autopsy", "age", "age_given", "last_date", "follow_up_days"),
    *("patient_id", "region"),
)
"""Columns of a record of which nothing else is known."""
