"""The page that builds questions to the estimates: choose, look, take the file."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import override

from rarecare.portal import numbers
from rarecare.portal.api.asking import Question, said, values_of
from rarecare.portal.api.refused import RefusedError
from rarecare.portal.comparing.comparison import name_of
from rarecare.portal.comparing.views import DATA, readable
from rarecare.portal.comparing.ways import Ways
from rarecare.portal.estimates import words
from rarecare.portal.opened import OpenedRelease
from rarecare.portal.readers import PARAMETER, words_language
from rarecare.results import OK

ESTIMATES = "estimates"
PER_PAGE = 50
_CHOICES = ("measure", "within", "area", "sex", "age_group", "period", "time_years", "standard",
            "status")  # fmt: skip


@readable
def query(request: Any) -> HttpResponse:
    """Show the rows a question asks for, page by page, and the files of all of them."""
    release: OpenedRelease = request.release
    status, error = 200, None
    question = Question(ESTIMATES, per_page=PER_PAGE)
    given = request.GET.copy()
    given.setdefault("per_page", str(PER_PAGE))
    asked = any(request.GET.get(name) for name in request.GET if name != PARAMETER)
    shown, total = None, 0
    try:
        question = Question.of(release, ESTIMATES, given, also=(PARAMETER,))
        if asked:
            rows = question.rows(release)
            total, shown = rows.height, question.slice(rows)
    except RefusedError as refused:
        status, error = refused.status, refused
    last = question.pages(total)

    def at(page: int) -> str | None:
        return question.query(page=page, format=None) if 1 <= page <= last else None

    files = [
        (kind.upper(), f"/api/v1/{ESTIMATES}{question.query(page=1, per_page=100, format=kind)}")
        for kind in ("csv", "parquet", "json")
    ]  # fmt: skip
    with override(words_language(request)):
        lines = None if shown is None else [_line(release, row) for row in shown.to_dicts()]
    context = {
        "section": DATA, "ways": Ways(request.places), "error": error, "asked": asked,
        "fields": [_field(release, question, name) for name in _CHOICES],
        "total": numbers.number(total), "page": question.page, "last": last,
        "previous": at(question.page - 1), "next": at(question.page + 1),
        "lines": lines,
        "files": files if asked and error is None else [],
        "permanent": Ways(request.places).permanent(Ways(request.places).query)
        + question.query(page=1, per_page=PER_PAGE),
    }  # fmt: skip
    response = render(request, "comparing/query.html", context, status=status)
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _titles() -> dict[str, str]:
    return {
        "measure": _("Measure"), "within": _("Cancer, with all below it"), "area": _("Area"),
        "sex": _("Sex"), "age_group": _("Ages"), "period": _("Years"),
        "time_years": _("Years since diagnosis"), "standard": _("Standard population"),
        "status": _("Shown or not"),
    }  # fmt: skip


def _field(release: OpenedRelease, question: Question, name: str) -> dict[str, Any]:
    """Return a choice of the form: its values, and those that are chosen."""
    if name == "within":
        listed = sorted(release.entities.values(), key=lambda one: one.entity_id)
        options = [(one.entity_id, f"{one.entity_id} {one.name}") for one in listed]
        chosen: tuple[str, ...] = (question.within,) if question.within else ()
    else:
        values = values_of(release, ESTIMATES, name)
        if name in ("time_years", "age_group"):
            values = tuple(sorted(values, key=_size))
        options = [(one, _word(release, name, one)) for one in values]
        chosen = question.filters.get(name, ())
    return {"name": name, "title": _titles()[name],
            "options": [(value, text, value in chosen) for value, text in options]}  # fmt: skip


def _size(text: str) -> tuple[float, str]:
    head = text.split("-", maxsplit=1)[0].rstrip("+")
    try:
        return float(head), text
    except ValueError:
        return -1.0, text


def _word(release: OpenedRelease, name: str, value: str) -> str:
    if name == "area":
        return name_of(release, value)
    if value == "all":
        return _("all")
    return value


def _line(release: OpenedRelease, row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as a line of the table."""
    names = ("sex", "age_group", "period")
    entity = release.entities[row["entity_id"]]
    facts = [row["measure"], name_of(release, row["area"]), *(row[one] for one in names),
             "" if row["time_years"] is None else said(row["time_years"]),
             "" if row["standard"] == "none" else row["standard"]]  # fmt: skip
    line: dict[str, Any] = {"entity": entity, "facts": facts, "n": words.people(row),
                            "unit": row["unit"]}  # fmt: skip
    if row["status"] != OK:
        return line | {"state": words.state(row), "reason": row["reason"]}
    interval = "–" if row["lower"] is None else words.dashed(row, _digits)
    return line | {"value": words.starred(row, _digits(row["estimate"])), "interval": interval}


def _digits(value: float) -> str:
    """Return a number with four significant digits, for a table of all kinds of numbers."""
    return numbers.number(value) if abs(value) >= 1000 else numbers.short(float(f"{value:.4g}"))
