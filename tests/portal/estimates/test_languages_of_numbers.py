"""Patients read numbers in reviewed languages only; drawings speak the language of their page."""

import re

import pytest
from django.utils.translation import gettext, override

from rarecare.portal.knowledge import catalogue

CANCER = "cancers/08-sarcomas"
PAGES = ("", "cancers/08-x/", "compare/08-x/incidence/", "countries/", "countries/it/",
         "countries/it/incidence/", "quality/", "quality/08-x/", "quality/registry/IT/",
         "query/?measure=incidence&area=IT")  # fmt: skip
with override("de"):
    NOTICE = gettext(
        "No named person has yet reviewed the text for patients in this language, so the part "
        "with numbers is in English."
    )


def address(page, **query):
    mark = "&" if "?" in page else "?"
    return f"/de/{page}{mark}" + "&".join(f"{k}={v}" for k, v in query.items())


@pytest.mark.parametrize("page", PAGES)
def test_numbers_for_patients_are_english_where_no_one_has_reviewed_the_language(visitor, page):
    response = visitor.get(address(page, **{"for": "patient"}))
    html = response.content.decode()
    assert NOTICE in html
    assert '<html lang="de">' in html
    blocks = re.findall(r'<(?:div|section)[^>]* lang="en"', html)
    assert blocks
    figures = re.findall(r'(?:src|srcset)="(/[^"]+\.svg)"', html)
    assert all(one.startswith("/en/") for one in figures if "/static/" not in one)


@pytest.mark.parametrize("page", PAGES)
def test_other_readers_and_reviewed_languages_have_their_own(visitor, page, monkeypatch):
    german = visitor.get(address(page, **{"for": "researcher"})).content.decode()
    assert NOTICE not in german
    assert not re.findall(r'<(?:div|section)[^>]* lang="en"', german)
    monkeypatch.setattr(catalogue, "_reviewed", lambda: frozenset({"en", "de"}))
    catalogue.forget()
    try:
        reviewed = visitor.get(address(page, **{"for": "patient"})).content.decode()
    finally:
        catalogue.forget()
    assert NOTICE not in reviewed
    assert not re.findall(r'<(?:div|section)[^>]* lang="en"', reviewed)


def test_a_drawing_is_in_the_language_of_its_address(visitor):
    german, english = (
        visitor.get(f"/{one}/{CANCER}/figures/survival.svg").content.decode()
        for one in ("de", "en")
    )  # fmt: skip
    assert "Jahre seit der Diagnose" in german
    assert "Netto-Überleben" in german
    assert "Synthetische Daten" in german
    assert "Years since diagnosis" not in german
    assert "Years since diagnosis" in english


def test_a_drawing_of_countries_has_their_names_and_the_decimal_sign(visitor):
    svg = visitor.get(f"/it/{CANCER}/figures/incidence-by-country.svg").content.decode()
    assert "Italia" in svg
    assert "Italy" not in svg
    assert re.search(r"\d,\d", svg)
    assert not re.search(r">\d+\.\d", svg)


def test_the_hundred_people_are_english_until_the_language_is_reviewed(visitor):
    svg = visitor.get(f"/de/{CANCER}/figures/people.svg").content.decode()
    assert "Out of 100 people with" in svg


def test_names_in_tables_are_those_of_the_language_or_marked(visitor):
    html = visitor.get("/sl/countries/it/?for=authority").content.decode()
    assert "Sarkomi" in html
    marked = visitor.get("/sl/countries/it/incidence/08/?for=authority").content.decode()
    assert "Kostni sarkom" in marked
    assert re.search(r'<th scope="row"><a[^>]*><span class="fallback" lang="en">', marked)


@pytest.mark.parametrize("reader", ["patient", "authority"])
def test_people_alive_are_one_number(visitor, opened, reader):
    html = visitor.get(f"/en/cancers/08-x/?for={reader}").content.decode()
    rows = [row for row in opened.rows("08")["prevalent persons"]
            if row["area"] == "all" and row["status"] == "ok"]  # fmt: skip
    keys = re.search(r'<div class="keys".*?</section>', html, re.S)[0]
    for row in rows:
        if round(row["estimate"]) != row["n"]:
            assert f"{row['n']:,} invented people" not in keys
