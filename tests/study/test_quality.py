"""Quality in a release: adds up to the registries, and gives no small count away."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from rarecare.codes.rare_cancers import default_list
from rarecare.registry.encr import read_encr
from rarecare.registry.quality import INDICATORS, quality
from rarecare.results import NOT_ESTIMABLE, OK, WITHHELD
from rarecare.study import schema
from rarecare.study.entities import LEAF, Groups
from rarecare.study.listing import listed_entities
from rarecare.study.quality import QualityCounts, entity_rows, quality_rows

CLOSING = date(2010, 12, 31)


@pytest.fixture(scope="module")
def release(small_release):
    return small_release


def test_registries_by_year_and_entities_of_all(release):
    table = release.quality
    assert dict(table.schema) == dict(schema.QUALITY)
    registries = table.filter(pl.col("registry") != "all")
    assert set(registries["entity_id"]) == {"all"}
    assert {"all", "2000"} <= set(registries["period"])
    pooled = table.filter(registry="all")
    assert set(pooled["period"]) == {"all"}
    assert {"all", "08", "08.01"} <= set(pooled["entity_id"])
    assert set(pooled["entity_id"]) <= set(release.entities["entity_id"])
    # all entities of all registries are the sum of the registries
    sums = (
        registries.filter(period="all", status=OK)
        .group_by("indicator")
        .agg(pl.col("numerator", "denominator").sum())
    )
    both = pooled.filter(entity_id="all", status=OK).join(sums, on="indicator", suffix="_sum")
    assert both.height > 5
    assert (both["numerator"] == both["numerator_sum"]).all()
    assert (both["denominator"] == both["denominator_sum"]).all()


def test_small_counts_are_withheld_as_in_the_estimates(release):
    pooled = release.quality.filter(registry="all")
    withheld = pooled.filter(status=WITHHELD)
    assert withheld.height > 0
    for name in ("numerator", "denominator", "value", "lower", "upper"):
        assert withheld[name].null_count() == withheld.height
    assert set(withheld["reason"]) == {
        release.estimates.filter(status=WITHHELD)["reason"].drop_nulls().unique().item()
    }
    shown = pooled.filter(status=OK)
    for count in (shown["numerator"], shown["denominator"] - shown["numerator"]):
        assert not count.is_between(1, 4).any()
    # what a shown total leaves of its shown parts is not small: one withheld, and broad codes
    parts = release.entities.select("entity_id", "parent_id").join(pooled, on="entity_id")
    for name in ("numerator", "denominator"):
        one = parts.group_by("parent_id", "indicator").agg(
            gone=(pl.col("status") == WITHHELD).sum(), sum=pl.col(name).sum()
        )
        left = one.filter(gone=1).join(
            pooled.filter(status=OK).select("indicator", total=name, parent_id="entity_id"),
            on=["parent_id", "indicator"],
        )
        rest = left["total"] - left["sum"]
        assert not rest.is_between(1, 4).any() or name == "denominator"


def test_cases_withheld_in_incidence_are_not_shown_here(release):
    whole = release.estimates.filter(
        measure=schema.INCIDENCE, area="all", sex="all", age_group="all", standard="none",
        status=WITHHELD, period="1995-2007",
    )  # fmt: skip
    hidden = whole["entity_id"].unique()
    rows = release.quality.filter(pl.col("entity_id").is_in(hidden.implode()), registry="all")
    assert rows.height > 0
    assert set(rows["status"]) == {WITHHELD}


def test_a_year_of_few_cases_takes_another_with_it():
    cases = pl.DataFrame(
        {"incidence_date": [date(y, 1, 1) for y, n in ((2000, 3), (2001, 9), (2002, 7))
                            for _ in range(n)], "age": 60},
    )  # fmt: skip
    rows = quality_rows("SI", cases, closing_date=None, level=0.95, threshold=5)
    ages = rows.filter(indicator="age unknown").sort("period")
    assert ages["period"].to_list() == ["2000", "2001", "2002", "all"]
    assert ages["status"].to_list() == [WITHHELD, OK, WITHHELD, OK]
    assert ages["denominator"].to_list() == [None, 9, None, 19]
    all_shown = quality_rows("SI", cases, closing_date=None, level=0.95, threshold=1)
    assert WITHHELD not in all_shown["status"]


@pytest.fixture(scope="module")
def classified(small_data):
    return default_list().classify(read_encr(small_data / "SI" / "incidence.csv").table).filter(
        pl.col("entity_tier1").is_not_null()
    )  # fmt: skip


def test_pooled_entities_are_those_of_the_registry_room(classified):
    """With nothing withheld (threshold 1) tier 1 and tier 2 are as ``quality`` has them."""
    groups = Groups.of(default_list().entities)
    cases = classified.with_columns(groups.leaf_codes(classified).alias(LEAF))
    counts = QualityCounts.of(groups)
    counts.add(cases, groups, closing_date=CLOSING)
    listed = listed_entities(groups, pl.DataFrame(schema=schema.ESTIMATES))
    ours = entity_rows(counts, groups, listed, threshold=1, level=0.95)
    theirs = quality(classified, by=["all", "entity"], closing_date=CLOSING)
    theirs = theirs.filter(pl.col("status") != NOT_ESTIMABLE)
    both = theirs.join(ours, on=["entity_id", "indicator"], suffix="_pooled", how="left")
    assert both.height > len(INDICATORS)
    for name in ("numerator", "denominator", "value", "lower", "upper"):
        np.testing.assert_allclose(both[name], both[f"{name}_pooled"], rtol=1e-12, atol=1e-12)
