"""Nordpred and R's glm again, slowly: columns written out, weighted least squares step by step.

What R's glm does in nordpred 1.1 and in Epi: it starts from the cases and a tenth, and stops when
the deviance changes by less than 1e-8 of itself. Source: Møller, Fekjær, Hakulinen, Sigvaldason,
Storm, Talbäck, Haldorsen, *Statistics in Medicine* 2003;22:2751-2766.
"""

from math import exp, log

import numpy as np

EPSILON = 2.0**-52
CUT = (0.0, 0.25, 0.5, 0.75, 0.75)


def columns_of(n_ages, start, m):
    """Names of the coefficients; the levels that R drops as aliased have none."""
    cohorts = range(2, n_ages - start + m - 1)
    return [
        *(("age", a) for a in range(start, n_ages)),
        ("drift", 0),
        *(("period", p) for p in range(2, m)),
        *(("cohort", c) for c in cohorts),
    ]


def row_of(names, age, period, n_ages):
    """The columns of one cell; period from 1."""
    own = {("age", age): 1.0, ("drift", 0): float(period), ("period", period): 1.0,
           ("cohort", n_ages - 1 - age + period): 1.0}  # fmt: skip
    return [own.get(name, 0.0) for name in names]


def mean_and_slope(eta, y, link):
    """Expected cases and their derivative by the linear predictor."""
    if link == "log":
        return max(y * exp(eta), EPSILON), max(y * exp(eta), EPSILON)
    return max(y * eta**5, EPSILON), max(5 * y * eta**4, EPSILON)


def deviance_of(cases, means):
    return 2 * sum(
        (d * log(d / mu) if d > 0 else 0.0) - (d - mu) for d, mu in zip(cases, means, strict=True)
    )


def fit(x, cases, person_years, link, stop=1e-8, extra=0):
    """Coefficients, their covariance and the means, by iterated weighted least squares.

    The covariance is R's: that of the last step, whose weights are those of the step before.
    ``extra`` steps follow the one at which the deviance stops.
    """
    means = [d + 0.1 for d in cases]
    etas = [
        log(mu / y) if link == "log" else (mu / y) ** 0.2
        for mu, y in zip(means, person_years, strict=True)
    ]
    before, left = deviance_of(cases, means), extra
    for _ in range(50):
        rows, working = [], []
        for row, d, y, eta, mu in zip(x, cases, person_years, etas, means, strict=True):
            slope = mean_and_slope(eta, y, link)[1]
            root = slope / mu**0.5
            rows.append([root * value for value in row])
            working.append(root * (eta + (d - mu) / slope))
        beta = np.linalg.lstsq(np.array(rows), np.array(working), rcond=None)[0]
        root = np.linalg.inv(np.linalg.qr(np.array(rows), mode="r"))
        etas = [sum(b * value for b, value in zip(beta, row, strict=True)) for row in x]
        means = [mean_and_slope(e, y, link)[0] for e, y in zip(etas, person_years, strict=True)]
        found = deviance_of(cases, means)
        if left < extra or abs(found - before) / (abs(found) + 0.1) < stop:
            if left == 0:
                return beta, root @ root.T, means
            left -= 1
        before = found
    raise AssertionError("no convergence")


def project(cases, person_years, n_future, *, start, use, m, link, recent, stop=1e-8):
    """Rates of future periods, by age and period.

    ``cases`` and ``person_years`` are of observed periods, shape (n_ages, n_periods).
    """
    n_ages, n_periods = len(cases), len(cases[0])
    names = columns_of(n_ages, start, m)
    x, d, y = [], [], []
    for age in range(start, n_ages):
        for period in range(1, m + 1):
            x.append(row_of(names, age, period, n_ages))
            d.append(cases[age][n_periods - m + period - 1])
            y.append(person_years[age][n_periods - m + period - 1])
    beta = dict(zip(names, fit(x, d, y, link, stop)[0], strict=True))
    drift = beta["drift", 0]
    slope = drift - beta["period", m - 1] if recent else drift
    rates = [[0.0] * n_future for _ in range(n_ages)]
    for age in range(n_ages):
        for j in range(1, n_future + 1):
            if age < use:
                last = [
                    cases[age][n_periods - k] / person_years[age][n_periods - k] for k in (1, 2)
                ]
                rates[age][j - 1] = sum(last) / 2
                continue
            kept = sum(1 - cut for cut in CUT[:j])
            cohort = min(n_ages - 1 - age + m + j, n_ages - 1 - use + m)
            eta = beta["age", age] + drift * m + slope * kept + beta.get(("cohort", cohort), 0.0)
            rates[age][j - 1] = exp(eta) if link == "log" else max(eta, 0.0) ** 5
    return rates
