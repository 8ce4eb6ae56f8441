"""The page: the release's content in the template, with style, fonts and drawings inside."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from rarecare.figures import Figure
from rarecare.figures.states import when
from rarecare.look import font_faces, style
from rarecare.results import OK, WITHHELD
from rarecare.study import schema
from rarecare.study.release import Release
from rarecare.study.report import burden as burdens
from rarecare.study.report import care as cares
from rarecare.study.report import content, drawings, headline, numbers, ways
from rarecare.study.report.burden import Burden
from rarecare.study.report.burden_drawings import burden_drawings
from rarecare.study.report.care_drawings import care_drawings
from rarecare.study.report.content import Numbers, Row
from rarecare.study.report.gallery import Drawing, Gallery

_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)


def report_html(release: Release) -> str:
    """Return the report of a release, a page that needs no network.

    The same release gives the same page; the time it was made stands in the manifest alone.
    """
    found = Numbers.of(release)
    main = content.main_group(release)
    gallery = Gallery(release.manifest["choices"]["report"]["figures"])
    names = {row["entity_id"]: row["name"] for row in release.entities.iter_rows(named=True)}
    years = found.spoken_of
    accounts = content.accounting(release)
    burden = Burden.of(release)
    care = cares.Care.of(release, main)
    map_svg, legend = _map(release, found, main, gallery)
    context = {
        "release": release,
        "manifest": release.manifest,
        "study": release.manifest["study"],
        "period": _period(release),
        "n": numbers,
        "found": found,
        "main": main,
        "names": names,
        "years": years,
        "all": schema.ALL,
        "keys": list(headline.keys(found, main)),
        "said": headline.said(release, found, main, names[main], burden.prevalence),
        "verdicts": _verdicts(release),
        "families": content.families(release),
        "family_figures": _family_figures(release, found, gallery),
        "map_svg": Markup(map_svg) if map_svg else None,
        "legend": legend,
        "countries": content.places(release, "country"),
        "regions": content.places(release, "region"),
        "region_figures": _region_figures(release, found, main, names[main], gallery),
        "burden": burden,
        "burden_figures": burden_drawings(release, burden, main, gallery),
        "groups": burdens.groups(release),
        "care": care,
        "care_period": study_period_of(release),
        "care_figures": care_drawings(release, care, names, gallery),
        "c": cares,
        "ways": ways.sections(release, names, gallery),
        "w": ways,
        "when": when,
        "centralisation": cares.CENTRALISATION,
        "entity_figures": _entity_figures(release, found, gallery),
        "modelled": content.modelled(release),
        "areas": dict(release.areas.select("area", "name").iter_rows()),
        "judged": any(_verdicts(release).values()),
        "sexes": _sexes(release),
        "accounts": accounts,
        "by_registry": {
            purpose: content.accounting_by_registry(release, purpose) for purpose in accounts
        },
        "quality": content.quality(release),
        "statuses": _statuses(release),
        "utility": _utility(release),
        "tokens": Markup(style("tokens.css")),
        "css": Markup(style("report.css")),
        "fonts": Markup(font_faces()),
        "ok": OK,
    }
    environment = Environment(
        loader=PackageLoader("rarecare.study.report", "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html").render(context)


def _verdicts(release: Release) -> dict[str, int]:
    """Return how many tier-1 entities are rare, common, or on both sides of 6."""
    own = release.entities.filter(tier=1)["rare"].drop_nulls()
    return {verdict: int((own == verdict).sum()) for verdict in ("rare", "straddles 6", "common")}


def _sexes(release: Release) -> str:
    """Return ``"both sexes, "`` where the release has both."""
    return "both sexes, " if {"female", "male"} <= set(release.estimates["sex"]) else ""


def _family_figures(release: Release, found: Numbers, gallery: Gallery) -> list[Drawing]:
    families = release.entities.filter(tier=0)
    rows = list(families.iter_rows(named=True))
    if len(rows) < 2:
        return []
    years = found.spoken_of
    made = [
        gallery.add(
            lambda width: drawings.dots(
                release,
                [(row["name"], found.crude.get((row["entity_id"], schema.ALL))) for row in rows],
                label="New cases per 100 000 people a year",
                title="Incidence by family",
                width=width,
            ),
            "Crude rates at all ages, all areas.",
        ),
        gallery.add(
            lambda width: drawings.dots(
                release,
                [(row["name"], found.at(row["entity_id"], schema.ALL, years)) for row in rows],
                label=f"Net survival at {years:g} years (%)",
                title=f"Net survival at {years:g} years by family",
                width=width,
                factor=100,
            ),
            "Adults (ages 15–99), or children (0–14) where most people are children; all areas.",
        ),
    ]
    return [drawing for drawing in made if drawing is not None]


def _region_figures(
    release: Release, found: Numbers, main: str, name: str, gallery: Gallery
) -> list[Drawing]:
    regions = content.places(release, "region")
    if len(regions) < 2:
        return []
    years = found.spoken_of
    whole = [{"area": schema.ALL, "name": "All"}]
    standardised = "icss" if found.at(main, schema.ALL, years, standard="icss") else "none"
    made = [
        gallery.add(
            lambda width: drawings.dots(
                release,
                [
                    (row["name"], found.at(main, row["area"], years, standard=standardised))
                    for row in [*whole, *regions]
                ],
                label=f"Net survival at {years:g} years (%)",
                title=f"{name}: net survival by region",
                width=width,
                factor=100,
            ),
            "Adults, age-standardised (ICSS)." if standardised == "icss" else "Adults.",
        ),
        gallery.add(
            lambda width: drawings.dots(
                release,
                [
                    (row["name"], found.standardised.get((main, row["area"])))
                    for row in [*whole, *regions]
                ],
                label="New cases per 100 000 people a year",
                title=f"{name}: incidence by region",
                width=width,
            ),
            f"Age-standardised rates ({found.standard}).",
        ),
    ]
    return [drawing for drawing in made if drawing is not None]


def _entity_figures(
    release: Release, found: Numbers, gallery: Gallery
) -> list[tuple[Row, list[Drawing]]]:
    shown: list[tuple[Row, list[Drawing]]] = []
    regions = content.places(release, "region")
    several = len(regions) > 1
    for row in content.drawn_entities(release, found, at_most=gallery.most - gallery.made):
        entity, name = row["entity_id"], row["name"]
        own = [
            gallery.add(
                partial(_curve, release, entity),
                "The share of people who would be alive if this cancer were the only cause of "
                "death.",
                pair=True,
            )
        ]
        places = [(r["name"], found.standardised.get((entity, r["area"]))) for r in regions]
        rows = [("All", found.standardised.get((entity, schema.ALL))), *places * several]
        own.append(
            gallery.add(
                partial(_rates, release, rows),
                f"Age-standardised rates ({found.standard}).",
                pair=True,
            )
        )
        drawn = [drawing for drawing in own if drawing is not None]
        if drawn:
            shown.append(({**row, "name": name}, drawn))
    return shown


def _curve(release: Release, entity: str, width: float) -> Figure | None:
    return drawings.curve(release, entity, "Net survival after diagnosis", width=width)


def _rates(release: Release, rows: list[tuple[str, Row | None]], width: float) -> Figure | None:
    return drawings.dots(
        release,
        rows,
        label="New cases per 100 000 people a year",
        title="Incidence by region" if len(rows) > 1 else "Incidence",
        width=width,
    )


def _map(
    release: Release, found: Numbers, main: str, gallery: Gallery
) -> tuple[str | None, list[tuple[str, str]]]:
    countries = content.places(release, "country")
    values = [found.at(main, place["area"], found.spoken_of) for place in countries]
    if gallery.most < 1 or sum(row is not None and row["status"] == OK for row in values) < 2:
        return None, []
    gallery.made += 1
    return drawings.europe(release, found, main)


def _statuses(release: Release) -> list[tuple[str, int, int, int]]:
    """Return per measure the numbers shown, withheld and not estimable."""
    return [
        (
            str(measure),
            int((part["status"] == OK).sum()),
            int((part["status"] == WITHHELD).sum()),
            int((~part["status"].is_in([OK, WITHHELD])).sum()),
        )
        for (measure,), part in release.estimates.group_by("measure", maintain_order=True)
    ]


def _utility(release: Release) -> list[dict[str, Any]]:
    """Return what protection leaves of the measures that count cases or persons themselves."""
    counted = (schema.INCIDENCE, schema.NET_SURVIVAL, schema.PREVALENT)
    told = release.manifest["disclosure"]["utility"]
    return [one for one in told if one["measure"] in counted]


def _period(release: Release) -> str:
    first, last = (date.fromisoformat(day) for day in release.manifest["study"]["period"])
    closing = release.manifest["study"]["closing_date"]
    text = f"diagnosed {first.year}–{last.year}"
    return text + (f", followed to {_day(date.fromisoformat(closing))}" if closing else "")


def study_period_of(release: Release) -> str:
    """Return the years of diagnosis: ``"1995-2007"``."""
    first, last = (day[:4] for day in release.manifest["study"]["period"])
    return f"{first}-{last}" if first != last else first


def _day(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
