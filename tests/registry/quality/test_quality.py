"""Indicators of quality by hand, against a twin, and what they say of themselves."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, chi2_contingency

from rarecare.errors import ColumnError, UsageError
from rarecare.registry.quality import (
    INDICATORS,
    QUALITY,
    highly_fatal,
    mortality_incidence,
    quality,
    stability,
    suspicious_survivors,
)
from rarecare.registry.quality.table import benchmarks
from rarecare.results import NOT_ESTIMABLE, OK
from tests.reference import quality_twin as twin

CLOSING = date(2012, 12, 31)
SCHEMA = {
    "topography": pl.String, "morphology": pl.Int32, "behaviour": pl.Int32, "age": pl.Int32,
    "basis_of_diagnosis": pl.Int32, "autopsy": pl.Int32, "stage": pl.String,
    "vital_status": pl.String, "follow_up_days": pl.Int32, "incidence_date": pl.Date,
    "entity_tier1": pl.String, "entity_tier2": pl.String,
}  # fmt: skip
CLEAN = {
    "topography": "C50.1", "morphology": 8500, "behaviour": 3, "age": 60,
    "basis_of_diagnosis": 7, "autopsy": 0, "stage": "localised", "vital_status": "dead",
    "follow_up_days": 700, "incidence_date": date(2005, 5, 5), "entity_tier1": "01.01",
    "entity_tier2": "01.01.01",
}  # fmt: skip


def frame(*changes):
    return pl.DataFrame([CLEAN | change for change in changes], schema=SCHEMA)


def of(table, indicator, **where):
    return table.filter(indicator=indicator, **where).row(0, named=True)


BREAKS = {
    "death certificate only": {"basis_of_diagnosis": 0},
    "autopsy only": {"autopsy": 1},
    "unspecified morphology": {"morphology": 8003},
    "no more specific than tier 1": {"entity_tier2": None},
    "unknown primary site": {"topography": "C80.9"},
    "age unknown": {"age": None},
    "basis of diagnosis unknown": {"basis_of_diagnosis": None},
    "stage unknown": {"stage": None},
    "lost to follow-up": {"vital_status": "lost", "follow_up_days": 3000},
    "vital status unknown": {"vital_status": None},
    "censored before 5 years": {"vital_status": "alive", "follow_up_days": 1825},
    "suspicious long survivors": {
        "morphology": 9050, "topography": "C38.4", "follow_up_days": 1827, "vital_status": "alive",
    },
}  # fmt: skip


@pytest.mark.parametrize("indicator", BREAKS)
def test_each_indicator_counts_its_case_and_not_its_neighbour(indicator):
    """One of four cases has it: 25 %, and no other share changes but those it must."""
    table = quality(frame({}, {}, {}, BREAKS[indicator]), by=["all"], closing_date=CLOSING)
    clean = quality(frame({}, {}, {}, {}), by=["all"], closing_date=CLOSING)
    whole = 1 if indicator == "suspicious long survivors" else 4
    row = of(table, indicator)
    assert (row["numerator"], row["denominator"]) == (1, whole)
    assert row["value"] == pytest.approx(100 / whole)
    changed = {
        name
        for name, a, b in zip(
            table["indicator"], table["numerator"], clean["numerator"], strict=True
        )
        if a != b
    }
    also = {"microscopically verified"} if "basis" in str(BREAKS[indicator]) else set()
    assert changed == {indicator} | also


def test_second_primaries_are_later_tumours_of_the_same_person():
    cases = frame({}, {"incidence_date": date(2004, 1, 1)}, {}, {}).with_columns(
        patient_id=pl.Series(["A", "A", "B", None])
    )
    row = of(quality(cases, by=["all"]), "second or later primary")
    assert (row["numerator"], row["denominator"]) == (1, 3)
    by_year = quality(cases, by=["year"])
    assert of(by_year, "second or later primary", period="2005")["numerator"] == 1  # A's later one
    assert of(by_year, "second or later primary", period="2004")["numerator"] == 0


def test_what_is_not_yet_due_does_not_count_as_censored_early():
    late = {"vital_status": "alive", "follow_up_days": 300, "incidence_date": date(2012, 3, 1)}
    row = of(quality(frame({}, late), by=["all"], closing_date=CLOSING), "censored before 5 years")
    assert (row["numerator"], row["denominator"], row["reason"]) == (0, 1, None)
    # without a closing date the latest last date stands in, and the row says so
    row = of(quality(frame({}, late), by=["all"]), "censored before 5 years")
    assert row["reason"] == "closing date taken as the latest last date, 2012-12-26"


def test_limits_and_benchmarks_stand_beside():
    """1 of 4: Wilson's limits 4.56 and 69.94 per cent."""
    row = of(quality(frame({}, {}, {}, {"basis_of_diagnosis": 0}), by=["all"]), INDICATORS[0].name)
    assert (row["lower"], row["upper"]) == pytest.approx((4.5587, 69.9358), abs=1e-4)
    assert (row["level"], row["unit"], row["benchmark"]) == (0.95, "percent", 2.7)
    assert row["benchmark_source"].startswith("EUROCARE-4: 5 753 934")
    assert set(benchmarks()["indicator"]) <= {one.name for one in INDICATORS}


codes = st.sampled_from([8000, 8140, 8500, 9050, 9053, None])
case = st.fixed_dictionaries(
    {
        "topography": st.sampled_from(["C38.4", "C50.1", "C80.9"]),
        "morphology": codes,
        "behaviour": st.sampled_from([2, 3]),
        "age": st.sampled_from([60, None]),
        "basis_of_diagnosis": st.sampled_from([0, 1, 5, 7, 8, None]),
        "autopsy": st.sampled_from([0, 1, None]),
        "stage": st.sampled_from(["localised", None]),
        "vital_status": st.sampled_from(["alive", "dead", "lost", None]),
        "follow_up_days": st.sampled_from([0, 1826, 1827, 4000, None]),
        "incidence_date": st.dates(date(2004, 1, 1), date(2010, 12, 31)),
        "entity_tier1": st.sampled_from(["01.01", "02.01"]),
        "entity_tier2": st.sampled_from(["01.01.01", None]),
    }
)


@settings(max_examples=40)
@given(st.lists(case, min_size=1, max_size=25))
def test_the_twin(cases):
    table = quality(pl.DataFrame(cases, schema=SCHEMA), by=["all", "year"], closing_date=CLOSING)
    groups = {"all": cases}
    for one in cases:
        groups.setdefault(str(one["incidence_date"].year), []).append(one)
    assert set(table["period"]) == set(groups)
    for period, part in groups.items():
        for name, (x, n) in twin.counts(part, CLOSING).items():
            row = of(table, name, period=period)
            assert (row["numerator"], row["denominator"]) == (x, n)
            if n:
                low, high = twin.wilson(x, n)
                assert (row["lower"], row["upper"]) == pytest.approx(
                    (100 * low, 100 * high), abs=1e-9
                )
            else:
                assert (row["status"], row["value"]) == (NOT_ESTIMABLE, None)


@settings(max_examples=40)
@given(st.lists(case, min_size=2, max_size=20))
def test_parts_add_up(cases):
    """Years add up to all years, tier 1 to all cases; entities and years to entities."""
    table = quality(pl.DataFrame(cases, schema=SCHEMA), closing_date=CLOSING)
    whole = table.filter(entity_id="all", period="all").sort("indicator").fill_null(0)
    for part in (
        table.filter(pl.col("period") != "all", entity_id="all"),
        table.filter(pl.col("entity_id").str.len_chars() == 5, period="all"),
        table.filter(pl.col("entity_id").str.len_chars() == 5, pl.col("period") != "all"),
    ):
        sums = part.group_by("indicator").agg(pl.col("numerator", "denominator").sum())
        assert sums.sort("indicator").rows() == whole.select(
            "indicator", "numerator", "denominator"
        ).rows()  # fmt: skip


def test_a_missing_column_is_named_and_nothing_is_zero():
    table = quality(frame({}).drop("stage", "vital_status"), by=["all"])
    row = of(table, "stage unknown")
    assert (row["status"], row["value"], row["numerator"]) == (NOT_ESTIMABLE, None, None)
    assert row["reason"] == "the file has no stage"
    assert row["denominator"] == 1
    assert dict(table.schema) == dict(QUALITY)
    assert of(table, "age unknown")["status"] == OK


def test_wrong_calls():
    with pytest.raises(UsageError, match="Did you mean 'year'"):
        quality(frame({}), by=["years"])
    with pytest.raises(ColumnError, match="entity_tier1"):
        quality(frame({}).drop("entity_tier1"), by=["entity"])
    with pytest.raises(ColumnError, match="period"):
        stability(pl.DataFrame({"registry": [], "entity_id": [], "indicator": []}))
    with pytest.raises(ColumnError, match="follow_up_days"):
        suspicious_survivors(frame({}).drop("follow_up_days"))


def test_no_cases_at_all():
    table = quality(frame().clear(), by=["all"])
    assert set(table["status"]) == {NOT_ESTIMABLE}
    assert table["value"].null_count() == table.height


def test_suspicious_survivors_are_named_with_their_row():
    cases = frame(
        {},
        {"morphology": 9052, "topography": "C48.2", "follow_up_days": 2000},
        {"morphology": 9052, "topography": "C48.2", "follow_up_days": 1800},
        {"morphology": 9052, "topography": "C48.2", "follow_up_days": 2000, "behaviour": 1},
        {"morphology": 9120, "topography": "C22.0", "follow_up_days": 731},
        {"morphology": 9120, "topography": "C44.5", "follow_up_days": 7310},
        {"morphology": 9440, "topography": "C71.1", "follow_up_days": None},
    ).with_columns(row=pl.int_range(2, 9), tumour_id=pl.Series(list("ABCDEFG")))
    found = suspicious_survivors(cases)
    assert found.select("row", "tumour_id", "name").rows() == [
        (3, "B", "mesothelioma"),
        (6, "E", "angiosarcoma of the liver"),
    ]
    assert found["follow_up_years"][0] == pytest.approx(2000 / 365.2425)
    assert set(highly_fatal()["sureness"]) == {"D"}  # our own choice, said so


def years(*counts, first=2000):
    return pl.DataFrame(
        {
            "registry": "SI", "entity_id": "all", "indicator": "stage unknown",
            "period": [str(first + i) for i in range(len(counts))],
            "numerator": [x for x, _ in counts], "denominator": [n for _, n in counts],
        }
    )  # fmt: skip


def test_stability_by_hand():
    """10, 20, 30 of 100: slope 10 points; p̄ = 0.2, Σn(t − t̄)² = 200, se = √(0.16/200) = 2.828
    points; χ² = (10/2.828)² = 12.5, and 12.5 of homogeneity, so nothing is left.
    """
    row = stability(years((10, 100), (20, 100), (30, 100))).row(0, named=True)
    assert (row["first"], row["last"], row["n"]) == (2000, 2002, 300)
    assert row["slope"] == pytest.approx(10)
    assert row["lower"] == pytest.approx(10 - 1.959964 * 2.828427, abs=1e-5)
    assert row["p_trend"] == pytest.approx(chi2.sf(12.5, 1))
    assert row["p_other"] == pytest.approx(1)


@given(
    st.lists(
        st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
        min_size=3,
        max_size=12,
    ).filter(lambda rows: 0 < sum(x for x, _ in rows) < sum(n for _, n in rows))
)
def test_stability_against_pearson_and_the_twin(counts):
    row = stability(years(*counts)).row(0, named=True)
    slope, se, whole = twin.armitage([(2000 + i, x, n) for i, (x, n) in enumerate(counts)])
    assert row["slope"] == pytest.approx(slope, abs=1e-9)
    assert row["upper"] - row["slope"] == pytest.approx(1.959963984540054 * se, rel=1e-9)
    table = [[x for x, _ in counts], [n - x for x, n in counts]]
    assert whole == pytest.approx(chi2_contingency(table, correction=False).statistic, abs=1e-6)
    left = max(whole - (slope / se) ** 2, 0)
    assert row["p_other"] == pytest.approx(chi2.sf(left, len(counts) - 2), abs=1e-9)


def test_stability_that_cannot_be_told():
    rows = pl.concat([years((1, 10)), years((0, 10), (0, 10)).with_columns(registry=pl.lit("MT"))])
    found = stability(rows)
    assert found["status"].to_list() == [NOT_ESTIMABLE] * 2
    assert found["reason"].to_list() == [
        "fewer than two years with cases",
        "the share is 0 or 100 per cent in every year",
    ]


def test_deaths_to_new_cases_by_hand():
    """3 deaths to 4 cases of breast: 0.75, times and over exp(1.96 √(1/3 + 1/4)) = 4.4680."""
    cases = frame({}, {}, {}, {}, {"topography": "C38.4", "morphology": 9050},
                  {"incidence_date": date(2001, 1, 1)})  # fmt: skip
    deaths = pl.DataFrame(
        {
            "year": [2005, 2005, 2005, 2006, 2005],
            "cause_of_death": ["C50", "C509", "C45.0", "C50", "I21"],
            "deaths": [2.0, 1.0, 1.0, 9.0, 50.0],
        }
    )
    found = mortality_incidence(cases, deaths, registry="SI")
    breast = found.filter(entity_id="C50").row(0, named=True)
    assert (breast["numerator"], breast["denominator"], breast["period"]) == (3, 4, "2005-2005")
    assert breast["value"] == 0.75
    assert breast["upper"] == pytest.approx(0.75 * 4.4680, rel=1e-4)
    assert breast["lower"] == pytest.approx(0.75 / 4.4680, rel=1e-4)
    whole = found.filter(entity_id="all").row(0, named=True)
    assert (whole["numerator"], whole["denominator"]) == (4, 5)
    assert found.filter(entity_id="C45")["value"].item() == 1
    assert "I21" not in found["entity_id"]


def test_deaths_without_cases_or_years():
    cases, none = frame({}), {"year": [2005], "cause_of_death": ["C61"], "deaths": [2.0]}
    found = mortality_incidence(cases, pl.DataFrame(none))
    row = found.filter(entity_id="C61").row(0, named=True)
    assert (row["status"], row["value"]) == (NOT_ESTIMABLE, None)
    later = pl.DataFrame(none | {"year": [2020]})
    whole = mortality_incidence(cases, later).row(0, named=True)
    assert (whole["status"], whole["reason"]) == (NOT_ESTIMABLE, "the files share no year")
    with pytest.raises(ColumnError, match="cause_of_death"):
        mortality_incidence(cases, later.drop("cause_of_death"))


def test_follow_up_of_exactly_five_years_is_not_early():
    """From 5 May 2005 to 5 May 2010 there are 1 826 days, from 1 March 2003 1 827."""
    five = {"vital_status": "alive", "follow_up_days": 1826}
    early = quality(frame(five), by=["all"], closing_date=CLOSING)
    assert of(early, "censored before 5 years")["numerator"] == 0
    early = quality(
        frame(five | {"incidence_date": date(2003, 3, 1)}), by=["all"], closing_date=CLOSING
    )
    assert of(early, "censored before 5 years")["numerator"] == 1
