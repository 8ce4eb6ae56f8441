"""Tables of a sheet: net survival by time, prevalence by window."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from rarecare.portal import numbers
from rarecare.portal.estimates import words
from rarecare.portal.estimates.facts import Row, ok
from rarecare.portal.estimates.rows import conditional_survival, stage_survival
from rarecare.portal.estimates.words import RESEARCHER

if TYPE_CHECKING:
    from rarecare.portal.estimates.sheet import Asked


def survival_table(asked: Asked) -> dict[str, Any]:
    """Return net survival by time: all, age-standardised, by sex, by age."""
    facts, researcher = asked.facts, asked.reader == RESEARCHER
    write = (numbers.proportion if researcher else numbers.percent).here()
    counts = _counts() if researcher else None
    shown: list[Row | None] = []

    def cells(rows: dict[float, Row | None]) -> list[dict[str, Any]]:
        own = [rows.get(years) for years in facts.years]
        shown.extend(own)
        return [_cell(row, write, counts) for row in own]

    lines: list[dict[str, Any]] = [
        {"name": _("Ages %(ages)s") % {"ages": numbers.ages(facts.ages)},
         "cells": cells(dict(facts.survival)), "strong": True},
    ]  # fmt: skip
    if facts.survival_standardised:
        standard = next(iter(facts.survival_standardised.values()))["standard"]
        lines.append({
            "name": _("The same, age-standardised (%(standard)s)") % {"standard": standard.upper()},
            "cells": cells(dict(facts.survival_standardised)),
        })  # fmt: skip
    for sex, name in (("male", _("Males")), ("female", _("Females"))):
        rows = {y: r for (s, y), r in facts.survival_by_sex.items() if s == sex}
        if rows:
            lines.append({"name": name, "cells": cells(dict(rows))})
    stages = {"localised": _("Localised"), "regional": _("Regional"), "distant": _("Distant")}
    for stage, own in stage_survival(asked.release, asked.entity).items():
        lines.append({
            "name": _("Stage: %(stage)s") % {"stage": stages[stage].lower()}, "cells": cells(own),
        })  # fmt: skip
    for lived, own in conditional_survival(asked.release, asked.entity).items():
        name = _("Of those alive after %(years)s") % {"years": words.in_years(lived)}
        before = [{"value": "–"} for years in facts.years if years <= lived]
        after = {years: own.get(years) for years in facts.years if years > lived}
        shown.extend(after.values())
        later = [_cell(row, write, counts) for row in after.values()]
        lines.append({"name": name, "cells": [*before, *later]})
    groups = list(dict.fromkeys(group for group, _years in facts.survival_by_age))
    for group in sorted(groups, key=lambda text: int(text.rstrip("+").partition("-")[0])):
        rows = {y: r for (g, y), r in facts.survival_by_age.items() if g == group}
        lines.append({
            "name": _("Ages %(ages)s") % {"ages": numbers.ages(group)}, "cells": cells(dict(rows)),
        })  # fmt: skip
    return {
        "caption": _("Net survival (%(unit)s), 95%% interval in brackets")
        % {"unit": _("proportion") if researcher else "%"},
        "columns": [words.in_years(years) for years in facts.years],
        "lines": lines,
        "remark": words.above_all(shown, decimals=3 if researcher else 2),
    }


def prevalence_table(asked: Asked) -> dict[str, Any]:
    """Return people alive by window, with rates."""
    shares = {row["period"]: row for row in asked.facts.prevalence}
    people, rate = numbers.people.here(), numbers.rate.here()
    lines = [
        {
            "name": _("Diagnosed in %(period)s") % {"period": numbers.years(row["period"])},
            "cells": [
                _cell(row, people),
                _cell(shares.get(row["period"]), rate),
            ],
        }
        for row in asked.facts.prevalent
    ]
    return {
        "caption": _("People alive, 95% interval in brackets"),
        "columns": [_("People"), _("Per 100 000")],
        "lines": lines,
    }


def _counts() -> Callable[[Row], str]:
    """Return how the counts behind a number are written."""
    text = _("n %(n)s, deaths %(events)s, at risk %(at_risk)s, SE %(se)s")
    ways = dict.fromkeys(("n", "events", "at_risk"), numbers.count.here())
    ways["se"] = numbers.proportion.here()
    return lambda row: (
        text
        % {name: "–" if row[name] is None else write(row[name]) for name, write in ways.items()}
    )


def _cell(
    row: Row | None, write: Callable[[float], str], counts: Callable[[Row], str] | None = None
) -> dict[str, Any]:  # fmt: skip
    if row is None or not ok(row):
        return {"state": words.state(row), "reason": row["reason"] if row else ""}
    return {
        "value": write(row["estimate"]),
        "interval": f"{write(row['lower'])}–{write(row['upper'])}",
        "counts": "" if counts is None else counts(row),
    }
