"""What an earlier release showed protects nothing; what it withheld stays withheld."""

import polars as pl
import pytest

from rarecare.disclosure import protect, refuse_narrowed
from rarecare.errors import DisagreementError

from . import tables
from .test_audit import survival
from .test_protect import incidence

AREAS, ENTITIES = tables.areas(), tables.entities()
AGES = {"all": 43, "0-14": 3, "15-44": 20, "45-74": 8, "75+": 12}


def by_age(**other):
    return incidence(*(("01", "all", "all", age, n) for age, n in (AGES | other).items()))


def protected(rows, *earlier):
    return protect(rows, areas=AREAS, entities=ENTITIES, earlier=earlier).estimates


def without(rows, *ages):
    return rows.with_columns(n=pl.when(~pl.col("age_group").is_in(ages)).then("n"))


def gone(rows):
    return set(rows.filter(pl.col("n").is_null())["age_group"])


def test_alone_the_cheapest_part_goes():
    assert gone(protected(by_age())) == {"0-14", "45-74"}


def test_what_was_shown_with_the_same_count_protects_nothing():
    rows = by_age()
    then = without(rows, "0-14", "75+")
    out = protected(rows, then)
    assert gone(out) == {"0-14", "75+"}
    refuse_narrowed(out, rows, areas=AREAS, entities=ENTITIES)


def test_what_was_withheld_stays_withheld_where_its_neighbour_was_revised():
    then = without(by_age(**{"45-74": 9, "all": 44}), "0-14", "75+")
    assert "75+" in gone(protected(by_age(), then))


def test_of_several_releases_all_that_was_shown_is_known():
    rows = by_age()
    one, other = without(rows, "0-14", "75+"), without(rows, "0-14", "15-44")
    # both withheld parts stay withheld though each was shown once
    assert gone(protected(rows, one, other)) == {"0-14", "75+", "15-44"}


def test_other_cells_of_an_earlier_release_say_nothing():
    rows = by_age()
    then = without(rows, "75+").with_columns(period=pl.lit("1990-1999"))
    assert gone(protected(rows, then)) == gone(protected(rows))


DEATHS = pl.concat(
    [survival(60, [(4, 50)], sex="female"), survival(90, [(20, 60)], sex="male"),
     survival(150, [(24, 110)])]
)  # fmt: skip


def deaths(rows):
    return dict(zip(rows["sex"], rows["events"], strict=True))


def followed_then(*sexes):
    """What a release showed in which these had deaths and persons at risk withheld."""
    hidden = pl.col("sex").is_in(sexes)
    return DEATHS.with_columns(
        pl.when(~hidden).then(name).alias(name) for name in ("events", "at_risk")
    )


def test_deaths_that_were_withheld_are_withheld():
    out = protected(DEATHS, followed_then("female", "all"))
    assert deaths(out) == {"female": None, "male": 20, "all": None}
    refuse_narrowed(out, DEATHS, areas=AREAS, entities=ENTITIES)


def test_deaths_that_were_shown_protect_nothing():
    out = protected(DEATHS, followed_then("female").filter(pl.col("sex") != "all"))
    assert deaths(out) == {"female": None, "male": 20, "all": None}


def test_a_rule_that_cannot_be_met_is_refused():
    # both others were shown with the same counts: 24 - 20 = 4 is known, whatever is withheld
    out = protected(DEATHS, followed_then("female"))
    with pytest.raises(DisagreementError, match=r"give away .* female.*Leave out the breakdown"):
        refuse_narrowed(out, DEATHS, areas=AREAS, entities=ENTITIES)
