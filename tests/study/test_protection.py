"""A release is audited before it is written; what the audit still finds goes with its siblings."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from rarecare.disclosure import Link, Together, narrowed_small, protect
from rarecare.errors import DisagreementError
from rarecare.study import protection, schema
from tests.disclosure import tables
from tests.disclosure.strongest import one_breakdown

AREAS, ENTITIES = tables.areas(), tables.entities()
GIVEN = {"areas": AREAS, "entities": ENTITIES, "threshold": 5, "overlapping": ()}
ALSO = {"links": [], "unions": {"rare": ["01.02", "02.01"]}, "together": (), "earlier": []}


@pytest.fixture(scope="module")
def rows():
    made = tables.estimates(3, 2.0, measures=("incidence",), keep=one_breakdown)
    return made.filter(standard="none").sort(schema.KEY)


def untouched_by(found, rows):
    """Return which rows ``_beside`` leaves alone, by hand: not a sibling, or another breakdown."""
    return rows.filter(~protection._beside(found, rows, ENTITIES))


def test_siblings_in_the_same_breakdown_go(rows):
    found = pl.DataFrame(
        {"measure": "incidence", "entity_id": "01.01", "area": "AA", "sex": "all",
         "age_group": "all", "period": "2000-2001"}
    )  # fmt: skip
    gone = rows.filter(protection._beside(found, rows, ENTITIES))
    assert set(gone["entity_id"]) == {"01.01", "01.01.01", "01.01.02", "01.02"}  # all in 01
    assert set(gone["area"]) == {"AA", "BB", "CC", "North", "South"}
    assert untouched_by(found, rows).filter(area="all").height == rows.filter(area="all").height


@pytest.mark.parametrize(
    ("sex", "age", "period", "columns"),
    [("male", "all", "2000-2001", {"sex": {"female", "male"}}),
     ("all", "75+", "2000-2001", {"age_group": {"0-14", "15-74", "75+"}, "sex": {"all"}}),
     ("all", "all", "2001", {"period": {"2000", "2001"}})],
)  # fmt: skip
def test_each_breakdown_goes_by_itself(rows, sex, age, period, columns):
    found = pl.DataFrame(
        {"measure": "incidence", "entity_id": "01.02", "area": "all", "sex": sex,
         "age_group": age, "period": period}
    )  # fmt: skip
    gone = rows.filter(protection._beside(found, rows, ENTITIES))
    assert set(gone["area"]) == {"all"}
    for name, values in columns.items():
        assert set(gone[name]) == values


def test_measures_that_hang_on_one_are_protected_anew():
    also = {
        "links": [Link("survival", "incidence"), Link("trend", "incidence"), Link("x", "survival")],
        "together": [Together(("x", "y"))],
    }
    assert protection._affected(["survival"], also) == ["survival", "x", "y"]
    assert protection._affected(["trend"], also) == ["trend"]


def test_what_the_audit_finds_goes_and_is_asked_again(rows, monkeypatch):
    """A protection that leaves one small count open: the second round closes it."""
    done = []

    def careless(estimates, **given):
        shown = protect(estimates, **given)
        if not done:  # 01.02 of AA is shown again beside the count that it protects
            small = shown.estimates["n"].is_null() & (estimates["n"] >= 5)
            place = small.arg_true()
            back = estimates.select(index=pl.int_range(pl.len())).to_series().is_in(place.implode())
            joined = [
                pl.when(back).then(estimates[name]).otherwise(shown.estimates[name]).alias(name)
                for name in estimates.columns
            ]
            shown = replace(
                shown, estimates=shown.estimates.select(joined),
                marks={**shown.marks, "cases": shown.marks["cases"] & ~back.to_numpy()},
            )  # fmt: skip
            assert narrowed_small(shown.estimates, estimates, **GIVEN).height
        done.append(estimates.height)
        return shown

    monkeypatch.setattr(protection, "protect", careless)
    out = protection._audited(rows, GIVEN, ALSO)
    assert len(done) == 1
    assert narrowed_small(out.estimates, rows, **GIVEN).is_empty()
    assert out.estimates.height == rows.height
    assert out.summary["rows"].sum() == rows.height


def test_a_release_that_tells_a_small_count_is_refused(rows, monkeypatch):
    def open_handed(estimates, **given):
        shown = protect(estimates, **given)
        nothing = {name: np.zeros(estimates.height, dtype=bool) for name in shown.marks}
        return replace(shown, estimates=estimates, marks=nothing)

    monkeypatch.setattr(protection, "protect", open_handed)
    monkeypatch.setattr(protection, "withheld_too", lambda done, *_given, **_named: done)
    with pytest.raises(DisagreementError, match=r"would give away .* counts below 5"):
        protection._audited(rows, GIVEN, ALSO)
