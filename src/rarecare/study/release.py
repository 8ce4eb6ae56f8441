"""A release: a folder that can be cited, mirrored and compared."""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from rarecare.errors import DisagreementError, FileError, UsageError
from rarecare.figures import Figure, survival_figure
from rarecare.study import schema
from rarecare.study.pathway_schema import PATHWAYS

MANIFEST = "manifest.json"
REPORT = "report.html"
MODELS = "models"
"""Folder of the fitted models, in JSON."""

_EXCHANGE = 2  # RENAME_EXCHANGE of Linux's renameat2


@dataclass(frozen=True, slots=True, eq=False)
class Release:
    """The tables of a release and how they were made.

    Attributes
    ----------
    estimates, entities, areas, exclusions, quality
        Data frames in the columns of ``study.schema``.
    manifest
        Study, inputs with their hashes, list and software versions, disclosure rule, time.
    folder
        Where it lies; None before it is written.
    models
        Fitted models by file name: columns, coefficients, covariance, breaks.
    care, comparators, hospitals, criteria
        Measures of care explained, published values, hospitals without names, centres against
        criteria; without rows where the study does not ask for care.
    pathways
        Ways through care: paths, waiting times, states.
    """

    estimates: pl.DataFrame
    entities: pl.DataFrame
    areas: pl.DataFrame
    exclusions: pl.DataFrame
    quality: pl.DataFrame
    manifest: dict[str, Any]
    folder: Path | None = None
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    care: pl.DataFrame = field(default_factory=partial(pl.DataFrame, schema=schema.CARE))
    comparators: pl.DataFrame = field(
        default_factory=partial(pl.DataFrame, schema=schema.COMPARATORS)
    )
    hospitals: pl.DataFrame = field(default_factory=partial(pl.DataFrame, schema=schema.HOSPITALS))
    criteria: pl.DataFrame = field(default_factory=partial(pl.DataFrame, schema=schema.CRITERIA))
    pathways: pl.DataFrame = field(default_factory=partial(pl.DataFrame, schema=PATHWAYS))

    @property
    def tables(self) -> dict[str, pl.DataFrame]:
        """The tables by name."""
        return {name: getattr(self, name) for name in schema.TABLES}

    def survival_figure(self, entity_id: str) -> Figure:
        """Return the net survival curve of an entity, all areas and ages together.

        Raises
        ------
        UsageError
            The release has no survival of it.
        """
        rows = self.estimates.filter(
            measure=schema.NET_SURVIVAL, entity_id=entity_id, area=schema.ALL, sex=schema.ALL,
            standard=schema.NONE,
        ).filter(pl.col("age_group") == pl.col("age_group").first()).sort("time_years")  # fmt: skip
        if rows.is_empty():
            known = self.estimates.filter(measure=schema.NET_SURVIVAL)["entity_id"]
            raise UsageError(
                "the release has no survival of this entity",
                value=entity_id,
                allowed=known.unique().sort().to_list(),
            )
        name = self.entities.filter(entity_id=entity_id)["name"][0]
        days = self.manifest["study"]["days_per_year"]
        table = rows.with_columns(time_days=pl.col("time_years") * days, entity=pl.lit(name))
        return survival_figure(
            table, by=["entity"], title=name, synthetic=bool(self.manifest["study"]["synthetic"])
        )


def write_release(
    release: Release, folder: str | Path, *, extra: Mapping[str, bytes] | None = None
) -> Release:
    """Write a release whole: it takes the place of what stood there, or nothing changes.

    Parameters
    ----------
    release
        The tables are validated first.
    folder
        The release's folder; an existing release there is replaced.
    extra
        Further files by name: the report, figures.

    Raises
    ------
    DisagreementError
        The tables break the schema.
    UsageError
        The folder holds something else than a release.
    OSError
        The disk is full, or the folder cannot be written.
    """
    schema.validate(release.tables)
    folder = Path(folder).absolute()
    if folder.exists() and not (folder / MANIFEST).is_file() and any(folder.iterdir()):
        raise UsageError(
            "the folder holds something that is not a release",
            value=str(folder),
            allowed="a new folder, or an earlier release",
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        for name, table in release.tables.items():
            table.write_parquet(made / f"{name}.parquet")
        models = {
            f"{MODELS}/{name}": json.dumps(model, indent=1, sort_keys=True).encode()
            for name, model in release.models.items()
        }
        for name, content in {**models, **(extra or {})}.items():
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            (made / name).write_bytes(content)
        files = sorted(path for path in made.rglob("*") if path.is_file())
        hashes = {path.relative_to(made).as_posix(): _sha256(path) for path in files}
        manifest = {**release.manifest, "files": hashes, "models": sorted(models)}
        text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        (made / MANIFEST).write_text(text, encoding="utf-8")
        made.chmod(0o755)
        _take_place(made, folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return Release(**release.tables, manifest=manifest, folder=folder, models=release.models)


def open_release(folder: str | Path) -> Release:
    """Return a release as frames and figures, after checking every file against its hash.

    Parameters
    ----------
    folder
        Where it lies; or the address of a portal or of a folder on a web server, from which its
        tables and models are fetched into memory.

    Raises
    ------
    FileError
        There is no release, or a file is missing or was changed.
    DisagreementError
        It has another schema.
    """
    from rarecare.study.served import is_address, open_served  # noqa: PLC0415 - it needs this file

    if is_address(folder):
        return open_served(str(folder))
    folder = Path(folder)
    path = folder / MANIFEST
    if not path.is_file():
        raise FileError(
            "there is no release in this folder",
            value=str(folder),
            allowed=f"a folder with a {MANIFEST}",
        )
    manifest = checked_manifest(path.read_bytes(), folder.name)
    for name, expected in manifest["files"].items():
        if not (folder / name).is_file():
            raise FileError("the release lacks a file", file=folder.name, value=name)
        if _sha256(folder / name) != expected:
            raise FileError(
                "a file of the release was changed after it was made",
                file=folder.name,
                value=name,
                remedy="Get the release again.",
            )
    tables = {name: pl.read_parquet(folder / f"{name}.parquet") for name in schema.TABLES}
    schema.validate(tables)
    models = {
        name.removeprefix(f"{MODELS}/"): json.loads((folder / name).read_text(encoding="utf-8"))
        for name in manifest.get("models", [])
    }
    return Release(**tables, manifest=manifest, folder=folder, models=models)


def checked_manifest(text: bytes, file: str) -> dict[str, Any]:
    """Return the manifest of a release, in which everything stands that opening one needs.

    Raises
    ------
    FileError
        It is no JSON, lacks a part, or gives no hash of a table or model.
    DisagreementError
        The release is of another schema.
    """
    try:
        manifest = json.loads(text)
    except ValueError as error:
        raise _not_whole(f"is no JSON ({error})", file) from None
    if not isinstance(manifest, dict):
        raise _not_whole("is no table of names and values", file)
    if manifest.get("schema_version") != schema.VERSION:
        raise DisagreementError(
            "the release has another schema",
            value=manifest.get("schema_version"),
            allowed=str(schema.VERSION),
            remedy="Make it again with this version.",
        )
    for part in ("files", "study"):
        if not isinstance(manifest.get(part), dict):
            raise _not_whole(f"lacks its part {part!r}", file)
    models = manifest.get("models", [])
    needed = [*(f"{name}.parquet" for name in schema.TABLES), *models]
    lacking = [name for name in needed if not isinstance(manifest["files"].get(name), str)]
    if lacking:
        raise _not_whole(f"gives no hash of {lacking[0]}", file)
    return manifest


def _not_whole(what: str, file: str) -> FileError:
    return FileError(
        f"the manifest of the release {what}",
        file=file,
        value=MANIFEST,
        remedy="Get the release again.",
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _take_place(made: Path, folder: Path) -> None:
    """Give a finished folder its name; an earlier one goes in the same moment."""
    if not folder.exists():
        made.rename(folder)
    elif _exchanged(made, folder):
        pass  # what stood there is now in ``made``, which the caller removes
    else:
        aside = made.with_name(made.name + ".old")
        folder.rename(aside)
        try:
            made.rename(folder)
        except OSError:
            aside.rename(folder)
            raise
        shutil.rmtree(aside)


def _exchanged(one: Path, other: Path) -> bool:
    """Swap two folders in one step where the system can; say whether it did."""
    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "renameat2"):
        return False
    here = -100  # AT_FDCWD
    return bool(library.renameat2(here, os.fsencode(one), here, os.fsencode(other), _EXCHANGE) == 0)
