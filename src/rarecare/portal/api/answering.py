"""Answers of the interface: JSON, CSV or Parquet, tagged, compressed, and not sent twice."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Mapping
from hashlib import sha256
from importlib.metadata import version
from typing import Any

import polars as pl
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from rarecare.portal.api.asking import MOST_ROWS, Question
from rarecare.portal.api.refused import RefusedError
from rarecare.portal.opened import OpenedRelease

TYPES = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "problem": "application/problem+json",
}
_DAY = 86_400
_WORTH = 1_000
"""Bytes from which compression pays."""

_LEVEL = 5


def table(request: HttpRequest, release: OpenedRelease, question: Question) -> HttpResponse:
    """Answer a question to a table.

    Raises
    ------
    RefusedError
        There is no such page, or a file would be too large.
    """
    tag = tag_of(release, request)
    if unchanged(request, tag):
        return not_modified(tag)
    rows = question.rows(release)
    if "synthetic" not in rows.columns:
        rows = rows.with_columns(synthetic=pl.lit(release.synthetic))
    if question.format == "json":
        body = _page(request, release, question, rows)
    else:
        if rows.height > MOST_ROWS:
            raise RefusedError(
                "these are too many rows for one file", value=str(rows.height),
                allowed=f"up to {MOST_ROWS}", status=413,
                remedy=f"Ask for less, or take the whole table: /api/v1/releases/{release.name}/"
                       f"{question.table}.parquet.",
            )  # fmt: skip
        body = as_csv(rows) if question.format == "csv" else as_parquet(rows)
    name = None if question.format == "json" else (
        f"{'invented-' if release.synthetic else ''}{question.table}-{release.name}."
        f"{question.format}"
    )  # fmt: skip
    return sent(request, body, TYPES[question.format], tag=tag, name=name,
                synthetic=release.synthetic)  # fmt: skip


def as_csv(rows: pl.DataFrame) -> bytes:
    """Return rows as CSV."""
    return rows.write_csv().encode()


def as_parquet(rows: pl.DataFrame) -> bytes:
    """Return rows as Parquet."""
    buffer = io.BytesIO()
    rows.write_parquet(buffer)
    return buffer.getvalue()


def _page(
    request: HttpRequest, release: OpenedRelease, question: Question, rows: pl.DataFrame
) -> bytes:
    """Return a page as JSON: its release, how many rows there are, where the next ones are."""
    shown, last = question.slice(rows), question.pages(rows.height)

    def at(page: int) -> str | None:
        return f"{request.path}{question.query(page=page)}" if 1 <= page <= last else None

    head = about(release) | {
        "table": question.table, "total": rows.height, "page": question.page, "pages": last,
        "per_page": question.per_page, "previous": at(question.page - 1),
        "next": at(question.page + 1),
    }  # fmt: skip
    return (json.dumps(head, ensure_ascii=False)[:-1] + ', "rows": ' + shown.write_json()
            + "}").encode()  # fmt: skip


def about(release: OpenedRelease) -> dict[str, Any]:
    """Return what every answer says of its release."""
    return {"release": release.name, "synthetic": release.synthetic,
            "list": release.manifest["list_version"]}  # fmt: skip


def one(request: HttpRequest, release: OpenedRelease, facts: Mapping[str, Any]) -> HttpResponse:
    """Answer with one thing, as JSON."""
    body = json.dumps({**about(release), **facts}, ensure_ascii=False, default=str).encode()
    return sent(request, body, TYPES["json"], tag=tag_of(release, request),
                synthetic=release.synthetic)  # fmt: skip


def tag_of(release: OpenedRelease, request: HttpRequest) -> str:
    """Return the tag of an answer that a release and an address decide."""
    whole = "\n".join((release.hash, version("rarecare"), request.get_full_path()))
    return f'W/"{sha256(whole.encode()).hexdigest()[:24]}"'


def tag_of_body(body: bytes) -> str:
    """Return the tag of an answer that something else decides."""
    return f'W/"{sha256(body).hexdigest()[:24]}"'


def unchanged(request: HttpRequest, tag: str) -> bool:
    """Return whether the visitor has this answer already."""
    asked = request.headers.get("if-none-match", "")
    return asked.strip() == "*" or tag in (part.strip() for part in asked.split(","))


def not_modified(tag: str) -> HttpResponse:
    """Say that the visitor's answer is still good."""
    response = HttpResponse(status=304)
    response.headers["ETag"] = tag
    return response


def sent(
    request: HttpRequest, body: bytes, content_type: str, *, tag: str, name: str | None = None,
    synthetic: bool = False, pinned: bool = False,
) -> HttpResponse:  # fmt: skip
    """Return an answer; a name makes it a download, and a pinned one never changes."""
    if unchanged(request, tag):
        return not_modified(tag)
    squeeze = (
        "gzip" in request.headers.get("accept-encoding", "")
        and len(body) > _WORTH
        and content_type != TYPES["parquet"]
    )
    response = HttpResponse(
        gzip.compress(body, _LEVEL, mtime=0) if squeeze else body, content_type=content_type
    )
    if squeeze:
        response.headers["Content-Encoding"] = "gzip"
    if name is not None:
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    if synthetic:
        response.headers["X-Robots-Tag"] = "noindex"
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = f"public, max-age={_DAY}" if pinned else "public, no-cache"
    response.headers["Access-Control-Allow-Origin"] = "*"
    patch_vary_headers(response, ["Accept-Encoding"])
    return response
