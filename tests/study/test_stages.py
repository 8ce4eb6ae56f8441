"""Survival by stage, and of those who have lived some years, in a release."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from rarecare import ExclusionRules, LifeTable, classify, conditional_survival, net_survival
from rarecare.registry.encr import read_encr
from rarecare.study import open_release, run_study, schema
from rarecare.study.conditional import conditional_rows
from rarecare.study.config import study_of
from rarecare.study.entities import Groups
from rarecare.study.stages import STAGES, StageSums, stage_rows

PERIOD = (date(1995, 1, 1), date(2007, 12, 31))
NUMBERS = ("estimate", "se", "lower", "upper")
STUDY = """
[study]
name = "one"
title = "One registry"
synthetic = true
period = ["1995-01-01", "2007-12-31"]
closing_date = "2008-12-31"
measures = ["net survival"]
[exclusions]
bad_rows = "exclude"
[[registries]]
id = "SI"
country = "SI"
cases = {{ path = "{data}/SI/incidence.csv", format = "encr" }}
life_table = {{ path = "{data}/SI/lifetable.csv", format = "encr" }}
"""


@pytest.fixture(scope="module")
def data(whole_data):
    return whole_data


@pytest.fixture(scope="module")
def release(made_once, data):
    def make(folder):
        (folder / "study.toml").write_text(STUDY.format(data=data), encoding="utf-8")
        run_study(folder / "study.toml", folder / "r")

    return open_release(made_once("stages", make) / "r")


@pytest.fixture(scope="module")
def adults(data):
    cases = classify(read_encr(data / "SI" / "incidence.csv"))
    lives = LifeTable.read(data / "SI" / "lifetable.csv")
    return cases, lives, {"rules": ExclusionRules(period=PERIOD, needed=()), "bad_rows": "exclude"}


def test_each_stage_is_that_of_the_estimator(release, adults):
    cases, lives, choices = adults
    expected = net_survival(cases, lives, at=[1, 3, 5, 10], by=["stage"], **choices).table
    for stage in STAGES:
        known = expected.filter(stage=stage).sort("time_years")
        own = release.estimates.filter(measure=schema.of_stage(stage), entity_id="all").sort(
            "time_years"
        )
        assert own.height == known.height == 4
        assert own["n"].to_list() == known["n"].to_list()
        for name in NUMBERS:
            assert own[name].to_list() == pytest.approx(known[name].to_list(), rel=1e-9)


def test_the_years_to_come_are_those_of_the_estimator(release, adults):
    cases, lives, choices = adults
    known = conditional_survival(cases, lives, given=[1, 5], ahead=[4, 5], **choices).table
    for given, reached in ((1, 5), (5, 10)):
        row = release.estimates.filter(
            measure=f"{schema.ALIVE_AFTER} {given}", time_years=reached, entity_id="all",
            age_group="15-99",
        ).row(0, named=True)  # fmt: skip
        same = known.filter(
            pl.col("given_years").round(9) == given, pl.col("time_years").round(9) == reached
        ).row(0, named=True)
        assert row["n"] == same["n"]
        for name in NUMBERS:
            assert row[name] == pytest.approx(same[name], rel=1e-9)


def test_a_small_stage_takes_the_others_along(release):
    by_stage = release.estimates.filter(pl.col("measure").str.starts_with("net survival of stage"))
    assert by_stage.filter(pl.any_horizontal(
        pl.col("n", "events", "at_risk").is_between(1, 4)
    )).is_empty()  # fmt: skip
    whole = by_stage.group_by("entity_id", "time_years").agg(
        few=(pl.col("status") == "withheld").sum(), size=pl.len(),
    )  # fmt: skip
    assert whole.filter(pl.col("few") == pl.col("size")).height > 20
    assert whole.filter(pl.col("few") == 0).height > 4
    shown = by_stage.filter(entity_id="all")
    assert set(shown["status"]) == {"ok"}


def _row(years, **values):
    empty = pl.DataFrame(schema=schema.ESTIMATES).clear(1)
    given = {
        "measure": schema.NET_SURVIVAL, "entity_id": "08", "area": "all", "sex": "all",
        "age_group": "15-99", "period": "1995-2007", "time_years": float(years), "n": 100,
        "standard": "none", "method": "pohar-perme", "status": "ok", "level": 0.95, **values,
    }  # fmt: skip
    return empty.with_columns(
        pl.lit(value).cast(schema.ESTIMATES[name]).alias(name) for name, value in given.items()
    )


STUDIED = study_of({
    "study": {"name": "s", "title": "S", "period": ["2000-01-01", "2004-12-31"],
              "measures": ["net survival"]},
    "survival": {"at": [1, 5]},
    "registries": [{"id": "SI", "country": "SI", "cases": {"path": "c.csv"},
                    "life_table": {"path": "l.csv"}}],
})  # fmt: skip


def test_by_hand():
    """0.6 / 0.8 = 0.75; (0.03/0.6)² − (0.02/0.8)² = 0.0025 − 0.000625, of which the root is
    0.0433013; 0.75 · 0.0433013 = 0.0324760; 0.75 · exp(±1.959964 · 0.0433013)."""
    rows = pl.concat([
        _row(1, estimate=0.8, se=0.02, at_risk=70), _row(5, estimate=0.6, se=0.03, at_risk=40),
    ])  # fmt: skip
    (row,) = conditional_rows(rows, STUDIED).to_dicts()
    assert (row["measure"], row["time_years"], row["n"]) == (f"{schema.ALIVE_AFTER} 1", 5, 70)
    assert row["estimate"] == pytest.approx(0.75)
    assert row["se"] == pytest.approx(0.0324760, abs=5e-8)
    assert row["lower"] == pytest.approx(0.688974, abs=5e-6)
    assert row["upper"] == pytest.approx(0.816432, abs=5e-6)


@pytest.mark.parametrize("place", [0, 1])
def test_what_is_withheld_before_or_after_is_withheld(place):
    rows = [_row(1, estimate=0.8, se=0.02, at_risk=70), _row(5, estimate=0.6, se=0.03, at_risk=40)]
    rows[place] = _row((1, 5)[place], status="withheld", reason="few", n=None)
    (row,) = conditional_rows(pl.concat(rows), STUDIED).to_dicts()
    assert (row["status"], row["reason"]) == ("withheld", "few")
    assert row["n"] == (None, 70)[place]  # those at risk after a year are shown or not as there
    assert all(row[name] is None for name in ("events", "at_risk", *NUMBERS))


def test_what_is_withheld_later_says_so_where_the_begin_is_not_estimable():
    rows = pl.concat([
        _row(1, status="not estimable", reason="no one"), _row(5, status="withheld", reason="few"),
    ])  # fmt: skip
    (row,) = conditional_rows(rows, STUDIED).to_dicts()
    assert (row["status"], row["reason"]) == ("withheld", "few")


def test_a_study_of_cancers_without_a_known_stage(release):
    """Stages of other cancers give no row, and do not stop the study."""
    groups = Groups(release.entities.head(2), ["a", "b"], np.array([[True, False]] * 2))
    sums = StageSums({"cases": np.array([[0, 0, 0], [4, 0, 0]])})
    rows = stage_rows(sums, groups, STUDIED)
    assert rows.is_empty()
    assert set(rows.columns) == schema.ESTIMATES.keys() - {"classification_confidence"}


def test_no_one_left_is_not_estimable():
    rows = pl.concat([_row(1, estimate=0.0, se=None, at_risk=0), _row(5, estimate=0.0, se=None)])
    (row,) = conditional_rows(rows, STUDIED).to_dicts()
    assert row["status"] == "not estimable"
    assert row["reason"] == "net survival is 0 after the years lived"
