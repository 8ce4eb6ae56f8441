"""Every type of page by axe, in two languages, two widths, light and dark; none scrolls sideways.

The whole matrix is slow; by default each type of page has one of its eight forms, drawn by a
seeded choice, so that all eight are met.
"""

import random
from itertools import product

import pytest

from tests.portal.browser.conftest import Watched
from tests.portal.browser.page_types import MAIN, PUBLIC
from tests.portal.browser.waiting import look_through

FORMS = list(product(("en", "bg"), (1280, 390), ("light", "dark")))
_CHOSEN = random.Random(2026)
SUBSET = [
    (name, *FORMS[(k + shift) % len(FORMS)])
    for shift in [_CHOSEN.randrange(len(FORMS))]
    for k, name in enumerate(_CHOSEN.sample(MAIN, len(MAIN)))
]
WHOLE = [(name, *form) for name in PUBLIC for form in FORMS]
REST = sorted(set(WHOLE) - set(SUBSET))
NARROWEST = 320
STATUS = {"not-found": 404, "refused": 400}


def violations(page):
    """What axe finds wrong, a line each."""
    axe = pytest.importorskip("axe_playwright_python.base")
    page.evaluate(axe.AXE_SCRIPT)
    found = page.evaluate(
        "axe.run({resultTypes: ['violations'], rules: {'target-size': {enabled: true}}})"
    )["violations"]
    return [f"{one['id']}: {node['target']}: {node['failureSummary']}"
            for one in found for node in one["nodes"]]  # fmt: skip


def check(visit, name, language, width, scheme):
    page = visit(viewport={"width": width, "height": 900}, color_scheme=scheme)
    answer = page.goto(f"/{language}/{PUBLIC[name]}")
    assert answer.status == STATUS.get(name, 200)
    look_through(page)
    assert page.locator("html").get_attribute("lang") == language
    assert violations(page) == []
    page.set_viewport_size({"width": NARROWEST, "height": 900})
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= NARROWEST, f"{wide} px wide"


def test_the_subset_meets_every_form():
    assert {tuple(form) for _name, *form in SUBSET} == set(FORMS)


@pytest.mark.parametrize(("name", "language", "width", "scheme"), SUBSET)
def test_a_page_is_accessible(visit, name, language, width, scheme):
    check(visit, name, language, width, scheme)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "language", "width", "scheme"), REST)
def test_every_page_is_accessible(visit, name, language, width, scheme):
    check(visit, name, language, width, scheme)


def test_axe_sees_what_is_wrong(visit):
    page = visit()
    page.goto("/en/")
    page.evaluate("document.documentElement.removeAttribute('lang')")
    assert any(one.startswith("html-has-lang") for one in violations(page))


def test_the_watch_sees_a_breach_of_the_policy(chromium, served):
    watched = Watched(chromium, served)
    page = watched.page()
    policy = page.goto("/en/").headers["content-security-policy"]
    assert "unsafe" not in policy
    page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.ran = 1';"
        " document.body.append(s) }"
    )
    assert page.evaluate("window.ran") is None
    watched.context.close()
    assert any("Content Security Policy" in said for said in watched.complaints)
