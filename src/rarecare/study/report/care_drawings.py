"""The drawings of care: indicators by country, hospitals in a funnel, volumes, a centre."""

from __future__ import annotations

from functools import partial

import polars as pl

from rarecare.care.comparison import indicator_funnel
from rarecare.figures import Figure
from rarecare.figures.criteria_profile import criteria_profile_figure
from rarecare.figures.hospital_volumes import hospital_volumes_figure
from rarecare.results import OK
from rarecare.study import schema
from rarecare.study.care import SMALLER
from rarecare.study.release import Release
from rarecare.study.report import drawings
from rarecare.study.report.care import Care
from rarecare.study.report.gallery import Drawing, Gallery

_MOST = 3
"""Indicators drawn by country, and in a funnel."""


def care_drawings(
    release: Release, care: Care | None, names: dict[str, str], gallery: Gallery
) -> dict[str, list[Drawing]]:
    """Return the drawings of each part of the section, in the order of the page."""
    made: dict[str, list[Drawing | None]] = {"indicators": [], "hospitals": [], "centres": []}
    if care is None:
        return {name: [] for name in made}
    name = names[care.entity]
    for one in sorted(care.indicators, key=lambda each: each.about["threshold"] is None):
        statistic, row = one.values[0]
        if row["status"] != OK or len(care.countries) < 2 or len(made["indicators"]) >= _MOST:
            continue
        if one.about["category"] is not None or row["unit"] not in {"share", "days"}:
            continue
        made["indicators"].append(
            gallery.add(
                partial(_by_country, release, care, row["measure"], f"{name}: {one.about['title']}",
                        statistic),
                "All areas and countries. Differences hold differences in who is ill and in what "
                "is recorded; they are not adjusted.",
            )
        )  # fmt: skip
    country = _largest(release, care)
    if country is not None:
        area, place = country
        made["hospitals"].append(
            gallery.add(
                partial(
                    _volumes, release, care.entity, area, f"{name}, {place}: surgery by hospital"
                ),
                "Hospitals have no names here. The country is the one with most patients operated "
                "on.",
                intervals="",
            )
        )
        for measure in _compared(release, care.entity, area)[:_MOST]:
            title = release.care.filter(measure=measure)["title"][0]
            made["hospitals"].append(
                gallery.add(
                    partial(_funnel, release, care.entity, area, measure,
                            f"{name}, {place}: {title}"),
                    "One dot is one hospital, without its name; hospitals of few patients are "
                    "left out. Case mix is not adjusted for.",
                    intervals="",
                )
            )  # fmt: skip
    if care.centres:
        made["centres"].append(
            gallery.add(
                partial(_centre, release, next(iter(care.centres))),
                "A profile describes a centre; it does not designate one.",
                intervals="",
            )
        )
    return {key: [one for one in own if one is not None] for key, own in made.items()}


def _by_country(  # noqa: PLR0917 - the parts of one figure
    release: Release, care: Care, measure: str, title: str, statistic: str, width: float
) -> Figure | None:
    share = care.rows[measure, schema.ALL]["unit"] == "share"
    rows = [("All", care.rows.get((measure, schema.ALL)))]
    rows += [(name, care.rows.get((measure, area))) for area, name in care.countries.items()]
    label = f"{statistic.capitalize()} ({'%' if share else 'days'})"
    return drawings.dots(
        release, rows, label=label, title=title, width=width, factor=100 if share else 1
    )


def _largest(release: Release, care: Care) -> tuple[str, str] | None:
    """Return the country with most patients operated on whose hospitals are shown."""
    own = release.hospitals.filter(
        pl.col("hospital") != SMALLER, measure="hospital volume: surgery", entity_id=care.entity,
        status=OK,
    )  # fmt: skip
    sizes = own.group_by("area").agg(pl.col("n").sum()).sort("n", "area", descending=[True, False])
    return (sizes["area"][0], care.countries[sizes["area"][0]]) if sizes.height else None


def _volumes(release: Release, entity: str, area: str, title: str, width: float) -> Figure | None:
    rows = release.hospitals.filter(
        measure="hospital volume: surgery", entity_id=entity, area=area
    ).with_columns(place=pl.lit("home"), hospital_id=pl.col("hospital"))
    small = rows.filter(hospital=SMALLER)
    note = None
    if small.height:
        row = small.row(0, named=True)
        note = f"{row['hospitals']} smaller hospitals are not drawn: " + (
            f"{row['n']} patients together" if row["status"] == OK else "withheld"
        )
    shown = rows.filter(pl.col("hospital") != SMALLER)
    return hospital_volumes_figure(
        shown, title=title, note=note, width=width, cover=() if small.height else (0.5, 0.75, 0.9),
        synthetic=bool(release.manifest["study"]["synthetic"]),
    )  # fmt: skip


def _compared(release: Release, entity: str, area: str) -> list[str]:
    """Return the measures of which three hospitals or more are shown."""
    own = release.hospitals.filter(
        pl.col("hospital") != SMALLER, unit="share", entity_id=entity, area=area, status=OK
    )
    sizes = own.group_by("measure", maintain_order=True).agg(pl.len())
    return sizes.filter(pl.col("len") >= 3)["measure"].to_list()


def _funnel(  # noqa: PLR0917 - the parts of one figure
    release: Release, entity: str, area: str, measure: str, title: str, width: float
) -> Figure | None:
    rows = release.hospitals.filter(
        pl.col("hospital") != SMALLER, measure=measure, entity_id=entity, area=area, status=OK
    ).select(
        pl.concat_str(pl.lit("Hospital "), "hospital").alias("hospital"), numerator="events",
        denominator="n",
    )  # fmt: skip
    return indicator_funnel(rows, unit="hospital").plot(
        title=title, width=width, synthetic=bool(release.manifest["study"]["synthetic"])
    )


def _centre(release: Release, centre: str, width: float) -> Figure | None:
    own = release.criteria.filter(centre=centre)
    table = own.filter(criteria=own["criteria"][-1])
    return criteria_profile_figure(
        table, centre=centre, width=width,
        synthetic=bool(release.manifest["study"]["synthetic"]),
    )  # fmt: skip
