"""One number, five readers: sentences made from a row, each in the words of its reader.

A sentence takes the row it speaks of. Without a number there is a sentence on why, never
one without its number. Where data are invented, each sentence says so itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from rarecare.portal import numbers
from rarecare.portal.estimates import rarity
from rarecare.portal.estimates.rarity import MILLION, PER, whole
from rarecare.results import NOT_ESTIMABLE, OK, OWN_WITHHELD, WITHHELD

Row = Mapping[str, Any]
PATIENT, GP, ONCOLOGIST, RESEARCHER, AUTHORITY = (
    "patient", "gp", "oncologist", "researcher", "authority"
)  # fmt: skip


def said(sentence: str, *, synthetic: bool) -> str:
    """Return a sentence that says itself when its number is invented."""
    return _("Invented figure: %(sentence)s") % {"sentence": sentence} if synthetic else sentence


def missing(reader: str, row: Row | None) -> str:
    """Return why there is no number, in the words of a reader."""
    status = row["status"] if row is not None else None
    reason = str(row["reason"]) if row is not None and row["reason"] else ""
    if status == WITHHELD:
        words = {
            PATIENT: _(
                "There are too few people to show a figure without pointing at someone. "
                "It does not mean zero."
            ),
            GP: _("Withheld: too few people. It does not mean zero."),
            ONCOLOGIST: _("Withheld: %(reason)s."),
            RESEARCHER: _("status = withheld: %(reason)s."),
            AUTHORITY: _("Withheld: too few people. Pool with neighbours or years."),
        }
    elif status == NOT_ESTIMABLE:
        words = {
            PATIENT: _(
                "This cannot be worked out: too few people could be followed. "
                "It does not mean zero."
            ),
            GP: _("Not estimable: too few people could be followed."),
            ONCOLOGIST: _("Not estimable: %(reason)s."),
            RESEARCHER: _("status = not estimable: %(reason)s."),
            AUTHORITY: _("Not estimable: %(reason)s."),
        }
    else:
        return _("This release holds no such figure.")
    return words[reader] % {"reason": reason.rstrip(".")}


def state(row: Row | None) -> str:
    """Return the kind of missing in two words."""
    status = row["status"] if row is not None else None
    if status == WITHHELD:
        return _("withheld")
    return _("not estimable") if status == NOT_ESTIMABLE else _("no data")


# --- rates foretold from other countries -------------------------------------------------------


def foretold(row: Row) -> bool:
    """Return whether a row's number is foretold from other areas, its own count being withheld."""
    return bool(row["status"] == OK and row["method"] == OWN_WITHHELD)


def starred(row: Row, value: str) -> str:
    """Return a number with a star where it is foretold; ``foretold_told`` says what that is."""
    return f"{value}*" if foretold(row) else value


def people(row: Row) -> str:
    """Return the count of a number that is shown: withheld where the number is foretold."""
    if row["n"] is None:
        return _("withheld") if foretold(row) else "–"
    return numbers.number(row["n"])


def foretold_told(rows: Iterable[Row]) -> str:
    """Return what a star means where a row has one, else nothing; it follows another sentence."""
    if not any(foretold(row) for row in rows):
        return ""
    return " " + _(
        "A rate with a star (*), hatched on a map, is foretold: that country's count is withheld "
        "and was not used. It is what the other countries lead one to expect of any country, not "
        "adjusted for age and sex. Withheld counts are often small, so the true rate may be lower."
    )


# --- new cases --------------------------------------------------------------------------------


def new_cases(reader: str, crude: Row, standardised: Row | None) -> str:
    """Return the sentence on new cases: both rows have a number."""
    rate, low, high = crude["estimate"], crude["lower"], crude["upper"]
    if reader == PATIENT:
        return rarity.told_each_year(crude)
    if reader == GP:
        return rarity.in_a_practice(crude)
    if reader == RESEARCHER and standardised is not None and standardised["status"] == "ok":
        return _(
            "ASR(%(standard)s) %(value)s (%(level)s CI %(interval)s) per 100 000 person-years, "
            "%(n)s tumours."
        ) % {
            "standard": standard_name(standardised["standard"]),
            "value": numbers.rate(standardised["estimate"]),
            "level": level(standardised),
            "interval": dashed(standardised, numbers.rate),
            "n": numbers.number(standardised["n"]),
        }
    if reader == AUTHORITY:
        return rarity.in_ten_million(crude)
    return _("%(value)s new cases per 100 000 people a year (%(interval)s).") % {
        "value": numbers.rate(rate),
        "interval": numbers.span(low, high, numbers.rate),
    }


# --- survival ---------------------------------------------------------------------------------


def survival(reader: str, row: Row, years: float) -> str:
    """Return the sentence on net survival; the row has a number."""
    value, low, high = row["estimate"], row["lower"], row["upper"]
    if reader == PATIENT:
        return _(
            "About %(count)s of 100 people are alive after %(years)s, leaving aside other causes "
            "of death; likely %(interval)s."
        ) % {
            "count": of_hundred(value),
            "years": in_years(years),
            "interval": numbers.between(low, high, of_hundred),
        }
    interval = numbers.span(low, high, numbers.percent)
    if reader == RESEARCHER:
        return _("%(value)s (%(level)s CI %(interval)s), %(method)s, n = %(n)s.") % {
            "value": numbers.proportion(value), "level": level(row),
            "interval": dashed(row, numbers.proportion), "method": method_name(row["method"]),
            "n": numbers.number(row["n"]),
        }  # fmt: skip
    if reader == GP:
        return _("Net survival at %(years)s is %(value)s%% (%(interval)s).") % {
            "years": in_years(years), "value": numbers.percent(value), "interval": interval,
        }  # fmt: skip
    return _("%(value)s%% (%(interval)s) at %(years)s.") % {
        "value": numbers.percent(value), "interval": interval, "years": in_years(years),
    }  # fmt: skip


def few_people() -> str:
    """Return why a share of very few people is not said."""
    return _("Fewer than 10 people: no percentage is said of so few. The files hold the number.")


def above_all(rows: Iterable[Row | None], *, decimals: int) -> str:
    """Return what a net survival above 100% says, where one of these rows shows as such.

    Parameters
    ----------
    decimals
        Of the shares as the page writes them.
    """
    shown = (row["estimate"] for row in rows if row is not None and row["status"] == OK)
    if not any(round(estimate, decimals) > 1 for estimate in shown):
        return ""
    return _(
        "A net survival above 100% says that fewer people died than are expected of as many of "
        "the same ages and sex in the general population. Chance does this among few people; "
        "where none of them died, the interval has no width and does not tell how sure the "
        "figure is."
    )


def of_hundred(share: float) -> str:
    """Return a share as people of 100; more than all is all.

    >>> of_hundred(0.569), of_hundred(1.02)
    ('57', '100')
    """
    return numbers.number(round(100 * min(1.0, max(0.0, share))))


def in_years(years: float) -> str:
    """Return a time since diagnosis in words."""
    words = {1.0: _("one year"), 3.0: _("three years"), 5.0: _("five years"), 10.0: _("ten years")}
    return words.get(years) or ngettext("%(n)s year", "%(n)s years", round(years)) % {
        "n": numbers.number(years, decimals=0 if years == round(years) else 1)
    }


# --- who, trend, prevalence -------------------------------------------------------------------


def most_often(reader: str, row: Row) -> str:
    """Return the age with the highest rate of those that can be shown."""
    if reader == PATIENT:
        return _(
            "Of the ages that can be shown, it is found most often at %(ages)s: about %(count)s "
            "people in a million of that age each year; likely %(interval)s."
        ) % {
            "ages": numbers.ages(row["age_group"]),
            "count": whole(row["estimate"] * MILLION / PER),
            "interval": numbers.between(
                row["lower"] * MILLION / PER, row["upper"] * MILLION / PER, whole
            ),
        }
    return _(
        "Of the ages that can be shown, the rate is highest at %(ages)s: %(value)s per 100 000 "
        "(%(interval)s)."
    ) % {
        "ages": numbers.ages(row["age_group"]),
        "value": numbers.rate(row["estimate"]),
        "interval": numbers.span(row["lower"], row["upper"], numbers.rate),
    }


def sexes(reader: str, male: Row, female: Row, both: Row | None) -> str:
    """Return the rates of both sexes, and whether the figures show a difference.

    They do where the intervals lie apart; they do not where both hold the rate of both sexes
    together; in between, the numbers stand alone.
    """
    if reader == PATIENT:
        per = MILLION / PER
        counts = _(
            "%(male)s men and boys and %(female)s women and girls in a million each year"
        ) % {
            "male": whole(male["estimate"] * per), "female": whole(female["estimate"] * per),
        }  # fmt: skip
    else:
        counts = _("males %(male)s (%(m)s), females %(female)s (%(f)s) per 100 000") % {
            "male": numbers.rate(male["estimate"]),
            "m": numbers.span(male["lower"], male["upper"], numbers.rate),
            "female": numbers.rate(female["estimate"]),
            "f": numbers.span(female["lower"], female["upper"], numbers.rate),
        }
    if male["lower"] > female["upper"]:
        return _("More often in males: %(counts)s.") % {"counts": counts}
    if female["lower"] > male["upper"]:
        return _("More often in females: %(counts)s.") % {"counts": counts}
    if (
        both is not None
        and both["status"] == OK
        and all(row["lower"] <= both["estimate"] <= row["upper"] for row in (male, female))
    ):
        return _("The figures do not show a difference between the sexes: %(counts)s.") % {
            "counts": counts
        }
    return _("By sex: %(counts)s.") % {"counts": counts}


def trend(reader: str, row: Row) -> str:
    """Return the change of the rate a year, or that none is shown."""
    interval = numbers.span(row["lower"], row["upper"], numbers.change)
    facts = {
        "value": numbers.change(row["estimate"]), "interval": interval,
        "period": numbers.years(row["period"]),
    }  # fmt: skip
    if row["lower"] <= 0 <= row["upper"]:
        if reader == PATIENT:
            return _("From %(period)s the figures show neither a rise nor a fall.") % {
                "period": facts["period"]
            }
        return (
            _(
                "%(period)s: the figures show neither a rise nor a fall (%(value)s%% a year, "
                "%(interval)s)."
            )
            % facts
        )
    if row["estimate"] > 0:
        return _("%(period)s: the rate rose by %(value)s%% a year (%(interval)s).") % facts
    return _("%(period)s: the rate fell by %(value)s%% a year (%(interval)s).") % facts


def alive(reader: str, row: Row, *, place: str, ever: bool = False) -> str:
    """Return how many people are alive after the diagnosis."""
    window = _window_years(row["period"])
    facts = {
        "count": numbers.people(row["estimate"]), "day": _last_day(row["period"]),
        "place": place, "window": numbers.number(window),
        "interval": (numbers.between if reader == PATIENT else numbers.span)(
            row["lower"], row["upper"], numbers.people
        ),
    }  # fmt: skip
    if ever:
        return (
            _(
                "On %(day)s, about %(count)s people in %(place)s were alive who had ever been told "
                "that they have it (%(interval)s)."
            )
            % facts
        )
    text = ngettext(
        "On %(day)s, about %(count)s people in %(place)s were alive who had been diagnosed in "
        "the year before (%(interval)s).",
        "On %(day)s, about %(count)s people in %(place)s were alive who had been diagnosed in "
        "the %(window)s years before (%(interval)s).",
        window,
    )
    return text % facts


def projected(row: Row) -> str:
    """Return projected cases a year."""
    return _(
        "%(period)s: about %(count)s new cases a year are projected (prediction interval "
        "%(interval)s)."
    ) % {
        "period": numbers.years(row["period"]),
        "count": numbers.people(row["estimate"]),
        "interval": numbers.span(row["lower"], row["upper"], numbers.people),
    }


# --- parts of sentences -----------------------------------------------------------------------


def inside(title: str) -> str:
    """Return a title as it stands inside a sentence; a German one keeps its capital.

    >>> inside("Net survival by country")
    'net survival by country'
    """
    return title if get_language() == "de" else title[:1].lower() + title[1:]


def level(row: Row) -> str:
    """Return the level of an interval: ``95%``."""
    return f"{numbers.number(100 * row['level'])}%"


def dashed(row: Row, words: Any) -> str:
    """Return an interval with a dash, for researchers."""
    return f"{words(row['lower'])}–{words(row['upper'])}"


def standard_name(standard: str) -> str:
    """Return the short name of a standard population.

    >>> standard_name("esp2013")
    'E2013'
    """
    return {
        "esp2013": "E2013", "esp1976": "E1976", "segi": "W", "who2000": "WHO2000",
        "nordic2000": "Nordic2000",
    }.get(standard, standard)  # fmt: skip


def method_name(method: str) -> str:
    """Return the name of a method in print.

    >>> method_name("pohar-perme")
    'Pohar-Perme'
    """
    return "-".join(part.capitalize() for part in method.split("-"))


def _window_years(period: str) -> int:
    first, _dash, last = period.partition("-")
    return int(last or first) - int(first) + 1


def _last_day(period: str) -> str:
    return numbers.day(f"{period.rpartition('-')[2]}-12-31")
