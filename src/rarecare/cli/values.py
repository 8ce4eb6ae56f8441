"""Values as they are written on the command line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import TypeVar

from rarecare.errors import UsageError

Value = TypeVar("Value")
Name = TypeVar("Name", bound=str)


def words(text: str) -> tuple[str, ...]:
    """Return the parts between commas: ``"sex,stage"``."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def numbers(text: str | None, flag: str) -> tuple[float, ...] | None:
    """Return numbers between commas; None for None."""
    return None if text is None else tuple(_read(float, part, flag) for part in words(text))


def windows(text: str, flag: str) -> tuple[float | tuple[float, float], ...]:
    """Return years back from a date, ``5``, and windows between two, ``1-5``."""
    found: list[float | tuple[float, float]] = []
    for part in words(text):
        ends = [_read(float, one.strip(), flag) for one in part.split("-", 1)]
        found.append(ends[0] if len(ends) == 1 else (ends[0], ends[1]))
    return tuple(found)


def whole_numbers(text: str, flag: str) -> tuple[int, ...]:
    """Return whole numbers between commas."""
    return tuple(_read(int, part, flag) for part in words(text))


def dates(text: str | None, flag: str) -> tuple[date, date] | None:
    """Return two dates written ``2000-01-01:2004-12-31``; None for None."""
    if text is None:
        return None
    parts = text.split(":")
    if len(parts) != 2:
        raise UsageError(
            f"{flag} takes two dates", value=text, allowed="FIRST:LAST, as 2000-01-01:2004-12-31"
        )
    first, last = (_read(date.fromisoformat, part.strip(), flag) for part in parts)
    if first > last:
        raise UsageError(f"{flag} ends before it begins", value=text, allowed="the first day first")
    return first, last


def ages(text: str, flag: str) -> tuple[int, int] | None:
    """Return lowest and highest age written ``15-99``; None for ``all``."""
    if text == "all":
        return None
    parts = text.split("-")
    if len(parts) != 2:
        raise UsageError(f"{flag} takes a range of ages", value=text, allowed="as 15-99, or all")
    low, high = (_read(int, part, flag) for part in parts)
    return low, high


def weights(text: str | None, flag: str) -> str | dict[int, float] | None:
    """Return a name as it is, or weights by first age: ``15:0.07,45:0.12``."""
    if text is None or ":" not in text:
        return text
    pairs = [part.partition(":") for part in words(text)]
    return {_read(int, age, flag): _read(float, weight, flag) for age, _, weight in pairs}


def ratios(given: dict[str, str], flag: str) -> dict[str, float]:
    """Return ratios by group, as ``{"1": 0.9}``."""
    return {group: _read(float, ratio, flag) for group, ratio in given.items()}


def columns(given: Sequence[str]) -> dict[str, str]:
    """Return column names from ``name=column`` pairs, several by commas."""
    pairs = {}
    for pair in (part for text in given for part in words(text)):
        name, sign, column = pair.partition("=")
        if not (name and sign and column):
            raise UsageError("--columns takes pairs", value=pair, allowed="NAME=COLUMN OF THE FILE")
        pairs[name] = column
    return pairs


def columns_of(given: Sequence[str], flag: str) -> dict[str, tuple[str, ...]]:
    """Return columns by name from ``"age and sex=age_group,sex"`` or a column alone, in order."""
    asked: dict[str, tuple[str, ...]] = {}
    for text in given:
        name, sign, named = text.partition("=")
        own = words(named) if sign else words(name)
        if not name.strip() or not own or name.strip() in asked:
            raise UsageError(
                f"{flag} takes names with their columns, each once", value=text,
                allowed='"age and sex=age_group,sex", or stage',
            )  # fmt: skip
        asked[name.strip()] = own
    return asked


def codes(given: Sequence[str]) -> dict[str, dict[str, str] | str]:
    """Return codes from ``sex:1=male,2=female`` or the name of a set, ``vital_status=encr``."""
    maps: dict[str, dict[str, str] | str] = {}
    for text in given:
        field, colon, pairs = text.partition(":")
        if not colon:
            field, sign, name = text.partition("=")
            if not sign:
                raise UsageError(
                    "--codes takes a field and its codes",
                    value=text,
                    allowed="FIELD:CODE=WORD,CODE=WORD or FIELD=SET",
                )
            maps[field] = name
            continue
        known = maps.setdefault(field, {})
        if isinstance(known, str):
            raise UsageError(
                f"--codes names both a set and single codes of {field}",
                value=text,
                allowed="one of the two",
            )
        known |= columns([pairs])
    return maps


def code_maps(given: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return codes as ``codes``, where only single codes will do."""
    maps = {}
    for field, known in codes(given).items():
        if isinstance(known, str):
            raise UsageError(
                "single codes are wanted here",
                value=f"{field}={known}",
                allowed="FIELD:CODE=WORD,CODE=WORD",
            )
        maps[field] = known
    return maps


def chosen(text: str, allowed: Sequence[Name], flag: str) -> tuple[Name, ...]:
    """Return names between commas, each of ``allowed``."""
    names = []
    for word in words(text):
        found = next((name for name in allowed if name == word), None)
        if found is None:
            raise UsageError(f"{flag} has no such choice", value=word, allowed=allowed)
        names.append(found)
    if not names:
        raise UsageError(f"{flag} is empty", allowed=allowed)
    return tuple(names)


def _read(kind: Callable[[str], Value], text: str, flag: str) -> Value:
    names = {float: "a number", int: "a whole number"}
    try:
        return kind(text)
    except ValueError:
        allowed = names.get(kind, "a date as 2000-12-31")  # type: ignore[call-overload]
        raise UsageError(f"{flag} cannot be read", value=text, allowed=allowed) from None
