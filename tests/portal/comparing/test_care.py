"""Needs and hospitals on the page of a country: the release's own rows, or none."""

import polars as pl
import pytest

from rarecare.portal.comparing import hospitals
from rarecare.portal.comparing.sides import cancers
from rarecare.portal.comparing.ways import Ways
from rarecare.portal.estimates import care
from rarecare.portal.places import Places


@pytest.fixture
def own(opened):
    return [opened.entities["rare"], *cancers(opened, None)]


@pytest.fixture
def ways(opened):
    return Ways(Places("en", opened.name))


def cell_of(table, name, title):
    line = next(line for line in table["lines"] if name in str(line["name"]))
    return line["cells"][table["columns"].index(title)]


def test_needs_are_the_rows_of_each_family(opened, own, ways):
    table = hospitals.needs(opened, own, "IT", ways)
    row = opened.row("08", "patients to be treated: surgery", area="IT")
    assert cell_of(table, "Sarcomas", "Patients to be treated: surgery") == care.cell(row)
    assert row["status"] == "ok"
    assert care.cell(row)["interval"] != ""


def test_volumes_are_the_rows_of_each_family(opened, own, ways):
    table = hospitals.volumes(opened, own, "IT", ways)
    for statistic, title in (("hospitals", "Hospitals"),
                             ("median volume", "Patients a year, median hospital")):  # fmt: skip
        row = opened.row("08", f"{statistic}: any treatment", area="IT")
        assert cell_of(table, "Sarcomas", title) == care.cell(row)


def test_hospitals_have_no_names_and_what_is_withheld_stays_so(opened):
    rows = opened.release.hospitals.filter(
        pl.col("area") == "IT", pl.col("measure") == "hospital volume: any treatment",
        pl.col("entity_id") == "rare",
    )  # fmt: skip
    lines = hospitals.each(opened, opened.entities["rare"], "IT")["lines"]
    assert len(lines) == rows.height > 0
    for line, row in zip(lines, rows.iter_rows(named=True), strict=True):
        assert line["name"] in (row["hospital"], "Smaller hospitals, together")
        assert line["cells"][1] == care.cell(row)


def test_a_release_without_care_says_nothing(opened, own, ways, monkeypatch):
    assert hospitals.each(opened, opened.entities["rare"], "XX") is None
    assert hospitals.needs(opened, own, "XX", ways) is None
    monkeypatch.setitem(opened.__dict__, "care", {})
    assert hospitals.volumes(opened, own, "IT", ways) is None
    assert hospitals.each(opened, opened.entities["rare"], "IT") is None
