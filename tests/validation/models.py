"""Every reference of the excess-hazard models beside ours: Stata, popEpi, relsurv, and the rest.

Models of single cases are in ``models_parametric``. relsurv's and popEpi's own conventions are
replayed in the table of cells, so that the cause of a difference is shown and not supposed.
"""

from functools import cache
from itertools import pairwise

import numpy as np
import polars as pl

from rarecare.models import (
    excess_cells,
    fit_poisson,
    flexible_excess_hazard,
    hazard_model,
    persons,
)
from rarecare.tally.intervals import IntervalPlan, tally_intervals
from tests.reference import popepi_interval_twin, relsurv_split_day_twin, relsurv_twin
from tests.reference.replay_checks import AGES, LABELS, apart, finland, slovenia, worst_of
from tests.validation import models_others, models_parametric
from tests.validation.check import ROOT, SHARED, Check, D
from tests.validation.models_parametric import STOPS, compared, errors, invented, turned

COVARIATES = ("fem", "agegr", "stage", "rectum")
FORMULA = "~ fem + agegr + stage + rectum"
CHOICES = {"days_per_year": D, "allow_outside": 1.0}
EXPECTED = "R's SE are from the expected information, which ours here are too"
MEAN = (
    "relsurv multiplies person-time by each case's mean hazard over the whole interval, also of "
    "those who leave before its end"
)
SHIFTED = ", and before an interval it advances age and date by the length of that one"


def dickman(real):
    """Stata's glm on the cells of strs, as published."""
    from tests.survival import test_strs  # noqa: PLC0415

    name = "published_poisson_excess_dickman.csv"
    reference = real.reference(name)
    colon = test_strs.colon_cases(SHARED / "data").filter(stage="Localised")
    popmort = test_strs.popmort_table(SHARED / "data")
    plan = IntervalPlan(
        strata=("sex", "year8594", "agegrp"), breaks=tuple(map(float, range(6))),
        life_table=popmort.hash,
    )  # fmt: skip
    tally = tally_intervals(
        colon.with_columns(
            time_years="months", sex=pl.col("sex").cast(pl.Enum(["male", "female"]))
        ),
        plan, life_table=popmort,
    )  # fmt: skip
    size = tally.strata.height
    cells = tally.strata[np.repeat(np.arange(size), 5)].with_columns(
        interval=pl.Series(np.tile(np.arange(1, 6), size)),
        **{name: pl.Series(tally.arrays[name].ravel())
           for name in ("deaths", "expected", "person_years")},
    ).with_columns(start=pl.col("interval") - 1.0, end=pl.col("interval") * 1.0)  # fmt: skip
    fit = fit_poisson(cells, "~ C(interval) + sex + year8594 + agegrp")
    larger = fit_poisson(cells, "~ C(interval) * agegrp + sex + year8594")
    order = [*range(1, len(fit.names)), 0]  # its constant is last
    ratio = np.exp(fit.coefficients)[order]
    call = "fit_poisson(..., '~ C(interval) + sex + year8594 + agegrp')"
    yield Check(name, "excess hazard ratios", len(order), worst_of(abs(ratio - reference["exp_b"])),
                5.01e-7, "seven digits are printed", call)  # fmt: skip
    se = ratio * errors(fit.covariance)[order]
    yield Check(name, "their SE", len(order), worst_of(abs(se - reference["se_exp_b"])), 5.01e-8,
                "seven decimals are printed", call)  # fmt: skip
    for what, own, deviance, loglik, tolerance in (
        ("main effects", fit, 131.4342128, -245.9836017, 5e-7),
        ("interval by age", larger, 62.68719872, -211.6100946, 5e-6),
    ):
        off = abs(own.deviance - deviance), abs(own.loglik - loglik)
        yield Check(name, f"{what}: deviance, log-likelihood", 2, worst_of(off), tolerance,
                    f"Stata stops early: its deviance is {deviance - own.deviance:.1e} above ours",
                    "fit_poisson(...)")  # fmt: skip


def expected_covariance(fit):
    """The covariance from the expected information, as R's glm has it."""
    matrix = fit.design.matrix(fit.cells)
    mean, excess = fit.expected_cells()
    return np.linalg.inv(matrix.T @ ((excess**2 / mean)[:, None] * matrix))


def _calendar(dates):
    """Dates as calendar years with a fraction of that very year."""
    length = 365 + dates.dt.is_leap_year().cast(pl.Int64).to_numpy()
    return dates.dt.year().to_numpy() + (dates.dt.ordinal_day().to_numpy() - 1) / length


def relpois(real):
    """popEpi: Poisson on the single stays of cases in intervals."""
    name = "popEpi_relpois.csv"
    rows = real.reference(name).filter(data="sire")
    cases, rates, _ = finland()
    raw = pl.read_csv(SHARED / "data" / "popEpi_sire.csv", try_parse_dates=True)
    raw = raw.filter(pl.col("dg_date") < pl.col("ex_date"))
    born, diagnosed, left = (_calendar(raw[x]) for x in ("bi_date", "dg_date", "ex_date"))
    time = left - diagnosed
    timed = {
        "level": np.array([rates.levels.index(row) for row in cases.select(rates.keys).rows()]),
        "age": diagnosed - born, "year": diagnosed,
    }  # fmt: skip
    at = popepi_interval_twin.hazards(rates, timed)
    age = pl.Series(np.array(LABELS)[np.searchsorted(AGES, cases["dg_age"], side="right")])
    died, parts = cases["died"].to_numpy(), []
    for number, (start, end) in enumerate(pairwise((0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0)), 1):
        who = np.flatnonzero(time > start + 1e-10)
        stay = np.minimum(time[who], end) - start
        parts.append(
            pl.DataFrame(
                {
                    "interval": np.full(len(who), number), "start": start, "end": end,
                    "agegr": age[who], "person_years": stay,
                    "deaths": (died[who] & (time[who] <= end + 1e-10)).astype(int),
                    "expected": stay * at(who, start + stay / 2),
                }
            )
        )  # fmt: skip
    fit = fit_poisson(pl.concat(parts), "~ C(interval) + agegr")
    call = "fit_poisson(stays of cases, '~ C(interval) + agegr')"
    cause = (
        "the hazard of a stay is that of its middle; its events are deaths of any cause, not those "
        "of cancer that its call names. " + EXPECTED
    )
    yield from compared(name, "sire", (fit.coefficients, errors(expected_covariance(fit))), rows,
                        cause=cause, call=call)  # fmt: skip
    yield Check(name, "sire: deviance (relative)", 1, apart([fit.deviance], rows["deviance"][:1]),
                1e-9, STOPS, call)  # fmt: skip


@cache
def _slovene():
    """The cases as relsurv takes them: nobody of 0 days; their walk through the rate table."""
    raw = pl.read_csv(SHARED / "data" / "relsurv_colrec.csv", try_parse_dates=True)
    cases = raw.filter(pl.col("time") > 0).select(
        sex=pl.col("sex").replace_strict({1: "male", 2: "female"}),
        age_days="age",
        incidence_date="diag",
        follow_up_days="time",
        died=pl.col("stat") == 1,
        stage=pl.col("stage").cast(pl.String),
        fem=(pl.col("sex") == 2).cast(pl.Int64),
        rectum=(pl.col("site") == "rectum").cast(pl.Int64),
    )
    group = np.searchsorted(AGES, np.floor(cases["age_days"].to_numpy() / D), side="right")
    cases = cases.with_columns(agegr=pl.Series(np.array(LABELS)[group]))
    return cases, relsurv_split_day_twin.Walk(cases, slovenia(), until=40 * D)


def _walked(walk, times):
    """Each case's cumulative hazard at its own time."""
    lines = zip(times, walk.knots, walk.values, strict=True)
    return np.array([np.interp(time, knots, values) for time, knots, values in lines])


def _breaks(given):
    """Its argument int: one number means intervals of a year up to it."""
    own = [float(x) for x in given.split()]
    return list(map(float, range(int(own[0]) + 1))) if len(own) == 1 else own


def in_relsurv(size, places):
    """The matrix to relsurv's order: covariates, then a level for each interval.

    At ``places`` ours are the first level and the differences from it.
    """
    matrix = np.eye(size)
    matrix[places[1:], places[0]] = 1.0
    return matrix[[*(place for place in range(size) if place not in places), *places]]


def rsadd_likelihood(real):
    """relsurv's max.lik: constant excess hazards by the full likelihood."""
    name = "relsurv_rsadd_colrec.csv"
    reference = real.reference(name).filter(method="max.lik")
    cases, walk = _slovene()
    end = 5 * D
    time = np.minimum(cases["follow_up_days"].to_numpy().astype(float), end)
    next_day = (_walked(walk, time + 1) - _walked(walk, time)) * D
    data = cases.with_columns(
        t=pl.Series(time / D), bhaz=pl.Series(next_day),
        ev=pl.col("died") & (pl.col("follow_up_days") <= end),
    )  # fmt: skip
    own, _ = persons(cases, real.slopop, covariates=COVARIATES, until=5, **CHOICES)
    lost = _walked(walk, time).sum()
    for (given,), rows in reference.group_by("int", maintain_order=True):
        knots = _breaks(given)[1:-1]
        call = f"hazard_model(..., knots={knots}, degree=0)"
        fit = hazard_model(data, FORMULA, knots=knots, degree=0, **models_parametric.BHAZ)
        matrix = in_relsurv(len(fit.names), list(range(len(knots) + 1)))
        yield from compared(
            name, f"max.lik, int={given}", turned(fit, matrix), rows, call=call,
            cause="replayed: the expected hazard of the day after exit",
        )  # fmt: skip
        theirs = float(rows["loglik"][0].split("/")[1])
        yield Check(name, f"max.lik, int={given}: log-likelihood", 1,
                    abs(fit.loglik - lost - theirs), 5.1e-5, "four decimals are printed",
                    call)  # fmt: skip
        fit = hazard_model(own, FORMULA, knots=knots, degree=0)
        yield from compared(name, f"max.lik, int={given}, our persons", turned(fit, matrix), rows,
                            cause="relsurv has the expected hazard of the day after exit",
                            call="persons(...), " + call, tolerances=(5e-4, 1e-3))  # fmt: skip


def rsadd_cells(real):
    """relsurv's glm.poi: cells, its expected deaths replayed, and ours."""
    name = "relsurv_rsadd_colrec.csv"
    reference = real.reference(name).filter(method="glm.poi")
    cases, walk = _slovene()
    for (given,), rows in reference.group_by("int", maintain_order=True):
        fit = fit_poisson(_relsurv_cells(cases, walk, _breaks(given)), FORMULA + " + C(interval)")
        what = f"glm.poi, int={given}"
        shifted = SHIFTED if "0.5" in given else ""
        yield from compared(name, what, _in_glm(fit), rows, call="fit_poisson(...)",
                            cause=f"replayed: {MEAN}{shifted}. {EXPECTED}")  # fmt: skip
        yield Check(name, f"{what}: deviance (relative)", 1,
                    apart([fit.deviance], rows["deviance"][:1]), 1e-9, STOPS,
                    "fit_poisson(...)")  # fmt: skip
    rows = reference.filter(int="5")
    cells = excess_cells(cases, real.slopop, covariates=COVARIATES, **CHOICES)
    fit = fit_poisson(cells, FORMULA + " + C(interval)")
    yield from compared(
        name, "glm.poi, int=5, our cells", _in_glm(fit), rows, cause=f"{MEAN}; {EXPECTED}",
        call="fit_poisson(excess_cells(...), ...)", tolerances=(2e-3, 1e-3),
    )  # fmt: skip


def _in_glm(fit):
    """Coefficients in relsurv's order, and standard errors from the expected information."""
    size, levels = len(fit.names), len(fit.breaks) - 1
    matrix = in_relsurv(size, [0, *range(size - levels + 1, size)])
    return matrix @ fit.coefficients, errors(matrix @ expected_covariance(fit) @ matrix.T)


def _relsurv_cells(cases, walk, breaks, by=COVARIATES):
    """Its cells: steps of a year at most, hazards looked up where it looks them up.

    Before a step it advances age and date by the length of that step, not of the one before.
    """
    steps = [breaks[0]]
    for start, end in pairwise(breaks):
        steps += [*np.arange(start + 1, end, 1.0), end]
    time = cases["follow_up_days"].to_numpy().astype(float)
    died, parts, looked = cases["died"].to_numpy(), [], 0.0
    for number, (start, end) in enumerate(pairwise(steps)):
        length = end - start
        looked += length if number else 0.0
        who = np.flatnonzero(time > start * D)
        grown = walk.at(np.array([looked, looked + length]) * D, who)
        lived = np.minimum(time[who], end * D) / D - start
        parts.append(
            cases[who].select(by).with_columns(
                step=pl.lit(number),
                interval=pl.lit(int(np.searchsorted(breaks, start, side="right"))),
                deaths=pl.Series(died[who] & (time[who] <= end * D)).cast(pl.Int64),
                expected=pl.Series((grown[:, 1] - grown[:, 0]) / length * lived),
                person_years=pl.Series(lived),
            )
        )  # fmt: skip
    edges = pl.DataFrame(
        {"interval": range(1, len(breaks)), "start": breaks[:-1], "end": breaks[1:]}
    )
    table = pl.concat(parts).group_by(*by, "step", "interval", maintain_order=True)
    table = table.agg(pl.col("deaths", "expected", "person_years").sum())
    return table.join(edges.with_columns(pl.col("interval").cast(pl.Int32)), on="interval")


def rsadd_em(real):
    """relsurv's EM: another estimator; ours is the likelihood with splines of log time."""
    reference = real.reference("relsurv_rsadd_colrec.csv").filter(method="EM")
    baseline = real.reference("relsurv_rsadd_EM_baseline.csv")
    cases, _ = _slovene()
    own, _ = persons(cases, real.slopop, covariates=COVARIATES, until=5, **CHOICES)
    fit = flexible_excess_hazard(own, FORMULA, df=3)
    call = "flexible_excess_hazard(persons(...), ..., df=3)"
    cause = (
        "EM smooths the baseline by a kernel at each step: with factors of its width of 0.5 and 3 "
        "its coefficient of stage 3 is 2.57 and 2.66, its baseline at five years 0.182 and 0.167"
    )
    ours = fit.coefficients[1 : reference.height + 1]
    off = np.abs(ours - reference["coef"].to_numpy()) / reference["se"].to_numpy()
    yield Check("relsurv_rsadd_colrec.csv", "EM: coefficients, in its SE", reference.height,
                worst_of(off), 0.5, cause, call)  # fmt: skip
    nobody = pl.DataFrame({"fem": [0], "agegr": ["0-44"], "stage": ["1"], "rectum": [0]})
    made = fit.net_survival(nobody, (baseline["time"] / D).to_list())
    off = np.abs(-np.log(made["estimate"].to_numpy()) - baseline["Lambda0"].to_numpy())
    yield Check("relsurv_rsadd_EM_baseline.csv", "baseline cumulative excess hazard",
                baseline.height, worst_of(off), 1.5e-2, cause, call)  # fmt: skip


def invented_cells(real):
    """relsurv's glm.poi on the invented cases, each a cell of its own."""
    del real
    folder = ROOT / "tests" / "cohort"
    text = (folder / "relsurv_rsadd.csv").read_text().splitlines()
    rows = [line.rsplit(",", 2) for line in text if not line.startswith("#")][1:]
    rates = relsurv_twin.RateTable.of(
        pl.read_csv(folder / "lifetable.csv").with_columns(daily=pl.col("mx") / D),
        keys=["region", "sex"], hazard="daily", days_per_year=D,
    )  # fmt: skip
    cases = pl.read_csv(folder / "cases.csv", try_parse_dates=True).join(
        invented(), on="patient_id", how="inner"
    )
    cases = cases.filter(pl.col("follow_up_days") > 0).with_columns(
        age_days=(pl.col("incidence_date") - pl.col("birth_date")).dt.total_days(),
        died=pl.col("vital_status") == "dead",
    )
    walk = relsurv_split_day_twin.Walk(cases, rates, until=6 * D)
    by = ("agec", "fem", "si", "reg", "dis")
    cells = _relsurv_cells(cases, walk, _breaks("5"), by=by)
    fit = fit_poisson(cells, f"~ {' + '.join(by)} + C(interval)")
    theirs = np.array([float(row[1]) for row in rows])
    off = np.abs(_in_glm(fit)[0] - theirs) / np.abs(theirs)
    yield Check("cohort: relsurv_rsadd.csv", "glm.poi, int=5: coefficients (relative)", len(off),
                worst_of(off), 1e-4, f"replayed: {MEAN}. R's glm stops early",
                "fit_poisson(...)")  # fmt: skip


REAL = (
    dickman,
    relpois,
    rsadd_likelihood,
    rsadd_cells,
    rsadd_em,
    *models_parametric.REAL,
    *models_others.REAL,
)
"""Checks that need the real data."""

COHORT_CHECKS = (invented_cells, *models_others.COHORT)
"""Checks on the repository's own cases."""

CHECKS = (*COHORT_CHECKS, *REAL)
"""Every check of models."""
