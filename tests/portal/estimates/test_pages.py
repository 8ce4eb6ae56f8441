"""Pages of a cancer: one number for five readers, what is hidden, what is said when it is not."""

import re

import pytest

from rarecare.portal import kept
from rarecare.portal.estimates.facts import Facts, ok
from rarecare.portal.languages import CODES
from rarecare.portal.numbers import percent, rate
from rarecare.portal.readers import BY_CODE
from rarecare.study import schema

SHEET = "/en/cancers/08-sarcomas/"


def text_of(page):
    """The words of a page, without its marks."""
    body = re.sub(r"<(script|style)[^>]*>.*?</\1>", " ", page.content.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


@pytest.fixture
def facts(opened):
    return Facts.of(opened, opened.entities["08"])


@pytest.mark.parametrize("reader", [code for code in BY_CODE if code != "researcher"])
def test_the_number_is_the_releases_for_every_reader(visitor, facts, reader):
    text = text_of(visitor.get(f"{SHEET}?for={reader}"))
    assert rate(facts.crude["estimate"]) in text
    assert rate(facts.crude["lower"]) in text
    assert rate(facts.crude["upper"]) in text


@pytest.mark.parametrize("reader", BY_CODE)
def test_survival_waits_for_patients_and_for_no_one_else(visitor, facts, reader):
    assert ok(facts.at)
    shown = percent(facts.at["estimate"])
    page = visitor.get(f"{SHEET}?for={reader}")
    html = page.content.decode()
    if reader == "patient":
        assert "Show figures on survival" in html
        assert "are alive after" not in html
        assert "survival-wide.svg" not in html
        assert "Net survival" not in html
    else:
        assert f"{shown}%" in html or f"{facts.at['estimate']:.3f}" in html


def test_a_patient_who_asks_sees_survival_in_natural_frequencies(visitor, facts):
    html = visitor.get(f"{SHEET}?for=patient&survival=show").content.decode()
    assert f"About {percent(facts.at['estimate'])} of 100 people are alive after five years" in html
    full, upper = (round(100 * facts.at[key]) for key in ("lower", "upper"))
    wide = html[html.index('class="chart wide"') : html.index('class="chart narrow"')]
    assert wide.count('<g class="p-full"') == full
    assert wide.count('<g class="p-half"') == upper - full
    assert wide.count('<g class="p-none"') == 100 - upper
    assert "Hide figures on survival" in html
    assert "data-nosnippet" in html


@pytest.mark.parametrize("query", ["", "?for=patient", "?for=oncologist"])
def test_survival_is_in_no_preview(visitor, query):
    html = visitor.get(SHEET + query).content.decode()
    head = html[: html.index("</head>")]
    assert "survival" not in head.lower()
    assert "%" not in re.sub(r"https?://\S+", "", head.split('<link rel="icon"')[0])


def test_survival_is_in_no_search_result(visitor):
    text = text_of(visitor.get("/en/search/?q=sarcoma"))
    assert "survival" not in text.lower()
    assert "alive" not in text


def test_each_sentence_with_a_number_says_that_it_is_invented(visitor):
    for reader in BY_CODE:
        html = visitor.get(f"{SHEET}?for={reader}&survival=show").content.decode()
        said = re.findall(r'<p class="say">([^<]*)</p>', html)
        assert said
        for sentence in said:
            if re.search(r"\d", sentence):
                assert sentence.startswith("Invented figure: "), sentence


def test_each_figure_and_table_says_that_it_is_invented(visitor):
    html = visitor.get(f"{SHEET}?for=authority").content.decode()
    for figure in re.findall(r"<figure.*?</figure>", html, flags=re.DOTALL):
        assert "Invented data" in figure
    for caption in re.findall(r"<caption>.*?</caption>", html):
        assert "nvented" in caption or "all cancers" in caption or "Checks" in caption


def test_each_figure_has_its_table_files_address_and_citation(visitor, opened):
    html = visitor.get(f"{SHEET}?for=researcher").content.decode()
    figures = re.findall(r"<figure.*?</figure>", html, flags=re.DOTALL)
    assert len(figures) >= 4
    for figure in figures:
        assert "Table of these figures" in figure
        assert ".csv" in figure
        assert f"/r/{opened.name}/cancers/08-sarcomas/#" in figure
        assert opened.name in figure
        if "<img" in figure:
            assert re.search(r'alt="Invented figure: [^"]{20,}"', figure)


def test_what_is_withheld_is_said_and_is_never_zero(visitor, opened):
    hidden = next(
        entity for entity in opened.entities.values()
        if (row := Facts.of(opened, entity).crude) and row["status"] == "withheld"
    )  # fmt: skip
    address = f"/en/cancers/{hidden.slug}/"
    patient = text_of(visitor.get(f"{address}?for=patient"))
    assert "without pointing at someone" in patient
    assert "It does not mean zero" in patient
    researcher = text_of(visitor.get(f"{address}?for=researcher"))
    assert "status = withheld" in researcher
    assert "this release does not say" in researcher


def test_uncertain_codes_are_said_beside_the_number(visitor, opened):
    uncertain = next(e for e in opened.entities.values() if e.codes_confidence == "uncertain")
    for reader in BY_CODE:
        html = visitor.get(f"/en/cancers/{uncertain.slug}/?for={reader}").content.decode()
        assert "The codes of this cancer are uncertain." in html
        keys = re.findall(r'<div class="key">.*?</div>', html, flags=re.DOTALL)
        assert keys
        assert all("codes uncertain" in key for key in keys)


def test_the_definition_is_called_unofficial(visitor, opened):
    for reader in BY_CODE:
        text = text_of(visitor.get(f"{SHEET}?for={reader}"))
        assert "Derived, unofficial definition." in text
        assert "Conformance is not claimed." in text


@pytest.mark.parametrize("language", [code for code in CODES if code != "en"])
def test_patients_get_english_where_no_one_reviewed_their_language(visitor, language):
    html = visitor.get(f"/{language}/cancers/08-sarcomas/?for=patient").content.decode()
    assert f'<html lang="{language}">' in html
    assert '<div class="wrap sheet" lang="en">' in html
    assert "people in a million are told each year" in html
    html = visitor.get(f"/{language}/cancers/08-sarcomas/?for=oncologist").content.decode()
    assert f'<div class="wrap sheet" lang="{language}">' in html


def test_every_cancer_has_a_page_for_every_reader(visitor, opened):
    for entity in list(opened.entities.values())[::23]:
        for reader in BY_CODE:
            page = visitor.get(f"/en/cancers/{entity.slug}/?for={reader}&survival=show")
            assert page.status_code == 200, (entity, reader)
            html = page.content.decode()
            assert not re.search(r"%\(|\bNone\b|\bnan\b|\{\{|\{%", html), (entity, reader)


def test_the_code_decides_and_the_name_may_change(visitor):
    page = visitor.get("/en/cancers/08.02.01-an-older-name/")
    assert page.status_code == 200
    assert '<link rel="canonical" href="/en/cancers/08.02.01-osteogenic-sarcoma/">' in (
        page.content.decode()
    )


def test_an_unknown_cancer_leads_to_near_ones(visitor):
    page = visitor.get("/en/cancers/99.99-osteosarcoma/")
    assert page.status_code == 404
    assert "Osteogenic sarcoma" in page.content.decode()


def test_an_unknown_wish_is_refused(visitor):
    page = visitor.get(f"{SHEET}?survival=yes")
    assert page.status_code == 400
    assert "allowed: show" in page.content.decode()


def test_the_country_table_names_the_whole_and_the_missing(visitor):
    html = visitor.get(f"{SHEET}?for=authority").content.decode()
    table = html[html.index('id="by_country"') :]
    table = table[: table.index("</table>")]
    assert "All countries together" in table
    assert "Malta" in table
    assert "withheld" in table


def test_words_follow_the_language(visitor):
    html = visitor.get("/sl/cancers/08-sarcomas/?for=authority").content.decode()
    assert "Nizozemska" in html


def test_permanent_addresses_lead_to_a_language_and_stay_in_their_release(visitor, opened):
    page = visitor.get(
        f"/r/{opened.name}/cancers/08-sarcomas/?for=gp", headers={"accept-language": "it"}
    )
    assert page.status_code == 302
    address = page.headers["location"]
    assert address == f"/it/r/{opened.name}/cancers/08-sarcomas/?for=gp"
    html = visitor.get(address).content.decode()
    assert f'href="/it/r/{opened.name}/cancers/08.02-bone-sarcoma/"' in html


def test_an_unknown_release_is_named(visitor):
    page = visitor.get("/en/r/nothing-0123456789/")
    assert page.status_code == 404
    assert "nothing-0123456789" in page.content.decode()


def test_rows_of_a_reader_do_not_depend_on_who_read_before(visitor):
    first = visitor.get(f"{SHEET}?for=gp").content
    visitor.get(f"{SHEET}?for=authority")
    visitor.cookies.clear()
    assert visitor.get(f"{SHEET}?for=gp").content == first


def test_a_page_that_is_still_good_is_not_sent_again(visitor):
    page = visitor.get(f"{SHEET}?for=gp")
    again = visitor.get(f"{SHEET}?for=gp", headers={"if-none-match": page.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""
    other = visitor.get(f"{SHEET}?for=patient", headers={"if-none-match": page.headers["etag"]})
    assert other.status_code == 200


def test_the_estimates_are_given_whole(visitor, opened):
    page = visitor.get("/en/cancers/08-sarcomas/estimates.csv")
    lines = page.content.decode().splitlines()
    assert lines[0].split(",") == list(schema.ESTIMATES)
    assert len(lines) == 1 + opened.frame("08").height
    assert "invented" in page.headers["content-disposition"]
    rows = visitor.get("/en/cancers/08-sarcomas/estimates.json").json()
    assert rows["synthetic"] is True
    assert len(rows["estimates"]) == opened.frame("08").height
    assert visitor.get("/en/cancers/08-sarcomas/estimates.parquet").content[:4] == b"PAR1"


def test_links_keep_the_language_where_the_words_are_english(visitor):
    html = visitor.get("/it/cancers/08-sarcomas/?for=patient").content.decode()
    sheet = html[html.index('<div class="wrap sheet" lang="en">') : html.index("<footer")]
    links = re.findall(r'href="(/[a-z]{2}/[^"]*)"', sheet)
    assert links
    pages = [link for link in links if "/figures/" not in link]
    assert pages
    assert all(link.startswith("/it/") for link in pages), links
    drawings = set(links) - set(pages)
    assert drawings
    assert all(link.startswith("/en/") for link in drawings)  # in the words around them


@pytest.mark.parametrize(("reader", "shown"), [
    ("oncologist", "104"), ("researcher", "1.041"), ("authority", "104"), ("gp", "104"),
    ("patient", "100"),
])  # fmt: skip
def test_a_survival_of_more_than_all_is_explained(visitor, portal, monkeypatch, reader, shown):
    page = f"/en/cancers/08-x/?for={reader}&survival=show"
    remark = "A net survival above 100% says"
    assert remark not in visitor.get(page).content.decode()
    release = portal.current()
    at = Facts.of(release, release.entities["08"]).at
    monkeypatch.setitem(at, "estimate", 1.041)
    kept.shelf.clear()
    html = visitor.get(page).content.decode()
    kept.shelf.clear()
    assert shown in html
    assert (remark in html) == (reader != "patient")  # for patients more than all is all
