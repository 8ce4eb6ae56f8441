"""Every view for every role: allowed or refused as this table says, written beside the code's own.

+ allowed (2xx, 4xx of content, or a redirect that is not to the door), - refused: to the door
without an account, 403 with one.
"""

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from rarecare.portal.accounts import middleware
from rarecare.portal.accounts.access import ACCESS, asked_of
from rarecare.portal.accounts.roles import PERMISSIONS, Role
from rarecare.portal.audit.books import ACTS, read
from rarecare.portal.audit.models import Entry
from rarecare.portal.directory.models import Kind, Organisation, Trial, Voice
from rarecare.portal.directory.nominations import add_evidence, nominate
from rarecare.portal.directory.uploads import checked
from rarecare.portal.knowledge.models import Version
from tests.portal.actors import DAY, WHY, account, agreed_criteria, organisation

ROLES = ("visitor", "no role", "contributor", "patient organisation", "reviewer", "editor",
         "administrator")  # fmt: skip

TABLE = {
    #                           visitor no role contr. patients reviewer editor admin
    "directory:list":           "+       +       +       +       +       +       +",
    "directory:organisation":   "+       +       +       +       +       +       +",
    "directory:trials":         "+       +       +       +       +       +       +",
    "directory:history":        "+       +       +       +       +       +       +",
    "directory:nominate":       "-       -       +       +       -       -       +",
    "directory:nomination":     "-       -       +       +       +       +       +",
    "directory:evidence":       "-       -       +       +       +       +       +",
    "directory:document":       "-       -       +       +       +       +       +",
    "directory:submit":         "-       -       +       +       -       -       +",
    "directory:take-back":      "-       -       +       +       -       -       +",
    "directory:review":         "-       -       -       -       +       -       +",
    "directory:decide":         "-       -       -       -       -       +       +",
    "directory:speak":          "-       -       -       +       -       -       +",
    "directory:voices":         "-       -       -       -       -       +       +",
    "directory:moderate":       "-       -       -       -       -       +       +",
    "consensus:list":           "+       +       +       +       +       +       +",
    "consensus:consensus":      "+       +       +       +       +       +       +",
    "consensus:criteria":       "+       +       +       +       +       +       +",
    "consensus:criteria-text":  "+       +       +       +       +       +       +",
    "consensus:rate":           "-       -       +       +       +       -       +",
    "consensus:propose":        "-       -       -       -       -       +       +",
    "consensus:open":           "-       -       -       -       -       +       +",
    "consensus:close":          "-       -       -       -       -       +       +",
    "consensus:publish":        "-       -       -       -       -       +       +",
    "knowledge:glossary":       "+       +       +       +       +       +       +",
    "knowledge:cancer":         "+       +       +       +       +       +       +",
    "knowledge:page":           "+       +       +       +       +       +       +",
    "knowledge:versions":       "+       +       +       +       +       +       +",
    "knowledge:unreviewed":     "-       -       -       -       +       +       +",
    "knowledge:review":         "-       -       -       -       +       +       +",
    "workplace":                "-       +       +       +       +       +       +",
}  # fmt: skip
ADMIN = "-       -       -       -       -       +       +"
EDITORS_NOT = ("account", "membership", "cataloguereview")
"""Models of the admin site that administrators alone change."""


def _names(resolver, prefix=""):
    """Every named view below a resolver, with its namespaces."""
    for one in resolver.url_patterns:
        if isinstance(one, URLResolver):
            inner = f"{prefix}{one.namespace}:" if one.namespace else prefix
            yield from _names(one, inner)
        elif isinstance(one, URLPattern):
            yield f"{prefix}{one.name or ''}", one.callback


EVERY = sorted({name for name, _callback in _names(get_resolver())})
OWN = [name for name in EVERY if name.split(":")[0] in ("directory", "consensus", "knowledge")
       or name == "workplace"]  # fmt: skip
OTHERS = {"estimates", "admin"}


@pytest.fixture
def world(portal):
    """Something behind every address, and one account of each role."""
    centre = organisation("Hospital A")
    patients = organisation("Friends", Kind.PATIENTS)
    society = organisation("Society", Kind.SOCIETY)
    people = {
        "no role": account("none"),
        "contributor": account("doctor", Role.CONTRIBUTOR, organisation=centre),
        "patient organisation": account("friend", Role.PATIENT_ORGANISATION, organisation=patients),
        "reviewer": account("reviewer", Role.REVIEWER, organisation=society),
        "editor": account("editor", Role.EDITOR),
        "administrator": account("administrator", Role.ADMINISTRATOR),
    }
    criteria = agreed_criteria(people["editor"])
    nomination = nominate(people["patient organisation"], centre, criteria, statement=WHY, on=DAY)
    evidence = add_evidence(
        people["contributor"], nomination, criterion="team", value="yes", kind="self-declared",
        date=DAY, source="rules", on=DAY, upload=checked("rules.pdf", b"%PDF-1.7\n"),
    )  # fmt: skip
    voice = Voice.objects.create(centre=centre, organisation=patients, saying="endorses", day=DAY)
    Trial.objects.create(title="T", entity_id="08", register="R", number="1", seen=DAY,
                         link="https://example.org/1", status="open")  # fmt: skip
    version = Version.objects.filter(page__kind="glossary").first()
    arguments = {
        "directory:organisation": [centre.slug], "directory:speak": [centre.slug],
        **{f"directory:{step}": [nomination.pk] for step in
           ("nomination", "evidence", "submit", "take-back", "review", "decide")},
        "directory:document": [nomination.pk, evidence.document.pk],
        "directory:moderate": [voice.pk],
        **{f"consensus:{step}": ["bone-round"] for step in
           ("consensus", "rate", "open", "publish")},
        "consensus:close": ["bone-round", 1],
        **{f"consensus:{page}": ["bone", "1"] for page in ("criteria", "criteria-text")},
        "knowledge:cancer": ["08.02"], "knowledge:page": [version.page_id],
        "knowledge:versions": [version.page_id, 1], "knowledge:review": [version.pk],
    }  # fmt: skip
    return people, arguments


def _ask(people, role, address, monkeypatch):
    client = Client()
    if role != "visitor":
        client.force_login(people[role])
    return client.get(address)


def _allowed(response):
    to_the_door = response.status_code == 302 and "/accounts/login/" in response["location"]
    return not to_the_door and response.status_code != 403


@pytest.fixture
def with_second_factor(monkeypatch):
    """Editors and administrators have set up a second factor."""
    monkeypatch.setattr(middleware, "is_mfa_enabled", lambda _user: True)


def test_the_table_names_every_view():
    assert sorted(TABLE) == OWN


def test_every_view_asks_for_something_known():
    known = {"everyone", "signed in", *(name for names in PERMISSIONS.values() for name in names)}
    assert {name for name in EVERY if name and asked_of(name) is None} == set()
    assert set(ACCESS.values()) <= known


PUBLIC = ("estimates:", "named:", "comparing:", "named-comparing:", "api-1.0.0:")
DOOR = ("account_", "mfa_", "socialaccount_", "openid_connect_")


def test_what_is_in_no_row_is_public_and_only_read_or_the_door_or_the_admin_site():
    others = [name for name in EVERY if name and name not in TABLE]
    assert {
        name for name in others if name.startswith(PUBLIC) and asked_of(name) != "everyone"
    } == (set())
    left = {name for name in others if not name.startswith((*PUBLIC, *DOOR, "admin:"))}
    assert {name: asked_of(name) for name in left} == dict.fromkeys(left, "everyone")
    assert {"health", "robots", "set_language"} <= left
    assert len(left) < 10


def test_a_view_without_a_name_or_a_row_is_refused():
    assert asked_of("") is None
    assert asked_of("something-new") is None


def test_every_view_for_every_role(world, with_second_factor, monkeypatch):
    people, arguments = world
    wrong = []
    for name, row in TABLE.items():
        address = reverse(name, args=arguments.get(name))
        for role, sign in zip(ROLES, row.split(), strict=True):
            response = _ask(people, role, address, monkeypatch)
            if name == "consensus:rate" and sign == "+" and response.status_code == 403:
                # the role may rate, but this account was not invited: said in its own words
                assert "not invited" in response.content.decode()
                continue
            if _allowed(response) != (sign == "+"):
                wrong.append((name, role, response.status_code))
            if role == "visitor" and sign == "-":
                assert response["location"].startswith("/en/accounts/login/?next=")
    assert wrong == []


def test_the_admin_site_for_every_role(world, with_second_factor, monkeypatch):
    people, _arguments = world
    lists = [name for name in EVERY if name.startswith("admin:") and name.endswith("_changelist")]
    assert len(lists) > 12
    wrong = []
    for name in ["admin:index", *lists]:
        for role, sign in zip(ROLES, ADMIN.split(), strict=True):
            response = _ask(people, role, reverse(name), monkeypatch)
            model = name.split("_")[-2] if name != "admin:index" else ""
            allowed = sign == "+" and not (role == "editor" and model == "account")
            if model in ("emailaddress", "authenticator", "socialaccount", "socialapp",
                         "socialtoken"):  # fmt: skip
                allowed = False  # allauth's own tables: no role sees them
            if _allowed(response) != allowed:
                wrong.append((name, role, response.status_code))
    assert wrong == []


def test_editors_do_not_add_what_administrators_keep(world, with_second_factor):
    people, _arguments = world
    for model in EDITORS_NOT:
        app = {"account": "accounts", "membership": "directory"}.get(model, "knowledge")
        address = reverse(f"admin:{app}_{model}_add")
        assert _ask(people, "editor", address, None).status_code == 403
        assert _ask(people, "administrator", address, None).status_code == 200


def test_nobody_changes_a_history_in_the_admin_site(world, with_second_factor):
    people, _arguments = world
    entry = Entry.objects.first()
    client = Client()
    client.force_login(people["administrator"])
    assert client.get(reverse("admin:audit_entry_add")).status_code == 403
    assert client.get(reverse("admin:audit_entry_delete", args=[entry.pk])).status_code == 403
    assert client.post(reverse("admin:audit_entry_change", args=[entry.pk]), {}).status_code == 403


@pytest.mark.parametrize("role", ["editor", "administrator"])
def test_who_edits_needs_a_second_factor(world, role):
    people, _arguments = world
    for name in ("admin:index", "directory:voices"):
        response = _ask(people, role, reverse(name), None)
        assert response.status_code == 302
        assert response["location"] == reverse("mfa_activate_totp")


def test_the_admin_site_has_no_door_of_its_own(portal):
    response = Client().get("/admin/login/")
    assert response.status_code == 302
    assert response["location"].startswith("/en/accounts/login/")


def test_every_act_in_the_admin_site_is_in_the_book_without_names(world, with_second_factor):
    people, _arguments = world
    client = Client()
    client.force_login(people["administrator"])
    given = {"slug": "added", "kind": Kind.CENTRE.value, "name": "Named Hospital", "country": "SI",
             "coverage-TOTAL_FORMS": 1, "coverage-INITIAL_FORMS": 0,
             "coverage-0-entity_id": "08.02"}  # fmt: skip
    client.post(reverse("admin:directory_organisation_add"), given)
    made = Organisation.objects.get(slug="added")
    change = reverse("admin:directory_organisation_change", args=[made.pk])
    client.post(change, given | {"name": "Other Hospital", "coverage-TOTAL_FORMS": 0})
    client.post(reverse("admin:directory_organisation_delete", args=[made.pk]), {"post": "yes"})
    assert not Organisation.objects.filter(slug="added").exists()
    acts = [one for one in read(ACTS).entries
            if one.content["subject"] == f"organisation {made.pk}"]  # fmt: skip
    assert [one.kind for one in acts] == [
        "added in the admin", "changed in the admin", "removed in the admin",
    ]  # fmt: skip
    assert {one.content["actor"] for one in acts} == {f"account {people['administrator'].pk}"}
    assert acts[0].content["fields"] == [{"added": {}}, {"added": {"name": "cancer covered"}}]
    assert acts[1].content["fields"][0]["changed"]["fields"] == ["Name"]
    assert not any("Hospital" in str(one.content) for one in acts)


def test_nothing_is_removed_but_one_by_one(world, with_second_factor):
    people, _arguments = world
    shown = _ask(people, "administrator", reverse("admin:directory_trial_changelist"), None)
    assert "delete_selected" not in shown.content.decode()
