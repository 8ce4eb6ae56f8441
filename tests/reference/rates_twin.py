"""Incidence again, slowly: one case at a time, limits by bisection, no array.

Quantiles come from the series of the incomplete gamma function and bisection, so that
nothing is shared with the package.
"""

import math


def gamma_cdf(x, shape):
    """P(X <= x) for a gamma variable of scale 1: x^a e^-x / Γ(a+1) · Σ x^k / (a+1)...(a+k)."""
    if x <= 0:
        return 0.0
    term, total, k = 1.0, 1.0, 0
    while term > 1e-18 * total:
        k += 1
        term *= x / (shape + k)
        total += term
    return math.exp(shape * math.log(x) - x - math.lgamma(shape + 1) + math.log(total))


def gamma_quantile(p, shape):
    """The x at which gamma_cdf is p."""
    low, high = 0.0, 1.0
    while gamma_cdf(high, shape) < p:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if gamma_cdf(middle, shape) < p else (low, middle)
    return (low + high) / 2


def normal_quantile(p):
    low, high = -40.0, 40.0
    for _ in range(200):
        middle = (low + high) / 2
        below = math.erfc(-middle / math.sqrt(2)) / 2 < p
        low, high = (middle, high) if below else (low, middle)
    return (low + high) / 2


def exact(count, level):
    tail = (1 - level) / 2
    lower = gamma_quantile(tail, count) if count else 0.0
    return lower, gamma_quantile(1 - tail, count + 1)


def byar(count, level):
    z = normal_quantile(1 - (1 - level) / 2)
    lower = 0.0
    if count:
        lower = max(count * (1 - 1 / (9 * count) - z / (3 * math.sqrt(count))) ** 3, 0.0)
    more = count + 1
    return lower, more * (1 - 1 / (9 * more) + z / (3 * math.sqrt(more))) ** 3


def weighted(cases, person_years, weights, level):
    """Rate, variance and every interval of one stratum; None with an empty age group."""
    groups = [(d, y, w) for d, y, w in zip(cases, person_years, weights, strict=True) if w > 0]
    if any(y == 0 for _, y, _ in groups):
        return None
    a = [w / y for _, y, w in groups]
    count = sum(d for d, _, _ in groups)
    rate = sum(each * d for each, (d, _, _) in zip(a, groups, strict=True))
    variance = sum(each**2 * d for each, (d, _, _) in zip(a, groups, strict=True))
    mean, mean_square = sum(a) / len(a), sum(each**2 for each in a) / len(a)
    return {
        "cases": count,
        "rate": rate,
        "variance": variance,
        "fay-feuer": _gamma(rate, variance, max(a), max(a) ** 2, level),
        "tiwari": _gamma(rate, variance, mean, mean_square, level),
        "dobson": _dobson(rate, variance, count, exact(count, level)),
        "dobson-byar": _dobson(rate, variance, count, byar(count, level)),
    }


def _gamma(rate, variance, shift, shift_square, level):
    tail = (1 - level) / 2
    lower = variance / rate * gamma_quantile(tail, rate**2 / variance) if rate else 0.0
    r, v = rate + shift, variance + shift_square
    return lower, v / r * gamma_quantile(1 - tail, r**2 / v)


def _dobson(rate, variance, count, limits):
    if count == 0:
        return None
    return tuple(rate + math.sqrt(variance / count) * (limit - count) for limit in limits)


def tally(cases, population, strata, age_lower, case_strata=()):
    """Cases by age group, person-years by age group and cases of unknown age, by stratum.

    ``cases`` and ``population`` are lists of dictionaries; the population has a ``year``.
    """
    shared = [name for name in strata if name not in case_strata]
    alone = sorted({tuple(case[name] for name in case_strata) for case in cases})
    places = sorted({tuple(cell[name] for name in shared) for cell in population})
    found = {}
    for levels in alone if case_strata else [()]:
        for place in places:
            named = dict(zip(case_strata, levels, strict=True))
            named |= dict(zip(shared, place, strict=True))
            counts, years, unknown = [0] * len(age_lower), [0.0] * len(age_lower), 0
            for cell in population:
                if all(cell[name] == named[name] for name in shared):
                    years[_group(cell["age_lower"], age_lower)] += cell["person_years"]
            for case in cases:
                values = {**case, "year": case["incidence_date"].year}
                if any(values[name] != named[name] for name in strata):
                    continue
                if case["age"] is None:
                    unknown += 1
                else:
                    counts[_group(case["age"], age_lower)] += 1
            found[tuple(named[name] for name in strata)] = (counts, years, unknown)
    return found


def _group(age, age_lower):
    return max(i for i, lower in enumerate(age_lower) if lower <= age)
