"""A count withheld in one measure goes from the others that show it."""

import polars as pl
import pytest

from rarecare.disclosure.linked import Link, withhold_linked

ROWS = [
    ("rate", "E", "all", 100, "ok"), ("rate", "E", "IT", None, "withheld"),
    ("rate", "F", "all", None, "withheld"), ("trend", "E", "all", 100, "ok"),
    ("trend", "E", "IT", 7, "ok"), ("trend", "F", "all", 9, "ok"), ("trend", "F", "IT", 9, "ok"),
]  # fmt: skip
TABLE = pl.DataFrame(
    [
        {
            "measure": measure, "entity_id": entity, "area": area, "sex": "all",
            "age_group": "all", "period": "2000-2004", "n": n, "events": None, "at_risk": None,
            **dict.fromkeys(("estimate", "se", "lower", "upper"), None if n is None else 1.0),
            "status": status, "reason": None,
        }
        for measure, entity, area, n, status in ROWS
    ],
    schema_overrides={"reason": pl.String, "events": pl.Int64, "at_risk": pl.Int64},
)  # fmt: skip


@pytest.mark.parametrize(
    ("everywhere", "gone"),
    [(False, [("E", "IT"), ("F", "all")]), (True, [("F", "all"), ("F", "IT")])],
)
def test_linked_rows_go(everywhere, gone):
    link = Link("trend", "rate", "2000-2004", everywhere=everywhere)
    table = withhold_linked(TABLE, [link], "too few")
    trend = table.filter(measure="trend")
    assert trend.filter(status="withheld").select("entity_id", "area").rows() == gone
    assert trend.filter(status="withheld").select("n", "estimate", "lower").null_count().row(0) == (
        2, 2, 2,
    )  # fmt: skip
    assert set(trend.filter(status="withheld")["reason"]) == {"too few"}
    assert table.filter(measure="rate").equals(TABLE.filter(measure="rate"))


def test_another_period_is_no_link():
    link = Link("trend", "rate", "2004")
    assert withhold_linked(TABLE, [link], "too few").equals(TABLE)
