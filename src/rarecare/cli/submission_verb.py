"""``rarecare submission``: proposing how a registry's files are read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
from cyclopts import App

from rarecare.cli import output
from rarecare.errors import UsageError
from rarecare.writing import write_whole

if TYPE_CHECKING:
    from rarecare.encoded import Encoding
    from rarecare.registry.submission.records import Kind

submission = App(
    name="submission", help="A registry's files: propose how they are read, read them."
)


@submission.command
def init(
    folder: Path,
    *,
    cases: str | None = None,
    population: str | None = None,
    life_table: str | None = None,
    mortality: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    date_format: str | None = None,
) -> None:
    """Propose a submission.toml from the files of a folder, and show every guess with its reason.

    The proposal is written to FOLDER/submission.toml and says confirmed = false: nothing is read
    by it before you have checked its lines and said true.

    Parameters
    ----------
    folder
        Folder of the registry's files.
    cases, population, life_table, mortality
        Names of the files, where two could be one.
    encoding
        Of the text files, as windows-1252, where they are not UTF-8.
    delimiter
        Character between columns, where two fit.
    date_format
        Layout of dates, as %d/%m/%Y, where two fit.
    """
    from rarecare.registry.submission.config import FILE  # noqa: PLC0415
    from rarecare.registry.submission.proposal import propose  # noqa: PLC0415

    target = folder / FILE
    if target.exists():
        raise UsageError(
            f"the folder has a {FILE}",
            value=str(folder),
            remedy="Edit it, or move it away for a new proposal.",
        )
    given: dict[Kind, str | None] = {
        "cases": cases,
        "population": population,
        "life_table": life_table,
        "mortality": mortality,
    }
    proposal = propose(
        folder,
        files={kind: name for kind, name in given.items() if name is not None},
        encoding=_encoding(encoding),
        delimiter=delimiter,
        date_format=date_format,
    )
    write_whole(target, proposal.text.encode())
    rows = [
        (each.file, each.what, each.value, each.sureness, each.why) for each in proposal.guesses
    ]
    schema = ["file", "what", "guess", "sureness", "why"]
    output.print_table(pl.DataFrame(rows, schema=schema, orient="row"), title="Guessed")
    output.out.print(
        f"Check every line of {target}, then say confirmed = true in it.", highlight=False,
        soft_wrap=True,
    )  # fmt: skip


@submission.command
def read(folder: Path, *, rejects: Path | None = None) -> None:
    """Read a submission and say how many records of each file were read and rejected.

    Parameters
    ----------
    folder
        Folder with a submission.toml.
    rejects
        File (.csv, .parquet, .json) for every value and record that was not read.
    """
    from rarecare.registry.submission import read_submission  # noqa: PLC0415

    output.check_writable(rejects)
    with output.step(f"reading {folder.name}"):
        found = read_submission(folder)
    values = found.rejects.filter(pl.col("column").is_not_null())
    counts = pl.DataFrame(
        [
            {
                "file": each.file.replace("_", " "),
                "records": each.records,
                "read": each.read,
                "rejected": each.rejected,
                "values_not_read": values.filter(file=each.file).height,
            }
            for each in found.counts
        ]
    )
    output.print_table(counts)
    for note in found.notes:
        output.out.print(f"* {note}", style="dim", highlight=False, markup=False, soft_wrap=True)
    if rejects is not None:
        output.write_table(found.rejects, rejects)


def _encoding(given: str | None) -> Encoding | None:
    from typing import cast, get_args  # noqa: PLC0415

    from rarecare.encoded import Encoding  # noqa: PLC0415

    if given is not None and given not in get_args(Encoding):
        raise UsageError(
            "this is no encoding that is known", value=given, allowed=get_args(Encoding)
        )
    return cast("Encoding | None", given)
