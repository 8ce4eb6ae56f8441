"""A figure on a page: title, what-who-when, drawing, caption, table, files, address, citation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from rarecare.portal import numbers
from rarecare.portal.estimates import icons, words
from rarecare.portal.estimates.countries import places_of
from rarecare.portal.estimates.drawings import BY_NAME
from rarecare.portal.estimates.facts import Row, ok
from rarecare.portal.estimates.rows import Rows
from rarecare.portal.estimates.sizes import size
from rarecare.portal.names import name_text
from rarecare.portal.numbers import Write
from rarecare.study import schema

if TYPE_CHECKING:
    from rarecare.portal.estimates.sheet import Asked


@dataclass(slots=True)
class FigureBlock:
    """A figure as a page shows it.

    Attributes
    ----------
    name, title
        In addresses; above the drawing.
    sub
        What, who, when.
    caption
        How to read it.
    alternative
        Its finding, for those who do not see it.
    columns, lines
        Its table: headings; a name and cells in each line.
    wide, narrow
        Addresses of the drawings of a page and a phone; empty where ``inline`` is the drawing.
    wide_size, narrow_size
        Width and height that the page keeps for them.
    inline, legend
        The drawing itself; its looks, and what they mean.
    missing
        Why there is no drawing.
    files
        Format and address of its files.
    permanent
        Its permanent address.
    cite
        How to cite it.
    number
        On the page.
    """

    name: str
    title: str
    sub: str
    caption: str
    alternative: str
    columns: Sequence[str]
    lines: Sequence[dict[str, Any]]
    wide: str = ""
    narrow: str = ""
    wide_size: tuple[int, int] | None = None
    narrow_size: tuple[int, int] | None = None
    inline: SafeString | str = ""
    legend: Sequence[tuple[str, str]] = ()
    missing: str = ""
    look: str = ""
    files: Sequence[tuple[str, str]] = ()
    permanent: str = ""
    cite: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class Kind:
    """What a page says of a kind of figure; lazily, in the language of the request.

    ``name`` looks its words up once and then names each row.
    """

    sub: Callable[[Asked], str]
    caption: Callable[[], str]
    name: Callable[[Asked], Callable[[Row], str]]
    write: Write
    first: Callable[[], str]
    value: Callable[[], str]
    people: Callable[[], str] | None = lambda: _("People")


def _band() -> str:
    return _("Lines and bands are 95% intervals: the true value is likely within them.")


def _area(asked: Asked) -> Callable[[Row], str]:
    whole, areas = _("All countries together"), asked.release.areas
    countries = numbers.countries()

    def name(row: Row) -> str:
        own = areas[row["area"]]
        known = countries.get(own["country"] or row["area"])
        return whole if row["area"] == schema.ALL else known or str(own["name"])

    return name


def _sex_age(asked: Asked) -> Callable[[Row], str]:
    del asked
    sexes, both = {"male": _("Males"), "female": _("Females")}, _("Both sexes")
    return lambda row: f"{sexes.get(row['sex'], both)}, {numbers.ages(row['age_group'])}"


def _window(asked: Asked) -> Callable[[Row], str]:
    del asked
    ever, within = _("Ever diagnosed, estimated"), _("Diagnosed in %(period)s")
    return lambda row: (
        ever if row["measure"] == schema.COMPLETE_PERSONS
        else within % {"period": numbers.years(row["period"])}
    )  # fmt: skip


def _time(asked: Asked) -> Callable[[Row], str]:
    del asked
    write = Write(lambda years: f"{years:.2f}").here()
    return lambda row: write(row["time_years"])


def _diagnosed(asked: Asked) -> str:
    return _("%(place)s, diagnosed %(period)s") % {
        "place": places_of(asked.release), "period": numbers.years(asked.release.period),
    }  # fmt: skip


KINDS = {
    "survival": Kind(
        lambda a: _("%(who)s, ages %(ages)s; leaving aside other causes of death.")
        % {"who": _diagnosed(a), "ages": numbers.ages(a.facts.ages)},
        lambda: _("The curve starts at 100% and falls with each death from the cancer. ") + _band(),
        _time, numbers.percent,
        lambda: _("Years since diagnosis"), lambda: _("Net survival (%)"),
    ),
    "age": Kind(
        lambda a: _("New cases per 100 000 people of that age a year; %(who)s.")
        % {"who": _diagnosed(a)},
        lambda: _("Ages that are withheld break the line. ") + _band(),
        _sex_age, numbers.rate, lambda: _("Sex and age"), lambda: _("New cases per 100 000"),
    ),
    "trend": Kind(
        lambda a: _("New cases per 100 000 people a year, age-standardised (%(standard)s); "
                    "%(place)s.")
        % {"standard": words.standard_name(a.facts.standard), "place": places_of(a.release)},
        lambda: _("One dot a year. ") + _band(),
        lambda _a: lambda row: str(row["period"]), numbers.rate,
        lambda: _("Year"), lambda: _("Rate per 100 000"),
    ),
    "prevalence": Kind(
        lambda a: _("%(place)s, by the years since diagnosis.") % {"place": places_of(a.release)},
        lambda: _("The line is the 95% interval of all together."),
        _window, numbers.people, lambda: _("Time since diagnosis"), lambda: _("People alive"),
        people=lambda: _("Of them known to be alive"),
    ),
    "incidence-by-country": Kind(
        lambda a: _("New cases per 100 000 people a year, age-standardised (%(standard)s); "
                    "diagnosed %(period)s.")
        % {"standard": words.standard_name(a.facts.standard),
           "period": numbers.years(a.release.period)},
        lambda: _("A dot on its 95% interval. Where intervals overlap, the figures do not show a "
                  "difference."),
        _area, numbers.rate, lambda: _("Country"), lambda: _("Rate per 100 000"),
    ),
    "survival-by-country": Kind(
        lambda a: _("At %(years)s, ages %(ages)s; diagnosed %(period)s.")
        % {"years": words.in_years(a.facts.spoken_of), "ages": numbers.ages(a.facts.ages),
           "period": numbers.years(a.release.period)},
        lambda: _("A dot on its 95% interval. Where intervals overlap, the figures do not show a "
                  "difference."),
        _area, numbers.percent, lambda: _("Country"), lambda: _("Net survival (%)"),
    ),
    "projection": Kind(
        lambda a: _("New cases a year; %(place)s.") % {"place": places_of(a.release)},
        lambda: _("The dashed line is the mean of a year of each projected period, the band its "
                  "prediction interval."),
        lambda _a: lambda row: numbers.years(row["period"]), numbers.people,
        lambda: _("Years"), lambda: _("New cases a year"), people=None,
    ),
}  # fmt: skip


def block(asked: Asked, name: str) -> FigureBlock:
    """Return a figure of a cancer for a page."""
    kind, drawn = KINDS[name], BY_NAME[name]
    rows = drawn.rows(asked.release, asked.entity)
    places, entity = asked.places, asked.entity
    title = drawn.title()
    made = FigureBlock(
        name, title, kind.sub(asked), kind.caption(), _alternative(asked, kind, rows, title),
        [kind.first(), kind.value(), _("95% interval"), *([kind.people()] if kind.people else [])],
        _lines(asked, kind, rows),
        files=[("CSV", places.figure(entity, name, "csv"))],
        permanent=places.permanent(entity, f"#{name}"),
        cite=citation(asked, title),
    )  # fmt: skip
    if drawn.drawable(rows):
        made.wide, made.narrow = (places.figure(entity, f"{name}-{w}", "svg")
                                  for w in ("wide", "narrow"))  # fmt: skip
        made.wide_size, made.narrow_size = (
            size(asked.release, entity.entity_id, name, narrow=narrow) for narrow in (False, True)
        )
        made.files = [*made.files, *((s.upper(), places.figure(entity, name, s))
                                     for s in ("svg", "png"))]  # fmt: skip
    else:
        held = next((row for row in rows if not ok(row)), rows[0] if rows else None)
        made.missing = (
            words.missing(asked.reader, held) if held is None or not ok(held)
            else _("Too few of its numbers can be shown to draw it.")
        )  # fmt: skip
        made.look = {"withheld": "hatch-withheld", "not estimable": "hatch-ne"}.get(
            held["status"] if held else "", "nodata"
        )
    return made


def people_block(asked: Asked) -> FigureBlock:
    """Return a hundred people for a page: the survival spoken of."""
    row, years = asked.facts.at, asked.facts.spoken_of
    assert row is not None
    places, entity = asked.places, asked.entity
    full, half, none = icons.counts(row["lower"], row["upper"])
    title = _("Out of 100 people with %(name)s") % {"name": name_text(entity.name)}
    finding = asked.said(words.survival(words.PATIENT, row, years))
    described = _("One hundred figures of people: %(full)s filled, %(half)s striped, "
                  "%(none)s in outline.") % {"full": full, "half": half, "none": none}  # fmt: skip
    drawings = "".join(
        icons.people(row["lower"], row["upper"], title=finding, description=described,
                     name=f"people-{columns}", columns=columns)
        for columns in (20, 10)
    )  # fmt: skip
    return FigureBlock(
        "people", title,
        _("%(years)s after the diagnosis, leaving aside deaths from other causes.")
        % {"years": words.in_years(years).capitalize()},
        "", finding, [_("Reading"), _("Of 100 people")],
        [{"name": label, "cells": [words.of_hundred(row[key])]} for label, key in (
            (_("Alive, estimate"), "estimate"), (_("Lower end of the interval"), "lower"),
            (_("Upper end of the interval"), "upper"))],
        inline=mark_safe(drawings),  # made here, its texts escaped
        legend=people_key(row),
        files=[(s.upper(), places.figure(entity, "people", s)) for s in ("csv", "svg", "png")],
        permanent=places.permanent(entity, "?for=patient&survival=show#people"),
        cite=citation(asked, title),
    )  # fmt: skip


def people_key(row: Row) -> list[tuple[str, str]]:
    """Return what the looks of the hundred people mean."""
    full, half, none = icons.counts(row["lower"], row["upper"])
    low, high = words.of_hundred(row["lower"]), words.of_hundred(row["upper"])
    return [
        ("p-full", _("%(count)s people: alive") % {"count": full}),
        ("p-half", _("%(count)s people: the figures cannot tell (interval %(low)s to %(high)s)")
         % {"count": half, "low": low, "high": high}),
        ("p-none", _("%(count)s people: have died of this cancer") % {"count": none}),
    ]  # fmt: skip


def citation(asked: Asked, title: str) -> str:
    """Return how to cite a figure; the day of reading is for the reader to add."""
    study = asked.release.manifest["study"]["title"]
    kind = _("invented data") if asked.release.synthetic else _("release")
    return _("%(name)s: %(title)s. In: %(study)s. Rarecare, %(kind)s %(release)s.") % {
        "name": name_text(asked.entity.name), "title": title, "study": study, "kind": kind,
        "release": asked.release.name,
    }  # fmt: skip


def _lines(asked: Asked, kind: Kind, rows: Rows) -> list[dict[str, Any]]:
    name, write, people = kind.name(asked), kind.write.here(), numbers.count.here()
    lines: list[dict[str, Any]] = []
    for row in rows:
        if not ok(row):
            lines.append({"name": name(row), "state": words.state(row), "reason": row["reason"]})
            continue
        low, high = row["lower"], row["upper"]
        cells = [write(row["estimate"]), "–" if low is None else f"{write(low)}–{write(high)}"]
        if kind.people:
            cells.append("–" if row["n"] is None else people(row["n"]))
        lines.append({"name": name(row), "cells": cells})
    return lines


def _alternative(asked: Asked, kind: Kind, rows: Rows, title: str) -> str:
    """Return the finding of a drawing: its least and largest value, and where they are."""
    shown = [row for row in rows if ok(row)]
    if not shown:
        return ""
    if kind is KINDS["survival"]:
        at = asked.facts.at
        tail = words.survival(words.ONCOLOGIST, at, asked.facts.spoken_of) if at and ok(at) else ""
        return asked.said(f"{title}. {tail}")
    low, high = (pick(shown, key=lambda row: float(row["estimate"])) for pick in (min, max))
    name = kind.name(asked)
    return asked.said(
        _("%(title)s. From %(low)s (%(where_low)s) to %(high)s (%(where_high)s). "
          "The table below has every number.")
        % {"title": title, "low": kind.write(low["estimate"]), "where_low": name(low),
           "high": kind.write(high["estimate"]), "where_high": name(high)}
    )  # fmt: skip
