"""Is a morphology unlikely at a site? Row by row of the table, by comparing text."""

import csv
from importlib.resources import files

TABLE = files("rarecare.codes") / "tables" / "site_morphology.csv"
ROWS = list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines()))
ILL_DEFINED = ("C26.8", "C26.9", "C39.0", "C39.8", "C39.9", "C76", "C80")


def inside(value, ranges):
    for part in ranges.split(";"):
        ends = part.split("-")
        if ends[0] <= value <= ends[-1]:
            return True
    return False


def is_unlikely(site, morphology):
    """True, False, or None where it cannot be told."""
    if site.startswith(ILL_DEFINED):
        return None
    mine = [row for row in ROWS if inside(str(morphology), row["morphology"])]
    if any(row["rule"] == "never" and inside(site, row["topography"]) for row in mine):
        return True
    only = [row for row in mine if row["rule"] == "only"]
    return bool(only) and not any(inside(site, row["topography"]) for row in only)
