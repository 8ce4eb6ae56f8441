"""What the five readers do, from search to download; languages, no script, keyboard, paper."""

import csv
import io

import polars as pl
import pytest
from django.utils.translation import gettext, override

from rarecare.portal import numbers
from rarecare.results import OK
from rarecare.study import schema
from tests.portal.browser.page_types import CANCER, MAIN, PUBLIC

ENTITY = CANCER.split("-")[0]
NAME = "Astrocytic tumours of CNS"


@pytest.fixture(scope="module")
def whole(release_folder):
    """All estimates of the cancer, as the release has them."""
    estimates = pl.read_parquet(release_folder / "estimates.parquet")
    return estimates.filter(entity_id=ENTITY).to_dicts()


@pytest.fixture(scope="module")
def crude(whole):
    """The rate that every page speaks of."""
    wanted = {"measure": schema.INCIDENCE, "area": schema.ALL, "sex": schema.ALL,
              "age_group": schema.ALL, "standard": schema.NONE}  # fmt: skip
    [found] = [row for row in whole if "-" in row["period"] and wanted.items() <= row.items()]
    return found


def by_suggestion(page):
    """Type a part of the name, take the suggestion with the arrow keys."""
    page.goto("/en/")
    page.locator("#q").press_sequentially("astrocytic tum", delay=20)
    page.locator("#suggestions").get_by_role("link", name=NAME).wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")


def by_code(page):
    """Search by a pair of codes."""
    ask(page, "C71.1 9400/3")
    page.get_by_role("main").get_by_role("link", name=NAME).first.click()


def by_typing_error(page):
    """Search by a name with an error in it."""
    ask(page, "astrocitic tumors")
    page.get_by_role("main").get_by_role("link", name=NAME).first.click()


def by_family(page):
    """Search for the family, go down to the cancer."""
    ask(page, "central nervous system")
    page.get_by_role("main").get_by_role("link", name="Central nervous system").first.click()
    page.locator("#below").get_by_role("link", name="Tumours of central nervous system").click()
    page.locator("#below").get_by_role("link", name=NAME).click()


def by_tree(page):
    """Open the tree from the door for health authorities."""
    page.goto("/en/")
    page.get_by_role("link", name="I plan health care").click()
    page.locator(".tree summary", has_text="Central nervous system").click()
    page.locator(".tree").get_by_role("link", name=NAME).click()


def ask(page, words):
    page.goto("/en/")
    page.locator("#q").fill(words)
    page.get_by_role("button", name="Search").click()


JOURNEYS = {
    "patient": (by_suggestion, "Patients"),
    "gp": (by_code, "Family doctors"),
    "oncologist": (by_typing_error, "Oncologists"),
    "researcher": (by_family, "Researchers"),
    "authority": (by_tree, "Health authorities"),
}


@pytest.mark.parametrize("reader", JOURNEYS)
def test_a_reader_comes_from_search_to_download(visit, whole, crude, reader):
    way, switch = JOURNEYS[reader]
    page = visit(accept_downloads=True)
    way(page)
    page.get_by_role("heading", level=1, name=NAME).wait_for()
    readers = page.get_by_role("navigation", name="Written for")
    readers.get_by_role("link", name=switch).click()
    readers.locator("[aria-current]", has_text=switch).wait_for()
    said = page.locator("#short").inner_text()
    standardised = reader == "researcher"
    if not standardised:
        assert numbers.rate(crude["estimate"]) in said
    assert "invented" in said.lower()
    every = page.locator("#downloads").get_by_role("link", name="CSV")
    one = page.get_by_role("link", name="CSV of Age at diagnosis")
    with page.expect_download() as coming:
        (every if every.count() else one).click()
    found = list(csv.DictReader(io.StringIO(coming.value.path().read_text(encoding="utf-8"))))
    assert {row["synthetic"] for row in found} == {"true"}
    assert estimates_in(found, whole) == estimates_in(whole, found) != {}


def estimates_in(rows, others):
    """Estimates by what they are of, those that the others have too."""
    names = ("measure", "area", "sex", "age_group", "period", "standard", "time_years", "method")

    def key(row):
        return tuple("" if row[name] is None else str(row[name]) for name in names)

    theirs = {key(row) for row in others}
    return {key(row): float(row["estimate"]) for row in rows
            if key(row) in theirs and row["status"] == OK}  # fmt: skip


def test_survival_comes_when_a_patient_asks_for_it(visit):
    page = visit()
    page.goto(f"/en/cancers/{CANCER}/?for=patient")
    assert "are alive after" not in page.content()
    page.get_by_role("link", name="Show figures on survival").click()
    page.locator("#living .say").wait_for()
    assert "are alive after" in page.locator("#living").inner_text()
    page.get_by_role("link", name="Hide figures on survival").click()
    page.get_by_role("link", name="Show figures on survival").wait_for()
    assert "are alive after" not in page.content()


def test_the_language_changes_and_the_page_stays(visit):
    page = visit()
    page.goto("/en/compare/")
    menu = page.locator("#lang summary")
    menu.focus()
    page.keyboard.press("Enter")
    page.locator("#lang").get_by_role("link", name="Български").click()
    page.wait_for_url("**/bg/compare/")
    assert page.locator("html").get_attribute("lang") == "bg"
    with override("bg"):
        assert page.get_by_role("heading", level=1).inner_text() == gettext("Compare")
    assert page.locator("#c-country option", has_text="Словения").count() == 1
    page.locator("nav.nav a").nth(1).click()
    page.wait_for_url("**/bg/cancers/")


def test_everything_can_be_read_without_a_script(visit):
    page = visit(java_script_enabled=False, viewport={"width": 390, "height": 900})
    ask(page, "glioma")
    page.get_by_role("main").get_by_role("link", name=NAME).first.click()
    page.get_by_role("link", name="Oncologists").click()
    pictures = page.locator(".drawn img")
    assert pictures.count() >= 3
    for k in range(pictures.count()):
        assert pictures.nth(k).get_attribute("alt")
        address = pictures.nth(k).get_attribute("src")
        answer = page.request.get(address)
        assert (answer.status, answer.headers["content-type"]) == (200, "image/svg+xml")
    page.locator("summary", has_text="Table of these figures").first.click()
    assert page.locator("figure table").first.is_visible()
    page.locator("#lang summary").click()
    page.locator("#lang").get_by_role("link", name="Italiano").click()
    page.wait_for_url("**/it/cancers/**")
    page.goto("/en/query/")
    page.locator("select[name=measure]").select_option(schema.INCIDENCE)
    page.get_by_role("button", name="Show", exact=True).click()
    assert page.get_by_role("heading", name="rows").is_visible()
    page.goto("/en/centres/")
    page.get_by_label("Words").fill("sarcoma friends")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name="Example Sarcoma Friends").first.click()
    assert page.get_by_role("heading", level=1, name="Example Sarcoma Friends").is_visible()


FOCUSED = """() => {
  const here = document.activeElement, style = getComputedStyle(here), box = here.getBoundingClientRect();
  return [here.outerHTML.slice(0, 120), style.outlineStyle, parseFloat(style.outlineWidth),
          box.width * box.height > 0 && box.bottom > 0 && box.right > 0 && box.top < innerHeight];
}"""  # noqa: E501


@pytest.mark.parametrize("name", ["home", "sheet-oncologist", "centres"])
def test_the_keyboard_reaches_every_link_and_shows_where_it_is(visit, name):
    page = visit()
    page.goto(f"/en/{PUBLIC[name]}")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.evaluate("document.activeElement.blur()")
    page.goto(f"/en/{PUBLIC[name]}")
    last = page.locator("footer a").last.evaluate("one => one.outerHTML.slice(0, 120)")
    seen = []
    while not seen or seen[-1] != last:
        page.keyboard.press("Tab")
        html, style, width, visible = page.evaluate(FOCUSED)
        assert visible, f"focus is out of sight on {html}"
        assert style != "none", f"focus is not shown on {html}"
        assert width >= 2, f"focus is hardly shown on {html}"
        seen.append(html)
        assert len(seen) < 600, "the keyboard does not come to the end"
    shown = page.locator("main a:visible, main input:visible, main select:visible").count()
    assert len(seen) >= shown


def test_suggestions_are_put_away_by_escape_and_by_looking_elsewhere(visit):
    page = visit()
    page.goto("/en/")
    field, found = page.locator("#q"), page.locator("#suggestions a")
    field.press_sequentially("sarcoma", delay=20)
    found.first.wait_for()
    assert "suggestion" in page.locator("#suggestions [role=status]").inner_text()
    page.keyboard.press("Escape")
    assert found.count() == 0
    assert page.evaluate("document.activeElement.id") == "q"
    field.press_sequentially("s", delay=20)
    found.first.wait_for()
    page.locator("footer a").first.focus()
    assert found.count() == 0


def test_nothing_moves_for_those_who_ask_for_stillness(visit):
    page = visit(reduced_motion="reduce")
    page.goto("/en/")
    moving = page.evaluate(
        "[...document.querySelectorAll('*')].filter((one) => { const s = getComputedStyle(one);"
        " return parseFloat(s.transitionDuration) > 0 || s.animationName !== 'none' }).length"
    )
    assert moving == 0


def test_a_sheet_is_whole_on_paper(visit, crude):
    page = visit()
    page.goto(f"/en/cancers/{CANCER}/?for=gp")
    page.emulate_media(media="print")
    for away in (".mast", ".readers", ".toc", ".foot", ".search"):
        assert not page.locator(away).first.is_visible() if page.locator(away).count() else True
    assert page.locator(".print-head").is_visible()
    assert CANCER in page.locator(".print-head").inner_text()
    assert page.locator(".synthetic").is_visible()
    assert numbers.rate(crude["estimate"]) in page.locator("#short").inner_text()
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_a_patients_paper_holds_no_survival_unless_chosen(visit):
    page = visit()
    page.goto(f"/en/cancers/{CANCER}/?for=patient")
    page.emulate_media(media="print")
    assert not page.get_by_text("Show figures on survival").is_visible()
    page.goto(f"/en/cancers/{CANCER}/?for=patient&survival=show")
    assert "are alive after" in page.locator("#living").inner_text()


@pytest.mark.parametrize("name", MAIN)
def test_the_browser_loads_nothing_from_elsewhere(visit, served, name):
    page = visit()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"/en/{PUBLIC[name]}", wait_until="networkidle")
    assert [one for one in asked if not one.startswith((served, "data:"))] == []


def test_the_home_page_is_light(visit):
    page = visit()
    loaded = []

    def keep(request):  # Playwright takes no method of a list
        loaded.append(request)

    page.on("requestfinished", keep)
    page.goto("/en/", wait_until="networkidle")
    sizes = {one.url: one.sizes()["responseBodySize"] for one in loaded}
    assert sum(sizes.values()) <= 300_000, sizes
    assert len(sizes) > 5
