"""The slow, obvious twin of the audit's totals check: cells as sets of cases, one by one."""

from . import tables

DIMENSIONS = ("entity_id", "area", "sex", "age_group", "period")


def parents(dim):
    """Return each value's nearest holder: the smallest set that holds it and is not itself.

    Where two values hold the same cases, the one listed first is the holder.
    """
    order = {value: i for i, value in enumerate(dim)}
    found = {}
    for value, own in dim.items():
        holders = [
            v
            for v, s in dim.items()
            if (own < s or (own == s and order[v] < order[value])) and v not in {"rare", value}
        ]
        found[value] = min(holders, key=lambda v: (len(dim[v]), -order[v]), default=None)
    return found


def given_away(rows, measure, count, time, threshold, *, standard):
    """Return {(dimension, total's cell)} of the relations that give something away."""
    dims = (
        tables.ENTITIES, tables.AREAS, tables.SEX, tables.AGES[measure], tables.PERIODS,
    )  # fmt: skip
    shown = {}
    for row in rows.iter_rows(named=True):
        if row["measure"] == measure and row["time_years"] == time and row["standard"] in standard:
            shown[tuple(row[d] for d in DIMENSIONS)] = row[count]
    faults = set()
    for place, (name, dim) in enumerate(zip(DIMENSIONS, dims, strict=True)):
        holder = parents(dim)
        for total, value in shown.items():
            for group in ("families", "rare"):
                parts = [
                    shown[cell]
                    for other in dim
                    if holder[other] == total[place] and (other == "rare") == (group == "rare")
                    for cell in [(*total[:place], other, *total[place + 1 :])]
                    if cell in shown
                ]
                if parts and _gives_away(value, parts, threshold, count):
                    faults.add((name, total))
    return faults


def _gives_away(total, parts, threshold, count):
    hidden = sum(part is None for part in parts)
    known = sum(part for part in parts if part is not None)
    if total is None:
        return hidden == 0 and known > 0
    left = total - known
    if left == 0:
        return False  # nothing is left but counts of 0
    return hidden == 1 or left < threshold or (count == "n" and hidden >= 2 and left <= hidden)
