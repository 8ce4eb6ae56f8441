"""ICD-O-3 (editions 3.1 and 3.2): the codes, and their terms where those are present.

Codes are facts and stand in ``tables``. Terms are wording of WHO and IARC and stand apart in
``labels``, with their own notice; without that folder the labels are null.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

import polars as pl

from rarecare.codes.packaged import packaged_table
from rarecare.errors import CodeError
from rarecare.files import read_table

LABELS = files("rarecare.codes") / "labels"
"""The package's own labels; the folder may be absent."""

_SITE = re.compile(r"[Cc]?(\d\d)\.?(\d)")
_HISTOLOGY = re.compile(r"(\d{4})/?(\d)")


@cache
def topographies(*, labels: Path | None = None) -> pl.DataFrame:
    """Return the topographies: ``topography``, ``level`` ("group" or "site"), ``label``.

    Parameters
    ----------
    labels
        Folder of other labels (``topography.csv``: topography, label). By default the
        package's own, null where they were left out.
    """
    table = packaged_table("tables/icdo3_topography.csv")
    return _with_labels(table, ["topography"], "topography.csv", labels)


@cache
def morphologies(*, labels: Path | None = None) -> pl.DataFrame:
    """Return the morphologies listed, one row per histology and behaviour.

    Columns: ``morphology`` (int32), ``behaviour`` (int8), ``icdo_3_1`` and ``icdo_3_2``
    (whether that edition lists it), ``label``.

    Parameters
    ----------
    labels
        Folder of other labels (``morphology.csv``: morphology, behaviour, label).
    """
    table = packaged_table("tables/icdo3_morphology.csv")
    return _with_labels(table, ["morphology", "behaviour"], "morphology.csv", labels).with_columns(
        pl.col("morphology").cast(pl.Int32),
        pl.col("behaviour").cast(pl.Int8),
        pl.col("icdo_3_1", "icdo_3_2") == "1",
    )


@cache
def site_numbers() -> dict[str, int]:
    """Return each site's position in the table of sites."""
    sites = topographies().filter(level="site")["topography"]
    return {site: i for i, site in enumerate(sites)}


@cache
def histology_numbers() -> dict[int, int]:
    """Return the position of each four-digit histology, whatever its behaviour."""
    histologies = morphologies()["morphology"].unique().sort()
    return {histology: i for i, histology in enumerate(histologies)}


@cache
def behaviour_numbers() -> dict[int, int]:
    """Return each behaviour's position: 0, 1, 2, 3, 6, 9."""
    behaviours = morphologies()["behaviour"].unique().sort()
    return {behaviour: i for i, behaviour in enumerate(behaviours)}


def canonical_site(text: str) -> str:
    """Return a topography as ``"C40.2"`` if it is written like one, else the text itself."""
    return _SITE.sub(r"C\1.\2", text) if _SITE.fullmatch(text) else text


def parse_topography(text: str) -> str:
    """Return an ICD-O-3 site in canonical form.

    Raises
    ------
    CodeError
        This is not an ICD-O-3 site.

    Examples
    --------
    >>> parse_topography("C402"), parse_topography("c40.2"), parse_topography("C40.2")
    ('C40.2', 'C40.2', 'C40.2')
    """
    site = canonical_site(text.strip())
    known = site_numbers()
    if site in known:
        return site
    group = [name for name in known if name.startswith(site.upper()[:3] + ".")]
    raise CodeError(
        "the topography is not an ICD-O-3 site",
        value=text,
        allowed=group or list(known),
        remedy="Give four characters, as C40.2.",
    )


def parse_morphology(text: str) -> tuple[int, int]:
    """Return histology and behaviour of an ICD-O-3 morphology.

    A behaviour that ICD-O-3 does not list with the histology is taken: any histology may
    have any behaviour (its matrix rule, rule F).

    Raises
    ------
    CodeError
        This is not an ICD-O-3 morphology.

    Examples
    --------
    >>> parse_morphology("9180/3"), parse_morphology("91803")
    ((9180, 3), (9180, 3))
    """
    found = _HISTOLOGY.fullmatch(text.strip())
    if found is None:
        raise CodeError(
            "the morphology is not written as one",
            value=text,
            allowed="histology and behaviour, as 9180/3",
        )
    histology, behaviour = int(found[1]), int(found[2])
    if histology not in histology_numbers():
        close = sorted(histology_numbers(), key=lambda known: abs(known - histology))[:3]
        raise CodeError(
            "the histology is not in ICD-O-3",
            value=text,
            allowed="the histologies of ICD-O-3",
            remedy=f"The nearest are {', '.join(map(str, sorted(close)))}.",
        )
    if behaviour not in behaviour_numbers():
        raise CodeError(
            "the behaviour is not in ICD-O-3",
            value=text,
            allowed=[str(known) for known in behaviour_numbers()],
        )
    return histology, behaviour


def _with_labels(
    table: pl.DataFrame, keys: list[str], name: str, folder: Path | None
) -> pl.DataFrame:
    if folder is not None:
        labels = read_table(folder / name).frame
    else:
        own = LABELS / name
        if not own.is_file():
            return table.with_columns(label=pl.lit(None, pl.String))
        with as_file(own) as path:
            labels = read_table(path).frame
    return table.join(labels.select(*keys, "label"), on=keys, how="left", maintain_order="left")
