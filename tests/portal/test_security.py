"""The door and the walls: passwords, second factor, limits, headers, uploads, no records."""

import base64
import hashlib
import hmac
import json
import os
import re
import struct
import subprocess
import sys
import time

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.contrib.auth.models import Group
from django.core import mail
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.urls import reverse

from rarecare.errors import FileError
from rarecare.portal.accounts import middleware
from rarecare.portal.accounts.models import Account
from rarecare.portal.accounts.roles import Role
from rarecare.portal.audit.books import ACTS, read
from rarecare.portal.directory.uploads import LARGEST_BYTES, RECORD_COLUMNS, checked
from rarecare.portal.settings_accounts import providers
from tests.portal.actors import PASSWORD, account

LOGIN = "/en/accounts/login/"


@pytest.fixture
def door(portal):
    """No tries counted yet."""
    cache.clear()
    yield
    cache.clear()


def verified(name, *roles):
    made = account(name, *roles, password=PASSWORD)
    EmailAddress.objects.create(user=made, email=made.email, verified=True, primary=True)
    return made


def sign_in(client, name, password=PASSWORD):
    return client.post(LOGIN, {"login": f"{name}@example.org", "password": password})


def test_passwords_are_hashed_by_scrypt(db):
    assert account("a", password=PASSWORD).password.startswith("scrypt$")


def test_an_account_signs_in_and_out_and_both_are_logged(door):
    made = verified("doctor", Role.CONTRIBUTOR)
    client = Client()
    assert sign_in(client, "doctor")["location"] == "/en/work/"
    assert client.get("/en/work/").status_code == 200
    client.post("/en/accounts/logout/")
    assert client.get("/en/work/").status_code == 302
    assert [one.kind for one in read(ACTS).entries][-2:] == ["signed in", "signed out"]
    assert read(ACTS).entries[-1].content["actor"] == f"account {made.pk}"


@pytest.mark.parametrize("name", ["doctor", "nobody-at-all"])
def test_a_wrong_password_and_an_unknown_account_look_the_same(door, name):
    verified("doctor")
    response = sign_in(Client(), name, "wrong")
    assert response.status_code == 200
    assert "not correct" in response.content.decode()


def test_tries_are_limited(door):
    verified("doctor")
    client = Client()
    answers = [sign_in(client, "doctor", "wrong").content.decode() for _ in range(6)]
    assert "Too many failed login attempts" in answers[-1]
    right = sign_in(client, "doctor")
    assert right.status_code == 200
    assert "Too many failed login attempts" in right.content.decode()
    assert [one.kind for one in read(ACTS).entries].count("failed to sign in") == 5


def one_time_code(secret, later=0):
    """The six digits of an authenticator app now (RFC 6238: HMAC-SHA-1, steps of 30 s)."""
    step = struct.pack(">Q", int(time.time() + later) // 30)
    digest = hmac.new(base64.b32decode(secret), step, hashlib.sha1).digest()
    start = digest[-1] & 15
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


def test_an_editor_cannot_edit_before_the_second_factor_and_signs_in_with_it(door):
    made = verified("editor", Role.EDITOR)
    client = Client()
    sign_in(client, "editor")
    assert client.get("/en/voices/")["location"] == reverse("mfa_activate_totp")
    # before that the password is asked for once more
    asked = client.get(reverse("mfa_activate_totp"))["location"]
    assert asked.startswith("/en/accounts/reauthenticate/")
    assert client.post(asked, {"password": PASSWORD})["location"] == reverse("mfa_activate_totp")
    assert client.get(reverse("mfa_activate_totp")).status_code == 200
    secret = client.session["mfa.totp.secret"]
    client.post(reverse("mfa_activate_totp"), {"code": one_time_code(secret)})
    stored = Authenticator.objects.get(user=made, type="totp")
    assert secret not in str(stored.data)  # encrypted
    assert client.get("/en/voices/").status_code == 200
    # from now on the password alone does not sign in
    other = Client()
    response = sign_in(other, "editor")
    assert response["location"] == reverse("mfa_authenticate")
    assert other.get("/en/voices/").status_code == 302
    # a code is good once: that of the next half minute is taken, by a clock that is ahead
    other.post(reverse("mfa_authenticate"), {"code": one_time_code(secret, later=30)})
    assert other.get("/en/voices/").status_code == 200


def test_no_one_opens_an_account_unless_the_settings_say_so(door):
    response = Client().get("/en/accounts/signup/")
    assert 'type="password"' not in response.content.decode()


def test_an_account_opened_by_its_owner_has_no_role(door, settings_of):
    settings_of(SIGNUP_OPEN=True)
    client = Client()
    client.post("/en/accounts/signup/", {
        "email": "new@example.org", "password1": PASSWORD, "password2": PASSWORD, "name": "New",
        "affiliation": "A hospital",
    })  # fmt: skip
    made = Account.objects.get(email="new@example.org")
    assert (made.name, made.affiliation, set(made.roles)) == ("New", "A hospital", set())
    # and cannot sign in before the address is confirmed
    assert "confirm" in sign_in(Client(), "new")["location"]


def test_an_account_made_in_the_admin_site_gets_its_password_by_mail(door, monkeypatch):
    monkeypatch.setattr(middleware, "is_mfa_enabled", lambda _user: True)
    client = Client()
    client.force_login(account("administrator", Role.ADMINISTRATOR))
    editors = Group.objects.get(name=Role.EDITOR.value)
    client.post("/admin/accounts/account/add/", {
        "email": "Made@example.org", "name": "Made", "affiliation": "", "groups": [editors.pk],
    })  # fmt: skip
    made = Account.objects.get(email="made@example.org")
    assert (made.has_usable_password(), made.roles) == (False, {Role.EDITOR})
    mail.outbox.clear()
    Client().post("/en/accounts/password/reset/", {"email": "made@example.org"})
    (message,) = mail.outbox
    assert message.to == ["made@example.org"]
    link = re.search(r"https?://[^/]+(/\S+)", message.body).group(1)
    visitor = Client()
    form = visitor.get(link)["location"]
    visitor.post(form, {"password1": PASSWORD, "password2": PASSWORD})
    assert sign_in(Client(), "made")["location"] == "/en/work/"


def test_an_administrator_is_made_at_the_console(door):
    made = Account.objects.create_superuser("First@Example.org", PASSWORD, name="First")
    assert sign_in(Client(), "first")["location"] == "/en/work/"
    assert made.roles == {Role.ADMINISTRATOR}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ('{"a": 1}', "list of providers"),
        ('[{"provider_id": "a"}]', "list of providers"),
        ('[{"provider_id": "a", "name": "A", "client_id": "b", "secret": "c", '
         '"settings": {"server_url": "http://a.example"}}]', "must begin with https"),
    ],
)  # fmt: skip
def test_providers_that_cannot_be_used(text, said):
    with pytest.raises(ImproperlyConfigured, match=said):
        providers(text)


def test_a_provider_is_offered_at_the_door(door, settings_of):
    app = {"provider_id": "ours", "name": "Our University", "client_id": "b", "secret": "c",
           "settings": {"server_url": "https://login.example"}}  # fmt: skip
    settings_of(SOCIALACCOUNT_PROVIDERS={"openid_connect": {"APPS": providers(json.dumps([app]))}})
    assert "Our University" in Client().get(LOGIN).content.decode()


def test_forms_need_their_token(door):
    client = Client(enforce_csrf_checks=True)
    assert client.post(LOGIN, {"login": "a", "password": "b"}).status_code == 403


PAGES = ["/en/centres/", "/en/criteria/", "/en/glossary/", "/en/knowledge/08.02/", LOGIN,
         "/en/trials/", "/en/centres/decisions/", "/en/criteria/sarcoma/1.0/"]  # fmt: skip


@pytest.mark.parametrize("address", PAGES)
def test_pages_obey_the_content_policy(door, address):
    response = Client().get(address)
    assert response.status_code == 200
    policy = response["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    html = response.content.decode()
    assert not re.search(r"<[^>]+\sstyle=", html)
    assert not re.search(r"<[^>]+\son[a-z]+=", html)
    assert not re.search(r"<script(?![^>]*\ssrc=)", html)
    assert "<style" not in html


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.exe", b"MZ", "not taken"),
        ("a.svg", b"<svg/>", "not taken"),
        ("a.html", b"<p>", "not taken"),
        ("noending", b"x", "not taken"),
        ("a.pdf", b"", "empty"),
        ("a.pdf", b"MZ not a pdf", "not what its name says"),
        ("a.png", b"%PDF-1.7", "not what its name says"),
        ("a.pdf", b"%PDF-1.7 /OpenAction << /S /JavaScript >>", "a script, an action"),
        ("a.pdf", b"%PDF-1.7 /EmbeddedFiles", "a script, an action"),
        ("a.pdf", b"%PDF-" + b"x" * LARGEST_BYTES, "too large"),
        ("a.txt", b"\xff\xfe\x00", "not text"),
        ("a.txt", b"a\0b", "not text"),
        ("a.csv", b"patient_id,sex\n1,male\n", "records of persons"),
        ("a.csv", b"sex;Birth_Date\nmale;1950-01-01\n", "records of persons"),
        ("a.txt", b"tumour_id\tsex\n1\t2\n", "records of persons"),
        ("x" * 130 + ".pdf", b"%PDF-1.7", "too long"),
    ],
)
def test_uploads_that_are_refused(name, content, message):
    with pytest.raises(FileError, match=message):
        checked(name, content)


@pytest.mark.parametrize(
    ("name", "content", "kept"),
    [
        ("rules.pdf", b"%PDF-1.7 /AAPL:Keywords", "rules.pdf"),
        ("../../etc/rules.pdf", b"%PDF-1.7", "rules.pdf"),
        ("C:\\files\\rules of team.pdf", b"%PDF-1.7", "rules of team.pdf"),
        ('a"<b>.csv', b"year,cases\n2010,27\n", "a__b_.csv"),
        ("photo.JPEG", b"\xff\xd8\xff\xe0", "photo.JPEG"),
    ],
)
def test_uploads_that_are_taken_under_a_plain_name(name, content, kept):
    assert checked(name, content).name == kept


def test_no_table_has_a_column_of_case_records():
    columns = {field.column for model in apps.get_models() for field in model._meta.get_fields()
               if getattr(field, "column", None)}  # fmt: skip
    assert columns & RECORD_COLUMNS == set()
    assert columns & {"topography", "morphology", "behaviour", "diagnosis_date", "age"} == set()


def test_the_portal_has_no_model_over_the_release():
    assert not list(apps.get_app_config("estimates").get_models())


def test_check_deploy_is_clean(release_folder, tmp_path):
    place = {"RARECARE_HTTPS": "1", "RARECARE_HOSTS": "rarecare.example", "DEBUG": "0",
             "RARECARE_DATA": str(tmp_path), "SECRET_KEY": "kept-secret-" + "aB3$" * 20,
             "RARECARE_RELEASE": str(release_folder)}  # fmt: skip
    command = [
        sys.executable,
        "-m",
        "rarecare.portal",
        "check",
        "--deploy",
        "--fail-level",
        "WARNING",
    ]
    done = subprocess.run(
        command, env=os.environ | place, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout
