import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecare.disclosure import audit
from rarecare.errors import DisagreementError, UsageError

from . import tables
from .twin import DIMENSIONS, given_away

AREAS, ENTITIES = tables.areas(), tables.entities()
NUMBERS = ("estimate", "se", "lower", "upper")


def audited(rows, threshold=5):
    return audit(rows, AREAS, ENTITIES, threshold)


def withheld(rows, where, counts=("n", "events", "at_risk")):
    gone = pl.when(where).then(None)
    return rows.with_columns(
        *(gone.otherwise(name).alias(name) for name in (*counts, *NUMBERS)),
        status=pl.when(where).then(pl.lit("withheld")).otherwise("status"),
        reason=pl.when(where).then(pl.lit("withheld")).otherwise("reason"),
    )


def survival(n, times, *, entity="all", area="all", sex="all"):
    """Rows of one cell; ``times``: (events, at_risk) at 1, 5, 10 years."""
    cell = (entity, area, sex, "15-74", "2000-2001")
    return pl.DataFrame(
        [
            ("net survival", *cell, float(year), "none", "pohar-perme", n, e, r, None, "proportion",
             0.5, 0.1, 0.4, 0.6, 0.95, "ok", None, "derived", True)
            for year, (e, r) in zip((1, 5, 10), times, strict=False)
        ],
        schema=tables.COLUMNS, orient="row",
    )  # fmt: skip


def test_large_counts_have_nothing_to_find():
    rows = tables.estimates().with_columns(pl.col("n", "events", "at_risk") * 5)
    assert audited(rows).is_empty()


@pytest.mark.parametrize("deaths", [1, 3, 4])
def test_a_small_count_shown_is_found_with_its_value(deaths):
    found = audited(survival(20, [(deaths, 12)]))
    assert found.select("count", "value", "how").rows() == [("events", deaths, "it is shown")]


def test_rate_times_person_years_is_found():
    rows = tables.estimates(measures=("incidence",), keep=lambda *cell: cell[:4] == (*["all"] * 4,))
    rows = rows.filter(standard="none", period="2000-2001")
    n = rows["n"][0]
    found = audited(rows.with_columns(n=pl.lit(None, dtype=pl.Int64)))
    assert found.select("count", "value").rows() == [("n", n)]
    assert "rate" in found["how"][0]


def test_another_row_of_the_cell_is_found():
    rows = pl.concat([survival(20, [(6, 12)]).with_columns(standard=pl.lit(s)) for s in "ab"])
    found = audited(withheld(rows, pl.col("standard") == "a", ("events", "at_risk")))
    assert sorted(found.select("count", "value").rows()) == [("at_risk", 12), ("events", 6)]


def test_deaths_from_n_less_those_at_risk_are_found():
    # 20 cases, 17 at risk, nobody lost: 3 deaths
    parts = [survival(20, [(3, 17)]), survival(30, [(9, 19)], entity="01", area="AA")]
    found = audited(withheld(pl.concat(parts), pl.col("n") == 20, ("events",)))
    assert found.select("count", "value").rows() == [("events", 3)]


def test_deaths_between_equal_deaths_are_found():
    rows = withheld(
        survival(20, [(6, 14), (6, 10), (6, 9)]), pl.col("time_years") == 5, ("events",)
    )
    found = audited(
        rows.with_columns(at_risk=pl.when(pl.col("events").is_not_null()).then("at_risk"))
    )
    assert found.select("time_years", "count", "value").rows() == [(5.0, "events", 6)]


def test_deaths_after_everyone_died_are_found():
    rows = withheld(survival(6, [(6, 0), (6, 0)]), pl.col("time_years") == 5, ("events", "at_risk"))
    assert audited(rows).select("time_years", "value").rows() == [(5.0, 6)]


def test_a_remark_that_tells_a_withheld_total_is_found():
    rows = tables.estimates(mean=400, measures=("incidence",))
    rows = rows.filter(entity_id="all", area="all", sex="all", period="2000")
    rows = withheld(rows, pl.col("age_group").is_in(["all", "75+", "0-14"]))
    told = pl.when(age_group="15-74").then(pl.lit("age unknown in 6 of 81 cases: left out"))
    found = audited(rows.with_columns(reason=told.otherwise("reason")))
    assert found.select("count", "value").rows() == [("n", 81)]


@pytest.mark.parametrize(
    ("women", "men", "total", "expected"),
    [
        (None, 7, 10, [3]),  # 10 - 7
        (None, 7, 107, [100]),  # withheld, so whatever it is
        (None, None, 10, []),
        (None, None, 4, [4, 4]),  # together fewer than 5; the total itself is shown
        (6, 7, None, [13]),  # the sum of its parts
        (None, 7, None, []),
        (0, 7, 7, []),
        (6, 7, 15, [2]),  # what the parts leave
        (6, 7, 18, []),
    ],
)
def test_one_subtraction_by_hand(women, men, total, expected):
    parts = {"female": women, "male": men, "all": total}
    rows = pl.concat([survival(n, [(n and 0, n)], sex=sex) for sex, n in parts.items()])
    rows = withheld(rows, pl.col("n").is_null())
    found = audited(rows).filter(count="n")
    assert sorted(found["value"].to_list()) == expected


def test_as_many_withheld_as_their_sum_are_each_one():
    countries = {"AA": 1, "BB": 1}
    rows = [survival(n, [(0, n)], area=area) for area, n in countries.items()]
    rows = withheld(
        pl.concat([*rows, survival(2, [(0, 2)], area="North")]), pl.col("area") != "North"
    )
    found = audited(rows, threshold=2)
    assert found.filter(count="n").select("area", "value", "how").rows() == [
        ("North", 2, "area: each withheld part must be 1")
    ]


@given(st.integers(0, 10**6), st.floats(0.3, 3), st.floats(0, 0.6), st.integers(2, 8))
@settings(max_examples=12, deadline=None)
def test_agrees_with_its_slow_twin(seed, mean, share, threshold):
    keep = {0: ("sex",), 1: ("age",), 2: ("period",)}[seed % 3]

    def chosen(entity, area, sex, age, period):
        whole = {"sex": sex == "all", "age": age in {"all", "15-99"}, "period": "-" in period}
        return all(held for name, held in whole.items() if name not in keep)

    rows = tables.estimates(seed, mean, keep=chosen)
    rng = np.random.default_rng(seed)
    cells = rows.select("measure", *DIMENSIONS).unique(maintain_order=True)
    cells = cells.with_columns(gone=pl.Series(rng.random(cells.height) < share))
    rows = rows.join(cells, on=["measure", *DIMENSIONS], maintain_order="left")
    rows = withheld(rows, pl.col("gone")).drop("gone")
    found = audited(rows, threshold).filter(
        pl.col("how").str.contains("^(entity|area|sex|age|per)")
    )
    own = set()
    for row in found.iter_rows(named=True):
        cell = tuple(row[d] for d in DIMENSIONS)
        own.add((row["measure"], row["count"], row["time_years"], row["how"].split(":")[0], cell))
    expected = set()
    for age_family in (True, False):
        standard = {"esp2013"} if age_family else {"none"}
        with_age = rows.filter(
            (pl.col("age_group") != "all") if age_family else pl.col("age_group").is_not_null()
        )
        known = pl.concat([with_age.with_columns(standard=pl.lit("esp2013")),
                           rows.filter(standard="esp2013")]) if age_family else rows  # fmt: skip
        for name, total in given_away(known, "incidence", "n", None, threshold, standard=standard):
            if age_family or name != "age_group":
                expected.add(("incidence", "n", None, name, total))
    for time in tables.TIMES:
        for count in ("n", "events", "at_risk"):
            for fault in given_away(
                rows, "net survival", count, time, threshold, standard={"none"}
            ):
                expected.add(("net survival", count, None if count == "n" else time, *fault))
    assert own == expected


def test_a_threshold_that_is_none_is_refused():
    for threshold in (0, 2.5, True):
        with pytest.raises(UsageError, match="whole number from 1"):
            audited(tables.estimates().head(3), threshold)


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [("age_group", "old", "cannot be read"), ("area", "ZZ", "areas does not list"),
     ("entity_id", "99", "entities does not list")],
)  # fmt: skip
def test_what_cannot_be_placed_is_refused(column, value, words):
    with pytest.raises(DisagreementError, match=words):
        audited(survival(20, [(6, 12)]).with_columns(pl.lit(value).alias(column)))


def test_ages_that_overlap_are_refused():
    rows = [survival(20, [(6, 12)]).with_columns(age_group=pl.lit(a)) for a in ("15-44", "40-49")]
    with pytest.raises(DisagreementError, match=r"overlap.*15-44, 40-49|overlap.*40-49, 15-44"):
        audited(pl.concat(rows))
