"""Interval life tables on invented cases: Ederer I, Hakulinen, and popEpi's forms, by slow loops.

The twin in tests/reference/interval_twin.py has the other methods of strs.
"""

import math
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecare.survival import interval_survival
from rarecare.survival.breaks import parse_breaks
from tests.reference import popepi_interval_twin
from tests.reference.interval_twin import rate
from tests.survival.invented import AGES, SEXES, STEEP, life_table
from tests.survival.invented import YEARS as CALENDAR

TABLE = life_table(STEEP)


@st.composite
def a_case(draw):
    time = draw(st.sampled_from([0.1, 0.5, 1.0, 1.25, 2.0, 2.5, 3.0]))
    died = draw(st.booleans())
    return {
        "sex": draw(st.sampled_from(SEXES)),
        "age_years": draw(st.sampled_from([float(a) for a in AGES] + [60.5, 64.9])),
        "diagnosis_year": draw(st.sampled_from([float(y) for y in CALENDAR] + [2000.5])),
        "time_years": time,
        "died": died,
        "potential_years": draw(st.sampled_from([time, time + 0.25, 3.0])) if died else time,
    }


def expected_survival(case, start, end):
    hazard = rate(STEEP, case["sex"], case["age_years"] + start, case["diagnosis_year"] + start)
    return math.exp(-hazard * (end - start))


def product(case, breaks, until):
    """Expected survival over the whole intervals up to a break."""
    parts = [expected_survival(case, u, v) for u, v in pairwise(breaks) if v <= until]
    return math.prod(parts)


def ederer1(cases, breaks):
    """Mean expected survival of all cases, followed or not."""
    return [sum(product(c, breaks, v) for c in cases) / len(cases) for v in breaks[1:]]


def hakulinen(cases, breaks):
    """Expected survival as a cohort with everyone's potential follow-up would have it."""
    answers, cumulative = [], 1.0
    for u, v in pairwise(breaks):
        alive = [(c, product(c, breaks, u)) for c in cases if c["potential_years"] > u]
        if not alive:
            break
        whole = sum(share for _, share in alive)
        full = sum(
            share * expected_survival(c, u, v) for c, share in alive if c["potential_years"] >= v
        )
        part = [
            (share, math.sqrt(expected_survival(c, u, v)))
            for c, share in alive
            if c["potential_years"] < v
        ]
        withdrawn = sum(share * root for share, root in part)
        dying = sum(share * (1 - root) for share, root in part)
        effective = whole - (withdrawn + dying) / 2
        # g solves effective·g + dying·√g/2 = full + withdrawn/2, a quadratic in √g
        root = max(np.roots([effective, dying / 2, -(full + withdrawn / 2)]).real)
        cumulative *= root**2
        answers.append(cumulative)
    return answers


@given(st.lists(a_case(), min_size=1, max_size=10), st.sampled_from(["0(1)3", "0(0.5)1,1(1)3"]))
@settings(max_examples=80)
def test_ederer1_and_hakulinen_by_a_slow_loop(cases, breaks):
    points = parse_breaks(breaks)
    table = interval_survival(
        pl.DataFrame(cases), TABLE, breaks=breaks, method=("observed", "ederer1", "hakulinen"),
        interval="plain", allow_outside=1,
    ).table  # fmt: skip
    observed = table.filter(method="observed")
    for method, expected in (
        ("ederer1", ederer1(cases, points)), ("hakulinen", hakulinen(cases, points))
    ):  # fmt: skip
        rows = table.filter(method=method)
        for place, row in enumerate(rows.iter_rows(named=True)):
            if row["n"] == 0 or observed["estimate"][place] is None:
                continue
            wanted = observed["estimate"][place] / expected[place]
            assert row["estimate"] == pytest.approx(wanted, rel=1e-9, abs=1e-12)
            if observed["se"][place] is not None:
                wanted = observed["se"][place] / expected[place]
                assert row["se"] == pytest.approx(wanted, rel=1e-9, abs=1e-12)


@given(
    st.lists(a_case(), min_size=1, max_size=10),
    st.sampled_from(["0(1)3", "0(0.5)1,1(1)3"]),
    st.sampled_from(["hazard", "actuarial"]),
    st.sampled_from([0.0, 0.25]),
)
@settings(max_examples=80)
def test_popepis_forms_by_plain_arrays(cases, breaks, form, entry):
    frame = pl.DataFrame(cases).drop("potential_years")
    frame = frame.with_columns(
        entry_years=pl.lit(entry if form == "hazard" else 0.0).clip(
            upper_bound=pl.col("time_years")
        )
    ).filter(pl.col("time_years") > pl.col("entry_years"))
    if frame.is_empty():
        return
    arrays = {
        "entry": frame["entry_years"].to_numpy(),
        "time": frame["time_years"].to_numpy(),
        "died": frame["died"].to_numpy(),
    }
    rows = frame.rows(named=True)

    def at(who, time):
        times = np.broadcast_to(time, who.shape)
        return np.array([
            rate(STEEP, rows[i]["sex"], rows[i]["age_years"] + t, rows[i]["diagnosis_year"] + t)
            for i, t in zip(who, times, strict=True)
        ])  # fmt: skip

    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        found = popepi_interval_twin.survtab(
            arrays, at, parse_breaks(breaks),
            form={"hazard": "hazard", "actuarial": "lifetable"}[form],
            half=0.5, early=0.0, left_at_end=False,
        )  # fmt: skip
    table = interval_survival(
        frame, TABLE, breaks=breaks, convention="popepi", form=form,
        method=("observed", "ederer2", "pohar-perme"), interval="plain", allow_outside=1,
    ).table  # fmt: skip
    for method, name in (("observed", "surv.obs"), ("ederer2", "e2"), ("pohar-perme", "pp")):
        ours = table.filter(method=method)
        for place, value in enumerate(found[name]):
            row = ours.row(place, named=True)
            assert row["n"] == found["n"][place]
            assert row["person_years"] == pytest.approx(found["pyrs"][place], rel=1e-12)
            if row["estimate"] is None:
                assert np.isnan(value), (method, place)
                continue
            assert row["estimate"] == pytest.approx(value, rel=1e-9, abs=1e-12)
            if value > 1e-9 and row["se"] is not None:
                assert row["se"] == pytest.approx(found[f"SE.{name}"][place], rel=1e-8, abs=1e-12)
