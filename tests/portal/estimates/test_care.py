"""Care on the sheet and the country page: the release's own numbers, or that there are none."""

import re

import polars as pl
import pytest

from rarecare.portal import numbers
from rarecare.portal.estimates import care
from rarecare.results import OK

FAMILY, BELOW = "08", "08.02"


@pytest.fixture(scope="module")
def estimates(release_folder):
    return pl.read_parquet(release_folder / "estimates.parquet")


def row_of(estimates, measure, area="all", entity=FAMILY):
    found = estimates.filter(measure=measure, entity_id=entity, area=area, sex="all")
    return found.row(0, named=True)


def text(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_stage_and_indicators_are_those_of_the_release(visitor, estimates):
    said = text(visitor.get(f"/en/cancers/{FAMILY}-x/?for=oncologist"))
    stages = [row_of(estimates, f"D2b: share, {name}")
              for name in ("localised", "regional", "distant")]  # fmt: skip
    assert all(row["status"] == OK for row in stages)
    for name, row in zip(("Localised", "Regional", "Distant"), stages, strict=True):
        low, high = (numbers.percent(row[one]) for one in ("lower", "upper"))
        assert f"{name} {numbers.percent(row['estimate'])} ({low}–{high})" in said
    median = row_of(estimates, "D4: median")
    assert f"{median['estimate']:.0f} ({median['lower']:.0f}–{median['upper']:.0f}) days" in said
    assert "definition own proposal (D) (P)" in said


def test_a_share_within_a_time_is_better_high_though_the_time_is_better_short(opened):
    table = care.indicator_table(opened, opened.entities[FAMILY])
    aims = {str(line["name"]): line["cells"][4]["value"] for line in table["lines"]}
    [within] = [aim for name, aim in aims.items() if "within threshold" in name]
    [median] = [aim for name, aim in aims.items() if "median" in name]
    assert within == "higher (30 days)"
    assert median == "lower (30 days)"
    # the release has the median of each stage too, which is no line of its own here
    assert any(told["statistic"] == "median of stage distant" for told in opened.care.values())
    assert not any("of stage" in name for name in aims)


def test_a_cancer_without_care_of_its_own_says_whose_it_is(visitor, opened):
    assert care.nearest_with_care(opened, opened.entities[BELOW], care.INDICATOR).entity_id == (
        FAMILY
    )
    said = text(visitor.get(f"/en/cancers/{BELOW}-x/?for=oncologist"))
    assert "Not of this cancer alone: of Sarcomas, to which it belongs." in said
    assert "Not of this cancer alone" not in text(
        visitor.get(f"/en/cancers/{FAMILY}-x/?for=oncologist")
    )


def test_patients_and_family_doctors_get_the_directory_and_no_indicators(visitor):
    for reader in ("patient", "gp"):
        said = text(visitor.get(f"/en/cancers/{FAMILY}-x/?for={reader}"))
        assert "Find a centre or a patient organisation" in said
        assert "Indicators of care" not in said


def test_volumes_and_needs_of_a_country_are_those_of_the_release(visitor, estimates):
    said = text(visitor.get("/en/countries/it/?for=authority"))
    hospitals = row_of(estimates, "hospitals: any treatment", "IT")
    treated = row_of(estimates, "patients to be treated: surgery", "IT")
    assert "Hospitals that treat them, any treatment" in said
    assert hospitals["status"] == OK
    value, low, high = (care._short(treated[one]) for one in ("estimate", "lower", "upper"))
    assert f"Sarcomas {value} ({low}–{high})" in said


def test_what_is_withheld_or_not_estimable_is_said_in_words(opened):
    rows = opened.release.estimates.filter(pl.col("measure").is_in(list(opened.care)))
    for status in ("withheld", "not estimable"):
        row = rows.filter(status=status).row(0, named=True)
        assert care.cell(row)["state"] == status
        assert care.cell(row)["reason"] == row["reason"]
    assert care.cell(None)["state"] == "no data"


def test_a_release_without_care_says_so(visitor, opened, monkeypatch):
    monkeypatch.setitem(opened.__dict__, "cared_for", {})
    for part in care.care_parts(
        opened, opened.entities[FAMILY], ("stage", care.INDICATOR, care.CENTRALISATION, care.NEEDS)
    ):
        assert part["table"] is None
        assert part["absent"].startswith("This release holds no ")


def test_the_checks_of_the_data_stand_beside_the_numbers(visitor, opened):
    said = text(visitor.get(f"/en/cancers/{FAMILY}-x/?for=oncologist"))
    own = opened.release.quality.filter(entity_id=FAMILY, registry="all", period="all")
    shares = {row["indicator"]: row["value"] for row in own.iter_rows(named=True)}

    def told(name):
        return "withheld" if shares[name] is None else f"{shares[name]:.1f}%"

    assert f"confirmed under the microscope {told('microscopically verified')}" in said
    assert f"death certificate only {told('death certificate only')}" in said
    assert f"lost to follow-up {told('lost to follow-up')}" in said
