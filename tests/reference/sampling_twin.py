"""Stratified estimates the long way: one case after another, as the books write them.

Cochran, Sampling Techniques, 3rd ed. 1977, chapter 5; Särndal, Swensson, Wretman 1992, 5.7.
"""


def variance(weights, strata, z, sizes):
    """Variance of the sum of w·z; ``sizes`` gives (population, drawn) by stratum."""
    grand = sum(w * v for w, v in zip(weights, z, strict=True)) / len(z)
    total = 0.0
    for stratum, (population, drawn) in sizes.items():
        own = [w * v for w, v, s in zip(weights, z, strata, strict=True) if s == stratum]
        assert len(own) == drawn
        if population == drawn:
            continue
        if drawn == 1:
            total += (1 - drawn / population) * (own[0] - grand) ** 2
            continue
        mean = sum(own) / drawn
        spread = sum((u - mean) ** 2 for u in own) / (drawn - 1)
        total += drawn * (1 - drawn / population) * spread
    return total


def mean(weights, strata, y, sizes):
    """Mean of the known values and its variance; None is unknown."""
    size = sum(w for w, v in zip(weights, y, strict=True) if v is not None)
    point = sum(w * v for w, v in zip(weights, y, strict=True) if v is not None) / size
    z = [0.0 if v is None else (v - point) / size for v in y]
    return point, variance(weights, strata, z, sizes)


def quantile(weights, y, share):
    """The lowest value at which the weights reach the share."""
    pairs = sorted((v, w) for v, w in zip(y, weights, strict=True) if v is not None)
    size, below = sum(w for _, w in pairs), 0.0
    for v, w in pairs:
        below += w
        if below / size >= share - 1e-9:
            return v
    return pairs[-1][0]
