"""Reading the tables of a data dictionary, checked; the study kits of the package.

Whoever changes a kit copies its tables, edits them, and reads them back here.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import polars as pl

from rarecare.care.conditions import check_condition, parse_condition
from rarecare.care.dictionary import (
    COLUMNS,
    EVENT_PARTS,
    GRADES,
    IDS,
    NEEDS,
    NO_EVENT,
    TYPES,
    Dictionary,
    EventRule,
    Variable,
    all_before,
)
from rarecare.errors import CodeError, ColumnError, InputError, UsageError
from rarecare.files import RawTable, read_table
from rarecare.registry.events import EVENTS

_NAME, _CODE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*"), re.compile(r"[A-Za-z0-9_]+")


def kits() -> Mapping[str, str]:
    """Return the study kits that come with the package and their titles.

    >>> list(kits())
    ['core', 'sarcoma', 'testis', 'head_neck', 'gep_net']
    """
    return {name: str(about["title"]) for name, about in _kits().items()}


def study_kit(name: str) -> Dictionary:
    """Return a study kit by its name.

    Raises
    ------
    UsageError
        There is no such kit.

    Examples
    --------
    >>> study_kit("testis")["rete_testis"].condition.text
    'histology_group = seminoma'
    """
    if name not in _kits():
        raise UsageError("there is no such study kit", value=name, allowed=list(_kits()))
    return _packaged(name)


def read_dictionary(
    source: str | Path | Any | Sequence[str | Path | Any], *, kit: str = "own", title: str = "",
    version: str = "0",
) -> Dictionary:  # fmt: skip
    """Return a dictionary read from tables of variables, checked.

    Parameters
    ----------
    source
        A CSV file with the columns of ``COLUMNS`` (or a data frame), or several, one after the
        other: ``kits/core.csv`` and one's own items.
    kit, title, version
        What the dictionary is called.

    Raises
    ------
    ColumnError
        A column is missing or too many; two variables have one name; a condition, an order of
        dates or an event is on a variable that is not there.
    CodeError
        A type, a level of need, a code or a grade is not in its list.
    InputError
        A range is no range, a name is no name, or dates come before themselves.
    """
    several = source if isinstance(source, list | tuple) else [source]
    tables = [read_table(each) for each in several]
    if not tables:
        raise UsageError("a dictionary needs a table of variables", value="none")
    variables = [each for table in tables for each in _variables(table)]
    digest = hashlib.sha256("".join(t.source.sha256 for t in tables).encode()).hexdigest()
    found = Dictionary(kit, title or kit, version, tuple(variables), digest)
    _check(found, tables[-1].source.name)
    return found


@cache
def _kits() -> Mapping[str, Mapping[str, Any]]:
    return tomllib.loads((files("rarecare.care") / "kits/kits.toml").read_text(encoding="utf-8"))


@cache
def _packaged(name: str) -> Dictionary:
    about = _kits()[name]
    with as_file(files("rarecare.care") / "kits") as folder:
        tables = [folder / f"{table}.csv" for table in about["tables"]]
        return read_dictionary(
            tables, kit=name, title=str(about["title"]), version=str(about["version"])
        )


def _variables(raw: RawTable) -> list[Variable]:
    """Return the variables of one table."""
    file, frame = raw.source.name, raw.frame
    for name in (*COLUMNS, *frame.columns):
        if name not in COLUMNS or name not in frame.columns:
            lacking = name in COLUMNS
            raise ColumnError(
                f"a dictionary has no column {name}" if lacking else
                "a dictionary has a column too many",
                file=file, value=name, allowed=frame.columns if lacking else COLUMNS,
            )  # fmt: skip
    text = frame.select(pl.col(COLUMNS).cast(pl.String).fill_null(""))
    return [_variable(row, file, line) for line, row in enumerate(text.to_dicts(), start=2)]


def _variable(row: Mapping[str, str], file: str, line: int) -> Variable:
    """Return the variable of one line."""
    place: dict[str, Any] = {"file": file, "row": line}
    name, kind, need = row["variable"], row["type"], row["required"]
    if not _NAME.fullmatch(name):
        raise InputError(
            "this is no name of a variable", value=name, column="variable",
            allowed="small letters, digits and single _, a letter first", **place,
        )  # fmt: skip
    for column, value, words in (
        ("type", kind, TYPES), ("required", need, NEEDS), ("grade", row["grade"], list(GRADES)),
    ):  # fmt: skip
        if value not in words:
            raise CodeError(
                f"{column} is not in its list", column=column, value=value, allowed=words, **place
            )
    condition = row["condition"]
    limits = [_limit(row[end], end, place) for end in ("minimum", "maximum")]
    if None not in limits and limits[0] > limits[1]:  # type: ignore[operator]
        raise InputError(
            "the range ends before it begins", column="maximum", value=row["maximum"], **place
        )
    return Variable(
        name, row["label"] or name, row["section"] or "Other", next(t for t in TYPES if t == kind),
        unit=row["unit"], codes=_codes(row["codes"], kind, place),
        need=next(n for n in NEEDS if n == need),
        condition=parse_condition(condition, **place) if condition else None,
        minimum=limits[0], maximum=limits[1], not_before=_list(row["not_before"]),
        event=_event(row["event"], place) if row["event"] else None, mapping=row["mapping"],
        grade=row["grade"], source=row["source"], note=row["note"],
    )  # fmt: skip


def _codes(text: str, kind: str, place: Mapping[str, Any]) -> Mapping[str, str]:
    """Return codes and meanings of ``"0=no;1=yes;9=unknown"``."""
    found: dict[str, str] = {}
    for part in filter(None, (each.strip() for each in text.split(";"))):
        code, sign, said = (each.strip() for each in part.partition("="))
        if not sign or not said or not _CODE.fullmatch(code) or code in found or "|" in said:
            raise CodeError(
                "these are no codes", column="codes", value=part,
                allowed="code=meaning;code=meaning, a code once, of letters, digits and _", **place,
            )  # fmt: skip
        found[code] = said
    if kind == "yesno" and list(found) != ["0", "1", "9"]:
        raise CodeError(
            "yesno has codes of its own", column="codes", value=text,
            allowed="0=no;1=yes;9=unknown", **place,
        )  # fmt: skip
    wanted, none = kind in ("code", "yesno"), kind in ("date", "text")
    if (wanted and not found) or (none and found):
        raise CodeError(
            f"a variable of type {kind} has {'codes' if wanted else 'no codes'}",
            column="codes", value=text, allowed="code=meaning;…" if wanted else "blank", **place,
        )  # fmt: skip
    return found


def _limit(text: str, column: str, place: Mapping[str, Any]) -> float | None:
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise InputError(
            "the end of a range is no number", column=column, value=text, **place
        ) from None


def _list(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (each.strip() for each in text.split(","))))


def _event(text: str, place: Mapping[str, Any]) -> EventRule:
    """Return the rule of ``"surgery; hospital hospital_surgery; value margins"``."""
    event, *parts = (each.strip() for each in text.split(";"))
    if event not in (*EVENTS, NO_EVENT):
        raise CodeError(
            "the event is not in the list", column="event", value=event, allowed=list(EVENTS),
            **place,
        )  # fmt: skip
    given: dict[str, str] = {}
    for part in parts:
        key, _, rest = part.partition(" ")
        if key not in EVENT_PARTS or not rest.strip():
            raise CodeError(
                "this says nothing about an event", column="event", value=part,
                allowed=[f"{each} …" for each in EVENT_PARTS], **place,
            )  # fmt: skip
        given[key] = rest.strip()
    return EventRule(None if event == NO_EVENT else event, **given)


def _check(found: Dictionary, file: str) -> None:
    """Refuse what refers to a variable that is not there, and dates before themselves."""
    names = found.names
    doubled = [name for name in names if names.count(name) > 1]
    if doubled:
        raise ColumnError("two variables have one name", file=file, value=doubled[0])
    lacking = [name for name in IDS if name not in names]
    if lacking:
        raise ColumnError(
            "a dictionary lacks what tells records apart", file=file, value=lacking[0], allowed=IDS
        )
    codes = {each.name: each.codes for each in found.variables}
    dates = [each.name for each in found.variables if each.type == "date"]
    for each in found.variables:
        if each.condition is not None:
            check_condition(each.condition, codes, found.numbers, file=file)
        if (each.not_before or each.event) and each.type != "date":
            raise ColumnError("only a date has an order and an event", file=file, value=each.name)
        rule = each.event
        parts = (rule.hospital, rule.value, rule.kind) if rule else ()
        for column, allowed, own in (
            ("not_before", dates, each.not_before), ("event", list(names), parts),
        ):  # fmt: skip
            wrong = [one for one in own if one is not None and one not in allowed]
            if wrong:
                raise ColumnError(
                    f"{each.name} refers to a variable that is not there", file=file,
                    column=column, value=wrong[0], allowed=allowed,
                )  # fmt: skip
    circular = [name for name, before in all_before(found.variables).items() if name in before]
    if circular:
        raise InputError(
            "a date comes before itself", file=file, column="not_before", value=circular[0]
        )
