"""Approaches, standards, empty classes, small numbers: each choice and what is said of it."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from rarecare.errors import CaseError, UsageError
from rarecare.survival import Standard, named_standard, net_survival, observed_survival
from rarecare.survival.standards import internal_standard
from tests.survival.invented import STEEP, D, life_table

TABLE = life_table(STEEP)
YEARS = {"days_per_year": D, "allow_outside": 1}


def cohort(n=400, seed=3):
    """Cases diagnosed 1999-2002, all followed to the end of 2003 or death."""
    rng = np.random.default_rng(seed)
    start = date(1999, 1, 1)
    day = rng.integers(0, 4 * 365, n)
    death = np.ceil(rng.exponential(1.2, n) * D).astype(int)
    left = (date(2003, 12, 31) - start).days - day
    return pl.DataFrame(
        {
            "sex": rng.choice(["male", "female"], n),
            "incidence_date": [start + timedelta(days=int(d)) for d in day],
            "age_days": rng.integers(60 * 366, 71 * 365, n).astype(float),
            "follow_up_days": np.minimum(death, left),
            "died": death <= left,
        }
    )


CASES = cohort()
WINDOW = (date(2002, 1, 1), date(2003, 12, 31))


def truncated(cases, window, from_diagnosis=None):
    """The same cases with late entry and exit written out, for a complete analysis."""
    first, last = window
    since = (pl.lit(first) - pl.col("incidence_date")).dt.total_days() - 1
    until = (pl.lit(last) - pl.col("incidence_date")).dt.total_days()
    early = pl.col("incidence_date") < (from_diagnosis or date(1900, 1, 1))
    entry = pl.max_horizontal(pl.lit(0), since)
    if from_diagnosis:
        entry = pl.when(early).then(entry).otherwise(0)
    return cases.with_columns(
        entry_days=entry,
        died=pl.col("died") & (pl.col("follow_up_days") <= until),
        follow_up_days=pl.min_horizontal("follow_up_days", until),
    ).filter(pl.col("follow_up_days") > pl.col("entry_days"))


def same(one, other, *, but=()):
    columns = [c for c in one.columns if c not in but]
    assert_frame_equal(one.select(columns), other.select(columns), rel_tol=1e-12)


def test_period_is_late_entry_written_out():
    choices = {"at": [1, 2], "method": ["pohar-perme", "ederer2", "observed"], **YEARS}
    period = net_survival(CASES, TABLE, window=WINDOW, **choices)
    same(period.table, net_survival(truncated(CASES, WINDOW), TABLE, **choices).table)
    assert "period analysis, 2002-01-01 to 2003-12-31" in period.provenance.notes
    assert period.provenance.plan["approach"] == "period"


def test_hybrid_is_late_entry_of_those_diagnosed_before():
    diagnosed = (date(2001, 1, 1), date(2001, 12, 31))
    choices = {"at": [1, 2], **YEARS}
    hybrid = net_survival(CASES, TABLE, window=WINDOW, incidence=diagnosed, **choices)
    earlier = CASES.filter(pl.col("incidence_date") <= diagnosed[1])
    same(
        hybrid.table,
        net_survival(truncated(earlier, WINDOW, diagnosed[0]), TABLE, **choices).table,
    )
    left_out = CASES.height - earlier.height
    row = hybrid.provenance.exclusions.filter(reason="diagnosed outside the days asked")
    assert row["records"].to_list() == [left_out]
    assert hybrid.provenance.exclusions["records"].to_list()[-1] == earlier.height


def test_period_lies_within_hybrid_within_complete():
    n = [
        net_survival(CASES, TABLE, at=[1], **choices, **YEARS).table["n"][0]
        for choices in (
            {"window": WINDOW},
            {"window": WINDOW, "incidence": (date(2000, 1, 1), date(2003, 12, 31))},
            {},
        )
    ]
    assert n[0] < n[1] < n[2] == CASES.height


def test_cohort_ends_with_the_follow_up_of_those_diagnosed_last():
    diagnosed = (date(1999, 1, 1), date(2000, 12, 31))
    choices = {"at": [1, 2.9, 3.1], "incidence": diagnosed, **YEARS}
    cohort_rows = net_survival(CASES, TABLE, approach="cohort", closing_date=date(2003, 12, 31),
                               **choices).table  # fmt: skip
    complete = net_survival(CASES, TABLE, **choices).table
    same(cohort_rows.head(2), complete.head(2))
    last = cohort_rows.row(2, named=True)
    assert last["status"] == "not estimable"
    assert last["reason"] == (
        "those diagnosed last, on 2000-12-31, were followed for at most 1095 days: the complete "
        "approach takes all that were"
    )
    assert complete.row(2, named=True)["status"] == "ok"


def test_a_window_outside_the_data_is_refused():
    with pytest.raises(CaseError, match=r"within the window.*2010-01-01 to 2011-12-31.*1999-0"):
        net_survival(CASES, TABLE, window=(date(2010, 1, 1), date(2011, 12, 31)), **YEARS)
    with pytest.raises(CaseError, match="no case was diagnosed in the days asked"):
        net_survival(CASES, TABLE, incidence=(date(2010, 1, 1), date(2011, 12, 31)), **YEARS)


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"approach": "period"}, "needs a window"),
        ({"approach": "hybrid", "window": WINDOW}, "days of diagnosis"),
        ({"approach": "cohort", "window": WINDOW}, "belongs to the period"),
        ({"approach": "semi"}, "approach has no such choice"),
        ({"when_empty": "widen"}, "no window to widen"),
        ({"when_empty": "drop"}, "when_empty has no such choice"),
        ({"min_at_risk": -1}, "out of range"),
        ({"max_se": 0}, "out of range"),
        ({"incidence": (date(2001, 1, 1), date(2000, 1, 1))}, "end before they begin"),
        ({"standard": "icss by entity"}, "strata of entities"),
        ({"standard": {}}, "weights of a standard"),
        ({"standard": {0: 0, 60: 0}}, "weights of a standard"),
        ({"standard": {60: 1, 50: 1}}, "must rise"),
    ],
)
def test_choices_that_do_not_fit(choices, words):
    with pytest.raises(UsageError, match=words):
        net_survival(CASES, TABLE, **choices, **YEARS)


def test_given_and_internal_weights():
    ages = np.floor(CASES["age_days"].to_numpy() / D)
    shares = [float((ages < 65).mean()), float((ages >= 65).mean())]
    internal = internal_standard(ages, (0, 65))
    assert internal.weights == pytest.approx(shares)
    given = net_survival(CASES, TABLE, standard={0: 3, 65: 1}, **YEARS).table
    own = Standard(name="given weights", age_lower=(0, 65), weights=(0.75, 0.25))
    assert_frame_equal(given, net_survival(CASES, TABLE, standard=own, **YEARS).table)
    assert given["standard"].unique().to_list() == ["given weights"]
    table = net_survival(CASES, TABLE, standard="internal", at=[1], **YEARS).table
    assert table["standard"].to_list() == ["internal"]


def test_internal_weights_are_one_for_all_strata():
    by_sex = net_survival(CASES, TABLE, standard="internal", by="sex", at=[1], **YEARS)
    weights = by_sex.provenance.plan["standard"]["weights"]
    ages = np.floor(CASES["age_days"].to_numpy() / D)
    assert weights == pytest.approx(internal_standard(ages).weights)


def test_each_entity_by_its_own_standard():
    from rarecare.codes.rare_cancers import default_list  # noqa: PLC0415

    entities = default_list().entities
    by_standard = {
        number: entities.filter(pl.col("icss_standard") == number)["entity_id"][0]
        for number in ("1", "2", "3")
        if (entities["icss_standard"] == number).any()
    }
    assert len(by_standard) >= 2
    both = pl.concat(
        [CASES.with_columns(entity_tier1=pl.lit(entity)) for entity in by_standard.values()]
    )
    table = net_survival(
        both, TABLE, standard="icss by entity", by="entity_tier1", at=[1], **YEARS
    ).table
    for number, entity in by_standard.items():
        alone = net_survival(CASES, TABLE, standard=f"icss{number}", at=[1], **YEARS).table
        row = table.row(by_predicate=pl.col("entity_tier1") == entity, named=True)
        assert row["standard"] == f"icss{number}"
        assert row["estimate"] == alone["estimate"][0]


OLD_AND_YOUNG = Standard(name="two", age_lower=(0, 66), weights=(0.5, 0.5))


def old_leave_early(cases=CASES):
    """No one of 66 or older is followed beyond 300 days."""
    old = pl.col("age_days") >= 66 * D
    long = old & (pl.col("follow_up_days") > 300)
    return cases.with_columns(
        died=pl.col("died") & ~long,
        follow_up_days=pl.when(long).then(300).otherwise("follow_up_days"),
    )


def empty(when_empty, **choices):
    return net_survival(
        old_leave_early(), TABLE, standard=OLD_AND_YOUNG, at=[0.5, 1], when_empty=when_empty,
        **YEARS, **choices,
    ).table.row(1, named=True)  # fmt: skip


def test_an_empty_class_is_not_estimable_by_default():
    row = empty("not estimable")
    assert (row["estimate"], row["status"]) == (None, "not estimable")
    assert row["reason"] == "no one at risk in ages 66+ from day 301"


def test_an_empty_class_is_merged_when_asked():
    row = empty("collapse")
    assert row["reason"] == "age classes merged to 0+"
    plain = net_survival(old_leave_early(), TABLE, at=[1], **YEARS).table
    assert row["estimate"] == pytest.approx(plain["estimate"][0], rel=1e-13)
    assert row["se"] == pytest.approx(plain["se"][0], rel=1e-13)


def test_an_empty_class_is_weighted_case_by_case_when_asked():
    row = empty("individual")
    assert row["reason"] == "no one at risk in ages 66+ from day 301: each case weighted instead"
    own = net_survival(
        old_leave_early(), TABLE, standard=OLD_AND_YOUNG, at=[1], standardisation="individual",
        **YEARS,
    ).table  # fmt: skip
    assert row["estimate"] == own["estimate"][0]


def test_a_window_is_widened_when_asked():
    # within the window no one is followed to 1.9 years
    late = CASES.filter(
        (pl.col("incidence_date") < date(2001, 1, 1))
        | (pl.col("incidence_date") >= date(2002, 6, 1))
    ).with_columns(
        died=pl.col("died")
        & ~((pl.col("incidence_date") < date(2001, 1, 1)) & (pl.col("follow_up_days") > 700)),
        follow_up_days=pl.when(pl.col("incidence_date") < date(2001, 1, 1))
        .then(pl.min_horizontal("follow_up_days", 700))
        .otherwise("follow_up_days"),
    )
    window = (date(2002, 7, 1), date(2003, 12, 31))
    choices = {"at": [0.5, 1.9], "window": window, **YEARS}
    narrow = net_survival(late, TABLE, **choices).table
    assert narrow["status"].to_list() == ["ok", "not estimable"]
    wide = net_survival(late, TABLE, when_empty="widen", **choices)
    same(wide.table.head(1), narrow.head(1))
    row = wide.table.row(1, named=True)
    complete = net_survival(late, TABLE, at=[1.9], **YEARS).table
    assert row["estimate"] == complete["estimate"][0]
    assert row["status"] == "ok"
    assert row["reason"].endswith("complete, everyone followed from diagnosis")
    assert any("from a wider window" in note for note in wide.provenance.notes)


def test_few_at_risk_and_large_standard_errors_are_said():
    table = observed_survival(CASES, at=[1, 4], days_per_year=D, min_at_risk=50, max_se=0.001).table
    first, last = table.rows(named=True)
    assert first["reason"] == "standard error above 0.001"
    assert (last["estimate"], last["status"]) == (None, "not estimable")
    assert last["reason"] == "fewer than 50 at risk"
    assert 0 < last["at_risk"] < 50


def test_above_one_is_shown_and_said():
    alive = CASES.with_columns(died=pl.lit(value=False), follow_up_days=pl.lit(400))
    row = net_survival(alive, TABLE, at=[1], **YEARS).table.row(0, named=True)
    assert row["estimate"] > 1
    assert row["reason"].startswith("above 1: the cases died less")


def test_batches_give_the_same_as_all_at_once(monkeypatch):
    monkeypatch.setattr("rarecare.survival.cases.BATCH_ROWS", 57)
    choices = {"by": "sex", "at": [1, 2], "standard": {0: 1, 66: 1}, **YEARS}
    batches = net_survival(CASES.lazy(), TABLE, **choices)
    whole = net_survival(CASES, TABLE, **choices)
    assert_frame_equal(batches.table, whole.table, rel_tol=1e-12)
    assert batches.provenance.exclusions["records"].to_list() == [CASES.height] * 2
    assert batches.provenance.inputs[0].rows == CASES.height
    for needs in ({"standard": "internal"}, {"method": "hakulinen"}, {"approach": "cohort"}):
        with pytest.raises(UsageError, match="cannot be known before all batches are read"):
            net_survival(CASES.lazy(), TABLE, at=[1], **needs, **YEARS)


def test_named_standards_say_what_there_is():
    assert named_standard("ICSS2").name == "icss2"
    assert named_standard(None) is None
