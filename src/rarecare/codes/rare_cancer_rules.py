"""Rules of a rare-cancer list: from text to a table of the whole code space, all checked.

A rule gives an entity the codes of ICD-O-3 sites × histologies × behaviours, for one sex or
both: ``C40.0-C40.9;C41.9``, ``9180-9200``, ``3``. Within a tier no two rules share a code, so
the order of rows never matters; a rule for one sex comes before those for both. Every tier 2
lies inside the tier 1 it belongs to.

A range of histologies takes what ICD-O-3 has between its ends. Behaviours are combined freely
with histologies, as ICD-O-3's matrix rule (rule F) allows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.codes.icdo3 import behaviour_numbers, histology_numbers, site_numbers
from rarecare.errors import ClassificationError, ColumnError

ENTITY_COLUMNS = ("entity_id", "parent_id", "family", "tier", "name", "rare", "codes_confidence")
RULE_COLUMNS = ("entity_id", "topography", "morphology", "behaviour", "sex")
CONFIDENCES = ("official", "derived", "uncertain")
SEXES = ("male", "female")
Check = tuple[str, pl.Expr, str, str | tuple[str, ...] | list[str]]
"""Column, rows that break the check, problem, what is allowed."""

_PART = {"topography": r"C\d\d\.\d", "morphology": r"\d{4}", "behaviour": r"\d"}


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the rules.

    Attributes
    ----------
    line
        Its line in the file; the header is line 1.
    entity_id, sex
        Whom it belongs to; ``sex`` is None for both.
    sites, histologies, behaviours
        Positions in the ICD-O-3 tables, int64, shapes (n_sites,), (n_histologies,),
        (n_behaviours,).
    """

    line: int
    entity_id: str
    sex: str | None
    sites: NDArray[np.int64]
    histologies: NDArray[np.int64]
    behaviours: NDArray[np.int64]

    @property
    def cells(self) -> tuple[NDArray[np.int64], ...]:
        """Index of its codes in an array of sites × histologies × behaviours."""
        return np.ix_(self.sites, self.histologies, self.behaviours)


def check_entities(frame: pl.DataFrame, *, file: str) -> pl.DataFrame:
    """Return the entities with their types; ``line`` is the line in the file.

    Raises
    ------
    ColumnError, ClassificationError
        A column is missing, an id occurs twice, a parent is unknown, a value is no code.
    """
    entities = _need(frame, ENTITY_COLUMNS, file)
    is_top = pl.col("tier") == "1"
    tops = entities.filter(is_top)["entity_id"].drop_nulls()
    empty, twice = "the cell is empty", "the entity occurs twice"
    checks: list[Check] = [
        *((c, pl.col(c).is_null(), empty, "a value") for c in ("entity_id", "family", "name")),
        _among("tier", ("1", "2")),
        _among("rare", ("true", "false")),
        _among("codes_confidence", CONFIDENCES),
        ("entity_id", ~pl.col("entity_id").is_first_distinct(), twice, "one row for each"),
        ("parent_id", is_top & pl.col("parent_id").is_not_null(), "a tier 1 has a parent", "none"),
        (
            "parent_id",
            ~is_top & ~pl.col("parent_id").is_in(tops.implode()).fill_null(value=False),
            "the parent is not a tier 1 of the list",
            list(tops),
        ),
    ]
    _refuse(entities, checks, file)
    return entities.with_columns(pl.col("tier").cast(pl.Int8), pl.col("rare") == "true")


def read_rules(frame: pl.DataFrame, entities: pl.DataFrame, *, file: str) -> list[Rule]:
    """Return the rules with their codes expanded.

    Raises
    ------
    ColumnError, ClassificationError
        A column is missing, an entity or a code is unknown, an entity has no rule.
    """
    rows = _need(frame, RULE_COLUMNS, file)
    known = entities["entity_id"]
    sex, is_bad, problem, sexes = _among("sex", SEXES)
    checks: list[Check] = [
        (
            "entity_id",
            ~pl.col("entity_id").is_in(known.implode()).fill_null(value=False),
            "the rule's entity is not in the list",
            list(known),
        ),
        (sex, is_bad & pl.col("sex").is_not_null(), problem, sexes),
    ]
    _refuse(rows, checks, file)
    without = known.filter(~known.is_in(rows["entity_id"].implode()))
    if len(without):
        raise ClassificationError(
            "an entity has no rule",
            file=file,
            value=without[0],
            allowed="at least one row for each entity",
            remedy=f"Add rows for {len(without)} entities, or remove them.",
        )
    sites = site_numbers()
    histologies = {str(code): i for code, i in histology_numbers().items()}
    behaviours = {str(code): i for code, i in behaviour_numbers().items()}
    return [
        Rule(
            line=row["line"],
            entity_id=row["entity_id"],
            sex=row["sex"],
            sites=_expand(row, "topography", sites, file),
            histologies=_expand(row, "morphology", histologies, file),
            behaviours=_expand(row, "behaviour", behaviours, file),
        )
        for row in rows.iter_rows(named=True)
    ]


def deciding_rules(rules: list[Rule], entities: pl.DataFrame, *, file: str) -> NDArray[np.int16]:
    """Return which rule decides each code: its position in ``rules``, or -1.

    Returns
    -------
    array
        int16, shape (2 tiers, 2 sexes, n_sites, n_histologies, n_behaviours); the sexes
        are male and female.

    Raises
    ------
    ClassificationError
        Two rules of a tier share a code, or a tier 2 leaves its tier 1.
    """
    shape = (len(site_numbers()), len(histology_numbers()), len(behaviour_numbers()))
    both = np.full((2, *shape), -1, np.int16)
    of_sex = np.full((2, 2, *shape), -1, np.int16)
    facts = {row["entity_id"]: row for row in entities.iter_rows(named=True)}
    for number, rule in enumerate(rules):
        tier = facts[rule.entity_id]["tier"] - 1
        target = both[tier] if rule.sex is None else of_sex[tier, SEXES.index(rule.sex)]
        taken = target[rule.cells]
        if (taken >= 0).any():
            first = tuple(axis[0] for axis in np.nonzero(taken >= 0))
            raise _overlap(rules[taken[first]], rule, first, file)
        target[rule.cells] = number
    decided = np.where(of_sex >= 0, of_sex, both[:, None])
    _refuse_strays(decided, rules, facts, file)
    return decided


def code_text(site: int, histology: int, behaviour: int) -> str:
    """Return the codes at these positions, as ``"C40.2 9180/3"``."""
    sites, histologies = list(site_numbers()), list(histology_numbers())
    return f"{sites[site]} {histologies[histology]}/{list(behaviour_numbers())[behaviour]}"


def _refuse_strays(
    decided: NDArray[np.int16],
    rules: list[Rule],
    facts: dict[str, dict[str, str]],
    file: str,
) -> None:
    """Refuse a tier 2 that takes a code its tier 1 does not."""
    number = {entity: i for i, entity in enumerate(facts)}
    # one entry more than rules: position -1 is "no rule"
    own = np.array([*(number[rule.entity_id] for rule in rules), -1], np.int16)
    parents = (facts[rule.entity_id]["parent_id"] for rule in rules)
    parent = np.array([*(number.get(parent, -1) for parent in parents), -1], np.int16)
    stray = (decided[1] >= 0) & (own[decided[0]] != parent[decided[1]])
    if not stray.any():
        return
    where = tuple(int(axis[0]) for axis in np.nonzero(stray))
    rule = rules[decided[1][where]]
    raise ClassificationError(
        f"a tier 2 takes a code that is not of its tier 1 ({facts[rule.entity_id]['parent_id']})",
        file=file,
        row=rule.line,
        value=f"{rule.entity_id} takes {code_text(*where[1:])}",
        allowed="codes of its tier 1",
        remedy="Give the code to the tier 1 too, or take it from the tier 2.",
    )


def _overlap(one: Rule, other: Rule, cell: tuple[int, ...], file: str) -> ClassificationError:
    codes = (int(axis[i]) for axis, i in zip(_axes(other), cell, strict=True))
    return ClassificationError(
        f"lines {one.line} ({one.entity_id}) and {other.line} ({other.entity_id}) "
        "take the same code",
        file=file,
        value=code_text(*codes),
        allowed="a code in one rule of each tier",
        remedy="Take it from one of them.",
    )


def _axes(rule: Rule) -> tuple[NDArray[np.int64], ...]:
    return rule.sites, rule.histologies, rule.behaviours


def _expand(
    row: dict[str, str], column: str, known: dict[str, int], file: str
) -> NDArray[np.int64]:
    """Return the positions of the codes that a cell names, ascending."""

    def wrong(problem: str, value: object) -> ClassificationError:
        return ClassificationError(
            problem,
            file=file,
            row=int(row["line"]),
            column=column,
            value=value,
            allowed=list(known),
            remedy="Write codes and ranges with ; between them.",
        )

    found: set[int] = set()
    for part in (row[column] or "").split(";"):
        ends = part.strip().split("-")
        if len(ends) > 2 or not all(re.fullmatch(_PART[column], end) for end in ends):
            raise wrong(f"the {column} is not written as codes and ranges", part)
        first, last = ends[0], ends[-1]
        inside = {i for code, i in known.items() if first <= code <= last}
        if not inside:
            raise wrong(f"the {column} is not in ICD-O-3", part)
        found |= inside
    return np.array(sorted(found), np.int64)


def _need(frame: pl.DataFrame, columns: tuple[str, ...], file: str) -> pl.DataFrame:
    for column in columns:
        if column not in frame.columns:
            raise ColumnError(
                f"the list lacks the column {column}",
                file=file,
                value=", ".join(frame.columns),
                allowed=columns,
            )
    return frame.with_row_index("line", offset=2)


def _among(column: str, allowed: tuple[str, ...]) -> Check:
    bad = ~pl.col(column).is_in(allowed).fill_null(value=False)
    return column, bad, f"the {column} is not a known one", allowed


def _refuse(frame: pl.DataFrame, checks: list[Check], file: str) -> None:
    for column, bad, problem, allowed in checks:
        found = frame.filter(bad)
        if found.height:
            raise ClassificationError(
                problem,
                file=file,
                row=found["line"][0],
                column=column,
                value=found[column][0] or "",
                allowed=allowed,
            )
