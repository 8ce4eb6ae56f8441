"""Joinpoint regression: straight lines of the log rate that meet in years the data choose.

Source: Kim, Fay, Feuer, Midthune, *Statistics in Medicine* 2000;19:335-351 (model, permutation
test in sequence); Clegg, Hankey, Tiwari, Feuer, Edwards, *Statistics in Medicine*
2009;28:3670-3682 (average annual percentage change); METHODS_DETAIL 10. Every set of joinpoints on
the observed years is tried; all sets and all permutations are fitted at once by matrix products.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from rarecare.errors import UsageError
from rarecare.rates.intervals import tail_probability

Floats = NDArray[np.float64]
Selection = Literal["bic", "permutation"]

MOST = ((7, 0), (12, 1), (17, 2), (22, 3), (27, 4))
"""Below so many years, at most so many joinpoints; 5 beyond."""

PERMUTATIONS, SEED = 4499, 20261123
_EXACT, _ROUNDING, _BLOCK = 1e-13, 1e-26, 2**22


@dataclass(frozen=True, slots=True)
class Joinpoint:
    """A segmented trend.

    Attributes
    ----------
    joinpoints
        Years in which the slope changes.
    segments
        One row each: ``first``, ``last``, ``estimate`` (annual percentage change), ``se``,
        ``lower``, ``upper``, ``p_value``, ``level``, ``unit``. Limits take the joinpoints as
        known, with Student's t on n − 2k − 2 degrees of freedom.
    fitted
        ``year``, ``observed``, ``fitted``.
    choice
        One row per number of joinpoints tried: ``joinpoints``, ``sse``, ``bic``, ``years``.
    tests
        One row per permutation test: ``null``, ``alternative`` (numbers of joinpoints),
        ``p_value``, ``reject_below``; no rows when chosen by the BIC.
    selection, level
        How the number was chosen; confidence level.
    """

    joinpoints: tuple[int, ...]
    segments: pl.DataFrame
    fitted: pl.DataFrame
    choice: pl.DataFrame
    tests: pl.DataFrame
    selection: Selection
    level: float
    _slopes: Floats
    _covariance: Floats
    _df: int

    def average(self, first: int | None = None, last: int | None = None) -> pl.DataFrame:
        """Return the average annual percentage change from one year to another.

        Slopes weighted by their years between the two (delta method); the whole range unless
        told. One row: ``measure``, ``first``, ``last``, ``estimate``, ``lower``, ``upper``,
        ``level``, ``unit``.

        Raises
        ------
        UsageError
            The years are not in order within the range.
        """
        low, high = self.segments["first"][0], self.segments["last"][-1]
        first, last = low if first is None else first, high if last is None else last
        if not low <= first < last <= high:
            raise UsageError(
                "an average change runs from one year of the trend to a later one",
                value=f"{first} to {last}", allowed=f"{low} to {high}",
            )  # fmt: skip
        starts, ends = self.segments["first"].to_numpy(), self.segments["last"].to_numpy()
        years = np.clip(np.minimum(ends, last) - np.maximum(starts, first), 0, None)
        weights = years / years.sum()
        mean = float(weights @ self._slopes)
        se = float(np.sqrt(weights @ self._covariance @ weights))
        percent = _percent(np.array([mean]), np.array([se]), self._df, self.level)
        return pl.DataFrame(
            {
                "measure": ["average annual percentage change"], "first": [first], "last": [last],
                **percent, "level": [self.level], "unit": ["percent per year"],
            }
        )  # fmt: skip


def joinpoint(
    years: ArrayLike, rates: ArrayLike, se: ArrayLike, *, max_joinpoints: int | None = None,
    selection: Selection = "bic", min_end: int = 3, min_between: int = 2,
    permutations: int = PERMUTATIONS, alpha: float = 0.05, seed: int = SEED, level: float = 0.95,
) -> Joinpoint:  # fmt: skip
    """Fit a segmented trend to rates by year.

    Parameters
    ----------
    years
        In order, shape (n,).
    rates, se
        Rates above 0 and their standard errors; the log rate has weight (rate / se)².
    max_joinpoints
        By default 0 below 7 years, 1 below 12, 2 below 17, 3 below 22, 4 below 27, then 5.
    selection
        ``"bic"``: log(SSE/n) + 2(k + 1)·log(n)/n at its smallest; ``"permutation"``: tests of
        fewer against more joinpoints in sequence, each at ``alpha`` / ``max_joinpoints``.
    min_end
        Years from an end to the nearest joinpoint, both counted.
    min_between
        Years between two joinpoints, neither counted.
    permutations, alpha, seed
        Of the permutation tests.
    level
        Confidence level.

    Raises
    ------
    UsageError
        A choice is not among its choices; years are out of order; a rate is 0 (it has no
        logarithm: take wider periods); or fewer than 4 years.
    """
    x, z, root = _checked(years, rates, se, selection)
    n = len(x)
    most = next((k for below, k in MOST if n < below), 5) if max_joinpoints is None else (
        max_joinpoints
    )  # fmt: skip
    if most < 0 or n <= 2 * most + 2:
        raise UsageError(
            "so many joinpoints leave no degree of freedom", value=most,
            allowed=f"0 to {max((n - 3) // 2, 0)} with {n} years",
        )  # fmt: skip
    grids = [_Grid.of(x, root, k, min_end=min_end, between=min_between) for k in range(most + 1)]
    grids = [grid for grid in grids if len(grid.sets)]
    own = z - root * (root @ z) / (root @ root)  # every set has the constant: less to round
    best = [grid.fit(own[:, None]) for grid in grids]
    sse = np.array([float(found[0][0]) for found in best])
    floor = max(_EXACT * float(own @ own), _ROUNDING * float(z @ z), 1e-300)
    sse = np.maximum(sse, floor)
    bic = [np.log(s / n) + 2 * (k + 1) * np.log(n) / n for k, s in enumerate(sse)]
    tests: list[tuple[int, int, float, float]] = []
    if selection == "bic":
        chosen = int(np.argmin(bic))
    else:
        shuffles = np.random.default_rng(seed).permuted(
            np.tile(np.arange(n), (permutations, 1)), axis=1
        )
        chosen, high, reject = 0, len(grids) - 1, alpha / max(len(grids) - 1, 1)
        while chosen < high:
            p_value = _permutation_test(grids[chosen], grids[high], own, shuffles, floor)
            tests.append((chosen, high, p_value, reject))
            if p_value < reject:
                chosen += 1
            else:
                high -= 1
    where = [grid.sets[int(fit[1][0])] for grid, fit in zip(grids, best, strict=True)]
    choice = pl.DataFrame(
        {
            "joinpoints": list(range(len(grids))), "sse": sse, "bic": bic,
            "years": [", ".join(f"{x[i]:g}" for i in own) for own in where],
        }
    )  # fmt: skip
    return _described(
        x, z, root, where[chosen], level=level, selection=selection, choice=choice,
        tests=pl.DataFrame(
            tests, orient="row", schema={
                "null": pl.Int64, "alternative": pl.Int64, "p_value": pl.Float64,
                "reject_below": pl.Float64,
            },
        ),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Grid:
    """All sets of k joinpoints, and an orthonormal basis of each one's columns."""

    sets: NDArray[np.int64]
    bases: Floats

    @classmethod
    def of(cls, x: Floats, root: Floats, k: int, *, min_end: int, between: int) -> _Grid:
        n = len(x)
        inner = range(min_end - 1, n - min_end + 1)
        # a set with gaps is a set without them, each moved down by the gaps before it
        steps = list(combinations(range(max(len(inner) - between * max(k - 1, 0), 0)), k))
        sets = np.array(steps, dtype=np.int64).reshape(len(steps), k)
        sets += min_end - 1 + between * np.arange(k)
        columns = _columns(x, x[sets]) * root[:, None]
        return cls(sets, np.linalg.qr(columns)[0])

    def fit(self, z: Floats) -> tuple[Floats, NDArray[np.int64]]:
        """Return the smallest residual sum of squares of each column of z, and its set."""
        total = (z * z).sum(axis=0)
        best, where = np.full(z.shape[1], -np.inf), np.zeros(z.shape[1], dtype=np.int64)
        n, p = self.bases.shape[1:]
        size = max(_BLOCK // (p * z.shape[1]), 1)
        for start in range(0, len(self.sets), size):
            basis = self.bases[start : start + size]
            parts = basis.transpose(0, 2, 1).reshape(-1, n) @ z
            explained = (parts * parts).reshape(len(basis), p, -1).sum(axis=1)
            own = explained.argmax(axis=0)
            value = explained[own, np.arange(z.shape[1])]
            better = value > best
            best[better], where[better] = value[better], start + own[better]
        return np.maximum(total - best, 0.0), where


def _permutation_test(
    null: _Grid, other: _Grid, z: Floats, shuffles: NDArray[np.int64], floor: float
) -> float:
    """Return the share of permuted residuals whose fit gains at least as much."""
    (sse,), (where,) = null.fit(z[:, None])
    (more,), _ = other.fit(z[:, None])
    if sse <= floor:
        return 1.0
    basis = null.bases[where]
    fitted = basis @ (basis.T @ z)
    again = fitted[:, None] + (z - fitted)[shuffles].T
    gained = null.fit(again)[0] / np.maximum(other.fit(again)[0], floor)
    seen = sse / max(more, floor)
    return float((1 + np.count_nonzero(gained >= seen * (1 - 1e-12))) / (1 + len(shuffles)))


def _columns(x: Floats, at: Floats) -> Floats:
    """Return 1, x, (x − τ)₊ of each set, shape (sets, n, k + 2)."""
    beyond = np.maximum(x[None, :, None] - at[:, None, :], 0.0)
    lines = np.broadcast_to(np.stack([np.ones(len(x)), x], axis=1), (len(at), len(x), 2))
    return np.concatenate([lines, beyond], axis=2)


def _described(
    x: Floats, z: Floats, root: Floats, where: NDArray[np.int64], *, level: float,
    selection: Selection, choice: pl.DataFrame, tests: pl.DataFrame,
) -> Joinpoint:  # fmt: skip
    centre = x[0]
    columns = _columns(x - centre, (x[where] - centre)[None])[0]
    weighted = columns * root[:, None]
    beta, *_ = np.linalg.lstsq(weighted, z, rcond=None)
    k = len(where)
    df = len(x) - 2 * k - 2
    rest = z - weighted @ beta
    inverse = np.linalg.inv(weighted.T @ weighted)
    sums = np.hstack([np.zeros((k + 1, 1)), np.tril(np.ones((k + 1, k + 1)))])
    slopes = sums @ beta
    covariance = sums @ (inverse * float(rest @ rest) / df) @ sums.T
    bounds = [int(year) for year in (x[0], *x[where], x[-1])]
    segments = pl.DataFrame(
        {
            "first": bounds[:-1], "last": bounds[1:],
            **_percent(slopes, np.sqrt(np.diag(covariance)), df, level),
        }
    ).with_columns(level=pl.lit(level), unit=pl.lit("percent per year"))  # fmt: skip
    fitted = pl.DataFrame(
        {"year": x.astype(np.int64), "observed": np.exp(z / root), "fitted": np.exp(columns @ beta)}
    )
    return Joinpoint(
        tuple(bounds[1:-1]), segments, fitted, choice, tests, selection, level, slopes, covariance,
        df,
    )  # fmt: skip


def _percent(slope: Floats, se: Floats, df: int, level: float) -> dict[str, Floats]:
    from scipy.special import stdtr, stdtrit  # noqa: PLC0415 - slow to import

    reach = -float(stdtrit(df, tail_probability(level))) * se
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(se > 0, np.abs(slope) / se, np.where(slope == 0, 0.0, np.inf))
    return {
        "estimate": 100 * np.expm1(slope),
        "se": 100 * np.exp(slope) * se,
        "lower": 100 * np.expm1(slope - reach),
        "upper": 100 * np.expm1(slope + reach),
        "p_value": 2 * stdtr(df, -t),
    }


def _checked(
    years: ArrayLike, rates: ArrayLike, se: ArrayLike, selection: str
) -> tuple[Floats, Floats, Floats]:
    """Return the years, √weight × log rate, and √weight."""
    if selection not in get_args(Selection):
        raise UsageError(
            "there is no such way to choose joinpoints", value=selection,
            allowed=get_args(Selection),
        )  # fmt: skip
    x, r, s = (np.asarray(part, dtype=np.float64) for part in (years, rates, se))
    if not (x.shape == r.shape == s.shape and x.ndim == 1):
        raise UsageError(
            "years, rates and standard errors differ in shape",
            value=f"{x.shape}, {r.shape}, {s.shape}", allowed="the same length",
        )  # fmt: skip
    if len(x) < 4 or not (np.diff(x) > 0).all():
        raise UsageError(
            "a segmented trend takes 4 years or more, in order, each once", value=x.tolist()
        )
    wrong = ~((r > 0) & (s > 0))
    if wrong.any():
        raise UsageError(
            "a rate of 0 has no logarithm", value=f"{r[wrong][0]:g} in {x[wrong][0]:g}",
            allowed="rates and standard errors above 0",
            remedy="Take wider periods, or annual_change, which counts cases.",
        )  # fmt: skip
    root = r / s
    return x, root * np.log(r), root
