"""A study kit as REDCap's data dictionary, the CSV file that REDCap imports.

Source: REDCap's data dictionary format, 18 columns in a fixed order; choices as
``"1, yes | 0, no"``; dates ``date_ymd``; branching logic as ``[surgery] = '1'``. REDCap knows whole
dates only, so a date with an unknown day is entered by the kit's rule (the 15th, 1 July).
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from rarecare.care.dictionary import Dictionary, Variable
from rarecare.errors import UsageError
from rarecare.writing import write_whole

COLUMNS = (
    "Variable / Field Name",
    "Form Name",
    "Section Header",
    "Field Type",
    "Field Label",
    "Choices, Calculations, OR Slider Labels",
    "Field Note",
    "Text Validation Type OR Show Slider Number",
    "Text Validation Min",
    "Text Validation Max",
    "Identifier?",
    "Branching Logic (Show field only if...)",
    "Required Field?",
    "Custom Alignment",
    "Question Number (surveys only)",
    "Matrix Group Name",
    "Matrix Ranking?",
    "Field Annotation",
)
"""The columns of REDCap's data dictionary, in their order."""

RECORD = "record_id"
"""The first field of a REDCap project, which numbers its records."""

_IDENTIFIERS = ("patient_id", "tumour_id", "birth_date")
_RADIO = 6  # more choices than this go into a list
_VALIDATION = {"date": "date_ymd", "integer": "integer", "number": "number"}


def redcap_rows(dictionary: Dictionary) -> list[dict[str, str]]:
    """Return the lines of REDCap's data dictionary, columns as ``COLUMNS``.

    Each section is a form of its own, its name the section's in small letters. A number whose
    unknown has a code outside its range (99) has no upper limit in REDCap, which knows one range;
    the reader of the data checks it.

    Raises
    ------
    UsageError
        A variable has REDCap's own name ``record_id``.
    """
    if RECORD in dictionary.names:
        raise UsageError(
            "a variable has the name that REDCap numbers its records by", value=RECORD,
            remedy="Give it another name.",
        )  # fmt: skip
    sections = dictionary.sections
    first = _form(next(iter(sections)))
    rows = [_blank() | {
        COLUMNS[0]: RECORD, COLUMNS[1]: first, COLUMNS[3]: "text", COLUMNS[4]: "Record",
    }]  # fmt: skip
    for section, variables in sections.items():
        for place, each in enumerate(variables):
            rows.append(_row(each, _form(section), section if place == 0 else ""))
    return rows


def redcap_csv(dictionary: Dictionary) -> str:
    """Return REDCap's data dictionary as the text of its CSV file.

    Examples
    --------
    >>> from rarecare.care.dictionary_reading import study_kit
    >>> lines = redcap_csv(study_kit("core")).splitlines()
    >>> next(line for line in lines if line.startswith("margins,")).split(",")[:4]
    ['margins', 'treatment', '', 'radio']
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(redcap_rows(dictionary))
    return text.getvalue()


def write_redcap(dictionary: Dictionary, path: str | Path) -> None:
    """Write REDCap's data dictionary to a file, whole or not at all.

    Raises
    ------
    UsageError
        The folder does not exist, or a variable is called ``record_id``.
    """
    write_whole(path, redcap_csv(dictionary).encode("utf-8"))


def _blank() -> dict[str, str]:
    return dict.fromkeys(COLUMNS, "")


def _form(section: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "_", section.lower()).strip("_")
    return name if name[:1].isalpha() else f"form_{name}"


def _row(each: Variable, form: str, header: str) -> dict[str, str]:
    choice = each.type in ("code", "yesno")
    field = "text" if not choice else "dropdown" if len(each.codes) > _RADIO else "radio"
    low, high = _limits(each)
    notes = [each.unit, "" if choice else "; ".join(f"{c} = {s}" for c, s in each.codes.items())]
    if each.type == "date":
        notes.append("unknown day: the 15th; unknown month: 1 July")
    return {
        COLUMNS[0]: each.name,
        COLUMNS[1]: form,
        COLUMNS[2]: header,
        COLUMNS[3]: field,
        COLUMNS[4]: each.label,
        COLUMNS[5]: " | ".join(f"{c}, {said}" for c, said in each.codes.items()) if choice else "",
        COLUMNS[6]: "; ".join(note for note in [*notes, each.note] if note),
        COLUMNS[7]: _VALIDATION.get(each.type, ""),
        COLUMNS[8]: low,
        COLUMNS[9]: high,
        COLUMNS[10]: "y" if each.name in _IDENTIFIERS else "",
        COLUMNS[11]: each.condition.redcap() if each.condition else "",
        COLUMNS[12]: "y" if each.need == "required" else "",
        **dict.fromkeys(COLUMNS[13:], ""),
    }


def _limits(each: Variable) -> tuple[str, str]:
    """Return REDCap's range of a number, wide enough for the codes that stand beside it."""
    ends = [None if end is None else f"{end:.15g}" for end in (each.minimum, each.maximum)]
    codes = [float(code) for code in each.codes if re.fullmatch(r"-?\d+", code)]
    low = ends[0] if each.minimum is None or all(c >= each.minimum for c in codes) else None
    high = ends[1] if each.maximum is None or all(c <= each.maximum for c in codes) else None
    return (low or "", high or "") if each.type in ("integer", "number") else ("", "")
