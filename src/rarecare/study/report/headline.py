"""What the report says first: the finding in a sentence, and its numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rarecare.results import OK
from rarecare.study import schema
from rarecare.study.entities import RARE
from rarecare.study.release import Release
from rarecare.study.report import content, numbers
from rarecare.study.report.burden import Prevalence
from rarecare.study.report.content import Numbers


def keys(found: Numbers, main: str) -> Iterator[dict[str, Any]]:
    """Yield the headline numbers that the release can show."""
    for years in found.years:
        row = found.at(main, schema.ALL, years)
        if row is not None and row["status"] == OK:
            title = f"Net survival at {years:g} year{'s' if years != 1 else ''}"
            yield {
                "title": title, "value": numbers.percent(row["estimate"], decimals=0), "unit": "%",
                "interval": f"{row['level']:.0%} interval {numbers.percent(row['lower'])} to "
                f"{numbers.percent(row['upper'])}",
                "people": f"{numbers.count(row['n'])} people, {numbers.count(row['at_risk'])} "
                f"still followed, ages {row['age_group'].replace('-', '–')}",
                "ruler": numbers.ruler(row, end=max(1.0, row["upper"])),
            }  # fmt: skip
    row = found.crude.get((main, schema.ALL))
    if row is not None and row["status"] == OK:
        yield {
            "title": "New cases per 100 000 people a year",
            "value": numbers.rate(row["estimate"]),
            "unit": "",
            "interval": f"{row['level']:.0%} interval {numbers.rate(row['lower'])} to "
            f"{numbers.rate(row['upper'])}",
            "people": f"{numbers.count(row['n'])} cases, crude rate, all ages",
            "ruler": numbers.ruler(row, end=_round_up(row["upper"])),
        }


def said(
    release: Release, found: Numbers, main: str, name: str, alive: Prevalence | None = None
) -> str:
    """Return the finding in one sentence."""
    who = "all rare cancers of the list together" if main == RARE else name.lower()
    row, rate = (
        found.at(main, schema.ALL, found.spoken_of),
        found.crude.get((main, schema.ALL)),
    )
    parts = []
    if row is not None and row["status"] == OK:
        parts.append(
            f"Net survival of {who} is {numbers.percent(row['estimate'], decimals=0)}% at "
            f"{found.spoken_of:g} years ({row['level']:.0%} interval "
            f"{numbers.percent(row['lower'])} to {numbers.percent(row['upper'])}), "
            f"on {numbers.count(row['n'])} people"
        )
    whole = found.crude.get((schema.ALL, schema.ALL))
    if main == RARE and rate is not None and whole is not None and rate["n"] and whole["n"]:
        share = rate["n"] / whole["n"]
        parts.append(
            f"{'they are' if parts else 'Rare cancers are'} {100 * share:.0f}% of all cancers of "
            "the list"
        )
    elif not parts and rate is not None and rate["status"] == OK:
        parts.append(
            f"There were {numbers.rate(rate['estimate'])} new cases of {who} per "
            f"100{numbers.THIN}000 people a year ({rate['level']:.0%} interval "
            f"{numbers.rate(rate['lower'])} to {numbers.rate(rate['upper'])}), "
            f"{numbers.count(rate['n'])} in all"
        )
    elif not parts and alive is not None:
        parts += _alive(alive, main, who)
    areas = len(content.places(release, "country"))
    place = f" in {areas} countries" if areas > 1 else ""
    return f"{'; '.join(parts)}{place}." if parts else "No number of the headline can be shown."


def _alive(alive: Prevalence, main: str, who: str) -> list[str]:
    """Return how many people were alive, where that is all there is to say."""
    row = alive.persons.get((main, schema.ALL, alive.widest))
    if row is None or row["status"] != OK:
        return []
    return [
        f"On {alive.day}, {numbers.people(row)} people were alive with a diagnosis of {who} in "
        f"{numbers.years(alive.widest)} ({row['level']:.0%} interval "
        f"{numbers.people_limits(row)})"
    ]


def _round_up(value: float) -> float:
    size = 10.0
    while value > size:
        size *= 2
    return size
