"""Prevalence elsewhere: by hand, the own population gives back the count, areas add up."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecare import Population, prevalence
from rarecare.errors import ColumnError, PopulationError, UsageError
from rarecare.prevalent.elsewhere import expected_prevalence
from rarecare.rates.formulas import weighted_rate
from rarecare.rates.intervals import rate_limits

INDEX = date(2010, 12, 31)


def cases(gaps, times, died, **columns):
    return pl.DataFrame(
        {
            "incidence_date": [INDEX - timedelta(days=int(gap)) for gap in gaps],
            "follow_up_days": times, "died": died, **columns,
        },
        schema_overrides={"follow_up_days": pl.Int64, "died": pl.Boolean, "age": pl.Int64},
    )  # fmt: skip


def people(counts, **keys):
    """A population of the ages 0-64 and 65+, without years: pairs of persons by level."""
    size = len(counts)
    return Population.read(pl.DataFrame({
        **{name: np.repeat(levels, 2) for name, levels in keys.items()},
        "age_group": ["0-64", "65+"] * size, "pop": np.ravel(counts).astype(float),
    }))  # fmt: skip


SEXES = people([[1000, 500], [2000, 400]], sex=["female", "male"])
FOUR = cases(
    [100] * 6, [900] * 6, [False] * 6, age=[20, 30, 70, 70, 40, 80],
    sex=["female"] * 4 + ["male"] * 2,
)  # fmt: skip
CHOICES = {"index_date": INDEX, "windows": [1], "registered_since": "2000-01-01"}


def test_by_hand():
    """Women 2/1000 and 2/500, men 1/2000 and 1/400; all known, so the limits are Tiwari's."""
    target = people([[5000, 1000], [4000, 800]], sex=["female", "male"])
    found = expected_prevalence(FOUR, SEXES, target, age_groups=[0, 65], **CHOICES)
    row = found.table.row(0, named=True)
    weights = [5, 2, 2, 2]
    assert row["estimate"] == pytest.approx(2 * 5 + 2 * 2 + 1 * 2 + 1 * 2, rel=1e-12)
    assert row["se"] ** 2 == pytest.approx(2 * 25 + 2 * 4 + 4 + 4, rel=1e-12)
    assert (row["n"], row["prevalent"], row["population"]) == (6, 6, 10_800)
    rate = weighted_rate(np.array([[2, 2, 1, 1]]), np.ones((1, 4)), np.array(weights))
    lower, upper, method = rate_limits(rate)
    assert method[0] == "fay-feuer"  # below 10 persons
    assert (row["lower"], row["upper"]) == pytest.approx((lower[0], upper[0]), rel=1e-12)
    assert (row["status"], row["window"], row["unit"]) == ("ok", "0-1", "persons")


def test_limits_of_ten_and_more_are_those_of_a_standardised_rate():
    """Eighteen known persons, thrice those by hand: Tiwari's limits of Σ w·d, no age left out."""
    target = people([[5000, 1000], [4000, 800]], sex=["female", "male"])
    found = expected_prevalence(pl.concat([FOUR] * 3), SEXES, target, age_groups=[0, 65], **CHOICES)
    rate = weighted_rate(np.array([[6, 6, 3, 3]]), np.ones((1, 4)), np.array([5, 2, 2, 2]))
    lower, upper, method = rate_limits(rate)
    assert method[0] == "tiwari"
    row = found.table.row(0, named=True)
    assert (row["lower"], row["upper"]) == pytest.approx((lower[0], upper[0]), rel=1e-12)


def test_by_age_alone_where_a_population_has_no_sex():
    target = people([[300, 900]])
    found = expected_prevalence(FOUR, SEXES, target, age_groups=[0, 65], **CHOICES).table
    assert found["estimate"][0] == pytest.approx(3 / 3000 * 300 + 3 / 900 * 900, rel=1e-12)


@st.composite
def followed(draw):
    n = draw(st.integers(4, 30))
    seed = draw(st.integers(0, 10_000))
    rng = np.random.default_rng(seed)
    table = cases(
        rng.integers(0, 700, n), rng.integers(1, 900, n), rng.random(n) < 0.4,
        age=rng.integers(1, 95, n), sex=rng.choice(["female", "male"], n),
    )  # fmt: skip
    # followed throughout, so that somebody stands in for whoever is lost
    more = cases([2] * 12, [2000] * 12, [False] * 12, age=[30, 80] * 6,
                 sex=["female", "female", "male", "male"] * 3)  # fmt: skip
    return pl.concat([table, more])


WINDOWS = {"index_date": INDEX, "windows": [1, 2, (1, 2)], "registered_since": "2000-01-01"}


@given(followed(), st.booleans())
@settings(max_examples=30)
def test_the_own_population_gives_back_the_count(table, blank):
    """All weights are 1: number and error are those of prevalence, unknown ages too."""
    if blank:
        table = table.with_columns(age=pl.when(pl.int_range(pl.len()) % 5 > 0).then("age"))
    found = expected_prevalence(table, SEXES, SEXES, age_groups=[0, 65], **WINDOWS).table
    counted = prevalence(table, **WINDOWS).table
    unknown = found["reason"] == "no age of those counted is known"
    assert blank or not unknown.any()
    other = (counted["status"] == "ok") & unknown.fill_null(value=False).not_()
    ok = (found["status"] == "ok").to_numpy()
    assert other.to_numpy().tolist() == ok.tolist()
    for name in ("estimate", "se"):
        theirs = counted[name].to_numpy()[ok]
        assert found[name].to_numpy()[ok] == pytest.approx(theirs, rel=1e-9, abs=1e-9)


@given(followed(), st.floats(0.1, 10))
@settings(max_examples=20)
def test_areas_add_up_and_twice_the_persons_are_twice_the_number(table, times):
    parts = np.array([[[100, 60], [200, 80]], [[50, 70], [10, 20]]])
    areas = people(
        parts.reshape(4, 2), area=["n", "n", "s", "s"], sex=["female", "male"] * 2
    )  # fmt: skip
    whole = people(parts.sum(axis=0), sex=["female", "male"])
    larger = people(parts.sum(axis=0) * times, sex=["female", "male"])
    choices = {"age_groups": [0, 65], **WINDOWS}
    split = expected_prevalence(table, SEXES, areas, target_by=["area"], **choices).table
    one, more = (expected_prevalence(table, SEXES, own, **choices).table for own in (whole, larger))
    assert split["area"].unique(maintain_order=True).to_list() == ["n", "s"]
    for window in ("0-1", "0-2", "1-2"):
        own = one.filter(window=window)
        assert split.filter(window=window)["estimate"].sum() == pytest.approx(
            own["estimate"][0], rel=1e-9, abs=1e-12
        )
        for name in ("estimate", "se"):
            assert more.filter(window=window)[name][0] == pytest.approx(
                times * own[name][0], rel=1e-9
            )


def test_the_survival_that_stands_in_is_shared_by_all_ages():
    """Weights 3 and 1 of two lost: (3 + 1)² times what they share, not 3² + 1².

    Both are lost on day 100 of 300. On day 200 one of five at risk dies: p = 4/5. Of survival
    over all ages, C = 1/25: Var = Σ w² (p + p(1 − p)) + (4 · 4/5)²/25. The last of them is counted
    too, alive with weight 1.
    """
    table = cases(
        [300, 300, 3000, 3000, 3000, 3000, 0], [100, 100, 200, 900, 900, 900, 900],
        [False, False, True, False, False, False, False], age=[20, 20, 40, 40, 40, 40, 40],
    )  # fmt: skip
    # one age class at diagnosis, two groups on the index date
    population, target = (
        Population.read(pl.DataFrame({"age_group": ["0-20", "21+"], "pop": own}))
        for own in ([100.0, 100.0], [300.0, 100.0])
    )
    table = table.with_columns(
        age_days=pl.Series([20 * 366, 20 * 366 + 250, *[40 * 366] * 5])
    )  # fmt: skip
    one = expected_prevalence(table, population, target, age_groups=[0, 21], **CHOICES).table
    p = 4 / 5
    assert one["estimate"][0] == pytest.approx(4 * p + 1, rel=1e-12)
    apart = (9 + 1) * (p + p * (1 - p))
    assert one["se"][0] ** 2 == pytest.approx(apart + (4 * p) ** 2 / 25 + 1, rel=1e-9)


def test_nobody_counted_is_none_expected_with_an_upper_limit():
    """0, up to −ln 0.025 times the mean weight and more (Fay and Feuer: the largest)."""
    gone = cases([100, 2000], [50, 3000], [True, False], age=[20, 20], sex=["female", "male"])
    row = expected_prevalence(gone, SEXES, SEXES, age_groups=[0, 65], **CHOICES).table.row(
        0, named=True
    )
    assert (row["estimate"], row["lower"], row["status"]) == (0, 0, "ok")
    assert row["upper"] == pytest.approx(-np.log(0.025), rel=1e-9)


def test_unknown_ages_are_distributed_like_the_known_and_named():
    table = FOUR.with_columns(age=pl.Series([None, 30, 70, 70, 40, 80]))
    target = people([[5000, 1000], [4000, 800]], sex=["female", "male"])
    found = expected_prevalence(table, SEXES, target, age_groups=[0, 65], **CHOICES)
    assert found.table["estimate"][0] == pytest.approx((5 + 4 + 2 + 2) * 6 / 5, rel=1e-12)
    assert any(note.endswith("of the stratum: 1") for note in found.provenance.notes)


def refused(found, match):
    assert found.table["status"].unique().to_list() == ["not estimable"]
    assert found.table["estimate"].null_count() == found.table.height
    assert found.table["upper"].null_count() == found.table.height
    assert all(match in reason for reason in found.table["reason"])


def test_what_the_data_do_not_reach_is_not_estimable():
    choices = {"age_groups": [0, 65], **CHOICES}
    early = choices | {"registered_since": "2010-06-01"}
    refused(expected_prevalence(FOUR, SEXES, SEXES, **early), "registration begins on 2010-06-01")
    late = choices | {"index_date": "2019-01-01"}
    refused(expected_prevalence(FOUR, SEXES, SEXES, **late), "nobody is followed to the index")
    lost = cases([100, 0], [50, 10], [False, False], age=[20, 20], sex=["male", "male"])
    refused(expected_prevalence(lost, SEXES, SEXES, **choices), "nobody at risk to stand in")
    empty = people([[1000, 0], [2000, 400]], sex=["female", "male"])
    refused(
        expected_prevalence(FOUR, empty, SEXES, **choices),
        "the population has nobody of an age and sex of those counted",
    )
    blank = FOUR.with_columns(age=pl.lit(None, dtype=pl.Int64))
    refused(expected_prevalence(blank, SEXES, SEXES, **choices), "no age of those counted")


def test_wrong_populations_and_strata_are_refused():
    choices = {"age_groups": [0, 65], **CHOICES}
    years = Population.read(pl.DataFrame({
        "age_group": ["0-64", "65+"] * 2, "year": [2010, 2010, 2011, 2011], "pop": [9.0] * 4
    }))  # fmt: skip
    with pytest.raises(PopulationError, match=r"several years.*got '2010 to 2011'"):
        expected_prevalence(FOUR, SEXES, years, **choices)
    with pytest.raises(UsageError, match="no strata that the population has: got 'sex'"):
        expected_prevalence(FOUR, SEXES, SEXES, by=["sex"], **choices)
    other = Population.read(pl.DataFrame({"age_group": ["0-49", "50+"], "pop": [9.0, 9.0]}))
    with pytest.raises(PopulationError, match="lacks an age group of the proportions"):
        expected_prevalence(FOUR, SEXES, other, **choices)
    with pytest.raises(PopulationError, match="lacks a sex of the proportions: got 'male'"):
        expected_prevalence(FOUR, SEXES, SEXES.part(sex="female"), **choices)
    with pytest.raises(PopulationError, match="the cases are not"):
        expected_prevalence(FOUR.drop("sex"), SEXES, SEXES, **choices)
    unknown = FOUR.with_columns(sex=pl.when(pl.col("age") > 20).then("sex"))
    with pytest.raises(PopulationError, match=r"the population has no such sex.*got 'None'"):
        expected_prevalence(unknown, SEXES, SEXES, **choices)
    with pytest.raises(ColumnError, match="the cases have no ages"):
        expected_prevalence(FOUR.drop("age"), SEXES, SEXES, **choices)
    with pytest.raises(UsageError, match="a window ends before it begins"):
        expected_prevalence(FOUR, SEXES, SEXES, **(choices | {"windows": [(5, 1)]}))


def test_entities_have_rows_of_their_own():
    table = FOUR.with_columns(entity=pl.Series(["a", "b", "a", "a", "b", "b"]))
    found = expected_prevalence(
        table, SEXES, SEXES, by=["entity"], age_groups=[0, 65], **CHOICES
    ).table
    assert found.select("entity", "estimate").rows() == [
        ("a", pytest.approx(3)), ("b", pytest.approx(3)),
    ]  # fmt: skip
