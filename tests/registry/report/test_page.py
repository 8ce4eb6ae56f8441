"""The page of a report: whole without network or script, in a browser, for everybody."""

import re
import shutil
from dataclasses import replace
from datetime import date
from html import unescape
from html.parser import HTMLParser
from importlib import resources

import polars as pl
import pytest

from rarecare.registry.checks.messages import TRANSLATED
from rarecare.registry.report import check, write_outside, write_own
from rarecare.registry.report.page import MOST_OF_A_CHECK, page, percent
from rarecare.registry.report.words import say_in, texts

TODAY = date(2014, 1, 31)
CHROMIUM = shutil.which("chromium")
VOID = {"meta", "link", "br", "hr", "img", "input"}


class Outline(HTMLParser):
    """Headings, addresses, identifiers and whether every element is closed."""

    def __init__(self, html):
        super().__init__()
        self.open, self.headings, self.addresses, self.ids = [], [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        self.addresses += [given[name] for name in ("href", "src") if name in given]
        self.ids += [given["id"]] if "id" in given else []
        assert not any(name.startswith("on") for name in given)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module", params=[False, True], ids=["outside", "own"])
def html(request, report):
    return page(report, own=request.param)


def test_the_page_is_whole_and_needs_no_network(html):
    outline = Outline(html)
    assert outline.open == []
    assert all(address.startswith("#") for address in outline.addresses)
    assert {address[1:] for address in outline.addresses} <= set(outline.ids)
    assert len(outline.ids) == len(set(outline.ids))
    assert all(b - a <= 1 for a, b in zip(outline.headings, outline.headings[1:], strict=False))
    assert outline.headings.count(1) == 1


def test_every_finding_is_a_row(html):
    assert len(re.findall(r"<tr data-check=", html)) == 11
    assert "Errors to correct: 7. Warnings to correct or confirm: 4." in html


def test_names_are_escaped(report):
    facts = replace(report.facts, name="<script>alert(1)</script>")
    assert "<script>alert" not in page(replace(report, facts=facts), own=True)


def test_made_up_data_say_so(report):
    assert "Synthetic data" not in page(report, own=False)
    said = page(replace(report, synthetic=True), own=False)
    assert said.count("Synthetic data") >= 2


def test_the_same_report_gives_the_same_page(report, html):
    assert html in (page(report, own=False), page(report, own=True))


def test_many_findings_are_cut_and_the_page_says_so(changed):
    line = "P{0},T{0},male,1950-01-01,2010-06-01,60,2012-12-31,,alive,,C56.9,8441,3,2,7,0"
    many = check(changed(added=[line.format(k) for k in range(70)]), today=TODAY)
    html = page(many, own=True)
    assert html.count('<tr data-check="sex-site"') == MOST_OF_A_CHECK
    assert "The first 50 findings of each check are listed" in html
    assert "Found: 71." in html


@pytest.mark.parametrize("language", TRANSLATED)
def test_the_page_is_in_the_language_of_the_registry(report, language):
    html = page(replace(report, language=language), own=True)
    assert f'<html lang="{language}">' in html
    said = re.sub(r"<(style|script|svg|code)\b.*?</\1>", " ", html, flags=re.DOTALL)
    said = re.sub(r'<(\w+)[^>]* lang="en"[^>]*>.*?</\1>', " ", said, flags=re.DOTALL)
    assert "This page is translated" not in html
    left = [text for text in texts() if len(text) > 12 and f">{text}<" in said]
    assert [text for text in left if say_in(language)(text) != text] == []
    assert say_in(language)("What to correct") in said
    title = say_in(language)("Quality of the cases counted in incidence")
    assert title.unescape() in unescape(html)  # also within the drawing
    assert not re.search(r"\{\w+\}", re.sub(r'data-said="[^"]*"', "", said))


def test_what_is_not_translated_is_marked_english(report):
    html = page(replace(report, language="sl"), own=True)
    assert '<span lang="en">sex and site</span>' in html
    assert "no named person" not in page(report, own=True)


def test_every_text_marked_in_the_template_is_known():
    """What the template says of itself is in the catalog: no text stands outside a mark."""
    assert {"What to correct", "Errors open", "open", "fixed", "DCO"} <= set(texts())
    template = resources.files("rarecare.registry.report") / "templates" / "report.html"
    bare = re.sub(r"\{[{%].*?[%}]\}", " ", template.read_text(encoding="utf-8"), flags=re.DOTALL)
    bare = re.sub(r"<(code|b)>.*?</\1>|<[^>]*>", " ", bare, flags=re.DOTALL)
    assert set(re.findall(r"[A-Za-z][A-Za-z'-]+", bare)) == {"Rarecare", "SHA-"}


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("there is no chromium")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - slow to import

    with sync_playwright() as started:
        own = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield own
        own.close()


@pytest.fixture(scope="module")
def files(invented, report, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    confirmed = pl.DataFrame(
        {"tumour_id": ["TUM-88213"], "code": ["age-above-105"], "who": ["A.B."], "when": ["2013"]}
    )
    write_own(report, folder / "last")
    from rarecare.registry.report import read_earlier  # noqa: PLC0415

    full = check(
        invented, today=TODAY, confirmed=confirmed, silenced=["alive-before-closing"],
        previous=read_earlier(folder / "last"),
    )  # fmt: skip
    write_outside(full, folder / "out")
    write_own(full, folder / "own")
    return {name: (folder / name / "report.html").as_uri() for name in ("out", "own")}


@pytest.mark.parametrize(("name", "width", "scheme"), [
    ("own", 1100, "light"), ("own", 390, "dark"), ("own", 320, "light"), ("out", 1100, "dark"),
    ("out", 390, "light"),
])  # fmt: skip
def test_axe_finds_nothing_and_nothing_runs_over_the_edge(browser, files, name, width, scheme):
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - slow to import

    shown = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    shown.goto(files[name])
    found = Axe().run(shown).response["violations"]
    assert [(v["id"], [n["html"] for n in v["nodes"]][:2]) for v in found] == []
    assert shown.evaluate("document.documentElement.scrollWidth") == width
    shown.close()


def test_the_filter_by_keyboard(browser, files):
    shown = browser.new_page()
    shown.goto(files["out"])
    rows = shown.locator("#listed tbody tr:visible")
    assert rows.count() == 11
    shown.get_by_label("Severity").focus()
    shown.keyboard.press("w")  # a letter chooses in a list
    assert rows.count() == 4
    for _ in range(2):
        shown.keyboard.press("Tab")  # status, then text
    shown.keyboard.type("105")
    assert rows.count() == 1
    assert shown.get_by_role("status").inner_text() == "1 of 11 listed findings shown"
    shown.keyboard.press("Tab")
    shown.keyboard.press("Enter")  # Show all
    shown.wait_for_function("document.querySelectorAll('#listed tbody tr[hidden]').length === 0")
    shown.get_by_role("link", name="Show the findings of tumour-id-doubled").press("Enter")
    assert rows.count() == 2
    shown.close()


def test_without_script_every_finding_is_there(browser, files):
    context = browser.new_context(java_script_enabled=False)
    shown = context.new_page()
    shown.goto(files["out"])
    assert shown.locator("#listed tbody tr:visible").count() == 11
    assert not shown.locator("#filter").is_visible()
    context.close()


def test_deaths_to_new_cases_by_hand(changed):
    """Both files know 2010: 2 deaths; 3 cases counted."""
    folder = changed()
    (folder / "deaths.csv").write_text(
        "year,sex,age_lower,cause_of_death,deaths\n2010,female,60,C56,2\n", encoding="utf-8"
    )
    with (folder / "submission.toml").open("a", encoding="utf-8") as file:
        file.write('\n[mortality]\nfile = "deaths.csv"\nage_groups = "lower"\n')
    html = page(check(folder, today=TODAY), own=False)
    # incidence of 2010 counted: lines 4, 12 and 14 (9 and 15 are left out); 2/3 = 0.67
    assert "Deaths to new cases, all cancers, 2010-2010: 0.67 (95% interval" in html
    assert "Deaths: 2; cases: 3." in html


@pytest.mark.parametrize(
    ("value", "size", "said"),
    [
        (5.133, None, "5.1"),
        (0.1397, None, "0.14"),
        (0.00582, None, "0.006"),
        (0.0, None, "0.0"),
        (-0.368, None, "−0.37"),
        (-0.0001, 0.2, "0.00"),
        (100.0, None, "100.0"),
    ],
)
def test_decimals_are_those_the_size_calls_for(value, size, said):
    assert percent(value, size) == said


def test_where_nobody_is_counted_the_page_says_so(changed):
    """Three benign tumours: every indicator is without cases, none is 0."""
    folder = changed()
    lines = (folder / "cases.csv").read_text(encoding="utf-8").splitlines()[:4]
    text = "\n".join(line.replace(",3,2,7,0", ",0,,7,0") for line in lines) + "\n"
    (folder / "cases.csv").write_text(text, encoding="utf-8")
    found = check(folder, today=TODAY)
    assert found.findings.records == 3
    whole = found.quality.filter(entity_id="all", period="all")
    assert set(whole["status"]) == {"not estimable"}
    html = page(found, own=False)
    assert "there are no such cases" in html
    assert "Figure 1" not in html
