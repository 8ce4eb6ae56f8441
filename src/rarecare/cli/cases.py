"""Cases as the verbs read them: classified, in age groups, in batches."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from rarecare.cli import values
from rarecare.cli.options import Reading
from rarecare.errors import CaseError, UsageError
from rarecare.registry import Cases

NUMBERS = ("estimate", "se", "lower", "upper", "level", "latitude", "longitude", "inhabitants")
CLASSES = ("family", "entity_tier1", "entity_tier2", "rare")


def read_cases(path: Path, reading: Reading, strata: tuple[str, ...]) -> Cases:
    """Return the cases, classified where the strata ask for entities the file lacks."""
    cases = reading.read(path)
    wanted = set(strata) & set(CLASSES)
    return reading.classify(cases) if wanted - set(cases.table.columns) else cases


def batches(path: Path, age_groups: str | None) -> pl.LazyFrame:
    """Return a Parquet file to be read in batches."""
    if path.suffix != ".parquet" or not path.is_file():
        raise UsageError("batches are read from a Parquet file", value=path.name)
    if age_groups is not None:
        raise UsageError("age groups cannot be made in batches", value=age_groups)
    return pl.scan_parquet(path)


def with_age_groups(
    cases: Cases, strata: tuple[str, ...], bounds: str | None
) -> tuple[Cases, tuple[str, ...]]:
    """Return the cases with the column age_group, and it among the strata, where bounds ask."""
    if bounds is None:
        return cases, strata
    from rarecare.registry.ages import add_age_groups  # noqa: PLC0415

    grouped = add_age_groups(cases, values.whole_numbers(bounds, "--age-groups"))
    return grouped, strata if "age_group" in strata else (*strata, "age_group")


def read_numbers(file: Path) -> pl.DataFrame:
    """Return a file's table, numbers read where it holds them as text."""
    from rarecare.files import read_table  # noqa: PLC0415

    table = read_table(file).frame
    held = [name for name in NUMBERS if table.schema.get(name) == pl.String]
    text = table.with_columns(pl.col(name).str.strip_chars().replace("", None) for name in held)
    made = text.with_columns(pl.col(name).cast(pl.Float64, strict=False) for name in held)
    for name in held:
        bad = (made[name].is_null() & text[name].is_not_null()).arg_true()
        if len(bad):
            raise CaseError("this is no number", file=file.name, row=int(bad[0]) + 2, column=name,
                            value=text[name][int(bad[0])], allowed="a number")  # fmt: skip
    return made
