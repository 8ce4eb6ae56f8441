"""Slow, obvious second implementation of survival: loops over cases and days.

The expected part of a day, ∫ Σwh / Σw, is integrated numerically (Gauss–Legendre) rather than
by its closed form, so that the closed form is tested too.
"""

import math
from bisect import bisect_right
from datetime import timedelta

# Gauss–Legendre on (0, 1) with five points
NODES = (
    (0.046910077030668, 0.118463442528095),
    (0.230765344947158, 0.239314335249683),
    (0.5, 0.284444444444444),
    (0.769234655052842, 0.239314335249683),
    (0.953089922969332, 0.118463442528095),
)


def prepare(cases, table, *, horizon, days_per_year, window=None, closing_date=None):
    """Cases that contribute, each with its entry, exit, potential follow-up and daily hazards."""
    ages = sorted({age for _, age, _ in table})
    years = sorted({year for _, _, year in table})
    kept = []
    for case in cases:
        entry, leaves = case.get("entry_days", 0), case["follow_up_days"]
        if window:
            entry = max(entry, (window[0] - case["incidence_date"]).days - 1)
            leaves = min(leaves, (window[1] - case["incidence_date"]).days)
        if entry >= min(leaves, horizon):
            continue
        died = case["died"] and leaves == case["follow_up_days"]
        potential = leaves
        if died and closing_date:
            potential = (closing_date - case["incidence_date"]).days
        hazard = []
        for day in range(horizon):
            age = math.floor((case["age_days"] + day) / days_per_year)
            age = min(max(age, ages[0]), ages[-1])
            calendar = (case["incidence_date"] + timedelta(days=day)).year
            year = years[max(bisect_right(years, calendar) - 1, 0)]
            hazard.append(table[case["sex"], age, year] / days_per_year)
        kept.append(
            {
                "entry": entry,
                "exit": leaves,
                "died": died,
                "of_cancer": died and case.get("of_cancer", False),
                "weight": case.get("weight", 1.0),
                "potential": potential,
                "hazard": hazard,
            }
        )
    return kept


def cumulative_hazard(case, t):
    """Expected cumulative hazard from incidence to t days."""
    whole = math.floor(t)
    total = sum(case["hazard"][:whole])
    return total + (case["hazard"][whole] * (t - whole) if t > whole else 0.0)


def expected_part(cases, start, end, *, power):
    """∫ Σ v h / Σ v from start to end within one day, v = weight · exp(power · Λ)."""
    day = math.floor(start)
    total = 0.0
    for node, share in NODES:
        u = start + node * (end - start)
        v = [c["weight"] * math.exp(power * cumulative_hazard(c, u)) for c in cases]
        top = sum(value * c["hazard"][day] for value, c in zip(v, cases, strict=True))
        total += share * top / sum(v)
    return total * (end - start)


def survival(cases, t, *, method, form="exponential", variance="greenwood"):
    """Return (S, variance of log S) at t days, or None where no one is at risk before t.

    ``cases`` come from ``prepare``.
    """
    power = {"pohar-perme": 1, "ederer2": 0, "hakulinen": -1}.get(method, 0)
    hazard, product, kaplan_meier, expected, spread = 0.0, 1.0, 1.0, 0.0, 0.0
    for day in range(1, math.ceil(t) + 1):
        at_risk = [c for c in cases if c["entry"] < day <= c["exit"]]
        if not at_risk:
            return None
        end = min(day, t)
        dead = [c for c in at_risk if c["died"] and c["exit"] == day and day <= t]
        power_now = 1 if method == "pohar-perme" else 0
        v = {id(c): c["weight"] * math.exp(power_now * cumulative_hazard(c, day)) for c in at_risk}
        deaths, everyone = sum(v[id(c)] for c in dead), sum(v.values())
        squares = sum(v[id(c)] ** 2 for c in dead)
        if method == "observed" and variance == "greenwood":
            lost = everyone * (everyone - deaths)
            spread += (squares / lost if lost > 1e-12 else math.inf) if dead else 0.0
        else:
            spread += squares / everyone**2
        kaplan_meier *= 1 - deaths / everyone
        if method in ("pohar-perme", "ederer2"):
            part = deaths / everyone - expected_part(at_risk, day - 1, end, power=power)
            hazard, product = hazard + part, product * (1 - part)
        elif method == "hakulinen":
            reach = [c for c in cases if c["potential"] >= day]
            expected += expected_part(reach, day - 1, end, power=power)
    if method == "observed":
        return kaplan_meier, spread
    if method == "ederer1":
        total = sum(c["weight"] for c in cases)
        mean = sum(c["weight"] * math.exp(-cumulative_hazard(c, t)) for c in cases) / total
        return kaplan_meier / mean, spread
    if method == "hakulinen":
        return kaplan_meier / math.exp(-expected), spread
    return (math.exp(-hazard) if form == "exponential" else product), spread


def steps(cases, horizon):
    """Per day to the horizon: people, deaths, deaths from the cancer, Σλ, all weighted."""
    rows = []
    for day in range(1, horizon + 1):
        at_risk = [c for c in cases if c["entry"] < day <= c["exit"]]
        dead = [c for c in at_risk if c["died"] and c["exit"] == day]
        rows.append(
            {
                "day": day,
                "people": sum(c["weight"] for c in at_risk),
                "dead": sum(c["weight"] for c in dead),
                "cancer": sum(c["weight"] for c in dead if c["of_cancer"]),
                "hazard": sum(c["weight"] * c["hazard"][day - 1] for c in at_risk),
            }
        )
    return rows


def share(part, whole):
    return part / whole if whole else 0.0


def deaths_by_cause(cases, t, *, method):
    """Return (F, Var F) on day t (whole) of a probability of death; weights must be 1.

    The variance is the plain double sum of how each day's deaths move F.
    """
    rows = steps(cases, t)
    survival, value, path = 1.0, 0.0, []
    for row in rows:
        before = survival
        expected = share(row["hazard"], row["people"])
        jump = {
            "crude-cancer": share(row["dead"], row["people"]) - expected,
            "crude-other": expected,
            "recorded-cancer": share(row["cancer"], row["people"]),
            "recorded-other": share(row["dead"] - row["cancer"], row["people"]),
        }[method]
        value += before * jump
        survival *= 1 - share(row["dead"], row["people"])
        path.append({**row, "before": before, "survival": survival, "value": value})
    variance = 0.0
    for row in path:
        people, dead = row["people"], row["dead"]
        later = value - row["value"]
        if not people:
            continue
        if method == "crude-cancer":
            variance += (row["survival"] - later) ** 2 * dead / people**2
        elif method == "crude-other":
            variance += later**2 * dead / people**2
        else:
            own = row["cancer"] if method == "recorded-cancer" else dead - row["cancer"]
            left = people - dead
            spread = dead / (people * left) if left > 1e-12 else 0.0
            variance += later**2 * spread
            variance += row["before"] ** 2 * own * (people - own) / people**3
            variance -= 2 * later * row["before"] * own / people**2
    return value, variance, path


def years_until(cases, t, *, method, days_per_year):
    """Return (years, variance) to day t (whole) by summing every day; weights must be 1."""
    if method == "restricted-mean":
        survival, area, path = 1.0, 0.0, []
        for row in steps(cases, t):
            area += survival
            survival *= 1 - share(row["dead"], row["people"])
            path.append({**row, "area": area})
        variance = 0.0
        for row in path:
            left = row["people"] - row["dead"]
            if row["dead"] and left > 1e-12:
                variance += (area - row["area"]) ** 2 * row["dead"] / (row["people"] * left)
        return area / days_per_year, variance / days_per_year**2
    cause = {"years-lost-cancer": "crude-cancer", "years-lost-other": "crude-other"}[method]
    _, _, path = deaths_by_cause(cases, t, method=cause)
    values = [0.0, *(row["value"] for row in path)]
    area = sum(values[:-1])  # F of a day holds until the next day's end
    variance = 0.0
    for row in path:
        if not row["people"]:
            continue
        later = sum(values[u] - row["value"] for u in range(row["day"], t))
        reach = (t - row["day"]) * row["survival"] if cause == "crude-cancer" else 0.0
        variance += (reach - later) ** 2 * row["dead"] / row["people"] ** 2
    return area / days_per_year, variance / days_per_year**2
