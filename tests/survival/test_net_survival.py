"""The public door: what it refuses and says, what it takes, and the provenance it gives."""

import json
from datetime import date, datetime

import polars as pl
import pytest

import rarecare as rc
from rarecare.errors import CaseError, CodeError, ColumnError, LifeTableError, UsageError
from rarecare.figures import Figure
from rarecare.survival import (
    Standard,
    estimate_survival,
    named_standard,
    net_survival,
    observed_survival,
    survival_plan,
)
from rarecare.survival.methods import NET
from rarecare.tally.follow_up import tally_follow_up

LIFE_TABLE = rc.LifeTable.read(
    pl.DataFrame(
        [
            {"sex": sex, "age": age, "year": year, "mx": 0.02}
            for sex in ("male", "female")
            for age in range(101)
            for year in range(1995, 2006)
        ]
    )
)
THREE = pl.DataFrame(
    {
        "sex": ["male", "female", "male"],
        "incidence_date": [date(2000, 1, 1), date(2000, 2, 1), date(2000, 3, 1)],
        "age": [60, 71, 62],
        "age_days": [22_000.0, 26_000.0, 22_700.0],
        "follow_up_days": [3, 2, 5],
        "died": [True, True, False],
    }
)


def ask(cases=THREE, life_table=LIFE_TABLE, **choices):
    return net_survival(cases, life_table, **({"at_days": [2]} | choices))


def change(**columns):
    return THREE.with_columns(**{name: pl.Series(values) for name, values in columns.items()})


@pytest.mark.parametrize(
    ("choices", "error", "words"),
    [
        ({"at": [1], "at_days": [365]}, UsageError, r"at \[1\], at_days \[365\].*one of the two"),
        ({"at_days": []}, UsageError, "missing or negative"),
        ({"at_days": [float("nan")]}, UsageError, "missing or negative"),
        ({"at_days": [float("inf")]}, UsageError, "missing or negative"),
        ({"at_days": [-1]}, UsageError, "missing or negative"),
        ({"method": "pohar perme"}, UsageError, "Did you mean 'pohar-perme'"),
        ({"method": ["observed", "ederer3"]}, UsageError, "Did you mean 'ederer2'|'ederer1'"),
        ({"method": []}, UsageError, "give each method once"),
        ({"method": ["observed", "observed"]}, UsageError, "give each method once"),
        ({"form": "exp"}, UsageError, "allowed: exponential, product"),
        ({"interval": "loglog"}, UsageError, "Did you mean 'log-log'"),
        ({"level": 95}, UsageError, "got 95; allowed: 0 to 1"),
        ({"standardisation": "class"}, UsageError, "Did you mean 'classes'"),
        ({"days_per_year": 0}, UsageError, "days_per_year"),
        ({"allow_outside": 5}, UsageError, "0 to 1"),
        ({"bad_rows": "skip", "cases": None}, UsageError, "refuse, exclude"),
        ({"by": ["stage"]}, ColumnError, r"survival needs stage.*--columns stage=COLUMN"),
        ({"by": ["sex", "sex"]}, UsageError, "give each stratum once"),
        ({"by": ["level"], "cases": change(level=["a"] * 3)}, UsageError, "Rename it"),
        ({"weighted": True}, ColumnError, "survival needs weight"),
        (
            {"weighted": True, "cases": change(weight=[1.0, None, 2.0])},
            CaseError,
            "weight is unknown",
        ),
        (
            {"weighted": True, "cases": change(weight=[1.0, float("nan"), 2.0])},
            CaseError,
            "weight is unknown",
        ),
        ({"window": (date(2001, 1, 1), date(2000, 1, 1))}, UsageError, "ends before it begins"),
        ({"window": ("2000-01-01", "2000-12-31")}, UsageError, "not two dates"),
        (
            {"window": (datetime(2000, 1, 1), datetime(2001, 1, 1))},
            UsageError,
            "not two dates",
        ),
        (
            {"window": (date(2000, 1, 1), date(2000, 12, 31)), "method": "ederer1"},
            UsageError,
            "late entry",
        ),
        (
            {"method": "hakulinen", "cases": change(entry_days=[0, 1, 2])},
            CaseError,
            "2 cases enter late.*pohar-perme or ederer2",
        ),
        (
            {"method": "hakulinen", "closing_date": date(2000, 2, 2)},
            CaseError,
            "1 cases died after the closing date.*2000-02-02",
        ),
        ({"standard": "icss4"}, CodeError, "'icss4'.*Did you mean"),
        ({"standard": "esp2013"}, CodeError, "'esp2013'.*give weights"),
        ({"rules": rc.ExclusionRules(purpose="incidence")}, UsageError, "rules for survival"),
        ({"rules": rc.ExclusionRules(ages=(60, 70))}, UsageError, "taken as they stand"),
        ({"life_table": "popmort.csv"}, UsageError, r"LifeTable\.read\(path\)"),
        ({"life_table": pl.DataFrame()}, UsageError, "takes a life table: got 'DataFrame'"),
        ({"cases": "cases.csv"}, UsageError, r"'cases\.csv'.*read_cases\(path\)"),
        ({"cases": change(sex=["male", "m", "male"])}, LifeTableError, "sex m"),
        ({"cases": change(died=[True, None, False])}, CaseError, "died is unknown for 1 cases"),
        (
            {"cases": THREE.drop("incidence_date")},
            ColumnError,
            "survival needs incidence_date",
        ),
        ({"cases": THREE.drop("age_days")}, ColumnError, "survival needs age_days"),
    ],
)
def test_what_is_refused_and_the_words(choices, error, words):
    if "cases" in choices and choices["cases"] is None:
        choices = choices | {"cases": THREE.drop("died").with_columns(vital_status=pl.lit("dead"))}
    with pytest.raises(error, match=words):
        ask(**choices)


def test_the_default_times_are_one_and_five_years():
    long = change(follow_up_days=[1900, 2000, 1850])
    table = ask(long, at_days=None).table
    assert table["time_years"].to_list() == [1.0, 5.0]
    assert table["time_days"].to_list() == pytest.approx([365.2425, 1826.2125])
    in_years = ask(long, at_days=None, at=[2, 0.5], days_per_year=365.241).table
    assert in_years["time_days"].to_list() == pytest.approx([182.6205, 730.482])
    assert in_years["time_years"].to_list() == [0.5, 2.0]


def test_one_name_is_a_stratum():
    assert ask(by="sex").table.equals(ask(by=["sex"]).table)
    assert observed_survival(THREE, by="sex", at_days=[2]).table["sex"].to_list() == [
        "female",
        "male",
    ]


def outside_by(share, n=100):
    """``n`` cases of ten days, a share of them diagnosed after the life table's last year."""
    late = round(share * n)
    return pl.DataFrame(
        {
            "sex": "male",
            "incidence_date": [date(2007, 1, 1)] * late + [date(2000, 1, 1)] * (n - late),
            "age_days": 22_000.0,
            "follow_up_days": 10,
            "died": True,
        }
    )


def test_more_than_a_twentieth_outside_the_life_table_is_refused():
    with pytest.raises(LifeTableError) as raised:
        ask(outside_by(0.06), at_days=[10])
    for words in (
        "60 of 1,000 person-days (6.00%)",
        "up to 5%",
        "ages from 0, years 1995 to 2005",
        "Give a longer life table, or allow it (--allow-outside)",
    ):
        assert words in str(raised.value)
    note = "60 of 1,000 person-days (6.00%) lie outside the life table: the nearest age or year"
    allowed = ask(outside_by(0.06), at_days=[10], allow_outside=0.06)
    assert any(each.startswith(note) for each in allowed.provenance.notes)
    assert ask(outside_by(0.05), at_days=[10]).table["status"].to_list() == ["ok"]
    with pytest.raises(LifeTableError, match=r"allowed: up to 0%"):
        ask(outside_by(0.01), at_days=[10], allow_outside=0)
    quiet = ask(outside_by(0), at_days=[10]).provenance.notes
    assert not any("outside" in each for each in quiet)


@pytest.mark.parametrize(
    ("cases", "words"),
    [
        (THREE, "1 cases are younger than the first age class of old: got 60; allowed: ages from"),
        (change(age=[61, None, 62]), "age is unknown for 1 cases"),
    ],
)
def test_cases_without_an_age_class_are_refused(cases, words):
    standard = Standard(name="old", age_lower=(61, 70), weights=(0.5, 0.5))
    with pytest.raises(CaseError, match=words):
        ask(cases, standard=standard)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"age_lower": (15, 15)}, "must rise"),
        ({"age_lower": ()}, "must rise"),
        ({"weights": (1.0,)}, "has 1 weights; allowed: 2|has 1 weights"),
        ({"weights": (0.5, 0.6)}, "no shares of 1"),
        ({"weights": (1.5, -0.5)}, "no shares of 1"),
    ],
)
def test_faulty_standards_are_refused(given, words):
    right = {"name": "own", "age_lower": (15, 60), "weights": (0.4, 0.6)}
    with pytest.raises(UsageError, match=words):
        Standard(**(right | given))


def test_named_standards():
    # Corazziari, Quinn, Capocaccia 2004, table of ICSS weights in per cent
    first = named_standard("ICSS1")
    assert (first.name, first.age_lower) == ("icss1", (15, 45, 55, 65, 75))
    assert first.weights == pytest.approx((0.07, 0.12, 0.23, 0.29, 0.29))
    assert named_standard("icss-2").weights == pytest.approx((0.28, 0.17, 0.21, 0.20, 0.14))
    assert named_standard("icss3").weights == pytest.approx((0.60, 0.10, 0.10, 0.10, 0.10))
    assert named_standard("icss prostate").labels == ("15-54", "55-64", "65-74", "75-84", "85+")
    own = Standard(name="own", age_lower=(0,), weights=(1.0,))
    assert named_standard(own) is own
    assert named_standard(None) is None


def test_classes_come_from_days_of_age_where_there_are_no_years():
    standard = Standard(name="halves", age_lower=(0, 70), weights=(0.5, 0.5))
    by_years = ask(standard=standard).table
    assert ask(THREE.drop("age"), standard=standard).table.equals(by_years)


def test_the_closing_date_is_the_last_day_seen():
    plan = ask(method="hakulinen").provenance.plan
    assert plan["closing_date"] == "2000-03-06"  # 1 March and 5 days
    given = ask(method="hakulinen", closing_date=date(2001, 1, 1)).provenance.plan
    assert given["closing_date"] == "2001-01-01"
    assert ask().provenance.plan["closing_date"] is None


def test_a_window_stands_in_plan_and_notes():
    result = ask(
        change(follow_up_days=[300, 300, 300]), window=(date(2000, 1, 1), date(2000, 6, 1))
    )
    assert result.provenance.plan["window"] == ("2000-01-01", "2000-06-01")
    assert "period analysis, 2000-01-01 to 2000-06-01" in result.provenance.notes


def test_the_provenance_of_a_file_of_cases(cohort):
    cases = rc.read_cases(cohort / "cases.csv", days_per_year=365.241)
    life_table = rc.LifeTable.read(cohort / "lifetable.csv")
    choices = {"by": ["region"], "at": [1, 5], "days_per_year": 365.241}
    rules = rc.ExclusionRules(ages=(40, 79))
    result = net_survival(cases, life_table, rules=rules, **choices)
    provenance = result.provenance
    records = dict(provenance.exclusions.select("reason", "records").rows())
    read, kept = records.pop("records read"), records.pop("records in analysis")
    assert read == 3000
    assert read - sum(records.values()) == kept
    assert records["age unknown or outside"] > 0
    assert result.table.filter(time_years=1)["n"].sum() == kept
    assert [source.name for source in provenance.inputs] == ["cases.csv", "lifetable.csv"]
    assert [source.rows for source in provenance.inputs] == [3000, 7272]
    assert all(len(source.sha256) == 64 for source in provenance.inputs)
    assert provenance.statistic == "Net survival (Pohar Perme)"
    assert any("life table" in note for note in provenance.notes)
    assert provenance.plan["days_per_year"] == 365.241
    assert provenance.plan["life_table"] == life_table.hash
    told = json.loads(provenance.to_json())
    assert told["plan_hash"] == provenance.plan_hash
    # a plan is what decides the numbers: neither the order of rows nor who is counted
    again = net_survival(cases, life_table, **choices)
    assert again.provenance.plan_hash == provenance.plan_hash
    for other in ({"form": "product"}, {"level": 0.9}, {"interval": "plain"}, {"at": [1]}):
        changed = net_survival(cases, life_table, **(choices | other))
        assert changed.provenance.plan_hash != provenance.plan_hash


def test_a_frame_to_be_read_and_the_same_as_cases_that_count(cohort):
    cases = rc.read_cases(cohort / "cases.csv")
    life_table = rc.LifeTable.read(cohort / "lifetable.csv")
    kept, _ = rc.exclude(cases, rc.ExclusionRules())
    raw = pl.read_csv(cohort / "cases.csv", infer_schema=False)
    tables = [
        net_survival(given, life_table, by=["sex"], method=NET).table
        for given in (cases, kept, raw, kept.to_arrow())
    ]
    for table in tables[1:]:
        assert table.equals(tables[0])


def test_a_case_without_a_key_of_the_life_table_is_left_out_and_counted(cohort):
    raw = pl.read_csv(cohort / "cases.csv", infer_schema=False)
    raw = raw.with_columns(
        region=pl.when(pl.int_range(pl.len()) < 7).then(pl.lit("")).otherwise("region")
    )
    result = net_survival(raw, rc.LifeTable.read(cohort / "lifetable.csv"), at=[1])
    records = dict(result.provenance.exclusions.select("reason", "records").rows())
    assert records["unreadable"] == 7
    assert result.table["n"].to_list() == [2993]


def test_times_read_from_a_tally_are_those_of_the_plan():
    plan = survival_plan(at_days=[2.5, 5], life_table=LIFE_TABLE.hash)
    tally = tally_follow_up(THREE, plan, life_table=LIFE_TABLE)
    days = [0, 1, 2, 3, 4, 5]
    table = estimate_survival(tally, plan, times=days)
    assert table["time_days"].to_list() == days
    for day in days:
        assert ask(at_days=[day]).table["estimate"][0] == pytest.approx(
            table["estimate"][day], rel=1e-14
        )
    for bad in (-1, 2.5, 6, float("nan")):
        with pytest.raises(UsageError, match=r"whole days, 0 to 5"):
            estimate_survival(tally, plan, times=[bad])
    other = survival_plan(at_days=[3], life_table=LIFE_TABLE.hash)
    with pytest.raises(rc.RarecareError, match="another plan"):
        estimate_survival(tally, other)


def test_a_result_can_be_drawn(cohort, tmp_path):
    result = net_survival(
        rc.read_cases(cohort / "cases.csv"),
        rc.LifeTable.read(cohort / "lifetable.csv"),
        by=["sex"],
        at=[1, 5],
    )
    figure = result.plot(title="Survival of invented cases", synthetic=True)
    assert isinstance(figure, Figure)
    figure.save(tmp_path / "survival.svg")
    drawn = (tmp_path / "survival.svg").read_text()
    for words in ("Survival of invented cases", "Female", "Male"):
        assert words in drawn
