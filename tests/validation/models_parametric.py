"""Models of single cases beside rstpm2, mexhaz, cuRe, flexsurv and survPen.

The likelihood of each model at any coefficients, with its score and information, is made here from
what a fit says of hazards alone. So where another program stopped short of the maximum, its own
number is met at its own coefficients, and ours is shown to be higher.
"""

from dataclasses import dataclass, replace
from functools import cache
from statistics import NormalDist

import numpy as np
import polars as pl

from rarecare.models import cure_model, flexible_excess_hazard, hazard_model, mixed
from rarecare.models.hazard import LogSplines
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
ONE = pl.DataFrame({"one": [1]})
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
        rows, time = self.data, self.columns
        made = replace(self.fit, coefficients=own).hazards(rows, rows[time["time"]].to_numpy())
        dead = rows[time["died"]].cast(pl.Boolean).to_numpy()
        expected = rows[time["expected"]].to_numpy()[dead]
        h, slope = made.hazard[dead], made.of_hazard[dead]
        if self.group is None:
            sum_ = expected + h
            value = np.log(sum_).sum() - made.total.sum()
            return value, (slope / sum_[:, None]).sum(axis=0) - made.of_total.sum(axis=0)
        levels, of_group = mixed.numbered(rows, self.group)
        whole = [mixed.by_group(of_group, part, len(levels)) for part in (made.total, made.of_total)]
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
        yield from compared(name, f"stpm2 df={df}, ours in its basis",
                            turned(fit, in_nsx(fit, data)), rows, cause=STOPS, call=call)  # fmt: skip
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
    yield _predictions(f"{what}, at its coefficients", there, predicted.filter(df=df, tvc=1),
                       1e-9, "its SE there, off the maximum, are not compared", call, se=False)  # fmt: skip


def _predictions(what, fit, rows, tolerance, cause, call, *, se=True):  # noqa: PLR0917
    """Net survival and excess hazard with their SE; its limits are on log S and on h."""
    profiles = rows.select(NAMED).unique(maintain_order=True)
    made = fit.net_survival(profiles, rows["t"].unique().sort().to_list())
    joined = rows.join(made, left_on=(*NAMED, "t"), right_on=(*NAMED, "time_years"), how="left")
    pairs = [(joined["estimate"], joined["surv"]), (joined["excess_hazard"], joined["exhaz"])]
    if se:
        log_se = (joined["surv.hi"].log() - joined["surv.lo"].log()) / (2 * Z)
        pairs += [(joined["se"] / joined["estimate"], log_se),
                  (joined["hazard_se"], (joined["exhaz.hi"] - joined["exhaz.lo"]) / (2 * Z))]  # fmt: skip
    return Check("rstpm2_stpm2_colon_pred.csv",
                 f"{what}: net survival, excess hazard{', SE' if se else ''}", rows.height,
                 worst_of(_off(a, b) for a, b in pairs), tolerance, cause,
                 call + ".net_survival(...)")  # fmt: skip


def _off(ours, theirs):
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
        fit, call = _as_mexhaz(base, data, COLON, BHAZ, knots=(1.0, 5.0))
        rows = reference.filter(base=base)
        yield from _mexhaz(name, base, fit, rows, call)
        part = predicted.filter(base=base)
        made = fit.net_survival(PROFILE, part["time.pts"].to_list())
        pairs = (("estimate", "surv"), ("lower", "surv.inf"), ("upper", "surv.sup"),
                 ("excess_hazard", "hazard"), ("hazard_lower", "hazard.inf"),
                 ("hazard_upper", "hazard.sup"))  # fmt: skip
        yield Check("mexhaz_colon_pred.csv", f"{base}: net survival, excess hazard, limits",
                    part.height, worst_of(_off(made[a], part[b]) for a, b in pairs), 5e-5,
                    STOPS, call + ".net_survival(...)")  # fmt: skip


def _as_mexhaz(base, data, formula, columns, *, knots, group=None):
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


def _mexhaz(name, what, fit, rows, call):
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
        fit, call = _as_mexhaz(base, data, formula, SIMULATED, knots=(1.0, 5.0), group=group)
        yield from _mexhaz(name, what, fit, rows, call)


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


def cure(real):
    """cuRe's mixture models: likelihood, SE and predictions at its coefficients, and our maximum."""
    name = "cuRe_fit.cure.model_colon_coef.csv"
    reference, data = real.reference(name), colon()
    predicted = real.reference("cuRe_fit.cure.model_colon_pred.csv")
    for (dist, cov), rows in reference.group_by("dist", "cov", maintain_order=True):
        formulas = ("~ fem + y8594 + a2 + a3 + a4", "~ fem + a4") if cov else ("~ 1", "~ 1")
        fit = cure_model(data, *formulas, distribution=dist, starts=9 if cov else 6, **BHAZ)
        likelihood = Likelihood(fit, data, BHAZ)
        theirs = rows["coef"].to_numpy()
        value, _ = likelihood.at(theirs)
        what, call = f"{dist}, cov={cov}", f"cure_model(..., distribution={dist!r})"
        yield Check(name, f"{what}: our log-likelihood at its coefficients", 1,
                    abs(value - rows["negloglik"][0]), 2e-8, "eight decimals are printed",
                    call)  # fmt: skip
        yield Check(name, f"{what}: its log-likelihood less our maximum", 1, value - fit.loglik,
                    0.0, SHORT.format(fit.loglik - value), call)  # fmt: skip
        if rows["se"].null_count():
            continue
        there = replace(fit, coefficients=theirs, covariance=likelihood.covariance(theirs))
        yield Check(name, f"{what}: SE at its coefficients (relative)", rows.height,
                    apart(errors(there.covariance), rows["se"]), ERROR,
                    "its Hessian is by differences", call)  # fmt: skip
        if not cov:
            part = predicted.filter(dist=dist)
            yield Check("cuRe_fit.cure.model_colon_pred.csv",
                        f"{what}, at its coefficients: net survival, hazard, cured share, SE",
                        part.height, _cure_predictions(there, part), 1e-6,
                        "its gradients are by differences", call)  # fmt: skip


def _cure_predictions(fit, part):
    """The largest difference of what cuRe predicts, its limits turned into SE on their scale."""
    own = {kind: rows for (kind,), rows in part.group_by("what", maintain_order=True)}
    made = fit.net_survival(ONE, own["surv"]["time"].to_list())
    share = fit.cured_share(ONE)["estimate"][0], fit.cured_share(ONE)["se"][0]
    log_se = (own["surv"]["upper"].log() - own["surv"]["lower"].log()) / (2 * Z)
    pairs = [
        (made["estimate"], own["surv"]["Estimate"]), (made["se"] / made["estimate"], log_se),
        (made["excess_hazard"], own["hazard"]["Estimate"]),
        (made["hazard_se"], (own["hazard"]["upper"] - own["hazard"]["lower"]) / (2 * Z)),
        (share[0] / made["estimate"], own["probcure"]["Estimate"]), (share[0], own["curerate"]["Estimate"][0]),
    ]  # fmt: skip
    if own["curerate"]["lower"][0] > 0:  # 0 to 1 where the share is at its bound
        bent = [np.log(-np.log(own["curerate"][side][0])) for side in ("lower", "upper")]
        pairs.append((share[1], (bent[0] - bent[1]) / (2 * Z) * -share[0] * np.log(share[0])))
    return worst_of(_off(a, b) for a, b in pairs)


def flexible_cure(real):
    """cuRe's flexible mixture cure model: replayed, and beside our splines that end flat."""
    name = "cuRe_GenFlexCureModel_colon.csv"
    reference, data = real.reference(name), colon()
    rows = reference.filter(what="relsurv")
    values = reference.filter(pl.col("what").str.starts_with("coef"))["Estimate"].to_numpy()
    others = flexible_excess_hazard(data, "~ 1", df=4, **BHAZ)
    others = replace(others, coefficients=np.linalg.solve(in_nsx(others, data), values[1:]))
    share = 1 / (1 + np.exp(-values[0]))

    def total(t):
        return others.hazards(pl.DataFrame({"one": np.ones(len(t))}), t).total

    t, step = data["t"].to_numpy(), np.cbrt(np.finfo(float).eps)
    slope = (np.log(total(t + step)) - np.log(total(t - step))) / (2 * step)
    survival = share + (1 - share) * np.exp(-total(t))
    hazard = (1 - share) * np.exp(-total(t)) * total(t) * slope / survival
    dead = data["ev"].to_numpy() == 1
    value = np.log(data["bhaz"].to_numpy() + hazard)[dead].sum() + np.log(survival).sum()
    theirs = -reference.filter(what="negloglik")["Estimate"][0]
    call = "flexible_excess_hazard(..., df=4) for the others, mixed with the cured"
    off = _off(share + (1 - share) * np.exp(-total(rows["time"].to_numpy())), rows["Estimate"])
    yield Check(name, "net survival at its coefficients", rows.height, off, 1e-9,
                "twelve digits are printed", call)  # fmt: skip
    yield Check(name, "log-likelihood at its coefficients", 1, abs(value - theirs), PRINTED,
                "its slope of the splines is by central differences, replayed: 9e-7", call)  # fmt: skip

    fit = flexible_excess_hazard(data, "~ 1", df=4, cure=True, **BHAZ)
    made = fit.net_survival(ONE, rows["time"].to_list())
    se = rows["Estimate"] * (rows["upper"].log() - rows["lower"].log()) / (2 * Z)
    rate = reference.filter(what="curerate").row(0, named=True)
    logits = [np.log(x / (1 - x)) for x in (rate["lower"], rate["upper"],
              fit.cured_share(ONE)["estimate"][0], rate["Estimate"])]  # fmt: skip
    off = np.append(np.abs(made["estimate"] - rows["Estimate"]) / se,
                    abs(logits[2] - logits[3]) / (logits[1] - logits[0]) * 2 * Z)  # fmt: skip
    yield Check(
        name, "net survival and cured share, in its SE", rows.height + 1, worst_of(off), 0.5,
        "another model: a share, and splines for the others; ours are splines for all, flat from "
        f"the last death on; log-likelihood {fit.loglik:.2f} beside {theirs:.2f}, one coefficient "
        "fewer", "flexible_excess_hazard(..., df=4, cure=True)",
    )  # fmt: skip


def flexsurv(real):
    """flexsurv with the expected hazard: Weibull, log-normal, splines."""
    name = "flexsurv_colon_bhazard.csv"
    reference, data = real.reference(name).rename({"est": "coef"}), colon()
    rows = reference.filter(dist="weibull")
    fit = flexible_excess_hazard(data, "~ fem + a4", df=1, **BHAZ)
    call = "flexible_excess_hazard(..., df=1)"
    yield from compared(name, "Weibull", _as_accelerated(fit), rows, cause=STOPS, call=call)
    yield Check(name, "Weibull: its log-likelihood less our maximum", 1,
                rows["loglik"][0] - fit.loglik, 0.0, SHORT.format(fit.loglik - rows["loglik"][0]),
                call)  # fmt: skip

    rows = reference.filter(dist="spline k=2")
    fit = flexible_excess_hazard(data, "~ fem + a4", df=3, **BHAZ)
    likelihood, matrix = Likelihood(fit, data, BHAZ), _uncentred(fit)
    theirs = np.linalg.solve(matrix, rows["coef"].to_numpy())
    call = "flexible_excess_hazard(..., df=3)"
    yield from _there(name, "splines, k=2", likelihood, theirs, matrix, rows, call)

    rows = reference.filter(dist="lnorm")
    mean, sd, *effects = rows["coef"].to_list()
    fit = cure_model(data, "~ 1", "~ fem + a4", distribution="lognormal", **BHAZ)
    nobody = -40.0  # is cured: a share of 4e-18
    theirs = np.array([nobody, mean, *effects, np.log(sd)])
    matrix = np.eye(4)[[0, 3, 1, 2]]
    matrix[1] *= sd
    call = "cure_model(..., distribution='lognormal') with nobody cured"
    yield from _there(name, "log-normal", Likelihood(fit, data, BHAZ), theirs, matrix, rows, call, 1)


def _there(name, what, likelihood, theirs, matrix, rows, call, known=0):  # noqa: PLR0917
    """The likelihood and its SE at the coefficients of another program, and our maximum."""
    value, maximum = likelihood.at(theirs)[0], likelihood.fit.loglik
    yield Check(name, f"{what}: our log-likelihood at its coefficients", 1,
                abs(value - rows["loglik"][0]), PRINTED, "eight decimals are printed",
                call)  # fmt: skip
    yield Check(name, f"{what}: its log-likelihood less our maximum", 1, value - maximum, 0.0,
                SHORT.format(maximum - value), call)  # fmt: skip
    se = errors(matrix @ likelihood.covariance(theirs, known) @ matrix.T)
    yield Check(name, f"{what}: SE at its coefficients (relative)", rows.height,
                apart(se, rows["se"]), ERROR, "Hessians by differences", call)  # fmt: skip


def _as_accelerated(fit):
    """A Weibull in its terms, H = (t/b)^ρ with effects on log b, and SE by the delta method."""
    level, fem, a4, shape = fit.coefficients
    scale = np.exp(-level / shape)
    matrix = np.array([
        [0, 0, 0, 1], [-scale / shape, 0, 0, scale * level / shape**2],
        [0, -1 / shape, 0, fem / shape**2], [0, 0, -1 / shape, a4 / shape**2],
    ])  # fmt: skip
    ours = np.array([shape, scale, -fem / shape, -a4 / shape])
    return ours, errors(matrix @ fit.covariance @ matrix.T)


def _uncentred(fit):
    """The matrix from our splines to those before they are centred and scaled, covariates last."""
    matrix = np.eye(len(fit.coefficients))[[0, 3, 4, 5, 1, 2]]
    for row, (centre, spread) in enumerate(zip(fit.spline.centre, fit.spline.scale, strict=True), 2):
        matrix[row] /= spread
        matrix[0] -= centre * matrix[row]
    return matrix


def survpen(real):
    """survPen's penalised splines of log h: they lie in the space of our B-splines."""
    from scipy.interpolate import CubicSpline  # noqa: PLC0415 - slow to import

    name = "survPen_colon.csv"
    values = dict(real.reference(name).select("what", "value").iter_rows())
    t = colon()["t"].to_numpy()
    knots = np.quantile(np.unique(t), np.linspace(0, 1, 10))
    fit = hazard_model(colon(), COLON, knots=knots[1:-1].tolist(), **BHAZ)
    splines = LogSplines((0.0, *knots.tolist()), 3)
    call = "hazard_model(..., knots=...) with the knots of survPen"
    # its coefficients are values at the knots, turned so that they sum to 0 over the cases
    at_knots = CubicSpline(knots, np.eye(10), bc_type="natural")
    free = np.linalg.qr(at_knots(t).sum(axis=0)[:, None], mode="complete")[0][:, 1:]
    turned_values = free @ [values[f"smf(t).{k}"] for k in range(1, 10)]
    log_h = values["(Intercept)"] + at_knots(t) @ turned_values
    early = np.linspace(0, knots[0], 4)  # where it is straight
    first = values["(Intercept)"] + turned_values[0] + (early - early[-1]) * (
        at_knots(early[-1], 1) @ turned_values
    )
    grid = splines.basis(np.concatenate([t, early]))
    baseline = np.linalg.lstsq(grid, np.concatenate([log_h, first]), rcond=None)[0]
    theirs = np.array([*baseline, *(values[term] for term in NAMED)])
    there = replace(fit, baseline=splines, coefficients=theirs,
                    names=(*(f"baseline[{k}]" for k in range(splines.size)), *NAMED),
                    covariance=np.zeros((len(theirs), len(theirs))))  # fmt: skip
    times = [float(what[5:]) for what in values if what.startswith("surv@")]
    survival, hazard = (
        np.array([values[f"{what}@{time:g}"] for time in times]) for what in ("surv", "haz")
    )
    made = there.net_survival(PROFILE, times)
    ratio = np.exp(theirs[splines.size + NAMED.index("y8594")])  # of the one profile
    off = worst_of([_off(np.exp(-ratio * _by_legendre(there, times, 50)), survival),
                    _off(made["excess_hazard"], hazard)])  # fmt: skip
    yield Check(name, "net survival and excess hazard at its coefficients", len(times), off, 1e-9,
                "50 nodes over all of a time, as it has them", call)  # fmt: skip
    yield Check(name, "net survival there, our quadrature", len(times),
                _off(made["estimate"], survival), 1e-7,
                "50 nodes over all of a time; ours are 10 between any two knots", call)  # fmt: skip
    x = colon().select(NAMED).to_numpy() @ theirs[splines.size :]
    dead = colon()["ev"].to_numpy() == 1
    at_exit = np.exp(log_h + x)[dead] + colon()["bhaz"].to_numpy()[dead]
    value = np.log(at_exit).sum() - (np.exp(x) * _by_legendre(there, t, 20)).sum()
    yield Check(name, "log-likelihood without penalty, at its coefficients", 1,
                abs(value - values["ll.unpen"]), 1e-6, "20 nodes over all of a time, as it has them; seven decimals printed", call)  # fmt: skip
    yield Check(name, "its log-likelihood without penalty, less our maximum", 1,
                values["ll.unpen"] - fit.loglik, 0.0, "it is penalised, ours is not", call)  # fmt: skip

    fit = flexible_excess_hazard(colon(), COLON, df=4, **BHAZ)
    made, call = fit.net_survival(PROFILE, times), "flexible_excess_hazard(..., df=4)"
    cause = "it is penalised (5.4 coefficients of the baseline, in effect), in t; ours in log t"
    yield Check(name, "net survival", len(times), _off(made["estimate"], survival), 1e-2, cause,
                call)  # fmt: skip
    yield Check(name, "log excess hazard", len(times),
                _off(made["excess_hazard"].log(), np.log(hazard)), 0.6, cause, call)  # fmt: skip
    rows = real.reference(name).filter(pl.col("what").is_in(NAMED))
    ours = [fit.coefficients[fit.names.index(term)] for term in rows["what"]]
    off = np.abs(rows["value"].to_numpy() - ours) / rows["se"].to_numpy()
    yield Check(name, "coefficients of covariates, in its SE", len(off), worst_of(off), 0.25, cause,
                call)  # fmt: skip


def _by_legendre(fit, times, nodes):
    """The baseline's cumulative hazard at times by quadrature over the whole of (0, t]."""
    points, weights = np.polynomial.legendre.leggauss(nodes)
    distinct, place = np.unique(times, return_inverse=True)
    inside = (distinct[:, None] / 2 * (points + 1)).ravel()
    h = np.exp(fit.baseline.basis(inside) @ fit.coefficients[: fit.baseline.size])
    return (distinct / 2 * (h.reshape(len(distinct), -1) @ weights))[place]
