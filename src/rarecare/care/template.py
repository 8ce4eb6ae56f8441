"""A study kit as a blank CSV template and as a JSON Schema of one record.

Source: JSON Schema, draft 2020-12 (json-schema.org). A record is an object: codes as text, numbers
as numbers, dates as "YYYY-MM-DD" (a day or month that is unknown left out), blanks left out or
null.
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from rarecare.care.dictionary import NUMBERS, Dictionary, Variable
from rarecare.writing import write_whole

DRAFT = "https://json-schema.org/draft/2020-12/schema"
DATE = r"^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$"
"""A date with its day, without it, or the year alone."""


def blank_template(dictionary: Dictionary) -> str:
    """Return the CSV template of a study: one line, the names of its variables.

    Examples
    --------
    >>> from rarecare.care.dictionary_reading import study_kit
    >>> blank_template(study_kit("core")).split(",")[:4]
    ['registry', 'country', 'patient_id', 'tumour_id']
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(dictionary.names)
    return text.getvalue()


def write_template(dictionary: Dictionary, path: str | Path) -> None:
    """Write the CSV template to a file, whole or not at all.

    Raises
    ------
    UsageError
        The folder does not exist.
    """
    write_whole(path, blank_template(dictionary).encode("utf-8"))


def json_schema(dictionary: Dictionary) -> dict[str, Any]:
    """Return the JSON Schema of one record, draft 2020-12.

    Required variables without a condition are required; those with one are where it holds. The
    order of dates cannot be said in JSON Schema: the reader checks it.
    """
    numbers = dictionary.numbers
    always = [v.name for v in dictionary.variables if v.need == "required" and not v.condition]
    rules: list[dict[str, Any]] = []
    for each in dictionary.variables:
        if each.condition is None:
            continue
        holds = each.condition.json_schema(numbers)
        if each.need == "required":
            given = {"properties": {each.name: {"not": {"const": None}}}, "required": [each.name]}
            rules.append({"if": holds, "then": given})
        known = {
            "properties": {name: {"not": {"const": None}} for name in each.condition.variables},
            "required": list(each.condition.variables),
        }
        blank = {"properties": {each.name: {"enum": [None, *_unknown(each)]}}}
        rules.append({"if": {"allOf": [known, {"not": holds}]}, "then": blank})
    return {
        "$schema": DRAFT,
        "$id": f"urn:rarecare:kit:{dictionary.kit}:{dictionary.version}",
        "title": dictionary.title,
        "type": "object",
        "properties": {each.name: _property(each) for each in dictionary.variables},
        "required": always,
        "additionalProperties": False,
        "allOf": rules,
    }


def json_schema_text(dictionary: Dictionary) -> str:
    """Return the JSON Schema as text."""
    return json.dumps(json_schema(dictionary), indent=2, ensure_ascii=False) + "\n"


def _property(each: Variable) -> dict[str, Any]:
    said = [part for part in (each.unit, each.note) if part]
    about = {"title": each.label} | ({"description": "; ".join(said)} if said else {})
    blank = [] if each.need == "required" and each.condition is None else [{"type": "null"}]
    return about | {"anyOf": [*_values(each), *blank]}


def _values(each: Variable) -> list[dict[str, Any]]:
    """Return the schemas of what a variable can be, apart from blank."""
    if each.type == "text":
        return [{"type": "string", "minLength": 1}]
    if each.type == "date":
        return [{"type": "string", "pattern": DATE}]
    if each.type in NUMBERS:
        number: dict[str, Any] = {"type": "integer" if each.type == "integer" else "number"}
        for key, end in (("minimum", each.minimum), ("maximum", each.maximum)):
            if end is not None:
                number[key] = end
        return [number, *({"const": float(c), "title": said} for c, said in each.codes.items())]
    return [{"const": code, "title": said} for code, said in each.codes.items()]


def _unknown(each: Variable) -> list[Any]:
    if each.type in NUMBERS:
        return [float(code) for code in each.unknown]
    return list(each.unknown)
