"""Prevalence beside files counted by hand and rprev; expected cases beside published numbers."""

from datetime import date, timedelta
from statistics import NormalDist

import numpy as np
import polars as pl

from rarecare import Population, prevalence
from rarecare.prevalent.plan import years_before
from rarecare.rates.expected import expected_cases
from tests.reference.replay_checks import worst_of
from tests.validation.check import SHARED, Check

Z = NormalDist().inv_cdf(0.975)
EXACT = "counts"
SIBR = "the cases of sibr are not among the data; with them its 8 rows are compared too"


def data_of(name):
    """A file of the real data."""
    return pl.read_csv(SHARED / "data" / name, try_parse_dates=True)


def counted_sire(real):
    """Cases of one to ten years before two dates and those alive, by age at diagnosis."""
    name = "popEpi_counted_prevalence_by_hand.csv"
    reference = real.reference(name)
    both = (SHARED / "data" / "popEpi_sibr.csv").is_file()
    for data in ("sire", "sibr"):
        if not (SHARED / "data" / f"popEpi_{data}.csv").is_file():
            continue
        rows, missing = reference.filter(data=data), "" if data == "sibr" or both else f"; {SIBR}"
        raw = data_of(f"popEpi_{data}.csv")
        age = pl.col("dg_age")
        group = pl.when(age < 45).then(pl.lit("a0_44")).when(age < 65).then(pl.lit("a45_64"))
        group = group.otherwise(pl.lit("a65"))
        cases = raw.select(
            incidence_date="dg_date", died=pl.col("status") > 0, group=group,
            follow_up_days=(pl.col("ex_date") - pl.col("dg_date")).dt.total_days(),
        )  # fmt: skip
        off, unlike = [], []
        for (index,), part in rows.group_by("index", maintain_order=True):
            morning = index if isinstance(index, date) else date.fromisoformat(index)
            table = prevalence(
                cases, index_date=morning - timedelta(days=1), windows=part["years"].to_list(),
                by=["group"],
            ).table.filter(measure="prevalent persons")  # fmt: skip
            for row in part.iter_rows(named=True):
                own = table.filter(window=f"0-{row['years']}")
                alive = dict(own.select("group", "alive").rows())
                off += [own["n"].sum() - row["incident"], own["alive"].sum() - row["alive"]]
                off += [alive[key] - row[key] for key in ("a0_44", "a45_64", "a65")]
                unlike += [*(own["estimate"] - own["alive"]), *own["lost"]]
        yield Check(name, f"{data}: cases, alive, alive by age at diagnosis", rows.height,
                    worst_of(np.abs(off)), 0.0, f"{EXACT}; the morning of 1 January there is the "
                    f"end of 31 December here{missing}",
                    "prevalence(cases, index_date=..., by=['group'])")  # fmt: skip
        yield Check(name, f"{data}: estimate less the living, and cases lost", rows.height,
                    worst_of(np.abs(unlike)), 0.0, "nobody is lost before either date",
                    "prevalence(...)")  # fmt: skip


def _prevsim(unlost=False):
    """rprev's simulated registry; ``unlost``: the censored are followed on, as it takes them."""
    raw = data_of("rprev_prevsim.csv")
    cases = raw.select(
        incidence_date="entrydate", follow_up_days="time", died=pl.col("status") == 1,
        sex=pl.col("sex").replace_strict({"F": "female", "M": "male"}), last="eventdate",
    )  # fmt: skip
    if unlost:
        longer = pl.when("died").then("follow_up_days").otherwise(10_000)
        cases = cases.with_columns(follow_up_days=longer)
    return cases


def _first_day(cases, day, years):
    """The cases of the first day of a window, which ours leaves out and a closed one has."""
    return cases.filter(pl.col("incidence_date") == years_before(day, years))


def counted_prevsim(real):
    """rprev's data counted by hand: cases, alive, by sex, one to ten years before two dates."""
    name = "prevsim_counted_by_hand.csv"
    reference = real.reference(name)
    cases, off = _prevsim(), []
    for (index,), rows in reference.group_by("index", maintain_order=True):
        day = index if isinstance(index, date) else date.fromisoformat(index)
        table = prevalence(
            cases.drop("last"), index_date=day, windows=rows["years"].to_list(), by=["sex"],
            registered_since="1990-01-01",
        ).table  # fmt: skip
        for row in rows.iter_rows(named=True):
            own = table.filter(window=f"0-{row['years']}", measure="prevalent persons")
            edge = _first_day(cases, day, row["years"])
            still = edge.filter(pl.col("last") > day)
            off.append(own["n"].sum() + edge.height - row["incident"])
            off.append(own["alive"].sum() + still.height - row["alive"])
            alive = dict(own.select("sex", "alive").rows())
            off += [alive.get(sex, 0) + still.filter(sex=sex).height - row[sex]
                    for sex in ("male", "female")]  # fmt: skip
    yield Check(name, "cases, alive, alive by sex", reference.height, worst_of(np.abs(off)), 0.0,
                f"{EXACT}; its windows hold their first day, ours do not: those of that day are "
                "added", "prevalence(cases, index_date=..., by=['sex'])")  # fmt: skip


def rprev(real):
    """rprev: what it counts, its limits, our estimate with cases lost, and what is simulated."""
    name = "rprev_prevsim.csv"
    reference = real.reference(name)
    whole, limits, apart_, seen = [], [], [], []
    items = reference.with_columns(pl.col("item").str.replace(r"^y\d+\.", ""))
    for (index,), rows in items.group_by("index", maintain_order=True):
        day = index if isinstance(index, date) else date.fromisoformat(index)
        before = pl.col("incidence_date") < day
        kept, lost = (_prevsim(unlost=x).filter(before) for x in (True, False))
        known = {key: value for *key, value in rows.select("years", "item", "value").rows()
                 for key in [tuple(key)]}  # fmt: skip
        years = sorted({key[0] for key in known})
        given = {"index_date": day, "registered_since": "1990-01-01"}
        table = prevalence(kept.drop("last"), windows=[*years, 30], **given).table
        ours = prevalence(lost.drop("last"), windows=years, **given).table
        for window in years:
            whole.append(_alive(table, 30) - known[window, "counted"])
            if window == 20:
                continue  # ten years more than were registered: simulated
            edge = _first_day(kept, day, window)
            edge = edge.filter((~pl.col("died")) | (pl.col("last") > day)).height
            count = _alive(table, window) + edge
            whole.append(count - known[window, "absolute.prevalence"])
            rate = count / 1e6
            reach = Z * np.sqrt(rate * (1 - rate) / 1e6)
            for x, key in ((rate, ""), (rate + reach, ".upper"), (rate - reach, ".lower")):
                limits.append(1e5 * x - known[window, f"per100K{key}"])
            row = ours.filter(window=f"0-{window}", measure="prevalent persons").row(0, named=True)
            seen.append(row)
            apart_.append(max(row["alive"] - row["estimate"], row["estimate"] - count, 0.0))
        limits.append(known[20, "per100K"] - known[20, "absolute.prevalence"] / 10)
    cause = ("it counts the censored as alive, whenever they were last seen, and nobody of the "
             "index date itself; so were they given to ours")  # fmt: skip
    yield Check(name, "counted, and absolute prevalence of 3, 5 and 9 years", len(whole),
                worst_of(np.abs(whole)), 0.0, cause,
                "prevalence(...), the censored followed on")  # fmt: skip
    yield Check(name, "per 100 000 and its limits, 3, 5 and 9 years, replayed as normal; the rate "
                "of 20 years from its number", len(limits), worst_of(np.abs(limits)), 5.1e-3,
                "two decimals are printed; of a million persons", "none: ours are log-normal, or "
                "exact where nobody is lost")  # fmt: skip
    lost = ", ".join(f"{row['lost']:.0f}" for row in seen)
    yield Check(name, "our estimate, outside the range from the living to rprev's count",
                len(apart_), worst_of(apart_), 0.0,
                f"of the censored ({lost}) ours counts the share that would be alive, rprev all. "
                "Not compared: prevalence of 20 years and its limits (6 values of 2 dates), "
                "simulated from Weibull survival of all deaths and constant incidence. Our "
                "complete prevalence has no upper number of years and takes a population by age, "
                "which the data have not", "prevalence(...)")  # fmt: skip


def _alive(table, window):
    own = table.filter(window=f"0-{window}", measure="prevalent persons")
    return own["alive"].sum()


EU27 = (
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR", "HU", "IE", "IT",
    "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
)  # fmt: skip
RATES = {"crude incidence per 100000": 100_000, "crude incidence per 1000000": 1_000_000}
NUMBERS = ("estimated annual new cases", "annual new cases", "number of cases")
PAIRED = (
    ("Europe, RARECARE registries", "1995-2002", "EU27", "1995-2002 rates"),
    ("Japan, 12 registries", "1998-2007", "Japan", "2012"),
    *((f"Flemish Region (Belgium), {who}", "2001-2010") * 2
      for who in ("both sexes", "males", "females")),
)  # fmt: skip
"""Where a rate and a number belong to one another: population and period of each."""
BOTH_ROUND = "the rounding of the rate and of the number"


def _pairs(where):
    """Rates and numbers of the same entity: entity, printed rate, per, printed number, source.

    A row with a note of a print error is left out.
    """
    of_rate, rate_period, of_number, period = where
    file = pl.read_csv(SHARED / "spec" / "published_figures.csv", infer_schema=False)
    file = file.filter(~pl.col("note").fill_null("").str.contains("print error|NOT VERIFIED"))
    rates = file.filter(
        pl.col("measure").is_in(list(RATES)), pl.col("population").str.starts_with(of_rate),
        period=rate_period,
    )  # fmt: skip
    numbers = file.filter(
        pl.col("measure").is_in(NUMBERS), population=of_number, period=period
    ).select("entity", number="value")
    joined = rates.join(numbers, on="entity", how="inner", maintain_order="left")
    return [
        (row["entity"], row["value"], RATES[row["measure"]], row["number"], row["source_address"])
        for row in joined.iter_rows(named=True)
    ]


def _half(printed):
    """Half a unit of the last place printed; the last zeros of a whole number are rounding."""
    if "." in printed:
        return 0.5 * 10.0 ** -len(printed.split(".")[1])
    return 0.5 * 10.0 ** (len(printed) - len(printed.rstrip("0")))


def _expected(printed, per, persons):
    """New cases by ``expected_cases`` of a printed rate, as whole cases in a population."""
    decimals = len(printed.partition(".")[2])
    n = round(float(printed) * 10**decimals)
    own = [Population.read(pl.DataFrame({"age": ["0+"], "pop": [float(size)]}))
           for size in (per * 10**decimals, persons)]  # fmt: skip
    table = expected_cases(pl.DataFrame({"age": [50] * n}), *own).table
    return table["estimate"][0]


def _implied(printed, per, number, rate_half, number_half):
    """The population of a pair, and the smallest and largest that the rounding allows."""
    rate, n = float(printed) / per, float(number)
    low, high = rate - rate_half / per, rate + rate_half / per
    return n / rate, (n - number_half) / high, (n + number_half) / low


def published_europe(real):
    """Rates of RARECARE and its numbers of new cases in the EU: the population between them."""
    del real
    population = pl.read_parquet(SHARED / "data" / "population.parquet").filter(
        pl.col("country").cast(pl.String).is_in(EU27), pl.col("year").is_between(1995, 2013)
    )
    assert population["country"].n_unique() == len(EU27)
    by_year = population.group_by("year").agg(pl.col("persons").sum()).sort("year").rows()
    call = "expected_cases(cases, population, target)"
    fits = {}
    for entity, rate, per, number, _ in _pairs(PAIRED[0]):
        halves = _half(rate), _half(number)
        middle, low, high = _implied(rate, per, number, *halves)
        off = {
            year: abs(_expected(rate, per, persons) - float(number))
            / (halves[1] + halves[0] / per * persons)
            for year, persons in by_year
        }
        fits[entity] = off
        best = min(off, key=off.get)
        years = sorted(year for year, ratio in off.items() if ratio <= 1)
        yield Check("published_figures.csv", f"{entity}: published rate and new cases a year, in "
                    f"the EU27 of {best} (of {BOTH_ROUND})", 1, off[best], 1.0,
                    f"they imply {middle / 1e6:.1f} million persons, {low / 1e6:.1f} to "
                    f"{high / 1e6:.1f} by rounding; the UN's EU27 of {_span(years)}",
                    call)  # fmt: skip
    families = {entity: off for entity, off in fits.items() if entity != "All rare cancers"}
    worst = {year: max(off[year] for off in families.values()) for year, _ in by_year}
    best = min(worst, key=worst.get)
    shared = {year: max(off[year] for off in fits.values()) for year, _ in by_year}
    yield Check("published_figures.csv", f"the families of these, all in the EU27 of {best} (of "
                f"{BOTH_ROUND})", len(families), worst[best], 1.0,
                "the years of all of them: "
                f"{_span([year for year, ratio in worst.items() if ratio <= 1])}; with all rare "
                f"cancers: {_span([year for year, ratio in shared.items() if ratio <= 1])}. Not "
                "compared: numbers published without the rate of the same entity, and the pair of "
                "2000-2007, marked as not verified", call)  # fmt: skip
    for entity, rate, per, number, _ in _pairs(PAIRED[1]):
        middle, low, high = _implied(rate, per, number, _half(rate), _half(number))
        yield Check("published_figures.csv", f"Japan, {entity}: published rate and new cases a "
                    "year, in the persons they imply", 1,
                    abs(_expected(rate, per, round(middle)) - float(number)), _half(number),
                    f"they imply {middle / 1e6:.1f} million, {low / 1e6:.1f} to {high / 1e6:.1f} "
                    "by rounding. Arithmetic only: no population of Japan is among the data",
                    call)  # fmt: skip


def _span(years):
    if not years:
        return "no year from 1995 to 2013"
    return str(years[0]) if len(years) == 1 else f"{years[0]} to {years[-1]}"


def published_flanders(real):
    """Counts of ten years and crude rates: one number of person-years for each sex."""
    del real
    found = {}
    for where in PAIRED[2:]:
        who = where[0].split(", ")[1]
        pairs = [(rate, per, number) for _, rate, per, number, _ in _pairs(where)]
        ranges = [_implied(*pair, 0.005, 0.0)[1:] for pair in pairs]
        low, high = max(r[0] for r in ranges), min(r[1] for r in ranges)
        middle = (low + high) / 2
        off = [
            abs(_expected(rate, per, round(middle)) - float(number)) / (0.005 / per * middle)
            for rate, per, number in pairs
        ]
        found[who] = low, high
        yield Check("published_figures.csv", f"Flanders 2001-2010, {who}: counts and crude rates, "
                    "all in one number of person-years (of what the rounding allows)", len(pairs),
                    worst_of(off), 1.0, "rates have two decimals. Person-years: "
                    f"{low / 1e6:.3f} to {high / 1e6:.3f} million",
                    "expected_cases(cases, population, target)")  # fmt: skip
    low, high = (sum(found[sex][end] for sex in ("males", "females")) for end in (0, 1))
    both = found["both sexes"]
    gap = max(low - both[1], both[0] - high, 0.0)
    yield Check("published_figures.csv", "Flanders: person-years of both sexes, outside the sum of "
                "those of males and of females", 1, gap, 0.0,
                f"the sum is {low / 1e6:.2f} to {high / 1e6:.2f} million. Left out: the intestinal "
                "type, whose rate of both sexes is that of males by a note; larynx and cervix, "
                "without counts", "expected_cases(...)")  # fmt: skip


REAL = (counted_sire, counted_prevsim, rprev, published_europe, published_flanders)
