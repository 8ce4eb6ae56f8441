"""Estimates from the synthetic Europe recover its truth: coverage of 95 % intervals."""

import numpy as np
import polars as pl
import pytest

import rarecare as rc
from rarecare.demo import draw_cases, registries, truth
from rarecare.demo.draw import parts
from rarecare.demo.true_values import case_counts

FOLLOWED = {1: "1995-2007", 5: "1995-2003", 10: "1995-1998"}
"""Years at which survival is asked, and the diagnoses all followed so long."""

SMALLEST = 100
BAND = (0.93, 0.97)
SMALL_BAND = (0.915, 0.985)
"""Wider by one and a half binomial standard errors of 200 groups."""


class Europe:
    """Cases in canonical columns, what they are compared with, and the truth."""

    def __init__(self, n_cases, seed):
        chosen = registries(cases=n_cases)
        self.cases = pl.concat(draw_cases(each, seed=seed) for each in chosen)
        counts = [
            np.sum([case_counts(part) for part, _ in parts(each, seed)], axis=0) for each in chosen
        ]
        self.truth = truth(chosen, drawn=np.stack(counts))
        self.life_table = rc.LifeTable.read(
            pl.concat(e.life_table().with_columns(country=pl.lit(e.code)) for e in chosen)
        )
        self.population = rc.Population.read(
            pl.concat(
                e.population().with_columns(country=pl.lit(e.code), area_region=pl.lit(e.region))
                for e in chosen
            )
        )

    def with_truth(self, table, area, measure, *, period, age_group, years=None):
        """The groups of at least 100 expected cases, with what is true of them."""
        true = self.truth.filter(
            measure=measure, period=period, age_group=age_group, sex="all"
        ).filter(pl.col("time_years").eq_missing(pl.lit(years, dtype=pl.Float64)))
        columns = [area] if area else []
        named = table.with_columns(area=pl.col(area) if area else pl.lit("all"))
        joined = named.join(
            true.select("entity_id", "area", "cases_expected", true="estimate"),
            on=["entity_id", "area"],
        ).drop(columns)
        return joined.filter(pl.col("cases_expected") >= SMALLEST)

    def survival(self, area):
        by = ["entity_id", *([area] if area else [])]
        for years, period in FOLLOWED.items():
            followed = self.cases.filter(
                pl.col("entity_id").is_not_null(),
                pl.col("incidence_date").dt.year() <= int(period[-4:]),
            )
            found = rc.net_survival(followed, self.life_table, by=by, at=[years])
            yield self.with_truth(
                found.table, area, "net_survival", period=period, age_group="15-99", years=years
            )

    def incidence(self, area):
        by = [*([area] if area else []), "entity_id"]
        named = self.cases.filter(pl.col("entity_id").is_not_null())
        found = rc.incidence(named, self.population, by=by, standards=()).table
        crude = found.filter(measure="crude rate", age_group="all")
        return self.with_truth(crude, area, "incidence", period="1995-2007", age_group="all")


def covered(tables):
    """Share of intervals that hold the truth, pooled; how many; and the mean deviation."""
    table = pl.concat(tables, how="diagonal")
    estimated = table.filter(pl.col("status") == "ok")
    assert estimated.height > 0.98 * table.height  # no one may be left at risk at 10 years
    inside = estimated.select(pl.col("true").is_between("lower", "upper")).to_series()
    deviation = ((estimated["estimate"] - estimated["true"]) / estimated["se"]).to_numpy()
    return float(inside.mean()), estimated.height, deviation[np.isfinite(deviation)].mean()


@pytest.fixture(scope="module")
def small(made_once):
    def make(folder):
        europe = Europe(200_000, 1)
        for number, table in enumerate(europe.survival("area_region")):
            table.write_parquet(folder / f"survival{number}.parquet")
        europe.incidence("area_region").write_parquet(folder / "incidence.parquet")

    folder = made_once("recovery", make)
    survival = [pl.read_parquet(folder / f"survival{n}.parquet") for n in range(len(FOLLOWED))]
    return survival, pl.read_parquet(folder / "incidence.parquet")


def test_survival_intervals_cover_the_truth_in_a_tenth_of_the_demo(small):
    share, groups, _ = covered(small[0])
    assert groups > 450
    assert SMALL_BAND[0] <= share <= SMALL_BAND[1]


def test_incidence_intervals_cover_the_truth_in_a_tenth_of_the_demo(small):
    share, groups, _ = covered([small[1]])
    assert groups > 200
    assert SMALL_BAND[0] <= share <= SMALL_BAND[1]


def test_a_biased_estimate_is_found_out(small):
    survival, incidence = small
    for tables in (survival, [incidence]):
        biased = [table.with_columns(pl.col("lower", "upper") * 1.1) for table in tables]
        assert covered(biased)[0] < SMALL_BAND[0]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_intervals_cover_the_truth_in_the_whole_demo(seed):
    europe = Europe(2_000_000, seed)
    areas = (None, "area_region", "country")
    survival = [table for area in areas for table in europe.survival(area)]
    for tables, fewest in ((survival, 5_000), ([europe.incidence(area) for area in areas], 2_000)):
        share, groups, deviation = covered(tables)
        assert groups > fewest
        assert BAND[0] <= share <= BAND[1]
        assert abs(deviation) < 0.1  # in standard errors: groups overlap, so not 1/√groups
