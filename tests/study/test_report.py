"""The report: the release's numbers, nothing else, on a page that needs no network."""

import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import polars as pl
import pytest

from rarecare.results import WITHHELD
from rarecare.study.release import Release
from rarecare.study.report import numbers, report_html
from rarecare.study.report.burden import length
from rarecare.study.report.content import Numbers

THIN = "\u202f"


@pytest.fixture(scope="module")
def release(whole_release):
    return whole_release


@pytest.fixture(scope="module")
def html(release):
    return (release.folder / "report.html").read_text(encoding="utf-8")


def test_no_figure_or_word_depends_on_what_is_withheld(release, html):
    """Withheld rows are given numbers, which no release can hold: not a byte changes."""
    gone = pl.col("status") == WITHHELD
    given = {"estimate": 7777.7, "se": 77.7, "lower": 7000.7, "upper": 8000.7}
    told = release.estimates.with_columns(
        pl.when(gone).then(pl.lit(value)).otherwise(name).alias(name)
        for name, value in given.items()
    )
    assert told.filter(gone)["estimate"].null_count() == 0
    assert report_html(replace(release, estimates=told)) == html


class Outline(HTMLParser):
    """Headings, identifiers, links, addresses and open elements of a page."""

    VOID = frozenset({"meta", "link", "br", "hr", "img", "input"})

    def __init__(self):
        super().__init__()
        self.open, self.headings, self.ids, self.links, self.addresses = [], [], [], [], []
        self.text = []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag not in self.VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if "id" in given:
            self.ids.append(given["id"])
        for name in ("href", "src", "xlink:href"):
            if name in given:
                (self.links if given[name].startswith("#") else self.addresses).append(given[name])
        assert not any(name.startswith("on") for name in given)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open[-1] == tag, (tag, self.open[-3:])
        self.open.pop()

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)


@pytest.fixture(scope="module")
def outline(html):
    parser = Outline()
    parser.feed(html)
    parser.close()
    return parser


def test_the_page_is_whole_and_needs_no_network(html, outline):
    assert outline.open == []
    assert outline.addresses == []
    assert not re.search(r"url\((?!data:|#)", html)
    assert "<script" not in html
    assert len(outline.ids) == len(set(outline.ids))
    assert {link[1:] for link in outline.links} <= set(outline.ids)


def test_headings_descend_one_step_at_a_time(outline):
    assert outline.headings[0] == 1
    assert outline.headings.count(1) == 1
    for before, after in zip(outline.headings, outline.headings[1:], strict=False):
        assert after <= before + 1


def test_every_drawing_says_what_it_shows(html):
    drawings = re.findall(r'<svg[^>]*role="img".*?</svg>', html, flags=re.S)
    assert 5 < len(drawings) <= 2 * 30
    for drawing in drawings:
        assert re.search(r"<title[^>]*>[^<]{5,}</title>", drawing)
        assert re.search(r"<desc[^>]*>[^<]{5,}</desc>", drawing)
    assert len(re.findall(r"Figure \d+</p>", html)) <= 30


def test_tables_have_captions_and_scopes(html):
    assert html.count("<table") == html.count("<caption>")
    assert "<th>" not in html


def test_headline_numbers_are_those_of_the_release(release, html):
    found = Numbers.of(release)
    for years in (1.0, 3.0, 5.0, 10.0):
        row = found.at("rare", "all", years)
        assert f'<p class="value">{100 * row["estimate"]:.0f}<small>%</small></p>' in html
        interval = f"{100 * row['lower']:.1f} to {100 * row['upper']:.1f}"
        assert f"95% interval {interval}" in html


def test_every_number_of_the_table_is_in_the_release(release, html):
    """Each row of the table of sarcomas, cell by cell."""
    found = Numbers.of(release)
    section = html[html.index('id="tables"') :]
    family = section[section.index("<summary>Sarcomas") :]
    family = family[: family.index("</table>")]
    names = {row["name"]: row["entity_id"] for row in release.entities.iter_rows(named=True)}
    rows = re.findall(r'<th scope="row">(.*?)</th>(.*?)</tr>', family, flags=re.S)
    assert len(rows) > 10
    for name, cells in rows:
        values = re.findall(r"<td>(.*?)</td>", cells, flags=re.S)
        entity = names[name.replace("&#39;", "'").replace("&amp;", "&")]
        for place, years in enumerate(found.years):
            row = found.at(entity, "all", years)
            shown = values[5 + 2 * place]
            if row is not None and row["status"] == "ok":
                assert shown == f"{100 * row['estimate']:.1f}"
            else:
                words = row["status"] if row is not None else "no data"
                assert shown.endswith(f"{words}</span>")
                assert not re.search(r"\d", re.sub("<[^>]*>", "", shown))


def test_what_is_missing_has_its_own_look(html):
    assert 'class="look withheld"' in html
    assert "fewer than 5 people" in html
    assert "derived" in html
    assert "unofficial" in html


@pytest.mark.usefixtures("drawn_once")
def test_synthetic_data_say_so_and_others_do_not(release, html):
    assert "The people and figures in this report are invented." in html
    assert 'content="noindex"' in html
    manifest = release.manifest | {"study": release.manifest["study"] | {"synthetic": False}}
    real = report_html(Release(**release.tables, manifest=manifest))
    assert not re.search(
        "synthetic data|invented|noindex", re.sub("(?s)<style.*?</style>", "", real)
    )


@pytest.mark.usefixtures("drawn_once")
def test_names_are_escaped(release):
    study = release.manifest["study"] | {"title": "A <b>bold</b> & brave study"}
    html = report_html(Release(**release.tables, manifest=release.manifest | {"study": study}))
    assert "A &lt;b&gt;bold&lt;/b&gt; &amp; brave study" in html


def test_the_same_release_gives_the_same_page(release, html):
    assert report_html(release) == html


def test_exclusions_add_up_on_the_page(release, html):
    whole = release.exclusions.filter(purpose="survival", reason="records read")["records"].sum()
    kept = release.exclusions.filter(purpose="survival", reason="records in analysis")
    thin = "\u202f"
    assert f"<td>{whole:,}</td>".replace(",", thin) in html
    assert f"<td>{kept['records'].sum():,}</td>".replace(",", thin) in html


def said(html):
    """Return text without tags."""
    return unescape(re.sub("<[^>]*>", "", html)).strip()


@pytest.mark.parametrize(
    ("value", "people", "cases", "change"),
    [
        (0.0, "0", "0", "0"),
        (0.034, "0.0", "0.034", "+0.03"),
        (0.34, "0.3", "0.34", "+0.3"),
        (9.94, "9.9", "9.9", "+9.9"),
        (43.21, "43", "43.2", "+43.2"),
        (1234.5, f"1{THIN}234", f"1{THIN}234", f"+1{THIN}234.5"),
    ],
)
def test_numbers_have_the_digits_their_size_calls_for(value, people, cases, change):
    own = {"status": "ok", "reason": None, "estimate": value, "lower": value, "upper": value}
    for say, limits, words in (
        (numbers.people, numbers.people_interval, people),
        (numbers.cases, numbers.cases_interval, cases),
        (numbers.change, numbers.change_interval, change),
    ):
        assert str(say(own)) == words
        assert said(limits(own)) == f"{words} to {words}"
        assert said(say(own | {"status": "withheld", "estimate": None})) == "withheld"
        assert said(limits(own | {"status": "withheld", "estimate": None})) == "–"
        assert said(say(None)) == "no data"


def test_the_limits_of_nobody_have_the_digits_of_their_size():
    own = {"status": "ok", "reason": None, "estimate": 0.0, "lower": 0.0, "upper": 35.125}
    assert said(numbers.cases_interval(own)) == "0 to 35.1"
    assert said(numbers.people_interval(own)) == "0 to 35"


def test_a_window_has_its_length():
    assert [length(period) for period in ("2007", "2005-2007", "1998-2007")] == [1, 3, 10]


def test_what_protection_leaves_is_told_in_percent(release, html):
    (told,) = (
        one for one in release.manifest["disclosure"]["utility"] if one["measure"] == "incidence"
    )
    rule = unescape(html.split("<dt>Disclosure rule</dt>")[1].split("<dt>")[0])
    assert f"{100 * told['withheld']:.1f}% of them withheld" in rule
    assert f"{100 * told['cases_shown']:.1f}% of their cases in cells that are shown" in rule
    assert "numbers shown" not in rule  # measure by measure in a table of its own
    rows = html.split("Numbers withheld, by measure (")[1].split("</details>")[0]
    assert rows.count('<th scope="row">') == release.estimates["measure"].n_unique()
