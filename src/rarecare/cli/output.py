"""What a verb prints and writes."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import polars as pl
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from rarecare.errors import UsageError
from rarecare.results import NOT_ESTIMABLE, OK, WITHHELD, Result
from rarecare.writing import csv_text, write_whole

if TYPE_CHECKING:
    from rarecare.study import Release
    from rarecare.survival.styles import Style

Format = Literal["table", "csv", "json"]
UNPROTECTED = "unprotected"
WARNING = (
    "unprotected: small counts are shown as they are; protect them before anything is published"
)
TABLES = (".csv", ".dta", ".json", ".parquet")
FIGURES = (".json", ".pdf", ".png", ".svg")
_WHOLE = ("n", "at_risk", "events", "records")
_DAYS = ("time_days", "given_days")
_ALWAYS_SAME = ("standard", "level", "method", "unit", "status", *_DAYS, "synthetic")

PIPED_WIDTH = 200

out = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)
err = Console(stderr=True, width=None if sys.stderr.isatty() else PIPED_WIDTH)


class Destination(Protocol):
    """Where a result goes: printed in a format, or written to files."""

    @property
    def format(self) -> Format:
        """How it is printed."""

    @property
    def out(self) -> Path | None:
        """File of the table."""

    @property
    def figure(self) -> Path | None:
        """File of the figure."""

    @property
    def title(self) -> str | None:
        """Title of the figure."""

    @property
    def synthetic(self) -> bool:
        """Whether the data are made up."""


def show(result: Result, to: Destination, *, style: Style | None = None) -> None:
    """Print a result, or write it: whole files, or none; in the style of another program."""
    if to.synthetic:
        made_up = result.table.with_columns(synthetic=pl.lit(value=True))
        result = replace(result, table=made_up)
    if to.figure is not None and result.draw is None:
        raise UsageError(
            "this result has no figure", value=str(to.figure), remedy="Leave --figure out."
        )
    if to.figure is not None:
        choices = {"title": to.title} if to.title else {}
        result.plot(**choices, synthetic=to.synthetic).save(to.figure)
        _written(to.figure)
    if style == "seer":
        _show_text(result, to)
        return
    if style is not None:
        from rarecare.survival.styles import in_style  # noqa: PLC0415

        result = replace(result, table=in_style(result.table, style))
    if to.out is not None:
        write_whole(to.out, _as_bytes(result, to.out))
        note = to.out.with_name(to.out.name + ".provenance.json")
        write_whole(note, (result.provenance.to_json() + "\n").encode())
        _written(to.out)
        _written(note)
    elif to.format == "csv":
        print(csv_text(_marked(result)), end="")
    elif to.format == "json":
        print(as_json(result))
    else:
        print_result(result)


def _show_text(result: Result, to: Destination) -> None:
    from rarecare.survival.styles import seer_text  # noqa: PLC0415

    text = f"{seer_text(result)}{WARNING}\n"
    if to.out is None:
        print(text, end="")
        return
    note = to.out.with_name(to.out.name + ".provenance.json")
    write_whole(to.out, text.encode())
    write_whole(note, (result.provenance.to_json() + "\n").encode())
    _written(to.out)
    _written(note)


def print_rows(table: pl.DataFrame, as_format: Format) -> None:
    """Print a table as CSV or JSON."""
    print(csv_text(table) if as_format == "csv" else table.write_json(), end="")


def write_table(table: pl.DataFrame, file: Path) -> None:
    """Write a table whole, in the format its suffix says."""
    write_whole(file, _table_bytes(table, file))
    _written(file)


def _written(file: Path) -> None:
    err.print(f"written: {file}", style="dim", highlight=False, soft_wrap=True)


def as_json(result: Result) -> str:
    """Return rows and provenance as one JSON object."""
    rows = json.loads(result.table.write_json())
    provenance = json.loads(result.provenance.to_json())
    return json.dumps(
        {"disclosure": UNPROTECTED, "rows": rows, "provenance": provenance},
        indent=1,
        ensure_ascii=False,
    )


def check_writable(file: Path | None, allowed: Collection[str] = TABLES) -> None:
    """Refuse early what could not be written at the end.

    Raises
    ------
    UsageError
        The suffix is not one that can be written, or the folder does not exist.
    """
    if file is None:
        return
    if file.suffix not in allowed:
        raise UsageError(
            "no file of this kind can be written", value=file.name, allowed=sorted(allowed)
        )
    if not file.absolute().parent.is_dir():
        raise UsageError("there is no such folder", value=str(file.parent), remedy="Make it first.")


def check_all_writable(to: Destination, style: Style | None = None) -> None:
    """Refuse early a table or a figure that could not be written at the end."""
    check_writable(to.out, (".txt",) if style == "seer" else TABLES)
    check_writable(to.figure, FIGURES)


def _table_bytes(table: pl.DataFrame, file: Path) -> bytes:
    buffer = io.BytesIO()
    if file.suffix == ".csv":
        buffer.write(csv_text(table).encode())
    elif file.suffix == ".json":
        table.write_json(buffer)
    elif file.suffix == ".dta":
        return _stata_bytes(table, file)
    else:
        table.write_parquet(buffer)
    return buffer.getvalue()


def _stata_bytes(table: pl.DataFrame, file: Path) -> bytes:
    """Return a Stata file: names without dots, text for what Stata has no type for."""
    try:
        import pandas as pd  # noqa: PLC0415 - optional, and slow to import
    except ImportError:
        raise UsageError(
            "Stata files need pandas", value=file.name, remedy="Install 'rarecare[stata]'."
        ) from None
    names = {name: name.replace(".", "_").replace("-", "_")[:32] for name in table.columns}
    plain = table.with_columns(
        pl.col(pl.Boolean).cast(pl.Int8), pl.col(pl.String, pl.Categorical).cast(pl.String)
    ).rename(names)
    buffer = io.BytesIO()
    frame = pd.DataFrame({name: plain[name].to_list() for name in plain.columns})
    frame.to_stata(buffer, write_index=False, version=118)
    return buffer.getvalue()


def print_table(table: pl.DataFrame, *, title: str = "", as_named: bool = False) -> None:
    """Print a table: whole numbers and proportions as the field reads them."""
    grid = Table(
        title=title or None, title_justify="left", box=None, pad_edge=False, padding=(0, 2)
    )
    rows = [[_cell(name, value) for name, value in r.items()] for r in table.iter_rows(named=True)]
    needed = 0
    for place, name in enumerate(table.columns):
        shown = name if as_named else name.replace("_", " ")
        number = table.schema[name].is_numeric()
        cells = [shown, *(row[place] for row in rows)]
        # a number is never cut: a table wider than the terminal runs over its edge
        least = max(len(part) for cell in cells for part in ([cell] if number else cell.split()))
        grid.add_column(
            shown, justify="right" if number else "left", no_wrap=number, min_width=least
        )
        needed += least + 4
    for row in rows:
        grid.add_row(*row)
    width = out.width
    out.width = max(width, needed)
    try:
        out.print(grid)
    finally:
        out.width = width


@contextmanager
def step(description: str) -> Iterator[Callable[..., None]]:
    """Show on a terminal what is being done; the value takes (done, in all[, what])."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(description, total=None)

        def update(done: int, total: int, what: str = description) -> None:
            bar.update(task, completed=done, total=total, description=what)

        yield update


@contextmanager
def steps() -> Iterator[Callable[[str, int, int], None]]:
    """Show on a terminal a run of several steps; the value takes (what, done, in all)."""
    with step("starting") as bar:

        def say(what: str, done: int, total: int) -> None:
            bar(done, total, what)

        yield say


def show_release(release: Release) -> None:
    """Print what a release holds: how many numbers of each measure, withheld, not estimable."""
    summary = (
        release.estimates.group_by("measure")
        .agg(
            entities=pl.col("entity_id").n_unique(),
            areas=pl.col("area").n_unique(),
            numbers=pl.len(),
            ok=(pl.col("status") == OK).sum(),
            withheld=(pl.col("status") == WITHHELD).sum(),
            not_estimable=(pl.col("status") == NOT_ESTIMABLE).sum(),
        )
        .sort("measure")
    )
    study = release.manifest["study"]
    out.print(study["title"], style="bold", highlight=False)
    if study["synthetic"]:
        out.print("Synthetic data: the people and figures are invented.", highlight=False)
    print_table(summary)
    read = release.exclusions.filter(purpose="incidence", reason="records read")["records"].sum()
    kept = (
        release.exclusions.filter(reason="records in analysis")
        .group_by("purpose")
        .agg(pl.col("records").sum())
    )
    counted = "; ".join(f"{n:,} in {purpose}" for purpose, n in sorted(kept.iter_rows()))
    out.print(f"{read:,} records read: {counted}", style="dim", highlight=False)
    for name in ("report.html", "estimates.parquet"):
        out.print(f"{release.folder}/{name}", highlight=False, soft_wrap=True)


def _as_bytes(result: Result, file: Path) -> bytes:
    if file.suffix == ".json":
        return (as_json(result) + "\n").encode()
    return _table_bytes(_marked(result), file)


def _marked(result: Result) -> pl.DataFrame:
    return result.table.with_columns(disclosure=pl.lit(UNPROTECTED))


def print_result(result: Result) -> None:
    """Print a result: its table, who was counted, notes, and that it is unprotected."""
    table, provenance = result.table, result.provenance
    same = [
        name
        for name in _ALWAYS_SAME
        if name in table.columns and (table[name].n_unique() == 1 or name in _DAYS)
    ]
    said = {name: table[name][0] for name in same if name not in _DAYS}
    dropped = [name for name in same if name != "status" or said["status"] == OK]
    if (table["reason"].fill_null("") == "").all():
        dropped.append("reason")
    title = provenance.statistic
    if "level" in said:
        title += f", {said['level']:.0%} limits"
    if said.get("standard", "none") != "none":
        title += f", age-standardised ({said['standard']})"
    out.print(title, style="bold", highlight=False)
    print_table(table.drop(dropped), as_named="method" not in table.columns)
    for line in _account(provenance.exclusions):
        out.print(line, style="dim", highlight=False, soft_wrap=True)
    for note in provenance.notes:
        out.print(f"* {note}", style="dim", highlight=False, soft_wrap=True)
    out.print(WARNING, style="dim", highlight=False, soft_wrap=True)


def _account(exclusions: pl.DataFrame) -> list[str]:
    if exclusions.is_empty():
        return []
    if "order" not in exclusions.columns:  # not of records read, but of what was counted
        counts = exclusions.select("reason", "records").iter_rows()
        return ["; ".join(f"{reason} {records:,}" for reason, records in counts)]
    first, *reasons, last = exclusions.sort("order").iter_rows(named=True)
    left_out = [f"{r['reason']} {r['records']:,}" for r in reasons if r["records"]]
    line = f"{first['records']:,} records read, {last['records']:,} in analysis"
    if left_out:
        line += f" (left out: {'; '.join(left_out)})"
    return [line, *([f"* {last['note']}"] if last["note"] else [])]


def _cell(name: str, value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) and name in _WHOLE else str(value)
    if name in ("time_years", "given_years"):
        return f"{value:.4g}"
    if name == "person_years":
        return f"{value:,.0f}"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.2f}"
