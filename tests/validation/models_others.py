"""Models of single cases beside cuRe, flexsurv and survPen; and all on the invented cases."""

from dataclasses import replace

import numpy as np
import polars as pl

from rarecare.models import cure_model, flexible_excess_hazard, hazard_model
from rarecare.models.hazard import LogSplines
from tests.reference.replay_checks import apart, worst_of
from tests.validation.check import Check
from tests.validation.models_parametric import (
    BHAZ,
    COLON,
    ERROR,
    NAMED,
    PRINTED,
    PROFILE,
    SHORT,
    STOPS,
    Likelihood,
    Z,
    as_mexhaz,
    beside_mexhaz,
    colon,
    compared,
    errors,
    in_nsx,
    invented,
    invented_results,
    off_by,
    turned,
)

ONE = pl.DataFrame({"one": [1]})


def cure(real):
    """cuRe's mixture models: all at its coefficients, and our maximum."""
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
        (share[0] / made["estimate"], own["probcure"]["Estimate"]),
        (share[0], own["curerate"]["Estimate"][0]),
    ]  # fmt: skip
    if own["curerate"]["lower"][0] > 0:  # 0 to 1 where the share is at its bound
        bent = [np.log(-np.log(own["curerate"][side][0])) for side in ("lower", "upper")]
        pairs.append((share[1], (bent[0] - bent[1]) / (2 * Z) * -share[0] * np.log(share[0])))
    return worst_of(off_by(a, b) for a, b in pairs)


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

    def exact(t):
        hazards = others.hazards(pl.DataFrame({"one": np.ones(len(t))}), t)
        return hazards.hazard / hazards.total  # the slope of log total

    t, step = data["t"].to_numpy(), np.cbrt(np.finfo(float).eps)
    # its central difference, without the rounding of one: the slope and step²/6 times its bend
    h = 1e-3 * t
    slope = exact(t) + step**2 / 6 * (exact(t + h) - 2 * exact(t) + exact(t - h)) / h**2
    survival = share + (1 - share) * np.exp(-total(t))
    hazard = (1 - share) * np.exp(-total(t)) * total(t) * slope / survival
    dead = data["ev"].to_numpy() == 1
    value = np.log(data["bhaz"].to_numpy() + hazard)[dead].sum() + np.log(survival).sum()
    theirs = -reference.filter(what="negloglik")["Estimate"][0]
    call = "flexible_excess_hazard(..., df=4) for the others, mixed with the cured"
    off = off_by(share + (1 - share) * np.exp(-total(rows["time"].to_numpy())), rows["Estimate"])
    yield Check(name, "net survival at its coefficients", rows.height, off, 1e-9,
                "twelve digits are printed", call)  # fmt: skip
    yield Check(name, "log-likelihood at its coefficients", 1, abs(value - theirs), PRINTED,
                "its slope of the splines is by central differences, replayed: 9e-7",
                call)  # fmt: skip

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
    theirs, likelihood = np.array([nobody, mean, *effects, np.log(sd)]), Likelihood(fit, data, BHAZ)
    (value, score), covariance = likelihood.at(theirs), likelihood.covariance(theirs, known=1)
    matrix = np.eye(4)[[0, 3, 1, 2]]
    matrix[1] *= sd
    higher = likelihood.at(theirs + np.append(0.0, covariance @ score[1:]))[0]  # Newton's step
    call = "cure_model(..., distribution='lognormal') with nobody cured"
    yield Check(name, "log-normal: our log-likelihood at its coefficients", 1,
                abs(value - rows["loglik"][0]), PRINTED, "eight decimals are printed",
                call)  # fmt: skip
    yield Check(name, "log-normal: its log-likelihood less ours one step on", 1, value - higher,
                0.0, SHORT.format(higher - value), call)  # fmt: skip
    yield Check(name, "log-normal: SE at its coefficients (relative)", rows.height,
                apart(errors(matrix @ covariance @ matrix.T), rows["se"]), ERROR,
                "Hessians by differences", call)  # fmt: skip


def _there(name, what, likelihood, theirs, matrix, rows, call, *, printed=PRINTED):
    """The likelihood and its SE at the coefficients of another program, and our maximum."""
    value, maximum = likelihood.at(theirs)[0], likelihood.fit.loglik
    yield Check(name, f"{what}: our log-likelihood at its coefficients", 1,
                abs(value - rows["loglik"][0]), printed, "the decimals that are printed",
                call)  # fmt: skip
    yield Check(name, f"{what}: its log-likelihood less our maximum", 1, value - maximum, 0.0,
                SHORT.format(maximum - value), call)  # fmt: skip
    se = errors(matrix @ likelihood.covariance(theirs) @ matrix.T)
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
    for row in (2, 3):
        matrix[row] /= fit.spline.scale[row - 2]
        matrix[0] -= fit.spline.centre[row - 2] * matrix[row]
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
    heights = values["(Intercept)"] + free @ [values[f"smf(t).{k}"] for k in range(1, 10)]
    log_h = at_knots(t) @ heights
    early = np.linspace(0, knots[0], 4)  # where it is straight
    first = heights[0] + (early - knots[0]) * (at_knots(knots[0], 1) @ heights)
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
    off = worst_of([off_by(np.exp(-ratio * _by_legendre(there, times, 50)), survival),
                    off_by(made["excess_hazard"], hazard)])  # fmt: skip
    yield Check(name, "net survival and excess hazard at its coefficients", len(times), off, 1e-9,
                "50 nodes over all of a time, as it has them", call)  # fmt: skip
    yield Check(name, "net survival there, our quadrature", len(times),
                off_by(made["estimate"], survival), 1e-7,
                "50 nodes over all of a time; ours are 10 between any two knots", call)  # fmt: skip
    x = colon().select(NAMED).to_numpy() @ theirs[splines.size :]
    dead = colon()["ev"].to_numpy() == 1
    at_exit = np.exp(log_h + x)[dead] + colon()["bhaz"].to_numpy()[dead]
    value = np.log(at_exit).sum() - (np.exp(x) * _by_legendre(there, t, 20)).sum()
    yield Check(name, "log-likelihood without penalty, at its coefficients", 1,
                abs(value - values["ll.unpen"]), 1e-7,
                "20 nodes over all of a time, as it has them; seven decimals are printed",
                call)  # fmt: skip
    yield Check(name, "its log-likelihood without penalty, less our maximum", 1,
                values["ll.unpen"] - fit.loglik, 0.0, "it is penalised, ours is not",
                call)  # fmt: skip

    fit = flexible_excess_hazard(colon(), COLON, df=4, **BHAZ)
    made, call = fit.net_survival(PROFILE, times), "flexible_excess_hazard(..., df=4)"
    cause = "it is penalised (5.4 coefficients of the baseline, in effect), in t; ours in log t"
    yield Check(name, "net survival", len(times), off_by(made["estimate"], survival), 1e-2, cause,
                call)  # fmt: skip
    yield Check(name, "log excess hazard", len(times),
                off_by(made["excess_hazard"].log(), np.log(hazard)), 0.6, cause, call)  # fmt: skip
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


def invented_cases(real):
    """rstpm2, mexhaz and cuRe on the 3 000 invented cases of the repository."""
    del real
    name, data, formula = "cohort: models.csv", invented(), "~ agec + fem + si + reg + dis"
    whole = invented_results()
    rows = whole.filter(model="stpm2_df4")
    fit = flexible_excess_hazard(data, formula, df=4, **BHAZ)
    call = "flexible_excess_hazard(..., df=4)"
    yield from compared(name, "stpm2, ours in its basis", turned(fit, in_nsx(fit, data)), rows,
                        cause=STOPS, call=call)  # fmt: skip
    yield Check(name, "stpm2: log-likelihood", 1, abs(fit.loglik - rows["loglik"][0]), 2e-6,
                "six decimals are printed", call)  # fmt: skip
    for model, base, group in (
        ("mexhaz_weibull", "weibull", None), ("mexhaz_bs3_knots1_3", "exp.bs", None),
        ("mexhaz_random_hospital", "exp.bs", "hospital_id"),
    ):  # fmt: skip
        fit, call = as_mexhaz(base, data, formula, BHAZ, knots=(1.0, 3.0), group=group)
        yield from beside_mexhaz(name, model, fit, whole.filter(model=model), call)
    rows = whole.filter(model="cuRe_mixture_weibull_logit")
    fit = cure_model(data, "~ agec + reg + dis", **BHAZ)
    yield from _there(name, "cuRe", Likelihood(fit, data, BHAZ), rows["coef"].to_numpy(),
                      np.eye(rows.height), rows, "cure_model(...)", printed=1e-6)  # fmt: skip


REAL = (cure, flexible_cure, flexsurv, survpen)
"""Checks that need the real data."""

COHORT = (invented_cases,)
"""Checks on the repository's own cases."""
