"""Tables of a release made from random cases: every margin is a sum over the same cases."""

from itertools import product

import numpy as np
import polars as pl

COLUMNS = {
    "measure": pl.String, "entity_id": pl.String, "area": pl.String, "sex": pl.String,
    "age_group": pl.String, "period": pl.String, "time_years": pl.Float64,
    "standard": pl.String, "method": pl.String, "n": pl.Int64, "events": pl.Int64,
    "at_risk": pl.Int64, "person_years": pl.Float64, "unit": pl.String,
    "estimate": pl.Float64, "se": pl.Float64, "lower": pl.Float64, "upper": pl.Float64,
    "level": pl.Float64, "status": pl.String, "reason": pl.String,
    "classification_confidence": pl.String, "synthetic": pl.Boolean,
}  # fmt: skip
ENTITY_COLUMNS = {
    "entity_id": pl.String, "parent_id": pl.String, "family": pl.String, "tier": pl.Int64,
    "name": pl.String, "rare": pl.String, "codes_confidence": pl.String,
    "icss_standard": pl.String,
}  # fmt: skip
AREA_COLUMNS = dict.fromkeys(("area", "kind", "name", "country", "region"), pl.String)

# Leaves: 01 has tier 2; cases of 01.01 with a broad code are in none of its tier 2.
LEAVES = ("01.01", "01.01.01", "01.01.02", "01.02", "02.01")
ENTITIES = {
    "all": {*LEAVES}, "rare": {"01.02", "02.01"}, "01": {*LEAVES[:4]}, "02": {"02.01"},
    "01.01": {*LEAVES[:3]}, "01.01.01": {"01.01.01"}, "01.01.02": {"01.01.02"},
    "01.02": {"01.02"}, "02.01": {"02.01"},
}  # fmt: skip
PARENTS = {
    "all": (None, -1), "rare": ("all", -1), "01": ("all", 0), "02": ("all", 0),
    "01.01": ("01", 1), "01.02": ("01", 1), "02.01": ("02", 1), "01.01.01": ("01.01", 2),
    "01.01.02": ("01.01", 2),
}  # fmt: skip
COUNTRIES = ("AA", "BB", "CC")
AREAS = {
    "all": {*COUNTRIES}, "North": {"AA", "BB"}, "South": {"CC"},
    "AA": {"AA"}, "BB": {"BB"}, "CC": {"CC"},
}  # fmt: skip
REGION = {"AA": "North", "BB": "North", "CC": "South"}
SEX = {"all": {"female", "male"}, "female": {"female"}, "male": {"male"}}
YOUNG, MIDDLE, OLD, UNKNOWN = "0-14", "15-74", "75+", "unknown"
AGES = {
    "incidence": {"all": {YOUNG, MIDDLE, OLD, UNKNOWN}, YOUNG: {YOUNG}, MIDDLE: {MIDDLE},
                  OLD: {OLD}},
    "net survival": {YOUNG: {YOUNG}, "15-99": {MIDDLE, OLD}, MIDDLE: {MIDDLE}, OLD: {OLD}},
}  # fmt: skip
PERIODS = {"2000-2001": {"2000", "2001"}, "2000": {"2000"}, "2001": {"2001"}}
TIMES = (1.0, 5.0, 10.0)
ATOMS = (LEAVES, COUNTRIES, ("female", "male"), (YOUNG, MIDDLE, OLD, UNKNOWN), ("2000", "2001"))


def entities():
    rows = [(e, p, "", t, e, None, "derived", "1") for e, (p, t) in PARENTS.items()]
    return pl.DataFrame(rows, schema=ENTITY_COLUMNS, orient="row")


def areas():
    rows = [("all", "all", "all", None, None)]
    rows += [(r, "region", r, None, r) for r in ("North", "South")]
    rows += [(c, "country", c, c, REGION[c]) for c in COUNTRIES]
    return pl.DataFrame(rows, schema=AREA_COLUMNS, orient="row")


def cases(seed, mean, *, whole=False):
    """Cases by atom, shape of ATOMS, and their deaths and leavings by interval.

    ``whole``: whether every case is in a listed part and of known age.
    """
    rng = np.random.default_rng(seed)
    shape = tuple(len(axis) for axis in ATOMS)
    n = rng.poisson(mean * rng.gamma(0.5, 2, shape))
    n[..., 3, :] = rng.poisson(0.05, n[..., 3, :].shape)
    if whole:
        n[0] = n[..., 3, :] = 0
    dead, left = [], []
    alive = n.copy()
    for _ in TIMES:
        died = rng.binomial(alive, 0.3)
        lost = rng.binomial(alive - died, 0.1)
        alive = alive - died - lost
        dead.append(died)
        left.append(lost)
    return n, np.cumsum(dead, axis=0), n - np.cumsum(dead, axis=0) - np.cumsum(left, axis=0)


def estimates(seed=1, mean=1.0, *, measures=("incidence", "net survival"), keep=None,
              whole=False):  # fmt: skip
    """The whole cube of margins; ``keep(entity, area, sex, age, period)`` chooses cells."""
    n, events, at_risk = cases(seed, mean, whole=whole)
    rows = []
    for measure in measures:
        dims = (ENTITIES, AREAS, SEX, AGES[measure], PERIODS)
        for cell in product(*dims):
            if keep is not None and not keep(*cell):
                continue
            held = np.ix_(
                *(
                    [atom in dim[value] for atom in axis]
                    for dim, value, axis in zip(dims, cell, ATOMS, strict=True)
                )
            )
            if measure == "incidence":
                rows += _incidence(cell, n[held])
            elif n[held].sum():
                counts = [(int(e[held].sum()), int(r[held].sum())) for e, r in
                          zip(events, at_risk, strict=True)]  # fmt: skip
                rows += _survival(cell, int(n[held].sum()), counts)
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def _incidence(cell, n):
    rows = []
    whole = cell[3] == "all"
    unknown = int(n[..., 3, :].sum()) if whole else 0
    total = int(n.sum())
    remark = f"age unknown in {unknown} of {total} cases: left out" if unknown else None
    kinds = [("none", total, None), ("esp2013", total - unknown, remark)]
    for standard, count, said in kinds if whole else kinds[:1]:
        years = 1000.0 * len(cell[0]) + 100.0
        rate = count / years * 1e5
        numbers = (rate, count**0.5 / years * 1e5, rate * 0.5, rate * 2)
        rows.append(("incidence", *cell, None, standard, "exact", count, None, None, years,
                     "per 100 000", *numbers, 0.95, "ok", said, "derived", True))  # fmt: skip
    return rows


def _survival(cell, n, counts):
    rows = []
    for standard in ("none", "icss1") if cell[3] == "15-99" else ("none",):
        for time, (events, at_risk) in zip(TIMES, counts, strict=True):
            s = 1 - events / n
            numbers = (s, 0.01, s * 0.9, s * 1.1) if at_risk else (None,) * 4
            status, reason = ("ok", None) if at_risk else ("not estimable", "no one at risk")
            rows.append(("net survival", *cell, time, standard, "pohar-perme", n, events, at_risk,
                         None, "proportion", *numbers, 0.95, status, reason, "derived",
                         True))  # fmt: skip
    return rows
