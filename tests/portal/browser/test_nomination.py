"""From nomination to decision by four people who sign in, the editor with a second factor."""

import base64
import datetime as dt
import hashlib
import hmac
import struct
import time

from tests.portal.browser.people import PASSWORD
from tests.portal.browser.test_access import violations

CENTRE = "Example Hospital C (invented)"
WHY = "The evidence shows what the criteria ask for."
EVIDENCE = {"team": "yes", "volume": "27", "pathology": "94", "links": "A signed letter"}


def sign_in(visit, name):
    page = visit()
    page.goto("/en/work/")
    page.get_by_label("Email").fill(f"{name}@example.org")
    page.get_by_label("Password").first.fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign In").click()
    page.get_by_text("Successfully signed in").wait_for()
    return page


def one_time_code(secret):
    """RFC 6238 by the clock: six digits of an HMAC over the half minute."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"


def set_up_second_factor(page):
    """Where an editor is sent first: the password once more, then a code of the new factor."""
    page.get_by_text("Editors and administrators sign in with a second factor.").wait_for()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Confirm").click()
    secret = page.locator("#authenticator_secret")
    secret.wait_for()
    assert violations(page) == []
    page.locator("input[name=code]").fill(one_time_code(secret.input_value()))
    page.get_by_role("main").get_by_role("button", name="Activate").click()
    page.get_by_text("recovery codes").first.wait_for()


def test_from_nomination_to_decision(visit):
    today = dt.datetime.now(dt.UTC).date()
    friend = sign_in(visit, "friend")
    friend.get_by_role("link", name="Nominate a centre").click()
    friend.get_by_label("Centre").select_option(label=CENTRE)
    criteria = friend.get_by_label("Criteria")
    criteria.select_option(index=criteria.locator("option").count() - 1)
    assert violations(friend) == []
    friend.get_by_label("Reasons").fill("Too short")
    friend.get_by_role("button", name="Nominate").click()
    # the browser itself refuses what is too short; nothing is sent
    assert friend.get_by_label("Reasons").evaluate("one => one.validity.tooShort")
    friend.get_by_label("Reasons").fill(WHY)
    friend.get_by_role("button", name="Nominate").click()
    friend.get_by_role("link", name="Add evidence").wait_for()
    nomination = friend.url
    for criterion, value in EVIDENCE.items():
        friend.get_by_role("link", name="Add evidence").click()
        friend.get_by_label("Criterion").select_option(criterion)
        friend.get_by_label("Value").fill(value)
        friend.get_by_label("Who says so").select_option("self-declared")
        friend.get_by_label("Day of the evidence").fill(today.isoformat())
        friend.get_by_label("Source").fill("invented report")
        if criterion == "team":
            friend.get_by_label("Document").set_input_files(
                {"name": "rules.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7\n"}
            )
            assert violations(friend) == []
        friend.get_by_role("button", name="Add").click()
        friend.get_by_text("The evidence is kept.").wait_for()
    assert friend.get_by_role("link", name="rules.pdf").is_visible()
    assert violations(friend) == []
    friend.get_by_role("button", name="Submit for review").click()
    friend.get_by_text("The nomination is under review.").wait_for()

    for name in ("first", "second"):
        page = sign_in(visit, name)
        page.get_by_role("main").get_by_role("link", name="Hospital C").click()
        page.get_by_role("link", name="Review", exact=True).click()
        page.get_by_label("designate", exact=True).check()
        page.get_by_label("Reasons").fill(WHY)
        page.get_by_label("I belong neither").check()
        page.get_by_label("Is it met?").first.select_option("yes")
        assert violations(page) == []
        page.get_by_role("button", name="Send the review").click()
        page.get_by_text("Your review is kept.").wait_for()

    editor = sign_in(visit, "editor")
    set_up_second_factor(editor)
    editor.goto(nomination)
    editor.get_by_role("link", name="Decide").click()
    assert violations(editor) == []
    editor.get_by_label("designated", exact=True).check()
    editor.get_by_label("Reasons, public").fill("All that is required is met.")
    until = today + dt.timedelta(days=900)
    editor.get_by_label("Designated until").fill(until.isoformat())
    editor.get_by_role("button", name="Decide").click()
    editor.get_by_text("The decision is in the public history.").wait_for()

    visitor = visit()
    visitor.goto("/en/centres/")
    visitor.get_by_role("main").get_by_role("link", name=CENTRE).first.click()
    main = visitor.get_by_role("main")
    assert "Centre of expertise by criteria" in main.inner_text()
    assert f"until {until.day} {until:%B} {until.year}" in main.inner_text()
    assert "All that is required is met." in main.inner_text()
    assert "First (invented) (Example Society (invented))" in main.inner_text()
    assert violations(visitor) == []
    visitor.goto("/en/centres/decisions/")
    assert CENTRE in visitor.get_by_role("main").inner_text()
    assert visitor.goto(nomination).url.startswith(visitor.url.split("/en/")[0])
    assert "/accounts/login/" in visitor.url
