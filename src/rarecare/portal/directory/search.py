"""Finding organisations: by words, kind, country, cancer, and distance from a place."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Prefetch, QuerySet

from rarecare.care.distance import great_circle
from rarecare.errors import UsageError
from rarecare.portal.directory.entities import within
from rarecare.portal.directory.map import country_places
from rarecare.portal.directory.models import Coverage, Organisation

Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Found:
    """An organisation, and its distance from the place asked for in km."""

    organisation: Organisation
    km: float | None


def folded(text: str) -> str:
    """Return a text without case and accents.

    >>> folded("Škofja Loka")
    'skofja loka'
    """
    while (plainer := _plainer(text)) != text:  # the fold of a few letters folds again
        text = plainer
    return text


def _plainer(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in parts if not unicodedata.combining(letter)).strip()


def place_of(text: str, organisations: Sequence[Organisation]) -> Place:
    """Return latitude and longitude of a place in words.

    Parameters
    ----------
    text
        "46.05, 14.51" in degrees, a place where an organisation is, or a country.
    organisations
        Whose places are known.

    Raises
    ------
    UsageError
        There is no such place; the message names the nearest.
    """
    parts = text.replace(";", ",").split(",")
    if len(parts) == 2:
        try:
            latitude, longitude = (float(part) for part in parts)
        except ValueError:
            pass
        else:
            if not (abs(latitude) <= 90 and abs(longitude) <= 180):
                raise UsageError(
                    "these are no coordinates", value=text,
                    allowed="latitude from -90 to 90, longitude from -180 to 180",
                )  # fmt: skip
            return latitude, longitude
    known: dict[str, Place] = {}
    for name, place in country_places().items():
        known[folded(name)] = place
    for one in organisations:
        if one.city and one.latitude is not None and one.longitude is not None:
            known[folded(one.city)] = (one.latitude, one.longitude)
    wanted = folded(text)
    if wanted not in known:
        raise UsageError("this place is not known here", value=wanted, allowed=sorted(known),
                         remedy="Give a country, a place of the directory, or latitude and "
                                "longitude such as 46.05, 14.51.")  # fmt: skip
    return known[wanted]


def find(
    every: QuerySet[Organisation], *, words: str = "", kind: str = "", country: str = "",
    entity: str = "", near: Place | None = None, within_km: float | None = None,
) -> list[Found]:  # fmt: skip
    """Return organisations, the nearest first where a place is given, else by name.

    Parameters
    ----------
    entity
        A number of the list: organisations for it, for what it belongs to, or for a part of it.
    near, within_km
        A place, and how far from it at most; what has no coordinates comes last, or not at all.
    """
    chosen = every
    if kind:
        chosen = chosen.filter(kind=kind)
    if country:
        chosen = chosen.filter(country=country)
    if entity:
        chosen = chosen.filter(coverage__entity_id__in=within(entity)).distinct()
    parts = folded(words).split()
    found = []
    for one in chosen.prefetch_related(Prefetch("coverage", Coverage.objects.all())):
        text = folded(f"{one.name} {one.city} {one.about}")
        if not all(part in text for part in parts):
            continue
        km = None
        if near is not None and one.latitude is not None and one.longitude is not None:
            km = float(great_circle(near[0], near[1], one.latitude, one.longitude))
        if within_km is not None and near is not None and (km is None or km > within_km):
            continue
        found.append(Found(one, km))
    return sorted(found, key=lambda each: (each.km is None, each.km or 0.0, each.organisation.name))
