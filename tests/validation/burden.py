"""Rates and ratios beside Epi, epitools and popEpi; all checks of burden.

Prevalence and expected cases are in ``burden_prevalence``, projection and age-period-cohort models
in ``burden_projection``. Cases of popEpi's sibr are
not among the data: what its rows give by themselves is compared, and all of them where a file
``popEpi_sibr.csv``, written from the R package, lies beside the other data.
"""

from itertools import pairwise
from math import erfc, exp, log, sqrt
from statistics import NormalDist

import numpy as np
import polars as pl

from rarecare import LifeTable, Population, incidence
from rarecare.models import excess_cells
from rarecare.rates.formulas import (
    crude_rate,
    cumulative_risk,
    cumulative_weights,
    standard_weights,
    weighted_rate,
)
from rarecare.rates.intervals import dobson, fay_feuer, poisson_byar, poisson_exact, tiwari
from rarecare.rates.ratios import standardised_ratio
from tests.reference.replay_checks import TWELVE, apart, worst_of
from tests.validation import burden_prevalence, burden_projection
from tests.validation.burden_prevalence import data_of
from tests.validation.burden_projection import SEGI
from tests.validation.check import SHARED, Check

Z = NormalDist().inv_cdf(0.975)
AGES = tuple(range(0, 90, 5))
ESP1976 = (8, *[7] * 10, 6, 5, 4, 3, 2, 1, 1)
ESP2013 = (5, 5.5, 5.5, 5.5, 6, 6, 6.5, 7, 7, 7, 7, 6.5, 6, 5.5, 5, 4, 2.5, 2.5)
NORDIC = (5.9, 6.6, 6.2, 5.8, 6.1, 6.8, 7.3, 7.3, 7, 6.9, 7.4, 6.1, 4.8, 4.1, 3.9, 3.5, 2.4, 1.9)
STANDARDS = {
    "world": SEGI, "segi1960": SEGI, "europe": ESP1976, "nordic": NORDIC, "ESP2013_18": ESP2013,
    "world_1966_18of5": SEGI, "europe_1976_18of5": ESP1976, "nordic_2000_18of5": NORDIC,
}  # fmt: skip
DIGITS = "twelve digits are printed"
ONE_CASE = "by Cornish and Fisher, exact limits less {} are {} and {} cases"
ABSENT = "the cases of sibr are not among the data, so its {} are not compared"


def _summed(table, key, count, years):
    """Cases and person-years by a key (rows) and age group (columns)."""
    sums = table.group_by(key, "agegroup").agg(pl.col(count, years).sum())
    sums = sums.sort(key, "agegroup")
    keys = sums[key].unique().sort().to_list()
    shape = (len(keys), -1)
    return keys, sums[count].to_numpy().reshape(shape), sums[years].to_numpy().reshape(shape)


def _within(found, rows, scale=None):
    """The largest relative difference of columns from those of the same names."""
    scale = scale or {}
    return worst_of(apart(x * scale.get(name, 1), rows[name]) for name, x in found.items())


def testis_by_year(real):
    """Danish testis cancer: crude, standardised and cumulative rates of 54 years."""
    name = "Epi_testisDK_ASR_by_year.csv"
    years, d, y = _summed(data_of("testisDK_18groups.csv"), "year", "cases", "pyrs")
    crude = crude_rate(d, y)
    whole = weighted_rate(d, y, cumulative_weights(AGES, age_end=90))
    for (standard,), rows in real.reference(name).group_by("weights", maintain_order=True):
        assert rows["year"].to_list() == years
        rate = weighted_rate(d, y, standard_weights(STANDARDS[standard]))
        plain = {"D": d.sum(1), "Y": y.sum(1), "crude": crude * 1e5, "asr": rate.rate * 1e5,
                 "se": rate.se * 1e5, "cumrate0_74": whole.rate * 100,
                 "cumrisk0_74": cumulative_risk(whole.rate) * 100}  # fmt: skip
        yield Check(name, f"{standard}: counts, crude, standardised, SE, cumulative rate and risk "
                    "(relative)", rows.height, _within(plain, rows), TWELVE, DIGITS,
                    "crude_rate, weighted_rate, cumulative_risk")  # fmt: skip
        limits = {"ff": fay_feuer(rate), "tiwari": tiwari(rate),
                  "dobson.byar": dobson(rate, interval="byar")}  # fmt: skip
        found = {f"{k}.{end}": x * 1e5 for k, pair in limits.items()
                 for end, x in zip(("lo", "hi"), pair, strict=True)}  # fmt: skip
        yield Check(name, f"{standard}: limits of Fay and Feuer, Tiwari, Dobson with Byar's",
                    rows.height, _within(found, rows), TWELVE, DIGITS,
                    "fay_feuer, tiwari, dobson(interval='byar')")  # fmt: skip


def testis_of_children(real):
    """The same at ages 0-14, calendar classes of five years, 3 to 13 cases."""
    name = "Epi_testisDK_ASR_children.csv"
    rows = real.reference(name)
    data = data_of("testisDK_18groups.csv").filter(pl.col("agegroup") <= 3)
    data = data.with_columns(P5=pl.col("year") // 5 * 5)
    classes, d, y = _summed(data, "P5", "cases", "pyrs")
    assert rows["P5"].to_list() == classes
    rate = weighted_rate(d, y, standard_weights(SEGI[:3]))
    found = {"D": d.sum(1), "Y": y.sum(1), "asr": rate.rate * 1e6}
    for key, (low, high), scale in (
        ("ff", fay_feuer(rate), 1e6), ("tiwari", tiwari(rate), 1e6),
        ("pois", poisson_exact(d.sum(1)), 1),
    ):  # fmt: skip
        found |= {f"{key}.lo": low * scale, f"{key}.hi": high * scale}
    yield Check(name, "rates, limits of Fay and Feuer, Tiwari, exact of the count (relative)",
                rows.height, _within(found, rows), TWELVE, DIGITS,
                "weighted_rate, fay_feuer, tiwari, poisson_exact")  # fmt: skip


def indirect(real):
    """epitools' indirectly standardised ratio and rate."""
    name = "epitools_ageadjust_indirect.csv"
    file = real.reference(name)
    keys, values = file["k"].to_list(), file["v"].to_numpy()
    assert keys == ["observed", "exp", "sir", "lci", "uci", "crude.rate", "adj.rate", "lci", "uci"]
    observed, expected = round(values[0]), values[1]
    own = standardised_ratio([observed], [expected]).row(0, named=True)
    persons = float(round(observed / values[5]))
    rate = crude_rate([[observed]], [[persons]])[0]
    adjusted = own["estimate"] * expected / persons
    call = "standardised_ratio([O], [E]), crude_rate"
    yield Check(name, "observed, expected, ratio, crude and adjusted rate (relative)", 5,
                apart([own["n"], own["expected"], own["estimate"], rate, adjusted],
                      values[[0, 1, 2, 5, 6]]), TWELVE,
                DIGITS + "; the persons, not in the file, are the whole number nearest to O over "
                "the rate, from which a wrong one is 2e-8 off", call)  # fmt: skip
    reach = exp(Z / sqrt(observed))
    theirs = values[[3, 4, 7, 8]]
    made = [own["estimate"] / reach, own["estimate"] * reach, rate / reach, rate * reach]
    yield Check(name, "limits of both, replayed as log-normal: exp(±z/√O) (relative)", 4,
                apart(made, theirs), TWELVE, DIGITS, call)  # fmt: skip
    scale = np.array([expected, expected, persons, persons])
    ours = np.array([own["lower"], own["upper"]] * 2) * [1, 1, *[expected / persons] * 2]
    yield Check(name, "limits of both, ours (in cases, of 2 362)", 4,
                worst_of(abs(ours - theirs) * scale), 1.0,
                "ours are exact: " + ONE_CASE.format("log-normal", "-0.97", "0.03"),
                call)  # fmt: skip


def counts(real):
    """epitools' limits of counts from 0 to 1 000."""
    name = "epitools_pois_ci.csv"
    file = real.reference(name)
    x, pt = file["x"].to_numpy(), file["pt"].to_numpy()
    assert (file["conf.level"] == 0.95).all()
    low, high = (limit / pt for limit in poisson_exact(x))
    some = x > 0
    columns = {key: file[key].to_numpy() for key in file.columns}
    yield Check(name, "rate (relative)", file.height, apart(crude_rate(x[:, None], pt[:, None]),
                columns["rate"]), TWELVE, DIGITS, "crude_rate")  # fmt: skip
    yield Check(name, "exact limits beside pois.daly, by quantiles of gamma (relative)",
                int(some.sum()), worst_of((apart(low[some], columns["daly.lower"][some]),
                apart(high[some], columns["daly.upper"][some]))), TWELVE, DIGITS,
                "poisson_exact")  # fmt: skip
    one_sided = poisson_exact(0, level=0.9)[1] / pt[0]
    yield Check(name, "no case, pois.daly: 0, and the one-sided limit, which is ours at 90 % "
                "(relative)", 1, apart([0.0, one_sided], [columns["daly.lower"][0],
                columns["daly.upper"][0]]), TWELVE, DIGITS,
                "poisson_exact(0, level=0.9)")  # fmt: skip
    off = [*(low - columns["lower"]), *(high - columns["upper"])]
    yield Check(name, "exact limits beside pois.exact", file.height, worst_of(np.abs(off)),
                2.0**-13 / 1000, "its uniroot stops at ε^¼ = 1.2e-4 of a case, here over 1 000 "
                "person-years; R's uniroot on the same function gives its digits",
                "poisson_exact")  # fmt: skip
    half, byar = x + 0.5, []
    for key, sign in (("byar.lower", -1), ("byar.upper", 1)):
        replayed = half * (1 - 1 / (9 * half) + sign * Z / (3 * np.sqrt(half))) ** 3 / pt
        byar.append(apart(replayed, columns[key]))
    yield Check(name, "pois.byar, replayed at half a case more for both limits (relative)",
                file.height, worst_of(byar), TWELVE, DIGITS,
                "none: not Byar's formula")  # fmt: skip
    low, high = (limit / pt for limit in poisson_byar(x))
    narrow = (columns["byar.lower"] < low) & some, columns["byar.upper"] > high
    yield Check(name, "pois.byar: rows whose limits are not within ours", file.height,
                float(np.sum(narrow)), 0.0, "ours take O below and O + 1 above, as Breslow and Day "
                "print them; its lower limit of no case is negative, ours 0",
                "poisson_byar")  # fmt: skip


def _series(name):
    """Cases and person-years by year and age of popEpi's Finnish women; None without cases."""
    if not (SHARED / "data" / f"popEpi_{name}.csv").is_file():
        return None
    cases = data_of(f"popEpi_{name}.csv").select(
        sex=pl.lit("female"), incidence_date="dg_date",
        age=pl.col("dg_age").floor().cast(pl.Int32),
    )  # fmt: skip
    population = Population.read(
        SHARED / "data" / "popEpi_meanpop_fi.csv", codes={"sex": {"0": "male", "1": "female"}}
    )
    return cases, population.part(sex="female", year=range(1993, 2013))


def direct(real):
    """popEpi's rate: from cases and single years of age, crude and by three standards."""
    name = "popEpi_rate_direct.csv"
    file = real.reference(name)
    for data in ("sire", "sibr"):
        rows = file.filter(data=data)
        d, y = rows["from0to1"].to_numpy(), rows["pyrs"].to_numpy()
        yield Check(name, f"{data}: crude rate and SE of its counts (relative)", rows.height,
                    worst_of((apart(crude_rate(d[:, None], y[:, None]), rows["rate"]),
                    apart(np.sqrt(d) / y, rows["SE.rate"]))), TWELVE, DIGITS,
                    "crude_rate")  # fmt: skip
        series = _series(data)
        if series:
            yield from _direct(name, data, rows, *series)
        spread = np.exp(1.96 * rows["SE.rate"].to_numpy() / rows["rate"].to_numpy())
        wide = np.exp(1.96 * rows["SE.rate.adj"].to_numpy() / rows["rate.adj"].to_numpy())
        replayed = {"rate.lo": rows["rate"] / spread, "rate.hi": rows["rate"] * spread,
                    "rate.adj.lo": rows["rate.adj"] / wide,
                    "rate.adj.hi": rows["rate.adj"] * wide}  # fmt: skip
        cause = DIGITS + ", of the rate too; it takes z = 1.96 and log-normal limits"
        if not series:
            cause += "; " + ABSENT.format("standardised rates")
        yield Check(name, f"{data}: its limits replayed from its rates (relative)", rows.height,
                    _within(replayed, rows), 2 * TWELVE, cause,
                    "none: not a form we offer")  # fmt: skip
        low, high = poisson_exact(d)
        off = abs(low - rows["rate.lo"].to_numpy() * y), abs(high - rows["rate.hi"].to_numpy() * y)
        yield Check(name, f"{data}: our limits of the crude rate (in cases)", rows.height,
                    worst_of(np.ravel(off)), 1.0,
                    "ours are exact: " + ONE_CASE.format("log-normal", "-0.97", "0.03"),
                    "poisson_exact")  # fmt: skip


def _direct(name, data, rows, cases, population):
    for (standard,), part in rows.group_by("weights", maintain_order=True):
        chosen = {"standards": [(standard, STANDARDS[standard])], "per": 1}
        tables = [
            incidence(cases, population, **chosen).table.with_columns(year=pl.lit(None, pl.Int64)),
            incidence(cases, population, by=["year"], **chosen).table.with_columns(
                pl.col("year").cast(pl.Int64)
            ),
        ]
        made = pl.concat(tables, how="diagonal")
        worst = []
        for measure, pairs in (
            ("crude rate", {"n": "from0to1", "person_years": "pyrs", "estimate": "rate",
                            "se": "SE.rate"}),
            ("standardised rate", {"estimate": "rate.adj", "se": "SE.rate.adj"}),
        ):  # fmt: skip
            joined = part.join(
                made.filter(measure=measure), on="year", how="left", nulls_equal=True
            )
            worst += [apart(joined[own], joined[theirs]) for own, theirs in pairs.items()]
        yield Check(name, f"{data}, {standard}: from cases to cases, person-years, crude and "
                    "standardised rates, SE (relative)", part.height, worst_of(worst), TWELVE,
                    DIGITS, f"incidence(cases, population, standards=[{standard!r}])")  # fmt: skip


def calendar_year(dates):
    """Dates as calendar years with a fraction of that very year."""
    length = 365 + dates.dt.is_leap_year().cast(pl.Int64).to_numpy()
    return dates.dt.year().to_numpy() + (dates.dt.ordinal_day().to_numpy() - 1) / length


FOLLOWED = (0, 1, 2, 5, 10)


def lexis(cases, hazard, oldest=101):
    """Deaths, expected deaths and person-years by time since diagnosis, each stay cut by itself.

    At every 1 January, birthday and break: what popEpi's lexpand does. ``cases`` are rows of
    birth, diagnosis, exit (calendar years) and died; nobody counts from the age ``oldest``.
    """
    deaths, expected, lived = (np.zeros(len(FOLLOWED)) for _ in range(3))
    for born, start, left, died in cases:
        end = min(left, born + oldest)
        if end <= start:
            continue
        cuts = {start, end, *range(int(start) + 1, int(end) + 1)}
        cuts |= {born + age for age in range(oldest)} | {start + t for t in FOLLOWED}
        for one, two in pairwise(sorted(cut for cut in cuts if start <= cut <= end)):
            middle = (one + two) / 2
            part = np.searchsorted(FOLLOWED, middle - start) - 1
            lived[part] += two - one
            expected[part] += (two - one) * hazard[int(middle), int(middle - born)]
        if died and left < born + oldest:
            deaths[np.searchsorted(FOLLOWED, left - start - 1e-10) - 1] += 1
    return deaths, expected, lived


def mortality_ratios(real):
    """popEpi's sir of all deaths: its expected numbers replayed and ours, ratios, limits, tests."""
    from scipy.special import gammaln  # noqa: PLC0415 - slow to import

    name = "popEpi_sir_mortality.csv"
    file = real.reference(name)
    four = "four decimals are printed"
    for data in ("sire", "sibr"):
        rows = file.filter(data=data).sort("fot", nulls_last=True)
        present = (SHARED / "data" / f"popEpi_{data}.csv").is_file()
        if present:
            yield from _followed(name, data, rows, four)
        o, e = rows["observed"].to_numpy(), rows["expected"].to_numpy()
        table = standardised_ratio(o, e)
        note = "" if present else "; " + ABSENT.format("expected numbers and person-years")
        call = "standardised_ratio(observed, expected)"
        yield Check(name, f"{data}: ratio", rows.height, worst_of(abs(table["estimate"] -
                    rows["sir"])), 5.2e-5, four + ", of the expected number too" + note,
                    call)  # fmt: skip
        replayed = [_profile(a, b) for a, b in zip(o, e, strict=True)]
        theirs = rows.select("sir.lo", "sir.hi").to_numpy()
        yield Check(name, f"{data}: its limits replayed, by profile likelihood", rows.height,
                    worst_of(np.abs(np.array(replayed) - theirs).ravel()), 5.2e-5, four,
                    "none: not a form we offer")  # fmt: skip
        wald = [erfc(abs(log(a / b)) * sqrt(a / 2)) for a, b in zip(o, e, strict=True)]
        yield Check(name, f"{data}: its p-values replayed, by Wald's test of log O/E", rows.height,
                    worst_of(np.abs(wald - rows["p_value"].to_numpy())), 5.1e-6,
                    "five decimals are printed", "none: ours is exact")  # fmt: skip
        ours = table.select("lower", "upper").to_numpy()
        yield Check(name, f"{data}: our limits (in cases)", rows.height,
                    worst_of(np.ravel(np.abs(ours - theirs) * e[:, None])), 1.0, "ours are exact: "
                    + ONE_CASE.format("profile", "-0.33", "0.67"), call)  # fmt: skip
        step = 2 * np.exp(o * np.log(e) - e - gammaln(o + 1))
        off = np.abs(table["p_value"].to_numpy() - rows["p_value"].to_numpy())
        yield Check(name, f"{data}: our p-values (in steps from one count to the next)",
                    rows.height, worst_of(off / (step + 5.1e-6)), 1.0,
                    "ours is exact, twice the tail with the count: 2P(X = O) is a step",
                    call)  # fmt: skip


def _profile(observed, expected):
    """Both ratios at which the log-likelihood has fallen by z²/2."""
    from scipy.optimize import brentq  # noqa: PLC0415 - slow to import

    def fall(mean):
        return 2 * (observed * log(observed / mean) - observed + mean) - Z**2

    ends = ((observed / 3, observed), (observed, observed * 3))
    return [brentq(fall, *end, xtol=1e-9) / expected for end in ends]


def _followed(name, data, rows, four):
    raw = data_of(f"popEpi_{data}.csv").filter(pl.col("dg_date") < pl.col("ex_date"))
    popmort = data_of("popEpi_popmort.csv").filter(sex=1)
    hazard = {(year, age): h for year, age, h in popmort["year", "agegroup", "haz"].rows()}
    times = [calendar_year(raw[x]) for x in ("bi_date", "dg_date", "ex_date")]
    found = lexis(zip(*times, raw["status"] > 0, strict=True), hazard)
    replayed = np.array([[*part, part.sum()] for part in found])
    theirs = rows.select("observed", "expected", "pyrs").to_numpy().T
    yield Check(name, f"{data}: deaths, expected deaths and person-years, replayed", rows.height,
                worst_of(np.abs(replayed - theirs).ravel()), 5.1e-5, four + "; calendar years and "
                "their fractions, nobody from the age of 101", "lexis(...)")  # fmt: skip
    born, left = pl.col("bi_date"), pl.col("ex_date")
    end = pl.min_horizontal(left, born.dt.offset_by("101y"))
    cases = raw.select(
        sex=pl.lit("female"), incidence_date="dg_date", follow_up_days=(end - pl.col("dg_date"))
        .dt.total_days(), died=(pl.col("status") > 0) & (left < born.dt.offset_by("101y")),
        age_days=(pl.col("dg_date") - born).dt.total_days(),
    ).filter(pl.col("follow_up_days") > 0)  # fmt: skip
    frame = popmort.rename({"agegroup": "age"}).with_columns(sex=pl.lit("female"))
    table = excess_cells(cases, LifeTable.read(frame), covariates=["sex"],
                         breaks=[*FOLLOWED, 25], allow_outside=1e-6).table  # fmt: skip
    ours = table.select("deaths", "expected", "person_years").to_numpy().T
    ours = np.column_stack([ours, ours.sum(axis=1)])
    died = cases.filter("died")["follow_up_days"].to_numpy()
    near = sum(int((abs(died - 365.2425 * years) <= 1).sum()) for years in FOLLOWED[1:])
    yield Check(name, f"{data}: our deaths (of those within a day of a break)", rows.height,
                worst_of(abs(ours[0] - theirs[0])), near, "breaks are whole days of ours, "
                "anniversaries of theirs", "excess_cells(...)")  # fmt: skip
    yield Check(name, f"{data}: our expected deaths and person-years (relative)", rows.height,
                apart(ours[1:], theirs[1:]), 1 - 365 / 365.2425, "our year has 365.2425 days; a "
                "common year has 6.6e-4 less and a leap year more, and stays lie in both",
                "excess_cells(...)")  # fmt: skip


REAL = (
    testis_by_year,
    testis_of_children,
    indirect,
    counts,
    direct,
    mortality_ratios,
    *burden_prevalence.REAL,
    *burden_projection.REAL,
)
"""Checks that need the real data: all of them."""

CHECKS = REAL
"""Every check of burden."""
