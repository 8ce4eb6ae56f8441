"""The description of the interface in OpenAPI: parameters and answers, made from the schema."""

from __future__ import annotations

from typing import Any

import polars as pl

from rarecare.portal.api.answering import TYPES
from rarecare.portal.api.asking import FORMATS, MOST_PER_PAGE, PER_PAGE, WITHIN, columns_of
from rarecare.portal.api.refused import TITLES
from rarecare.study import schema

_TYPES: dict[Any, dict[str, Any]] = {
    pl.String: {"type": ["string", "null"]},
    pl.Int64: {"type": ["integer", "null"]},
    pl.Float64: {"type": ["number", "null"]},
    pl.Boolean: {"type": ["boolean", "null"]},
    pl.Date: {"type": ["string", "null"], "format": "date"},
}
_TEXT = {"type": "string"}
_ABOUT = {
    "release": {**_TEXT, "description": "Name of the release, for permanent addresses."},
    "synthetic": {"type": "boolean", "description": "Whether every number is invented."},
    "list": {
        **_TEXT,
        "description": "Version of the list of rare cancers, derived and unofficial.",
    },
}
PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": _TEXT, "title": _TEXT, "status": {"type": "integer"}, "detail": _TEXT,
        "value": _TEXT, "allowed": {"type": ["array", "string"], "items": _TEXT},
        "nearest": _TEXT, "remedy": _TEXT,
    },
}  # fmt: skip
"""An error (RFC 9457), with what was received, what is allowed, and the nearest of it."""

_WORDS = {
    "measure": "What is measured: incidence, net survival, prevalence, ...",
    "entity_id": "A cancer of the list, such as 08.02.01, a family (08), or all.",
    "area": "A country by its two letters, a region, or all.",
    "sex": "male, female, or all.",
    "age_group": "Ages at diagnosis, or all.",
    "period": "Years of diagnosis; of prevalence its window; of a projection those to come.",
    "time_years": "Years since diagnosis.",
    "standard": "Standard population, or none.",
    "method": "How it was estimated.",
    "status": "ok, withheld, or not estimable.",
    "registry": "A registry by its name.",
}


def errors(*statuses: int) -> dict[int, Any]:
    """Return the descriptions of errors."""
    return {
        status: {
            "description": TITLES.get(status, "Error"),
            "content": {TYPES["problem"]: {"schema": PROBLEM}},
        }
        for status in statuses
    }


_NOT_MODIFIED = {304: {"description": "The answer you have is still good (If-None-Match)."}}


def of_one(properties: dict[str, Any], *, not_found: bool = False) -> dict[str, Any]:
    """Return the description of an operation that answers with one thing."""
    own = _ABOUT | properties
    return {
        "responses": {
            200: _json({"type": "object", "required": list(own), "properties": own}, "Found."),
            **_NOT_MODIFIED, **errors(400, 429, *([404] if not_found else [])),
        }
    }  # fmt: skip


def of_table(table: str) -> dict[str, Any]:
    """Return the description of an operation that answers with rows of a table."""
    own = dict(schema.TABLES[table]) | {"synthetic": pl.Boolean}
    row = {"type": "object", "required": list(own),
           "properties": {name: _TYPES[kind] for name, kind in own.items()}}  # fmt: skip
    count = {"type": "integer", "minimum": 0}
    page = _ABOUT | {
        "table": _TEXT, "total": count, "page": count, "pages": count, "per_page": count,
        "previous": {"type": ["string", "null"]}, "next": {"type": ["string", "null"]},
        "rows": {"type": "array", "items": row},
    }  # fmt: skip
    found = _json({"type": "object", "required": list(page), "properties": page}, "Rows.")
    bytes_of = {"schema": {"type": "string", "format": "binary"}}
    found["content"] |= {"text/csv": bytes_of, TYPES["parquet"]: bytes_of}
    return {
        "parameters": [*_parameters(table)],
        "responses": {200: found, **_NOT_MODIFIED, **errors(400, 404, 413, 429)},
    }


def _json(schema_of: dict[str, Any], description: str) -> dict[str, Any]:
    return {"description": description, "content": {TYPES["json"]: {"schema": schema_of}}}


def _parameters(table: str) -> list[dict[str, Any]]:
    columns = columns_of(table)
    found = [
        _parameter(name, {"type": "array", "items": _TEXT},
                   _WORDS.get(name, f"Value of {name}.") + " May stand several times.")
        for name in columns
    ]  # fmt: skip
    if "entity_id" in columns:
        found.append(_parameter(WITHIN, _TEXT, "A cancer and all that lie below it."))
    number = {"type": "integer", "minimum": 1}
    return [
        *found,
        _parameter("page", {**number, "default": 1}, "Page of the JSON answer."),
        _parameter("per_page", {**number, "maximum": MOST_PER_PAGE, "default": PER_PAGE},
                   "Rows of a page."),
        _parameter("format", {**_TEXT, "enum": list(FORMATS), "default": FORMATS[0]},
                   "JSON gives a page; CSV and Parquet give all rows."),
    ]  # fmt: skip


def _parameter(name: str, schema_of: dict[str, Any], words: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema_of,
            "description": words, "style": "form", "explode": True}  # fmt: skip
