"""Slow, obvious second implementation of the follow-up tally: a loop over cases and days."""

import math
from datetime import date, timedelta


def completed_age(age_days, day, days_per_year):
    """Completed age at the start of a day of follow-up (day 1 is the first)."""
    return math.floor((age_days + day - 1) / days_per_year)


def daily_hazard(table, case, day, days_per_year):
    """Hazard of the day: looked up once, at its start; ``table`` is {(sex, age, year): m}."""
    ages = sorted({age for _, age, _ in table})
    years = sorted({year for _, _, year in table})
    age = min(max(completed_age(case["age_days"], day, days_per_year), ages[0]), ages[-1])
    calendar = (case["incidence_date"] + timedelta(days=day - 1)).year
    year = max((y for y in years if y <= calendar), default=years[0])
    return table[case["sex"], age, year] / days_per_year


def follow_up(cases, table, *, horizon, days_per_year, window=None, closing_date=None, times=()):
    """Return every sum of the tally as a list over days 1..horizon (index 0 is day 1)."""
    names = (
        "at_risk", "deaths", "at_risk_weighted", "deaths_weighted", "deaths_weighted2",
        "death_w", "death_w2", "w_end", "w_start", "expected", "s_all", "s_end", "s_start",
    )  # fmt: skip
    sums = {name: [0.0] * horizon for name in names}
    for name in ("w_at", "s_all_at", "s_at"):
        sums[name] = [0.0] * len(times)
    sums["cases"] = sums["person_days"] = sums["person_days_outside"] = 0
    years = sorted({year for _, _, year in table})
    last_age = max(age for _, age, _ in table)
    first_age = min(age for _, age, _ in table)
    for case in cases:
        weight = case.get("weight", 1.0)
        entry = case.get("entry_days", 0)
        exit_day = min(case["follow_up_days"], horizon)
        if window:
            entry = max(entry, (window[0] - case["incidence_date"]).days - 1)
            exit_day = min(exit_day, (window[1] - case["incidence_date"]).days)
        if entry >= exit_day:
            continue
        died = case["died"] and exit_day == case["follow_up_days"]
        potential = exit_day
        if died and closing_date:
            potential = min((closing_date - case["incidence_date"]).days, horizon)
        sums["cases"] += 1
        cumulative = 0.0
        for day in range(1, horizon + 1):
            h = daily_hazard(table, case, day, days_per_year)
            before, cumulative = cumulative, cumulative + h
            w, s = weight * math.exp(cumulative), weight * math.exp(-cumulative)
            i = day - 1
            sums["s_all"][i] += s
            if day <= potential:
                sums["s_end"][i] += s
                sums["s_start"][i] += weight * math.exp(-before)
            at_risk = entry < day <= exit_day
            for j, t in enumerate(times):
                if day - 1 < t < day:
                    partly = before + h * (t - (day - 1))
                    sums["s_all_at"][j] += weight * math.exp(-partly)
                    sums["w_at"][j] += weight * math.exp(partly) * at_risk
                    sums["s_at"][j] += weight * math.exp(-partly) * (day <= potential)
            if not at_risk:
                continue
            sums["at_risk"][i] += 1
            sums["at_risk_weighted"][i] += weight
            sums["w_end"][i] += w
            sums["w_start"][i] += weight * math.exp(before)
            sums["expected"][i] += weight * h
            sums["person_days"] += 1
            start = case["incidence_date"] + timedelta(days=day - 1)
            age = completed_age(case["age_days"], day, days_per_year)
            inside_years = years[0] <= start.year and start < date(years[-1] + 1, 1, 1)
            sums["person_days_outside"] += not (inside_years and first_age <= age <= last_age)
            if died and day == exit_day:
                sums["deaths"][i] += 1
                sums["deaths_weighted"][i] += weight
                sums["deaths_weighted2"][i] += weight**2
                sums["death_w"][i] += w
                sums["death_w2"][i] += w**2
    return sums
