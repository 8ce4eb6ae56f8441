"""``rarecare prevalence``, ``rarecare project``, and the trends of ``rarecare incidence``."""

import io
import json

import numpy as np
import polars as pl
import pytest

from rarecare.cli import main

YEARS = range(1991, 2021)
PEOPLE = "year,age_group,population\n" + "".join(
    f"{year},{group},{n}\n"
    for year in YEARS
    for group, n in (("0-49", 1_000_000), ("50+", 500_000))
)
CASES = (
    "patient_id,age,incidence_date,follow_up_days,vital_status,topography,morphology,behaviour\n"
)
CASES += "".join(
    f"P{year}{k},{age},{year}-06-01,{days},{status},C40.2,9180,3\n"
    for year in range(1991, 2011)
    for k, (age, days, status) in enumerate(
        ((20, 8000, "alive"), (60, 300, "dead"), (70, 400, "alive"), (62, 8000, "alive"))
    )
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Cases and their population in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cases.csv").write_text(CASES)
    (tmp_path / "people.csv").write_text(PEOPLE)
    return tmp_path


def run(verb, *arguments):
    people = [] if verb == "prevalence" else ["--population", "people.csv"]
    return main([verb, "cases.csv", *people, *arguments])


def rows(capsys):
    return pl.read_csv(io.StringIO(capsys.readouterr().out))


def test_prevalence_by_hand(folder, capsys):
    # four a year: two alive, one dead within the year, one lost after 400 days
    assert run("prevalence", "--index-date", "2010-12-31", "--windows", "1,5", "--population",
               "people.csv", "--format", "csv") == 0  # fmt: skip
    table = rows(capsys).filter(measure="prevalent persons")
    one, five = table.sort("window").iter_rows(named=True)
    assert (one["n"], one["alive"], one["lost"]) == (4, 4, 0)  # all alive after 213 days
    assert (five["n"], five["alive"], five["lost"]) == (20, 12, 4)
    # nobody dies after day 300, so that those lost on day 400 are alive
    assert five["estimate"] == pytest.approx(16)
    assert five["disclosure"] == "unprotected"


def test_prevalence_by_phase_and_by_entity(folder, capsys):
    assert run("prevalence", "--index-date", "2010-12-31", "--windows", "5", "--phases", "--by",
               "entity_tier2", "--format", "csv") == 0  # fmt: skip
    table = rows(capsys)
    assert table["entity_tier2"].unique().to_list() == ["08.02.01"]
    phases = table.filter(pl.col("phase") != "all")
    whole = table.filter(phase="all")
    assert set(phases["phase"]) == {"initial", "monitoring", "last year of life"}
    assert phases["estimate"].sum() == pytest.approx(whole["estimate"].sum(), rel=1e-9)


def test_complete_prevalence(folder, capsys):
    lives = "year,age,qx\n" + "".join(
        f"{year},{age},{0.0005 * 1.09**age / 3:.6f}\n" for year in YEARS for age in range(100)
    )
    (folder / "lives.csv").write_text(lives)
    rng = np.random.default_rng(3)
    lines = []
    for k in range(1_500):
        year, age = 1991 + k % 20, int(rng.integers(40, 85))
        left = 365 * (2011 - year) - 180
        cured = rng.random() < 0.5
        days = left if cured else min(left, int(rng.exponential(500)) + 1)
        status = "alive" if days == left else "dead"
        lines.append(f"Q{k},{age},{year}-06-30,{days},{status},C40.2,9180,3\n")
    (folder / "cases.csv").write_text(CASES.splitlines()[0] + "\n" + "".join(lines))
    (folder / "people.csv").write_text("year,age,population\n" + "".join(
        f"{year},{age},20000\n" for year in YEARS for age in range(0, 95, 5)
    ))  # fmt: skip
    assert run("prevalence", "--index-date", "2010-12-31", "--windows", "10", "--population",
               "people.csv", "--complete", "lives.csv", "--registered-since", "1991-01-01",
               "--format", "csv") == 0  # fmt: skip
    table = rows(capsys).filter(measure="prevalent persons")
    found = dict(table.select("window", "estimate").rows())
    assert found["complete"] > found["0-10"] > 0
    assert found["complete"] > found["cured"] > 0
    assert set(table["status"]) == {"ok"}


def test_a_window_before_registration_is_not_estimable(folder, capsys):
    assert (
        run("prevalence", "--index-date", "2010-12-31", "--windows", "30", "--format", "csv") == 0
    )
    row = rows(capsys).row(0, named=True)
    assert row["estimate"] is None
    assert row["status"] == "not estimable"
    assert "registration begins on 1991-06-01" in row["reason"]


def test_projection_and_its_back_test(folder, capsys):
    wanted = ["--model", "constant rates", "--draws", "200", "--age-groups", "0,50"]
    assert run("project", *wanted, "--format", "json") == 0
    answer = json.loads(capsys.readouterr().out)
    table = pl.DataFrame(answer["rows"]).filter(measure="new cases per year", level=0.95)
    assert table["first"].to_list() == [2011, 2016]
    assert table["estimate"].to_list() == pytest.approx([4.0, 4.0])
    assert answer["provenance"]["statistic"] == "projection"
    assert run("project", *wanted, "--back-test", "1", "--format", "csv") == 0
    errors = dict(rows(capsys).select("measure", "estimate").rows())
    assert errors["mean absolute error"] == pytest.approx(0, abs=1e-9)


def test_trend_and_expected_cases(folder, capsys):
    wanted = ["--age-groups", "0,50", "--format", "csv"]
    (folder / "target.csv").write_text("year,age_group,population\n2020,0-49,500000\n2020,50+,0\n")
    assert (
        run("incidence", "--period", "1991-01-01:2010-12-31", "--target", "target.csv", *wanted)
        == 0
    )
    row = rows(capsys).row(0, named=True)
    # 20 cases under 50 in 20 million person-years of the period, half a million persons
    assert row["estimate"] == pytest.approx(20 / 20e6 * 5e5, rel=1e-9)
    assert run("incidence", "--trend", *wanted) == 0
    change = rows(capsys).filter(measure="annual percentage change")
    assert change.select("first", "last", "n").rows() == [(1991, 2010, 80)]


def test_rates_by_country_are_drawn_together_and_drawn(folder, capsys):
    areas = [PEOPLE.splitlines()[0] + ",area", *(
        f"{line},{area}" for area in ("IT", "SI") for line in PEOPLE.splitlines()[1:]
    )]  # fmt: skip
    (folder / "people.csv").write_text("\n".join(areas) + "\n")
    head, *rows_of = CASES.splitlines()
    cases = [f"{row},{'IT' if k % 4 else 'SI'}" for k, row in enumerate(rows_of)]
    (folder / "cases.csv").write_text("\n".join([head + ",area", *cases]) + "\n")
    assert run("incidence", "--shrink", "area", "--age-groups", "0,50", "--format", "csv",
               "--figure", "map.svg") == 0  # fmt: skip
    table = rows(capsys).drop_nulls("area")
    raw, drawn = (
        dict(table.filter(measure=name).select("area", "estimate").rows())
        for name in ("raw rate", "shrunken rate")
    )
    assert raw["IT"] > drawn["IT"] > drawn["SI"] > raw["SI"]
    assert "<svg" in (folder / "map.svg").read_text()


@pytest.mark.parametrize("verb", ["prevalence", "project"])
def test_figures_are_drawn(folder, verb):
    wanted = {
        "prevalence": ["--index-date", "2010-12-31", "--population", "people.csv"],
        "project": ["--draws", "200", "--age-groups", "0,50"],
    }
    assert run(verb, *wanted[verb], "--figure", "figure.svg", "--out", "table.csv") == 0
    assert "<svg" in (folder / "figure.svg").read_text()
    assert (folder / "table.csv.provenance.json").is_file()


@pytest.mark.parametrize(
    ("verb", "arguments", "words"),
    [
        ("prevalence", ["--index-date", "31.12.2010"], "this is no date"),
        (
            "prevalence",
            ["--index-date", "2010-12-31", "--complete", "lt.csv"],
            "takes a population",
        ),
        ("project", ["--width", "2"], "width"),
        ("project", ["--cut", "3"], "between 0 and 1"),
        ("incidence", ["--trend", "--target", "people.csv"], "one kind of table"),
        ("incidence", ["--trend", "--standard", "segi,esp2013"], "one standard population"),
    ],
)
def test_wrong_use_ends_with_2(folder, capsys, verb, arguments, words):
    assert run(verb, *arguments) == 2
    assert words in capsys.readouterr().err
