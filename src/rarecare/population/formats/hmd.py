"""Life tables and death rates of the Human Mortality Database (mortality.org).

Text files in columns: a title line (country, kind, sex), a blank line, a header (``Year Age mx qx
ax lx dx Lx Tx ex``, or ``Year Age Female Male Total`` for death rates), then one line per year
and age; the last age is ``110+``, a missing value is ``.``. Layout from memory, sure.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from rarecare.errors import FileError, LifeTableError, UsageError
from rarecare.files import Source
from rarecare.population.abridged import Method, single_years
from rarecare.population.formats.cells import between_years, read_age
from rarecare.population.hazards import RATE
from rarecare.population.life_table import LifeTable

_SEXES = {"males": "male", "females": "female", "total": None, "both sexes": None}
_RATES = {"Female": "female", "Male": "male"}


def read_hmd(
    source: str | Path | Sequence[str | Path],
    *,
    country: str | None = None,
    years: tuple[int, int] | None = None,
    method: Method = "constant",
) -> LifeTable:
    """Read HMD life tables (``mltper_1x1.txt``, ``fltper_1x1.txt``) or rates (``Mx_1x1.txt``).

    Parameters
    ----------
    source
        One file, or those of men and women together. A table of both sexes
        (``bltper_1x1.txt``) has no key ``sex``.
    country
        When given, the table has a key ``country`` with this value.
    years
        First and last calendar year kept.
    method
        How ages in groups (``5x1`` files) become single years; see ``abridged``.

    Notes
    -----
    The death rate m(x) is used. Missing rates, usual at the highest ages of ``Mx`` files, are
    refused: the life tables have none.

    Raises
    ------
    FileError
        A file is not one of these, or of periods of several years.
    LifeTableError
        A rate is missing; see also ``LifeTable.read``.
    UsageError
        Files of both sexes and of one are mixed.
    """
    paths = [source] if isinstance(source, str | Path) else list(source)
    read = [_read_one(Path(path)) for path in paths]
    keys = {tuple(name for name in ("sex",) if name in cells.columns) for cells, _ in read}
    if len(keys) != 1:
        raise UsageError(
            "tables of both sexes together and of one sex are mixed",
            value=", ".join(Path(path).name for path in paths),
            allowed="mltper and fltper, or bltper alone",
        )
    cells = pl.concat([cells for cells, _ in read])
    sources = [each for _, each in read]
    joined = Source(
        " + ".join(each.name for each in sources),
        "+".join(each.sha256 for each in sources),
        sum(each.rows for each in sources),
    )
    names = keys.pop()
    if country is not None:
        cells = cells.with_columns(country=pl.lit(country))
        names = (*names, "country")
    cells = between_years(cells, years, joined.name)
    missing = cells.filter(pl.col("value").is_null())
    if missing.height:
        row = missing.row(0, named=True)
        raise LifeTableError(
            "a death rate is missing",
            file=joined.name,
            row=row["line"],
            value=f"year {row['year']}, age {row['age']}",
            allowed="a rate for every year and age",
            remedy="Use the life tables (mltper, fltper), or keep the years that have all: years=.",
        )
    return single_years(cells, keys=names, quantity=RATE, source=joined, method=method)


def _read_one(path: Path) -> tuple[pl.DataFrame, Source]:
    """Return the cells of one file: ``sex`` (absent for both), age, span, year, value, line."""
    import hashlib  # noqa: PLC0415

    if not path.is_file():
        raise FileError("there is no such file", value=str(path), allowed="an HMD text file")
    data = path.read_bytes()
    lines = data.decode("utf-8", errors="replace").splitlines()
    start = next((i for i, line in enumerate(lines) if line.split()[:2] == ["Year", "Age"]), None)
    if start is None:
        raise FileError(
            "the file is not a table of the Human Mortality Database",
            file=path.name,
            value=lines[0][:80] if lines else "",
            allowed="a header line that begins with Year and Age",
        )
    header = lines[start].split()
    columns = _columns(header, lines[0] if start else "", path.name)
    rows: list[dict[str, object]] = []
    n_lines = 0
    for number, line in enumerate(lines[start + 1 :], start=start + 2):
        parts = line.split()
        if not parts:
            continue
        n_lines += 1
        if len(parts) != len(header):
            raise FileError(
                f"the line has {len(parts)} columns, the header {len(header)}",
                file=path.name,
                row=number,
                value=line.strip()[:80],
            )
        if not parts[0].isdigit():
            raise FileError(
                "the year is not a calendar year",
                file=path.name,
                row=number,
                value=parts[0],
                allowed="single calendar years",
                remedy="Use the file by single year (1x1 or 5x1).",
            )
        age, span = read_age(parts[1], file=path.name, row=number)
        common = {"age": age, "span": span, "year": int(parts[0]), "line": number}
        for name, sex in columns.items():
            text = parts[header.index(name)]
            value = _number(text, name, path.name, number)
            rows.append(common | {"value": value} | ({} if sex is None else {"sex": sex}))
    schema = {"age": pl.Int64, "span": pl.Int64, "year": pl.Int64, "line": pl.Int64}
    frame = pl.DataFrame(
        rows,
        schema=schema
        | {"value": pl.Float64}
        | ({} if None in columns.values() else {"sex": pl.String}),
    )
    return frame, Source(path.name, hashlib.sha256(data).hexdigest(), n_lines)


def _columns(header: list[str], title: str, file: str) -> dict[str, str | None]:
    """Return the columns to read and the sex of each; None where it is both."""
    if set(_RATES) <= set(header):
        return dict(_RATES)
    if "mx" not in header:
        raise FileError(
            "the file holds no death rates",
            file=file,
            value=" ".join(header),
            allowed="a column mx, or columns Female and Male",
        )
    words = title.lower().split("last modified")[0]
    for name in ("females", "males", "both sexes", "total"):  # "males" is part of "females"
        if name in words:
            return {"mx": _SEXES[name]}
    raise FileError(
        "the title does not say whose life table this is",
        file=file,
        row=1,
        value=title[:80],
        allowed=list(_SEXES),
        remedy="Keep the file's first line as HMD wrote it.",
    )


def _number(text: str, column: str, file: str, row: int) -> float | None:
    if text == ".":
        return None
    try:
        return float(text)
    except ValueError:
        raise LifeTableError(
            "a death rate is no number",
            file=file,
            row=row,
            column=column,
            value=text,
            allowed="a number, or . where there is none",
        ) from None
