"""Addresses, headers, languages and errors that every page shares."""

import json

import pytest
from django.test import Client

from rarecare.portal.languages import CODES


@pytest.mark.parametrize("language", CODES)
def test_each_language_has_a_start_page(visitor, language):
    page = visitor.get(f"/{language}/")
    assert page.status_code == 200
    assert f'<html lang="{language}">' in page.content.decode()


def test_the_root_leads_to_the_language_of_the_browser(visitor):
    page = visitor.get("/", headers={"accept-language": "sl,en;q=0.5"})
    assert (page.status_code, page.headers["location"]) == (302, "/sl/")


def test_no_page_allows_inline_script_or_eval(visitor):
    policy = visitor.get("/en/").headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy


def test_no_page_holds_inline_script_or_style(visitor):
    page = visitor.get("/en/").content.decode()
    assert " style=" not in page
    assert "<style" not in page
    assert "<script>" not in page


def test_a_reader_is_kept_in_a_cookie(visitor):
    visitor.get("/en/?for=gp")
    assert visitor.cookies["reader"].value == "gp"


def test_an_unknown_reader_is_named_with_those_there_are(visitor):
    page = visitor.get("/en/?for=pateint")
    assert page.status_code == 400
    text = page.content.decode()
    assert "pateint" in text
    assert "authority" in text
    assert "Did you mean &#x27;patient&#x27;?" in text
    assert "reader" not in visitor.cookies


def test_an_unknown_address_says_so(visitor):
    page = visitor.get("/en/nowhere/")
    assert page.status_code == 404
    assert "There is no page here" in page.content.decode()


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
@pytest.mark.parametrize("address", ["/en/", "/en/cancers/08-sarcomas/", "/en/search/", "/health/"])
def test_a_page_that_is_only_read_refuses_other_methods(portal, method, address):
    page = getattr(Client(enforce_csrf_checks=True), method)(address)
    assert page.status_code == 405
    assert page.headers["allow"] == "GET, HEAD"
    assert "only read" in page.content.decode()


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/en/search/?q=%ff%fe", 200),
        ("/en/search/?q=%00", 200),
        ("/en/search/?q=" + "a" * 3000, 200),
        ("/en/cancers/%00/", 404),
        ("/en/cancers/%ff/", 404),
        ("/en/cancers/08-x/?for=", 400),
        ("/en/cancers/08-x/?survival=", 400),
        ("/en/cancers/08-x/?survival=show&survival=show&utm=1", 200),
        ("/en/cancers/08-x/figures/age.exe", 404),
        ("/en/cancers/08-x/figures/..%2f..%2fmanifest.csv", 404),
        ("/en/cancers/08-x/estimates.xml", 404),
        ("/xx/cancers/", 404),
        ("/en/r/nothing/cancers/08-x/figures/age.svg", 404),
    ],
)
def test_broken_addresses_get_the_right_status(visitor, address, status):
    page = visitor.get(address)
    assert page.status_code == status
    assert "<html" in page.content.decode()


def test_invented_data_are_kept_from_search_engines(visitor):
    assert (
        '<meta name="robots" content="noindex, nofollow">' in visitor.get("/en/").content.decode()
    )
    assert b"Disallow: /\n" in visitor.get("/robots.txt").content


def test_health_names_the_release(visitor, portal):
    assert json.loads(visitor.get("/health/").content)["release"] == portal.current().name
