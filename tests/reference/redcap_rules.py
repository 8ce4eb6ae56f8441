"""What REDCap's upload of a data dictionary refuses, checked without the code that writes one.

Rules after "Creating a Data Dictionary in REDCap" (Vanderbilt University, 2015), the guide that
stands on REDCap's page of the data dictionary: 18 columns in their order; names of small letters,
digits and underscores that begin with a letter, each once; the first field is the record's;
choices as ``code, label | code, label``; ranges only beside a validation; logic over fields that
there are. The longest name (100), the reserved names and the characters of codes are from memory
of REDCap's own messages (M). REDCap itself is not run here.
"""

from __future__ import annotations

import csv
import io
import re
from datetime import date

HEADER = [
    "Variable / Field Name", "Form Name", "Section Header", "Field Type", "Field Label",
    "Choices, Calculations, OR Slider Labels", "Field Note",
    "Text Validation Type OR Show Slider Number", "Text Validation Min", "Text Validation Max",
    "Identifier?", "Branching Logic (Show field only if...)", "Required Field?",
    "Custom Alignment", "Question Number (surveys only)", "Matrix Group Name", "Matrix Ranking?",
    "Field Annotation",
]  # fmt: skip
TYPES = {"text", "notes", "dropdown", "radio", "checkbox", "calc", "yesno", "truefalse", "slider",
         "file", "descriptive", "sql"}  # fmt: skip
CHOOSING = {"dropdown", "radio", "checkbox"}
VALIDATIONS = {"date_ymd", "date_mdy", "date_dmy", "datetime_ymd", "time", "integer", "number",
               "email", "phone", "zipcode"}  # fmt: skip
RESERVED = {"redcap_event_name", "redcap_csrf_token", "redcap_survey_identifier",
            "redcap_survey_timestamp", "redcap_repeat_instrument", "redcap_repeat_instance",
            "redcap_data_access_group", "hidden_edit_flag"}  # fmt: skip
NAME = re.compile(r"[a-z](?:_?[a-z0-9]+)*")
TOKEN = re.compile(
    r"\s*(?:(?P<field>\[[^\]]*\])|(?P<text>'[^']*'|\"[^\"]*\")|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<sign><=|>=|<>|!=|=|<|>)|(?P<word>and|or)\b|(?P<open>\()|(?P<close>\)))",
    re.IGNORECASE,
)


def faults(text: str) -> list[str]:
    """Return what REDCap would not take in a data dictionary; nothing where it takes all."""
    header, *rows = list(csv.reader(io.StringIO(text)))
    if header != HEADER:
        return ["header"]
    found = [f"width of line {k}" for k, row in enumerate(rows, start=2) if len(row) != 18]
    if found:
        return found
    names = [row[0] for row in rows]
    found += [f"double {name}" for name in {n for n in names if names.count(n) > 1}]
    codes = {row[0]: _codes(row) for row in rows}
    if rows[0][3] != "text" or rows[0][11] or rows[0][7] or rows[0][10] == "y":
        found.append("first field")
    forms = [row[1] for row in rows]
    changes = [form for before, form in zip(["", *forms], forms, strict=False) if form != before]
    if len(changes) != len(set(changes)):
        found.append("form in two places")
    for row in rows:
        found += [f"{row[0]}: {fault}" for fault in _of_line(row, codes)]
    return found


def _codes(row: list[str]) -> list[str]:
    if row[3] not in CHOOSING:
        return []
    return [choice.partition(",")[0].strip() for choice in row[5].split("|")]


def _of_line(row: list[str], codes: dict[str, list[str]]) -> list[str]:
    name, form, _, kind, label, choices, _, validation, low, high, identifier = row[:11]
    found = []
    if not NAME.fullmatch(name) or len(name) > 100 or name in RESERVED:
        found.append("name")
    if not NAME.fullmatch(form) or len(form) > 64:
        found.append("form")
    if kind not in TYPES:
        found.append("type")
    if not label:
        found.append("label")
    if (kind in CHOOSING) != bool(choices):
        found.append("choices")
    elif kind in CHOOSING:
        own = codes[name]
        parts = [part.partition(",") for part in choices.split("|")]
        if len(set(own)) != len(own) or not all(re.fullmatch(r"-?\w+(?:\.\w+)?", c) for c in own):
            found.append("codes")
        if not all(comma and said.strip() for _, comma, said in parts):
            found.append("labels of choices")
    if validation and (validation not in VALIDATIONS or kind != "text"):
        found.append("validation")
    found += _range(validation, low, high)
    if identifier not in {"", "y"} or row[12] not in {"", "y"}:
        found.append("flag")
    if row[11]:
        found += _logic(row[11], name, codes)
    return found


def _range(validation: str, low: str, high: str) -> list[str]:
    ends = [end for end in (low, high) if end]
    if ends and not validation:
        return ["range without a validation"]
    try:
        if validation in {"integer", "number"}:
            values = [int(end) if validation == "integer" else float(end) for end in ends]
        else:
            values = [date.fromisoformat(end).toordinal() for end in ends]
    except ValueError:
        return ["range"]
    return ["range"] if values != sorted(values) else []


def _logic(logic: str, name: str, codes: dict[str, list[str]]) -> list[str]:
    """Return what is wrong with branching logic: its grammar, its fields, their codes."""
    tokens, at, found = [], 0, []
    while logic[at:].strip():
        match = TOKEN.match(logic, at)
        if match is None:
            return ["logic: not read"]
        tokens.append((match.lastgroup, match.group(match.lastgroup)))
        at = match.end()
    place = 0

    def peek() -> str | None:
        return tokens[place][0] if place < len(tokens) else None

    def take(*kinds: str) -> str:
        nonlocal place
        if peek() not in kinds:
            raise SyntaxError(str(kinds))
        place += 1
        return tokens[place - 1][1]

    def comparison() -> None:
        if peek() == "open":
            take("open")
            whole()
            take("close")
            return
        field = take("field")[1:-1]
        take("sign")
        value = take("text", "number").strip("'\"")
        if field not in codes:
            found.append(f"logic: no field {field}")
        elif field == name:
            found.append("logic: of itself")
        elif codes[field] and value and value not in codes[field]:
            found.append(f"logic: {field} has no code {value}")

    def whole() -> None:
        comparison()
        while peek() == "word":
            take("word")
            comparison()

    try:
        whole()
        if place < len(tokens):
            raise SyntaxError("more")
    except SyntaxError:
        found.append("logic: grammar")
    return found
