"""Incidence rows from a tally of cases and person-years: rates with their limits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.rates import formulas
from rarecare.rates.intervals import count_limits, rate_limits
from rarecare.rates.plan import IncidencePlan
from rarecare.results import NOT_ESTIMABLE, OK
from rarecare.tally.tally import Tally

CRUDE = "crude rate"
AGE_SPECIFIC = "age-specific rate"
STANDARDISED = "standardised rate"
TRUNCATED = "truncated rate 35-64"
CUMULATIVE_RATE = "cumulative rate 0-74"
CUMULATIVE_RISK = "cumulative risk 0-74"
MEASURES = (CRUDE, AGE_SPECIFIC, STANDARDISED, TRUNCATED, CUMULATIVE_RATE, CUMULATIVE_RISK)

ALL_AGES = "all"
NO_STANDARD = "none"
PERCENT = "percent"
NO_PERSON_YEARS = "no person-years"
_NUMBERS = ("estimate", "se", "lower", "upper")

Floats = NDArray[np.float64]


def estimate_incidence(tally: Tally, plan: IncidencePlan) -> pl.DataFrame:
    """Return rates with their limits from a tally.

    Parameters
    ----------
    tally
        Made with the plan, of one part or the sum of several.
    plan
        The choices.

    Returns
    -------
    DataFrame
        One row per stratum and rate: the strata; ``measure`` (of ``MEASURES``);
        ``age_group`` (``"all"``, ``"0-4"``, ``"0-74"``); ``standard`` (``"none"`` where there
        is none); ``method`` (of the limits); ``n`` and ``person_years`` of the ages that
        the rate is made of; ``unit``; ``estimate``, ``se``, ``lower``, ``upper``; ``level``;
        ``status`` ("ok", "not estimable") and ``reason``, which also says on rows that are ok
        what was done about unknown ages. Crude rates count cases of unknown age; ``n``
        of the others does not.

    Raises
    ------
    DisagreementError
        The tally was made with another plan.
    """
    tally.check_plan(plan)
    texts = _Texts()
    blocks = [_crude(tally, plan, texts), _age_specific(tally, plan, texts)]
    for name, given in plan.standards:
        blocks += _standardised(tally, plan, texts, name, given)
    blocks += _cumulative(tally, plan, texts)
    return _table(tally.strata, blocks, plan, texts)


class _Texts:
    """Words that stand in many rows, each by a number; 0 is none."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {}

    def __getitem__(self, text: str) -> int:
        return self.known.setdefault(text, len(self.known) + 1)

    def series(self, numbers: NDArray[np.int64]) -> pl.Series:
        """Return the words of numbers."""
        return pl.Series([None, *self.known], dtype=pl.String).gather(numbers.ravel())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """One rate in every stratum: arrays of shape (n_strata, n_groups).

    ``numbers`` are the estimate, its standard error, and the lower and upper limit, times
    ``per``; ``methods`` and ``reasons`` are numbers of texts, which broadcast.
    """

    measure: str
    unit: str
    n: NDArray[np.int64]
    person_years: Floats
    numbers: tuple[Floats, Floats, Floats, Floats]
    per: float
    methods: NDArray[np.int64]
    reasons: NDArray[np.int64]
    age_groups: Sequence[str] = (ALL_AGES,)
    standard: str = NO_STANDARD


def _table(
    strata: pl.DataFrame, blocks: Sequence[_Block], plan: IncidencePlan, texts: _Texts
) -> pl.DataFrame:
    """Return the rows of all blocks, those of a stratum together."""

    def side_by_side(parts: Iterable[NDArray[Any]]) -> NDArray[Any]:
        shaped = [
            np.broadcast_to(part, (strata.height, len(block.age_groups)))
            for part, block in zip(parts, blocks, strict=True)
        ]
        return np.concatenate(shaped, axis=1).ravel()

    of_each = [(block, group) for block in blocks for group in block.age_groups]
    place = np.tile(np.arange(len(of_each)), strata.height)
    own = np.repeat(np.arange(strata.height), len(of_each))

    def repeated(values: Iterable[str]) -> pl.Series:
        return pl.Series(list(values), dtype=pl.String).gather(place)

    numbers = {
        name: pl.Series(side_by_side(block.numbers[k] * block.per for block in blocks))
        for k, name in enumerate(_NUMBERS)
    }
    estimable = pl.col("estimate").is_not_null()
    return (
        pl.DataFrame(
            {
                **{name: strata[name].gather(own) for name in strata.columns},
                "measure": repeated(block.measure for block, _ in of_each),
                "age_group": repeated(group for _, group in of_each),
                "standard": repeated(block.standard for block, _ in of_each),
                "method": texts.series(side_by_side(block.methods for block in blocks)),
                "n": side_by_side(block.n for block in blocks),
                "person_years": side_by_side(block.person_years for block in blocks),
                "unit": repeated(block.unit for block, _ in of_each),
                **numbers,
                "reason": texts.series(side_by_side(block.reasons for block in blocks)),
            }
        )
        .with_columns(pl.col(_NUMBERS).fill_nan(None), level=pl.lit(plan.level))
        .with_columns(status=pl.when(estimable).then(pl.lit(OK)).otherwise(pl.lit(NOT_ESTIMABLE)))
        .select(pl.exclude("reason"), "reason")
    )


def _crude(tally: Tally, plan: IncidencePlan, texts: _Texts) -> _Block:
    n = (tally.arrays["cases"].sum(axis=1) + tally.arrays["cases_age_unknown"])[:, None]
    y = tally.arrays["person_years"].sum(axis=1)[:, None]
    return _Block(
        measure=CRUDE, unit=plan.unit, per=plan.per, n=n, person_years=y,
        numbers=_count_rates(n, y, plan, np.ones((len(n), 1))),
        methods=np.array(texts[plan.count_interval]),
        reasons=np.where(y > 0, 0, texts[NO_PERSON_YEARS]),
    )  # fmt: skip


def _age_specific(tally: Tally, plan: IncidencePlan, texts: _Texts) -> _Block:
    n, y = tally.arrays["cases"], tally.arrays["person_years"]
    factor, remarks = _unknown_ages(tally, plan, texts)
    return _Block(
        measure=AGE_SPECIFIC, unit=plan.unit, per=plan.per, n=n, person_years=y,
        numbers=_count_rates(n, y, plan, factor[:, None]), age_groups=plan.age_groups,
        methods=np.array(texts[plan.count_interval]),
        reasons=np.where(y > 0, remarks[:, None], texts[NO_PERSON_YEARS]),
    )  # fmt: skip


def _standardised(
    tally: Tally, plan: IncidencePlan, texts: _Texts, standard: str, given: Sequence[float]
) -> list[_Block]:
    part = formulas.truncated_weights(given, plan.age_lower, age_end=plan.age_end)
    return [
        replace(
            _weighted(tally, plan, texts, weights, ages), measure=measure, unit=plan.unit,
            per=plan.per, age_groups=(ages,), standard=standard,
        )
        for measure, weights, ages in (
            (STANDARDISED, formulas.standard_weights(given), ALL_AGES),
            (TRUNCATED, part, "35-64"),
        )
    ]  # fmt: skip


def _cumulative(tally: Tally, plan: IncidencePlan, texts: _Texts) -> list[_Block]:
    widths = formulas.cumulative_weights(plan.age_lower, age_end=plan.age_end)
    rate = replace(
        _weighted(tally, plan, texts, widths, "0-74"), measure=CUMULATIVE_RATE, unit=PERCENT,
        per=100, age_groups=("0-74",),
    )  # fmt: skip
    estimate, se, lower, upper = rate.numbers
    risk_of = formulas.cumulative_risk
    numbers = (risk_of(estimate), np.exp(-estimate) * se, risk_of(lower), risk_of(upper))
    return [rate, replace(rate, measure=CUMULATIVE_RISK, numbers=numbers)]


def _count_rates(
    n: NDArray[np.int64], y: Floats, plan: IncidencePlan, factor: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return rates of counts times ``factor``, standard errors, limits; nan without y."""
    rate = formulas.age_specific_rates(n, y)
    lower, upper = count_limits(n, interval=plan.count_interval, level=plan.level)
    each = factor / np.where(y > 0, y, np.nan)
    return rate * factor, np.sqrt(n) * each, lower * each, upper * each


def _weighted(
    tally: Tally, plan: IncidencePlan, texts: _Texts, weights: Floats | None, ages: str
) -> _Block:
    """Return a weighted rate, corrected for unknown ages; no weights: not estimable."""
    d, y = tally.arrays["cases"], tally.arrays["person_years"]
    if weights is None:
        nothing = np.full((len(d), 1), np.nan)
        none = np.zeros((len(d), 1), dtype=np.int64)
        return _Block(
            measure="", unit="", per=1, n=none, person_years=none.astype(np.float64),
            numbers=(nothing, nothing, nothing, nothing),
            methods=np.array(texts[plan.interval]),
            reasons=np.array(texts[f"no age groups make up ages {ages}"]),
        )  # fmt: skip
    rate = formulas.weighted_rate(d, y, weights)
    lower, upper, method = rate_limits(rate, interval=plan.interval, level=plan.level)
    factor, remarks = _unknown_ages(tally, plan, texts)
    used = weights > 0
    empty = (y == 0) & used
    named = [texts[f"{NO_PERSON_YEARS} at ages {group}"] for group in plan.age_groups]
    reasons = np.where(empty.any(axis=1), np.array(named)[empty.argmax(axis=1)], remarks)
    names, which = np.unique(method, return_inverse=True)
    return _Block(
        measure="", unit="", per=1, n=rate.cases[:, None],
        person_years=y[:, used].sum(axis=1)[:, None],
        numbers=(
            (rate.rate * factor)[:, None], (rate.se * factor)[:, None],
            (lower * factor)[:, None], (upper * factor)[:, None],
        ),
        methods=np.array([texts[str(name)] for name in names])[which][:, None],
        reasons=reasons[:, None],
    )  # fmt: skip


def _unknown_ages(
    tally: Tally, plan: IncidencePlan, texts: _Texts
) -> tuple[Floats, NDArray[np.int64]]:
    """Return what rates by age are multiplied by (nan where no age is known), and remarks."""
    known, unknown = tally.arrays["cases"].sum(axis=1), tally.arrays["cases_age_unknown"]
    factor: Floats = np.ones(len(known))
    if plan.unknown_age == "proportional":
        factor = np.where(unknown > 0, (known + unknown) / np.where(known > 0, known, np.nan), 1)
    remarks = np.zeros(len(known), dtype=np.int64)
    for i in np.flatnonzero(unknown):
        n, k = int(unknown[i]), int(known[i])
        done = (
            "left out" if plan.unknown_age == "exclude" else f"rate multiplied by {factor[i]:.6g}"
        )
        done = done if k or plan.unknown_age == "exclude" else "nothing to distribute them by"
        remarks[i] = texts[f"age unknown in {n} of {n + k} cases: {done}"]
    return factor, remarks
