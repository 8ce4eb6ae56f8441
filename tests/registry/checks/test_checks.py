import re

import polars as pl
import pytest

from rarecare.registry.checks import CHECKS, SURENESS
from rarecare.registry.checks.columns import WORKING, known_types
from rarecare.registry.checks.records import CORE
from rarecare.registry.checks.register import BY_CODE
from tests.registry.checks.examples import CLEAN, PATIENTS, RECORDS
from tests.registry.checks.submissions import found, submitted

OF_RECORDS = [check.code for check in CHECKS if check.applies_to == "record"]
BETWEEN = [check.code for check in CHECKS if check.applies_to in ("tumours", "patient")]
TOGETHER = {  # what breaks the first also breaks these, by their very rules
    "last-in-future": {"last-after-closing"},
    "behaviour-site": {"behaviour-not-listed"},  # ICD-O-3 lists no such tumour in situ
    "behaviour-morphology": {"behaviour-not-listed"},
}


def codes(*records, **more):
    return found(submitted(*records, **more))


def test_a_clean_record_breaks_nothing():
    assert codes(CLEAN) == set()


@pytest.mark.parametrize("code", [code for code in OF_RECORDS if code in RECORDS])
def test_what_breaks_a_check_breaks_only_that(code):
    bad, _ = RECORDS[code]
    assert codes(CLEAN | bad) - TOGETHER.get(code, set()) - MISSED(bad) == {code}


@pytest.mark.parametrize("code", [code for code in OF_RECORDS if code in RECORDS])
def test_the_neighbour_is_clean(code):
    _, good = RECORDS[code]
    assert codes(CLEAN | good) - MISSED(good) == set()


def MISSED(record):  # noqa: N802
    """What a record lacks is a finding of its own."""
    return {f"missing-{name.replace('_', '-')}" for name in CORE if record.get(name, 0) is None}


@pytest.mark.parametrize("code", [code for code in OF_RECORDS if code in RECORDS])
def test_unknown_is_cannot_tell(code):
    """Without any one of the values that decide, and so without all, a check finds nothing."""
    bad, _ = RECORDS[code]
    check = BY_CODE[code]
    silent = {"age-unknown", "dead-without-cause", "stage-without-system", "tnm-no-edition"}
    blank = dict.fromkeys([*check.columns, *(GIVEN[n] for n in check.columns if n in GIVEN)])
    assert code not in codes(CLEAN | bad | blank)
    if code in silent or len(check.columns) > 4:
        return
    for name in deciding(check, bad):
        assert code not in codes(CLEAN | bad | {name: None}), name


GIVEN = {"age": "age_given", "last_date": "last_date_given"}
NOT_DECIDING = {
    "basis-morphology": {"topography"},  # only an exception looks at it
    "stage-in-situ": {"topography"},
    "sex-morphology": {"behaviour"},
}


def deciding(check, bad):
    named = [GIVEN.get(name, name) for name in check.columns if "tnm" not in name]
    return [name for name in named if name in bad and name not in NOT_DECIDING.get(check.code, ())]


@pytest.mark.parametrize("name", CORE)
def test_a_missing_value_is_found(name):
    code = f"missing-{name.replace('_', '-')}"
    assert code in codes(CLEAN | {name: None})
    assert code not in codes(CLEAN)


def test_dead_without_cause_where_other_deaths_have_one():
    from tests.registry.checks.examples import died  # noqa: PLC0415

    without = CLEAN | died(8, cause_of_death=None)
    other = CLEAN | died(9) | {"row": 3, "patient_id": "p2", "tumour_id": "t2"}
    assert codes(without, other) == {"dead-without-cause"}
    assert codes(without | {"cause_of_death": "C50"}, other) == set()
    assert codes(without) == set()  # no cause in the file: the column is not sent


@pytest.mark.parametrize("code", BETWEEN)
def test_two_records_beside_one_another(code):
    bad, good = PATIENTS[code]
    together = {"patient-last-date": AFTER, "tumour-doubled": {"not-new-primary"}}
    assert codes(CLEAN, CLEAN | bad) - together.get(code, set()) == {code}
    assert codes(CLEAN, CLEAN | good) == set()


AFTER = {"last-after-closing"}


@pytest.mark.parametrize("code", BETWEEN)
def test_unknown_between_records(code):
    bad, _ = PATIENTS[code]
    blank = dict.fromkeys(BY_CODE[code].columns)
    blank |= {"last_date_given": None} if "last_date" in blank else {}
    assert code not in codes(CLEAN, CLEAN | bad | blank)
    if code != "tumour-id-doubled":
        assert code not in codes(CLEAN | {"patient_id": None}, CLEAN | bad | {"patient_id": None})


def test_every_check_has_an_example():
    missing = {f"missing-{name.replace('_', '-')}" for name in CORE}
    assert set(OF_RECORDS) == set(RECORDS) | missing | {"dead-without-cause"}
    assert set(BETWEEN) == set(PATIENTS)


def test_the_register_is_well_formed():
    assert len(BY_CODE) == len(CHECKS)
    types = known_types()
    for check in CHECKS:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", check.code)
        assert check.sureness in SURENESS
        assert check.severity in ("error", "warning")
        for text in (check.title, check.why, check.remedy, check.source):
            assert text.strip() == text != ""
        assert not check.title.endswith(".")
        assert check.why.endswith(".")
        assert check.remedy.endswith(".")
        if check.applies_to in ("record", "patient", "tumours"):
            assert set(check.columns) <= set(types), check.code


@pytest.mark.parametrize("code", OF_RECORDS)
def test_a_check_reads_only_the_columns_it_names(code):
    check = BY_CODE[code]
    assert isinstance(check.offending, pl.Expr)
    given = {"follow_up_days_given", "last_date_given"}
    for root in check.offending.meta.root_names():
        made_of = WORKING.get(root, (root,))
        assert set(made_of) <= set(check.columns) | given, (code, root)


@pytest.mark.parametrize(
    ("name", "code", "is_code"),
    [
        *((n, c, True) for n, c in (("tnm_pt", "is(DCIS)"), ("tnm_pt", "ypT2(m)"))),
        *((("tnm_pt"), c, True) for c in ("a", "T1a1", "4d", "1mi", "ispu", "X", "9", "0")),
        *((("tnm_pn"), c, True) for c in ("0(i+)", "pN1mi(sn)", "2b", "1biii", "3C", "X")),
        *((("tnm_pm"), c, True) for c in ("0", "M1a", "1d", "0(i+)", "x")),
        *((("tnm_pt"), c, False) for c in ("5", "1f", "12", "II", "N1")),
        *((("tnm_pn"), c, False) for c in ("4", "1e", "is", "+")),
        *((("tnm_pm"), c, False) for c in ("2", "1f", "is", "yes")),
    ],
)
def test_codes_of_tnm(name, code, is_code):
    letter = name[-1]
    broken = f"{letter}-invalid" in codes(CLEAN | {name: code})
    assert broken is not is_code


@pytest.mark.parametrize("name", [name for name in CLEAN if name.startswith("tnm_p")])
def test_blank_is_no_code_and_no_fault(name):
    assert f"{name[-1]}-invalid" not in codes(CLEAN | {name: None})
