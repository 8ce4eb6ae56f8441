"""The directory's pages: what visitors find, and the way from nomination to decision by forms."""

import datetime as dt
import re

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from rarecare.portal.accounts import middleware
from rarecare.portal.accounts.roles import Role
from rarecare.portal.directory.demo import write_demo_directory
from rarecare.portal.directory.models import (
    Coverage,
    Document,
    Kind,
    Nomination,
    Organisation,
    Trial,
    Voice,
)
from rarecare.portal.releases import store
from tests.portal.actors import WHY, account, agreed_criteria, organisation


def signed_in(who):
    client = Client()
    client.force_login(who)
    return client


def text(response):
    """A page as it is read: without tags, blanks made one."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


@pytest.fixture
def second_factor(monkeypatch):
    monkeypatch.setattr(middleware, "is_mfa_enabled", lambda _user: True)


def test_from_nomination_to_decision_by_forms(portal, second_factor):
    centre = organisation("Hospital A")
    editor = account("editor", Role.EDITOR)
    agreed = agreed_criteria(editor)
    doctor = signed_in(account("doctor", Role.CONTRIBUTOR, organisation=centre))
    response = doctor.post("/en/nominations/new/", {
        "centre": centre.pk, "criteria": agreed.pk, "statement": WHY,
    })  # fmt: skip
    nomination = Nomination.objects.get()
    page = f"/en/nominations/{nomination.pk}/"
    assert response["location"] == page
    today = timezone.localdate().isoformat()
    for name, value in {"team": "yes", "volume": "27", "care": "Rules of the team"}.items():
        document = SimpleUploadedFile("rules.pdf", b"%PDF-1.7\n")
        response = doctor.post(f"{page}evidence/", {
            "criterion": name, "value": value, "kind": "self-declared", "date": today,
            "source": "report", "document": document if name == "team" else "",
        })  # fmt: skip
        assert response["location"] == page, text(response)
    assert "27 patients a year" in text(doctor.get(page))
    doctor.post(f"{page}submit/")
    for name, kind in (("one", Kind.SOCIETY), ("two", Kind.AUTHORITY)):
        who = account(name, Role.REVIEWER, organisation=organisation(f"Of {name}", kind))
        assert f'href="{page}review/"' in signed_in(who).get(page).content.decode()
        response = signed_in(who).post(f"{page}review/", {
            "recommendation": "designate", "reasons": WHY, "independent": "on", "met_care": "yes",
        })  # fmt: skip
        assert response["location"] == page
    assert f'href="{page}decide/"' in signed_in(editor).get(page).content.decode()
    response = signed_in(editor).post(f"{page}decide/", {
        "decision": "designated", "reasons": "All that is required is met.",
        "expires": (timezone.localdate() + dt.timedelta(days=1000)).isoformat(),
    })  # fmt: skip
    assert response["location"] == "/en/centres/hospital-a/"
    shown = text(Client().get("/en/centres/hospital-a/"))
    assert "Centre of expertise by criteria bone 1, until" in shown
    assert "Criteria: 3; met: 3, not met: 0, not known: 0." in shown
    assert "Nominated by Hospital A" in shown
    assert "All that is required is met." in shown
    assert "Reviewed by One (Of one), Two (Of two)." in shown
    assert "All that is required is met." in text(Client().get("/en/centres/decisions/"))


def test_a_document_is_a_download_that_nothing_runs(portal):
    centre = organisation("Hospital A")
    doctor = account("doctor", Role.CONTRIBUTOR, organisation=centre)
    agreed = agreed_criteria(account("editor", Role.EDITOR))
    nomination = Nomination.objects.create(
        centre=centre, criteria=agreed, nominated_by=centre, statement=WHY, day="2026-03-02"
    )
    document = Document.objects.create(
        nomination=nomination, name="rules.pdf", media_type="application/pdf", sha256="0" * 64,
        content=b"%PDF-1.7", added="2026-03-02",
    )  # fmt: skip
    address = f"/en/nominations/{nomination.pk}/documents/{document.pk}/"
    response = signed_in(doctor).get(address)
    assert response.content == b"%PDF-1.7"
    assert response["content-type"] == "application/octet-stream"
    assert response["content-disposition"] == 'attachment; filename="rules.pdf"'
    assert response["x-content-type-options"] == "nosniff"
    assert "sandbox" in response["content-security-policy"]
    rival = account("rival", Role.CONTRIBUTOR, organisation=organisation("Hospital B"))
    assert signed_in(rival).get(address).status_code == 403


def test_a_refused_form_says_why_beside_it(portal):
    centre = organisation("Hospital A")
    doctor = signed_in(account("doctor", Role.CONTRIBUTOR, organisation=centre))
    agreed = agreed_criteria(account("editor", Role.EDITOR))
    good = {"centre": centre.pk, "criteria": agreed.pk, "statement": WHY}
    short = doctor.post("/en/nominations/new/", good | {"statement": "short"})
    assert short.status_code == 422
    assert "at least 20 characters" in text(short)
    doctor.post("/en/nominations/new/", good)
    again = doctor.post("/en/nominations/new/", good)
    assert again.status_code == 422
    assert "open nomination under these criteria" in text(again)
    page = f"/en/nominations/{Nomination.objects.get().pk}/evidence/"
    records = SimpleUploadedFile("cases.csv", b"patient_id,sex\n1,male\n")
    response = doctor.post(page, {
        "criterion": "team", "value": "perhaps", "kind": "self-declared", "date": "2026-13-01",
        "source": "report", "document": records,
    })  # fmt: skip
    assert response.status_code == 422
    assert "records of persons" in text(response)
    assert "Enter a valid date" in text(response)
    assert not Document.objects.exists()


def test_voices_wait_for_an_editor(portal, second_factor):
    centre = organisation("Hospital A")
    friends = organisation("Friends", Kind.PATIENTS)
    friend = signed_in(account("friend", Role.PATIENT_ORGANISATION, organisation=friends))
    friend.post(
        "/en/centres/hospital-a/speak/", {"saying": "comments", "text": "<b>Kind</b> staff"}
    )
    assert "Kind" not in text(Client().get("/en/centres/hospital-a/"))
    editor = signed_in(account("editor", Role.EDITOR))
    address = f"/en/voices/{Voice.objects.get().pk}/"
    assert editor.post(address, {"publish": "no", "reasons": ""}).status_code == 422
    editor.post(address, {"publish": "yes", "reasons": ""})
    html = Client().get("/en/centres/hospital-a/").content.decode()
    assert "&lt;b&gt;Kind&lt;/b&gt; staff" in html
    assert centre.voices.get().state == "published"


@pytest.fixture
def places(portal):
    for name, latitude, longitude, country in (
        ("Near", 46.05, 14.51, "SI"), ("Far", 52.37, 4.90, "NL"), ("Nowhere", None, None, "IT"),
    ):  # fmt: skip
        made = organisation(name, latitude=latitude, longitude=longitude, country=country,
                            city=f"{name}town")  # fmt: skip
        Coverage.objects.create(organisation=made, entity_id="08.02" if name != "Far" else "01")


def names(response):
    return [row["organisation"].name for row in response.context["rows"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Far", "Near", "Nowhere"]),
        ("near=46.0,14.5", ["Near", "Far", "Nowhere"]),
        ("near=Fartown", ["Far", "Near", "Nowhere"]),
        ("near=slovenia&km=100", ["Near"]),
        ("country=NL", ["Far"]),
        ("q=NEART", ["Near"]),
        ("entity=08.02.01", ["Near", "Nowhere"]),
        ("entity=08", ["Near", "Nowhere"]),
        ("kind=registry", []),
    ],
)
def test_what_is_found(places, query, found):
    response = Client().get(f"/en/centres/?{query}")
    assert response.status_code == 200
    assert names(response) == found


def test_distances_are_great_circles(places):
    # by hand: sin²(6.32°/2) = 0.003039; cos 46.05° cos 52.37° sin²(9.61°/2) = 0.002973;
    # 2 · 6371.0088 km · asin √0.006012 = 12742.02 km · 0.077615 = 988.97 km
    rows = Client().get("/en/centres/?near=46.05,14.51").context["rows"]
    assert rows[0]["km"] == pytest.approx(0, abs=1e-6)
    assert rows[1]["km"] == pytest.approx(988.97, abs=0.1)  # six digits were kept by hand


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("near=Atlantis", "not known here"),
        ("near=Slovenja", "Did you mean &#x27;slovenia&#x27;?"),
        ("near=91,0", "no coordinates"),
        ("km=5", "Say from where"),
        ("near=Slovenia&km=-1", "greater than or equal to 1"),
        ("entity=99.99", "not in the list of rare cancers"),
        ("country=XX", "not one of the available choices"),
        ("kind=hospital", "not one of the available choices"),
        ("q=" + "x" * 200, "at most 100 characters"),
    ],
)
def test_what_cannot_be_asked_is_said(places, query, said):
    response = Client().get(f"/en/centres/?{query}")
    assert response.status_code == 400
    assert said in response.content.decode()
    assert names(response) == []


def test_many_organisations_come_in_pages(portal):
    for k in range(51):
        organisation(f"Hospital {k:02d}")
    first, second = (Client().get(f"/en/centres/?q=hospital&page={k}") for k in (1, 2))
    assert len(names(first)) == 50
    assert names(second) == ["Hospital 50"]
    assert 'rel="next" href="?q=hospital&amp;page=2"' in first.content.decode()
    beyond = Client().get("/en/centres/?page=99999999999")
    assert beyond.status_code == 404
    assert "the last is 2" in text(beyond)
    assert Client().get("/en/centres/?page=0").status_code == 400
    assert Client().get("/en/centres/?page=x").status_code == 400


@pytest.mark.parametrize(
    ("address", "status"),
    [("/en/centres/no-such-centre/", 404), ("/en/trials/?entity=99", 400),
     ("/en/knowledge/99.99/", 400), ("/en/criteria/none/1/", 404), ("/en/pages/999999/", 404),
     ("/en/criteria/consensus/none/", 404)],
)  # fmt: skip
def test_unknown_places(portal, address, status):
    assert Client().get(address).status_code == status


def test_wrong_methods(portal):
    assert Client().post("/en/centres/").status_code == 405
    assert Client().delete("/en/glossary/").status_code == 405


def test_the_invented_directory_goes_the_whole_way_and_says_so(portal):
    today = timezone.localdate()
    assert write_demo_directory(today)
    assert not write_demo_directory(today)
    page = Client().get("/en/centres/example-hospital-a/")
    assert "Centre of expertise by criteria example-bone 1.0" in text(page)
    assert page.content.decode().count(">invented<") >= 2
    consensus = text(Client().get("/en/criteria/consensus/example-bone/"))
    assert "rejected median 2 without disagreement" in consensus
    dissent = text(Client().get("/en/criteria/example-bone/1.0/"))
    assert "“Families from far away need it. (invented)”" in dissent


def test_nothing_invented_is_shown_over_real_data(portal, monkeypatch):
    write_demo_directory(timezone.localdate())
    monkeypatch.setattr(store().current(), "synthetic", False)
    assert Organisation.objects.filter(invented=True).exists()
    assert Trial.objects.filter(invented=True).exists()
    for address in ("/en/centres/", "/en/centres/decisions/", "/en/trials/", "/en/criteria/",
                    "/en/knowledge/08.02/"):  # fmt: skip
        assert "xample" not in text(Client().get(address)), address
    for address in ("/en/centres/example-hospital-a/", "/en/criteria/consensus/example-bone/"):
        assert Client().get(address).status_code == 404


def test_a_name_that_decisions_name_stays_and_half_a_place_is_none(portal):
    centre = organisation("Hospital A")
    centre.name = "Hospital B"
    centre.full_clean()
    agreed = agreed_criteria(account("editor", Role.EDITOR))
    Nomination.objects.create(centre=centre, criteria=agreed, nominated_by=centre, statement=WHY,
                              day="2026-03-02")  # fmt: skip
    with pytest.raises(ValidationError, match="its name stays"):
        centre.full_clean()
    for wrong, said in (
        ({"latitude": 46.0}, "latitude and longitude, or neither"),
        ({"latitude": 91.0, "longitude": 0.0}, "less than or equal to 90"),
        ({"slug": "decisions"}, "taken by the page of decisions"),
        ({"website": "http://plain.example"}, "Enter a valid URL"),
        ({"country": "XX"}, "not a valid choice"),
    ):
        given = {"slug": "c", "kind": Kind.CENTRE, "name": "C", "country": "SI"} | wrong
        with pytest.raises(ValidationError, match=said):
            Organisation(**given).full_clean()
