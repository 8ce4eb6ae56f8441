"""R's relsurv, survival and popEpi replayed: every row of their files beside the replay.

Each function takes a ``tests.validation.check.Real`` and yields ``Check``: file, what, rows,
largest difference, tolerance, cause, call. Differences are relative. A file with 12 significant
digits can be met to 5e-12 (half a unit of the twelfth digit of 1.00…), one with 10 to 5e-10.
"""

import re
from datetime import date

import numpy as np
import polars as pl

from tests.reference import popepi_mean_twin, popepi_twin, relsurv_split_day_twin, relsurv_twin
from tests.validation.check import AGES, LABELS, SHARED, Check, D

TWELVE = 6e-12  # twelve significant digits are printed, a fifth for the rounding of sums
TEN = 6e-10  # ten are printed
FIFTEEN = 2e-13  # fifteen are printed: the rounding of sums of 5 971 cases and 5 000 times
P_VALUE = 6e-6  # six are printed
YEARS = (1, 3, 5, 10, 15)
BIRTHDAYS_AND_ZEROS = "the day of a birthday is split; a hazard of 0 is 1e-9 per day"
EPOCH = date(1970, 1, 1)


def apart(ours, theirs):
    """Return the largest relative difference, absolute where theirs is 0.

    It is nan where one of the two alone is missing.
    """
    ours, theirs = (np.asarray(x, dtype=float) for x in (ours, theirs))
    if ours.shape != theirs.shape or (np.isnan(ours) != np.isnan(theirs)).any():
        return float("nan")
    known = ~np.isnan(theirs)
    ours, theirs = ours[known], theirs[known]
    scale = np.where(theirs == 0, 1.0, np.abs(theirs))
    return float(np.max(np.abs(ours - theirs) / scale)) if len(ours) else float("nan")


def worst_of(differences):
    """The largest; nan if one is nan, which max() would pass over."""
    return float(np.max(list(differences)))


def columns(frame, *names):
    """Columns as floats, shape (n, n_names); what is missing is nan."""
    return frame.select(pl.col(names).cast(pl.Float64).fill_null(np.nan)).to_numpy()


def slovenia():
    """relsurv's slopop."""
    frame = pl.read_csv(SHARED / "data" / "relsurv_slopop.csv")
    return relsurv_twin.RateTable.of(frame, keys=["sex"], hazard="haz_per_day", days_per_year=D)


def level_of(curve, group):
    """The level that relsurv's name of a curve means: of 0/1 variables, the one that is 1."""
    known = {"sex": ["male", "female"], "stage": ["1", "2", "3", "99"], "agegr": list(LABELS)}
    if group == "overall":
        return "all"
    flags = dict(part.rsplit("=", 1) for part in curve.split(" ", 1)[1].split(", "))
    own = [name for name, flag in flags.items() if flag == "1"]
    found = [x for x in known[group] if own and own[0].removesuffix(x) in (group, f"{group}f")]
    return found[0] if own else known[group][0]


def cmp_rel(real):
    """Crude probabilities of death, their variances, limits and areas."""
    rates = slovenia()
    for group in ("overall", "sex", "stage", "agegr"):
        name = f"relsurv_cmp.rel_colrec_{group}.csv"
        reference = real.reference(name)
        curves, pairs = {}, []
        for (curve,), part in reference.group_by("curve", maintain_order=True):
            level = level_of(curve, group)
            if level not in curves:
                curves[level] = relsurv_split_day_twin.cmp_rel(
                    real.members(group, level), rates, tau=15 * D,
                    add_times=D * np.array(part["years"]),
                )  # fmt: skip
            pairs.append((part, *curves[level][curve.split(" ")[0]]))
        for what, names, own, cause in (
            ("crude probabilities", ("est",), slice(0, 1),
             BIRTHDAYS_AND_ZEROS),
            ("their variances", ("var",), slice(1, 2), "the formula is ours, its steps as above"),
            ("their limits", ("lower", "upper"), slice(2, 4),
             "R puts those of the next step beside an estimate"),
        ):  # fmt: skip
            largest = worst_of(
                apart(rows[:, own], columns(part, *names)) for part, rows, _ in pairs
            )
            yield Check(name, f"{what}, replayed", reference.height, largest, TWELVE, cause,
                        "cmp_rel(...)")  # fmt: skip
        largest = worst_of(
            apart([area] * part.height, part["area_days"]) for part, _, area in pairs
        )
        yield Check(name, "years lost to 15 years, replayed", reference.height, largest, TWELVE,
                    "F at the end of each step times its length", "cmp_rel(...)")  # fmt: skip


def nessie(real):
    """Expected numbers alive, and the mean of expected survival times."""
    rates = slovenia()
    for group in ("agegr", "site", "stage"):
        name = f"relsurv_nessie_colrec_{group}.csv"
        reference = real.reference(name)
        alive, mean = [], []
        for label in reference["group"]:
            level = label.removeprefix(group)
            if group == "site":  # siterectum=1
                level = "rectum" if label.endswith("=1") else "colon"
            own = relsurv_split_day_twin.nessie(
                real.members(group, level), rates, years=(0, *YEARS)
            )
            alive.append(own[0])
            mean.append(own[1])
        theirs = columns(reference, *(f"y{year}" for year in (0, *YEARS)))
        yield Check(name, "expected numbers alive, replayed", reference.height,
                    apart(alive, theirs), TWELVE,
                    BIRTHDAYS_AND_ZEROS,
                    "nessie(...)")  # fmt: skip
        yield Check(name, "mean expected survival, replayed", reference.height,
                    apart(mean, reference["c.exp.surv"]), TWELVE,
                    "half years with the hazard mean in each, to 100 years",
                    "nessie(...)")  # fmt: skip


def rs_diff(real):
    """The test of equal net survival: chi-square, degrees of freedom, p-value."""
    from scipy.stats import chi2  # noqa: PLC0415 - slow

    name = "relsurv_rs.diff_colrec.csv"
    reference = real.reference(name)
    rates = slovenia()
    own = []
    for row in reference.iter_rows(named=True):
        last = int(row["censored_at_years"] * D)
        cases = real.colrec.with_columns(
            died=pl.col("died") & (pl.col("follow_up_days") <= last),
            follow_up_days=pl.col("follow_up_days").clip(upper_bound=last),
        )
        group, _, stratum = re.search(
            r"~ (\w+)( \+ strata\((\w+)\))?", row["formula"].replace("sexf", "sex")
        ).groups()
        strata = cases.partition_by(stratum) if stratum else [cases]
        statistic, df = relsurv_split_day_twin.rs_diff(
            [part.sort(group).partition_by(group, maintain_order=True) for part in strata],
            rates, until=last,
        )  # fmt: skip
        own.append((statistic, df, chi2.sf(statistic, df)))
    statistic, df, p = np.transpose(own)
    yield Check(name, "chi-square and degrees of freedom, replayed", reference.height,
                apart(np.column_stack([statistic, df]), columns(reference, "chisq", "df")), TEN,
                "expected part Σ w ΔΛ, weights at the day's end; the day of a birthday is split",
                "rs_diff(...)")  # fmt: skip
    yield Check(name, "p-values, replayed", reference.height, apart(p, reference["p"]), P_VALUE,
                "six digits are printed; 0 is below 1e-15", "rs_diff(...)")  # fmt: skip


def years(real):
    """Differences of life years and years lost, all three measures."""
    name = "relsurv_years_colrec.csv"
    reference = real.reference(name)
    rates = slovenia()
    causes = {
        "yd": "rectangles as high as both curves at the start of a step of up to 30 days",
        "yl2017": "rectangles: the observed curve at a step's end, the expected at its start",
        "yl2013": "KM after a step's deaths times its hazard; rectangles as high as F at their end",
    }
    for measure, cause in causes.items():
        part = reference.filter(measure=measure)
        ours = []
        for (group, level), rows in part.group_by("group", "level", maintain_order=True):
            value, se = relsurv_split_day_twin.years(
                real.members(group, str(level)), rates, measure, at=rows["time"].to_numpy()
            )
            half = relsurv_split_day_twin.NORMAL_975 * se
            ours.append(np.column_stack([value, se, value - half, value + half]))
        theirs = columns(part, "est", "se", "lower", "upper")
        yield Check(name, f"{measure}, with what SE and limits it has, replayed", part.height,
                    apart(np.vstack(ours), theirs), TWELVE, cause,
                    f"years(..., {measure!r})")  # fmt: skip


def survexp(real):
    """survexp's three cohort curves, and the hazards of single cases, on slopop."""
    rates = slovenia()
    name = "survexp_cohort_colrec.csv"
    reference = real.reference(name).filter(table="slopop")
    start = real.colrec["incidence_date"].to_physical().to_numpy()
    potential = (date(2016, 12, 31) - EPOCH).days - start
    causes = {
        "ederer": "the day of a birthday is split",
        "hakulinen": "the same: no one's potential follow-up ends before 15 years",
        "conditional": "exp(−Σ ΔΛ/Y) over distinct times; the day of a birthday is split",
    }
    for method, cause in causes.items():
        part = reference.filter(method=method)
        survival, people = relsurv_split_day_twin.survexp(
            real.colrec, rates, method, at=part["time"].to_numpy(),
            potential=potential if method == "hakulinen" else None,
        )  # fmt: skip
        ours = np.column_stack([survival, people])
        yield Check(name, f"{method} on slopop, and the number at risk, replayed", part.height,
                    apart(ours, columns(part, "surv", "n.risk")), FIFTEEN, cause,
                    f"survexp(..., {method!r})")  # fmt: skip
    name = "survexp_individual_h_colrec400.csv"
    reference = real.reference(name).filter(table="slopop")
    single, whole = [], []
    for (until,), part in reference.group_by("followup", maintain_order=True):
        times = real.colrec["follow_up_days"].cast(pl.Float64).to_numpy()
        if until != "time":
            times = np.full(len(times), float(until))
        own = relsurv_split_day_twin.individual_hazards(real.colrec, rates, times)
        single.append(apart(own[part["row"].to_numpy() - 1], part["cumhaz"]))
        whole.append(apart([own.sum()] * part.height, part["sum_all_5971"]))
    yield Check(name, "cumulative hazards of 400 cases at five times, slopop, replayed",
                reference.height, worst_of(single), FIFTEEN, "the day of a birthday is split",
                "individual_hazards(...)")  # fmt: skip
    yield Check(name, "their sum over all cases, replayed", reference.height, worst_of(whole),
                FIFTEEN, "the day of a birthday is split", "individual_hazards(...)")  # fmt: skip


def precision(real):
    """rs.surv's Pohar Perme at seven precisions, to 15 years."""
    name = "relsurv_rs.surv_colrec_precision.csv"
    reference = real.reference(name)
    follow = relsurv_twin.Follow(real.colrec, relsurv_split_day_twin.raised(slovenia()))
    ours = []
    for (step,), part in reference.group_by("precision", maintain_order=True):
        times = [D * year for year in part["years"]]
        found = relsurv_twin.pohar_perme_by_time(
            follow, add_times=times, precision=step, until=times[-1]
        )
        ours += [(found[time][0], found[time][0] * found[time][2]) for time in times]
    yield Check(name, "Pohar Perme and its SE at every precision to 15 years, replayed",
                reference.height, apart(ours, columns(reference, "surv", "std.err")), TWELVE,
                "a running mean over each gap, one factor per distinct time; a hazard of 0 is "
                "1e-9 per day", "pohar_perme_by_time(raised(...))")  # fmt: skip


def finland():
    """popEpi's sire with its times in years and its causes, and popmort."""
    length = popepi_twin.POPEPI_YEAR
    frame = pl.read_csv(SHARED / "data" / "popEpi_popmort.csv").rename({"agegroup": "age"})
    rates = relsurv_twin.RateTable.of(
        frame.with_columns(daily=pl.col("haz") / length), keys=["sex"], hazard="daily",
        days_per_year=length,
    )  # fmt: skip
    raw = pl.read_csv(SHARED / "data" / "popEpi_sire.csv", try_parse_dates=True)
    raw = raw.filter(pl.col("dg_date") < pl.col("ex_date"))
    cases = raw.select(
        "sex",
        "dg_age",
        incidence_date="dg_date",
        age_days=pl.col("dg_age") * length,
        follow_up_days=(pl.col("ex_date") - pl.col("dg_date")).dt.total_days(),
        died=pl.col("status") > 0,
        cause="status",
    )
    year = popepi_twin.fractional_year
    return cases, rates, year(raw["ex_date"]) - year(raw["dg_date"])


def popepi_means(real):
    """survmean: extrapolated and expected mean survival, years of potential life lost."""
    name = "popEpi_survmean_sire.csv"
    reference = real.reference(name)
    cases, rates, time = finland()
    group = np.searchsorted(AGES, cases["dg_age"].to_numpy(), side="right")
    ours = []
    for label in reference["agegr"]:
        own = np.full(len(time), True) if label == "all" else group == LABELS.index(label)
        found = popepi_mean_twin.survmean(
            cases.filter(pl.Series(own)), rates, np.arange(121) / 12, np.arange(11, 101),
            time=time[own],
        )  # fmt: skip
        ours.append((*found, own.sum()))
    yield Check(name, "mean survival, expected, YPLL and cases, replayed", reference.height,
                apart(ours, columns(reference, "est", "exp", "YPLL", "obs")), TWELVE,
                "relative survival, the last month's for ever, times the expected survival of all "
                "who were diagnosed, from the start; trapezia", "survmean(...)")  # fmt: skip


def popepi_causes(real):
    """survtab's cumulative incidences and cause-specific survival, every row."""
    name = "popEpi_survtab_sire_cif.csv"
    reference = real.reference(name)
    cases, rates, time = finland()
    found = popepi_mean_twin.by_cause(
        cases, rates, np.arange(181) / 12, time=time, cause=cases["cause"].to_numpy()
    )
    ours = [found[float(end)][column] for end, column in reference.select(
        pl.col("Tstop"), pl.col("variable")).iter_rows()]  # fmt: skip
    yield Check(name, "every column, missing values too, replayed", reference.height,
                apart(ours, columns(reference, "value")[:, 0]), TWELVE,
                "monthly hazards; 1 − p of a month shared by its deaths; CIF.rel missing after a "
                "month with more deaths expected than seen", "by_cause(...)")  # fmt: skip


REPLAYS = (
    cmp_rel, nessie, rs_diff, years, survexp, precision, popepi_means, popepi_causes,
)  # fmt: skip
