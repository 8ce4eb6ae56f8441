"""The page of all checks, made of the checks themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rarecare.codes.site_morphology import site_families
from rarecare.registry.checks.check import SURENESS, Check
from rarecare.registry.checks.messages import message
from rarecare.registry.checks.register import CHECKS
from rarecare.registry.checks.stage_tables import rows, sites

_SCOPES = {
    "record": "each record of the cases",
    "value": "each value as it is read, in every file",
    "tumours": "all records of the cases together",
    "patient": "the records of one person together",
    "cases": "the file of cases as a whole",
    "population": "the population file",
    "mortality": "the mortality file",
    "life_table": "the life table",
}

_INTRODUCTION = """\
# Data checks

<!-- Written by `make checks` from the checks themselves. Do not edit. -->

The checks say what is wrong with a registry's files, row by row.
An **error** is impossible: the record cannot be used until it is corrected.
A **warning** is unlikely: the record is corrected, or confirmed by whoever looked at it.
What is unknown breaks no rule: where a value is missing, a check cannot tell.

A registry can silence a check, or confirm a record in `confirmed.csv` (`tumour_id`, `code`, `who`,
`when`). Findings silenced or confirmed stay in the report, marked so. An error cannot be confirmed.

A date known to the month or year breaks a rule only where no day within it would keep it.

The rules are those of the JRC-ENCR procedure and of the IARC check program as far as they could be
established, not a certified copy of either. Each says how sure it is:

"""

_NOT_COVERED = """\
## What is not covered

- Layout, order of columns, encoding and divider are checked when a file is read, and refused with
  their own messages.
- Whether a stage follows from T, N and M is checked at the sites of the table below, by the main
  stages I to IV alone; elsewhere only that metastases mean stage IV. Breast of the eighth edition
  has stages that need more than T, N and M: there it is checked only that stage IV needs
  metastases. The oesophagus, stomach, bile ducts, oropharynx, thyroid, thymus, vulva, penis,
  sarcomas, lymphomas and others are not covered. No official table was at hand: these rows are
  from memory.
- Letters and sub-stages (IIIA, M1b) are not checked by site. Essential TNM is checked only for
  metastases, condensed TNM by nodes and metastases.
- MX is taken as unknown in every edition.
- Ages of childhood tumours by group of ICCC-3 are checked as far as the IARC program does.
- The edition of ICD-O-3 is not in the file: codes of 3.1 and 3.2 are both taken.
- Deaths are checked within their file; mortality beside incidence is a matter of quality.

"""


def page() -> str:
    """Return the page in Markdown."""
    return "\n".join(
        [*_overview(), *_entries(), _NOT_COVERED.rstrip() + "\n", *_stages(), *_families()]
    )


def entry(check: Check) -> str:
    """Return the entry of one check."""
    said = message(check)
    title = said.title
    if check.family == "missing":
        title = title.replace(check.columns[0], f"`{check.columns[0]}`", 1)
    columns = ", ".join(f"`{name}`" for name in check.columns) or "all"
    return f"""\
#### {check.code}

**{title}.** {said.why}
{said.remedy}

- {check.severity}; looks at {_SCOPES[check.applies_to]}
- columns: {columns}
- source: {check.source}; sureness {check.sureness}
"""


def _overview() -> Iterator[str]:
    yield _INTRODUCTION + "\n".join(f"- {letter}: {words}" for letter, words in SURENESS.items())
    counts = Counter((check.family, check.severity) for check in CHECKS)
    yield f"\nThere are {len(CHECKS)} checks:\n\n| family | errors | warnings |\n|---|---|---|"
    for family in dict.fromkeys(check.family for check in CHECKS):
        yield f"| {family} | {counts[family, 'error']} | {counts[family, 'warning']} |"
    yield ""


def _entries() -> Iterator[str]:
    yield "## The checks\n"
    for family in dict.fromkeys(check.family for check in CHECKS):
        yield f"### {family[0].upper()}{family[1:]}\n"
        for check in CHECKS:
            if check.family == family:
                yield entry(check)


def _stages() -> Iterator[str]:
    yield """\
## Stages by T, N and M

The check `stage-tnm` is made of these rows, of tumours without distant metastases, in the editions
named; with them, stage IV (testis: III). From memory of the UICC's TNM: sureness C. What is unknown
may be anything, so a stage is found only where no value of it would fit.

| site | topography | morphology | edition | T | N | stage |
|---|---|---|---|---|---|---|"""
    codes = {row["name"]: row for row in sites().iter_rows(named=True)}
    for row in rows().iter_rows(named=True):
        own = codes.get(row["name"], {"topography": "all", "morphology": "all"})
        cells = [row["name"], own["topography"], own["morphology"], row["editions"], row["t"]]
        cells += [row["n"], row["stages"]]
        yield "| " + " | ".join(cell.replace(";", ", ") for cell in cells) + " |"
    yield ""


def _families() -> Iterator[str]:
    yield """\
## Families of site and morphology

The check `site-morphology` is made of these rows. A morphology in a row "only" belongs to these
sites, and to those of its other rows; one in a row "never" does not. A morphology in no row may
stand at any site. At ill-defined and unknown sites (C26.8, C26.9, C39, C76, C80) it cannot be told.
The families are named in IARC Technical Report 42; members and sites are not copied from it.
"""
    for row in site_families().iter_rows(named=True):
        codes = {name: row[name].replace(";", ", ") for name in ("morphology", "topography")}
        yield (
            f"- **{row['family']}**, {row['rule']}: {codes['morphology']} at {codes['topography']} "
            f"({row['sureness']})"
        )
    yield ""
