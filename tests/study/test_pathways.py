"""Ways through care in a release: beside the functions themselves, and what is withheld."""

import re
from datetime import date, timedelta
from html import unescape

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecare import ExclusionRules, classify
from rarecare.care.occupancy import occupancy
from rarecare.care.pathway_steps import Steps, default_steps
from rarecare.care.pathway_tables import OTHERS, frequent_paths, waiting_times
from rarecare.care.pathways import pathways
from rarecare.demo import write_demo
from rarecare.disclosure.rule import DisclosureRule
from rarecare.errors import DisagreementError, FileError, UsageError
from rarecare.registry.encr import read_encr
from rarecare.registry.events import read_events
from rarecare.registry.exclusions import exclude
from rarecare.study import open_release, run_study
from rarecare.study.care_pathways import AREA, AskedPathways, Traced
from rarecare.study.config import study_of
from rarecare.study.entities import Groups
from rarecare.study.pathway_protection import alone, shown_areas
from rarecare.study.pathway_rows import pathway_rows
from rarecare.study.pathway_schema import PATH, PATHWAYS, STATE, WAIT, check_pathways
from rarecare.study.report import numbers, ways

COUNTRIES = ("DK", "IS", "SI")
ENTITIES = ("01", "08")
PERIOD = (date(1995, 1, 1), date(2007, 12, 31))
STEPS = ("diagnosis", "surgery", "re-excision", "radiotherapy", "systemic", "surveillance",
         "recurrence")  # fmt: skip
HEAD = """
[study]
name = "ways"
title = "Ways"
synthetic = true
period = ["1995-01-01", "2007-12-31"]
measures = ["incidence"]
[exclusions]
bad_rows = "exclude"
[disclosure]
threshold = 1
[care]
only = ["D4"]
volumes.cover = [0.5]
[care.pathways]
entities = ["01", "08"]
since = ["diagnosis", "surgery"]
at = [0.25, 1, 3]
"""
NUMBERS = ("estimate", "se", "lower", "upper")


@pytest.fixture(scope="module")
def data(made_once):
    def make(folder):
        data = write_demo(folder / "data", cases=9_000, countries=list(COUNTRIES))
        registries = (data / "study.toml").read_text(encoding="utf-8").split("[[registries]]", 1)[1]
        text = f"{HEAD}\n[[registries]]{registries}"
        (data / "open.toml").write_text(text, encoding="utf-8")
        closed = text.replace("threshold = 1", "threshold = 5")
        (data / "closed.toml").write_text(closed, encoding="utf-8")

    return made_once("ways-data", make) / "data"


@pytest.fixture(scope="module")
def release(made_once, data):
    folder = made_once("ways-open", lambda out: run_study(data / "open.toml", out / "r"))
    return open_release(folder / "r")


@pytest.fixture(scope="module")
def protected(made_once, data):
    folder = made_once("ways-closed", lambda out: run_study(data / "closed.toml", out / "r"))
    return open_release(folder / "r")


@pytest.fixture(scope="module")
def traced(data):
    """The paths of each entity, made apart from the study, with their country."""
    parts, events = [], []
    for code in COUNTRIES:
        cases, _ = exclude(
            classify(read_encr(data / code / "incidence.csv")),
            ExclusionRules(purpose="incidence", period=PERIOD, needed=()), bad_rows="exclude",
        )  # fmt: skip
        parts.append(cases.with_columns(country=pl.lit(code), registry=pl.lit(code)))
        events.append(read_events(data / code / "events.parquet"))
    steps = Steps(tuple(row for row in default_steps().rows if row.name in STEPS))
    whole, facts = pl.concat(parts, how="diagonal_relaxed"), pl.concat(events)
    leaf = pl.coalesce("entity_tier2", "entity_tier1")
    return {
        entity: pathways(facts, whole.filter(leaf.str.starts_with(f"{entity}.")), steps=steps)
        for entity in ENTITIES
    }


def same(one, other):
    return one == other if other is None else one == pytest.approx(other, rel=1e-9)


def in_areas(function, paths, **choices):
    """A function's rows over all areas and by country, in one table with ``area``."""
    both = (
        function(paths, smallest=1, **choices).table.with_columns(area=pl.lit("all")),
        function(paths, smallest=1, by=["country"], **choices).table.rename({"country": "area"}),
    )
    return pl.concat(both, how="diagonal")


@pytest.mark.parametrize("entity", ENTITIES)
def test_paths_are_those_of_the_function(release, traced, entity):
    ours = release.pathways.filter(entity_id=entity, kind=PATH)
    found = in_areas(frequent_paths, traced[entity], most=1_000)
    for area in ("all", *COUNTRIES):
        rows, own = found.filter(area=area), ours.filter(area=area)
        named = own.filter(pl.col("step") != OTHERS)
        assert named.height == (10 if area == "all" else 5)
        for row in named.iter_rows(named=True):
            (function,) = rows.filter(path=row["step"]).to_dicts() or [{"n": 0}]
            assert (row["events"], row["status"]) == (function["n"], "ok")
            assert row["n"] == rows["denominator"][0]
            if row["events"]:
                assert all(same(row[name], function[name]) for name in NUMBERS)
        (other,) = own.filter(step=OTHERS).to_dicts()
        rest = rows.filter(~pl.col("path").is_in(named["step"].implode()))["n"].sum()
        assert (other["events"], other["estimate"]) == (rest, rest / other["n"])
        assert other["order"] is None
    first = ours.filter(area="all", order=1)["step"][0]
    assert first == found.filter(area="all", rank=1)["path"][0]


@pytest.mark.parametrize("entity", ENTITIES)
def test_waiting_times_are_those_of_the_function(release, traced, entity):
    compared = 0
    for since in ("diagnosis", "surgery"):
        found = in_areas(waiting_times, traced[entity], since=since)
        ours = release.pathways.filter(entity_id=entity, kind=WAIT, from_step=since)
        assert "diagnosis" not in ours["step"]
        for row in ours.iter_rows(named=True):
            key = {"area": row["area"], "step": row["step"], "measure": row["statistic"]}
            function = found.filter(**key).to_dicts()
            if not function or not function[0]["n"]:
                assert (row["events"], row["status"]) == (0, "not estimable")
                continue
            assert row["events"] == function[0]["n"]
            assert row["n"] == function[0]["denominator"]
            assert all(
                same(row[name], function[0][name]) for name in ("estimate", "lower", "upper")
            )
            compared += 1
    assert compared > 4 * 4 * 4


@pytest.mark.parametrize("entity", ENTITIES)
def test_states_are_those_of_the_function(release, traced, entity):
    times = {0.25: 91, 1.0: 365, 3.0: 1096}
    found = in_areas(occupancy, traced[entity], times=list(times.values()))
    ours = release.pathways.filter(entity_id=entity, kind=STATE)
    met = found.filter((pl.col("at_risk") > 0) | (pl.col("estimate") > 0))
    assert set(ours["step"]) == set(met.filter(area="all")["state"])
    assert ours.height == 3 * 4 * ours["step"].n_unique()
    for row in ours.iter_rows(named=True):
        key = {"area": row["area"], "state": row["step"], "time_days": times[row["time_years"]]}
        (function,) = found.filter(**key).to_dicts()
        assert (row["n"], row["events"]) == (function["n"], function["at_risk"])
        assert all(same(row[name], function[name]) for name in NUMBERS)
        assert row["status"] == function["status"]


def left(rows, key, number):
    """What a reader computes: the pooled number less those of the countries shown."""
    pooled = rows.filter(area="all").drop_nulls(number)
    shown = rows.filter(pl.col("area") != "all").group_by(key).agg(pl.col(number).sum())
    wide = pooled.join(shown, on=key, how="left", nulls_equal=True, suffix="_shown")
    return wide.select(
        *key, left=pl.col(number) - pl.col(f"{number}_shown").fill_null(0)
    )  # fmt: skip


def few(column, threshold=5):
    return column.is_between(1, threshold - 1).any()


def test_no_small_number_is_shown_or_left_by_subtraction(protected, release):
    """Beside counts, who did not go a path, come to a step or stay in a state is one too."""
    table = protected.pathways
    key = ["entity_id", "kind", "from_step", "step", "statistic", "time_years"]
    ok = table.filter(status="ok")
    assert not few(ok["events"])
    waits = table.filter(kind=WAIT).with_columns(others=pl.col("n") - pl.col("events"))
    for number in ("events", "others"):
        assert not few(left(waits, key, number)["left"])
    states = table.filter(kind=STATE)
    assert not few(left(states, key, "events")["left"])
    # paths by country are fewer than those of all areas: together those not named are one
    paths = table.filter(kind=PATH)
    for entity in ENTITIES:
        own = paths.filter(entity_id=entity)
        named = own.filter(pl.col("area") != "all", pl.col("step") != OTHERS)["step"].unique()
        label = pl.when(pl.col("step").is_in(named.implode())).then("step").otherwise(
            pl.lit(OTHERS)
        )  # fmt: skip
        coarse = own.group_by("area", label).agg(pl.col("events").sum(), gone=pl.col(
            "status").eq("withheld").any())  # fmt: skip
        assert not few(left(coarse, ["step"], "events")["left"])
    gone = table.filter(status="withheld")
    assert 0 < gone.height < table.height
    assert gone["events"].null_count() == gone.height
    assert (
        gone.filter(pl.col("area") != "all", kind=PATH)["n"].null_count()
        == gone.filter(pl.col("area") != "all", kind=PATH).height
    )
    for each in ("IS", "DK"):  # the smallest country is never shown, the largest is
        assert (each in ok["area"]) == (each == "DK")
    # what is shown is not changed
    both = ok.filter(pl.col("step") != OTHERS).join(
        release.pathways, on=["area", *key], nulls_equal=True, suffix="_open"
    )
    assert both.height > 80
    assert both["events"].equals(both["events_open"], check_names=False)
    assert both["estimate"].equals(both["estimate_open"], check_names=False)


def test_one_country_withheld_takes_another_along(protected):
    """A country alone would follow from the pooled number and the others."""
    rows = protected.pathways.filter(pl.col("area") != "all")
    by = rows.group_by("entity_id", "kind", "from_step", "step", "statistic", "time_years")
    gone = by.agg(gone=(pl.col("status") == "withheld").sum())
    pooled = protected.pathways.filter(area="all", status="ok")
    shown = gone.join(pooled, on=gone.columns[:-1], nulls_equal=True, how="semi")
    assert shown.height > 50
    assert (shown["gone"] != 1).all()


def section(release):
    """The section of the report, as text."""
    html = (release.folder / "report.html").read_text(encoding="utf-8")
    found = re.search(r'<section id="ways".*?</section>', html, re.DOTALL)
    assert found is not None
    return unescape(
        re.sub(r"<[^>]+>", " ", re.sub(r"<svg.*?</svg>", " ", found[0], flags=re.DOTALL))
    )


def test_the_report_has_the_numbers_of_the_release(protected):
    text = section(protected)
    pooled = protected.pathways.filter(area="all")
    paths = pooled.filter(kind=PATH, status="ok").to_dicts()
    assert len(paths) > 10
    for row in paths:
        assert re.search(rf"{row['step']}\s+{numbers.count(row['events'])}\s", text)
        assert numbers.percent(row["estimate"]) in text
    waits = pooled.filter(kind=WAIT, statistic="median", status="ok").to_dicts()
    assert len(waits) > 4
    for row in waits:
        told = rf"{row['step']}\s+{numbers.count(row['events'])}\s+{ways.days(row)}\s"
        assert re.search(told, text)
    assert re.search(r"Withheld: Iceland, Slovenia\. A country is shown where", text)
    html = (protected.folder / "report.html").read_text(encoding="utf-8")
    for entity in protected.entities.filter(pl.col("entity_id").is_in(ENTITIES))["name"]:
        assert f"{entity}: steps of care" in html
        assert f"{entity}: where patients are" in html


def test_flows_of_a_report_are_those_of_the_named_paths():
    """Of 20: a > b 7, a > b > c 5, a 3, others 5."""
    paths = [{"step": step, "events": n, "n": 20} for step, n in
             (("a > b", 7), ("a > b > c", 5), ("a", 3), (OTHERS, 5))]  # fmt: skip
    rows = ways.flows(paths).select("place", "from_step", "step", "from_n", "step_n", "n").rows()
    end = "no further step"
    assert rows == [
        (1, "a", "b", 15, 12, 12), (1, "a", end, 15, 3, 3),
        (2, "b", end, 12, 10, 7), (2, "b", "c", 12, 5, 5), (3, "c", end, 5, 15, 5),
    ]  # fmt: skip


# --- by hand -----------------------------------------------------------------------------------

BY_HAND = {
    # country: (patients with surgery, with radiotherapy, with neither)
    "DK": (20, 10, 6), "SE": (12, 8, 7), "NO": (9, 5, 0), "FI": (3, 2, 6),
}  # fmt: skip


def by_hand(counts=BY_HAND):
    """Patients treated on day 10, followed for two years; those of neither die on day 100."""
    cases, events = [], []
    start = date(2000, 1, 1)
    for country, treated in counts.items():
        for event, n in zip(("surgery", "radiotherapy", None), treated, strict=True):
            for k in range(n):
                patient = f"{country}-{event}-{k}"
                days = 730 if event else 100
                cases.append(
                    {
                        "patient_id": patient,
                        AREA: country,
                        "incidence_date": start,
                        "last_date": start + timedelta(days=days),
                        "died": event is None,
                    }
                )
                if event:
                    events.append({"patient_id": patient, "event": event,
                                   "date": start + timedelta(days=10)})  # fmt: skip
    steps = Steps(tuple(row for row in default_steps().rows if row.name in STEPS))
    return pathways(pl.DataFrame(events), pl.DataFrame(cases), steps=steps)


def hand_study(threshold=5, **ways):
    return study_of({
        "study": {"name": "h", "title": "H", "period": ["2000-01-01", "2004-12-31"],
                  "days_per_year": 365.25, "measures": ["incidence"]},
        "registries": [{"id": "DK", "country": "DK", "cases": {"path": "c.csv"},
                        "population": {"path": "p.csv"}}],
        "disclosure": {"threshold": threshold},
        "care": {"pathways": {"entities": ["08"], "at": [0.05, 1]} | ways},
    })  # fmt: skip


def hand_rows(study, paths, withheld=()):
    entities = pl.DataFrame(
        [{"entity_id": "08.01", "parent_id": None, "family": "Sarcomas", "tier": 1, "name": "S",
          "rare": True, "codes_confidence": "derived", "icss_standard": "1"}],
        schema_overrides={"parent_id": pl.String},
    )  # fmt: skip
    asked = AskedPathways.of(study, Groups.of(entities))
    return pathway_rows(Traced({"08": [paths]}), asked, study, withheld)


def numbers_of(rows, **key):
    return {row["area"]: row["events"] for row in rows.filter(**key).iter_rows(named=True)}


SURGERY, RADIOTHERAPY = "diagnosis > surgery", "diagnosis > radiotherapy"


def test_a_small_country_is_withheld_with_the_next_by_hand():
    rows, notes = hand_rows(hand_study(), by_hand())
    check_pathways(rows)
    # Finland has few of each; alone it would be 44 less the other three, so that Norway goes too
    gone = {"NO": None, "FI": None}
    assert numbers_of(rows, kind=PATH, step=SURGERY) == {"all": 44, "DK": 20, "SE": 12} | gone
    assert numbers_of(rows, kind=PATH, step=RADIOTHERAPY) == {"all": 25, "DK": 10, "SE": 8} | gone
    assert numbers_of(rows, kind=PATH, step="diagnosis") == {"all": 19, "DK": 6, "SE": 7} | gone
    waits = rows.filter(kind=WAIT, step="surgery", statistic="median")
    assert numbers_of(waits) == {"all": 44, "DK": 20, "SE": 12} | gone
    assert dict(waits.select("area", "n").iter_rows()) == {"all": 88, "DK": 36, "SE": 27} | gone
    assert waits.filter(status="ok")["estimate"].to_list() == [10.0] * 3
    # on day 18 in their first treatment, or waiting; after a year after it, or dead
    early, late = rows.filter(kind=STATE, time_years=0.05), rows.filter(kind=STATE, time_years=1)
    assert numbers_of(early, step="surgery") == {"all": 44, "DK": 20, "SE": 12} | gone
    assert numbers_of(early, step="waiting") == {"all": 19, "DK": 6, "SE": 7} | gone
    assert numbers_of(late, step="after treatment") == {"all": 69, "DK": 30, "SE": 20} | gone
    assert numbers_of(late, step="dead") == {"all": 19, "DK": 6, "SE": 7} | gone
    assert late.filter(area="all", step="dead")["estimate"][0] == pytest.approx(19 / 88, rel=1e-12)
    assert set(rows.filter(status="withheld")["reason"]) == {DisclosureRule.of(5).reason}
    assert notes[-1].startswith("pathways: Events of one step are one course within")


def test_where_incidence_is_withheld_so_are_ways_through_care():
    gone = {"DK": None, "FI": None}
    rows, _ = hand_rows(hand_study(), by_hand(), withheld=[("08", "DK"), ("07", "SE")])
    assert numbers_of(rows, kind=PATH, step=SURGERY) == {"all": 44, "SE": 12, "NO": 9} | gone
    for kind in (WAIT, STATE):
        shown = rows.filter(pl.col("events").is_not_null(), kind=kind)["area"].unique()
        assert set(shown) == {"all", "SE", "NO"}
    (row,) = hand_rows(hand_study(), by_hand(), withheld=[("08", "all")])[0].to_dicts()
    assert (row["area"], row["status"], row["n"], row["step"]) == ("all", "withheld", None, OTHERS)
    few_people = by_hand({"DK": (2, 1, 1)})
    assert hand_rows(hand_study(), few_people)[0]["status"].to_list() == ["withheld"]
    # nothing is withheld where the study shows every number
    whole, _ = hand_rows(hand_study(threshold=1), by_hand())
    assert set(whole["status"]) == {"ok"}


def test_fewer_paths_are_named_by_country():
    rows, _ = hand_rows(hand_study(threshold=1, most=2, most_by_country=1), by_hand())
    own = rows.filter(kind=PATH)
    assert own.filter(area="all").select("step", "order", "events").rows() == [
        (SURGERY, 1, 44), (RADIOTHERAPY, 2, 25), (OTHERS, None, 19),
    ]  # fmt: skip
    assert own.filter(area="NO").select("step", "order", "events").rows() == [
        (SURGERY, 1, 9), (OTHERS, None, 5),
    ]  # fmt: skip


def random_paths(seed):
    """Patients of five countries of different sizes, with steps on days drawn evenly."""
    rng = np.random.default_rng(seed)
    cases, events = [], []
    start = date(2000, 1, 1)
    for country, size in zip(("DK", "SE", "NO", "FI", "IS"), rng.integers(4, 90, 5), strict=True):
        for k in range(size):
            patient, end = f"{country}{k}", int(rng.integers(50, 900))
            cases.append(
                {
                    "patient_id": patient,
                    AREA: country,
                    "incidence_date": start,
                    "last_date": start + timedelta(days=end),
                    "died": rng.random() < 0.5,
                }
            )
            for event, share in (("surgery", 0.8), ("radiotherapy", 0.4), ("chemotherapy", 0.15)):
                if rng.random() < share:
                    day = start + timedelta(days=int(rng.integers(0, 45)))
                    events.append({"patient_id": patient, "event": event, "date": day})
    steps = Steps(tuple(row for row in default_steps().rows if row.name in STEPS))
    return pathways(pl.DataFrame(events), pl.DataFrame(cases), steps=steps)


def told(rows):
    """What rows tell, by quantity and area: numbers of patients, some from two rows."""
    known = {}
    for row in rows.filter(pl.col("events").is_not_null()).iter_rows(named=True):
        if row["kind"] == WAIT and row["statistic"] == "median":
            pair = f"{row['from_step']} to {row['step']}"
            known.setdefault(pair, {})[row["area"]] = row["events"]
            known.setdefault(f"not {pair}", {})[row["area"]] = row["n"] - row["events"]
            had = row["n"] if row["from_step"] != "diagnosis" else row["events"]
            step = row["from_step"] if row["from_step"] != "diagnosis" else row["step"]
            known.setdefault(f"had {step}", {})[row["area"]] = had
        elif row["kind"] == STATE:
            known.setdefault(f"{row['step']} at {row['time_years']}", {})[row["area"]] = row[
                "events"
            ]
    named = set(rows.filter(pl.col("area") != "all", kind=PATH)["step"]) - {OTHERS}
    paths = rows.filter(pl.col("events").is_not_null(), kind=PATH)
    for area in paths["area"].unique():
        own = dict(paths.filter(area=area).select("step", "events").iter_rows())
        finer = [("all", set(own) - {OTHERS})] if area == "all" else []
        for which, names in (("by country", named), *finer):
            rest = sum(n for path, n in own.items() if path not in names)
            known.setdefault(f"other than {which}", {})[area] = rest
            for step in ("surgery", "radiotherapy", "systemic"):
                if area in known.get(f"had {step}", {}):
                    inside = sum(n for path, n in own.items() if path in names and step in path)
                    among = known[f"had {step}"][area] - inside
                    known.setdefault(f"{step} in other than {which}", {})[area] = among
                    known.setdefault(f"no {step} in other than {which}", {})[area] = rest - among
        for path in named:
            known.setdefault(path, {})[area] = own[path]
    return known


@pytest.mark.parametrize("seed", [*range(10), 50, 70])
def test_a_reader_with_a_pencil_finds_no_small_number(seed):
    """Each number told, and what the countries leave of all areas, by one subtraction or two.

    In 50 and 70 a country's patients with surgery would follow, told by waiting times of two steps.
    """
    study = hand_study(since=["surgery", "diagnosis"], at=[0.1, 1], most=6, most_by_country=3)
    rows, _ = hand_rows(study, random_paths(seed))
    check_pathways(rows)
    by_country = 0
    for quantity, areas in told(rows).items():
        numbers = dict(areas)
        pooled = numbers.pop("all", None)
        assert all(n == 0 or n >= 5 for n in areas.values()), (quantity, areas)
        if pooled is not None and numbers:
            rest = pooled - sum(numbers.values())
            assert rest == 0 or rest >= 5, (quantity, areas)
            assert len(numbers) != 4, (quantity, areas)
            by_country += len(numbers)
    assert by_country > 0 or seed == 3  # too small for any country


counts = st.lists(st.integers(0, 12), min_size=1, max_size=8)


@given(counts, st.integers(1, 6))
def test_what_is_put_together_is_never_few(numbers, threshold):
    table = np.array([numbers], dtype=float)
    own = alone(table, threshold)
    rest = int(table[0, ~own].sum())
    assert all(n == 0 or n >= threshold for n in table[0, own])
    assert rest == 0 or rest >= threshold or not own[table[0] > 0].any()


@given(
    st.integers(1, 6).flatmap(
        lambda size: st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=size,
                              max_size=size)
    ),
    st.integers(2, 5),
)  # fmt: skip
def test_countries_left_out_are_never_one_nor_few(cells, threshold):
    table = np.array(cells, dtype=float)
    sizes = table.sum(axis=1).astype(int)
    ones = np.ones(len(cells), dtype=int)
    shown = shown_areas(table, sizes, ones == 1, ones, threshold)
    assert ((table[shown] == 0) | (table[shown] >= threshold)).all()
    gone = ~shown & (sizes > 0)
    rest = table[gone].sum(axis=0)
    if gone.any() and shown[sizes > 0].any():
        assert gone.sum() > 1
        assert ((rest == 0) | (rest >= threshold)).all()
        assert rest.sum() >= threshold
    if all(all(n == 0 or n >= threshold for n in row) for row in cells):
        assert shown.all()


# --- what cannot be used -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ways", "said"),
    [
        ({"entitys": ["08"]}, r"unknown key care\.pathways\.entitys.*'entities'"),
        ({"entities": []}, "care.pathways.entities"),
        ({"at": [1, 1]}, "at names one twice"),
        ({"at": [-1]}, "care.pathways.at"),
        ({"most": 0}, "care.pathways.most"),
    ],
)
def test_a_study_of_ways_that_cannot_be_used_is_named(ways, said):
    with pytest.raises(UsageError, match=said):
        hand_study(**ways)


@pytest.mark.parametrize(
    ("ways", "error", "said"),
    [
        ({"entities": ["99"]}, UsageError, r"\[care.pathways\] speaks of an entity.*99"),
        ({"entities": ["08", "08.01"]}, UsageError, "share cancers.*08 and 08.01"),
        ({"steps": ["diagnosis", "surgry"]}, UsageError, "steps names a step.*surgry"),
        ({"steps": ["surgery"]}, UsageError, "since names a step.*diagnosis.*surgery"),
        ({"definitions": "none.csv"}, FileError, "none.csv"),
    ],
)
def test_ways_that_the_list_or_the_steps_do_not_have_are_named(ways, error, said):
    with pytest.raises(error, match=said):
        hand_rows(hand_study(**ways), by_hand())


def test_own_definitions_of_steps_are_read_and_hashed(data, tmp_path):
    steps = "step,kind,events,course_days,not_before,source,sureness\n"
    steps += "found,diagnosis,diagnosis,,,ours,D\n"
    steps += "knife,treatment,surgery,30,found,ours,D\n"
    (data / "steps.csv").write_text(steps, encoding="utf-8")
    text = (data / "open.toml").read_text(encoding="utf-8")
    own = 'definitions = "steps.csv"\nsince = ["found"]'
    text = text.replace('since = ["diagnosis", "surgery"]', own)
    # a registry without events has no ways through care
    text = text.replace('events = { path = "IS/events.parquet" }\n', "")
    (data / "own.toml").write_text(text, encoding="utf-8")
    found = open_release(run_study(data / "own.toml", tmp_path / "r").folder)
    assert set(found.pathways.filter(kind=PATH)["step"]) == {"found", "found > knife"}
    assert set(found.pathways.filter(kind=STATE)["step"]) == {
        "waiting", "knife", "after treatment", "dead",
    }  # fmt: skip
    assert "steps.csv" in [one["name"] for one in found.manifest["inputs"]]
    assert "IS: no events, so not in pathways" in found.manifest["notes"]
    assert set(found.pathways["area"]) == {"all", "DK", "SI"}


def test_who_has_no_path_is_accounted_for(release, traced):
    left_out = release.exclusions.filter(purpose="pathways")
    assert left_out.height == 4 * len(COUNTRIES)
    expected = sum(int(paths.exclusions["records"].sum()) for paths in traced.values())
    assert left_out["records"].sum() == expected > 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "way"}, "a kind is none of"),
        ({"status": "gone"}, "a status is none of"),
        ({"step": None}, "a name is null"),
        ({"estimate": None}, "ok has no estimate"),
        ({"status": "withheld"}, "a number or no reason"),
        ({"status": "withheld", "estimate": None, "lower": None, "upper": None, "se": None,
          "reason": "few"}, "withheld has a count"),
        ({"from_step": "diagnosis"}, "waiting time has no step from"),
        ({"time_years": 1.0}, "a state has no time"),
        ({"lower": 0.9}, "limits do not enclose"),
        ({"se": float("nan")}, "a number is nan"),
        ({"events": -1}, "a count is negative"),
        ({"events": 99}, "a count is above its total"),
        ({"events": 19}, "do not add up"),
        ({"step": RADIOTHERAPY}, "two rows have one key"),
    ],
)  # fmt: skip
def test_rows_that_break_a_rule_are_refused(change, said):
    rows, _ = hand_rows(hand_study(), by_hand())
    first, rest = rows[:1].to_dicts()[0], rows[1:]
    assert (first["step"], first["events"]) == (SURGERY, 44)
    broken = pl.DataFrame([first | change], schema=PATHWAYS)
    with pytest.raises(DisagreementError, match=said):
        check_pathways(pl.concat([broken, rest]))
