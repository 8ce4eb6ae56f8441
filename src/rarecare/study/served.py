"""A release that a web server gives: fetched, each table checked against its hash.

A portal gives it under ``/api/v1/release/``, its static edition too, any web server from a folder.
"""

from __future__ import annotations

import hashlib
import io
import json
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urljoin, urlsplit
from urllib.request import Request, urlopen

import polars as pl

from rarecare.errors import FileError, UsageError
from rarecare.study import schema
from rarecare.study.release import MANIFEST, MODELS, Release, checked_manifest

_SECONDS = 60
_IN_A_PORTAL = "api/v1/release/"


def is_address(release: object) -> bool:
    """Return whether a release is named by an address of the web.

    >>> is_address("https://example.org/"), is_address("releases/2026")
    (True, False)
    """
    return isinstance(release, str) and release.lower().startswith(("http://", "https://"))


def open_served(address: str) -> Release:
    """Return a release from the web, as ``open_release`` gives one from a folder.

    Parameters
    ----------
    address
        Of a portal (``https://example.org/``), of a release's folder, or of its manifest.

    Raises
    ------
    FileError
        Nothing answers, there is no release, or a table is not what its hash says.
    DisagreementError
        It has another schema.
    UsageError
        This is no address.
    """
    manifest, base = _manifest(address)
    tables = {
        name: pl.read_parquet(io.BytesIO(_checked(base, manifest, f"{name}.parquet")))
        for name in schema.TABLES
    }
    schema.validate(tables)
    models = {
        name.removeprefix(f"{MODELS}/"): json.loads(_checked(base, manifest, name))
        for name in manifest.get("models", [])
    }
    return Release(**tables, manifest=manifest, folder=None, models=models)


def _manifest(address: str) -> tuple[dict[str, Any], str]:
    """Return a manifest and the address that its files lie beside."""
    if not (is_address(address) and urlsplit(address).hostname):
        raise UsageError("this is no address", value=address, allowed="https://HOST/...")
    if address.rstrip("/").endswith(MANIFEST):
        places = [address]
    else:
        folder = address if address.endswith("/") else f"{address}/"
        places = [urljoin(folder, MANIFEST), urljoin(folder, f"{_IN_A_PORTAL}{MANIFEST}")]
    for place in places:
        found = _get(place)
        if found is None:
            continue
        body, base = found
        if body.lstrip()[:1] == b"{":  # not a page, where a web server answers all with one
            return checked_manifest(body, base), base
    raise FileError(
        "there is no release at this address", value=address,
        allowed=f"a portal, or a folder with a {MANIFEST}",
    )  # fmt: skip


def _checked(base: str, manifest: dict[str, Any], name: str) -> bytes:
    """Return a file of a release."""
    expected = manifest["files"][name]
    found = _get(urljoin(base, quote(name)))
    if found is None:
        raise FileError("the release lacks a file", file=base, value=name)
    if hashlib.sha256(found[0]).hexdigest() != expected:
        raise FileError(
            "a file of the release is not what its manifest says", file=base, value=name,
            remedy="It was damaged on its way, or changed meanwhile: open the release again.",
        )  # fmt: skip
    return found[0]


def _get(address: str) -> tuple[bytes, str] | None:
    """Return what an address holds and where it was in the end, or None where nothing is."""
    request = Request(address, headers={"User-Agent": "rarecare", "Accept": "*/*"})
    try:
        with urlopen(request, timeout=_SECONDS) as answer:  # nosec B310 - http or https alone
            return answer.read(), answer.url
    except HTTPError as error:
        if error.code in (404, 410):
            return None
        raise FileError(
            f"the server answers with {error.code} {error.reason}", value=address,
            remedy="Try again later." if error.code in (429, 503) else "",
        ) from error  # fmt: skip
    except (TimeoutError, URLError, HTTPException, ConnectionError) as error:
        raise FileError(
            f"the server cannot be reached ({getattr(error, 'reason', None) or error})",
            value=address,
        ) from error  # fmt: skip
