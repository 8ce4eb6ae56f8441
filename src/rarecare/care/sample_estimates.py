"""From a sample back to the registry's population: proportions, means, totals, quantiles.

Source: Horvitz & Thompson, *Journal of the American Statistical Association* 1952;47:663-685
(totals); Hájek 1971 (ratio by the sum of the weights); Särndal, Swensson, Wretman, *Model Assisted
Survey Sampling* 1992, sections 5.7 to 5.11 (linearisation, domains, quantiles), 7.6 (post-strata);
Woodruff, *Journal of the American Statistical Association* 1952;47:635-646 (limits of quantiles);
Korn & Graubard, *Survey Methodology* 1998;24:193-201 (effective number of a proportion).

Variance of Σ wₖzₖ in strata h of N cases with n drawn: Σ (1 − n/N)·n/(n − 1)·Σ(wₖzₖ − mean)². A
stratum of which one case was drawn is centred at the mean of all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.care.limits import wilson
from rarecare.care.sampling import COLLECTED, POPULATION, POST, STRATUM, WEIGHT, Sample
from rarecare.errors import ColumnError, UsageError
from rarecare.rates.intervals import tail_probability
from rarecare.results import NOT_ESTIMABLE, OK, Provenance, Result

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

QUARTILES = (0.25, 0.5, 0.75, 0.9)
_SAME = 1e-9
_VALUES = {
    "n": pl.Int64, "unknown": pl.Int64, "population": pl.Float64, "effective_n": pl.Float64,
    "estimate": pl.Float64, "se": pl.Float64, "lower": pl.Float64, "upper": pl.Float64,
}  # fmt: skip
_Row = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class _Design:
    """What the variance needs: weights, shape (n,); stratum and post-stratum, from 0."""

    weight: Floats
    stratum: Ints
    drawn: Ints
    population: Ints
    post: Ints | None

    @classmethod
    def of(cls, sample: Sample) -> _Design:
        post = sample.table[POST].to_numpy() - 1 if sample.post else None
        return cls(
            sample.table[WEIGHT].to_numpy().astype(np.float64),
            sample.table[STRATUM].to_numpy() - 1,
            sample.strata[COLLECTED].to_numpy(),
            sample.strata[POPULATION].to_numpy(),
            post,
        )

    @property
    def alone(self) -> Flags:
        """Strata of which one case of several was drawn."""
        return np.asarray((self.drawn == 1) & (self.population > 1), dtype=np.bool_)

    @property
    def freedom(self) -> int:
        """Cases less strata."""
        return int(self.drawn.sum() - (self.drawn > 0).sum())

    def variance(self, rows: Ints, z: Floats) -> float:
        """Return the variance of Σ wₖzₖ over rows; z is 0 elsewhere."""
        if self.post is not None:
            rows, z = self._residuals(rows, z)
        u, own = self.weight[rows] * z, self.stratum[rows]
        strata = len(self.drawn)
        total = np.bincount(own, u, strata)
        drawn = np.maximum(self.drawn, 1)
        centre = total / drawn
        centre = np.where(self.alone, u.sum() / max(int(self.drawn.sum()), 1), centre)
        within = np.bincount(own, (u - centre[own]) ** 2, strata)
        elsewhere = drawn - np.bincount(own, minlength=strata)  # z is 0 there
        squares = within + np.where(self.drawn > 0, elsewhere, 0) * centre**2
        spread = np.where(drawn > 1, drawn / np.maximum(drawn - 1, 1), 1.0)
        return float(((1 - self.drawn / self.population) * spread * squares).sum())

    def _residuals(self, rows: Ints, z: Floats) -> tuple[Ints, Floats]:
        """Return all rows and z less its weighted mean in each post-stratum."""
        assert self.post is not None
        every = np.zeros(len(self.weight))
        every[rows] = z
        mean = np.bincount(self.post, self.weight * every) / np.bincount(self.post, self.weight)
        return np.arange(len(every)), every - mean[self.post]


def proportions(
    sample: Sample, variable: str, *, by: Sequence[str] = (), level: float = 0.95
) -> Result:
    """Return the share of the population with each value of a variable.

    Parameters
    ----------
    sample
        As drawn, collected or post-stratified.
    variable
        A column of codes, text, or true and false; unknown values are left out and counted.
    by
        Columns that part the population.
    level
        Confidence level.

    Returns
    -------
    Result
        One row per part and value: ``by``, ``variable``, ``value``, ``n`` (sampled, known),
        ``unknown`` (sampled), ``population`` (cases stood for), ``effective_n``, ``estimate``,
        ``se``, ``lower``, ``upper``, ``level``, ``unit``, ``method``, ``status``, ``reason``.
        Wilson's limits on the effective number p(1 − p)/variance, which is not taken above that of
        a simple random sample of the same size; at 0 and 1 it is Kish's (Σw)²/Σw².

    Raises
    ------
    ColumnError
        A column is missing.
    UsageError
        The level is not between 0 and 1, or a column to part by has a name of the result.
    """
    tail_probability(level)
    column = _column(sample, variable)
    values = column.drop_nulls().unique().sort()
    words = values.cast(pl.String).to_list()
    design = _Design.of(sample)
    codes = column.replace_strict(values, np.arange(len(values)), default=-1, return_dtype=pl.Int64)
    code = codes.to_numpy()
    rows = []
    for part, members in _parts(sample, by):
        known = members[code[members] >= 0]
        head = _head(part, variable, known, members, design)
        if not len(known):
            rows.append(head | {"value": None} | _nothing("no one with a known value"))
        rows += [
            head | {"value": words[place]}
            | _share(design, known, (code[known] == place).astype(np.float64), level)
            for place in (range(len(values)) if len(known) else ())
        ]  # fmt: skip
    method = "Hájek; Wilson on the effective number"
    return _result(
        sample, "proportions", variable, by, rows, level=level, unit="share", method=method
    )


def means(sample: Sample, variable: str, *, by: Sequence[str] = (), level: float = 0.95) -> Result:
    """Return the mean of a number in the population (Hájek), with limits by Student's t.

    Degrees of freedom: cases less strata. Parameters, columns and errors as in ``proportions``,
    without ``value``; also UsageError where the variable is no number.
    """
    return _of_numbers(sample, variable, by, level, total=False)


def totals(sample: Sample, variable: str, *, by: Sequence[str] = (), level: float = 0.95) -> Result:
    """Return the sum of a number, or of true, over the population (Horvitz–Thompson).

    Unknown values count as nothing, so a total with some is a lower bound; the notes say so.
    Parameters, columns and errors as in ``means``.
    """
    return _of_numbers(sample, variable, by, level, total=True)


def quantiles(
    sample: Sample, variable: str, *, at: Sequence[float] = QUARTILES, by: Sequence[str] = (),
    level: float = 0.95,
) -> Result:  # fmt: skip
    """Return quantiles of a number in the population.

    The lowest value at which the weights reach the share; Woodruff's limits, by Wilson on the
    effective number of the share below. Parameters, columns and errors as in ``means``; ``at`` are
    shares above 0 and below 1, and stand in ``value``.
    """
    if not at or not all(0 < share < 1 for share in at):
        raise UsageError("quantiles are at shares", value=str(list(at)), allowed="above 0, below 1")
    tail = tail_probability(level)
    number, known_rows = _number(sample, variable)
    design = _Design.of(sample)
    rows = []
    for part, members in _parts(sample, by):
        known = members[known_rows[members]]
        head = _head(part, variable, known, members, design)
        if not len(known):
            rows += [head | {"value": f"{q:g}"} | _nothing("no one with a known value") for q in at]
            continue
        order = np.argsort(number[known], kind="stable")
        value, weight = number[known][order], design.weight[known][order]
        reached = np.cumsum(weight) / weight.sum()
        for share in at:
            point = _reach(value, reached, share)
            below = (number[known] <= point).astype(np.float64)
            found = _share(design, known, below, level)
            n = _effective(design, known, share, found["se"] ** 2)
            lower, upper = (_reach(value, reached, end) for end in _limits(share, n, level))
            z = _normal(tail)
            rows.append(
                head | {"value": f"{share:g}", "effective_n": n, "estimate": point}
                | {"se": (upper - lower) / (2 * z), "lower": lower, "upper": upper}
                | {"status": OK, "reason": None}
            )  # fmt: skip
    method = "weighted; Woodruff by Wilson"
    return _result(
        sample, "quantiles", variable, by, rows, level=level, unit="as recorded", method=method
    )


def _of_numbers(
    sample: Sample, variable: str, by: Sequence[str], level: float, *, total: bool
) -> Result:
    from scipy.special import stdtrit  # noqa: PLC0415 - slow to import

    tail = tail_probability(level)
    number, known_rows = _number(sample, variable)
    design = _Design.of(sample)
    rows = []
    for part, members in _parts(sample, by):
        known = members[known_rows[members]]
        head = _head(part, variable, known, members, design) | {"value": None}
        if not len(known) and not (total and len(members)):
            rows.append(head | _nothing("no one with a known value"))
            continue
        weight, y = design.weight[known], number[known]
        size = weight.sum()
        point = float(weight @ y) if total else float(weight @ y / size)
        se = float(np.sqrt(design.variance(known, y if total else (y - point) / size)))
        if design.freedom < 1:
            reason = "no stratum with two cases: no variance"
            rows.append(head | _nothing(reason) | {"estimate": point, "status": OK})
            continue
        t = float(-stdtrit(design.freedom, tail))
        rows.append(
            head | {"effective_n": None, "estimate": point, "se": se}
            | {"lower": point - t * se, "upper": point + t * se, "status": OK, "reason": None}
        )  # fmt: skip
    what, method = ("totals", "Horvitz-Thompson") if total else ("means", "Hájek")
    return _result(
        sample,
        what,
        variable,
        by,
        rows,
        level=level,
        unit="as recorded",
        method=f"{method}; Student's t",
    )


def _share(design: _Design, known: Ints, hit: Floats, level: float) -> _Row:
    """Return a share with its limits; ``hit`` is 1 or 0 for the rows known."""
    weight = design.weight[known]
    size = float(weight.sum())
    share = 1.0 if hit.all() else float(weight @ hit) / size
    variance = design.variance(known, (hit - share) / size)
    n = _effective(design, known, share, variance)
    lower, upper = _limits(share, n, level)
    return {
        "effective_n": n, "estimate": share, "se": float(np.sqrt(variance)), "lower": lower,
        "upper": upper, "status": OK, "reason": None,
    }  # fmt: skip


def _effective(design: _Design, known: Ints, share: float, variance: float) -> float | None:
    """Return the effective number of a share; None where the whole population was seen."""
    weight = design.weight[known]
    size, n = float(weight.sum()), len(known)
    seen = min(n / size, 1.0)
    if 1 - seen < _SAME:
        return None
    most = n / (1 - seen)
    if variance > 0 and 0 < share < 1:
        return min(share * (1 - share) / variance, most)
    kish = size**2 / float((weight**2).sum())
    return min(kish / (1 - seen), most) if share in (0.0, 1.0) else most


def _limits(share: float, n: float | None, level: float) -> tuple[float, float]:
    if n is None:
        return share, share
    lower, upper = wilson(share, n, level=level)
    return float(lower), float(upper)


def _normal(tail: float) -> float:
    from scipy.special import ndtri  # noqa: PLC0415 - slow to import

    return float(-ndtri(tail))


def _reach(value: Floats, reached: Floats, share: float) -> float:
    place = int(np.searchsorted(reached, share - _SAME))
    return float(value[min(place, len(value) - 1)])


def _column(sample: Sample, variable: str) -> pl.Series:
    if variable not in sample.table.columns:
        raise ColumnError(
            f"the sample has no column {variable}", value=variable, allowed=sample.table.columns
        )
    return sample.table[variable]


def _number(sample: Sample, variable: str) -> tuple[Floats, Flags]:
    """Return a column as numbers, and where they are known."""
    column = _column(sample, variable)
    if not (column.dtype.is_numeric() or column.dtype == pl.Boolean):
        raise UsageError(
            f"{variable} is no number", value=str(column.dtype), allowed="numbers, true and false",
            remedy="Take proportions of it.",
        )  # fmt: skip
    number = column.cast(pl.Float64)
    known = (number.is_finite()).fill_null(value=False)
    return number.fill_null(0.0).to_numpy(), known.to_numpy()


def _parts(sample: Sample, by: Sequence[str]) -> Iterator[tuple[_Row, Ints]]:
    """Yield each part of the sample and the places of its rows."""
    own = {"variable", "value", "level", "unit", "method", "status", "reason", *_VALUES}
    for name in by:
        _column(sample, name)
        if name in own:
            raise UsageError(
                "a column to part by has a name of the result", value=name,
                allowed="another name", remedy="Rename the column.",
            )  # fmt: skip
    if not by:
        yield {}, np.arange(sample.table.height)
        return
    grouped = (
        sample.table.select(by)
        .with_row_index("_row")
        .group_by(by)
        .agg("_row")
        .sort(by, nulls_last=True)
    )
    for row in grouped.iter_rows(named=True):
        yield {name: row[name] for name in by}, np.array(row["_row"], dtype=np.int64)


def _head(part: _Row, variable: str, known: Ints, members: Ints, design: _Design) -> _Row:
    return part | {
        "variable": variable, "n": len(known), "unknown": len(members) - len(known),
        "population": float(design.weight[known].sum()),
    }  # fmt: skip


def _nothing(reason: str) -> _Row:
    return dict.fromkeys(("effective_n", "estimate", "se", "lower", "upper")) | {
        "status": NOT_ESTIMABLE, "reason": reason,
    }  # fmt: skip


def _result(
    sample: Sample, measure: str, variable: str, by: Sequence[str], rows: list[_Row], *,
    level: float, unit: str, method: str,
) -> Result:  # fmt: skip
    plan: dict[str, Any] = {
        "measure": measure, "variable": variable, "by": list(by), "level": level,
        "strata": list(sample.by), "allocation": sample.allocation, "seed": sample.seed,
        "post_strata": list(sample.post),
    }  # fmt: skip
    text = pl.String
    schema: dict[str, Any] = {name: sample.table[name].dtype for name in by}
    schema |= {"variable": text, "value": text} | _VALUES | {"status": text, "reason": text}
    table = pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        level=pl.lit(level), unit=pl.lit(unit), method=pl.lit(method)
    )
    ends = ["level", "unit", "method", "status", "reason"]
    table = table.select(*(c for c in table.columns if c not in ends), *ends)
    notes = list(sample.notes)
    unknown = int(_column(sample, variable).is_null().sum())
    if measure == "totals" and unknown:
        notes.append(f"{unknown} sampled cases with unknown {variable} count as nothing")
    alone = int(_Design.of(sample).alone.sum())
    if alone:
        notes.append(f"{alone} strata with one case each: centred at the mean of all")
    return Result(
        table,
        Provenance(
            f"{measure} of {variable}, weighted back to the population of the sample",
            (sample.source,),
            plan,
            hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest(),
            pl.DataFrame({"reason": [f"{variable} unknown"], "records": [unknown]}),
            tuple(notes),
        ),
    )
