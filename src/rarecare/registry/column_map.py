"""Which column of a file is which canonical column, and what its codes mean."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from rarecare.errors import ColumnError, FileError, UsageError, nearest
from rarecare.registry.cases import BY_NAME

DERIVED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "age": (("age_days",), ("age_years",), ("birth_date", "incidence_date")),
    "age_days": (("age",), ("age_years",), ("birth_date", "incidence_date")),
    "behaviour": (("morphology",),),
    "follow_up_days": (("incidence_date", "last_date"),),
    "last_date": (("incidence_date", "follow_up_days"),),
}
"""From which other columns a canonical column can be had."""

_NEAR = 0.85  # "incidence_dat" is a slip of the pen, "stage_tnm" a name of its own


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """The arguments ``columns`` and ``codes`` of ``read_cases``, as kept in a file."""

    columns: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, Mapping[str, str] | str] = field(default_factory=dict)


def read_column_map(path: str | Path) -> ColumnMap:
    """Return a column map from a TOML file with the tables ``columns`` and ``codes``.

    ``[columns]`` holds ``canonical = "column of the file"``; ``[codes.sex]`` holds
    ``"code of the file" = "male"``; ``[codes]`` may name a set: ``vital_status = "encr"``.

    Raises
    ------
    FileError
        The file is missing or not TOML.
    UsageError
        A table has another name, or a value is not text.
    """
    path = Path(path)
    if not path.is_file():
        raise FileError("there is no such file", value=str(path), allowed="a column map in TOML")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FileError(
            f"the column map is not TOML ({error})",
            file=path.name,
            remedy='Write [columns] and [codes.FIELD] with lines such as sex = "geslacht".',
        ) from None
    tables = ("columns", "codes")
    for key, table in content.items():
        if key not in tables:
            raise UsageError(
                "the column map has an unknown table", file=path.name, value=key, allowed=tables
            )
        if not isinstance(table, dict):
            raise UsageError(
                f"{key} is not a table", file=path.name, value=table, allowed=f"[{key}]"
            )
    codes = content.get("codes", {})
    _check_code_fields(codes, path.name)
    for name, table in {"columns": content.get("columns", {}), **codes}.items():
        _check_text(table, name, path.name)
    return ColumnMap(content.get("columns", {}), codes)


def _check_text(table: Any, name: str, file: str) -> None:
    entries = table.items() if isinstance(table, dict) else [(name, table)]
    for key, value in entries:
        if not isinstance(value, str):
            raise UsageError(
                f"{name}: {key} is not text",
                file=file,
                value=value,
                allowed="text in quotation marks",
                remedy=f'Write {key} = "{value}".',
            )


def _check_code_fields(codes: Collection[str], file: str | None = None) -> None:
    for name in codes:
        if name not in BY_NAME:
            raise UsageError(
                "codes are given for what is not a canonical column",
                file=file,
                value=name,
                allowed=list(BY_NAME),
            )


def match_columns(
    present: list[str],
    *,
    columns: Mapping[str, str],
    codes: Collection[str],
    file: str,
) -> dict[str, str]:
    """Return the file's column for each name of the case table.

    A canonical column not in ``columns`` is the file's column of that name, whatever its
    case. Columns that are neither mapped nor canonical keep their names.

    Raises
    ------
    ColumnError
        The map names a column the file does not have, or two columns claim one name.
    UsageError
        A name in ``columns`` or ``codes`` is a slip for a canonical one.
    """
    _check_code_fields(codes)
    for name, column in columns.items():
        if name not in BY_NAME and get_close_matches(name, BY_NAME, n=1, cutoff=_NEAR):
            raise UsageError(
                "the column map has a name that is almost a canonical one",
                value=name,
                allowed=list(BY_NAME),
                remedy="Correct it, or choose a name that cannot be mistaken.",
            )
        if column not in present:
            raise ColumnError(
                f"the column mapped to {name} is not in the file",
                file=file,
                value=column,
                allowed=present,
                remedy=f"Correct --columns {name}=COLUMN.",
            )
    matched = dict(columns)
    free = [column for column in present if column not in columns.values()]
    for column in free:
        low = column.lower()
        name = low if low in BY_NAME else column
        if name in matched:
            raise ColumnError(
                f"two columns of the file claim to be {name}: {matched[name]!r} and {column!r}",
                file=file,
                remedy=f"Give the other its own name: --columns {name}_in_file={column}.",
            )
        matched[name] = column
    order = {name: place for place, name in enumerate(BY_NAME)}
    return dict(sorted(matched.items(), key=lambda item: order.get(item[0], len(order))))


def check_required(
    required: Collection[str],
    have: Collection[str],
    *,
    present: list[str],
    file: str,
    derived: Mapping[str, tuple[tuple[str, ...], ...]] = DERIVED,
) -> None:
    """Refuse a file without a required column, given or to be had from others.

    Raises
    ------
    ColumnError
        Names the nearest column of the file, its columns, and the remedy.
    """
    for name in required:
        ways = DERIVED.get(name, ())
        if name in have or any(set(way) <= set(have) for way in derived.get(name, ())):
            continue
        near = nearest(name, present)
        remedy = f"Name it: --columns {name}={near or 'COLUMN'}"
        if len(present) == 1:
            remedy = "The file was read as one column: give its --delimiter. " + remedy
        instead = ", or ".join(" and ".join(way) for way in ways)
        raise ColumnError(
            f"there is no column for {name}",
            file=file,
            value=name,
            allowed=present,
            remedy=remedy + (f", or give {instead}." if instead else "."),
        )
