"""The synthetic Europe by plain loops over the parameter files, for tests."""

import csv
import math
from datetime import date, timedelta
from importlib.resources import files

from scipy import stats

D = 365.2425
SLOPES = {"childhood": 0, "young_adult": 0.25, "adult": 0.25, "bimodal": 0.4, "elderly": 0.2}


def rows(name):
    text = (files("rarecare.demo") / "tables" / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def death_probability(country, sex, age, year):
    """q(x) of the country's life table, interpolated by hand."""
    levels = next(
        r for r in rows("mortality_country.csv") if (r["country"], r["sex"]) == (country, sex)
    )
    ages = [r for r in rows("mortality_age.csv") if r["sex"] == sex]
    below = max((r for r in ages if int(r["age"]) <= age), key=lambda r: int(r["age"]))
    above = min((r for r in ages if int(r["age"]) >= age), key=lambda r: int(r["age"]))
    width = int(above["age"]) - int(below["age"])
    share = (age - int(below["age"])) / width if width else 0.0

    def at(column):
        return (1 - share) * float(below[column]) + share * float(above[column])

    log_m = at("log_mx")
    for number in "123":
        k = float(levels[f"k{number}_2007"]) + float(levels[f"k{number}_per_year"]) * (year - 2007)
        log_m += k * at(f"b{number}")
    return 1 - math.exp(-math.exp(log_m))


def other_cause_day(hazard, *, sex, incidence, age_days, end, reached):
    """Day on which the cumulative hazard passes ``reached``, looked up day by day; or None.

    ``hazard`` is a function of (sex, completed age, calendar year), per person-year.
    """
    total = 0.0
    for day in range(1, end + 1):
        age = math.floor((age_days + day - 1) / D)
        year = (incidence + timedelta(days=day - 1)).year
        total += hazard(sex, min(age, 99), year) / D
        if total >= reached:
            return day
    return None


def age_shares(entity):
    """Share of each completed age 0-99 among the entity's cases, before ages 85+ are held."""

    def component(mean, sd):
        if mean < 45:
            law = stats.gamma((mean / sd) ** 2, scale=sd**2 / mean)
        else:
            law = stats.norm(mean, sd)
        inside = law.cdf(100) - law.cdf(0)
        return [(law.cdf(a + 1) - law.cdf(a)) / inside for a in range(100)]

    first = component(float(entity["age_mean"]), float(entity["age_sd"]))
    if not entity["weight2"]:
        return first
    weight = float(entity["weight2"])
    second = component(float(entity["age_mean2"]), float(entity["age_sd2"]))
    return [(1 - weight) * a + weight * b for a, b in zip(first, second, strict=True)]


def stage_shares(entity, shift):
    """Stage shares in a country; None where the entity has no stage."""
    if not entity["stage_localised"]:
        return None
    shares = {n: float(entity[f"stage_{n}"]) for n in ("localised", "regional", "distant")}
    shares["unknown"] = float(entity["stage_unknown"])
    moved = min(shift, shares["localised"]) if shift > 0 else -min(-shift, shares["distant"])
    shares["localised"] -= moved
    shares["distant"] += moved
    return shares


def phi(entity, country, *, sex, age, stage, year):
    """Relative excess hazard of a case."""
    k = 0.45 + 1.6 * float(entity["net_survival_5y"])
    power = {"localised": -k, "regional": 0.0, "distant": k, "unknown": 0.2 * k, None: 0.0}[stage]
    centre = min(max(float(entity["age_mean"]), 15), 90)
    by_age = SLOPES[entity["age_shape"]] * (min(max(age, 15), 90) - centre) / 10
    by_sex = {"male": 1.05, "female": 0.95}[sex]
    by_year = 0.99 ** (year - 2004)
    return math.exp(power + by_age) * by_sex * by_year * float(country["excess_hazard_factor"])


def mean_survival(entity, shares, baseline):
    """Europe's mean of exp(−φ Λ0), year term 1; ``shares`` by (sex, age)."""
    total = weights = 0.0
    for country in rows("demo_countries.csv"):
        persons = sum(float(country[f"population_2010_{s}_thousands"]) for s in ("male", "female"))
        weight = persons * float(country["incidence_factor"])
        stages = stage_shares(entity, float(country["stage_shift"])) or {None: 1.0}
        for stage, of_stage in stages.items():
            for (sex, age), of_age in shares.items():
                hazard = phi(entity, country, sex=sex, age=age, stage=stage, year=2004)
                total += weight * of_stage * of_age * math.exp(-hazard * baseline)
        weights += weight
    return total / weights


def day(number):
    """The date of a number of days since 1970-01-01."""
    return date(1970, 1, 1) + timedelta(days=int(number))
