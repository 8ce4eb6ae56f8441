"""Pages of knowledge: versions, reviews, languages, the glossary, and what is never shown."""

import datetime as dt

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client

from rarecare.errors import UsageError
from rarecare.portal.accounts import middleware
from rarecare.portal.accounts.roles import Role
from rarecare.portal.audit.books import ACTS, read
from rarecare.portal.knowledge import catalogue, choosing
from rarecare.portal.knowledge.markdown import html
from rarecare.portal.knowledge.models import CatalogueReview, Page, Version
from rarecare.portal.knowledge.shipped import store_glossary
from rarecare.portal.knowledge.writing import approve, write
from tests.portal.actors import account

DAY = dt.date(2026, 3, 2)
TEXT = "An invented text that says nothing about medicine."


@pytest.fixture
def editor(db):
    return account("editor", Role.EDITOR)


@pytest.fixture
def reviewer(db):
    return account("reviewer", Role.REVIEWER)


def page(**more):
    given = {"kind": "diagnosis", "subject": "08.02", "audience": "gp", "language": "en"} | more
    made = Page(**given)
    made.full_clean()
    made.save()
    return made


def written(who, one, text=TEXT, publish=True):
    return write(who, one, title="Invented", text=text, sources="Nowhere 2026", publish=publish,
                 on=DAY)  # fmt: skip


def test_versions_are_added_and_never_changed(editor):
    one = page()
    first, second = written(editor, one), written(editor, one, TEXT + " More of it.")
    assert (first.number, second.number) == (1, 2)
    first.text = "Another text that is long enough."
    with pytest.raises(UsageError, match="a version of a page is not changed"):
        first.save()
    assert Version.objects.get(page=one, number=1).text == TEXT
    assert [act.kind for act in read(ACTS).entries] == ["wrote", "wrote"]


def test_a_reviewed_version_stays_until_the_next_is_reviewed(editor, reviewer):
    one = page()
    first = written(editor, one)
    approve(reviewer, first, on=DAY, due=DAY + dt.timedelta(days=365))
    second = written(editor, one, TEXT + " More of it.")
    assert Page.objects.get(pk=one.pk).shown == first
    approve(reviewer, second, on=DAY, due=DAY + dt.timedelta(days=365))
    assert Page.objects.get(pk=one.pk).shown == second


def test_no_one_reviews_their_own_text(editor, reviewer):
    both = account("both", Role.EDITOR, Role.REVIEWER)
    version = written(both, page())
    with pytest.raises(PermissionDenied, match="other than its author"):
        approve(both, version, on=DAY, due=DAY + dt.timedelta(days=30))
    with pytest.raises(PermissionDenied):
        approve(account("no one"), version, on=DAY, due=DAY + dt.timedelta(days=30))
    with pytest.raises(PermissionDenied):
        written(reviewer, version.page)


@pytest.mark.parametrize("days", [0, -1, 3 * 366 + 1])
def test_a_review_ends_within_three_years(editor, reviewer, days):
    version = written(editor, page())
    with pytest.raises(UsageError, match="within three years"):
        approve(reviewer, version, on=DAY, due=DAY + dt.timedelta(days=days))


def test_only_published_versions_are_reviewed_and_once(editor, reviewer):
    one = page()
    due = DAY + dt.timedelta(days=365)
    with pytest.raises(UsageError, match="only a published version"):
        approve(reviewer, written(editor, one, publish=False), on=DAY, due=due)
    version = written(editor, one)
    approve(reviewer, version, on=DAY, due=due)
    with pytest.raises(UsageError, match="reviewed before"):
        approve(reviewer, version, on=DAY, due=due)


def test_a_medical_page_needs_sources_and_a_known_cancer(editor):
    with pytest.raises(ValidationError, match="published with its sources"):
        write(editor, page(), title="Invented", text=TEXT, sources=" ", publish=True, on=DAY)
    with pytest.raises(ValidationError, match="not in the list of rare cancers"):
        page(subject="99.99")
    # a text cannot slip in by way of the database either
    assert not Version.objects.filter(page__kind="diagnosis").exists()


def test_readers_get_their_pages_and_those_of_what_the_cancer_belongs_to(editor):
    for given in ({}, {"subject": "08", "audience": "all"}, {"subject": "08.02.01"},
                  {"audience": "patient", "kind": "material"}):  # fmt: skip
        written(editor, page(**given))

    def found(number, audience):
        return [(one.page.subject, one.page.audience)
                for one in choosing.pages_on(number, "en", on=DAY, audience=audience)]  # fmt: skip

    assert found("08.02.01", "gp") == [("08.02.01", "gp"), ("08.02", "gp"), ("08", "all")]
    assert found("08.02", "patient") == [("08", "all"), ("08.02", "patient")]
    assert found("01", "gp") == []


def test_a_page_in_the_readers_language_comes_first(editor):
    written(editor, page())
    assert choosing.pages_on("08.02", "it", on=DAY)[0].fallback
    written(editor, page(language="it"))
    (only,) = choosing.pages_on("08.02", "it", on=DAY)
    assert (only.page.language, only.fallback) == ("it", False)


def test_unreviewed_and_overdue_pages_say_so(portal, editor, reviewer):
    version = written(editor, page())
    address = f"/en/pages/{version.page_id}/"
    assert "Not reviewed." in Client().get(address).content.decode()
    approve(reviewer, version, on=DAY, due=DAY + dt.timedelta(days=30))
    shown = Client().get(address).content.decode()
    assert "Not reviewed." not in shown
    assert "Review overdue." in shown
    assert "Reviewer" in shown


def test_no_text_is_invented_where_no_one_wrote_one(portal):
    shown = Client().get("/en/knowledge/08.02/").content.decode()
    assert shown.count("No one has written this page yet.") == 3


def test_unpublished_versions_are_not_shown(portal, editor):
    version = written(editor, page(), publish=False)
    assert Client().get(f"/en/pages/{version.page_id}/").status_code == 400
    assert Client().get(f"/en/pages/{version.page_id}/versions/1/").status_code == 404


def test_markdown_is_safe():
    made = html(
        "# A\n\n<img src=x onerror=alert(1)>\n\n[b](javascript:alert(1)) ![c](http://d/e.png)\n"
    )
    assert "<img" not in made
    assert "<h3>A</h3>" in made
    assert 'href="javascript' not in made
    assert 'rel="noopener nofollow"' in html("[a](https://b.example/)")


def test_the_glossary_is_shown_and_an_editors_text_stays(portal, editor):
    words = choosing.glossary("en", on=DAY)
    assert len(words) > 25
    assert "Net survival" in Client().get("/en/glossary/").content.decode()
    one = Page.objects.get(kind="glossary", subject="interval")
    write(editor, one, title="Interval", text="An editor's own plain words about it.", sources="",
          publish=True, on=DAY)  # fmt: skip
    store_glossary()
    assert Page.objects.get(pk=one.pk).shown.text == "An editor's own plain words about it."
    assert one.versions.count() == 2


def test_the_glossary_falls_back_to_english_and_says_so(portal):
    shown = Client().get("/it/glossary/").content.decode()
    assert 'lang="en"' in shown
    assert all(one.fallback for one in choosing.glossary("it", on=DAY))


def test_a_language_counts_as_reviewed_while_its_texts_stay_the_same(db, monkeypatch, tmp_path):
    monkeypatch.setattr(catalogue, "LOCALE", tmp_path)
    texts = tmp_path / "it" / "LC_MESSAGES" / "django.mo"
    texts.parent.mkdir(parents=True)
    texts.write_text('msgid "Start"\nmsgstr "Inizio"\n', encoding="utf-8")
    catalogue.forget()
    assert catalogue.reviewed_languages() == {"en"}
    CatalogueReview.objects.create(language="it", reviewer_name="Invented", organisation="None",
                                   reviewed=DAY)  # fmt: skip
    catalogue.forget()
    assert catalogue.reviewed_languages() == {"en", "it"}
    texts.write_text('msgid "Start"\nmsgstr "Avvio"\n', encoding="utf-8")
    catalogue.forget()
    assert catalogue.reviewed_languages() == {"en"}
    catalogue.forget()


def test_a_page_is_written_in_the_admin_site_version_by_version(portal, editor, monkeypatch):
    monkeypatch.setattr(middleware, "is_mfa_enabled", lambda _user: True)
    client = Client()
    client.force_login(editor)
    given = {"kind": "management", "subject": "08.02", "audience": "all", "language": "en",
             "title": "Invented", "text": TEXT, "sources": "", "publish": "on",
             "versions-TOTAL_FORMS": 0, "versions-INITIAL_FORMS": 0}  # fmt: skip
    refused = client.post("/admin/knowledge/page/add/", given)
    assert "published with its sources" in refused.content.decode()
    client.post("/admin/knowledge/page/add/", given | {"sources": "Nowhere 2026"})
    one = Page.objects.get(kind="management")
    address = f"/admin/knowledge/page/{one.pk}/change/"
    assert TEXT in client.get(address).content.decode()
    client.post(address, given | {"sources": "Nowhere 2026", "text": TEXT + " More."})
    client.post(address, given | {"sources": "Nowhere 2026", "text": TEXT + " More."})
    assert [one.text for one in one.versions.order_by("number")] == [TEXT, TEXT + " More."]
    assert one.versions.first().author == editor
    acts = [act.kind for act in read(ACTS).entries if act.content["subject"] == f"page {one.pk}"]
    assert acts == ["wrote", "added in the admin", "wrote", "changed in the admin",
                    "changed in the admin"]  # fmt: skip
