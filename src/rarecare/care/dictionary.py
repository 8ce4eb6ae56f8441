"""The data dictionary of a high-resolution study: its variables, as data.

A study kit is the core table and the table of its cancer, CSV files in ``kits/``. Its items are
those of the RARECAREnet poster, of the published sets for testis and GEP-NET, of the IDEA4RC data
model, and a few of our own that an indicator needs; each row says which, and how sure it is.
Everything else of a kit (REDCap, template, JSON Schema, form, documentation, reader) is made from
the dictionary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import polars as pl

from rarecare.care.conditions import Condition
from rarecare.errors import UsageError

Type = Literal["date", "integer", "number", "code", "text", "yesno"]
Need = Literal["required", "recommended", "optional"]
TYPES: tuple[Type, ...] = get_args(Type)
NEEDS: tuple[Need, ...] = get_args(Need)
NUMBERS = ("integer", "number")

GRADES: Mapping[str, str] = {
    "P": "named by the RARECAREnet poster",
    "A": "RARECAREnet paper, abstract",
    "X": "another published source, read",
    "D": "own definition or coding, to be reviewed by a clinician",
    "M": "from memory, unchecked",
}
"""How sure an item is, by its letter."""

COLUMNS = (
    *("variable", "section", "label", "type", "unit", "codes", "required", "condition"),
    *("minimum", "maximum", "not_before", "event", "mapping", "grade", "source", "note"),
)
"""Columns of a table of variables."""

IDS = ("registry", "patient_id", "tumour_id")
"""What tells one record from another; a dictionary has all three."""

NO_EVENT = "none"
EVENT_PARTS = ("hospital", "value", "kind", "constant", "number")


@dataclass(frozen=True, slots=True)
class EventRule:
    """Which event a date is.

    Attributes
    ----------
    event
        A word of ``rarecare.registry.events.EVENTS``; None where ``kind`` alone tells.
    hospital, value
        Variables that hold the event's hospital and value.
    kind
        Variable whose codes name the event, where they are such words.
    constant
        The event's value, where it is always the same.
    number
        Which of several events of its kind it is; those of one number are one event told twice.
    """

    event: str | None
    hospital: str | None = None
    value: str | None = None
    kind: str | None = None
    constant: str | None = None
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Variable:
    """One item of a study.

    Attributes
    ----------
    name, label, section
        Column name, what it says, and the part of the form it stands in.
    type
        ``date``, ``integer``, ``number``, ``code`` (one of ``codes``), ``text``, ``yesno``
        (0 no, 1 yes, 9 unknown).
    unit
        Unit of a number.
    codes
        Codes and their meanings. Those of a number stand beside its range (99 unknown).
    need
        ``required``, ``recommended`` or ``optional``, where ``condition`` holds.
    condition
        When it is asked; None: always.
    minimum, maximum
        Range of a number, both ends within it.
    not_before
        Dates that come before this one or on the same day.
    event
        Which event the date is.
    mapping
        Names in other models (IDEA4RC), joined by " + ".
    grade, source, note
        How sure the item is (``GRADES``), where it is from, and what else to know.
    """

    name: str
    label: str
    section: str
    type: Type
    unit: str = ""
    codes: Mapping[str, str] = field(default_factory=dict)
    need: Need = "optional"
    condition: Condition | None = None
    minimum: float | None = None
    maximum: float | None = None
    not_before: tuple[str, ...] = ()
    event: EventRule | None = None
    mapping: str = ""
    grade: str = "D"
    source: str = ""
    note: str = ""

    @property
    def unknown(self) -> tuple[str, ...]:
        """The codes that mean unknown: their meaning begins with that word."""
        return tuple(c for c, said in self.codes.items() if said.lower().startswith("unknown"))

    @property
    def allowed(self) -> str:
        """What the variable may hold, for messages."""
        if self.type in ("code", "yesno"):
            return ", ".join(f"{c} ({said})" if said != c else c for c, said in self.codes.items())
        if self.type == "date":
            return "YYYY-MM-DD, an unknown day or month left out"
        if self.type == "text":
            return "text"
        low = "" if self.minimum is None else f" from {self.minimum:g}"
        high = "" if self.maximum is None else f" to {self.maximum:g}"
        kind = "whole numbers" if self.type == "integer" else "numbers"
        special = "".join(f", or {code} ({said})" for code, said in self.codes.items())
        return f"{kind}{low}{high}{special}"


@dataclass(frozen=True, slots=True)
class Dictionary:
    """The variables of a study, in their order.

    Attributes
    ----------
    kit, title, version
        Name, what it is for, and version, as "1.0.0".
    variables
        In the order they are asked.
    sha256
        Hash of the tables they came from.
    """

    kit: str
    title: str
    version: str
    variables: tuple[Variable, ...]
    sha256: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the variables."""
        return tuple(each.name for each in self.variables)

    @property
    def sections(self) -> Mapping[str, tuple[Variable, ...]]:
        """The variables of each section, sections in their first order."""
        found: dict[str, list[Variable]] = {}
        for each in self.variables:
            found.setdefault(each.section, []).append(each)
        return {name: tuple(own) for name, own in found.items()}

    @property
    def numbers(self) -> frozenset[str]:
        """Names of the variables that are numbers."""
        return frozenset(each.name for each in self.variables if each.type in NUMBERS)

    def __getitem__(self, name: str) -> Variable:
        for each in self.variables:
            if each.name == name:
                return each
        raise UsageError(
            f"the kit {self.kit} has no such variable", value=name, allowed=list(self.names)
        )

    def date_pairs(self) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        """Return the pairs of dates that have an order: earlier, later, those between them.

        Source: the pathway, birth, diagnosis, pathological confirmation, first treatment,
        adjuvant treatment, last follow-up. A pair stands for itself only where the dates between
        are unknown: otherwise one of those is out of order.
        """
        before = all_before(self.variables)
        return tuple(
            (early, late, tuple(n for n in self.names if n in before[late] and early in before[n]))
            for late in self.names
            for early in self.names
            if early in before[late]
        )

    def table(self) -> pl.DataFrame:
        """Return the dictionary as a table, one row per variable; columns as ``COLUMNS``."""
        return pl.DataFrame(
            [_row(each) for each in self.variables], schema=dict.fromkeys(COLUMNS, pl.String)
        )


def differences(old: Dictionary, new: Dictionary) -> pl.DataFrame:
    """Return what changed from one dictionary to another.

    Returns
    -------
    polars.DataFrame
        ``variable``, ``change`` ("added", "removed", "changed"), ``column``, ``old``, ``new``.
    """
    before = {row["variable"]: row for row in old.table().to_dicts()}
    after = {row["variable"]: row for row in new.table().to_dicts()}
    rows: list[tuple[str, str, str | None, str | None, str | None]] = []
    for name in [*before, *(n for n in after if n not in before)]:
        if name not in after or name not in before:
            rows.append((name, "removed" if name in before else "added", None, None, None))
            continue
        rows += [
            (name, "changed", c, before[name][c], after[name][c])
            for c in COLUMNS
            if before[name][c] != after[name][c]
        ]
    columns = ("variable", "change", "column", "old", "new")
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")


def all_before(variables: Sequence[Variable]) -> Mapping[str, frozenset[str]]:
    """Return, for each variable, all dates that come before it, by any way."""
    found = {each.name: frozenset(each.not_before) for each in variables}
    while True:
        wider = {
            name: before.union(*(found.get(one, frozenset()) for one in before))
            for name, before in found.items()
        }
        if wider == found:
            return found
        found = wider


def _row(each: Variable) -> dict[str, str]:
    """Return a variable as a line of its table."""
    rule = each.event
    parts = [] if rule is None else [
        rule.event or NO_EVENT,
        *(f"{part} {getattr(rule, part)}" for part in EVENT_PARTS if getattr(rule, part)),
    ]  # fmt: skip
    return {
        "variable": each.name, "section": each.section, "label": each.label, "type": each.type,
        "unit": each.unit, "codes": ";".join(f"{c}={said}" for c, said in each.codes.items()),
        "required": each.need, "condition": each.condition.text if each.condition else "",
        "minimum": "" if each.minimum is None else f"{each.minimum:.15g}",
        "maximum": "" if each.maximum is None else f"{each.maximum:.15g}",
        "not_before": ", ".join(each.not_before), "event": "; ".join(parts),
        "mapping": each.mapping, "grade": each.grade, "source": each.source, "note": each.note,
    }  # fmt: skip
