"""Real registry data, where they are present, against counts made with the csv module."""

import csv
from collections import Counter
from datetime import date

import pytest

from rarecare.errors import CodeError
from rarecare.registry import ExclusionRules, exclude, read_cases

COLREC = {
    "age_days": "age",
    "incidence_date": "diag",
    "follow_up_days": "time",
    "vital_status": "stat",
}


def records(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_slovene_colorectal_cancer(shared_data):
    path = shared_data / "relsurv_colrec.csv"
    cases = read_cases(path, columns=COLREC, codes={"vital_status": "event"})
    rows = records(path)
    assert cases.table.height == len(rows) == 5971
    assert set(cases.rejects["column"]) == {"stage"}  # numbers that nobody explained
    assert cases.table["age_days"].to_list() == [float(r["age"]) for r in rows]
    assert cases.table["follow_up_days"].to_list() == [int(r["time"]) for r in rows]
    assert cases.table["incidence_date"].to_list() == [date.fromisoformat(r["diag"]) for r in rows]
    kept, _ = exclude(cases, ExclusionRules(ages=None))
    assert kept.height == 5971
    assert kept["died"].sum() == sum(r["stat"] == "1" for r in rows)


def test_slovene_stage_once_mapped(shared_data):
    path = shared_data / "relsurv_colrec.csv"
    stage = {"1": "localised", "2": "regional", "3": "distant"}
    cases = read_cases(path, columns=COLREC, codes={"vital_status": "event", "stage": stage})
    assert cases.rejects.is_empty()
    counted = Counter(stage.get(r["stage"]) for r in records(path))
    assert dict(cases.table["stage"].value_counts().iter_rows()) == counted


def test_the_slovene_status_is_refused_unexplained(shared_data):
    with pytest.raises(CodeError, match=r"relsurv_colrec\.csv, line 2, column 'stat'.*got '0'"):
        read_cases(shared_data / "relsurv_colrec.csv", columns=COLREC)


def test_finnish_colon_cancer_in_words(shared_data):
    path = shared_data / "biostat3_colon.csv"
    status = {
        "Alive": "alive",
        "Dead: cancer": "dead",
        "Dead: other": "dead",
        "Lost to follow-up": "lost",
    }
    cases = read_cases(
        path,
        columns={"incidence_date": "dx", "last_date": "exit", "vital_status": "status"},
        codes={"vital_status": status},
        required=("sex", "age_days", "follow_up_days", "vital_status"),
    )
    rows = records(path)
    assert cases.table.height == len(rows) == 15564
    assert cases.rejects.is_empty()
    assert dict(cases.table["vital_status"].value_counts().iter_rows()) == Counter(
        status[r["status"]] for r in rows
    )
    stages = Counter(r["stage"].lower() if r["stage"] != "Unknown" else None for r in rows)
    assert dict(cases.table["stage"].value_counts().iter_rows()) == stages
    days = [(date.fromisoformat(r["exit"]) - date.fromisoformat(r["dx"])).days for r in rows]
    assert cases.table["follow_up_days"].to_list() == days
    assert cases.table["age"].to_list() == [int(r["age"]) for r in rows]
    assert cases.notes == (
        "15564 of 15564 ages in days are (completed age + 0.5) x 365.2425, for want of full dates",
    )
