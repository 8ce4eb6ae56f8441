"""Trends and ratios again, slowly: sums by loops, every set of joinpoints fitted by itself."""

import itertools
import math

import numpy as np


def poisson_cdf(k, mean):
    """P(X <= k), term by term."""
    return sum(math.exp(-mean + i * math.log(mean) - math.lgamma(i + 1)) for i in range(k + 1))


def binomial_cdf(k, n, p):
    return sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1))


def clopper_pearson(k, n, level=0.95):
    """Limits of a proportion, by bisection of the binomial sums."""
    tail = (1 - level) / 2

    def solve(shown, target):
        low, high = 0.0, 1.0
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (middle, high) if shown(middle) > target else (low, middle)
        return (low + high) / 2

    lower = 0.0 if k == 0 else solve(lambda p: binomial_cdf(k - 1, n, p), 1 - tail)
    upper = 1.0 if k == n else solve(lambda p: binomial_cdf(k, n, p), tail)
    return lower, upper


def segmented(years, z, weights, at):
    """Weighted least squares of z on 1, x and (x - t)+; returns coefficients and SSE."""
    columns = [[1.0, x, *(max(x - t, 0.0) for t in at)] for x in years]
    x = np.array(columns)
    w = np.diag(weights)
    beta = np.linalg.solve(x.T @ w @ x, x.T @ w @ np.array(z))
    rest = np.array(z) - x @ beta
    return beta, float(rest @ w @ rest)


def best_joinpoints(years, z, weights, k, *, min_end=3, between=2):
    """The set of k years with the smallest SSE."""
    best = (math.inf, ())
    n = len(years)
    for own in itertools.combinations(range(n), k):
        if any(i < min_end - 1 or i > n - min_end for i in own):
            continue
        if any(b - a - 1 < between for a, b in itertools.pairwise(own)):
            continue
        at = [years[i] for i in own]
        best = min(best, (segmented(years, z, weights, at)[1], tuple(at)))
    return best


def poisson_slope(years, cases, person_years):
    """Slope of the log rate with age factors: Newton's steps on the profile over ages."""
    cases, person_years = np.array(cases, float), np.array(person_years, float)
    t = np.array(years, float) - np.mean(years)
    slope = 0.0
    for _ in range(100):
        grown = person_years * np.exp(slope * t)[:, None]
        share = grown / grown.sum(axis=0)
        mean = (share * t[:, None]).sum(axis=0)
        square = (share * t[:, None] ** 2).sum(axis=0)
        total = cases.sum(axis=0)
        score = float((cases * t[:, None]).sum() - (total * mean).sum())
        information = float((total * (square - mean**2)).sum())
        slope += score / information
    return slope, 1 / math.sqrt(information)
