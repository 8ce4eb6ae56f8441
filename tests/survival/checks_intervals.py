"""Interval life tables beside R's popEpi, with every difference explained to its last digit.

Each function takes a ``tests.validation.check.Real`` and yields pairs of ``Check``: popEpi's file
beside its replay, and ours beside the same replay without popEpi's own doings. Together they
prove the cause of the difference between the two. Differences are relative. The files have twelve
significant digits. Published output of Stata's strs is in ``tests.validation.survival.strs``.
"""

import numpy as np
import polars as pl

from rarecare import LifeTable
from rarecare.survival import interval_survival
from tests.reference import popepi_interval_twin as popepi
from tests.reference.popepi_twin import fractional_year
from tests.reference.replay_checks import TWELVE, apart, finland, worst_of
from tests.validation.check import AGES, LABELS, SHARED, Check

OURS = 2e-12  # rounding: sums of 8 227 cases, 180 intervals, logarithms near 1 in the limits
RIGHT = {"half": 0.5, "early": 0.0, "left_at_end": False}
METHODS = {"e2": "ederer2", "pp": "pohar-perme"}
FORMS = {"hazard": "hazard", "lifetable": "actuarial"}
BREAKS = {
    "month": tuple(k / 12 for k in range(181)),
    "year": tuple(float(k) for k in range(16)),
    "vary": (0.0, 1 / 12, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 15.0),
}
TEN_YEARS = BREAKS["month"][:121]
PERIODS = {"1993-97": 1993, "1998-02": 1998, "2003-07": 2003, "2008-12": 2008}
SIGN = "popEpi takes half an interval's hazard away from the weights, and ends intervals √ε early"


def sire():
    """Return popEpi's cases as arrays for the replay, its rates, and its life table as ours."""
    frame, rates, time = finland()
    number = {level: place for place, (level,) in enumerate(rates.levels)}
    cases = {
        "level": np.array([number[sex] for sex in frame["sex"]]),
        "age": frame["dg_age"].to_numpy(),
        "year": fractional_year(frame["incidence_date"]),
        "entry": np.zeros(len(time)),
        "time": time,
        "died": frame["died"].to_numpy(),
    }
    raw = pl.read_csv(SHARED / "data" / "popEpi_popmort.csv").rename({"agegroup": "age"})
    lives = LifeTable.read(raw, codes={"sex": {"0": "male", "1": "female"}})
    return cases, rates, lives


def chosen(cases, who):
    """The cases of a mask."""
    return {name: values[who] for name, values in cases.items()}


def ours(cases, lives, breaks, *, form, method):
    """Our life table of the same cases: the rows of a method."""
    frame = pl.DataFrame(
        {
            "sex": np.array(["male", "female"])[cases["level"]],
            "age_years": cases["age"],
            "diagnosis_year": cases["year"],
            "entry_years": cases["entry"],
            "time_years": cases["time"],
            "died": cases["died"],
        }
    )
    return interval_survival(
        frame, lives, breaks=breaks, convention="popepi", form=FORMS[form], method=method
    ).table


def beside(part, replayed, method, at):
    """The largest difference of any column of a file from the replay, at these intervals."""
    renamed = {
        "rs": method, "rs.lo": f"{method}.lo", "rs.hi": f"{method}.hi", "SE.rs": f"SE.{method}",
        "lo": f"{method}.lo", "hi": f"{method}.hi", "SE": f"SE.{method}",
    }  # fmt: skip
    compared = []
    for name in part.columns:
        column = renamed.get(name, name)
        if name == "d.exp" and method == "pp":
            column = "d.exp.pp"  # weighted there
        if column in replayed and part[name].null_count() < part.height:
            compared.append(apart(replayed[column][at], part[name]))
    return worst_of(compared), len(compared)


def right(cases, rates, lives, breaks, *, form, method):
    """The largest difference of ours from the replay without popEpi's own doings.

    Before the first death popEpi's limits are the estimate; ours are missing.
    """
    replayed = popepi.survtab(cases, popepi.hazards(rates, cases), breaks, form=form, **RIGHT)
    size, seen = len(replayed["d"]), replayed["d"].cumsum() > 0
    compared = []
    for name, own in (("surv.obs", "observed"), (method, METHODS[method])):
        table = ours(cases, lives, breaks, form=form, method=own).head(size)
        for limit in ("lower", "upper"):
            table = table.with_columns(pl.when(pl.col(limit).is_null() & ~pl.Series(seen))
                                       .then("estimate").otherwise(limit).alias(limit))  # fmt: skip
        se, lower, upper = f"SE.{name}", f"{name}.lo", f"{name}.hi"
        pairs = {"deaths": "d", "n": "n", "person_years": "pyrs", "withdrawn": "n.cens",
                 "estimate": name, "se": se, "lower": lower, "upper": upper}  # fmt: skip
        compared += [apart(table[mine], replayed[theirs]) for mine, theirs in pairs.items()]
    return worst_of(compared)


def yielded(name, what, cause, form, *, rows, replay, own):
    """The two checks of one part of a file."""
    call = f"interval_survival(..., convention='popepi', form={FORMS[form]!r})"
    yield Check(name, f"{what}: every column, replayed", rows, replay, TWELVE, cause,
                "popepi_interval_twin.survtab(...)")  # fmt: skip
    yield Check(name, f"{what}: ours beside the replay without that", rows, own, OURS,
                "rounding of sums", call)  # fmt: skip


def popepi_overall(real):
    """All of sire: three sets of breaks, two methods, two forms."""
    name = "popEpi_survtab_sire_overall.csv"
    cases, rates, lives = sire()
    at = popepi.hazards(rates, cases)
    for (method, form), group in real.reference(name).group_by(
        "relsurv.method", "surv.method", maintain_order=True
    ):
        replay, own = [], []
        for (breaks,), part in group.group_by("breaks", maintain_order=True):
            replayed = popepi.survtab(cases, at, BREAKS[breaks], form=form)
            largest, columns = beside(part, replayed, method, slice(part.height))
            assert columns >= 10
            replay.append(largest)
            own.append(right(cases, rates, lives, BREAKS[breaks], form=form, method=method))
        cause = "rounding" if method == "e2" else SIGN
        if form == "lifetable":
            cause += "; one censored on a break withdraws before it there, after it with us"
        yield from yielded(name, f"{METHODS[method]}, {form}", cause, form, rows=group.height,
                           replay=worst_of(replay), own=worst_of(own))  # fmt: skip


def popepi_by(real):
    """Age groups and periods, monthly."""
    name = "popEpi_survtab_sire_by.csv"
    cases, rates, lives = sire()
    group = np.array(LABELS)[np.searchsorted(AGES, cases["age"], side="right")]
    for (method,), whole in real.reference(name).group_by("relsurv.method", maintain_order=True):
        replay, own = [], []
        for (by, level), part in whole.group_by("by", "level", maintain_order=True):
            if by == "agegr":
                who = group == level
            else:
                who = (cases["year"] >= PERIODS[level]) & (cases["year"] < PERIODS[level] + 5)
            mine = chosen(cases, who)
            replayed = popepi.survtab(mine, popepi.hazards(rates, mine), TEN_YEARS, form="hazard")
            at = np.round(np.array(part["Tstop"], dtype=float) * 12).astype(int) - 1
            kept = part.filter(pl.Series(at < len(replayed["d"])))
            assert kept.height == part["rs"].drop_nulls().len()
            replay.append(beside(kept, replayed, method, at[at < len(replayed["d"])])[0])
            own.append(right(mine, rates, lives, TEN_YEARS, form="hazard", method=method))
        cause = "rounding" if method == "e2" else SIGN
        yield from yielded(name, METHODS[method], cause, "hazard", rows=whole.height,
                           replay=worst_of(replay), own=worst_of(own))  # fmt: skip


def popepi_period(real):
    """Calendar windows, in a run that had dropped the person-time before them."""
    name = "popEpi_survtab_sire_period.csv"
    cases, rates, lives = sire()
    last_seen = cases["year"] + cases["time"]
    for (method,), whole in real.reference(name).group_by("relsurv.method", maintain_order=True):
        replay, own = [], []
        for (window,), part in whole.group_by("window", maintain_order=True):
            first, last = (float(year) for year in window.split("-"))
            within = cases | {
                "entry": np.maximum(0.0, first - cases["year"]),
                "time": np.minimum(cases["time"], last - cases["year"]),
                "died": cases["died"] & (last_seen <= last),
                "unweighted": np.abs(last_seen - last) < 1e-9,
            }
            mine = chosen(within, within["time"] > within["entry"] + 1e-10)
            replayed = popepi.survtab(
                mine, popepi.hazards(rates, mine), TEN_YEARS, form="hazard", from_entry=True
            )
            at = np.round(np.array(part["Tstop"], dtype=float) * 12).astype(int) - 1
            replay.append(beside(part, replayed, method, at)[0])
            weighted = {name: values for name, values in mine.items() if name != "unweighted"}
            own.append(right(weighted, rates, lives, TEN_YEARS, form="hazard", method=method))
        cause = "rounding" if method == "e2" else (
            SIGN + "; weights start at the window; deaths on the window's last instant are counted "
            "but not weighted"
        )  # fmt: skip
        yield from yielded(name, METHODS[method], cause, "hazard", rows=whole.height,
                           replay=worst_of(replay), own=worst_of(own))  # fmt: skip


CHECKS = (popepi_overall, popepi_by, popepi_period)
