"""A count withheld in one measure goes from the others that show it."""

import polars as pl
import pytest

from rarecare.disclosure import Link, Together, narrowed_small, protect, withheld_too
from rarecare.errors import DisagreementError

from . import tables

AREAS, ENTITIES = tables.areas(), tables.entities()
CELL = ("entity_id", "area", "sex", "age_group", "period")


def cells(*rows):
    return pl.DataFrame(rows, schema=dict.fromkeys(CELL, pl.String), orient="row")


HELD = cells(
    ("01", "AA", "all", "all", "2000"), ("01", "all", "male", "all", "2000"),
    ("02", "all", "all", "all", "2000"), ("02", "BB", "all", "all", "2001"),
    ("01", "BB", "all", "75+", "2000"),  # not of all ages: says nothing of linked rows
)  # fmt: skip
ROWS = cells(
    ("01", "AA", "all", "all", "2000"), ("01", "AA", "male", "75+", "2000"),
    ("01", "AA", "all", "all", "2001"), ("01", "BB", "male", "all", "2000"),
    ("01", "all", "male", "all", "2000"), ("02", "BB", "all", "all", "2000"),
    ("02", "BB", "all", "all", "2001"), ("02", "all", "all", "all", "2001"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("given", "gone"),
    [
        # 01 in AA of 2000 in every row of that area and year, whatever the sex and age; 02 in BB
        # of 2001. 02 everywhere of 2000 has no row.
        ({}, [0, 1, 6]),
        # the cell of 2000 is behind rows of both years
        ({"period": "2000"}, [0, 1, 2, 7]),
        ({"period": "2004"}, []),
        # of all areas only 02 of 2000 is withheld, and goes from each area of that year
        ({"everywhere": True}, [5]),
        ({"everywhere": True, "period": "2000"}, [5, 6, 7]),
        # each sex for itself: men of AA and BB are not withheld, men of all areas are
        ({"by_sex": True}, [0, 4, 6]),
        # 01 everywhere is withheld of men, 02 of both sexes
        ({"by_sex": True, "everywhere": True, "period": "2000"}, [1, 3, 4, 5, 6, 7]),
    ],
)
def test_rows_that_go_by_hand(given, gone):
    found = Link("trend", "rate", **given).rows(ROWS, HELD)
    assert found.arg_true().to_list() == gone


def release(*counts):
    """Rows (measure, area, n) of all cancers of both sexes and all ages."""
    rows = [
        (measure, "all", area, "all", "all", "2000", None, "none", "exact", n, None, None, 1e4,
         "per 100 000", 10.0 * n, 1.0, 5.0 * n, 20.0 * n, 0.95, "ok", None, "derived", True)
        for measure, area, n in counts
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=tables.COLUMNS, orient="row")


RATES = [("rate", "AA", 3), ("rate", "BB", 6), ("rate", "North", 9)]


def protected(rows, *links):
    out = protect(rows, areas=AREAS, entities=ENTITIES, links=links).estimates
    return {(row["measure"], row["area"]): row["n"] for row in out.iter_rows(named=True)}


def test_rows_of_a_linked_measure_go_with_the_base():
    # AA is small, and BB goes beside it: 9 - 6; of the quotas (3 of 9 cases have none) both go,
    # though none of them is small
    parts = [("quota", "AA", 7), ("quota", "BB", 8), ("quota", "North", 15)]
    rows = release(*RATES, *parts)
    assert protected(rows, Link("quota", "rate", same=False)) == {
        ("rate", "AA"): None, ("rate", "BB"): None, ("rate", "North"): 9,
        ("quota", "AA"): None, ("quota", "BB"): None, ("quota", "North"): 15,
    }  # fmt: skip
    assert {n for (measure, _), n in protected(rows).items() if measure == "quota"} == {7, 8, 15}


def test_the_same_count_needs_no_protection_of_its_own():
    # of the trend only AA and the North are shown. 9 - 3 is nobody's count there: the rate, which
    # has all areas, is what keeps 9 from telling AA
    rows = release(*RATES, ("trend", "AA", 3), ("trend", "North", 9))
    assert protected(rows, Link("trend", "rate"))["trend", "North"] == 9
    # BB, which is withheld beside AA, is all there is of the North but AA: with a protection of
    # its own 14 goes too, as a rest of 11 would tell AA: 14 - 11
    rows = release(*RATES, ("trend", "AA", 3), ("trend", "BB", 11), ("trend", "North", 14))
    apart = rows.with_columns(
        n=pl.when(measure="rate", area="AA").then(8).when(measure="rate", area="North").then(14)
        .otherwise("n")
    )  # fmt: skip
    # rates of 8 and 6 hide nothing; so nothing of the trend is held back but its own small count
    assert protected(apart, Link("trend", "rate"))["trend", "BB"] == 11
    assert protected(apart, Link("trend", "rate", same=False))["trend", "BB"] is None


def test_a_base_comes_before_what_is_linked_to_it():
    # a chain against the alphabet: what goes of "c" goes of "b", and of "a" with it
    names = {"c": (3, 6), "b": (30, 60), "a": (300, 600)}
    rows = release(*((m, area, n) for m, both in names.items()
                     for area, n in zip(("AA", "BB"), both, strict=True)))  # fmt: skip
    links = [Link("a", "b", same=False), Link("b", "c", same=False)]
    out = protected(rows, *links)
    assert {name for name, n in out.items() if n is None} == {(m, "AA") for m in names}
    assert protected(rows, *links[::-1]) == out


def test_a_base_that_is_not_in_the_table_takes_nothing():
    rows = release(("trend", "AA", 30))
    assert protected(rows, Link("trend", "rate")) == {("trend", "AA"): 30}


def test_measures_linked_in_a_circle_are_refused():
    rows = release(*((m, "AA", 30) for m in "abc"))
    with pytest.raises(DisagreementError, match=r"linked in a circle.*a, b"):
        protected(rows, Link("a", "b"), Link("b", "a"), Link("c", "c2"))


def divided(*counts):
    """Rows (measure, area, n, numerator, denominator) of all cancers."""
    rows = [
        (measure, "all", area, "all", "all", "2000", None, "none", "wilson", n, events, of, None,
         "share", 0.5, 0.1, 0.4, 0.6, 0.95, "ok", None, "derived", True)
        for measure, area, n, events, of in counts
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=tables.COLUMNS, orient="row")


@pytest.mark.parametrize("cases", [False, True])
def test_parts_of_a_denominator_go_together(cases):
    rows = divided(
        ("a", "AA", 40, 3, 30), ("b", "AA", 40, 27, 30), ("c", "AA", 40, 9, 30),
        ("a", "BB", 60, 20, 50), ("b", "BB", 60, 30, 50),
    )  # fmt: skip
    together = [Together(("a", "b"), cases=cases)]
    out = protect(rows, areas=AREAS, entities=ENTITIES, together=together).estimates
    gone = out.filter(status="withheld")
    assert gone.select("measure", "area").rows() == [("a", "AA"), ("b", "AA")]
    assert gone["events"].null_count() == gone["at_risk"].null_count() == 2
    assert gone["n"].null_count() == (2 if cases else 0)


def test_what_is_together_at_each_time_goes_at_that_time_unless_the_cases_go():
    """Deaths of "a" are few in AA at 1 year alone; cases of "a" are few in BB."""
    counts = [
        ("a", "AA", 40, 3, 30), ("b", "AA", 40, 27, 9), ("a", "BB", 4, 0, 0), ("b", "BB", 40, 5, 30)
    ]  # fmt: skip
    early = divided(*counts).with_columns(time_years=pl.lit(1.0))
    late = divided(
        ("a", "AA", 40, 9, 20), ("b", "AA", 40, 30, 6), ("a", "BB", 4, 0, 0), ("b", "BB", 40, 9, 20)
    ).with_columns(time_years=pl.lit(5.0))  # fmt: skip
    together = [Together(("a", "b"), cases=True, timed=True)]
    out = protect(
        pl.concat([early, late]), areas=AREAS, entities=ENTITIES, together=together
    ).estimates
    shown, other = (out.filter(area=area) for area in ("AA", "BB"))
    assert shown.filter(time_years=1.0, status="withheld").height == 2
    assert shown.filter(time_years=5.0, status="withheld").is_empty()
    assert shown["n"].null_count() == 0
    assert set(other["status"]) == {"withheld"}
    assert other["n"].null_count() == 4


def test_what_is_withheld_too_takes_along_what_hangs_on_it():
    """One time of "a" in BB: its cell at both times goes, with "c" that is linked to it."""
    early = divided(("a", "AA", 40, 9, 30), ("a", "BB", 60, 20, 30), ("b", "BB", 60, 30, 20))
    late = divided(("a", "AA", 40, 15, 20), ("a", "BB", 60, 25, 20))
    rows = pl.concat([
        early.with_columns(time_years=pl.lit(1.0)), late.with_columns(time_years=pl.lit(5.0)),
        divided(("c", "AA", 40, 9, 30), ("c", "BB", 60, 9, 30)),
    ])  # fmt: skip
    done = protect(rows, areas=AREAS, entities=ENTITIES)
    assert done.estimates["n"].null_count() == 0
    more = (rows["measure"] == "a") & (rows["area"] == "BB") & (rows["time_years"] == 1.0)
    out = withheld_too(done, rows, more.fill_null(value=False), links=[Link("c", "a")])
    gone = out.estimates.filter(pl.col("n").is_null())
    assert gone.select("measure", "area").rows() == [("a", "BB"), ("a", "BB"), ("c", "BB")]
    assert set(gone["status"]) == {"withheld"}
    assert done.marks["cases"].sum() == 0  # what was given stays as it was


def test_rows_in_another_order_are_refused():
    rows = divided(("a", "AA", 40, 9, 30), ("a", "BB", 60, 20, 30))
    with pytest.raises(DisagreementError, match="not the same rows"):
        narrowed_small(rows, rows.reverse(), areas=AREAS, entities=ENTITIES)
