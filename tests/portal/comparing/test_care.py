"""Needs and hospitals on the page of a country, where a release has them."""

from types import SimpleNamespace

import polars as pl
import pytest

from rarecare.portal.comparing.areas import care_lines, hospital_lines
from rarecare.study import schema

NEED, SHARE = "need: surgeons", "share of patients in hospitals above the threshold"


def _estimate(measure, estimate, unit, *, lower=None, upper=None, status="ok", reason=None):
    return dict.fromkeys(schema.ESTIMATES) | {
        "measure": measure, "entity_id": "08", "area": "SI", "sex": "all", "age_group": "all",
        "period": "2001-2005", "estimate": estimate, "lower": lower, "upper": upper,
        "unit": unit, "status": status, "reason": reason,
    }  # fmt: skip


@pytest.fixture
def with_care():
    """As much of a release as needs and hospitals are made from."""
    estimates = pl.DataFrame(
        [_estimate(NEED, 12.5, "persons", lower=10.0, upper=15.0),
         _estimate(SHARE, 0.615, "share", lower=0.5, upper=0.7),
         _estimate("unknown to care", 1.0, "share")], schema=schema.ESTIMATES,
    )  # fmt: skip
    care = pl.DataFrame(
        {"measure": [NEED, SHARE], "topic": ["needs", "centralisation"],
         "title": ["Surgeons", "Above the threshold"], "source": ["Guideline 1", None],
         "sureness": ["P", "D"]}
    )  # fmt: skip
    hospitals = pl.DataFrame(
        {"measure": ["volume"] * 2, "entity_id": ["08"] * 2, "area": ["SI"] * 2,
         "hospital": ["1", "smaller hospitals"], "estimate": [22.0, None],
         "lower": [None] * 2, "upper": [None] * 2, "unit": ["patients per year"] * 2,
         "status": ["ok", "withheld"], "reason": [None, "fewer than 5 cases"]},
        schema_overrides={"lower": pl.Float64, "upper": pl.Float64},
    )  # fmt: skip
    tables = {"care": care, "hospitals": hospitals}
    return SimpleNamespace(
        release=SimpleNamespace(estimates=estimates, tables=tables),
        entities={"08": SimpleNamespace(name="Sarcomas")},
    )


def test_needs_are_told_with_their_source_and_how_sure_it_is(with_care):
    table = care_lines(with_care, "SI", "needs")
    assert [line["name"] for line in table["lines"]] == ["Sarcomas: Surgeons"]
    value, unit, _years, source = table["lines"][0]["cells"]
    assert (value["value"], value["interval"], unit["value"]) == ("12.5", "10–15", "persons")
    assert source["value"] == "Guideline 1 P"


def test_shares_are_percent(with_care):
    value, unit, *_rest = care_lines(with_care, "SI", "centralisation")["lines"][0]["cells"]
    assert (value["value"], value["interval"], unit["value"]) == ("62", "50–70", "%")


def test_hospitals_have_no_names_and_what_is_withheld_stays_so(with_care):
    lines = hospital_lines(with_care, "SI")["lines"]
    assert [line["cells"][0]["value"] for line in lines] == ["1", "smaller hospitals"]
    assert lines[1]["cells"][1] == {"state": "withheld", "reason": "fewer than 5 cases"}


def test_a_release_without_care_says_nothing(with_care):
    assert care_lines(with_care, "MT", "needs") is None
    assert hospital_lines(with_care, "MT") is None
    with_care.release.tables = {}
    assert care_lines(with_care, "SI", "needs") is None
    assert hospital_lines(with_care, "SI") is None
