"""Slow, obvious interval life tables: a loop over intervals and cases, as strs prints them."""

import math
from itertools import pairwise


def rate(table, sex, age, year):
    """The annual hazard of the completed age and the year, the nearest where the table ends."""
    ages = sorted({a for _, a, _ in table})
    years = sorted({y for _, _, y in table})
    a = min(max(math.floor(age + 1e-10), ages[0]), ages[-1])
    y = min(max(math.floor(year + 1e-10), years[0]), years[-1])
    return table[sex, a, y]


def life_table(cases, table, breaks, *, form):
    """One dict per interval; cases as ``interval_survival`` takes them, with ``entry_years``."""
    log_cp = log_e2 = log_pp = var_cp = var_pp = 0.0
    rows = []
    for u, v in pairwise(breaks):
        at_risk = [c for c in cases if c["time_years"] > u and c["entry_years"] < v]
        at_risk = [c for c in at_risk if c["time_years"] > c["entry_years"]]
        n = len(at_risk)
        if not n:
            break
        own, weights, gone = [], [], []
        for c in at_risk:
            hazard = rate(table, c["sex"], c["age_years"] + u, c["diagnosis_year"] + u)
            before = sum(
                rate(table, c["sex"], c["age_years"] + a, c["diagnosis_year"] + a) * (b - a)
                for a, b in pairwise(breaks)
                if b <= u
            )
            own.append(hazard * (v - u))
            weights.append(math.exp(before + own[-1] / 2))
            dead = c["died"] and c["time_years"] <= v
            left = not c["died"] and c["time_years"] < v
            gone.append("dead" if dead else "left" if left else "")
        d, w = gone.count("dead"), gone.count("left")
        y = sum(min(c["time_years"], v) - max(u, c["entry_years"]) for c in at_risk)
        dead_w = sum(x for x, g in zip(weights, gone, strict=True) if g == "dead")
        dead_w2 = sum(x * x for x, g in zip(weights, gone, strict=True) if g == "dead")
        if form == "actuarial":
            p = 1 - d / (n - w / 2)
            var_cp += d / ((n - w / 2) * (n - w / 2 - d)) if d < n - w / 2 else math.inf
            left_w = sum(x for x, g in zip(weights, gone, strict=True) if g == "left")
            effective = sum(weights) - left_w / 2
            halves = [x * (0.5 if g else 1) for x, g in zip(weights, gone, strict=True)]
            step = 1 - dead_w / effective
            log_pp += math.log(step) if step > 1e-12 else -math.inf
            log_pp += sum(h * o for h, o in zip(halves, own, strict=True)) / sum(halves)
            var_pp += dead_w2 / (effective - dead_w / 2) ** 2
        else:
            p = math.exp(-(v - u) * d / y)
            var_cp += (v - u) ** 2 * d / y**2
            years = [
                (v - max(u, c["entry_years"])) * (0.5 if g else 1)
                for c, g in zip(at_risk, gone, strict=True)
            ]
            person = sum(x * t for x, t in zip(weights, years, strict=True))
            excess = dead_w - sum(
                x * t * o / (v - u) for x, t, o in zip(weights, years, own, strict=True)
            )
            log_pp -= (v - u) * excess / person
            var_pp += (v - u) ** 2 * dead_w2 / person**2
        log_cp += math.log(p) if p > 1e-12 else -math.inf
        p_star = sum(math.exp(-o) for o in own) / n
        log_e2 += math.log(p_star)
        rows.append(
            {"n": n, "deaths": d, "withdrawn": w, "person_years": y, "observed": p,
             "expected": p_star, "cp": math.exp(log_cp), "cr_e2": math.exp(log_cp - log_e2),
             "cns_pp": math.exp(log_pp), "var_cp": var_cp, "var_pp": var_pp}
        )  # fmt: skip
    return rows
