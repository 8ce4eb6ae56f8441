"""A first ``submission.toml`` from the files of a folder, with the reason of every guess.

What is proposed is not read before someone has checked it: it says ``confirmed = false``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import polars as pl

from rarecare.encoded import Encoding
from rarecare.errors import FileError, UsageError
from rarecare.files import SUFFIXES
from rarecare.population.ages import may_be_numbers
from rarecare.registry.casts import as_text
from rarecare.registry.encr_columns import NAMES as ENCR
from rarecare.registry.submission.case_columns import OTHER_NAMES, case_lines, how, one_line, quoted
from rarecare.registry.submission.config import FILE
from rarecare.registry.submission.counts import AGES, PERSONS, RISKS
from rarecare.registry.submission.raw import EXCEL
from rarecare.registry.submission.records import Kind
from rarecare.registry.submission.sniffing import Guess, Sniffed, sniffed

_OTHERS: tuple[Kind, ...] = ("population", "life_table", "mortality")
_DEATHS = ("number of deaths", "cancer death count", "deaths")
_YEARS = ("calendar year", "year")


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposed ``submission.toml``.

    Attributes
    ----------
    text
        What it says.
    guesses
        Every guess in it.
    """

    text: str
    guesses: tuple[Guess, ...]


def propose(
    folder: str | Path,
    *,
    files: Mapping[Kind, str] | None = None,
    encoding: Encoding | None = None,
    delimiter: str | None = None,
    date_format: str | None = None,
) -> Proposal:
    """Return a ``submission.toml`` proposed from the files of a folder.

    Parameters
    ----------
    files
        Which file is which, where two could be one.
    encoding, delimiter, date_format
        Of the text files, where they cannot be told.

    Raises
    ------
    FileError
        There is no such folder, or no file of cases in it.
    UsageError
        Two files, encodings, delimiters or layouts of dates fit: which one must be said.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileError("there is no such folder", value=str(folder))
    names = sorted(
        each.name
        for each in folder.iterdir()
        if each.is_file()
        and each.name.lower().endswith((*SUFFIXES, *EXCEL))
        and each.name[0] != "."
    )
    dictionaries = {each.stem: each.name for each in folder.glob("*.dic")}
    chosen: dict[Kind, Sniffed] = {}
    guesses: list[Guess] = []
    pair = [name for name in names if Path(name).stem in dictionaries]
    sniff = [
        sniffed(folder, name, encoding=encoding, delimiter=delimiter)
        for name in names
        if name not in pair
    ]
    found: dict[Kind, list[tuple[Sniffed, str]]] = {}
    asked_for = {name: kind for kind, name in (files or {}).items()}
    for each in sniff:
        kind, why = _kind(each)
        if each.name in asked_for:
            kind, why = asked_for[each.name], "it was named"
        if kind is not None:
            found.setdefault(kind, []).append((each, why))
    for kind, candidates in found.items():
        if kind == "cases" and (files or {}).get(kind) in pair:
            continue
        chosen[kind], guess = _one(kind, candidates, (files or {}).get(kind))
        guesses += [guess, *chosen[kind].guesses]
    head = _head(folder, _years(chosen.get("cases")))
    asked = (files or {}).get("cases")
    pair = [asked] if asked in pair else pair
    if pair and (asked in pair or "cases" not in chosen):
        if len(pair) > 1:
            raise UsageError(
                "two files may be the cases", value=", ".join(pair), remedy="Say --cases."
            )
        dictionary = dictionaries[Path(pair[0]).stem]
        guesses.append(Guess(pair[0], "format", "seerstat", f"{dictionary} is beside it", "sure"))
        cases = ["[cases]", f"file = {quoted(pair[0])}", 'format = "seerstat"',
                 f"dictionary = {quoted(dictionary)}"]  # fmt: skip
    elif "cases" in chosen:
        case_part, more = case_lines(chosen["cases"], date_format)
        cases = ["[cases]", *case_part]
        guesses += more
    else:
        raise FileError(
            "the folder has no file that looks like cases",
            value=str(folder),
            allowed=names or "a file of cases",
            remedy="Say --cases FILE.",
        )
    others: list[str] = []
    for kind in _OTHERS:
        if kind in chosen:
            each = chosen[kind]
            others += ["", f"[{kind}]", *how(each), *_age_groups(each, kind)]
    unused = [each.name for each in sniff if each not in chosen.values()]
    if unused:
        guesses.append(Guess(", ".join(unused), "not used", "", "no known columns", "check"))
    lines = [*_comments(guesses), "", *head, "", *cases, *others]
    return Proposal("\n".join(lines) + "\n", tuple(guesses))


def _kind(each: Sniffed) -> tuple[Kind | None, str]:
    """Return which file of a submission this is, by its columns, and why."""
    if set(ENCR) <= set(each.sample.columns):
        return "cases", "it has the 39 columns of an ENCR-JRC incidence file"
    yearly = each.has(*_YEARS) is not None
    if yearly and (column := each.has(*_DEATHS)):
        return "mortality", f"it has years and {column!r}"
    site = each.has("topography", "topo", *OTHER_NAMES["topography"])
    dated = each.has("incidence_date", *OTHER_NAMES["incidence_date"]) or each.has("mmdx")
    if site or dated:
        return "cases", f"it has {site or dated!r}, one row per tumour"
    if yearly and (column := each.has(*PERSONS)):
        return "population", f"it has years and {column!r}"
    if yearly and (column := each.has(*RISKS)):
        return "life_table", f"it has years and {column!r}"
    return None, ""


def _one(
    kind: Kind, candidates: Sequence[tuple[Sniffed, str]], asked: str | None
) -> tuple[Sniffed, Guess]:
    named = [each for each in candidates if each[0].name == asked]
    if asked is not None and not named:
        raise UsageError(
            f"this does not look like a file of {kind}",
            value=asked,
            allowed=[each.name for each, _ in candidates],
        )
    if asked is None and len(candidates) > 1:
        raise UsageError(
            f"two files may be the {kind.replace('_', ' ')}",
            value=", ".join(each.name for each, _ in candidates),
            remedy=f"Say --{kind.replace('_', '-')} FILE.",
        )
    sniff, why = (named or candidates)[0]
    return sniff, Guess(sniff.name, "is", kind.replace("_", " "), why, "likely")


def _years(cases: Sniffed | None) -> tuple[int, int] | None:
    """Return the first and last year of incidence among the records looked at."""
    if cases is None:
        return None
    names = ("yoi", "incidence_date", "yydx", *OTHER_NAMES["incidence_date"])
    column = cases.has(*names)
    if column is None:
        return None
    seen = as_text(cases.sample[column]).str.extract(r"(19\d\d|20\d\d)").cast(pl.Int32)
    first, last = seen.min(), seen.max()
    return (cast(int, first), cast(int, last)) if seen.count() else None


def _head(folder: Path, years: tuple[int, int] | None) -> list[str]:
    first, last = years or (1900, 1900)
    seen = "as in the records looked at" if years else "first and last year of incidence submitted"
    return [
        "[submission]",
        f"registry = {quoted(folder.resolve().name)}  # the folder's name; correct it",
        'country = "??"  # two letters, ISO 3166',
        'region = ""',
        f"period = [{first}, {last}]  # {seen}; correct it",
        "# closing_date = 2020-12-31  # last day to which follow-up is complete",
        'contact = ""',
        "confirmed = false  # true once every line below is checked",
    ]


def _age_groups(each: Sniffed, kind: str) -> list[str]:
    column = each.has(*AGES)
    if kind == "life_table" or column is None:
        return []
    if not may_be_numbers(as_text(each.sample[column]).drop_nulls().unique().to_list()):
        return []
    return [f'age_groups = "?"  # what {one_line(column)} is: "lower", ages; "number", 1 = 0-4']


def _comments(guesses: Sequence[Guess]) -> list[str]:
    said = (
        f"{each.sureness:7} {each.file}: {each.what} {each.value} ({each.why})" for each in guesses
    )
    return [
        f"# {FILE}, proposed from the files of this folder. Check every line.",
        "# What was guessed, how sure it is, and why:",
        *(f"# {one_line(each)}" for each in said),
    ]
