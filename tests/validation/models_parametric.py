"""Models of single cases beside rstpm2 and mexhaz; the others are in ``models_others``.

The likelihood of each model at any coefficients, with its score and information, is made here from
what a fit says of hazards alone. So where another program stopped short of the maximum, its own
number is met at its own coefficients, and ours is shown to be higher.
"""

from dataclasses import dataclass, replace
from functools import cache
from statistics import NormalDist

import numpy as np
import polars as pl

from rarecare.models import flexible_excess_hazard, hazard_model, mixed
from tests.reference.replay_checks import apart, worst_of
from tests.validation.check import ROOT, SHARED, Check

COLON = "~ fem + y8594 + a2 + a3 + a4"
NAMED = ("fem", "y8594", "a2", "a3", "a4")
BHAZ = {"time": "t", "died": "ev", "expected": "bhaz"}
SIMULATED = {"time": "timesurv", "died": "vstat", "expected": "popmrate"}
COEFFICIENT, ERROR = 1e-4, 1e-3
"""Of coefficients and standard errors, relative: what models of one likelihood may differ by."""
PRINTED = 2e-8
"""Of log-likelihoods, whose last printed digit is the eighth decimal."""
STOPS = "its optimiser stops at a small gradient"
SHORT = "its optimiser stopped short of the maximum, which is higher by {:.2g}"
PROFILE = pl.DataFrame({"fem": [0], "y8594": 1, "a2": 0, "a3": 0, "a4": 0})
Z = NormalDist().inv_cdf(0.975)


@cache
def colon():
    """Localised colon cancer, Finland, with the expected hazard at exit."""
    return pl.read_csv(SHARED / "data" / "model_input_colon_localised.csv")


@cache
def simulated():
    """mexhaz's simdatn1."""
    return pl.read_csv(SHARED / "data" / "mexhaz_simdatn1.csv")


@cache
def invented():
    """The repository's invented cases, cut at five years."""
    read = pl.read_csv(ROOT / "tests" / "cohort" / "model_input.csv", infer_schema_length=None)
    return read.with_columns(agec=_number("agec"))


@cache
def invented_results():
    """What other programs made of them."""
    text = (ROOT / "tests" / "cohort" / "models.csv").read_text()
    rows = [line.rsplit(",", 3) for line in text.splitlines() if not line.startswith("#")][1:]
    return pl.DataFrame(
        [(*own[0].split(",", 1), *map(float, own[1:])) for own in rows],
        schema=["model", "term", "coef", "se", "loglik"], orient="row",
    )  # fmt: skip


def _number(name):
    return pl.col(name).cast(pl.String).str.strip_chars().cast(pl.Float64)


@dataclass(frozen=True)
class Likelihood:
    """The log-likelihood of a model at any coefficients; with ``group`` the last is log σ."""

    fit: object
    data: pl.DataFrame
    columns: dict
    group: str | None = None

    def at(self, beta):
        """Its value and score."""
        beta = np.asarray(beta, dtype=float)
        own = beta[:-1] if self.group else beta
        rows, named = self.data, self.columns
        made = replace(self.fit, coefficients=own).hazards(rows, rows[named["time"]].to_numpy())
        dead = rows[named["died"]].cast(pl.Boolean).to_numpy()
        expected = rows[named["expected"]].to_numpy()[dead]
        h, slope = made.hazard[dead], made.of_hazard[dead]
        if self.group is None:
            sum_ = expected + h
            value = np.log(sum_).sum() - made.total.sum()
            return value, (slope / sum_[:, None]).sum(axis=0) - made.of_total.sum(axis=0)
        levels, of_group = mixed.numbered(rows, self.group)
        whole = [mixed.by_group(of_group, x, len(levels)) for x in (made.total, made.of_total)]
        order = np.argsort(of_group[dead], kind="stable")
        events = mixed.Events(
            of_group[dead][order], (slope / h[:, None])[order], np.ones(len(order)), expected[order]
        )
        size = len(own)
        point = mixed.integrated(
            events, h[order], *whole, lambda _: np.zeros((size, size)), beta[-1]
        ).point
        return point.value, point.score

    def covariance(self, beta, known=0):
        """The inverse of the observed information, by central differences of the score.

        The first coefficients are ``known``, and have none.
        """
        step, rows = 1e-5, []
        for move in np.eye(len(beta))[known:] * step:
            rows.append((self.at(beta - move)[1] - self.at(beta + move)[1])[known:] / (2 * step))
        whole = np.array(rows)
        return np.linalg.inv((whole + whole.T) / 2)


def natural(u, knots):
    """R's ``ns(u)`` on these knots, the outer ones first and last, without intercept."""
    from scipy.interpolate import BSpline  # noqa: PLC0415 - slow to import

    first, *inner, last = knots
    padded = np.array([first] * 4 + inner + [last] * 4)
    basis = BSpline(padded, np.eye(len(padded) - 4), 3)
    ends = np.array([first, last])
    free = np.linalg.qr(basis.derivative(2)(ends)[:, 1:].T, mode="complete")[0][:, 2:]
    inside = np.clip(u, first, last)
    slope = basis.derivative()(np.where(u < first, first, last))
    return (basis(inside) + (u - inside)[:, None] * slope)[:, 1:] @ free


def in_nsx(fit, data):
    """The matrix that turns our coefficients into those of rstpm2's splines: γ = Tθ."""
    t = data[BHAZ["time"]].to_numpy()
    made = fit.hazards(data, t)
    ours = made.of_total / made.total[:, None]  # ∂ log H: the basis
    x = ours[:, : len(fit.design.names)]
    theirs = [x, natural(np.log(t), fit.spline.knots)]
    theirs += [
        x[:, [fit.design.names.index(name)]] * natural(np.log(t), own.knots)
        for name, own in fit.varying
    ]
    return np.linalg.lstsq(np.hstack(theirs), ours, rcond=None)[0]


def compared(name, what, ours, rows, *, cause, call, tolerances=(COEFFICIENT, ERROR)):
    """Coefficients and standard errors beside each other, each a check.

    A coefficient's difference is relative to it, or to its standard error where that is larger:
    a coefficient near 0 has no scale of its own.
    """
    coefficient, se = (rows[column].to_numpy() for column in ("coef", "se"))
    off = np.abs(ours[0] - coefficient) / np.maximum(np.abs(coefficient), se)
    yield Check(name, f"{what}: coefficients (relative)", rows.height, worst_of(off),
                tolerances[0], cause, call)  # fmt: skip
    yield Check(name, f"{what}: SE (relative)", rows.height, apart(ours[1], se), tolerances[1],
                cause, call)  # fmt: skip


def turned(fit, matrix):
    """Coefficients and standard errors of a fit in another basis."""
    return matrix @ fit.coefficients, errors(matrix @ fit.covariance @ matrix.T)


def errors(covariance):
    """Standard errors."""
    return np.sqrt(np.diag(covariance))


def rstpm2(real):
    """stpm2 without and with time-varying effects: coefficients, likelihoods, predictions."""
    name = "rstpm2_stpm2_colon_coef.csv"
    reference, data = real.reference(name), colon()
    predicted = real.reference("rstpm2_stpm2_colon_pred.csv")
    for df in (3, 4, 5):
        rows = reference.filter(model=f"stpm2 df={df}")
        fit = flexible_excess_hazard(data, COLON, df=df, **BHAZ)
        call = f"flexible_excess_hazard(..., df={df})"
        yield from compared(
            name, f"stpm2 df={df}, ours in its basis", turned(fit, in_nsx(fit, data)), rows,
            cause=STOPS, call=call,
        )  # fmt: skip
        yield Check(name, f"stpm2 df={df}: log-likelihood", 1, abs(fit.loglik - rows["loglik"][0]),
                    PRINTED, "eight decimals are printed", call)  # fmt: skip
        yield _predictions(f"stpm2 df={df}", fit, predicted.filter(df=df, tvc=0), 5e-6, STOPS, call)
        yield from _rstpm2_varying(name, data, reference, predicted, df)


def _rstpm2_varying(name, data, reference, predicted, df):
    """Its penalty met exactly at its coefficients, where it stopped; ours is higher."""
    rows = reference.filter(model=f"stpm2 df={df} tvc a4=2 fem=2")
    fit = flexible_excess_hazard(data, COLON, df=df, varying={"a4": 2, "fem": 2}, **BHAZ)
    theirs = np.linalg.solve(in_nsx(fit, data), rows["coef"].to_numpy())
    there = replace(fit, coefficients=theirs)
    made = there.hazards(data, data["t"].to_numpy())
    falls = np.minimum(made.hazard / made.total, 0)  # ∂ log H / ∂t
    value, _ = Likelihood(fit, data, BHAZ).at(theirs)
    call = f"flexible_excess_hazard(..., df={df}, varying={{'a4': 2, 'fem': 2}})"
    what = f"stpm2 df={df} tvc"
    yield Check(
        name, f"{what}: our log-likelihood at its coefficients, less its penalty", 1,
        abs(value - (falls**2).sum() - rows["loglik"][0]), PRINTED,
        "what it prints is less Σ(∂ log H/∂t)² over cases with a negative excess hazard: "
        f"{(falls**2).sum():.2f} for {(falls < 0).sum()} cases", call,
    )  # fmt: skip
    yield Check(name, f"{what}: our log-likelihood at its coefficients less our maximum", 1,
                value - fit.loglik, 0.0, SHORT.format(fit.loglik - value), call)  # fmt: skip
    yield _predictions(
        f"{what}, at its coefficients", there, predicted.filter(df=df, tvc=1), 1e-9,
        "its SE there, off the maximum, are not compared", call, se=False,
    )  # fmt: skip


def _predictions(what, fit, rows, tolerance, cause, call, *, se=True):
    """Net survival and excess hazard with their SE; its limits are on log S and on h."""
    profiles = rows.select(NAMED).unique(maintain_order=True)
    made = fit.net_survival(profiles, rows["t"].unique().sort().to_list())
    joined = rows.join(made, left_on=(*NAMED, "t"), right_on=(*NAMED, "time_years"), how="left")
    pairs = [(joined["estimate"], joined["surv"]), (joined["excess_hazard"], joined["exhaz"])]
    if se:
        log_se = (joined["surv.hi"].log() - joined["surv.lo"].log()) / (2 * Z)
        hazard_se = (joined["exhaz.hi"] - joined["exhaz.lo"]) / (2 * Z)
        pairs += [(joined["se"] / joined["estimate"], log_se), (joined["hazard_se"], hazard_se)]
    return Check("rstpm2_stpm2_colon_pred.csv",
                 f"{what}: net survival, excess hazard{', SE' if se else ''}", rows.height,
                 worst_of(off_by(a, b) for a, b in pairs), tolerance, cause,
                 call + ".net_survival(...)")  # fmt: skip


def off_by(ours, theirs):
    """The largest absolute difference."""
    return float(np.max(np.abs(np.asarray(ours, float) - np.asarray(theirs, float))))


def delayed_entry(real):
    """rstpm2 with entry at one year."""
    name = "rstpm2_delayed_entry_colon.csv"
    reference = real.reference(name)
    late = colon().filter(pl.col("t") > 1).with_columns(t0=pl.lit(1.0))
    fit = flexible_excess_hazard(late, COLON, df=3, entry="t0", **BHAZ)
    rows = reference.filter(pl.col("term") != "loglik")
    places = [fit.names.index(term) for term in rows["term"]]
    call = "flexible_excess_hazard(..., df=3, entry='t0')"
    yield from compared(name, "entry at one year", turned(fit, np.eye(len(fit.names))[places]),
                        rows, cause=STOPS, call=call)  # fmt: skip
    theirs = reference.filter(term="loglik")["coef"][0]
    yield Check(name, "log-likelihood", 1, abs(fit.loglik - theirs), PRINTED,
                "eight decimals are printed", call)  # fmt: skip


def mexhaz_colon(real):
    """mexhaz with each of its baselines that we have: coefficients, SE, predictions."""
    name = "mexhaz_colon_coef.csv"
    reference, data = real.reference(name), colon()
    predicted = real.reference("mexhaz_colon_pred.csv")
    for base in ("weibull", "pw.cst", "exp.bs"):
        fit, call = as_mexhaz(base, data, COLON, BHAZ, knots=(1.0, 5.0))
        rows = reference.filter(base=base)
        yield from beside_mexhaz(name, base, fit, rows, call)
        part = predicted.filter(base=base)
        yield _mexhaz_predictions(base, fit, part, call)
    yield from _mexhaz_natural(reference, predicted)


def _mexhaz_predictions(base, fit, part, call):
    made = fit.net_survival(PROFILE, part["time.pts"].to_list())
    pairs = (("estimate", "surv"), ("lower", "surv.inf"), ("upper", "surv.sup"),
             ("excess_hazard", "hazard"), ("hazard_lower", "hazard.inf"),
             ("hazard_upper", "hazard.sup"))  # fmt: skip
    return Check("mexhaz_colon_pred.csv", f"{base}: net survival, excess hazard, limits",
                 part.height, worst_of(off_by(made[a], part[b]) for a, b in pairs), 1e-6,
                 STOPS, call + ".net_survival(...)")  # fmt: skip


def _mexhaz_natural(reference, predicted):
    """Its natural splines of log h lie among our B-splines on their knots: all of it there."""
    rows, part, data = (*(x.filter(base="exp.ns") for x in (reference, predicted)), colon())
    fit = hazard_model(data, COLON, knots=(1.0, 5.0), **BHAZ)
    t, size = data["t"].to_numpy(), fit.baseline.size
    curves = np.column_stack([np.ones(len(t)), natural(t, fit.baseline.knots)])
    into = np.zeros((len(fit.coefficients), rows.height))
    into[:size, :4] = np.linalg.lstsq(fit.baseline.basis(t), curves, rcond=None)[0]
    into[size:, 4:] = np.eye(rows.height - 4)
    theirs, likelihood = into @ rows["coef"].to_numpy(), Likelihood(fit, data, BHAZ)
    value, score = likelihood.at(theirs)
    covariance = np.linalg.inv(into.T @ np.linalg.inv(likelihood.covariance(theirs)) @ into)
    ours = rows["coef"].to_numpy() + covariance @ (into.T @ score)  # Newton's step
    call = "hazard_model(..., knots=(1, 5)) held to natural splines"
    name = "mexhaz_colon_coef.csv"
    yield from compared(name, "exp.ns", (ours, errors(covariance)), rows, cause=STOPS, call=call)
    yield Check(name, "exp.ns: log-likelihood at its coefficients", 1,
                abs(value - rows["loglik"][0]), 1e-5,
                "ours has 10 nodes between knots, it 20: with 20 the difference is 2e-9",
                call)  # fmt: skip
    there = replace(fit, coefficients=theirs, covariance=into @ covariance @ into.T)
    yield _mexhaz_predictions("exp.ns", there, part, call)


def as_mexhaz(base, data, formula, columns, *, knots, group=None):
    """A baseline of mexhaz as we have it, and the call."""
    if base == "weibull":
        call = "flexible_excess_hazard(..., df=1)"
        return flexible_excess_hazard(data, formula, df=1, **columns), call
    knots, degree = ((1.0, 3.0, 5.0), 0) if base == "pw.cst" else (knots, 3)
    fit = hazard_model(data, formula, knots=knots, degree=degree, group=group, **columns)
    return fit, f"hazard_model(..., knots={knots}, degree={degree}, group={group!r})"


def in_mexhaz(fit):
    """The matrix, coefficient by coefficient, of ours in those of mexhaz.

    Its Weibull has log λ, log ρ, effects; its constant hazards are levels, ours after the first
    differences from it.
    """
    matrix = np.eye(len(fit.coefficients))
    if hasattr(fit, "spline"):
        matrix = matrix[[0, -1, *range(1, len(matrix) - 1)]]
        matrix[1] /= fit.coefficients[-1]  # d log ρ
    elif not fit.baseline.degree:
        matrix[1 : fit.baseline.size, 0] = 1.0
    return matrix


def beside_mexhaz(name, what, fit, rows, call):
    """Coefficients, SE and the log-likelihood."""
    coefficients, se = turned(fit, in_mexhaz(fit))
    if hasattr(fit, "spline"):
        coefficients[1] = np.log(fit.coefficients[-1])
    yield from compared(name, what, (coefficients, se), rows, cause=STOPS, call=call)
    yield Check(name, f"{what}: log-likelihood", 1, abs(fit.loglik - rows["loglik"][0]), 1e-6,
                "the quadrature of cumulative hazards", call)  # fmt: skip


def mexhaz_simulated(real):
    """mexhaz on simdatn1, without and with a random intercept."""
    name = "mexhaz_simdatn_coef.csv"
    reference, data = real.reference(name).filter(data="simdatn1"), simulated()
    formula = "~ agecr + IsexH + depindex"
    for (base, random), rows in reference.group_by("base", "random", maintain_order=True):
        what = f"simdatn1, {base}, random={random}"
        group = None if random == "none" else "clust"
        if base == "weibull":
            yield from _weibull_groups(name, what, data, formula, rows)
            continue
        fit, call = as_mexhaz(base, data, formula, SIMULATED, knots=(1.0, 5.0), group=group)
        yield from beside_mexhaz(name, what, fit, rows, call)


def _weibull_groups(name, what, data, formula, rows):
    """The Weibull with groups is not fitted: its likelihood at the coefficients of mexhaz."""
    fit = flexible_excess_hazard(data, formula, df=1, **SIMULATED)
    likelihood = Likelihood(fit, data, SIMULATED, "clust")
    scale, shape, *rest, spread = rows["coef"].to_list()
    there = np.array([scale, *rest, np.exp(shape), spread])
    call = "mixed.integrated(...) of a Weibull"
    cause = "we have no Weibull with groups: the likelihood and its information at its coefficients"
    yield Check(name, f"{what}: log-likelihood at its coefficients", 1,
                abs(likelihood.at(there)[0] - rows["loglik"][0]), 1e-6, cause, call)  # fmt: skip
    matrix = np.eye(len(there))[[0, -2, *range(1, len(rest) + 1), -1]]
    matrix[1] /= there[-2]
    se = errors(matrix @ likelihood.covariance(there) @ matrix.T)
    yield Check(name, f"{what}: SE there (relative)", rows.height, apart(se, rows["se"]), ERROR,
                cause, call)  # fmt: skip


REAL = (rstpm2, delayed_entry, mexhaz_colon, mexhaz_simulated)
"""Checks that need the real data."""
