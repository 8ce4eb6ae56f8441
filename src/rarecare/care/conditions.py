"""When a variable of a study kit is asked: ``surgery = 1 and stage in III, IV``.

Comparisons of one variable with codes or with a number, joined by ``and``, and these by ``or``.
A condition is read once and said in each language a kit is written in: polars for the reader,
REDCap's branching logic, JSON Schema, plain words.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import Any, Literal

import polars as pl

from rarecare.errors import CodeError, ColumnError, UsageError

Sign = Literal["=", "!=", ">=", "<=", ">", "<", "in"]
SIGNS: tuple[Sign, ...] = ("=", "!=", ">=", "<=", ">", "<", "in")

_CODE = r"[A-Za-z0-9_.+-]+"
_CLAUSE = re.compile(rf"^([a-z]\w*)\s*(?:(!=|>=|<=|=|>|<)\s*({_CODE})|\s+in\s+(.+))$")
_WORDS: Mapping[str, str] = {
    "=": "is", "!=": "is not", ">=": "is at least", "<=": "is at most",
    ">": "is above", "<": "is below", "in": "is one of",
}  # fmt: skip
_LIMIT: Mapping[str, str] = {
    ">=": "minimum", "<=": "maximum", ">": "exclusiveMinimum", "<": "exclusiveMaximum",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison: a variable, a sign, and the codes (several for ``in``) or the number."""

    variable: str
    sign: Sign
    values: tuple[str, ...]

    @property
    def numeric(self) -> bool:
        """Whether numbers are compared, not codes."""
        return self.sign in _LIMIT

    def expression(self) -> pl.Expr:
        """Return the comparison of a column of codes; unknown (null) stays unknown."""
        column = pl.col(self.variable)
        if self.sign == "in":
            return column.is_in(list(self.values))
        if not self.numeric:
            return column == self.values[0] if self.sign == "=" else column != self.values[0]
        number, limit = column.cast(pl.Float64, strict=False), float(self.values[0])
        compared: Mapping[str, pl.Expr] = {
            ">=": number >= limit, "<=": number <= limit, ">": number > limit, "<": number < limit,
        }  # fmt: skip
        return compared[self.sign]

    def redcap(self) -> str:
        """Return the comparison in REDCap's branching logic."""
        if self.numeric:
            return f"[{self.variable}] {self.sign} {self.values[0]}"
        if self.sign == "!=":
            # a blank compares as different there, and would open the item
            return f"([{self.variable}] <> '' and [{self.variable}] <> '{self.values[0]}')"
        equal = " or ".join(f"[{self.variable}] = '{value}'" for value in self.values)
        return f"({equal})" if len(self.values) > 1 else equal

    def json_schema(self, *, number: bool) -> dict[str, Any]:
        """Return the comparison as a JSON Schema of the record.

        Parameters
        ----------
        number
            Whether the variable is a number in JSON, not a code.
        """
        values: list[Any] = [float(v) if number else v for v in self.values]
        if self.numeric:
            test: dict[str, Any] = {"type": "number", _LIMIT[self.sign]: float(self.values[0])}
        elif self.sign == "!=":
            test = {"not": {"enum": [*values, None]}}
        else:
            test = {"enum": values}
        return {"properties": {self.variable: test}, "required": [self.variable]}

    def plain(self, names: Mapping[str, str], codes: Mapping[str, Mapping[str, str]]) -> str:
        """Return the comparison in words, by the labels of variables and codes."""
        own = codes.get(self.variable, {})
        said = " or ".join(own.get(value, value) for value in self.values)
        return f"{names.get(self.variable, self.variable)} {_WORDS[self.sign]} {said}"


@dataclass(frozen=True, slots=True)
class Condition:
    """Clauses joined by ``and``, and such groups joined by ``or``.

    Attributes
    ----------
    text
        As it stands in the dictionary.
    groups
        One tuple of clauses for each side of an ``or``.
    """

    text: str
    groups: tuple[tuple[Clause, ...], ...]

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables asked about, each once."""
        every = [clause.variable for group in self.groups for clause in group]
        return tuple(dict.fromkeys(every))

    def expression(self) -> pl.Expr:
        """Return the condition over columns of codes: true, false, or null where unknown."""
        sides = [reduce(and_, (c.expression() for c in group)) for group in self.groups]
        return reduce(or_, sides)

    def redcap(self) -> str:
        """Return REDCap's branching logic."""
        sides = [" and ".join(clause.redcap() for clause in group) for group in self.groups]
        if len(sides) == 1:
            return sides[0]
        return " or ".join(f"({side})" if " and " in side else side for side in sides)

    def json_schema(self, numbers: Collection[str]) -> dict[str, Any]:
        """Return the condition as a JSON Schema; ``numbers`` are the variables that are such."""
        sides = []
        for group in self.groups:
            tests = [clause.json_schema(number=clause.variable in numbers) for clause in group]
            sides.append(tests[0] if len(tests) == 1 else {"allOf": tests})
        return sides[0] if len(sides) == 1 else {"anyOf": sides}

    def plain(self, names: Mapping[str, str], codes: Mapping[str, Mapping[str, str]]) -> str:
        """Return the condition in words."""
        sides = [" and ".join(clause.plain(names, codes) for clause in g) for g in self.groups]
        return ", or ".join(sides)

    def to_json(self) -> list[list[list[Any]]]:
        """Return groups of [variable, sign, values], for the script of the form."""
        return [[[c.variable, c.sign, list(c.values)] for c in group] for group in self.groups]


def parse_condition(text: str, *, file: str | None = None, row: int | None = None) -> Condition:
    """Return a condition read from its text.

    Parameters
    ----------
    text
        As ``"surgery = 1 and n_revisions >= 2"`` or ``"stage in III, IV or mdt = 0"``; ``and``
        binds closer than ``or``.
    file, row
        Where it stands, for messages.

    Raises
    ------
    UsageError
        The text is no such condition.

    Examples
    --------
    >>> parse_condition("stage in III, IV or mdt = 0").redcap()
    "([stage] = 'III' or [stage] = 'IV') or [mdt] = '0'"
    """
    groups = []
    for side in re.split(r"\s+or\s+", text.strip()):
        parts = re.split(r"\s+and\s+", side)
        groups.append(tuple(_clause(part, text, file, row) for part in parts))
    return Condition(text.strip(), tuple(groups))


def _clause(part: str, text: str, file: str | None, row: int | None) -> Clause:
    found = _CLAUSE.match(part.strip())
    values: tuple[str, ...] = ()
    sign: Sign = "in"
    if found:
        variable, given, one, many = found.groups()
        sign = next((s for s in SIGNS if s == given), "in")
        values = (one,) if one else tuple(value.strip() for value in many.split(","))
    good = all(re.fullmatch(_CODE, value) for value in values)
    if found and sign in _LIMIT:
        good = bool(re.fullmatch(r"-?\d+(\.\d+)?", values[0]))
    if not found or not good:
        raise UsageError(
            "this is no condition of a study kit", file=file, row=row, column="condition",
            value=part.strip() or text,
            allowed="comparisons such as surgery = 1, margins != R0, n_revisions >= 2, "
            "stage in III, IV, joined by and, or",
        )  # fmt: skip
    return Clause(variable, sign, values)


def check_condition(
    condition: Condition, codes: Mapping[str, Mapping[str, str]], numbers: Collection[str], *,
    file: str | None = None, row: int | None = None,
) -> None:  # fmt: skip
    """Refuse a condition on a variable or a code that the dictionary does not have.

    Parameters
    ----------
    condition
        To be checked.
    codes
        Codes of every variable; none for those without.
    numbers
        Variables that are numbers.

    Raises
    ------
    ColumnError
        There is no such variable.
    CodeError
        There is no such code, or codes are compared as numbers.
    """
    place: dict[str, Any] = {"file": file, "row": row, "column": "condition"}
    for clause in (clause for group in condition.groups for clause in group):
        if clause.variable not in codes:
            raise ColumnError(
                "the condition is on a variable that the dictionary does not have",
                value=clause.variable, allowed=list(codes), **place,
            )  # fmt: skip
        own = codes[clause.variable]
        if clause.numeric and clause.variable not in numbers:
            raise CodeError(
                f"{clause.variable} is no number and has no more or less",
                value=clause.sign, allowed=["=", "!=", "in"], **place,
            )  # fmt: skip
        wrong = [v for v in clause.values if v not in own and clause.variable not in numbers]
        if wrong:
            raise CodeError(
                f"the condition asks for what {clause.variable} cannot be",
                value=wrong[0], allowed=list(own) or "a variable with codes", **place,
            )  # fmt: skip
