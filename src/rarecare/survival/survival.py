"""Net, observed and cause-specific survival: from cases to a table with its figure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, Unpack

from rarecare.errors import UsageError
from rarecare.population.life_table import LifeTable
from rarecare.registry import Cases, ExclusionRules
from rarecare.results import Result
from rarecare.survival.analysis import Analysis, Choices, analyse, estimated
from rarecare.survival.curves import Form, Interval
from rarecare.survival.estimate import estimate_survival
from rarecare.survival.methods import METHODS, NET, Method
from rarecare.survival.plan import Approach, Standardisation, WhenEmpty
from rarecare.survival.standards import Given
from rarecare.tally.engines import Engine

if TYPE_CHECKING:
    from rarecare.figures import Figure

FIGURE_POINTS = 400
FIGURE_YEARS = (1, 3, 5, 10)


def net_survival(
    cases: Cases | Any,
    life_table: LifeTable,
    *,
    by: Sequence[str] = (),
    at: Sequence[float] | None = None,
    at_days: Sequence[float] | None = None,
    method: Method | Sequence[Method] = "pohar-perme",
    form: Form = "exponential",
    level: float = 0.95,
    interval: Interval | None = None,
    standard: Given = None,
    standardisation: Standardisation = "classes",
    when_empty: WhenEmpty = "not estimable",
    approach: Approach | None = None,
    window: tuple[date, date] | None = None,
    incidence: tuple[date, date] | None = None,
    closing_date: date | None = None,
    min_at_risk: int = 0,
    max_se: float | None = None,
    days_per_year: float = 365.2425,
    weighted: bool = False,
    allow_outside: float = 0.05,
    rules: ExclusionRules | None = None,
    bad_rows: Literal["refuse", "exclude"] = "refuse",
    engine: Engine | None = None,
) -> Result:
    """Return net or relative survival, exact by day.

    Parameters
    ----------
    cases
        Cases as read, or a data frame in canonical columns. A frame with a boolean column
        ``died`` is taken as cases that count: nothing is excluded; so is a polars LazyFrame,
        which is read in batches, for files larger than memory.
    life_table
        Hazard of the general population; its keys must be columns of the cases.
    by
        Strata: columns, or the name of one.
    at, at_days
        Evaluation times, in years (times ``days_per_year``, not rounded) or in days; one
        of the two. By default 1 and 5 years.
    method
        ``"pohar-perme"``, ``"ederer2"``, ``"ederer1"``, ``"hakulinen"``, ``"observed"``; or
        several.
    form
        ``"exponential"`` or ``"product"`` (R relsurv's "kaplan-meier").
    level, interval
        Confidence level and scale: ``"log"``, ``"log-log"`` or ``"plain"``; by default log for
        survival, plain for probabilities of death and years.
    standard
        Age standardisation: ``"icss1"``, ``"icss2"``, ``"icss3"``, ``"icss prostate"``;
        ``"icss by entity"``: the one of each entity, where a stratum names it;
        ``"internal"``: the ages of the cases themselves; weights by the first age of each
        class, ``{15: 7, 45: 12, ...}``; or a ``Standard``.
    standardisation
        ``"classes"``: weighted sum of the age classes' survival. ``"individual"``: each case
        weighs its class's share over the observed share.
    when_empty
        Where an age class has no one left: ``"not estimable"``; ``"collapse"``: the class is
        merged with its younger neighbour; ``"individual"``: each case is weighted instead;
        ``"widen"``: the window is widened, to hybrid by its own length, then to complete (also
        without a standard). ``reason`` says which was used.
    approach
        ``"complete"``: everyone from diagnosis. ``"cohort"``: the same, but no time beyond the
        potential follow-up of those diagnosed last. ``"period"``: follow-up within the window
        alone. ``"hybrid"``: those diagnosed in the days ``incidence`` from diagnosis, those
        before within the window. By default period with a window, hybrid with both, else
        complete.
    window
        First and last calendar day of follow-up of a period or hybrid analysis, both included.
    incidence
        First and last calendar day of diagnosis, both included.
    closing_date
        Last day of follow-up of the study (Hakulinen, cohort); by default the last seen.
    min_at_risk
        Fewest people at risk with whom an estimate is given.
    max_se
        Standard error above which ``reason`` carries a remark.
    days_per_year
        D, in days.
    weighted
        Whether each case counts as its column ``weight`` says.
    allow_outside
        Largest share of person-days that may lie outside the life table's ages and years.
    rules
        Who is counted; by default behaviour 3, ages 15-99, neither DCO nor autopsy only.
    bad_rows
        ``"refuse"``: stop at values that cannot be read. ``"exclude"``: count them and go on.
    engine
        Where the sums are made; by default threads on this machine.

    Returns
    -------
    Result
        Its ``table`` is that of ``estimate_survival``.

    Raises
    ------
    InputError
        The cases or the life table cannot be used; the message says which row and why.
    UsageError
        A choice is not among its choices.
    """
    choices: Choices = {
        "by": by,
        "at": at,
        "at_days": at_days,
        "form": form,
        "level": level,
        "interval": interval,
        "standard": standard,
        "standardisation": standardisation,
        "when_empty": when_empty,
        "approach": approach,
        "window": window,
        "incidence": incidence,
        "closing_date": closing_date,
        "min_at_risk": min_at_risk,
        "max_se": max_se,
        "days_per_year": days_per_year,
        "weighted": weighted,
        "allow_outside": allow_outside,
        "rules": rules,
        "bad_rows": bad_rows,
        "engine": engine,
    }
    return survival_result(cases, needed(life_table, "net survival"), chosen(method, NET), choices)


def observed_survival(
    cases: Cases | Any,
    *,
    variance: Literal["greenwood", "tsiatis"] = "greenwood",
    **choices: Unpack[Choices],
) -> Result:
    """Return observed survival (Kaplan–Meier), from cases alone.

    Parameters and errors as ``net_survival``; ``variance`` is ``"greenwood"`` or
    ``"tsiatis"`` (Σ dN/Y²).
    """
    methods: dict[str, Method] = {"greenwood": "observed", "tsiatis": "observed-tsiatis"}
    if variance not in methods:
        raise UsageError("variance has no such choice", value=variance, allowed=list(methods))
    return survival_result(cases, None, (methods[variance],), choices)


def cause_specific_survival(cases: Cases | Any, **choices: Unpack[Choices]) -> Result:
    """Return cause-specific survival: other deaths than from cancer are censored.

    Deaths from cancer are told by a boolean column ``died_of_cancer`` or by
    ``cause_of_death``: the words cancer and other, ICD-10 C00-C97 and D45-D47, ICD-9 140-208
    and 238.4-238.7.

    Parameters and errors as ``net_survival``; ``unknown_cause``: ``"refuse"``, or what a death
    of unknown cause is taken as, ``"cancer"`` or ``"other"``.
    """
    return survival_result(cases, None, ("cause-specific",), choices)


def needed(life_table: LifeTable, what: str) -> LifeTable:
    """Return the life table, or say that it is none.

    Raises
    ------
    UsageError
        It is none.
    """
    if not isinstance(life_table, LifeTable):
        raise UsageError(
            f"{what} takes a life table",
            value=type(life_table).__name__,
            remedy="Read it first: LifeTable.read(path).",
        )
    return life_table


def chosen(method: Method | Sequence[Method], allowed: Sequence[Method]) -> tuple[Method, ...]:
    """Return the methods asked, all of them among those allowed.

    Raises
    ------
    UsageError
        One is not.
    """
    methods: tuple[Method, ...] = (method,) if isinstance(method, str) else tuple(method)
    unknown = next((name for name in methods if name not in allowed), None)
    if unknown is not None:
        raise UsageError("method has no such choice", value=unknown, allowed=allowed)
    return methods


def survival_result(
    cases: Cases | Any,
    life_table: LifeTable | None,
    methods: tuple[Method, ...],
    choices: Choices,
) -> Result:
    """Return the table of these methods, with its figure and provenance."""
    analysis = analyse(cases, life_table, methods, choices)
    table, notes = estimated(analysis, cases, life_table, methods, choices)
    titles = dict.fromkeys(METHODS[method].title for method in methods)
    return Result(table, analysis.provenance(", ".join(titles), *notes), drawing(analysis))


def drawing(analysis: Analysis) -> Any:
    """Return what draws the curves of an analysis."""
    plan = analysis.plan

    def draw(title: str = "Survival after diagnosis", **choices: Any) -> Figure:
        from rarecare.figures import survival_figure  # noqa: PLC0415 - drawn when asked

        return survival_figure(
            estimate_survival(analysis.tally, plan, times=figure_days(analysis)),
            by=plan.by,
            title=title,
            subtitle=f"Age-standardised, {plan.standard.name}" if plan.standard else None,
            **choices,
        )

    return draw


def figure_days(analysis: Analysis) -> list[float]:
    """Return the whole days at which a curve is drawn."""
    plan = analysis.plan
    step = max(1, plan.horizon // FIGURE_POINTS)
    years = [int(years * plan.days_per_year) for years in FIGURE_YEARS]
    marked = {day for day in years if day <= plan.horizon}
    return sorted({*range(0, plan.horizon + 1, step), *marked, int(max(plan.times))})
