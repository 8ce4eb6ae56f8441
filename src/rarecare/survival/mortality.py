"""Probabilities of death, years lived and lost, and what was to be expected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Unpack

import polars as pl

from rarecare.errors import UsageError
from rarecare.population.life_table import LifeTable
from rarecare.registry import Cases
from rarecare.results import Result
from rarecare.survival.analysis import Analysis, Choices, analyse, estimated
from rarecare.survival.estimate import estimate_survival
from rarecare.survival.methods import METHODS, YEARS, Method
from rarecare.survival.survival import chosen, figure_days, needed

if TYPE_CHECKING:
    from rarecare.figures import Figure

LIFETIME = 100.0
"""Years over which a life expectancy is summed."""

_CAUSES: dict[str, tuple[Method, ...]] = {
    "relative": ("crude-cancer", "crude-other"),
    "recorded": ("recorded-cancer", "recorded-other"),
}


def crude_mortality(
    cases: Cases | Any,
    life_table: LifeTable | None = None,
    *,
    causes: Literal["relative", "recorded"] = "relative",
    **choices: Unpack[Choices],
) -> Result:
    """Return crude probabilities of death from the cancer and from other causes.

    They are what patients face: each in the presence of the other. With the survival of the
    observed they add up to 1.

    Parameters
    ----------
    cases, life_table, **choices
        See ``net_survival``.
    causes
        ``"relative"``: the excess over the life table is from the cancer (Cronin & Feuer
        2000). ``"recorded"``: by the cause of death of each case (Aalen–Johansen); needs no
        life table; see ``cause_specific_survival`` for the causes.

    Returns
    -------
    Result
        Its table is that of ``estimate_survival``; limits are plain unless asked otherwise.

    Raises
    ------
    UsageError, InputError
        See ``net_survival``.
    """
    if causes not in _CAUSES:
        raise UsageError("causes has no such choice", value=causes, allowed=list(_CAUSES))
    lives = None if causes == "recorded" else needed(life_table, "crude mortality")  # type: ignore[arg-type]
    methods = _CAUSES[causes]
    analysis = analyse(cases, lives, methods, choices)
    table, notes = estimated(analysis, cases, lives, methods, choices)
    words = "recorded causes of death" if causes == "recorded" else "the excess over the life table"
    return Result(
        table,
        analysis.provenance(f"Crude probabilities of death, by {words}", *notes),
        _drawing(analysis),
    )


def life_years(
    cases: Cases | Any,
    life_table: LifeTable,
    *,
    method: Method | Sequence[Method] = YEARS,
    **choices: Unpack[Choices],
) -> Result:
    """Return years lived after diagnosis up to a time, and years lost by then.

    Parameters
    ----------
    cases, life_table, **choices
        See ``net_survival``; ``at`` is the time up to which years are summed.
    method
        ``"restricted-mean"``: years lived; ``"years-lost-cancer"``, ``"years-lost-other"``:
        the area under the crude probabilities of death, which with the years lived add up to
        the time; ``"years-difference"``: years lived fewer than expected in the general
        population. All by default.

    Returns
    -------
    Result
        Its table is that of ``estimate_survival``, in years. Standard errors by the delta
        method.

    Raises
    ------
    UsageError, InputError
        See ``net_survival``.
    """
    lives = needed(life_table, "years lost")
    methods = chosen(method, YEARS)
    if choices.get("window") and "years-difference" in methods and method is YEARS:
        methods = tuple(name for name in methods if name != "years-difference")
    analysis = analyse(cases, lives, methods, choices)
    table, notes = estimated(analysis, cases, lives, methods, choices)
    titles = ", ".join(METHODS[name].title for name in methods)
    return Result(table, analysis.provenance(titles, *notes))


def expected_survival(
    cases: Cases | Any, life_table: LifeTable, **choices: Unpack[Choices]
) -> Result:
    """Return how many of the cases would be alive had they died as the general population.

    Net survival at a time rests on those expected to be alive then (R relsurv's ``nessie``):
    where ``expected-alive`` is below 10 it is not to be relied on.

    Parameters
    ----------
    cases, life_table, **choices
        See ``net_survival``.

    Returns
    -------
    Result
        Per stratum and time ``expected-alive``, in people, and ``expected``, their share; and
        ``expected-years`` over 100 years: the mean life expectancy at diagnosis.

    Raises
    ------
    UsageError, InputError
        See ``net_survival``.
    """
    lives = needed(life_table, "expected survival")
    if choices.get("standard") is not None:
        raise UsageError(
            "expected survival is of the cases as they are, not age-standardised",
            value=choices["standard"],
        )
    analysis = analyse(cases, lives, ("expected-alive", "expected"), choices)
    whole: Choices = {**choices, "at": (LIFETIME,), "at_days": None}
    lifetime = analyse(cases, lives, ("expected-years",), whole)
    table = pl.concat(
        [
            estimate_survival(analysis.tally, analysis.plan),
            estimate_survival(lifetime.tally, lifetime.plan),
        ]
    )
    strata = list(analysis.plan.columns)
    order = {name: position for position, name in enumerate(METHODS)}
    few = (pl.col("method") == "expected-alive") & (pl.col("estimate") < _FEW)
    told = pl.when(few).then(pl.lit(f"fewer than {_FEW}: net survival rests on too few; "))
    return Result(
        table.with_columns(
            reason=pl.concat_str(told.otherwise(pl.lit("")), pl.col("reason"), ignore_nulls=True)
        ).sort(
            *strata,
            pl.col("method").replace_strict(order, return_dtype=pl.Int64),
            "time_days",
            maintain_order=True,
        ),
        analysis.provenance("Expected survival in the general population"),
    )


_FEW = 10


def _drawing(analysis: Analysis) -> Any:
    def draw(title: str = "Deaths after diagnosis", **choices: Any) -> Figure:
        from rarecare.figures import probabilities_figure  # noqa: PLC0415 - drawn when asked

        return probabilities_figure(
            estimate_survival(analysis.tally, analysis.plan, times=figure_days(analysis)),
            by=analysis.plan.by,
            title=title,
            **choices,
        )

    return draw
