"""``rarecare audit``: what a reader could work out of what a release withholds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import polars as pl
from cyclopts import Parameter

from rarecare.cli import output
from rarecare.cli.output import Format
from rarecare.errors import DisagreementError

FAILED = 1
_CELL = ("entity_id", "area", "sex", "age_group", "period")


def audit(
    release: Path,
    *,
    as_format: Annotated[Format, Parameter(name="--format")] = "table",
    out: Path | None = None,
) -> int:
    """Say which counts that a release withholds or rounds follow from what it shows, or nearly.

    The exit status is 0 where none does, 1 where one does, 2 when it was asked wrongly.

    Parameters
    ----------
    release
        A release's folder.
    as_format
        How the counts found are printed.
    out
        File of the counts found instead: .csv, .json, .parquet or .dta.
    """
    from rarecare.disclosure import audit as of_withheld  # noqa: PLC0415
    from rarecare.disclosure import audit_rounded  # noqa: PLC0415
    from rarecare.study import open_release  # noqa: PLC0415

    output.check_writable(out)
    with output.steps() as progress:
        progress("checking the files", 0, 2)
        opened = open_release(release)
        rule = opened.manifest.get("disclosure", {})
        if "threshold" not in rule:
            raise DisagreementError(
                "the release does not say by which rule it was protected",
                file=release.name,
                value="disclosure.threshold",
                remedy="Make it again with this version.",
            )
        progress("looking for counts that follow", 1, 2)
        look = audit_rounded if rule.get("mode") == "rounding" else of_withheld
        found = look(opened.estimates, opened.areas, opened.entities, rule["threshold"])
    if out is not None:
        output.write_table(found, out)
    elif as_format != "table":
        output.print_rows(found, as_format)
    elif found.height:
        output.print_table(found, title="Counts that can be narrowed", as_named=True)
    if out is not None or as_format == "table":
        _summary(opened.estimates, found)
    return FAILED if found.height else 0


def _summary(estimates: pl.DataFrame, found: pl.DataFrame) -> None:
    """Print how many counts are withheld and how many of them could be narrowed."""
    held = sum(_withheld(rows) for rows in estimates.partition_by("measure"))
    output.out.print(
        f"counts withheld: {held:,}; counts that can be narrowed: {found.height:,}",
        highlight=False,
        soft_wrap=True,
    )


def _withheld(rows: pl.DataFrame) -> int:
    """Return how many counts of one measure are null, each once, however many rows it stands in."""
    number = 0
    for name in ("n", "events", "at_risk"):
        gone = rows.filter(pl.col(name).is_null())
        if name == "n" or gone.height < rows.height:  # else the measure has no such count
            number += gone.select(*_CELL, *(["time_years"] if name != "n" else [])).n_unique()
    return number
