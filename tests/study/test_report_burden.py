"""Prevalence, trends, projections and expected cases in the report: the release's numbers."""

import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecare.study import schema
from rarecare.study.release import Release
from rarecare.study.report import numbers, report_html
from rarecare.study.report.burden import Burden, Trends

pytestmark = pytest.mark.usefixtures("drawn_once")

COUNTRIES = ("BG", "SI", "FI")
SECTIONS = {
    "prevalence": (schema.PREVALENT, schema.PREVALENCE, schema.COMPLETE_PERSONS, schema.COMPLETE),
    "trends": (schema.TREND,),
    "projections": (schema.PROJECTED, schema.PROJECTED_RATE),
    "expected": (schema.EXPECTED,),
}
BURDEN = [measure for measures in SECTIONS.values() for measure in measures]
NULL = {name: pl.lit(None, pl.Float64) for name in ("estimate", "se", "lower", "upper")}
THIN = "\u202f"


@pytest.fixture(scope="module")
def release(whole_release):
    return whole_release


@pytest.fixture(scope="module")
def html(release):
    return (release.folder / "report.html").read_text(encoding="utf-8")


def changed(release, estimates=None, **manifest):
    """Return the release with other estimates, or another manifest."""
    tables = release.tables | ({} if estimates is None else {"estimates": estimates})
    return Release(**tables, manifest=release.manifest | manifest)


def planted(release, where, **values):
    """Return the release with some rows of its estimates changed."""
    columns = [pl.when(where).then(v).otherwise(pl.col(k)).alias(k) for k, v in values.items()]
    return changed(release, release.estimates.with_columns(columns))


def is_row(**values):
    return pl.all_horizontal(pl.col(name) == value for name, value in values.items())


def section(html, name):
    begin = html.index(f'<section id="{name}"')
    return html[begin : html.index("</section>", begin)]


def said(html):
    """Return text without tags."""
    return unescape(re.sub("<[^>]*>", "", html)).strip()


def table(html, caption):
    """Return the rows of the one table whose caption begins so, each a list of its cells."""
    found = [
        part for part in re.findall(r"<table.*?</table>", html, flags=re.S)
        if said(re.search(r"<caption>(.*?)</caption>", part, flags=re.S)[1]).startswith(caption)
    ]  # fmt: skip
    assert len(found) == 1
    rows = re.findall(r"<tr.*?</tr>", found[0], flags=re.S)[1:]
    return [[said(cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row, flags=re.S)]
            for row in rows]  # fmt: skip


def row(release, **values):
    found = release.estimates.filter(is_row(sex="all", age_group="all", **values))
    assert found.height == 1
    return found.row(0, named=True)


def whole(value):
    return f"{value:,.0f}".replace(",", THIN)


class Balanced(HTMLParser):
    """Checks that tags close in order, that identifiers are unique, that headings descend."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.headings = [], [], []

    def handle_starttag(self, tag, attrs):
        if tag not in {"meta", "br"}:
            self.open.append(tag)
        self.ids += [value for name, value in attrs if name == "id"]
        self.headings += [int(tag[1])] if re.fullmatch("h[1-6]", tag) else []

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_sections_stand_in_order_on_a_sound_page(html):
    page = Balanced()
    page.feed(html)
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert all(b <= a + 1 for a, b in zip(page.headings, page.headings[1:], strict=False))
    order = re.findall(r'<section id="([a-z]+)"', html)
    linked = re.findall(r'<li><a href="#([a-z]+)">', html)
    assert order == linked
    start = order.index("prevalence")
    assert order[start : start + 4] == list(SECTIONS)
    assert re.findall(r"Figure (\d+)</p>", html) == [
        str(k) for k in range(1, 1 + html.count("Figure "))
    ]


@pytest.mark.parametrize("name", [*SECTIONS, "all"])
def test_without_a_measure_there_is_no_section(release, name):
    left_out = BURDEN if name == "all" else SECTIONS[name]
    estimates = release.estimates.filter(~pl.col("measure").is_in(left_out))
    html = report_html(changed(release, estimates))
    there = {known for known in SECTIONS if f'<section id="{known}"' in html}
    assert there == set() if name == "all" else there == set(SECTIONS) - {name}
    assert {known for known in SECTIONS if f'href="#{known}"' in html} == there


def test_prevalence_is_that_of_the_release(release, html):
    rows = table(
        section(html, "prevalence"),
        "All rare cancers of the list: people alive on 31 December 2007, all",
    )
    assert [cells[0] for cells in rows] == ["2007", "2005–2007", "2003–2007", "1998–2007"]
    for cells in rows:
        place = {"entity_id": "rare", "area": "all", "period": cells[0].replace("–", "-")}
        persons = row(release, measure=schema.PREVALENT, **place)
        share = row(release, measure=schema.PREVALENCE, **place)
        assert cells[1:4] == [
            whole(persons["n"]), whole(persons["estimate"]),
            f"{whole(persons['lower'])} to {whole(persons['upper'])}",
        ]  # fmt: skip
        assert cells[4:] == [
            f"{share['estimate']:.1f}", f"{share['lower']:.1f} to {share['upper']:.1f}"
        ]  # fmt: skip


def test_every_cancer_has_a_number_or_a_status(release, html):
    """The tables of all cancers, row by row: 286 groups in each, none blank."""
    parts = {
        "prevalence": (schema.PREVALENT, "People alive on", "all"),
        "trends": (schema.TREND, "Change of the rate", "all"),
        "expected": (schema.EXPECTED, "EU: expected", "EU"),
    }
    listed = release.entities.sort(pl.col("tier") >= 0, "entity_id")
    missing = 0
    for name, (measure, caption, area) in parts.items():
        rows = table(section(html, name), caption)
        assert [cells[0] for cells in rows] == listed["name"].to_list()
        period = {"period": "2007"} if name == "prevalence" else {}
        for cells, entity in zip(rows, listed["entity_id"], strict=True):
            own = row(release, measure=measure, entity_id=entity, area=area, **period)
            assert all(cells)
            if own["status"] == "ok":
                assert float(cells[2].replace(THIN, "").replace("\u2212", "-")) == pytest.approx(
                    own["estimate"], abs=0.5
                )
                assert " to " in cells[3]
            else:
                missing += 1
                assert cells[2:4] == [own["status"], "–"]
    assert missing > 100


def test_complete_prevalence_has_its_share_counted(release):
    """A share by hand, 300 of 400, beside one that is not estimable, which is said why."""
    where = pl.col("measure").is_in([schema.COMPLETE_PERSONS, schema.COMPLETE])
    here = where & is_row(area="all")
    numbers_ = {"estimate": 400.0, "se": 20.0, "lower": 361.0, "upper": 442.0}
    made = planted(release, here, **{k: pl.lit(v) for k, v in numbers_.items()},
                   n=pl.lit(300), status=pl.lit("ok"), reason=pl.lit(None, pl.String))  # fmt: skip
    made = planted(made, where & is_row(area="FI"), **NULL, n=pl.lit(123),
                   status=pl.lit("not estimable"), reason=pl.lit("No plateau."))  # fmt: skip
    made = planted(made, where & is_row(area="SI"), **NULL, n=pl.lit(None, pl.Int64),
                   status=pl.lit("withheld"), reason=pl.lit("too few"))  # fmt: skip
    part = section(report_html(made), "prevalence")
    rows = {cells[0]: cells[1:] for cells in table(part[part.index("Complete prevalence") :],
                                                    "All rare cancers of the list")}  # fmt: skip
    assert list(rows) == ["All areas", "Bulgaria", "Finland", "Slovenia"]
    assert rows["All areas"][:4] == ["300", "400", "361 to 442", "75"]
    assert rows["Finland"] == ["123", "not estimable", "–", "–", "not estimable", "–"]
    assert rows["Slovenia"] == ["–", "withheld", "–", "–", "withheld", "–"]
    assert "Finland: not estimable: No plateau.</p>" in part
    assert "Slovenia: withheld: too few.</p>" in part


def test_what_a_bar_lacks_is_named(release):
    """Slovenia's year is withheld, its longer windows are not: no bar can hold that."""
    where = pl.col("measure").is_in([schema.PREVALENT, schema.PREVALENCE])
    where &= is_row(entity_id="rare", area="SI", period="2007")
    made = planted(release, where, **NULL, n=pl.lit(None, pl.Int64), status=pl.lit("withheld"),
                   reason=pl.lit("too few"))  # fmt: skip
    part = section(report_html(made), "prevalence")
    assert "Not drawn, since a part of them is missing: Slovenia." in part
    drawings = [d for d in re.findall(r"<svg[^>]*role=.*?</svg>", part, flags=re.S)
                if "people alive, by country" in d]  # fmt: skip
    assert len(drawings) == 2
    assert all("Finland" in d and "Slovenia" not in d for d in drawings)
    assert "Not drawn" not in section(report_html(release), "prevalence")


def test_the_largest_changes_are_those_whose_limits_exclude_0(release):
    """Five changes by hand; that of a family is not in the lists."""
    made = planted(release, is_row(measure=schema.TREND), lower=pl.lit(-90.0), upper=pl.lit(90.0))
    ok = made.estimates.filter(is_row(measure=schema.TREND, status="ok"))["entity_id"].to_list()
    tiers = dict(release.entities.select("entity_id", "tier").iter_rows())
    single = [entity for entity in ok if tiers[entity] >= 1]
    names = dict(release.entities.select("entity_id", "name").iter_rows())
    changes = [(1.04, 0.02, 2.0), (3.0, 1.0, 5.0), (-2.0, -4.0, -0.004), (-1.0, -3.0, 0.0)]
    for entity, values in [*zip(single, changes, strict=False), ("02", (9.0, 8.0, 10.0))]:
        given = dict(zip(("estimate", "lower", "upper"), map(pl.lit, values), strict=True))
        made = planted(made, is_row(measure=schema.TREND, entity_id=entity), **given)
    part = section(report_html(made), "trends")
    rising, falling = (table(part, f"Largest {word}") for word in ("rise", "fall"))
    assert [cells[0] for cells in rising] == [names[single[1]], names[single[0]]]
    assert [cells[2:] for cells in rising] == [["+3.0", "+1.0 to +5.0"], ["+1.0", "+0.02 to +2.0"]]
    assert [cells[0] for cells in falling] == [names[single[2]]]
    assert falling[0][2:] == ["\u22122.0", "\u22124.0 to \u22120.004"]
    assert f"Of {len(single)} groups whose change can be shown, 3 have 95% limits" in part
    assert f"about {0.05 * len(single):.0f} would have by chance" in part


@given(st.lists(st.tuples(st.integers(-40, 40), st.integers(0, 30)), min_size=1, max_size=60))
def test_the_lists_of_changes_hold_the_largest(changes):
    """No group outside a list changes more than one in it, and both sides are told apart."""
    rows = [
        {"entity_id": f"{k:02}", "estimate": float(x), "lower": float(x - half),
         "upper": float(x + half)}
        for k, (x, half) in enumerate(changes)
    ]  # fmt: skip
    fixed = {"measure": schema.TREND, "area": "all", "sex": "all", "period": "2000-2009",
             "status": "ok", "level": 0.95}  # fmt: skip
    entities = pl.DataFrame({"entity_id": [r["entity_id"] for r in rows], "tier": 1})
    empty = pl.DataFrame()
    release = Release(pl.DataFrame([fixed | r for r in rows]), entities, empty, empty, empty, {})
    trends = Trends.of(release)
    beyond = {r["entity_id"]: abs(r["estimate"]) for r in rows if r["lower"] > 0 or r["upper"] < 0}
    assert (trends.shown, trends.outside) == (len(rows), len(beyond))
    for listed, sign in ((trends.rising, 1), (trends.falling, -1)):
        own = {r["entity_id"] for r in rows if sign * r["estimate"] > 0} & set(beyond)
        held = [r["entity_id"] for r in listed]
        assert len(held) == min(10, len(own)) == len(set(held) & own)
        assert [beyond[e] for e in held] == sorted((beyond[e] for e in own), reverse=True)[:10]


def test_projections_are_those_of_the_release(release, html):
    rows = table(section(html, "projections"), "All areas: projected")
    asked = release.manifest["choices"]["projection"]["entities"]
    assert len(rows) == 2 * len(asked)
    for k, entity in enumerate(asked):
        assert rows[2 * k][0].startswith(release.entities.filter(entity_id=entity)["name"][0])
        for cells, period in zip((rows[2 * k][1:], rows[2 * k + 1]), ("2008-2012", "2013-2017"),
                                 strict=True):  # fmt: skip
            own = {"entity_id": entity, "area": "all", "period": period}
            cases = row(release, measure=schema.PROJECTED, **own)
            rate = row(release, measure=schema.PROJECTED_RATE, **own)
            assert cells[0] == period.replace("-", "–")
            assert cells[1:] == [
                said(numbers.cases(cases)), said(numbers.cases_interval(cases)),
                said(numbers.incidence(rate)), said(numbers.incidence_interval(rate)),
            ]  # fmt: skip
            if cases["n"] is not None:
                assert rows[2 * k][0].endswith(f"{whole(cases['n'])} cases, {cases['method']}")


def test_the_fan_has_the_years_observed(release, html):
    """Its words give the first and last count of incidence, and the projected means."""
    part = section(html, "projections")
    words = re.search(r"<desc[^>]*>(.*?)</desc>", part, flags=re.S)[1]
    assert words.startswith("Synthetic data")
    counts = [
        row(release, measure=schema.INCIDENCE, entity_id="rare", area="all", standard="none",
            period=year)["n"]
        for year in ("1995", "2007")
    ]  # fmt: skip
    first, last = (f"{count:,}".replace(",", "\u00a0") for count in counts)
    assert f"All rare cancers of the list: observed {first} in 1995 and {last} in 2007." in words


def test_two_entities_of_one_name_are_two_panels(release):
    """The list gives some tiers 1 the name of their only tier 2."""
    twins = {"07": "07.03", "10": "07.03.01"}
    ids = pl.col("entity_id")
    projected = pl.col("measure").is_in([schema.PROJECTED, schema.PROJECTED_RATE])
    made = planted(release, projected & ids.is_in(list(twins)), entity_id=ids.replace(twins))
    part = section(report_html(made), "projections")
    assert part.count("Malignant melanoma of uvea (07.03):") >= 1
    assert part.count("Malignant melanoma of uvea (07.03.01):") >= 1


def test_a_year_or_a_projection_not_shown_is_said(release):
    where = is_row(area="all", entity_id="10")
    year = where & is_row(measure=schema.INCIDENCE, period="1997", sex="all", age_group="all")
    made = planted(release, year, **NULL, n=pl.lit(None, pl.Int64), status=pl.lit("withheld"),
                   reason=pl.lit("too few"))  # fmt: skip
    ahead = where & pl.col("measure").is_in([schema.PROJECTED, schema.PROJECTED_RATE])
    made = planted(made, ahead, **NULL, status=pl.lit("not estimable"),
                   reason=pl.lit("the model has no end."))  # fmt: skip
    part = section(report_html(made), "projections")
    cells = next(cells for cells in table(part, "All areas") if cells[0].startswith("Endocrine"))
    assert cells[2:] == ["not estimable", "–", "not estimable", "–"]
    assert "Endocrine organs: not estimable: the model has no end.</p>" in part
    assert "Not shown: Endocrine organs, 1997, withheld: too few." in part


def test_without_the_whole_countries_are_projected_alone(release):
    projected = pl.col("measure").is_in([schema.PROJECTED, schema.PROJECTED_RATE])
    made = changed(release, release.estimates.filter(~(projected & is_row(area="all"))))
    part = section(report_html(made), "projections")
    assert "All areas together are not projected" in part
    assert "<figure" not in part
    assert len(table(part, "Finland: projected")) == 10


def test_expected_cases_are_by_country_and_malta_is_no_country_of_the_study(release, html):
    rows = table(section(html, "expected"), "All rare cancers of the list: expected")
    assert [cells[0] for cells in rows] == ["EU, all countries", "Bulgaria", "Malta", "Slovenia"]
    for cells, area in zip(rows, ("EU", "BG", "MT", "SI"), strict=True):
        own = row(release, measure=schema.EXPECTED, entity_id="rare", area=area)
        assert cells[1] == whole(own["person_years"])
        assert cells[2:] == [str(numbers.cases(own)), said(numbers.cases_interval(own))]
    assert "in 3 countries." in section(html, "found")
    for name in ("map", "regions"):
        assert not re.search("Malta|>EU<", section(html, name))


def test_synthetic_data_say_so_in_each_new_figure(release, html):
    study = release.manifest["study"] | {"synthetic": False}
    real = report_html(changed(release, study=study))
    for name in ("prevalence", "projections", "expected"):
        part = section(html, name)
        assert part.count("<figure") > 0
        assert part.count('<span class="tag">Synthetic data</span>') == part.count("<figure")
        assert part.count("Synthetic data: not an estimate") >= part.count('role="img"')
        assert "ynthetic" not in section(real, name)


def test_without_room_for_figures_the_tables_remain(release, html):
    choices = release.manifest["choices"] | {"report": {"figures": 0}}
    bare = report_html(changed(release, choices=choices))
    assert "<figure" not in bare
    for name in SECTIONS:
        assert section(bare, name).count("<table") == section(html, name).count("<table")


def test_a_release_of_prevalence_alone_begins_with_it(release):
    own = release.estimates.filter(pl.col("measure").is_in([schema.PREVALENT, schema.PREVALENCE]))
    html = report_html(changed(release, own))
    alive = row(release, measure=schema.PREVALENT, entity_id="rare", area="all",
                period="1998-2007")  # fmt: skip
    assert (
        f"On 31 December 2007, {whole(alive['estimate'])} people were alive with a diagnosis of "
        "all rare cancers of the list together in 1998–2007"
    ) in section(html, "found")
    assert '<section id="tables"' not in html


def test_exclusions_from_prevalence_are_on_the_page(release, html):
    kept = release.exclusions.filter(purpose="prevalence", reason="records in analysis")
    rows = table(section(html, "left"), "From the files received to prevalence")
    assert rows[-1] == ["Counted", whole(kept["records"].sum())]


def test_what_is_not_in_a_release_is_none(release):
    bare = replace(release, estimates=release.estimates.clear())
    assert Burden.of(bare) == Burden(None, None, None, None)
