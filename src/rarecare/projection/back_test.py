"""How well a projection would have done: years held out, projected, and compared.

The years after an origin are hidden, projected from those before it, and set beside what was
counted and beside the naive forecast, the rates of the last years before the origin.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
import polars as pl

from rarecare.errors import ModelError, UsageError
from rarecare.population.population import Population
from rarecare.projection.choice import Choices, Model, projection_of
from rarecare.projection.estimate import CASES, DRAWS, SEED, simulated
from rarecare.projection.nordpred import CUT
from rarecare.projection.series import Gathered, Series, gather
from rarecare.projection.simple import constant_rates
from rarecare.rates.estimate import COUNTED
from rarecare.rates.glm import Link
from rarecare.rates.intervals import tail_probability
from rarecare.registry import Cases, ExclusionRules
from rarecare.results import NOT_ESTIMABLE, OK, Provenance, Result

COVERAGE, ERROR = "coverage of the prediction interval", "mean absolute error"
NAIVE_ERROR, NAIVE_COVERAGE = "naive " + ERROR, "naive " + COVERAGE
SKILL = "error over naive error"


def back_test(
    cases: Cases | Any, population: Population, *, by: Sequence[str] = (),
    family: str | None = None, held_out: int = 2, origins: int = 1, model: Model = "auto",
    width: int = 5, link: Link = "power5", recent: bool | None = None,
    cut: Sequence[float] = CUT, start: int | None = None, use: int | None = None,
    last: int | None = None, last_year: int | None = None,
    age_groups: Sequence[int] | None = None, level: float = 0.95, draws: int = DRAWS,
    seed: int = SEED, rules: ExclusionRules = COUNTED,
    bad_rows: Literal["refuse", "exclude"] = "refuse",
) -> Result:  # fmt: skip
    """Project periods that are known, and return how far off the projection was.

    Parameters
    ----------
    cases, population, by, family, model, width, link, recent, cut, start, use, last, last_year, \
age_groups, draws, seed, rules, bad_rows
        As for ``project``; the population need not reach beyond the last year observed.
    held_out
        Number of periods projected from each origin.
    origins
        Number of origins, the last so that the last period held out is the last observed, each
        other one period earlier.
    level
        Of the prediction interval.

    Returns
    -------
    Result
        Rows by stratum. ``measure`` ``"new cases per year"``: one per origin and period held
        out, with ``origin`` (last year that the model saw), ``first``, ``last``, ``observed``
        (counted, per year), ``estimate``, ``lower``, ``upper``, ``naive``, ``inside`` (whether
        observed lies within the limits), ``naive_inside``. Then, over all of a stratum, the
        ``"coverage of the prediction interval"`` (with exact binomial limits), the ``"mean
        absolute error"`` in per cent of what was counted, both also ``"naive …"``, and ``"error
        over naive error"``: below 1, the model was better. ``n``: cases counted in the periods.

    Raises
    ------
    UsageError
        Too few periods: at least one must remain before the first origin.
    PopulationError, CaseError, ColumnError
        As for ``project``.
    """
    choices = Choices(
        model=model, width=width, link=link, recent=recent, cut=tuple(cut), start=start, use=use,
        last=last,
    )  # fmt: skip
    found = gather(
        cases, population, by=by, family=family, width=width, last_year=last_year, horizon=0,
        standard="esp2013", age_groups=age_groups, level=level, per=100_000, rules=rules,
        bad_rows=bad_rows,
    )  # fmt: skip
    possible = len(found.observed) - held_out
    if held_out < 1 or not 1 <= origins <= possible:
        raise UsageError(
            "there are too few periods to hold some out",
            value=f"{len(found.observed)} periods, {held_out} held out from {origins} origins",
            allowed=f"held_out from 1, origins from 1 to {max(possible, 0)}",
            remedy="Hold out fewer, or use width=1.",
        )  # fmt: skip
    rows: list[dict[str, Any]] = []
    for series in found.series:
        own = list(
            _held_out(
                series, found, choices, held_out=held_out, origins=origins, level=level,
                draws=draws, seed=seed,
            )
        )  # fmt: skip
        rows += [series.labels | row for row in (*own, *_summary(own, level))]
    provenance = Provenance(
        statistic="back-test of a projection",
        inputs=(found.prepared.source, population.source),
        plan=found.plan.to_dict() | {
            "model": model, "width": width, "link": link, "recent": recent, "cut": list(cut),
            "start": start, "use": use, "last": last, "family": family, "held_out": held_out,
            "origins": origins, "draws": draws, "seed": seed,
        },
        plan_hash=found.plan.hash,
        exclusions=found.prepared.exclusions,
        notes=(
            *found.notes,
            "naive forecast: rates of the last ten years before the origin, kept as they were",
            *(["periods of one origin and of neighbouring origins are not independent: limits of "
               "the coverage are too narrow"] if held_out * origins > 1 else []),
        ),
    )  # fmt: skip
    numbers = ("observed", "estimate", "lower", "upper", "naive")
    schema: dict[str, Any] = {
        **found.schema, "measure": pl.String, "origin": pl.Int64, "first": pl.Int64,
        "last": pl.Int64, "n": pl.Int64, "unit": pl.String, **dict.fromkeys(numbers, pl.Float64),
        "inside": pl.Boolean, "naive_inside": pl.Boolean, "level": pl.Float64,
        **dict.fromkeys(("method", "status", "reason"), pl.String),
    }  # fmt: skip
    return Result(pl.DataFrame(rows, schema=schema), provenance)


def _held_out(
    series: Series, found: Gathered, choices: Choices, *, held_out: int, origins: int,
    level: float, draws: int, seed: int,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    for back in range(origins - 1, -1, -1):
        cut = len(found.observed) - held_out - back
        before, after = found.observed[:cut], found.observed[cut : cut + held_out]
        counted = series.observed(after)
        data = series.observed(before)
        told = {"measure": CASES, "origin": before[-1][1], "unit": "cases per year"}
        ten = min(max(10 // choices.width, 1), len(before))
        try:
            projected = projection_of(data, held_out, choices)
            naive = constant_rates(data.cases, data.person_years, held_out, last=ten)
        except ModelError as error:
            for k, (first, last) in enumerate(after):
                yield told | {
                    "first": first, "last": last, "n": int(counted.cases[:, k].sum()),
                    "observed": float(counted.cases[:, k].sum() / choices.width),
                    "level": level, "status": NOT_ESTIMABLE, "reason": str(error),
                }  # fmt: skip
            continue
        tail = tail_probability(level)
        model, plain = (
            [estimate, *np.quantile(drawn, [tail, 1 - tail], axis=0)]
            for estimate, drawn in (
                simulated(
                    each, counted.person_years, None, width=choices.width, draws=draws, seed=seed
                )[CASES]
                for each in (projected, naive)
            )
        )
        for k, (first, last) in enumerate(after):
            total = float(counted.cases[:, k].sum())
            yearly = total / choices.width
            yield told | {
                "first": first, "last": last, "n": int(total), "observed": yearly,
                "estimate": float(model[0][k]), "lower": float(model[1][k]),
                "upper": float(model[2][k]), "naive": float(plain[0][k]),
                "inside": bool(model[1][k] <= yearly <= model[2][k]),
                "naive_inside": bool(plain[1][k] <= yearly <= plain[2][k]), "level": level,
                "method": projected.method, "status": OK, "reason": "; ".join(projected.notes),
            }  # fmt: skip


def _summary(rows: Sequence[dict[str, Any]], level: float) -> Iterator[dict[str, Any]]:
    """Yield coverage and errors over the periods of one stratum that could be projected."""
    from scipy.stats import binomtest  # noqa: PLC0415 - slow to import

    usable = [row for row in rows if row["status"] == OK]
    told = {
        "first": min(row["first"] for row in rows), "last": max(row["last"] for row in rows),
        "n": sum(row["n"] for row in rows), "level": level,
    }  # fmt: skip
    left = len(rows) - len(usable)
    reason = f"{left} of {len(rows)} periods were not estimable" if left else None
    for measure, column in ((COVERAGE, "inside"), (NAIVE_COVERAGE, "naive_inside")):
        row = told | {"measure": measure, "unit": "share of the periods held out"}
        if not usable:
            yield row | {"status": NOT_ESTIMABLE, "reason": reason}
            continue
        hits = sum(each[column] for each in usable)
        limits = binomtest(hits, len(usable)).proportion_ci(level)
        yield row | {
            "estimate": hits / len(usable), "lower": float(limits.low),
            "upper": float(limits.high), "method": "exact binomial", "status": OK,
            "reason": reason,
        }  # fmt: skip
    # a period without cases has no relative error
    counted = [row for row in usable if row["observed"] > 0]
    errors = [
        float(np.mean([abs(row[name] - row["observed"]) / row["observed"] for row in counted]))
        if counted else None
        for name in ("estimate", "naive")
    ]  # fmt: skip
    none = reason or "no case was counted in the periods held out"
    for measure, value in zip((ERROR, NAIVE_ERROR), errors, strict=True):
        yield told | {
            "measure": measure, "unit": "percent of the cases counted",
            "estimate": None if value is None else 100 * value,
            "status": OK if counted else NOT_ESTIMABLE, "reason": reason if counted else none,
        }  # fmt: skip
    mine, naive = errors
    known = mine is not None and naive is not None and naive > 0
    yield told | {
        "measure": SKILL, "unit": "ratio",
        "estimate": mine / naive if known else None,  # type: ignore[operator]
        "status": OK if known else NOT_ESTIMABLE,
        "reason": reason if known else (none if not counted else "the naive error is 0"),
    }  # fmt: skip
