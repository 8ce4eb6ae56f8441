"""Figures: drawings as images and files, their rows, and what cannot be drawn."""

import csv
import io
import re

import pytest

from rarecare.portal.estimates.drawings import BY_NAME
from rarecare.portal.estimates.icons import counts, standing_alone
from rarecare.portal.estimates.pictures import DARK_STYLE

BASE = "/en/cancers/08-sarcomas/figures/"


@pytest.fixture(autouse=True)
def drawings_elsewhere(settings_of, tmp_path):
    settings_of(DATA=tmp_path)


@pytest.mark.parametrize("name", ["survival", "trend", "incidence-by-country"])
def test_a_figure_is_given_as_a_file_with_its_text(visitor, name):
    page = visitor.get(f"{BASE}{name}.svg")
    svg = page.content.decode()
    assert page.headers["content-type"] == "image/svg+xml"
    assert 'role="img"' in svg
    assert "<title" in svg
    assert "Synthetic data: not an estimate of anything" in svg
    assert "Sarcomas" in svg
    assert "<style" not in svg


@pytest.mark.parametrize("width", ["wide", "narrow"])
def test_a_figure_of_a_page_follows_it_into_the_dark(visitor, width):
    page = visitor.get(f"{BASE}trend-{width}.svg")
    assert f"<style>{DARK_STYLE}</style>" in page.content.decode()
    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert re.search(r"style-src 'sha256-[A-Za-z0-9+/=]{44}'", policy)
    assert "Synthetic data" in page.content.decode()


def test_a_picture_is_png(visitor):
    page = visitor.get(f"{BASE}trend.png")
    assert page.content[:8] == b"\x89PNG\r\n\x1a\n"
    assert "invented" in page.headers["content-disposition"]


@pytest.mark.parametrize("name", [*BY_NAME, "people"])
def test_the_rows_of_a_figure_say_that_they_are_invented(visitor, name):
    rows = list(csv.DictReader(io.StringIO(visitor.get(f"{BASE}{name}.csv").content.decode())))
    assert all(row["synthetic"] == "true" for row in rows)
    assert rows or name == "projection"


def test_a_hundred_people_stand_alone(visitor):
    svg = visitor.get(f"{BASE}people.svg").content.decode()
    assert "Synthetic data: not an estimate of anything" in svg
    assert svg.count("<circle") == 100
    assert "Invented figure: About" in svg


def test_counts_of_people_by_hand():
    # 0.5501 to 0.588: 55 filled, up to 59 striped, the rest in outline
    assert counts(0.5501, 0.588) == (55, 4, 41)
    assert counts(0.0, 0.0) == (0, 0, 100)
    assert counts(0.97, 1.2) == (97, 3, 0)


def test_names_cannot_break_out_of_a_drawing():
    svg = standing_alone(
        0.1, 0.2, title="<script>x</script>", description='"&<', lines=["<b>"], synthetic=""
    )
    assert "<script>" not in svg
    assert "<b>" not in svg


def test_an_unknown_figure_is_named_with_those_there_are(visitor):
    page = visitor.get(f"{BASE}survivall.svg")
    assert page.status_code == 404
    text = page.content.decode()
    assert "survivall" in text
    assert "incidence-by-country" in text


def test_what_cannot_be_drawn_is_not_drawn(visitor, opened):
    hidden = next(
        entity for entity in opened.entities.values()
        if not BY_NAME["survival"].drawable(BY_NAME["survival"].rows(opened, entity))
    )  # fmt: skip
    page = visitor.get(f"/en/cancers/{hidden.slug}/figures/survival.svg")
    assert page.status_code == 404
    assert "Too few numbers" in page.content.decode()
    html = visitor.get(f"/en/cancers/{hidden.slug}/?for=oncologist").content.decode()
    assert "survival-wide.svg" not in html


def test_no_curve_is_drawn_of_fewer_than_ten_people():
    row = {"status": "ok", "n": 9}
    assert not BY_NAME["survival"].drawable([row])
    assert BY_NAME["survival"].drawable([{**row, "n": 10}])


def test_a_drawing_is_kept_on_disk(visitor, tmp_path):
    visitor.get(f"{BASE}trend.svg")
    kept = list((tmp_path / "drawings").rglob("*.svg"))
    if not kept:  # drawn by an earlier test: memory has it
        pytest.skip("the drawing is in memory from another test")
    assert kept[0].read_text().startswith("<svg")
