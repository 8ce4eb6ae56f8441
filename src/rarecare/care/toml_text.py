"""Writing TOML in one way only, so that the same content has the same bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from rarecare.errors import UsageError


def toml_text(content: Mapping[str, Any]) -> str:
    """Return a TOML document: single values first, then a table of each dict in each list.

    Keys stand in the order given; None is left out. Lists of dicts become arrays of tables,
    all other dicts inline tables.

    Examples
    --------
    >>> print(toml_text({"id": "x", "parts": [{"a": 1.0, "on": date(2024, 5, 1)}]}), end="")
    id = "x"
    <BLANKLINE>
    [[parts]]
    a = 1.0
    on = 2024-05-01
    """
    kept = {name: value for name, value in content.items() if value is not None}
    tables = {name: value for name, value in kept.items() if _of_tables(value)}
    text = "".join(f"{name} = {_value(kept[name])}\n" for name in kept if name not in tables)
    for name, rows in tables.items():
        for row in rows:
            text += f"\n[[{name}]]\n"
            text += "".join(f"{k} = {_value(v)}\n" for k, v in row.items() if v is not None)
    return text


def _of_tables(value: Any) -> bool:
    listed = isinstance(value, list | tuple) and bool(value)
    return listed and all(isinstance(one, Mapping) for one in value)


def _value(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(one) for one in value)}]"
    if isinstance(value, Mapping):
        inside = (f"{name} = {_value(one)}" for name, one in value.items() if one is not None)
        return f"{{ {', '.join(inside)} }}"
    raise UsageError("this cannot be written as TOML", value=type(value).__name__)
