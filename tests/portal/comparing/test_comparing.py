"""Countries and cancers side by side: the release's numbers, no ranks, survival chosen."""

import io
import re
from dataclasses import replace

import polars as pl
import pytest
from django.test import Client

from rarecare.portal.comparing.comparison import differences
from rarecare.portal.comparing.measures import measures, shrunken_rows
from rarecare.portal.numbers import percent, rate
from rarecare.portal.releases import store
from rarecare.results import NOT_ESTIMABLE, OK, OWN_WITHHELD, WITHHELD
from rarecare.study import open_release, schema
from rarecare.study.release import REPORT, write_release
from rarecare.study.shrunken import foretold

BONE = "/en/compare/08.02-bone-sarcoma"
SARCOMAS = "/en/compare/08"


def text_of(page):
    """The words of a page, without its marks."""
    body = re.sub(r"<(script|style)[^>]*>.*?</\1>", " ", page.content.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def row(estimate, lower, upper, status=OK):
    return {"estimate": estimate, "lower": lower, "upper": upper, "status": status}


WHOLE = row(10.0, 9.0, 11.0)


def test_no_difference_is_said_where_intervals_hold_the_whole():
    said = differences({"A": row(9, 8, 10.5), "B": row(12, 9.9, 14)}, WHOLE)
    assert said == [
        "The intervals of all 2 countries with a number hold the value of all countries "
        "together: the figures do not show a difference."
    ]


def test_what_lies_apart_is_named_in_the_order_given_with_a_caution():
    # A holds 10; B lies above (lower 10.1 > 10), C below (upper 9.9 < 10), D has no number
    named = {
        "C": row(5, 4, 9.9), "B": row(12, 10.1, 14), "A": row(10, 8, 12),
        "D": row(None, None, None, WITHHELD),
    }  # fmt: skip
    said = " ".join(differences(named, WHOLE))
    assert "Of 3 countries with a number, the interval of 1 holds the value" in said
    assert "Wholly above that value lies the interval of: B." in said
    assert "Wholly below that value lies the interval of: C." in said
    assert "about one in 20 lies apart by chance alone" in said
    assert "D" not in said


def test_a_limit_on_the_value_holds_it():
    assert "do not show a difference" in differences({"A": row(12, 10.0, 14)}, WHOLE)[0]


@pytest.mark.parametrize("whole", [None, row(None, None, None, NOT_ESTIMABLE)])
def test_nothing_is_said_without_the_whole(whole):
    assert differences({"A": row(9, 8, 10)}, whole) == []


def test_the_page_shows_the_releases_numbers(visitor, opened):
    page = visitor.get(f"{BONE}/incidence/?for=researcher")
    text = text_of(page)
    own = measures(opened)["incidence"].rows(opened, opened.entities["08.02"])
    assert sum(one["status"] == OK for one in own.values()) >= 3
    for one in own.values():
        if one["status"] == OK:
            assert f"{rate(one['estimate'])} ({rate(one['lower'])}–{rate(one['upper'])})" in text
    gone = {code for code, one in own.items() if one["status"] == WITHHELD}
    assert ("Withheld: Malta" in text) == (gone == {"MT"})
    assert ("It does not mean zero." in text) == bool(gone)


def test_words_of_rank_are_not_used(visitor):
    for address in (f"{BONE}/incidence/", f"{BONE}/survival-5y/?for=gp", "/en/countries/si/"):
        text = text_of(visitor.get(address)).lower()
        for word in ("best", "worst", "rank", "winner", "leading"):
            assert f" {word} " not in text


def test_survival_waits_for_patients(visitor, opened):
    own = measures(opened)["survival-5y"].rows(opened, opened.entities["08"])
    number = percent(own["all"]["estimate"])
    hidden = visitor.get("/en/compare/08/survival-5y/")
    assert f'<p class="value">{number}<' not in hidden.content.decode()
    assert "countries-wide.svg" not in hidden.content.decode()
    assert "Show survival" in text_of(hidden)
    shown = visitor.get("/en/compare/08/survival-5y/?survival=show").content.decode()
    assert f'<p class="value">{number}<' in shown
    assert (
        f'<p class="value">{number}<'
        in Client().get("/en/compare/08/survival-5y/?for=gp").content.decode()
    )


def test_survival_waits_on_the_pages_of_countries(visitor):
    hidden = visitor.get("/en/countries/all/survival-5y/")
    assert "Show survival" in text_of(hidden)
    assert "cancers-wide.svg" not in hidden.content.decode()
    assert (
        "cancers-wide.svg"
        in visitor.get("/en/countries/all/survival-5y/?survival=show").content.decode()
    )
    assert "Net survival at five years (%)" not in text_of(visitor.get("/en/countries/it/"))
    assert "Net survival at five years (%)" in text_of(visitor.get("/en/countries/it/?for=gp"))


def test_the_map_is_observed_or_shrunken(visitor, opened):
    observed = visitor.get(f"{SARCOMAS}/incidence/").content.decode()
    shrunken = visitor.get(f"{SARCOMAS}/incidence/?map=shrunken").content.decode()
    assert "map-observed-wide.svg" in observed
    assert "map-shrunken" not in observed
    assert "map-shrunken-wide.svg" in shrunken
    rows = shrunken_rows(opened, opened.entities["08"])
    csv = pl.read_csv(io.BytesIO(visitor.get(f"{SARCOMAS}/incidence/map-shrunken.csv").content),
                      schema=schema.ESTIMATES)  # fmt: skip
    assert csv["area"].to_list() == list(rows)
    assert "holds no shrunken rates" in text_of(
        visitor.get("/en/compare/01/incidence/?map=shrunken")
    )


@pytest.mark.parametrize("name", ["countries", "map-observed", "map-shrunken"])
@pytest.mark.parametrize("size", ["", "-wide", "-narrow"])
def test_drawings_say_that_they_are_invented(visitor, name, size):
    svg = visitor.get(f"{SARCOMAS}/incidence/{name}{size}.svg")
    assert svg["content-type"] == "image/svg+xml"
    assert "Synthetic data" in svg.content.decode()
    assert "<title" in svg.content.decode()


@pytest.fixture
def foretold_visitor(portal, release_folder, tmp_path, settings_of):
    """A browser on the release as it would be if Malta's sarcomas were withheld."""
    release = open_release(release_folder)
    own = {"measure": schema.SHRUNKEN, "entity_id": "08"}
    malta = pl.col("area") == "MT"
    gone = {name: pl.when(~malta).then(name) for name in ("n", "estimate", "se", "lower", "upper")}
    rows = release.estimates.filter(**own).with_columns(
        **gone, status=pl.when(malta).then(pl.lit(WITHHELD)).otherwise("status")
    )
    others = release.estimates.filter(~pl.all_horizontal(pl.col(k) == v for k, v in own.items()))
    estimates = pl.concat([others, rows.filter(~malta), foretold(rows)]).sort(schema.KEY)
    write_release(replace(release, estimates=estimates), tmp_path / "release",
                  extra={REPORT: b"<!doctype html>"})  # fmt: skip
    settings_of(RELEASE=str(tmp_path / "release"))
    store.cache_clear()
    return Client(), foretold(rows).row(0, named=True)


def test_a_foretold_rate_does_not_look_like_one_with_its_own_count(foretold_visitor):
    visitor, row = foretold_visitor
    value = f"{rate(row['estimate'])}* ({rate(row['lower'])}–{rate(row['upper'])})"
    told = "A rate with a star (*), hatched on a map, is foretold"
    page = text_of(visitor.get(f"{SARCOMAS}/incidence/?map=shrunken"))
    assert value in page
    assert f"Malta {value.replace('(', '').removesuffix(')')} withheld" in page  # of the map
    assert page.count(told) == 2  # under the map and over the table
    assert told not in text_of(visitor.get("/en/compare/08.02/incidence/"))
    cancer = text_of(visitor.get("/en/cancers/08/?for=researcher"))
    assert value in cancer
    assert told in cancer
    drawn = visitor.get(f"{SARCOMAS}/incidence/map-shrunken.svg").content.decode()
    assert "Foretold, count withheld: Malta." in drawn
    csv = pl.read_csv(io.BytesIO(visitor.get(f"{SARCOMAS}/incidence/map-shrunken.csv").content),
                      schema=schema.ESTIMATES)  # fmt: skip
    assert csv.filter(area="MT").select("n", "method").row(0) == (None, OWN_WITHHELD)
    query = text_of(visitor.get("/en/query/?measure=shrunken+incidence&within=08&area=MT"))
    assert f"withheld {row['estimate']:.4g}* {row['lower']:.4g}–{row['upper']:.4g}" in query


def test_a_picture_is_a_picture(visitor):
    assert visitor.get(f"{BONE}/incidence/countries.png").content.startswith(b"\x89PNG")


def test_rows_of_a_country_are_the_releases(visitor, opened):
    response = visitor.get("/en/countries/si/crude-incidence/08/cancers.csv")
    found = pl.read_csv(io.BytesIO(response.content), schema=schema.ESTIMATES)
    own = opened.release.estimates.filter(
        pl.col("entity_id").str.starts_with("08."), measure="incidence", area="SI", sex="all",
        age_group="all", standard="none", period=opened.period,
    )  # fmt: skip
    assert found.sort("entity_id").equals(own.sort("entity_id"))
    assert found.height > 20


def test_the_burden_of_a_country_is_the_releases(visitor, opened):
    text = text_of(visitor.get("/en/countries/it/"))
    crude = opened.row("rare", "incidence", area="IT", standard="none", age_group="all",
                       period=opened.period)  # fmt: skip
    assert f"{crude['n']:,} new cases in 13 years" in text
    assert rate(crude["estimate"]) in text
    assert "Needs a year, 95% interval in brackets" in text


def test_the_data_behind_a_release(visitor, opened):
    text = text_of(visitor.get("/en/quality/"))
    checked = opened.release.quality.filter(indicator="microscopically verified", period="all")
    for one in checked.filter(entity_id="all").to_dicts():
        assert f"{one['value']:.1f}" in text
    assert opened.manifest["disclosure"]["words"] in text
    registry = text_of(visitor.get("/en/quality/registry/SI/"))
    read = next(
        one["records"] for one in opened.manifest["inputs"]
        if one["registry"] == "SI" and one["name"] == "incidence.csv"
    )  # fmt: skip
    assert f"{read:,}" in registry
    entity = text_of(visitor.get("/en/quality/08.02-bone-sarcoma/"))
    assert "Not estimable" in entity
    own = checked.filter(pl.col("entity_id") != "all", status="ok").row(0, named=True)
    answer = visitor.get(f"/en/quality/{own['entity_id']}/", follow=True)
    assert f"{own['value']:.1f}" in text_of(answer)  # of all registries together


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [
        ("/en/compare/99/incidence/", 404, "no cancer with the code “99”"),
        ("/en/compare/08/incidense/", 404, "this cannot be compared"),
        ("/en/compare/08/incidence/?map=sideways", 400, "there is no such map"),
        ("/en/compare/08/incidence/?survival=maybe", 400, "survival is not understood"),
        ("/en/compare/08/incidence/pie.svg", 404, "There is no figure"),
        ("/en/compare/?cancer=99", 404, "no cancer with the code"),
        ("/en/compare/?cancer=08&measure=x", 404, "this cannot be compared"),
        ("/en/countries/xx/", 404, "no such country"),
        ("/en/countries/si/x/", 404, "this cannot be compared"),
        ("/en/countries/si/incidence/99/", 404, "no cancer with the code"),
        ("/en/quality/99/", 404, "no cancer with the code"),
        ("/en/quality/registry/sl/", 404, "no such registry"),
        ("/en/query/?area=XX", 400, "no such area"),
        ("/en/query/?colour=red", 400, "cannot be asked for this"),
        ("/en/query/?measure=incidence&page=9999999", 404, "no such page"),
        ("/en/query/?measure=incidence&page=%00", 400, "page is not understood"),
        ("/xx/compare/", 404, "There is no page here"),
        ("/en/compare/08/incidence/?for=king", 400, "not written for this reader"),
    ],
)
def test_what_is_wrong_is_said_with_a_way_on(visitor, address, status, said):
    page = visitor.get(address)
    assert page.status_code == status
    assert said in text_of(page)
    assert "<h1" in page.content.decode()


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_pages_can_only_be_read(visitor, method):
    client = Client(enforce_csrf_checks=True)
    assert getattr(client, method)("/en/countries/si/").status_code == 405


def test_forms_lead_to_pages(visitor):
    to = visitor.get("/en/compare/?cancer=08.02&measure=prevalence")
    assert (to.status_code, to["location"]) == (302, f"{BONE}/prevalence/")
    to = visitor.get("/en/compare/?country=si&measure=incidence&family=08")
    assert (to.status_code, to["location"]) == (302, "/en/countries/si/incidence/08/")


def test_a_question_page_by_page(visitor, opened):
    own = opened.release.estimates.filter(measure="incidence", area="SI", entity_id="08.02")
    first = visitor.get("/en/query/?measure=incidence&area=SI&within=08.02")
    html = first.content.decode()
    within = opened.release.estimates.filter(
        pl.col("entity_id").str.starts_with("08.02"), measure="incidence", area="SI"
    )
    assert within.height >= own.height > 0
    assert f"{within.height} rows" in text_of(first)
    assert "/api/v1/estimates?measure=incidence&amp;area=SI&amp;within=08.02&amp;format=csv" in html
    file = visitor.get("/api/v1/estimates?measure=incidence&area=SI&within=08.02&format=csv")
    assert pl.read_csv(io.BytesIO(file.content), schema=schema.ESTIMATES).equals(within)


def test_further_rows_are_a_link_away(visitor):
    html = visitor.get("/en/query/?measure=incidence&area=SI").content.decode()
    following = re.search(r'href="(\?[^"]*page=2[^"]*)"', html)[1].replace("&amp;", "&")
    page = visitor.get(f"/en/query/{following}")
    assert "Page 2 of" in text_of(page)
    assert 'rel="prev"' in page.content.decode()


def test_a_permanent_address_shows_the_same(visitor, opened):
    here = visitor.get(f"{BONE}/incidence/")
    there = visitor.get(f"/r/{opened.name}/compare/08.02-bone-sarcoma/incidence/", follow=True)
    assert there.status_code == 200
    pick = re.compile(r'<p class="value">.*?</p>')
    assert pick.findall(here.content.decode()) == pick.findall(there.content.decode()) != []


def test_names_lead_to_cancers(visitor):
    text = visitor.get("/en/names/").content.decode()
    assert '<a href="/en/cancers/08.02-bone-sarcoma/">Bone sarcoma</a>' in text
    assert "throat cancer" in text
