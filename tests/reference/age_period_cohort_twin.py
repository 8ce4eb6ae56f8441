"""Age-period-cohort models again, slowly: dense projections, pseudo-inverses.

Every column is written out in a basis of its own; redundant ones are left to the pseudo-inverse.
"""

import numpy as np


def columns(model, x, knots, at):
    """Columns of an effect at values: indicators, or powers and truncated powers."""
    x, middle = np.asarray(x, float), np.mean(at)
    if model == "factor":
        return np.array([[float(value == level) for level in np.unique(at)] for value in x])
    scale = np.ptp(at) / 2
    u, own = (x - middle) / scale, [(knot - middle) / scale for knot in knots]
    if model == "linear spline":
        return np.column_stack([u, *(np.maximum(u - k, 0) for k in own)])
    if model == "b-spline":
        return np.column_stack([u, u**2, u**3, *(np.maximum(u - k, 0) ** 3 for k in own)])

    def d(k):  # the natural spline of Hastie, Tibshirani, Friedman 2009, (5.4)
        return (np.maximum(u - own[k], 0) ** 3 - np.maximum(u - own[-1], 0) ** 3) / (
            own[-1] - own[k]
        )

    last = len(own) - 2
    return np.column_stack([u, *(d(k) - d(last) for k in range(last))])


def detrended(cells, t, weights, rows, t_rows):
    """Columns at rows less their weighted least-squares lines over the cells."""
    middle = np.mean(t)
    line = np.column_stack([np.ones(len(t)), t - middle])
    weight = np.diag(weights)
    there = np.linalg.solve(line.T @ weight @ line, line.T @ weight @ cells)
    return rows - np.column_stack([np.ones(len(t_rows)), np.array(t_rows) - middle]) @ there


def newton(x, d, y, steps=60):
    """Coefficients, their covariance and the means of a log-linear Poisson model."""
    beta = np.linalg.pinv(x) @ np.log((d + 0.1) / y)
    for _ in range(steps):
        mean = y * np.exp(x @ beta)
        beta = beta + np.linalg.pinv(x.T @ np.diag(mean) @ x, 1e-11) @ (x.T @ (d - mean))
    mean = y * np.exp(x @ beta)
    return beta, np.linalg.pinv(x.T @ np.diag(mean) @ x, 1e-11), mean


def written(a, p, d, y, *, model, parametrisation, knots, cohort, period, weights):
    """Logarithms and standard errors of the effects, the drift and the means of one model.

    Both references must be given; "ACP", "APC", "AdCP" or "AdPC".
    """
    c = p - a
    levels = {"age": np.unique(a), "period": np.unique(p), "cohort": np.unique(c)}

    def curve(name, x, at):
        cells = columns(model, x, knots[name], x)
        rows = columns(model, at, knots[name], x)
        return detrended(cells, x, weights, rows, at)

    def centred(name, x, reference, at):
        return curve(name, x, at) - curve(name, x, [reference])

    def age(at):
        return np.column_stack([np.ones(len(at)), columns(model, at, knots["age"], a)])

    by_cohort = parametrisation.endswith("CP")
    time = c - cohort if by_cohort else p - period
    blocks = [
        age(a), time[:, None], centred("cohort", c, cohort, c), centred("period", p, period, p),
    ]  # fmt: skip
    beta, covariance, mean = newton(np.hstack(blocks), d, y)
    rows = {
        "age": [age(levels["age"]), None, None, None],
        "cohort": [None, None, centred("cohort", c, cohort, levels["cohort"]), None],
        "period": [None, None, None, centred("period", p, period, levels["period"])],
        "drift": [None, np.ones((1, 1)), None, None],
    }
    if "d" not in parametrisation:
        carrier, reference = ("cohort", cohort) if by_cohort else ("period", period)
        rows[carrier][1] = (levels[carrier] - reference)[:, None]
    found = {}
    for name, parts in rows.items():
        n = next(len(part) for part in parts if part is not None)
        row = np.hstack(
            [
                np.zeros((n, block.shape[1])) if part is None else part
                for part, block in zip(parts, blocks, strict=True)
            ]
        )
        found[name] = row @ beta, np.sqrt(np.diag(row @ covariance @ row.T))
    return found, mean
