"""Occupancy: by hand, beside plain loops and R's survival, laws, recovery, bad input."""

import math
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecare.care.aalen_johansen import aalen_johansen
from rarecare.care.occupancy import occupancy
from rarecare.care.occupancy_states import (
    BACKWARD,
    CENSORED,
    EARLY,
    NO_END,
    NO_START,
    Stays,
    state_names,
    stays,
)
from rarecare.care.pathway_steps import default_steps
from rarecare.care.pathways import pathways
from rarecare.errors import ColumnError, UsageError
from rarecare.results import NOT_ESTIMABLE, OK, WITHHELD
from tests.reference import pathways_twin as twin

ZERO = date(2015, 1, 1)


def made(patients, ends, died, **more):
    """Paths of patients diagnosed on day 0, of whom events and ends are in days since."""
    rows = [(str(k), event, ZERO + timedelta(days=day))
            for k, events in enumerate(patients) for event, day in events]  # fmt: skip
    schema = {"patient_id": pl.String, "event": pl.String, "date": pl.Date}
    cases = pl.DataFrame(
        {"patient_id": [str(k) for k in range(len(ends))], "incidence_date": ZERO,
         "last_date": [ZERO + timedelta(days=end) for end in ends], "died": died, **more}
    )  # fmt: skip
    return pathways(pl.DataFrame(rows, schema=schema, orient="row"), cases)


def share(table, state, time):
    return table.filter(state=state, time_days=time)["estimate"][0]


FIVE = (
    [[("surgery", 10)], [("surgery", 10), ("recurrence", 60)], [], [("surveillance", 20)],
     [("radiotherapy", 30), ("surgery", 40)]],
    [100, 90, 50, 100, 45],
    [False, True, True, False, False],
)  # fmt: skip


def test_states_by_hand():
    own, left = stays(made(*FIVE))
    assert left["records"].sum() == 0
    names = np.array(own.states)
    told = [
        (int(patient), str(names[state]), int(enter), None if leave > 10**6 else int(leave))
        for patient, state, enter, leave in zip(
            own.patient, own.state, own.enter, own.leave, strict=True
        )
    ]
    assert told == [
        (0, "waiting", 0, 10), (0, "surgery", 10, 40), (0, "after treatment", 40, 100),
        (1, "waiting", 0, 10), (1, "surgery", 10, 40), (1, "after treatment", 40, 60),
        (1, "recurrence", 60, 90), (1, "dead", 90, None),
        (2, "waiting", 0, 50), (2, "dead", 50, None),
        (3, "waiting", 0, 20), (3, "surveillance", 20, 100),
        (4, "waiting", 0, 30), (4, "radiotherapy", 30, 40), (4, "surgery", 40, 45),
    ]  # fmt: skip


def test_shares_by_hand():
    table = occupancy(made(*FIVE), times=[0, 10, 40, 45, 50, 90, 100], smallest=1).table
    assert share(table, "waiting", 0) == 1
    assert share(table, "surgery", 10) == pytest.approx(2 / 5, rel=1e-12)
    assert share(table, "after treatment", 40) == pytest.approx(2 / 5, rel=1e-12)
    assert share(table, "surgery", 45) == pytest.approx(1 / 5, rel=1e-12)
    # the fifth is censored on day 45 in surgery: its share stays there, nobody to tell of it
    assert share(table, "surgery", 90) == pytest.approx(1 / 5, rel=1e-12)
    assert share(table, "dead", 50) == pytest.approx(1 / 5, rel=1e-12)
    assert share(table, "dead", 90) == pytest.approx(2 / 5, rel=1e-12)
    assert table.filter(time_days=50, state="waiting")["at_risk"][0] == 0
    assert table.filter(time_days=45, state="surgery")["at_risk"][0] == 1
    # without censoring so far, the error of a share counted: √(p(1 − p)/n)
    row = table.filter(time_days=40, state="after treatment").row(0, named=True)
    assert row["se"] == pytest.approx(math.sqrt(0.4 * 0.6 / 5), rel=1e-12)
    odds, width = math.log(0.4 / 0.6), 1.9599639845400545 * row["se"] / 0.24
    assert row["lower"] == pytest.approx(1 / (1 + math.exp(width - odds)), rel=1e-12)
    assert row["upper"] == pytest.approx(1 / (1 + math.exp(-width - odds)), rel=1e-12)


def test_lost_as_a_state():
    table = occupancy(made(*FIVE), times=[45, 46, 101], lost="state", smallest=1).table
    assert [share(table, "lost", day) for day in (45, 46, 101)] == pytest.approx([0, 0.2, 0.6])
    assert share(table, "dead", 101) == pytest.approx(0.4)
    assert set(table["method"]) == {"counted"}


def survfit(root):
    names = ("waiting", "surgery", "after", "recurrence", "dead")
    rows = []
    for row in pl.read_csv(root / "occupancy_stays.csv").to_dicts():
        next_ = names.index(row["next"]) if row["next"] else CENSORED
        rows.append((row["patient"], names.index(row["state"]), row["enter"], row["leave"], next_))
        if row["next"] == "dead":
            rows.append((row["patient"], 4, row["leave"], 2**30, CENSORED))
    columns = np.array(rows, dtype=np.int64).T
    own = Stays(names, *columns, np.unique(columns[0]))
    return own, pl.read_csv(root / "occupancy_survfit.csv", comment_prefix="#")


@pytest.fixture(scope="module")
def reference(request):
    return survfit(request.config.rootpath / "tests" / "reference")


def test_shares_and_errors_are_those_of_r(reference):
    own, expected = reference
    times = expected["time"].unique().sort().to_list()
    found = aalen_johansen(own, times, given_start=True)
    for j, state in enumerate(own.states):
        rows = expected.filter(state=state).sort("time")
        # R prints 15 digits
        assert found.share[:, j] == pytest.approx(rows["pstate"].to_numpy(), abs=1e-13)
        assert found.se[:, j] == pytest.approx(rows["se"].to_numpy(), abs=1e-13)
    # not given, the shares on day 0 have their error, those counted
    start = aalen_johansen(own, [0])
    p = start.share[0]
    assert start.se[0] == pytest.approx(np.sqrt(p * (1 - p) / 160), rel=1e-12)
    assert start.se[0, 0] == pytest.approx(math.sqrt(0.76875 * 0.23125 / 160), rel=1e-12)


def test_greenwood_is_near_the_jackknife(reference):
    own, _ = reference
    robust, greenwood = (
        aalen_johansen(own, [30, 90, 180], variance=v).se for v in ("robust", "greenwood")
    )
    # another estimate of the same: within a tenth for 160 patients
    assert greenwood == pytest.approx(robust, rel=0.1)


KINDS = ["surgery", "re_excision", "radiotherapy", "chemotherapy", "recurrence", "surveillance"]
HISTORY = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 60)), max_size=5)


def histories(patients, ends, died):
    steps = default_steps().rows
    kept = []
    for own, end, dead in zip(patients, ends, died, strict=True):
        courses = twin.courses(own, steps)
        days = [twin.state(courses, steps, day, end=end, died=dead) for day in range(200)]
        kept.append([state for state in days if state is not None])
    return kept


@settings(max_examples=60)
@given(st.lists(st.tuples(HISTORY, st.integers(60, 150), st.booleans()), min_size=1, max_size=6))
def test_states_and_shares_are_those_of_the_twin(people):
    patients, ends, died = (list(part) for part in zip(*people, strict=True))
    paths = made(patients, ends, died)
    kept = [int(name) for name in paths.patients["patient_id"]]
    if not kept:
        return
    names = state_names(default_steps())
    slow = histories(*([part[k] for k in kept] for part in (patients, ends, died)))
    times = [0, 1, 30, 59, 60, 90, 140]
    found = aalen_johansen(stays(paths)[0], times)
    for k, time in enumerate(times):
        assert found.share[k] == pytest.approx(twin.shares(slow, names, time), abs=1e-12)
        assert found.share[k].sum() == pytest.approx(1, abs=1e-12)
        present = [sum(time < len(h) and h[time] == name for h in slow) for name in names]
        # the dead stay, in the twin to the end of its days
        assert found.at_risk[k].tolist() == present


def test_errors_are_those_of_the_twin():
    rng = np.random.default_rng(5)
    patients, ends, died = [], [], []
    for _ in range(12):
        end = int(rng.integers(60, 120))
        events = [("surgery", int(rng.integers(0, 40)))]
        if rng.random() < 0.5:
            events.append(("recurrence", int(rng.integers(41, 60))))
        patients.append(events)
        ends.append(end)
        died.append(bool(rng.random() < 0.4))
    names = state_names(default_steps())
    slow = histories(patients, ends, died)
    found = aalen_johansen(stays(made(patients, ends, died))[0], [20, 55, 100])
    for k, time in enumerate((20, 55, 100)):
        # central differences of a step of 1e-5 are true to its square
        assert found.se[k] == pytest.approx(twin.standard_errors(slow, names, time), abs=1e-8)


def test_a_stratum_is_as_if_alone():
    patients, ends, died = (part * 4 for part in FIVE)
    country = ["IT"] * 10 + ["NL"] * 10
    paths = made(patients, ends, died, country=country)
    table = occupancy(paths, times=[30, 70], by=["country"]).table
    alone = occupancy(made(patients[:10], ends[:10], died[:10]), times=[30, 70]).table
    for name in ("IT", "NL"):
        own = table.filter(country=name).drop("country")
        assert own["estimate"].to_list() == pytest.approx(alone["estimate"].to_list())
        assert own["se"].to_list() == pytest.approx(alone["se"].to_list())
    whole = occupancy(paths, times=[30, 70]).table
    # twice the patients, the same shares: errors √2 smaller
    assert whole["estimate"].to_list() == pytest.approx(alone["estimate"].to_list())
    assert (whole["se"] * math.sqrt(2)).to_list() == pytest.approx(alone["se"].to_list())


def simulated(rng, n):
    """Exponential times to surgery, recurrence or death, and censoring; all in days."""
    patients, ends, died = [], [], []
    for _ in range(n):
        surgery, death = rng.exponential(40), rng.exponential(400)
        again = surgery + 31 + rng.exponential(300)
        end = min(death, rng.uniform(100, 900))
        day = int(end) + 1
        events = [(name, int(at) + 1) for name, at in (("surgery", surgery), ("recurrence", again))
                  if int(at) + 1 < day]  # fmt: skip
        patients.append(events)
        ends.append(day)
        died.append(bool(death == end))
    return made(patients, ends, died)


@pytest.mark.parametrize("runs", [20, pytest.param(300, marks=pytest.mark.slow)])
def test_shares_are_recovered_and_limits_hold(runs):
    rng = np.random.default_rng(11)
    # dead by day t: death is exponential, its mean 400 days, rounded up to whole days
    truth = {time: 1 - math.exp(-time / 400) for time in (90, 365)}
    held, found = [], []
    for _ in range(runs):
        table = occupancy(simulated(rng, 200), times=list(truth)).table.filter(state="dead")
        for row in table.to_dicts():
            held.append(row["lower"] <= truth[row["time_days"]] <= row["upper"])
            found.append(row["estimate"] - truth[row["time_days"]])
    # a share of 95 %, its own error √(0.95·0.05/runs), times within a run alike
    assert np.mean(held) == pytest.approx(0.95, abs=4 * math.sqrt(0.0475 / runs))
    assert abs(np.mean(found)) < 4 * 0.035 / math.sqrt(runs)


def test_who_cannot_be_followed_is_counted():
    cases = pl.DataFrame(
        {"patient_id": list("abcdef"), "incidence_date": [None, *[ZERO] * 5],
         "last_date": [ZERO, None, ZERO, ZERO - timedelta(days=3), *[ZERO + timedelta(days=9)] * 2],
         "died": [False, False, None, False, False, True]}
    )  # fmt: skip
    events = pl.DataFrame(
        {"patient_id": ["e"], "event": ["surgery"], "date": [ZERO - timedelta(days=1)]}
    )
    steps = default_steps()
    free = type(steps)(
        tuple(type(row)(row.name, row.kind, row.events, row.course_days) for row in steps.rows)
    )
    result = occupancy(pathways(events, cases, steps=free), times=[0, 9], smallest=1)
    assert set(result.table["n"]) == {1}
    left = dict(result.provenance.exclusions.iter_rows())
    assert [left[name] for name in (NO_START, NO_END, BACKWARD, EARLY)] == [1, 2, 1, 1]
    assert share(result.table, "dead", 9) == 1
    assert result.table["lower"].null_count() == result.table.height  # shares of 0 and 1


def test_beyond_follow_up_and_too_few():
    paths = made(*FIVE)
    table = occupancy(paths, times=[50, 200], smallest=5).table
    late = table.filter(time_days=200)
    assert set(late["status"]) == {NOT_ESTIMABLE}
    assert set(late["reason"]) == {"nobody is followed so long"}
    assert late["estimate"].null_count() == late.height
    assert set(table.filter(time_days=50)["status"]) == {OK}
    # 1 to 4 patients at risk are not told
    assert table.filter(time_days=50)["at_risk"].drop_nulls().to_list().count(0) >= 1
    assert not table["at_risk"].is_between(1, 4).any()
    few = occupancy(paths, times=[50], smallest=6).table
    assert set(few["status"]) == {WITHHELD}
    assert few["n"].null_count() == few.height


def test_all_dead_stays_known():
    table = occupancy(made([[]] * 6, [5] * 6, [True] * 6), times=[0, 5, 900]).table
    assert [share(table, "dead", day) for day in (0, 5, 900)] == [0, 1, 1]
    assert set(table["status"]) == {OK}


def test_a_call_that_cannot_be():
    paths = made(*FIVE)
    for choices in ({"times": []}, {"times": [-1]}, {"lost": "gone"}, {"variance": "naive"},
                    {"smallest": 0}, {"level": 1.0}):  # fmt: skip
        with pytest.raises(UsageError):
            occupancy(paths, **choices)
    with pytest.raises(ColumnError, match="no such column"):
        occupancy(paths, by=["region"])
    events = pl.DataFrame({"patient_id": ["a"], "event": ["surgery"], "date": [ZERO]})
    with pytest.raises(UsageError, match="no patient has a date of diagnosis"):
        occupancy(pathways(events))
    with pytest.raises(UsageError, match="all steps"):
        occupancy(pathways(events, only=["surgery"]))


def test_the_result_draws_itself():
    result = occupancy(made(*(part * 2 for part in FIVE)), times=range(0, 80, 10))
    figure = result.plot(title="States", width=340)
    assert figure.title == "States"
    assert "Day 70 of 10 patients" in figure.description
