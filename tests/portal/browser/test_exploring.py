"""A figure to explore: on request only, by pointer or keys, under the policy, with a way back."""

import pytest

from tests.portal.browser.page_types import CANCER

SHEET = f"/en/cancers/{CANCER}/?for=authority"
COMPARED = f"/en/compare/{CANCER}/incidence/?for=gp"
TIP = "#vg-tooltip-element"
READY = 60_000
"""Milliseconds that a busy machine may take to make the script, once."""


def button_of(page, figure):
    return page.locator(f"#{figure} .explore button")


def explored(page, figure):
    button_of(page, figure).scroll_into_view_if_needed()
    button_of(page, figure).focus()
    page.keyboard.press("Enter")
    page.locator(f"#{figure} .explored svg").wait_for(timeout=READY)


def said(page, figure):
    return page.locator(f"#{figure} .explore [role=status]").inner_text()


def test_nothing_is_loaded_before_someone_explores(visit):
    page = visit()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(SHEET)
    page.wait_for_load_state("networkidle")
    assert not [address for address in asked if address.endswith(("/vega.js", ".json"))]
    explored(page, "trend")
    assert [address for address in asked if address.endswith("/vega.js")]


@pytest.mark.parametrize(
    ("address", "figure"),
    [(SHEET, name) for name in ("survival", "age", "trend", "incidence-by-country")]
    + [(COMPARED, "countries"), (COMPARED, "map")],
)
def test_values_answer_to_the_keys_and_escape_leads_back(visit, address, figure):
    page = visit()
    page.goto(address)
    drawing = page.locator(f"#{figure} .plot").first
    explored(page, figure)
    assert drawing.is_hidden()
    assert "explored" in page.evaluate("document.activeElement.className").split()
    page.keyboard.press("ArrowRight")
    first = said(page, figure)
    page.keyboard.press("ArrowRight")
    second = said(page, figure)
    assert first != second
    assert any(sign.isdigit() for sign in first + second) or first.endswith(": No data")
    page.locator(TIP).wait_for(state="visible")
    assert page.locator(TIP).inner_text() == second
    page.keyboard.press("ArrowLeft")
    assert said(page, figure) == first
    page.keyboard.press("Escape")
    assert page.locator(".explored").count() == 0
    assert drawing.is_visible()
    assert page.evaluate("document.activeElement.closest('.explore') !== null")


def test_a_value_answers_to_the_pointer_with_its_number_of_the_table(visit):
    page = visit()
    page.goto(SHEET)
    explored(page, "trend")
    marks = page.evaluate_handle(
        "[...document.querySelectorAll('#trend .explored svg *')].filter(e => e.__data__?.tooltip)"
    )
    box = page.evaluate(
        "marks => { marks[3].scrollIntoView({block: 'center'});"
        " const b = marks[3].getBoundingClientRect();"
        " return [b.x + b.width / 2, b.y + b.height / 2, marks[3].__data__.tooltip] }",
        marks,
    )
    page.mouse.move(box[0], box[1])
    page.locator(TIP).wait_for(state="visible")
    assert page.locator(TIP).inner_text() == box[2]
    year = box[2].partition(":")[0]
    row = page.locator("#trend tbody tr").filter(has_text=year).first.text_content()
    assert box[2].split()[1] in row


def test_the_drawing_stays_where_the_script_cannot_be_had(visit):
    page = visit()
    page.route("**/vega.js", lambda route: route.abort())
    page.goto(SHEET)
    button_of(page, "trend").click()
    page.locator("#trend .explore [role=status]", has_text="could not be prepared").wait_for()
    assert page.locator("#trend .plot").is_visible()
    assert page.locator(".explored").count() == 0


def test_without_a_script_there_are_drawings_and_no_buttons(visit):
    page = visit(java_script_enabled=False)
    page.goto(SHEET)
    assert page.locator("#trend img").is_visible()
    assert page.locator(".explore button").first.is_hidden()


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_moves_when_drawings_arrive(visit, width):
    page = visit(viewport={"width": width, "height": 900})
    page.add_init_script(
        "window.moved = 0; new PerformanceObserver(list => { for (const one of list.getEntries())"
        " if (!one.hadRecentInput) window.moved += one.value })"
        ".observe({type: 'layout-shift', buffered: true})"
    )
    page.goto(SHEET)
    before = page.evaluate("document.documentElement.scrollHeight")
    for _ in range(12):
        page.mouse.wheel(0, 900)
        page.wait_for_timeout(150)
    page.wait_for_load_state("networkidle")
    assert page.locator("svg.taken").count() > 2
    assert page.evaluate("window.moved") < 0.01
    assert abs(page.evaluate("document.documentElement.scrollHeight") - before) <= 2
