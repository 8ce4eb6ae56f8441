"""Projections beside nordpred, and age-period-cohort models beside Epi."""

from statistics import NormalDist

import numpy as np
import polars as pl

from rarecare.projection.age_period_cohort import age_period_cohort
from rarecare.projection.nordpred import nordpred, project_nordpred
from rarecare.rates.formulas import age_specific_rates, standard_weights, weighted_rate
from tests.reference import age_period_cohort_twin, nordpred_twin
from tests.reference.replay_checks import TWELVE, apart, worst_of
from tests.validation.check import SHARED, Check

Z = NormalDist().inv_cdf(0.975)
SEGI = (12, 10, 9, 9, 8, 8, 6, 6, 6, 6, 5, 4, 4, 3, 2, 1, 0.5, 0.5)
START, USE = 4, 5
STEPS = "rounding of the least squares, of condition 850"
LINKS = {"poisson": "log", "power5": "power5"}
STOPS = (1e-8, 1e-10)
"""Relative change of the deviance at which R's glm and ours stop."""

ROUNDED = 1e-12
"""Of the fifth power of a least-squares solution whose weighted columns have a condition of 850:
5 · 850 · 2.2e-16. Fifteen digits are printed."""


def _table(name):
    table = pl.read_csv(SHARED / "data" / name)
    return table.drop("").to_numpy().astype(float)


def norway(real):
    """Colon cancer of men in Norway: eight projections by R's nordpred, ours and replayed."""
    name = "nordpred_colon_men_norway.csv"
    cases, years = _table("nordpred_indata_cases.csv"), _table("nordpred_inpop.csv")
    seen = cases.shape[1]
    future = years.shape[1] - seen
    observed = age_specific_rates(cases.astype(int), years[:, :seen])
    reference, own = real.reference(name), []
    for (link, m, recent), part in reference.group_by(
        "link", "noperiod", "recent", maintain_order=True
    ):
        theirs = _grid(part, "cases", len(cases))
        world = _grid(part, "incidence_world_std", 1)[0]
        own.append((theirs[:, :seen], world[:seen]))
        chosen = {"start": START, "use": USE, "link": LINKS[link]}
        drift = str(recent).upper() == "TRUE"
        model = nordpred(cases, years[:, :seen], candidates=(m,), recent=drift, **chosen)
        ours = project_nordpred(cases, years[:, :seen], model, future).rates
        cells = len(cases) * future + future
        given = cases.tolist(), years[:, :seen].tolist(), future
        early, late = (
            np.array(nordpred_twin.project(*given, m=m, recent=drift, stop=stop, **chosen))
            for stop in STOPS
        )
        cost = apart(late[1:], early[1:]) if (late[0] == early[0]).all() else np.inf
        what = f"{link}, {m} periods, {'recent' if drift else 'whole'} drift"
        call = f"nordpred(..., link={LINKS[link]!r}, candidates=({m},), recent={drift})"
        for label, rates, tolerance, cause, how in (
            ("", ours, cost + ROUNDED, "R stops at a change of the deviance of 1e-8 of itself, "
             "ours at 1e-10: the tolerance is what that does to the replay", call),
            (", replayed with R's stop", early, ROUNDED, STEPS, "nordpred_twin.project(...)"),
        ):  # fmt: skip
            off = (apart(rates * 1e5, theirs[:, seen:]),
                   apart(standard_weights(SEGI) @ rates * 1e5, world[seen:]))  # fmt: skip
            yield Check(name, f"{what}: future rates by age, world-standardised{label} (relative)",
                        cells, worst_of(off), tolerance, cause, how)  # fmt: skip
        yield Check(name, f"{what}: ours beside the replay with our stop (relative)",
                    ours.size, apart(ours, late), ROUNDED, STEPS, call)  # fmt: skip
    standardised = weighted_rate(
        cases.astype(int).T, years[:, :seen].T, standard_weights(SEGI)
    ).rate
    off = [apart(mine * 1e5, part) for pair in own
           for mine, part in zip((observed, standardised), pair, strict=True)]  # fmt: skip
    yield Check(name, "observed rates by age and world-standardised, of all eight (relative)",
                len(own) * (len(cases) + 1) * seen, worst_of(off), 1e-14,
                "fifteen digits are printed: 5e-15, and the rounding of 18 products",
                "age_specific_rates, weighted_rate")  # fmt: skip


def _grid(part, what, n):
    """The values of a measure by row and period, as the file orders them."""
    rows = part.filter(what=what)
    periods = rows["period"].unique(maintain_order=True).to_list()
    wide = rows.pivot(on="period", index="row", values="value", maintain_order=True)
    assert wide.height == n
    return wide.select(periods).to_numpy()


MODELS = {"factor": "factor", "ns": "natural spline"}
COHORT, PERIOD, MIDDLE = 1928, 1970, 1970.5
AXES = {"age": "Age rate per 1e5", "period": "Period RR", "cohort": "Cohort RR"}
FAULT = (
    "for Ad-C-P it fits the periods beside age and drift alone, cohorts left out: they are those "
    "of its, and our, Ad-P-C. Ours are fitted given the cohorts"
)
BETWEEN = (
    "1970 is no mid-point: Epi's ages and periods then hold up to one factor, which the order of "
    "its columns decides, or are of 1970 itself; ours are of 1970.5. Replayed below"
)


def _independent(columns):
    """The columns that do not depend on those before them, as R keeps them."""
    kept, sizes = [], np.linalg.norm(columns, axis=0)
    for k in np.flatnonzero(sizes > 1e-9 * sizes.max()):
        trial = columns[:, [*kept, k]]
        if np.linalg.matrix_rank(trial / np.linalg.norm(trial, axis=0), tol=1e-7) > len(kept):
            kept.append(k)
    return kept


class Epi:
    """What Epi's apc.fit fits, column by column, with R's glm of ``nordpred_twin``."""

    def __init__(self, table, model, knots, *, extra=0, mended=False):
        """``extra`` steps after R's last; ``mended``: at a mid-point, periods given cohorts."""
        self.mended, self.extra = mended, extra
        reference = MIDDLE if mended and model == "factor" else PERIOD
        age, period, self.d, self.y = (table[name].to_numpy() for name in "APDY")
        cohort = period - age
        self.levels = {"age": np.unique(age), "period": np.unique(period),
                       "cohort": np.unique(cohort)}  # fmt: skip
        first = {name: np.unique(x, return_index=True)[1] for name, x in (
            ("age", age), ("period", period), ("cohort", cohort))}  # fmt: skip
        self.at = first
        self.age = np.column_stack(
            [np.ones(len(age)), age_period_cohort_twin.columns(model, age, knots[0], age)]
        )
        self.bent = {
            "period": self._bent(model, knots[1], period, reference),
            "cohort": self._bent(model, knots[2], cohort, COHORT),
        }
        self.time = {"period": (period - reference)[:, None], "cohort": (cohort - COHORT)[:, None]}

    def _bent(self, model, knots, x, reference):
        """Columns less their lines, and less those at the reference (of a factor, the nearest)."""
        levels = np.unique(x)
        near = levels[np.abs(levels - reference).argmin()] if model == "factor" else reference
        cells = age_period_cohort_twin.columns(model, x, knots, x)
        there = cells[x == near][:1] if model == "factor" else (
            age_period_cohort_twin.columns(model, [reference], knots, x)
        )  # fmt: skip
        return age_period_cohort_twin.detrended(
            cells, x, self.y, cells, x
        ) - age_period_cohort_twin.detrended(cells, x, self.y, there, [reference])

    def fit(self, *blocks, offset=None):
        """Coefficients, covariance (0 where a column depends on others) and means."""
        x = np.hstack(blocks)
        kept = _independent(x)
        given = self.y if offset is None else offset
        own, matrix, means = nordpred_twin.fit(
            x[:, kept].tolist(), self.d.tolist(), list(given), "log", extra=self.extra
        )
        beta, covariance = np.zeros(x.shape[1]), np.zeros((x.shape[1],) * 2)
        beta[kept] = own
        covariance[np.ix_(kept, kept)] = matrix
        return beta, covariance, np.array(means)

    def effect(self, name, fit, blocks, number):
        """Estimate and limits of the block with a number, at each level of an axis."""
        start = sum(block.shape[1] for block in blocks[:number])
        own = slice(start, start + blocks[number].shape[1])
        rows = blocks[number][self.at[name]]
        log = rows @ fit[0][own]
        se = np.sqrt(np.einsum("ij,jk,ik->i", rows, fit[1][own, own], rows))
        return np.column_stack([log, log - Z * se, log + Z * se])

    def at_once(self, carrier):
        """The effects of one model, ACP or APC, by axis, and the drift of two models."""
        parts = dict(self.bent)
        parts[carrier] = np.hstack([self.time[carrier], parts[carrier]])
        blocks = self.age, parts["period"], parts["cohort"]
        fit = self.fit(*blocks)
        found = {n: self.effect(n, fit, blocks, k) for k, n in enumerate(AXES)}
        straight = self.age, self.time["period"], self.bent["period"], self.bent["cohort"]
        drift = [self.slope(self.fit(*straight)), self.slope(self.fit(*straight[:2]))]
        return found | {"drift": np.array(drift)}

    def in_sequence(self, order):
        """The effects of Ad-C-P or Ad-P-C: each given the fitted cases of those before it.

        Only that of Ad-C-P the periods are given the first model, as the cohorts are.
        """
        carrier = order[0]
        blocks = self.age, self.time[carrier]
        fit = first = self.fit(*blocks)
        found = {"age": self.effect("age", fit, blocks, 0)}
        for name in order:
            own = np.hstack([np.ones((len(self.y), 1)), self.time[name], self.bent[name]])
            beside = order == ("cohort", "period") and not self.mended
            given = first if beside else fit
            fit = self.fit(own, offset=given[2])
            found[name] = self.effect(name, fit, (own,), 0)
        along = self.fit(self.age, self.time["cohort"])
        return found | {"drift": np.array([self.slope(along)])}

    def slope(self, fit):
        """The coefficient after those of age, and its limits."""
        k = self.age.shape[1]
        se = np.sqrt(fit[1][k, k])
        return [fit[0][k], fit[0][k] - Z * se, fit[0][k] + Z * se]


def _replayed(table, model, parm, knots, **how):
    """Estimates and limits by axis, on the scale of the file."""
    epi = Epi(table, model, knots, **how)
    if "-" not in parm:
        logs = epi.at_once("cohort" if parm == "ACP" else "period")
    else:
        logs = epi.in_sequence(("cohort", "period") if parm == "Ad-C-P" else ("period", "cohort"))
    return {axis: np.exp(own) * (1e5 if axis == "age" else 1) for axis, own in logs.items()}


def _own(fit, axis):
    """Our estimates and limits of an axis, on the scale of the file."""
    numbers = getattr(fit, axis).select("estimate", "lower", "upper").to_numpy()
    return numbers / 100 + 1 if axis == "drift" else numbers


def denmark(real):
    """Testis cancer in Denmark: effects and drifts of Epi's apc.fit, ours and replayed."""
    name = "Epi_apc.fit_testisDK.csv"
    table = pl.read_csv(SHARED / "data" / "testisDK_apc_input.csv")
    arrays = [table[column] for column in "APDY"]
    for (model, parm), rows in real.reference(name).group_by("model", "parm", maintain_order=True):
        chosen = {"model": MODELS[model], "reference_cohort": COHORT, "reference_period": PERIOD}
        fit = age_period_cohort(*arrays, parametrisation=parm, **chosen)
        other = age_period_cohort(*arrays, parametrisation="Ad-P-C", **chosen)
        given = table, MODELS[model], parm, [list(own) for own in fit.knots]
        early, late, mended = (
            _replayed(*given, extra=extra, mended=right)
            for extra, right in ((0, False), (3, False), (3, True))
        )
        theirs = {
            axis: rows.filter(pl.col("effect").str.starts_with(AXES.get(axis, "Drift")))
            .select("est", "lo", "hi").to_numpy() for axis in early
        }  # fmt: skip
        same = [axis for axis in early if not (model == "factor" and _between(parm, axis))]
        ours = {
            axis: _own(other if parm == "Ad-C-P" and axis == "period" else fit, axis)
            for axis in same
        }
        call = f"age_period_cohort(..., model={MODELS[model]!r}, parametrisation={parm!r})"
        cause = ["twelve digits are printed"]
        cause += [FAULT] if parm == "Ad-C-P" else []
        cause += [BETWEEN] if len(same) < len(early) else []
        n = sum(len(theirs[axis]) for axis in same)
        yield Check(name, f"{model}, {parm}: effects and drift (relative)", n, worst_of(
                    apart(ours[axis][:, 0], theirs[axis][:, 0]) for axis in same), TWELVE,
                    "; ".join(cause), call)  # fmt: skip
        cost = worst_of(apart(late[axis][:, 1:], early[axis][:, 1:]) for axis in same)
        yield Check(name, f"{model}, {parm}: their limits (relative)", n, worst_of(
                    apart(ours[axis][:, 1:], theirs[axis][:, 1:]) for axis in same),
                    cost + 2 * TWELVE, "R's standard errors have the weights of the step before "
                    "the last: the tolerance is what three more do to the replay",
                    call)  # fmt: skip
        yield Check(name, f"{model}, {parm}: effects, drift and limits, replayed (relative)",
                    rows.height, worst_of(apart(early[axis], theirs[axis]) for axis in early),
                    TWELVE, "twelve digits are printed; R's stop and its order of columns",
                    "Epi(...)")  # fmt: skip
        yield Check(name, f"{model}, {parm}: ours of all rows beside the replay, three steps more, "
                    "factors at 1970.5, periods of Ad-C-P given cohorts (relative)", rows.height,
                    worst_of(apart(_own(fit, axis), mended[axis]) for axis in early), LATE,
                    "our fit stops at 1e-10", call)  # fmt: skip


LATE = 1e-9
"""Our fit stops when the deviance moves by 1e-10 of 50 to 190: by a step of 1.4e-4 of a standard
error or less. What is left is about its square, 2e-8 of a standard error of up to 0.05 to 0.1."""


def _between(parm, axis):
    """Whether a factor's effect depends on a reference between two mid-points."""
    if parm in ("ACP", "APC"):
        return axis in ("age", "period")
    return parm == "Ad-P-C" and axis == "age"


def analysis_of_deviance(real):
    """Epi's sequence of tests; each parametrisation repeats it."""
    name = "Epi_apc.fit_testisDK_anova.csv"
    table = pl.read_csv(SHARED / "data" / "testisDK_apc_input.csv")
    reference = real.reference(name)
    pairs = {"df": "Mod..df.", "deviance": "Mod..dev.", "aic": "AIC", "test_df": "Test.df.",
             "test_deviance": "Test.dev."}  # fmt: skip
    for (model,), rows in reference.group_by("model", maintain_order=True):
        off, p_values, quotient = [], [], []
        for (parm,), part in rows.group_by("parm", maintain_order=True):
            own = age_period_cohort(
                *(table[column] for column in "APDY"), model=MODELS[model], parametrisation=parm
            ).tests
            assert own["term"].to_list() == part["term"].to_list()
            numbers = part.select(pl.col(c).cast(pl.Float64).fill_null(np.nan) for c in
                                  (*pairs.values(), "Test.dev.df", "Pr..Chi."))  # fmt: skip
            ours = own.select(pl.col(list(pairs)).cast(pl.Float64).fill_null(np.nan))
            off += [apart(ours[mine], numbers[theirs]) for mine, theirs in pairs.items()]
            quotient.append(apart(ours["test_deviance"] / ours["test_df"], numbers["Test.dev.df"]))
            p_values.append(apart(own["p_value"].fill_null(np.nan), numbers["Pr..Chi."]))
        yield Check(name, f"{model}: degrees of freedom, deviance, AIC, tests (relative)",
                    rows.height, worst_of((*off, *quotient)), TWELVE, "twelve digits are printed",
                    "age_period_cohort(...).tests")  # fmt: skip
        yield Check(name, f"{model}: p-values (relative)", rows.height, worst_of(p_values),
                    TWELVE, "twelve digits are printed",
                    "age_period_cohort(...).tests")  # fmt: skip


REAL = (norway, denmark, analysis_of_deviance)
