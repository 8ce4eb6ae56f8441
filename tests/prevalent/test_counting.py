"""Prevalence by counting: by hand, beside files counted by hand, beside a slow twin, laws."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecare import Population, prevalence
from rarecare.errors import PopulationError, UsageError
from rarecare.prevalent import PrevalencePlan, estimate_prevalence, tally_prevalence
from rarecare.prevalent.plan import years_before
from tests.reference.prevalence_twin import counted

INDEX = date(2010, 12, 31)


def cases(gaps, times, died, **columns):
    return pl.DataFrame(
        {
            "incidence_date": [INDEX - timedelta(days=int(gap)) for gap in gaps],
            "follow_up_days": times,
            "died": died,
            **columns,
        },
        schema_overrides={"follow_up_days": pl.Int64, "died": pl.Boolean},
    )


def only(result, **labels):
    return result.table.filter(measure="prevalent persons", phase="all", **labels).row(
        0, named=True
    )


def test_four_people_by_hand():
    """One alive on the date, one dead before it, one dead after it, one lost.

    Five are followed in all. The one lost after 100 days would be 300 days from diagnosis on the
    date; of the four at risk on day 200, one dies: p = 3/4. Var = 3/4·1/4 + (3/4)²·1/4² given
    the registry, and N = 2.75 more with the chance of incidence.
    """
    table = cases(
        gaps=[300, 290, 280, 300, 3000], times=[400, 200, 500, 100, 900],
        died=[False, True, True, False, False],
    )  # fmt: skip
    row = only(prevalence(table, index_date=INDEX, windows=[1], min_at_risk=1))
    assert (row["n"], row["alive"], row["lost"]) == (4, 2, 1)
    assert row["estimate"] == pytest.approx(2.75, abs=1e-12)
    given_registry = 3 / 16 + 9 / 16 / 16
    assert row["se"] ** 2 == pytest.approx(2.75 + given_registry, abs=1e-12)
    known = prevalence(table, index_date=INDEX, windows=[1], min_at_risk=1, estimand="registered")
    assert only(known)["se"] ** 2 == pytest.approx(given_registry, abs=1e-12)
    assert row["lower"] == pytest.approx(
        2.75 * np.exp(-1.959963984540054 * row["se"] / 2.75), rel=1e-12
    )


def test_a_death_on_the_date_is_not_alive_at_its_end_and_a_case_of_the_date_is():
    table = cases([10, 0, 10], [10, 0, 10], [True, False, False])
    row = only(prevalence(table, index_date=INDEX, windows=[1]))
    assert (row["n"], row["alive"], row["lost"]) == (3, 2, 0)


@pytest.mark.parametrize("index", ["2005-01-01", "2010-01-01"])
@pytest.mark.parametrize("data", ["sire"])
def test_sire_as_counted_by_hand(shared_data, shared_reference, data, index):
    """The file counts on the morning of 1 January: here that is the day before."""
    file = shared_reference / "popEpi_counted_prevalence_by_hand.csv"
    known = pl.read_csv(file, comment_prefix="#").filter(data=data, index=index)
    raw = pl.read_csv(shared_data / f"popEpi_{data}.csv").with_columns(
        pl.col("bi_date", "dg_date", "ex_date").str.to_date()
    )
    days = {k: (pl.col(k) - pl.col("dg_date")).dt.total_days() for k in ("ex_date",)}
    table = raw.select(
        incidence_date="dg_date", follow_up_days=days["ex_date"], died=pl.col("status") > 0
    )
    end = date.fromisoformat(index) - timedelta(days=1)
    result = prevalence(table, index_date=end, windows=known["years"].to_list())
    assert known.height == 4
    for row in known.iter_rows(named=True):
        own = only(result, window=f"0-{row['years']}")
        assert (own["n"], own["alive"], own["lost"]) == (row["incident"], row["alive"], 0)
        assert own["estimate"] == row["alive"]


def test_prevsim_as_counted_by_hand(shared_data, shared_reference):
    """The file's windows are closed on both sides; ours leave out their first day."""
    known = pl.read_csv(shared_reference / "prevsim_counted_by_hand.csv", comment_prefix="#")
    raw = pl.read_csv(shared_data / "rprev_prevsim.csv").with_columns(
        pl.col("entrydate").str.to_date()
    )
    table = raw.select(
        incidence_date="entrydate", follow_up_days="time", died=pl.col("status") == 1,
        sex=pl.col("sex").replace_strict({"F": "female", "M": "male"}),
    )  # fmt: skip
    for (index,), rows in known.group_by("index"):
        day = date.fromisoformat(index)
        wanted = rows["years"].to_list()
        result = prevalence(
            table, index_date=day, windows=wanted, by=["sex"], registered_since="1990-01-01"
        )
        for row in rows.iter_rows(named=True):
            own = result.table.filter(window=f"0-{row['years']}")
            first = years_before(day, row["years"])
            edge = raw.filter(pl.col("entrydate") == first)
            still = edge.filter(pl.col("eventdate").str.to_date() > day)
            assert own["n"].sum() == row["incident"] - edge.height
            assert own["alive"].sum() == row["alive"] - still.height


@st.composite
def people(draw):
    n = draw(st.integers(3, 12))
    gaps = draw(st.lists(st.integers(0, 40), min_size=n, max_size=n))
    times = draw(st.lists(st.integers(0, 50), min_size=n, max_size=n))
    died = [draw(st.booleans()) and time > 0 for time in times]
    return gaps, times, died


@given(people())
@settings(max_examples=60, deadline=None)
def test_equal_to_the_double_sums_of_the_twin(who):
    gaps, times, died = who
    # two more are followed throughout, so that somebody stands in at every day
    gaps, times, died = [*gaps, 0, 0], [*times, 60, 60], [*died, False, False]
    inside = [True] * len(gaps)
    total, given_registry, underlying = counted(gaps, times, died, inside)
    for estimand, variance in (("registered", given_registry), ("underlying", underlying)):
        result = prevalence(
            cases(gaps, times, died), index_date=INDEX, windows=[1], estimand=estimand,
            min_at_risk=1, registered_since="2000-01-01", survival_strata=[],
        )  # fmt: skip
        row = only(result)
        assert row["estimate"] == pytest.approx(total, abs=1e-9)
        assert row["se"] ** 2 == pytest.approx(variance, abs=1e-9)


@given(people())
@settings(max_examples=40, deadline=None)
def test_phases_and_ages_add_up(who):
    gaps, times, died = who
    n = len(gaps)
    table = cases(
        [*gaps, 0, 0], [*times, 900, 900], [*died, False, False],
        age=pl.Series(np.resize([3, 20, 50, 70], n + 2), dtype=pl.Int64),
    )  # fmt: skip
    result = prevalence(
        table, index_date=INDEX, windows=[1], phases=True, age_groups=[0, 15, 65],
        min_at_risk=1, registered_since="2000-01-01", survival_strata=[],
    ).table  # fmt: skip
    whole = result.filter(phase="all", age_group="all")["estimate"][0]
    assert result.filter(pl.col("age_group") != "all")["estimate"].sum() == pytest.approx(whole)
    phases = result.filter(pl.col("phase") != "all")
    assert phases["estimate"].sum() == pytest.approx(whole)
    assert (phases["estimate"] >= -1e-12).all()


def test_parts_add_to_the_whole():
    rng = np.random.default_rng(3)
    n = 400
    gaps, times = rng.integers(0, 900, n), rng.integers(1, 1200, n)
    table = cases(
        gaps,
        times,
        rng.random(n) < 0.5,
        sex=pl.Series(rng.choice(["female", "male"], n)),
        patient_id=pl.Series([str(k) for k in rng.integers(0, 350, n)]),
    )
    plan = PrevalencePlan(
        index_date="2010-12-31", windows=((0, 1), (1, 2)), strata=("sex",),
        survival_strata=("sex",), phases=True,
    )  # fmt: skip
    whole = tally_prevalence(table, plan)
    # a person's tumours are in one registry
    first = pl.col("patient_id").cast(pl.Int64) < 100
    parts = tally_prevalence(table.filter(first), plan) + tally_prevalence(
        table.filter(~first), plan
    )
    since = {"registered_since": "2000-01-01"}
    together = estimate_prevalence(parts, plan, **since)
    alone = estimate_prevalence(whole, plan, **since)
    assert together.drop("estimate", "se", "lower", "upper").equals(
        alone.drop("estimate", "se", "lower", "upper")
    )
    for name in ("estimate", "se", "lower", "upper"):
        assert np.allclose(together[name], alone[name], rtol=1e-12)


def test_a_person_counts_once_by_the_first_tumour_in_the_window():
    """Tumours three years and half a year before: within five years once, within one year too."""
    table = cases([1095, 180, 100], [2000, 1000, 1000], [False] * 3, patient_id=["a", "a", "b"])
    options = {"index_date": INDEX, "windows": [1, 5, (1, 5), (0, 5)]}
    options |= {"registered_since": "1990-01-01"}
    persons = prevalence(table, **options)
    assert [only(persons, window=w)["alive"] for w in ("0-1", "0-5", "1-5")] == [2, 2, 1]
    tumours = prevalence(table, persons=False, **options)
    assert [only(tumours, window=w)["alive"] for w in ("0-1", "0-5", "1-5")] == [2, 3, 1]
    assert tumours.table["unit"][0] == "tumours"


def test_a_stratum_of_few_borrows_the_survival_of_a_wider_group():
    rng = np.random.default_rng(5)
    n = 300
    table = cases(
        rng.integers(0, 300, n),
        rng.integers(300, 2000, n),
        rng.random(n) < 0.3,
        entity=pl.Series(["common"] * (n - 1) + ["rare"]),
    ).with_columns(
        follow_up_days=pl.when(entity="rare").then(20).otherwise("follow_up_days"),
        died=pl.col("died") & (pl.col("entity") == "common"),
        incidence_date=pl.when(entity="rare")
        .then(pl.lit(INDEX - timedelta(days=200)))
        .otherwise("incidence_date"),
    )
    result = prevalence(
        table, index_date=INDEX, windows=[1], by=["entity"], registered_since="2000-01-01"
    )
    row = only(result, entity="rare")
    assert row["status"] == "ok"
    assert row["lost"] == 1
    assert row["reason"] == "the survival of a wider group stands in for 1 of 1 lost"


def test_proportions_are_over_the_persons_on_the_date():
    population = Population.read(
        pl.DataFrame(
            {
                "age_group": ["0-64", "65+"] * 2,
                "year": [2010] * 2 + [2011] * 2,
                "pop": [800.0, 200.0, 1000.0, 200.0],
            }
        )
    )
    table = cases([10, 20, 30], [900] * 3, [False] * 3, age=[20, 70, 70])
    result = prevalence(
        table, population, index_date=INDEX, windows=[1], age_groups=[0, 65],
        registered_since="2000-01-01", per=100,
    )  # fmt: skip
    rows = result.table.filter(measure="prevalence").sort("age_group")
    share = (INDEX - date(2010, 7, 1)).days / 365
    young = 800 * (1 - share) + 1000 * share
    assert rows["population"].to_list() == pytest.approx([young, 200, young + 200])
    assert rows["estimate"].to_list() == pytest.approx(
        [100 * k / p for k, p in zip([1, 2, 3], rows["population"], strict=True)]
    )
    assert rows["age_group"].to_list() == ["0-64", "65+", "all"]
    with pytest.raises(PopulationError, match="no year next to the index date"):
        prevalence(table, population, index_date="2020-06-30", windows=[1])


def test_what_the_data_do_not_reach_is_not_estimable():
    table = cases([100, 50], [400, 300], [False, False])
    early = prevalence(table, index_date=INDEX, windows=[1, 5]).table
    assert early["status"].to_list() == ["not estimable"] * 2
    assert "registration begins on 2010-09-22, the window on" in early["reason"][0]
    late = prevalence(table, index_date="2013-01-01", windows=[1]).table
    assert late["estimate"].to_list() == [None]
    assert "nobody is followed to the index date" in late["reason"][0]


def test_nobody_to_stand_in_is_not_estimable():
    table = cases([100, 300], [50, 200], [False, True])
    row = only(
        prevalence(
            table, index_date=INDEX - timedelta(days=50), windows=[1],
            registered_since="2000-01-01",
        )
    )  # fmt: skip
    assert row["status"] == "ok"  # lost on the very day
    table = cases([100, 0], [50, 10], [False, False])
    row = only(prevalence(table, index_date=INDEX, windows=[1], registered_since="2000-01-01"))
    assert row["status"] == "not estimable"
    assert row["estimate"] is None
    assert "nobody at risk to stand in" in row["reason"]


@pytest.mark.parametrize(
    ("choice", "match"),
    [
        ({"windows": [(5, 1)]}, "ends before it begins"),
        ({"windows": []}, "no window"),
        ({"index_date": "31.12.2010"}, "no date"),
        ({"estimand": "both"}, "estimand"),
        ({"age_groups": [15, 0]}, "must rise"),
    ],
)
def test_wrong_choices_are_refused(choice, match):
    table = cases([100], [400], [False])
    with pytest.raises(UsageError, match=match):
        prevalence(table, **({"index_date": INDEX} | choice))


@pytest.mark.slow
def test_the_variance_is_that_of_repeated_samples():
    """600 expected cases with loss, 1 000 times: variance within 3 Monte Carlo errors."""
    _variance_holds(1_000)


def test_the_variance_is_that_of_repeated_samples_in_two_hundred():
    _variance_holds(200)


def _variance_holds(replicates):
    rng = np.random.default_rng(20261123)
    found, claimed = [], []
    for _ in range(replicates):
        n = rng.poisson(600)
        gaps = rng.integers(0, 1826, n)
        life = rng.exponential(1500, n).astype(int) + 1
        loss = np.minimum(rng.exponential(4000, n).astype(int), gaps + 400)
        row = only(
            prevalence(
                cases(gaps, np.minimum(life, loss), life <= loss), index_date=INDEX, windows=[5],
                registered_since="2000-01-01",
            )
        )  # fmt: skip
        found.append(row["estimate"])
        claimed.append(row["se"] ** 2)
    variance = np.var(found, ddof=1)
    error = variance * np.sqrt(2 / (replicates - 1))
    assert abs(np.mean(claimed) - variance) < 3 * error
    truth = 600 * np.mean(np.exp(-np.arange(1826) / 1500))
    assert abs(np.mean(found) - truth) < 3 * np.sqrt(variance / replicates) + 1
