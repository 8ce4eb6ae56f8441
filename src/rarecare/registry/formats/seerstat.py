"""A case listing exported from SEER*Stat: records in a .txt file, what they are in a .dic file.

The .dic file is divided into sections such as ``[Variables]`` with ``Var1Name=Sex`` and
``[Export Options]`` with ``Field delimiter=tab`` and ``Variable names included=false`` (read in
public sources). From memory, not re-read: labels of codes in sections ``[Format=Sex]``, the names
of SEER's variables, and that survival months are completed months.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from rarecare.errors import ColumnError, FileError
from rarecare.files import RawTable
from rarecare.registry.formats.format import Format, Made
from rarecare.registry.formats.layouts import DAYS_PER_MONTH

_DELIMITERS = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
_VARIABLE = re.compile(r"^Var(\d+)Name=(.+)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Dictionary:
    """What a .dic file says of its records.

    Attributes
    ----------
    names
        The variables in their order.
    delimiter
        What stands between them.
    header
        Whether the first line of the records holds the names.
    missing
        What stands for a missing value.
    labels
        Variable -> code -> label.
    """

    names: tuple[str, ...]
    delimiter: str
    header: bool
    missing: str
    labels: Mapping[str, Mapping[str, str]]


def read_dictionary(path: Path) -> Dictionary:
    """Return what a .dic file says.

    Raises
    ------
    FileError
        The file is missing, not text, or names no variables or no delimiter that is known.
    ColumnError
        Two variables have one name.
    """
    if not path.is_file():
        raise FileError("there is no such dictionary", value=path.name, allowed="a .dic file")
    text = path.read_bytes().decode("utf-8-sig", errors="replace")
    section, names = "", {}
    options: dict[str, str] = {}
    labels: dict[str, dict[str, str]] = {}
    for line in text.splitlines():
        if head := re.fullmatch(r"\[(.+)\]", line.strip()):
            section = head[1]
            continue
        if variable := _VARIABLE.match(line.strip()):
            names[int(variable[1])] = variable[2].strip().strip('"')
            continue
        key, found, value = line.partition("=")
        if found and section.lower().startswith("format="):
            labels.setdefault(section[7:].strip(), {})[key.strip()] = value.strip().strip('"')
        elif found:
            options[key.strip().lower()] = value.strip().strip('"')
    if not names:
        raise FileError(
            "the dictionary names no variables",
            file=path.name,
            allowed="lines such as Var1Name=Sex",
            remedy="Export the case listing again, with its dictionary.",
        )
    delimiter = _DELIMITERS.get(options.get("field delimiter", "").lower())
    if delimiter is None:
        raise FileError(
            "the dictionary names no delimiter that is known",
            file=path.name,
            value=options.get("field delimiter"),
            allowed=list(_DELIMITERS),
        )
    ordered = tuple(names[number] for number in sorted(names))
    if len(set(ordered)) < len(ordered):
        double = next(name for name in ordered if ordered.count(name) > 1)
        raise ColumnError("two variables have one name", file=path.name, value=double)
    missing = {"period": ".", "space": ""}.get(
        options.get("missing character", ".").lower(), options.get("missing character", ".")
    )
    header = options.get("variable names included", "false").lower() == "true"
    return Dictionary(ordered, delimiter, header, missing, labels)


def labelled(frame: pl.DataFrame, dictionary: Dictionary) -> pl.DataFrame:
    """Return the frame with labels in place of codes, and missing values null."""
    columns = []
    for name in frame.columns:
        labels = {str(code): label for code, label in dictionary.labels.get(name, {}).items()}
        values = (
            frame[name].replace(dictionary.missing, None) if dictionary.missing else frame[name]
        )
        columns.append(values.replace(labels) if labels else values)
    return pl.DataFrame(columns)


def _seer(raw: RawTable, taken: frozenset[str], coded: frozenset[str]) -> Made:  # noqa: ARG001
    """Return our columns from SEER's, whose values are labels such as ``63 years``."""
    frame = raw.frame
    lower = {name.lower(): name for name in frame.columns}
    made, notes = [], []

    def found(*names: str) -> pl.Series | None:
        return next((frame[lower[name]] for name in names if name in lower), None)

    age = found("age recode with single ages and 85+", "age recode with single ages and 90+",
                "age recode with single ages and 100+", "age at diagnosis")  # fmt: skip
    if age is not None and "age" not in taken:
        made.append(age.str.replace(r"^0*(\d{1,3}) years?$", "${1}").alias("age"))
    site = found("primary site - labeled", "primary site")
    if site is not None and "topography" not in taken:
        made.append(site.str.replace(r"^(C?\d\d\.?\d)[ -].*$", "${1}").alias("topography"))
    histology = found("histologic type icd-o-3", "histology icd-o-3")
    if histology is not None and "morphology" not in taken:
        made.append(histology.str.replace(r"^(\d{4})[:/ -].*$", "${1}").alias("morphology"))
    year = found("year of diagnosis")
    month = found("month of diagnosis", "month of diagnosis recode")
    if year is not None and "incidence_date" not in taken:
        known = (
            _month_numbers(month) if month is not None else pl.repeat("99", len(year), eager=True)
        )
        made.append((year + "-" + known + "-99").alias("incidence_date"))
        if month is None:
            notes.append("dates of diagnosis have no month: the listing has the year alone")
    months = found("survival months")
    if months is not None and not taken & {"last_date", "follow_up_days"}:
        number = months.str.extract(r"^0*(\d{1,4})(?: months?)?$").cast(pl.Float64, strict=False)
        unknown = number.is_null() | (number == 9999)
        days = ((number + 0.5) * DAYS_PER_MONTH).round().cast(pl.Int32).cast(pl.String)
        kept = months.replace({"9999": "unknown", "Unknown": "unknown"})
        made.append(days.zip_with(~unknown, kept).alias("follow_up_days"))
        notes.append(
            f"follow-up in days is (survival months + 0.5) x {DAYS_PER_MONTH}: SEER gives "
            "completed months"
        )
    return Made(columns=tuple(made), notes=tuple(notes))


def _month_numbers(months: pl.Series) -> pl.Series:
    names = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
    numbers = {name: f"{number:02}" for number, name in enumerate(names, start=1)}
    text = months.str.to_lowercase().str.slice(0, 3)
    return text.replace(numbers).str.zfill(2).fill_null("99").replace({"unk": "99", "bla": "99"})


SEERSTAT = Format(
    "seerstat",
    "SEER*Stat case listing (.dic and .txt)",
    {
        "patient_id": ("patient id",),
        "behaviour": ("behavior code icd-o-3", "behavior recode for analysis"),
        "vital_status": (
            "vital status recode (study cutoff used)",
            "vital status recode",
            "vital status",
        ),
        "region": ("seer registry", "registry"),
    },
    {
        "vital_status": {"Alive": "alive", "Dead": "dead"},
        "behaviour": {
            **{"Benign": "0", "Borderline malignancy": "1", "In situ": "2", "Malignant": "3"},
            **{"0": "0", "1": "1", "2": "2", "3": "3"},
        },
    },
    (),
    "SEER*Stat export",
    "A for the .dic's variables, delimiter and header; the rest: C",
    _seer,
)
