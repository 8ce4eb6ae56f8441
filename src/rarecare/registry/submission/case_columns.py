"""Which column of a file of cases is which, proposed by name and by what its values are."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from rarecare.registry.cases import BY_NAME
from rarecare.registry.casts import as_text
from rarecare.registry.encr_columns import NAMES as ENCR
from rarecare.registry.formats import FORMATS, Format
from rarecare.registry.submission.sniffing import Guess, Sniffed, date_layout, fit, unread

OTHER_NAMES: Mapping[str, tuple[str, ...]] = {
    "registry": ("regcode", "registry code"),
    "patient_id": ("pat", "patient", "id", "pid", "person id"),
    "tumour_id": ("tum", "tumour", "tumor id"),
    "birth_date": ("date of birth", "dob", "bi date", "birthdate", "bdate"),
    "incidence_date": (
        *("date of incidence", "date of diagnosis", "diagnosis date", "doi", "dg date"),
        *("diag", "dx", "incidencedate"),
    ),
    "last_date": (
        *("end of followup", "date of last contact", "ex date", "exit", "lastcontact", "dlc"),
    ),
    "follow_up_days": ("surv time", "time", "survival days"),
    "vital_status": ("vit stat", "vit sta", "vitalstatus", "status", "stat"),
    "topography": ("topo", "site", "icdo3 topography"),
    "morphology": ("morpho", "histo", "histology", "icdo3 morphology"),
    "behaviour": ("beh", "behavior"),
    "basis_of_diagnosis": ("bod", "basis", "basisdiagnosis", "basis of dx"),
    "region": ("geo code", "nuts"),
    "age_days": ("age",),
    "age_years": ("age",),
}
"""Our names and others they go by, in lower case and with blanks for ``_``."""

_FITS = 0.9
_MOST_CODES = 12
_FALLS_BACK = ("age", "topography", "morphology", "behaviour", "follow_up_days")


def case_lines(each: Sniffed, date_format: str | None) -> tuple[list[str], list[Guess]]:
    """Return the lines of ``[cases]`` and what was guessed in them.

    Raises
    ------
    UsageError
        Two layouts of dates fit.
    """
    if set(ENCR) <= set(each.sample.columns):
        guess = Guess(each.name, "format", "encr", "the columns are the protocol's", "sure")
        return ['format = "encr"', *how(each)], [guess]
    form = next(
        (form for form in FORMATS.values() if form.signs and all(map(each.has, form.signs))),
        FORMATS["tidy"],
    )
    known = form.name != "tidy"
    why = f"it has {', '.join(form.signs)}" if known else "of no known layout"
    guesses = [Guess(each.name, "format", form.name, why, "likely")]
    columns, more = _columns(each, form)
    guesses += more
    dates = {
        name: each.sample[column]
        for name, column in columns.items()
        if name in BY_NAME and BY_NAME[name].kind == "date"
    }
    layout, dated = date_layout(dates, each.name, date_format)
    guesses += [dated] if dated else []
    lines = [f"format = {quoted(form.name)}", *how(each)]
    lines += [f"date_format = {quoted(layout)}"] if layout else []
    lines += ["", "[cases.columns]"]
    to_say: list[str] = []
    for name, column in columns.items():
        lines.append(f"{name} = {quoted(column)}")
        if name not in BY_NAME or BY_NAME[name].kind == "text":
            continue
        codes = form.codes.get(name, {})
        read, seen = fit(each.sample[column], name, date_format=layout, codes=codes)
        lines[-1] += f"  # {read} of {seen} values looked at can be read"
        if (
            form.name == "canreg5"
            and name == "age"
            and (as_text(each.sample[column]) == "99").any()
        ):
            why = "unknown where ages have two digits, else 99 years"
            guesses.append(Guess(each.name, "age 99", "to be said", why, "check"))
            to_say += ["", f"[cases.codes.age]  # {why}", '"99" = "?"']
        if read >= _FITS * seen:
            continue
        left = unread(each.sample[column], name, date_format=layout, codes=codes)
        shown = ", ".join(left[:6])
        guesses.append(
            Guess(each.name, name, "to be said", f"{seen - read} values, as {shown}", "check")
        )
        if len(left) <= _MOST_CODES:
            to_say += [
                "",
                f"[cases.codes.{name}]  # what do these mean? {one_line(BY_NAME[name].meaning)}",
                *(f'{quoted(value)} = "?"' for value in left),
            ]
    carried = [name for name in each.sample.columns if name not in columns.values()]
    if carried:
        lines.append(f"# carried along as they are: {one_line(', '.join(carried))}")
    return [*lines, *to_say], guesses


def _columns(each: Sniffed, form: Format) -> tuple[dict[str, str], list[Guess]]:
    """Return the file's column of each of our names."""
    columns = form.matched(each.sample.columns, {})
    guesses = []
    for name in BY_NAME:
        there = each.has(name)
        if name in columns or there is None or there in columns.values():
            continue
        read, seen = fit(each.sample[there], name)
        if name not in _FALLS_BACK or read >= _FITS * seen:
            columns[name] = there
        else:  # an age in days, a site in words: not what its name says
            columns[f"{name}_in_file"] = there
            why = f"{read} of {seen} values are what {name} is"
            guesses.append(Guess(each.name, f"{name}_in_file", there, why, "check"))
    for name, others in OTHER_NAMES.items():
        there = each.has(*others)
        own = f"{there}_in_file".lower()
        if name in columns or there is None:
            continue
        if there in columns.values() and columns.get(own) != there:
            continue
        if name == "age_years" and "age_days" in columns:
            continue
        read, seen = fit(each.sample[there], name)
        word = BY_NAME[name].kind in ("word", "date", "text")
        if word or (seen and read >= _FITS * seen):
            if columns.pop(own, None):
                guesses = [guess for guess in guesses if guess.value != there]
            columns[name] = there
            why = "by its name" if word else f"by its name; {read} of {seen} values fit"
            guesses.append(Guess(each.name, name, there, why, "check" if word else "likely"))
    return columns, guesses


def how(each: Sniffed) -> list[str]:
    """Return the lines that say which file this is and how its text is written."""
    lines = [f"file = {quoted(each.name)}"]
    if each.delimiter is not None:
        lines.append(f"delimiter = {quoted(each.delimiter)}")
    if each.encoding is not None:
        lines.append(f"encoding = {quoted(each.encoding)}")
    return lines


def one_line(text: str) -> str:
    """Return text that cannot end a comment."""
    return re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]", "?", text)


def quoted(text: str) -> str:
    """Return text as TOML writes it."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
