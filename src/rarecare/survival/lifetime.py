"""Average years of life lost over a lifetime: observed survival, continued as expected.

Source: Andersson et al., *Statistics in Medicine* 2013;32:5286-5300 (loss in expectation of
life); METHODS section 3 of the project's methods page. Up to a time survival is observed
(Kaplan–Meier); then those still followed live on as the general population of their ages, times
a constant conditional relative survival. A pooled continuation is biased by the mix of ages: it is
made by age class, and averaged over the cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist
from typing import Any, Literal, Unpack

import numpy as np
import polars as pl

from rarecare.errors import UsageError
from rarecare.population.life_table import LifeTable
from rarecare.registry import Cases
from rarecare.results import NOT_ESTIMABLE, OK, Result
from rarecare.survival.analysis import Choices, analyse
from rarecare.survival.curves import Floats, counts, greenwood, kaplan_meier
from rarecare.survival.mortality import LIFETIME
from rarecare.survival.plan import AGE_CLASS, Standard
from rarecare.survival.standards import ages_of, internal_standard, with_age_classes
from rarecare.survival.survival import needed
from rarecare.tally.follow_up import FollowUpPlan, tally_follow_up

CLASSES = (0, 45, 55, 65, 75)
Relative = float | Literal["last year"]
_METHODS = ("years-expected", "years-lived", "years-lost")


def life_years_lost(
    cases: Cases | Any,
    life_table: LifeTable,
    *,
    until: float = 10,
    relative: Relative = "last year",
    classes: Sequence[int] = CLASSES,
    **choices: Unpack[Choices],
) -> Result:
    """Return the average years of life lost over a lifetime.

    Parameters
    ----------
    cases, life_table, **choices
        See ``net_survival``; without times, windows and standard.
    until
        Years to which survival is observed.
    relative
        Yearly survival relative to the general population from then on: a number, or
        ``"last year"``: that of the last year observed (Ederer II), 1 at most.
    classes
        First completed age of each class in which survival is continued.

    Returns
    -------
    Result
        Per stratum ``years-expected`` (life expectancy at diagnosis), ``years-lived`` and
        ``years-lost``, their difference, with the standard error of the observed part, and in
        ``reason`` the relative survival used.

    Raises
    ------
    UsageError
        A choice that this has not, or ``until`` or ``relative`` out of range.
    InputError
        See ``net_survival``.
    """
    lives = needed(life_table, "years of life lost")
    unused = [
        name
        for name in ("at", "at_days", "window", "incidence", "approach", "standard", "weighted")
        if choices.get(name)
    ]
    if unused:
        raise UsageError("years of life lost have no such choice", value=unused[0])
    if not 1 < until < LIFETIME:
        raise UsageError("until is out of range", value=until, allowed="years, 1 to 100")
    if relative != "last year" and not (isinstance(relative, float | int) and relative > 0):
        raise UsageError(
            "relative is out of range", value=relative, allowed="above 0, or 'last year'"
        )
    year = choices.get("days_per_year", 365.2425)
    own: Choices = {**choices, "at": (until - 1, until), "by": ()}
    whole = analyse(cases, lives, ("restricted-mean", "ederer2", "ederer1"), own)
    by = choices.get("by", ())
    by = (by,) if isinstance(by, str) else tuple(by)
    ages = ages_of(whole.table, year)
    standard = internal_standard(ages, classes)
    table = with_age_classes(whole.table, standard, year)
    strata = (*by, AGE_CLASS)
    engine = choices.get("engine")
    followed = tally_follow_up(
        table, _plan(lives, strata, until, year, ("ederer2",)), life_table=lives, engine=engine
    )
    expected = _lifetime(table, lives, strata, LIFETIME, choices)
    day = int(until * year)
    alive = table.filter(pl.col("follow_up_days") > day).with_columns(
        (pl.col("incidence_date").cast(pl.Date) + pl.duration(days=day)).alias("incidence_date"),
        pl.col("age_days") + day,
        follow_up_days=pl.lit(1),
        died=pl.lit(value=False),
    )
    later = _lifetime(alive, lives, strata, LIFETIME - until, choices) if alive.height else {}
    rows = []
    for place, stratum in enumerate(followed.strata.iter_rows()):
        arrays = {name: array[place : place + 1] for name, array in followed.arrays.items()}
        rows.append(
            _class_row(arrays, expected[stratum], later.get(stratum), relative, until, year)
        )
    names = [*by, AGE_CLASS]
    parts = pl.DataFrame(rows, schema_overrides={"lived": pl.Float64, "variance": pl.Float64})
    parts = followed.strata.select(names).hstack(parts)
    answer = _averaged(parts, by, standard, choices.get("level", 0.95), until, year)
    return Result(answer, whole.provenance("Average years of life lost over a lifetime"))


def _plan(
    life_table: LifeTable, strata: Sequence[str], years: float, year: float, sums: Any
) -> FollowUpPlan:
    return FollowUpPlan(
        strata=tuple(strata), estimators=sums, times=(float(int(years * year)),),
        days_per_year=year, life_table=life_table.hash,
    )  # fmt: skip


def _lifetime(
    table: pl.DataFrame, lives: LifeTable, strata: Sequence[str], years: float, choices: Choices
) -> dict[tuple[Any, ...], Floats]:
    """Return mean expected survival on each day, from day 0, by stratum."""
    year = choices.get("days_per_year", 365.2425)
    plan = _plan(lives, strata, years, year, ("ederer1",))
    tally = tally_follow_up(table, plan, life_table=lives, engine=choices.get("engine"))
    curves = tally.arrays["s_all"] / tally.arrays["weight"][:, None]
    return {
        stratum: np.concatenate([[1.0], curves[place]])
        for place, stratum in enumerate(tally.strata.iter_rows())
    }


def _class_row(  # noqa: PLR0917 - the parts of one row
    arrays: Any,
    expected: Floats,
    later: Floats | None,
    relative: Relative,
    until: float,
    year: float,
) -> dict[str, Any]:
    """Return expected and lived years of one stratum and age class."""
    at_risk, deaths, deaths2 = counts(arrays)
    survival = np.concatenate([[1.0], kaplan_meier(arrays)[0]])
    n = int(arrays["cases"][0])
    row: dict[str, Any] = {
        "n": n, "events": int(arrays["deaths"].sum()), "at_risk": int(arrays["at_risk"][0, -1]),
        "expected": float(np.trapezoid(expected)) / year, "lived": None, "variance": None,
        "ratio": None, "why": None,
    }  # fmt: skip
    if later is None and survival[-1] > 0:
        row["why"] = f"no one is followed beyond {until:g} years in an age class"
        return row
    ratio = 1.0
    if later is not None and relative == "last year":
        back = max(at_risk.shape[1] - round(year), 0)
        excess = deaths / np.where(at_risk > 0, at_risk, 1) - arrays["expected"] / np.where(
            at_risk > 0, at_risk, 1
        )
        ratio = min(float(np.exp(-excess[0, back:].sum())), 1.0)
    elif later is not None:
        ratio = float(relative)
    tail = 0.0
    if later is not None:
        days = np.arange(len(later))
        tail = float(np.trapezoid(ratio ** (days / year) * later)) * survival[-1]
    lived = np.concatenate([[0.0], np.cumsum(survival[:-1])])
    ahead = lived[-1] - lived[1:] + tail  # years after each day, the continuation included
    spread = greenwood(deaths, deaths2, at_risk)[0]
    row["lived"] = (lived[-1] + tail) / year
    row["variance"] = float((ahead**2 * np.where(np.isfinite(spread), spread, 0)).sum()) / year**2
    row["ratio"] = ratio
    return row


def _averaged(  # noqa: PLR0917
    parts: pl.DataFrame, by: tuple[str, ...], standard: Standard, level: float, until: float,
    year: float,
) -> pl.DataFrame:  # fmt: skip
    """Return the averages over the age classes of each stratum, weighed by cases."""
    z = NormalDist().inv_cdf(0.5 + level / 2)
    keyed = parts if by else parts.with_columns(group=pl.lit("all"))
    names = list(by) or ["group"]
    rows = []
    for own in keyed.partition_by(names, maintain_order=True):
        n = int(own["n"].sum())
        share = (own["n"] / n).to_numpy()
        why = own["why"].drop_nulls()
        expected = float((share * own["expected"].to_numpy()).sum())
        lived = se = None
        said = why[0] if len(why) else None
        if said is None:
            lived = float((share * own["lived"].to_numpy()).sum())
            se = sqrt(float((share**2 * own["variance"].to_numpy()).sum()))
            used = [
                f"{standard.labels[int(c)]} {ratio:.3f}"
                for c, ratio in zip(own[AGE_CLASS], own["ratio"], strict=True)
            ]
            said = f"relative survival a year after {until:g} years: {', '.join(used)}"
        values = {
            "years-expected": (expected, None),
            "years-lived": (lived, se),
            "years-lost": (None if lived is None else expected - lived, se),
        }
        for method in _METHODS:
            value, error = values[method]
            rows.append(
                {
                    **{name: own[name][0] for name in names},
                    "method": method, "standard": "none", "time_years": until,
                    "time_days": float(int(until * year)), "n": n,
                    "at_risk": int(own["at_risk"].sum()), "events": int(own["events"].sum()),
                    "estimate": value, "se": error,
                    "lower": None if value is None or error is None else value - z * error,
                    "upper": None if value is None or error is None else value + z * error,
                    "level": level, "status": NOT_ESTIMABLE if value is None else OK,
                    "reason": "follows from the life table alone: no interval"
                    if method == "years-expected" else said,
                }
            )  # fmt: skip
    return pl.DataFrame(rows, infer_schema_length=None)
