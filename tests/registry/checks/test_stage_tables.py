"""Stages that T, N and M can give: by hand, as the twin, and unknown as anything."""

from functools import cache

import polars as pl
import pytest

from rarecare.registry.checks.register import BY_CODE
from rarecare.registry.checks.stage_tables import (
    ANY_STAGE,
    CONDENSED,
    limits,
    numbers,
    rows,
    sites,
    stages_of,
)
from rarecare.registry.checks.tnm_codes import tnm_number
from tests.reference import stage_twin
from tests.registry.checks.examples import CLEAN, MAN, tumour
from tests.registry.checks.submissions import found, submitted

NAMES = [*sites()["name"], CONDENSED]
T = ["0", "a", "is", *(f"{k}{letter}" for k in range(1, 5) for letter in ("", "a", "b", "c"))]
N = ["0", *(f"{k}{letter}" for k in range(1, 4) for letter in ("", "a", "mi"))]


@cache
def number(code, part):
    return 90 if code is None else tnm_number(pl.Series(f"tnm_p{part}", [code]))[0]


def stages(site, edition, t, n, m="0"):
    parts = (number(t, "t"), number(n, "n"), number(m, "m"))
    found = stages_of(NAMES.index(site), edition, *parts)
    return {stage for stage in range(5) if found >> stage & 1}


@pytest.mark.parametrize(
    ("site", "edition", "t", "n", "stage"),
    [
        ("colon and rectum", 8, "3", "0", {2}),  # IIA
        ("colon and rectum", 7, "1", "2b", {3}),  # IIIA or above
        ("lung", 6, "2", "0", {1}),  # IB
        ("lung", 8, "2b", "0", {2}),  # IIA
        ("breast", 7, "1c", "1mi", {1}),  # IB
        ("breast", 6, "1c", "1mi", {2}),  # IIA: IB came with the seventh
        ("liver", 6, "1", "1", {3}),  # IIIC
        ("liver", 7, "1", "1", {4}),  # IVA
        ("bladder", 7, "3", "1", {4}),
        ("bladder", 8, "3", "1", {3}),  # IIIA
        ("bladder", 8, "4", "1", {3, 4}),  # IIIA with T4a, IVA with T4b
        ("kidney", 7, "3a", "0", {3}),
        ("testis", 7, "2", "0", {1}),
        ("pancreas", 8, "2", "2", {3}),
    ],
)
def test_by_hand(site, edition, t, n, stage):
    assert stages(site, edition, t, n) == stage


@pytest.mark.parametrize("site", NAMES[:-1])
def test_every_combination_as_the_twin(site):
    known = 0
    for edition in (4, 5, 6, 7, 8):
        for t in T:
            for n in N:
                expected = stage_twin.stages(site, edition, t, n)
                assert stages(site, edition, t, n) == (expected or set()), (edition, t, n)
                known += expected is not None
    assert known > 40


def test_each_site_has_rows_and_each_row_a_site():
    assert set(rows()["name"]) == set(NAMES)
    assert set(limits()["name"]) <= set(NAMES)
    assert set(stage_twin.SITES) == set(NAMES[:-1])


@pytest.mark.parametrize("site", NAMES)
def test_unknown_may_be_anything(site):
    """What is possible with a part unknown holds all that is possible with it known."""
    for edition in (6, 7, 8):
        for t in T:
            for n in N:
                known = stages(site, edition, t, n)
                for blurred in ((None, n, "0"), (t, None, "0"), (t, n, None)):
                    assert known <= stages(site, edition, *blurred)
                assert known <= stages(site, 9, t, n)  # edition unknown


def test_metastases_are_another_check_but_for_the_testis():
    parts = (NAMES.index("lung"), 7, 10, 0, 10)
    assert stages_of(*parts) == ANY_STAGE
    assert stages("testis", 7, "1", "0", "1") == {3}


def test_no_row_is_beyond_the_highest_t_and_n_of_its_site():
    for limit in limits().iter_rows(named=True):
        for row in rows().filter(name=limit["name"]).iter_rows(named=True):
            shared = set(numbers(row["editions"])) & set(numbers(limit["editions"]))
            for part in ("t", "n"):
                if shared and row[part][0].isdigit():
                    digits = [int(c[0]) for code in row[part].split(";") for c in code.split("-")]
                    ok = min(digits) <= int(limit[part])
                    assert ok, (limit, row)


COLON_FREE = tumour("C18.7", 8140)


def test_the_type_of_stage_says_which_t_n_and_m_are_meant():
    """Clinical T1 N0, pathological T3 N0: stage I clinically, II pathologically."""
    both = {"tnm_edition": 7, "tnm_ct": "1", "tnm_cn": "0", "tnm_cm": "0", "tnm_pt": "3"}
    both |= {"tnm_pn": "0", "treatment_surgery": 2}
    colon = CLEAN | COLON_FREE | both
    broken = {
        (kind, stage)
        for kind in ("cIS", "paS", "S", "cpS", "esS", "E")
        for stage in (1, 2, 3)
        if "stage-tnm" in found(submitted(colon | {"stage_type": kind, "stage_code": stage}))
    }
    assert broken == {("cIS", 2), ("cIS", 3), ("paS", 1), ("paS", 3), ("S", 3), ("cpS", 3)}


def test_condensed_tnm_is_for_all_sites():
    base = CLEAN | tumour("C16.2", 8140, tnm_edition=7, tnm_ct="2", tnm_cn="1", tnm_cm="0")
    assert "stage-tnm" in found(submitted(base | {"stage_type": "coS", "stage_code": 2}))
    assert "stage-tnm" not in found(submitted(base | {"stage_type": "coS", "stage_code": 3}))
    assert "stage-tnm" not in found(submitted(base | {"stage_type": "S", "stage_code": 4}))


def test_a_testis_of_stage_four_and_a_carcinoid_of_the_colon():
    testis = CLEAN | MAN | tumour("C62.9", 9061, tnm_edition=7, tnm_ct="1", tnm_cn="0", tnm_cm="1a")
    assert "stage-tnm" in found(submitted(testis | {"stage_type": "S", "stage_code": 4}))
    carcinoid = CLEAN | tumour("C18.7", 8240, tnm_edition=7, tnm_ct="1", tnm_cn="1", tnm_cm="0")
    assert "stage-tnm" not in found(submitted(carcinoid | {"stage_type": "S", "stage_code": 2}))


@pytest.mark.parametrize("code", ["stage-tnm", "tnm-site-edition"])
def test_the_source_says_it_is_from_memory(code):
    assert "from memory" in BY_CODE[code].source
    assert BY_CODE[code].sureness == "C"
