"""The entry form in a browser: accessible, of use by keyboard alone, and read back as entered."""

import shutil

import pytest

from rarecare.care.dictionary_reading import study_kit
from rarecare.care.form import entry_form
from rarecare.care.incoming import read_incoming

CHROMIUM = shutil.which("chromium")
KITS = ("core", "sarcoma", "testis", "head_neck", "gep_net")
DESK, PHONE = 1280, 390


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - slow to import

    with sync_playwright() as started:
        own = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield own
        own.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("forms")
    for name in KITS:
        (folder / f"{name}.html").write_text(entry_form(study_kit(name)), encoding="utf-8")
    return folder


def opened(browser, pages, name, *, width=DESK, scheme="light"):
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme,
                                  accept_downloads=True)  # fmt: skip
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((pages / f"{name}.html").as_uri())
    return page, errors


def violations(page):
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - slow to import

    found = Axe().run(page).response["violations"]
    return [(one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in found]


# every kit once; the core, on which all are built, at each width and in each scheme
@pytest.mark.parametrize(("name", "width", "scheme"), [
    ("core", PHONE, "light"), ("core", PHONE, "dark"), ("core", DESK, "light"),
    ("core", DESK, "dark"), ("sarcoma", PHONE, "dark"), ("testis", DESK, "light"),
    ("head_neck", DESK, "dark"), ("gep_net", PHONE, "light"),
])  # fmt: skip
def test_nothing_stands_in_the_way(browser, pages, name, width, scheme):
    page, errors = opened(browser, pages, name, width=width, scheme=scheme)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator("button[type=submit]").click()  # with all its errors and its list of gaps
    assert page.locator("#problems").is_visible()
    assert violations(page) == []
    assert errors == []
    page.context.close()


def test_a_record_by_keyboard_alone(browser, pages, tmp_path):
    page, errors = opened(browser, pages, "core")
    keys = page.keyboard
    keys.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    keys.press("Enter")
    given = {
        "registry": "R1", "country": "NL", "patient_id": "P1", "tumour_id": "T1", "sex": "female",
        "birth_date": "1950-02-01", "age": "60", "incidence_date": "2010-03-01",
        "hospital_dx": "H1", "topography": "C49.2", "morphology": "8890",
        "path_report": "1", "surgery": "1", "date_surgery": "2010-04", "margins": "R0",
    }  # fmt: skip
    entered = set()
    asked = "() => { const e = document.activeElement; return [e.name || '', e.type || ''] }"
    for _ in range(400):
        keys.press("Tab")
        name, kind = page.evaluate(asked)
        if kind == "submit":
            break
        if name not in given or name in entered:
            continue
        entered.add(name)
        if kind == "text":
            keys.type(given[name])
        elif kind == "radio":
            # the arrow keys go through the choices, Space takes the one in focus
            keys.press("Space")
            while page.evaluate("document.activeElement.value") != given[name]:
                keys.press("ArrowDown")
        else:
            while page.evaluate("document.activeElement.value") != given[name]:
                keys.press("ArrowDown")
    # date_surgery and margins opened once surgery was said to be done
    assert entered == set(given)
    assert page.evaluate("document.activeElement.type") == "submit"
    keys.press("Enter")
    # the list of problems has the focus, and leads to the items
    assert page.evaluate("document.activeElement.id") == "problems"
    assert "required and blank" in page.locator("#problems").inner_text()
    keys.press("Tab")
    keys.press("Enter")
    name, _ = page.evaluate(asked)
    assert name != ""
    assert name not in given
    for _ in range(400):
        keys.press("Tab")
        if page.evaluate("document.activeElement.id") == "gaps":
            break
    keys.press("Enter")
    assert "1 record to save" in page.locator("#status").inner_text()
    for _ in range(400):
        keys.press("Tab")
        if page.evaluate("document.activeElement.id") == "save":
            break
    with page.expect_download() as told:
        keys.press("Enter")
    path = tmp_path / "records.csv"
    told.value.save_as(path)
    found = read_incoming(path, study_kit("core"))
    wrong = found.findings.filter(severity="error")
    assert set(wrong["rule"]) == {"required"}
    record = found.data.row(0, named=True)
    assert (record["patient_id"], record["sex"], record["margins"]) == ("P1", "female", "R0")
    assert str(record["incidence_date"]) == "2010-03-01"
    assert errors == []
    page.context.close()
