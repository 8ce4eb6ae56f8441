import numpy as np
import polars as pl
import pytest

from rarecare.disclosure import audit, protect
from rarecare.disclosure.web import published
from rarecare.errors import DisagreementError, UsageError
from tests.reference.disclosure_twin import limits

from . import tables
from .strongest import ATOMS, DIMENSIONS, atoms_of, one_breakdown

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
    assert found.select("count", "least", "greatest", "how").rows() == [
        ("events", deaths, deaths, "it is shown")
    ]


def test_rate_times_person_years_is_found():
    rows = tables.estimates(measures=("incidence",), keep=lambda *cell: cell[:4] == (*["all"] * 4,))
    rows = rows.filter(standard="none", period="2000-2001")
    n = rows["n"][0]
    found = audited(rows.with_columns(n=pl.lit(None, dtype=pl.Int64)))
    assert found.select("count", "least", "greatest").rows() == [("n", n, n)]
    assert "rate" in found["how"][0]


def test_another_row_of_the_cell_is_found():
    rows = pl.concat([survival(20, [(6, 12)]).with_columns(standard=pl.lit(s)) for s in "ab"])
    found = audited(withheld(rows, pl.col("standard") == "a", ("events", "at_risk")))
    assert sorted(found.select("count", "least", "greatest").rows()) == [
        ("at_risk", 12, 12), ("events", 6, 6),
    ]  # fmt: skip


def test_deaths_from_n_less_those_at_risk_are_found():
    # 20 cases, 17 at risk: 3 deaths if nobody was lost, fewer if somebody was
    parts = [survival(20, [(3, 17)]), survival(30, [(9, 19)], entity="01", area="AA")]
    found = audited(withheld(pl.concat(parts), pl.col("n") == 20, ("events",)))
    assert found.select("count", "least", "greatest").rows() == [("events", 0, 3)]


def deaths_at_5_years(n, times):
    """Deaths that no other time tells, but those before and after them."""
    rows = withheld(survival(n, times), pl.col("time_years") == 5, ("events",))
    rows = rows.with_columns(at_risk=pl.when(pl.col("events").is_not_null()).then("at_risk"))
    return audited(rows).filter(time_years=5).select("count", "least", "greatest").rows()


def test_deaths_between_equal_deaths_are_found():
    # deaths do not fall: between 3 and 3 there are 3
    assert deaths_at_5_years(20, [(3, 14), (3, 10), (3, 9)]) == [("events", 3, 3)]
    # between 2 and 8 they must be above 0, may be small, and are below 10
    assert deaths_at_5_years(20, [(2, 14), (4, 10), (8, 9)]) == [("events", 2, 8)]
    # 6 are not small
    assert deaths_at_5_years(20, [(6, 14), (6, 10), (6, 9)]) == []
    # between 0 and 9 they may be none
    assert deaths_at_5_years(20, [(0, 14), (4, 10), (9, 9)]) == []


def test_deaths_are_no_more_than_the_cases():
    # 3 deaths at 1 year, 4 cases: 3 or 4 at 5 years
    rows = withheld(survival(4, [(3, 0), (3, 0)]), pl.col("time_years") == 5)
    rows = rows.with_columns(n=pl.lit(4, dtype=pl.Int64))
    found = audited(rows).filter(time_years=5, count="events")
    assert set(found.select("least", "greatest").rows()) == {(3, 4)}
    # all 6 cases dead at 1 year: 6, which is not small
    rows = withheld(survival(6, [(6, 0), (6, 0)]), pl.col("time_years") == 5, ("events", "at_risk"))
    assert audited(rows).is_empty()


def test_a_remark_that_tells_a_withheld_total_is_found():
    rows = tables.estimates(mean=400, measures=("incidence",))
    rows = rows.filter(entity_id="all", area="all", sex="all", period="2000")
    rows = withheld(rows, pl.col("age_group").is_in(["all", "75+", "0-14"]))
    told = pl.when(age_group="15-74").then(pl.lit("age unknown in 6 of 81 cases: left out"))
    found = audited(rows.with_columns(reason=told.otherwise("reason")))
    assert found.select("count", "least", "greatest").rows() == [("n", 81, 81)]


@pytest.mark.parametrize(
    ("women", "men", "total", "expected"),
    [
        (None, 7, 10, [(3, 3)]),  # 10 - 7
        (None, 7, 8, [(1, 1)]),
        (None, 7, 11, [(4, 4)]),
        (None, 7, 12, []),  # 12 - 7 = 5 may be shown
        (None, 7, 107, []),
        (None, None, 10, []),  # 0 to 10 each
        (None, None, 5, []),
        (4, None, None, []),  # men 0 or more, the total 4 or more, and no limit above
        (6, 7, None, []),  # 13, which is not small
        (2, 0, None, [(2, 2)]),  # the sum of its parts
        (None, 7, None, []),
        (0, 7, 7, []),
        (0, None, 7, []),
        (6, 7, 15, []),  # 2 of no sex: missing information is not protected
    ],
)
def test_one_dimension_by_hand(women, men, total, expected):
    parts = {"female": women, "male": men, "all": total}
    rows = pl.concat([survival(n, [(n and 0, n)], sex=sex) for sex, n in parts.items()])
    rows = withheld(rows, pl.col("n").is_null())
    found = audited(rows).filter(pl.col("how").str.contains("totals"), count="n")
    assert found.select("least", "greatest").rows() == expected


def grid(table):
    """Rows of two sexes in two countries, nothing for a withheld count; the margins last."""
    places, sexes = ("AA", "BB", "North"), ("female", "male", "all")
    rows = pl.concat(
        survival(n, [(0, n)], area=area, sex=sex)
        for area, line in zip(places, table, strict=True)
        for sex, n in zip(sexes, line, strict=True)
    )
    return withheld(rows, pl.col("n").is_null())


def test_two_dimensions_by_hand():
    # No line has one unknown alone. In AA women and men are 3 together; women are 12 in both
    # places, men 20: a, 3 - a, 12 - a, 17 + a, so that a is 0 to 3.
    open_ = grid([[None, None, 8], [None, None, 29], [12, 20, 37]]).filter(~(
        (pl.col("area") == "North") & (pl.col("sex") == "all")
    ))  # fmt: skip
    assert audited(open_).filter(count="n").is_empty()
    # Men of BB are 18: men of AA 2, women of AA 6, women of BB 6, though nothing stands alone.
    found = audited(grid([[None, None, 8], [None, 18, 24], [12, 20, 32]])).filter(count="n")
    assert found.select("area", "sex", "least", "greatest").rows() == [("AA", "male", 2, 2)]


def test_counts_that_contradict_one_another_are_refused():
    # men of BB alone are more than all men of the North
    with pytest.raises(DisagreementError, match=r"contradict one another.*totals of the table"):
        audited(grid([[None, None, 8], [6, 25, 31], [12, 20, 39]]))


def test_what_two_unknowns_of_a_line_must_be_together():
    # AA and BB of North, 9 together, and of AA women and men, 2 of them women: AA is 2 to 9
    rows = pl.concat([
        survival(9, [(0, 9)], area="North"), survival(7, [(0, 7)], area="AA"),
        survival(2, [(0, 2)], area="BB"), survival(2, [(0, 2)], area="AA", sex="female"),
        survival(5, [(0, 5)], area="AA", sex="male"),
    ])  # fmt: skip
    gone = (pl.col("area") == "BB") | ((pl.col("area") == "AA") & (pl.col("sex") != "female"))
    found = audited(withheld(rows, gone)).filter(pl.col("how").str.contains("totals"), count="n")
    assert found.select("area", "sex", "least", "greatest").rows() == [("AA", "all", 2, 9)]


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


def protected(rows):
    return protect(rows, areas=AREAS, entities=ENTITIES).estimates


def shown_again(out, rows, place):
    """Return a protected table with one row as it was."""
    return pl.concat([out[:place], rows[place : place + 1], out[place + 1 :]])


def test_a_second_count_that_is_shown_again_is_found_by_hand():
    # 33 - 20 = 13 are the 3 and the 10; with the 10 shown the 3 follow
    ages = {"all": 33, "0-14": 3, "15-74": 20, "75+": 10}
    rows = counted(*(("all", age, n) for age, n in ages.items()))
    out = protected(rows)
    assert out["n"].to_list() == [33, None, 20, None]
    assert audited(out).is_empty()
    found = audited(shown_again(out, rows, 3))
    assert found.select("age_group", "least", "greatest").rows() == [("0-14", 3, 3)]


def counted(*cells):
    """Incidence of 01 by (sex, age, cases)."""
    rows = [
        ("incidence", "01", "all", sex, age, "2000-2001", None, "none", "exact", n, None, None, 1e4,
         "per 100 000", 10.0 * n, 1.0, 5.0 * n, 20.0 * n, 0.95, "ok", None, "derived", True)
        for sex, age, n in cells
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=tables.COLUMNS, orient="row")


@pytest.mark.parametrize("seed", range(20))
def test_a_second_count_that_is_shown_again_is_found(seed):
    # A line with one small count, and every third time a square by sex and age with one
    rng = np.random.default_rng(seed)
    sexes = ("female", "male") if seed % 3 == 0 else ("all",)
    ages = ("0-14", "15-44", "45-74", "75+")
    cells = {(sex, age): int(rng.integers(10, 60)) for sex in sexes for age in ages}
    small = (sexes[0], ages[int(rng.integers(4))])
    cells[small] = int(rng.integers(1, 5))
    for sex in sexes:
        cells[sex, "all"] = sum(cells[sex, age] for age in ages)
    if len(sexes) > 1:
        cells |= {("all", age): sum(cells[sex, age] for sex in sexes) for age in (*ages, "all")}
    rows = counted(*((*cell, n) for cell, n in cells.items()))
    out = protected(rows)
    assert audited(out).is_empty()
    seconds = np.flatnonzero(out["n"].is_null().to_numpy() & (rows["n"].to_numpy() >= 5))
    assert len(seconds) == (1 if len(sexes) == 1 else 3)
    for place in seconds:
        found = audited(shown_again(out, rows, int(place)))
        own = found.filter(sex=small[0], age_group=small[1])
        assert own.select("least", "greatest").rows() == [(cells[small],) * 2]


def random_table(seed, *, whole):
    """Incidence with cells withheld at random; ``whole``: every case in a listed part."""
    rng = np.random.default_rng(seed)
    rows = tables.estimates(
        seed, rng.uniform(0.3, 3), measures=("incidence",), keep=one_breakdown, whole=whole
    ).filter(standard="none")
    gone = pl.Series(rng.random(rows.height) < rng.uniform(0.1, 0.6))
    return rows, withheld(rows, gone)


def strongest(rows, out, found, atoms):
    """Return the least, the true and the greatest of what was found, as the cases allow."""
    cells = [tuple(row) for row in rows.select(DIMENSIONS).iter_rows()]
    held = np.array([atoms_of(cell)[atoms] for cell in cells])
    shown = out["n"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    asked = [cells.index(row) for row in found.select(DIMENSIONS).iter_rows()]
    both = limits(held, shown, asked)
    return [(low, rows["n"][p], high) for p, (low, high) in zip(asked, both, strict=True)]


def check_limits(rows, out, atoms):
    found = audited(out).filter(pl.col("how").str.contains("totals"))
    limits_ = strongest(rows, out, found, atoms)
    for row, (low, true, high) in zip(found.iter_rows(named=True), limits_, strict=True):
        assert row["least"] <= np.ceil(low - 1e-6) <= true <= np.floor(high + 1e-6)
        assert np.floor(high + 1e-6) <= row["greatest"]
    return found.height


@pytest.mark.parametrize("seeds", [range(6), range(6, 12)])
def test_no_limit_is_narrower_than_that_of_the_strongest_reader(seeds):
    # The audit guesses that every case is in a listed part and has an age, where it sees so. Here
    # it is so, and the strongest reader is told it.
    listed = np.array([leaf != "01.01" and age != tables.UNKNOWN for leaf, _, _, age, _ in ATOMS])
    found = sum(check_limits(*random_table(seed, whole=True), listed) for seed in seeds)
    assert found > 5  # else little is compared


def test_without_guesses_no_limit_is_narrower_either(monkeypatch):
    def no_guess(*given, guessed=False, **more):
        assert guessed in {True, False}
        return published(*given, **more)

    monkeypatch.setitem(audit.__globals__, "published", no_guess)
    everything = np.ones(len(ATOMS), dtype=bool)
    found = sum(check_limits(*random_table(seed, whole=False), everything) for seed in range(6))
    assert found > 5
