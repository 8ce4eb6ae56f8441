"""Every reference of survival beside ours: the checks that tests assert and the page prints."""

import re
from datetime import date, timedelta

import numpy as np
import polars as pl

from rarecare import (
    ExclusionRules,
    LifeTable,
    exclude,
    net_survival,
    observed_survival,
    read_cases,
)
from rarecare.survival import (
    Standard,
    conditional_survival,
    crude_mortality,
    expected_survival,
    interval_survival,
    life_years,
    life_years_lost,
    net_survival_test,
)
from tests.validation.check import ROOT, Check, D

METHOD = {"ederer1": "ederer1", "ederer2": "ederer2", "hakulinen": "hakulinen",
          "pohar-perme": "pohar-perme"}  # fmt: skip
ICSS1 = Standard(
    name="icss1", age_lower=(0, 45, 55, 65, 75), weights=(0.07, 0.12, 0.23, 0.29, 0.29)
)
SPLIT = "relsurv splits the day of a birthday between both ages; we take the age at its start"
GAPS = (
    "relsurv keeps a running mean over each gap between distinct times, at any precision, and "
    "has one factor per gap"
)
GROUPS = ("overall", "sex", "site", "stage", "agegr")
COHORT = {"days_per_year": D, "allow_outside": 1.0}


def away(ours, theirs):
    """The largest absolute difference; nan where one has a number and the other none."""
    ours, theirs = (np.asarray(x, dtype=float) for x in (ours, theirs))
    if len(ours) != len(theirs) or (np.isnan(ours) != np.isnan(theirs)).any():
        return float("nan")
    return float(np.nanmax(np.abs(ours - theirs))) if len(ours) else 0.0


def exact_pohar_perme(real):
    """exact_pohar_perme_*: plain loops over cases and days."""
    for name, window in (
        ("exact_pohar_perme_colrec.csv", None),
        ("exact_pohar_perme_colrec_period_1997_2000.csv", (date(1997, 1, 1), date(2000, 12, 31))),
    ):
        reference = real.reference(name).with_columns(pl.col("level").cast(pl.String))
        worst = rows = 0
        for group in reference["group"].unique().sort():
            part = reference.filter(group=group)
            by = [] if group == "overall" else [group]
            for form, column in (("exponential", "surv"), ("product", "surv_product")):
                table = net_survival(
                    real.colrec, real.slopop, by=by, at_days=part["day"].unique().sort().to_list(),
                    form=form, window=window, **COHORT,
                ).table.with_columns(
                    level=pl.col(by[0]).cast(pl.String) if by else pl.lit("all"),
                    day=pl.col("time_days").cast(pl.Int64),
                    log_se=pl.col("se") / pl.col("estimate"),
                )  # fmt: skip
                joined = part.join(table, on=["level", "day"], how="left", suffix="_ours")
                pairs = [("estimate", column)]
                if form == "exponential":
                    pairs += [("log_se", "se_log"), ("lower", "lower_log"), ("upper", "upper_log"),
                              ("at_risk_ours", "at_risk"), ("events_ours", "events")]  # fmt: skip
                worst = max(worst, *(away(joined[a], joined[b]) for a, b in pairs))
            rows += part.height
        yield Check(
            name, "Pohar Perme, both forms, SE, limits, at risk, events", rows, worst, 1e-9,
            "twelve digits are printed", f"net_survival(..., form=..., window={bool(window)})",
        )  # fmt: skip


def exact_others(real):
    """exact_ederer_hakulinen, _age_standardised, _crude, _conditional, _test."""
    name = "exact_ederer_hakulinen_colrec.csv"
    reference = real.reference(name).with_columns(pl.col("level").cast(pl.String))
    last = (real.colrec["incidence_date"].to_physical() + real.colrec["follow_up_days"]).max()
    closing = date(1970, 1, 1) + timedelta(days=int(last))
    worst = 0.0
    for group in reference["group"].unique().sort():
        part = reference.filter(group=group)
        by = [] if group == "overall" else [group]
        for method, form, column in (
            ("observed", "exponential", "S_O"), ("ederer2", "exponential", "ederer2_exp"),
            ("ederer2", "product", "ederer2_product"), ("ederer1", "exponential", "ederer1"),
            ("hakulinen", "exponential", "hakulinen"),
        ):  # fmt: skip
            table = net_survival(
                real.colrec, real.slopop, by=by, at_days=part["day"].unique().sort().to_list(),
                method=method, form=form, closing_date=closing, **COHORT,
            ).table.with_columns(
                level=pl.col(by[0]).cast(pl.String) if by else pl.lit("all"),
                day=pl.col("time_days").cast(pl.Int64),
            )  # fmt: skip
            joined = part.join(table, on=["level", "day"], how="left", suffix="_ours")
            worst = max(worst, away(joined["estimate"], joined[column]))
    yield Check(name, "observed, Ederer I and II, Hakulinen", reference.height, worst, 1e-9,
                "twelve digits are printed", "net_survival(..., method=...)")  # fmt: skip

    name = "exact_crude_probability_colrec.csv"
    reference = real.reference(name).with_columns(pl.col("level").cast(pl.String))
    worst = 0.0
    for group in reference["group"].unique().sort():
        part = reference.filter(group=group)
        by = [] if group == "overall" else [group]
        table = crude_mortality(
            real.colrec, real.slopop, by=by, at_days=part["day"].unique().sort().to_list(), **COHORT
        ).table.with_columns(
            level=pl.col(by[0]).cast(pl.String) if by else pl.lit("all"),
            day=pl.col("time_days").cast(pl.Int64),
        )
        for method, value, se in (("cancer", "F_E", "se_F_E"), ("other", "F_P", "se_F_P")):
            own = table.filter(method=f"crude-{method}")
            joined = part.join(own, on=["level", "day"], how="left")
            worst = max(worst, away(joined["estimate"], joined[value]),
                        away(joined["se"], joined[se]))  # fmt: skip
    yield Check(name, "crude probabilities and their SE", reference.height, worst, 1e-9,
                "twelve digits are printed", "crude_mortality(...)")  # fmt: skip

    name = "exact_conditional_colrec.csv"
    reference = real.reference(name).with_columns(pl.col("level").cast(pl.String))
    worst = 0.0
    for (group, s, t), part in reference.group_by("group", "day_s", "day_t"):
        by = [] if group == "overall" else [group]
        table = conditional_survival(
            real.colrec, real.slopop, by=by, given=[s / D], ahead=[(t - s) / D], **COHORT
        ).table.with_columns(
            level=pl.col(by[0]).cast(pl.String) if by else pl.lit("all"),
            log_se=pl.col("se") / pl.col("estimate"),
        )
        joined = part.join(table, on="level", how="left", suffix="_ours")
        for ours, theirs in (("estimate", "cond_surv"), ("log_se", "se_log"),
                             ("lower", "lower_log"), ("upper", "upper_log")):  # fmt: skip
            worst = max(worst, away(joined[ours], joined[theirs]))
    yield Check(name, "conditional survival, SE, limits", reference.height, worst, 1e-9,
                "twelve digits are printed", "conditional_survival(...)")  # fmt: skip

    name = "exact_net_survival_test_colrec.csv"
    reference = real.reference(name)
    worst = 0.0
    for row in reference.iter_rows(named=True):
        table = net_survival_test(
            real.colrec, real.slopop, groups=row["groups"], strata=row["strata"] or (),
            horizon=row["horizon_day"] / D, **COHORT,
        ).table  # fmt: skip
        worst = max(worst, abs(table["statistic"][0] / row["chisq"] - 1),
                    abs(table["df"][0] - row["df"]))  # fmt: skip
    yield Check(name, "chi-square (relative) and degrees of freedom", reference.height, worst, 1e-8,
                "twelve digits are printed", "net_survival_test(...)")  # fmt: skip


def exact_standardised(real):
    """exact_age_standardised: by classes and by individual weights."""
    name = "exact_age_standardised_colrec.csv"
    reference = real.reference(name)
    worst = 0.0
    for how, survival, se in (
        ("classes", "surv_classes", "se_classes"),
        ("individual", "surv_preweighted", "se_preweighted"),
    ):
        days = reference["day"].to_list()
        table = net_survival(
            real.colrec, real.slopop, at_days=days, standard=ICSS1, standardisation=how, **COHORT
        ).table
        worst = max(worst, away(table["estimate"], reference[survival]),
                    away(table["se"], reference[se]))  # fmt: skip
    yield Check(name, "ICSS 1, by classes and by individual weights, SE", reference.height, worst,
                1e-9, "twelve digits are printed", "net_survival(..., standard=...)")  # fmt: skip


def relsurv_daily(real):
    """relsurv with every day among its times."""
    for method, form, tolerance, cause in (
        ("pohar-perme", "product", 3e-6, "its day integral is a trapezium"),
        ("ederer2", "product", 1e-4, "relsurv has one factor per distinct time, we one per day"),
        ("ederer1", "exponential", 1e-4, SPLIT),
        ("hakulinen", "exponential", 2e-4, SPLIT + ", and weighs a gap by S at its end"),
    ):
        name = f"relsurv_rs.surv_colrec_daily_{method}.csv"
        reference = real.reference(name)
        yield _daily(real, name, reference, method, form, tolerance, cause)


def _daily(real, name, reference, method, form, tolerance, cause):
    column = "time" if "time" in reference.columns else "day"
    rows = reference.filter(pl.col(column).is_between(1, 3653))
    last = (real.colrec["incidence_date"].to_physical() + real.colrec["follow_up_days"]).max()
    table = net_survival(
        real.colrec, real.slopop, at_days=rows[column].to_list(), method=method, form=form,
        closing_date=date(1970, 1, 1) + timedelta(days=int(last)), **COHORT,
    ).table  # fmt: skip
    worst = away(table["estimate"], rows["surv"])
    return Check(name, f"{method} on {rows.height} days to 10 years", rows.height, worst, tolerance,
                 cause, f"net_survival(..., method={method!r}, form={form!r})")  # fmt: skip


def relsurv_crude(real):
    """cmp.rel: crude probabilities of death."""
    for group in ("overall", "sex", "stage", "agegr"):
        name = f"relsurv_cmp.rel_colrec_{group}.csv"
        reference = real.reference(name)
        direct = 0.0
        for cause, method in (("causeSpec", "crude-cancer"), ("population", "crude-other")):
            for label, part in reference.filter(pl.col("curve").str.starts_with(cause)).group_by(
                "curve", maintain_order=True
            ):
                cases = real.members(group, _level(group, label[0]))
                table = crude_mortality(
                    cases, real.slopop, at_days=part["time"].to_list(), **COHORT
                ).table.filter(method=method)
                known = table["estimate"].is_not_null().to_numpy()
                ours, theirs = table["estimate"].to_numpy(), part["est"].to_numpy()
                direct = max(direct, away(ours[known], theirs[known]))
        yield Check(name, "crude probabilities", reference.height, direct, 1e-4, SPLIT,
                    "crude_mortality(...)")  # fmt: skip


def _level(group, label):
    """The level of a group that a curve of cmp.rel is of."""
    if group == "overall":
        return ""
    if group == "sex":
        return "female" if label.endswith("=1") else "male"
    on = re.search(r"(?:agegr|stage)(\S+?)=1", label)
    return on[1] if on else {"stage": "1", "agegr": "0-44"}[group]


def relsurv_nessie(real):
    """nessie: expected numbers and the life expectancy of the group."""
    for group in ("agegr", "site", "stage"):
        name = f"relsurv_nessie_colrec_{group}.csv"
        reference = real.reference(name)
        direct = life = 0.0
        years = [1, 3, 5, 10, 15]
        for row in reference.iter_rows(named=True):
            level = row["group"].removeprefix(group).removeprefix("rectum=")
            level = {"0": "colon", "1": "rectum"}.get(level, level) if group == "site" else level
            table = expected_survival(
                real.members(group, level), real.slopop, at=years, **COHORT
            ).table
            ours = table.filter(method="expected-alive")["estimate"]
            direct = max(direct, away(ours, [row[f"y{year}"] for year in years]))
            mean = table.filter(method="expected-years")["estimate"][0]
            life = max(life, abs(mean - row["c.exp.surv"]))
        yield Check(name, "expected numbers (people, of up to 3 537)", reference.height, direct,
                    0.2, SPLIT, "expected_survival(...)")  # fmt: skip
        yield Check(name, "life expectancy (years)", reference.height, life, 5e-3,
                    SPLIT + "; nessie sums half years with the hazard mean in each",
                    "expected_survival(...)")  # fmt: skip


def relsurv_test(real):
    """rs.diff to 5 and 10 years."""
    name = "relsurv_rs.diff_colrec.csv"
    reference = real.reference(name).filter(pl.col("censored_at_years") < 20)
    direct = 0.0
    for row in reference.iter_rows(named=True):
        groups, strata = _formula(row["formula"])
        table = net_survival_test(
            real.colrec, real.slopop, groups=groups, strata=strata,
            horizon=int(row["censored_at_years"] * D) / D, **COHORT,
        ).table  # fmt: skip
        direct = max(direct, abs(table["statistic"][0] / row["chisq"] - 1))
    yield Check(name, "chi-square to 5 and 10 years (relative)", reference.height, direct, 0.02,
                "relsurv's expected part is Σwλ with weights at the end of the day",
                "net_survival_test(...)")  # fmt: skip


def _formula(text):
    names = {"sexf": "sex"}
    right = text.split("~")[1]
    strata = re.search(r"strata\((\w+)\)", right)
    group = right.split("+")[0].strip()
    return names.get(group, group), [names.get(strata[1], strata[1])] if strata else []


def relsurv_years(real):
    """years: the difference of life years, and years lost."""
    name = "relsurv_years_colrec.csv"
    reference = real.reference(name)
    found = {"yd": [0.0, 0.0], "yl2013": [0.0, 0.0], "yl2017": [0.0, 0.0]}
    rows = dict.fromkeys(found, 0)
    for (group, level, measure), part in reference.group_by(
        "group", "level", "measure", maintain_order=True
    ):
        cases = real.members(group, str(level))
        method = {"yd": "years-difference", "yl2013": "years-lost-cancer",
                  "yl2017": "years-difference"}[measure]  # fmt: skip
        table = life_years(
            cases, real.slopop, at=part["years"].to_list(), method=method, **COHORT
        ).table
        known = table["estimate"].is_not_null().to_numpy()
        ours, theirs = table["estimate"].to_numpy()[known], part["est"].to_numpy()[known]
        found[measure][0] = max(found[measure][0], away(ours, theirs))
        if measure == "yd":
            se = away(table["se"].to_numpy()[known], part["se"].to_numpy()[known])
            found[measure][1] = max(found[measure][1], se)
        rows[measure] += int(known.sum())
    steps = "relsurv sums curves as steps between distinct times, we as they are"
    yield Check(name, "yd: years lived fewer than expected", rows["yd"], found["yd"][0], 0.05,
                steps, "life_years(..., method='years-difference')")  # fmt: skip
    yield Check(name, "yd: standard errors", rows["yd"], found["yd"][1], 1e-8, "rounding",
                "life_years(...)")  # fmt: skip
    yield Check(name, "yl2013: years lost to the cancer", rows["yl2013"], found["yl2013"][0], 0.15,
                steps, "life_years(..., method='years-lost-cancer')")  # fmt: skip
    yield Check(name, "yl2017, beside the years lived fewer than expected", rows["yl2017"],
                found["yl2017"][0], 0.05,
                "it is that, the observed curve summed at the end of each step and the expected "
                "one of each case at its start",
                "life_years(..., method='years-difference')")  # fmt: skip


def survexp(real):
    """survexp on slopop: Ederer's, Hakulinen's and conditional expected survival."""
    name = "survexp_cohort_colrec.csv"
    reference = real.reference(name).filter(table="slopop")
    plan_days = reference.filter(method="ederer")["time"].to_list()
    ours = expected_survival(real.colrec, real.slopop, at_days=plan_days, **COHORT).table
    ederer = ours.filter(method="expected")["estimate"]
    yield Check(name, "Ederer, slopop", 15, away(ederer, reference.filter(method="ederer")["surv"]),
                1e-4, "survexp splits the day of a birthday; rows of survexp.us need a table that "
                "is not among the data", "expected_survival(...)")  # fmt: skip
    closing = date(2016, 12, 31)
    whole = real.colrec.with_columns(
        follow_up_days=(pl.lit(closing) - pl.col("incidence_date")).dt.total_days(), died=False
    )
    for method, cases in (("hakulinen", whole), ("conditional", real.colrec)):
        own = {"hakulinen": "hakulinen", "conditional": "ederer2"}[method]
        table = net_survival(
            cases.with_columns(died=False), real.slopop, at_days=plan_days, method=own, **COHORT
        ).table
        theirs = reference.filter(method=method)["surv"]
        yield Check(name, f"{method}, slopop", 15, away(1 / table["estimate"], theirs), 5e-4,
                    "survexp splits the day of a birthday; none dies, so that relative survival "
                    "is 1 / expected", f"1 / net_survival(..., method={own!r})")  # fmt: skip


def popepi_standardised(real):
    """popEpi's age-standardised survival: its e2 form by classes."""
    from tests.survival.test_strs import fractional  # noqa: PLC0415 - one reading of the file

    name = "popEpi_survtab_sire_agestd.csv"
    reference = real.reference(name)
    lives, sire = _sire(fractional)
    worst = {"e2": 0.0, "pp": 0.0}
    rows = {"e2": 0, "pp": 0}
    bounds = {"ICSS1(5grp)": ICSS1, "internal": "internal"}
    for (by, level, method, weights), part in reference.group_by(
        "by", "level", "relsurv.method", "weights", maintain_order=True
    ):
        own = sire if by == "none" else sire.filter(per=level)
        standard = bounds.get(weights)
        if standard is None:
            continue
        if standard == "internal":
            ages = sire["age_years"].to_numpy()
            counts = np.bincount(np.searchsorted([45, 55, 65, 75], ages, side="right"), minlength=5)
            standard = Standard(name="internal", age_lower=ICSS1.age_lower,
                                weights=tuple(counts / counts.sum()))  # fmt: skip
        table = interval_survival(
            own, lives, breaks="0(1/12)5", convention="popepi", form="hazard",
            method={"e2": "ederer2", "pp": "pohar-perme"}[method], standard=standard,
        ).table.with_columns(pl.col("end").round(9))  # fmt: skip
        joined = part.with_columns(pl.col("Tstop").cast(pl.Float64).round(9)).join(
            table, left_on="Tstop", right_on="end", how="left"
        )
        joined = joined.filter(pl.col("estimate").is_not_null())
        worst[method] = max(
            worst[method], away(joined["estimate"], joined["rs.as"]),
            away(joined["se"], joined["SE"]),
        )  # fmt: skip
        rows[method] += joined.height
    yield Check(name, "Ederer II, ICSS 1 and internal weights, SE", rows["e2"], worst["e2"], 1e-8,
                "rounding", "interval_survival(..., convention='popepi')")  # fmt: skip
    yield Check(name, "Pohar Perme, the same", rows["pp"], worst["pp"], 1e-3,
                "popEpi 0.5.0 has the sign of the half interval in its weights wrong",
                "interval_survival(..., convention='popepi')")  # fmt: skip


def _sire(fractional):
    from tests.validation.check import SHARED  # noqa: PLC0415

    lives = LifeTable.read(
        pl.read_csv(SHARED / "data" / "popEpi_popmort.csv").rename({"agegroup": "age"}),
        codes={"sex": {"0": "male", "1": "female"}},
    )
    raw = pl.read_csv(SHARED / "data" / "popEpi_sire.csv", try_parse_dates=True)
    year = pl.col("dg_date").dt.year()
    period = (
        pl.when(year < 1998).then(pl.lit("1993-97")).when(year < 2003).then(pl.lit("1998-02"))
        .when(year < 2008).then(pl.lit("2003-07")).otherwise(pl.lit("2008-12"))
    )  # fmt: skip
    age = pl.col("dg_age")
    group = (
        pl.when(age < 45).then(pl.lit("0-44")).when(age < 55).then(pl.lit("45-54"))
        .when(age < 65).then(pl.lit("55-64")).when(age < 75).then(pl.lit("65-74"))
        .otherwise(pl.lit("75+"))
    )  # fmt: skip
    return lives, raw.filter(pl.col("dg_date") < pl.col("ex_date")).select(
        sex=pl.col("sex").replace_strict({0: "male", 1: "female"}),
        diagnosis_year=fractional("dg_date"),
        exit_year=fractional("ex_date"),
        time_years=fractional("ex_date") - fractional("dg_date"),
        age_years="dg_age",
        died=pl.col("status") > 0,
        status="status",
        dg_date="dg_date",
        ex_date="ex_date",
        per=period,
        agegr=group,
    )


def popepi_groups(real):
    """popEpi by age and period, and by calendar window."""
    from tests.survival.test_strs import fractional  # noqa: PLC0415

    lives, sire = _sire(fractional)
    name = "popEpi_survtab_sire_by.csv"
    reference = real.reference(name)
    worst = {"e2": 0.0, "pp": 0.0}
    rows = {"e2": 0, "pp": 0}
    for (by, level, method), part in reference.group_by(
        "by", "level", "relsurv.method", maintain_order=True
    ):
        own = sire.filter(pl.col(by) == level)
        table = interval_survival(
            own, lives, breaks="0(1/12)10", convention="popepi", form="hazard",
            method=("observed", {"e2": "ederer2", "pp": "pohar-perme"}[method]),
        ).table.with_columns(pl.col("end").round(9))  # fmt: skip
        relative = table.filter(pl.col("method") != "observed")
        observed = table.filter(method="observed")
        left = part.with_columns(pl.col("Tstop").cast(pl.Float64).round(9))
        joined = left.join(relative, left_on="Tstop", right_on="end", how="left", suffix="_o")
        beside = left.join(observed, left_on="Tstop", right_on="end", how="left", suffix="_o")
        worst[method] = max(
            worst[method], away(joined["estimate"], joined["rs"]),
            away(joined["se"], joined["SE.rs"]), away(joined["lower"], joined["rs.lo"]),
            away(beside["estimate"], beside["surv.obs"]) if method == "e2" else 0.0,
        )  # fmt: skip
        rows[method] += part.height
    yield Check(name, "observed and Ederer II, SE, limits", rows["e2"], worst["e2"], 1e-8,
                "rounding", "interval_survival(..., convention='popepi')")  # fmt: skip
    yield Check(name, "Pohar Perme, the same", rows["pp"], worst["pp"], 2e-3,
                "popEpi 0.5.0 has the sign of the half interval in its weights wrong",
                "interval_survival(..., convention='popepi')")  # fmt: skip

    name = "popEpi_survtab_sire_period.csv"
    reference = real.reference(name)
    worst = {"e2": 0.0, "pp": 0.0}
    rows = {"e2": 0, "pp": 0}
    for (window, method), part in reference.group_by(
        "window", "relsurv.method", maintain_order=True
    ):
        first, last = (float(year) for year in window.split("-"))
        own = sire.with_columns(
            entry_years=pl.max_horizontal(pl.lit(0.0), first - pl.col("diagnosis_year")),
            died=pl.col("died") & (pl.col("exit_year") <= last),
            time_years=pl.min_horizontal("time_years", last - pl.col("diagnosis_year")),
        ).filter(pl.col("time_years") > pl.col("entry_years"))
        table = interval_survival(
            own, lives, breaks="0(1/12)10", convention="popepi", form="hazard",
            method=("observed", {"e2": "ederer2", "pp": "pohar-perme"}[method]),
        ).table.with_columns(pl.col("end").round(9))  # fmt: skip
        relative = table.filter(pl.col("method") != "observed")
        left = part.with_columns(pl.col("Tstop").cast(pl.Float64).round(9))
        joined = left.join(relative, left_on="Tstop", right_on="end", how="left", suffix="_o")
        joined = joined.filter(pl.col("estimate").is_not_null())
        worst[method] = max(worst[method], away(joined["estimate"], joined["rs"]))
        rows[method] += joined.height
    yield Check(name, "Ederer II", rows["e2"], worst["e2"], 1e-8, "rounding",
                "interval_survival(..., entry_years)")  # fmt: skip
    yield Check(name, "Pohar Perme", rows["pp"], worst["pp"], 0.03,
                "in that run the weights start at the window, ours at diagnosis, on purpose",
                "interval_survival(..., entry_years)")  # fmt: skip


def popepi_causes(real):
    """popEpi's cumulative incidences and cause-specific survival, monthly, actuarial there."""
    from tests.survival.test_strs import fractional  # noqa: PLC0415

    name = "popEpi_survtab_sire_cif.csv"
    reference = real.reference(name)
    _, sire = _sire(fractional)
    cases = sire.with_columns(
        follow_up_days=(pl.col("time_years") * 365.242199).round().cast(pl.Int64).clip(1),
        incidence_date=pl.lit(date(2000, 1, 1)),
        died_of_cancer=pl.col("status") == 1,
    )
    at = [1, 3, 5, 10, 15]
    crude = crude_mortality(cases, causes="recorded", at=at, days_per_year=365.242199).table
    worst = 0.0
    for variable, method in (("CIF_canD", "recorded-cancer"), ("CIF_othD", "recorded-other")):
        part = reference.filter(variable=variable)
        ours = crude.filter(method=method)["estimate"]
        worst = max(worst, away(ours, part["value"].cast(pl.Float64)))
    yield Check(name, "cumulative incidence by recorded cause", 10, worst, 2e-3,
                "monthly hazards there, exact days here",
                "crude_mortality(causes='recorded')")  # fmt: skip
    observed = observed_survival(cases, at=at, days_per_year=365.242199).table
    part = reference.filter(pl.col("variable") == "surv.obs")
    spread = max(
        away(observed["estimate"], own["value"].cast(pl.Float64))
        for own in part.partition_by("surv.type")
    )
    yield Check(name, "observed survival", part.height, spread, 1e-3,
                "monthly hazards there, exact days here", "observed_survival(...)")  # fmt: skip


def popepi_means(real):
    """popEpi's survmean: expected and extrapolated mean survival, years of potential life lost."""
    from tests.survival.test_strs import fractional  # noqa: PLC0415

    name = "popEpi_survmean_sire.csv"
    reference = real.reference(name)
    lives, sire = _sire(fractional)
    year = 365.242199
    cases = sire.with_columns(
        incidence_date="dg_date",
        follow_up_days=(pl.col("ex_date") - pl.col("dg_date")).dt.total_days(),
        age_days=pl.col("age_years") * year,
    )
    expected = own = 0.0
    for row in reference.iter_rows(named=True):
        part = cases if row["by"] == "none" else cases.filter(agegr=row["agegr"])
        table = life_years_lost(
            part, lives, relative=1.0, classes=(0,), days_per_year=year, allow_outside=1.0
        ).table
        expected = max(expected, abs(table["estimate"][0] - row["exp"]))
        own = max(own, abs(table["estimate"][1] - row["est"]))
    yield Check(name, "expected mean survival (years)", reference.height, expected, 5e-3,
                "popEpi sums whole years from the eleventh on", "life_years_lost(...)")  # fmt: skip
    yield Check(name, "mean survival, continued (years)", reference.height, own, 0.8,
                "popEpi multiplies relative survival, that of the last month going on, by the "
                "expected survival of all diagnosed; ours is observed, then continued by those "
                "still followed",
                "life_years_lost(..., relative=1)")  # fmt: skip


def relsurv_groups(real):
    """relsurv at 1, 3, 5, 10 and 15 years by group, and its age-standardised survival."""
    name = "relsurv_rs.surv_colrec_groups.csv"
    words = {"level": pl.String}
    reference = real.reference(name).with_columns(
        pl.col("level").cast(pl.String), pl.col("time").cast(pl.Float64)
    )
    del words
    last = (real.colrec["incidence_date"].to_physical() + real.colrec["follow_up_days"]).max()
    closing = date(1970, 1, 1) + timedelta(days=int(last))
    for late in (False, True):
        for method in METHOD:
            worst = rows = 0
            for (group, level, kind), part in reference.filter(
                (pl.col("years") > 10) == late, method=method
            ).group_by("group", "level", "type", maintain_order=True):
                form = "product" if kind == "kaplan-meier" else "exponential"
                cases = real.members(group, level)
                known = part.filter(pl.col("surv").is_not_null())
                if method != "pohar-perme":  # given at the last time of any case before
                    days = cases["follow_up_days"].unique().sort()
                    at = [float(days.filter(days <= t).max()) for t in known["time"]]
                    known = known.with_columns(time=pl.Series(at))
                table = net_survival(
                    cases, real.slopop, at_days=known["time"].unique().sort().to_list(),
                    method=method, form=form, closing_date=closing, **COHORT,
                ).table  # fmt: skip
                joined = known.join(table, left_on="time", right_on="time_days", how="left")
                joined = joined.filter(pl.col("estimate").is_not_null())
                if joined.height:
                    worst = max(worst, away(joined["estimate"], joined["surv"]))
                rows += joined.height
            years = "15 years" if late else "1 to 10 years"
            yield Check(name, f"{method}, {years}, every group", rows, worst,
                        _groups_tolerance(method, late=late),
                        (GAPS if method == "pohar-perme" else
                         "one factor per distinct time; " + SPLIT)
                        + ("; two people at risk in the oldest group" if late else ""),
                        "net_survival(..., by=...)")  # fmt: skip


def _groups_tolerance(method, *, late):
    if method == "ederer1":
        return 2e-4
    if late:
        return 0.3 if method == "pohar-perme" else 1e-2
    return 3e-3


def relsurv_other(real):
    """relsurv's other precisions, and its age-standardised survival."""
    name = "relsurv_rs.surv_colrec_precision.csv"
    reference = real.reference(name).filter(pl.col("years") <= 10)
    worst = 0.0
    for part in reference.partition_by("precision"):
        times = [D * years for years in part["years"]]
        table = net_survival(
            real.colrec, real.slopop, at_days=times, form="product", **COHORT
        ).table
        worst = max(worst, away(table["estimate"], part["surv"]))
    yield Check(name, "Pohar Perme at every precision, to 10 years", reference.height, worst, 2e-4,
                GAPS, "net_survival(..., form='product')")  # fmt: skip
    name = "relsurv_rs.surv_colrec_standardised_ICSS1.csv"
    reference = real.reference(name).filter(pl.col("years") <= 10).sort("years")
    times = [D * years for years in reference["years"]]
    table = net_survival(
        real.colrec, real.slopop, at_days=times, form="product", standard=ICSS1, **COHORT
    ).table
    yield Check(name, "age-standardised, ICSS 1", reference.height,
                away(table["estimate"], reference["surv"]), 3e-3, GAPS + ", in each class",
                "net_survival(..., standard=...)")  # fmt: skip


def strs(real):
    """Stata's strs as published, and the life tables made by hand in R."""
    from tests.survival import test_strs  # noqa: PLC0415
    from tests.validation.check import SHARED  # noqa: PLC0415

    colon = test_strs.colon_cases(SHARED / "data")
    popmort = test_strs.popmort_table(SHARED / "data")
    name = "published_strs_stnet.csv"
    published = test_strs.read(SHARED / "reference" / name, value=pl.String)
    off = test_strs.published_rows(colon, popmort, published)
    yield Check(name, "every printed number, in units of its last digit", len(off), max(off),
                0.5001, "the rounding of print", "interval_survival(...)")  # fmt: skip
    name = "handR_strs_ederer2_lifetables.csv"
    reference = real.reference(name).filter(data="colon")
    localised = colon.filter(stage="Localised").with_columns(time_years="months")
    worst = 0.0
    for sex in ("all", "Male", "Female"):
        own = localised if sex == "all" else localised.filter(sex=sex.lower())
        part = reference.filter(sex=sex)
        table = interval_survival(
            own, popmort, breaks=[0.0, *part["end"].to_list()], method=("observed", "ederer2")
        ).table
        relative = table.filter(method="ederer2")
        for ours, theirs in (("estimate", "cr_e2"), ("lower", "lo_cr_e2"), ("expected", "p_star")):
            worst = max(worst, away(relative[ours], part[theirs]))
    yield Check(name, "Ederer II of the colon data; melanoma is not among the data",
                reference.height, worst, 1.6e-9, "z as 1.959964 there",
                "interval_survival(...)")  # fmt: skip


def popepi_overall(real):
    """popEpi on all of sire, three sets of breaks, both forms; and on colrec."""
    from tests.survival.test_strs import FORMS, SIRE_BREAKS, fractional  # noqa: PLC0415

    lives, sire = _sire(fractional)
    name = "popEpi_survtab_sire_overall.csv"
    reference = real.reference(name)
    for method, own in (("e2", "ederer2"), ("pp", "pohar-perme")):
        for form in FORMS:
            worst = rows = 0
            for (breaks,), part in reference.filter(
                (pl.col("relsurv.method") == method) & (pl.col("surv.method") == form)
            ).group_by("breaks", maintain_order=True):
                table = interval_survival(
                    sire, lives, breaks=SIRE_BREAKS[breaks], convention="popepi",
                    form=FORMS[form], method=own,
                ).table  # fmt: skip
                worst, rows = max(worst, away(table["estimate"], part["rs"])), rows + part.height
            exact = method == "e2"
            yield Check(
                name, f"{own}, {form}", rows, worst,
                (1e-8 if form == "hazard" else 1e-5) if exact else 6e-2,
                "one censoring on a break" if exact and form == "lifetable" else
                "rounding" if exact else
                "popEpi 0.5.0 has the sign of the half interval in its weights wrong: most at "
                "breaks of five years",
                f"interval_survival(..., convention='popepi', form={FORMS[form]!r})",
            )  # fmt: skip
    name = "popEpi_survtab_colrec.csv"
    reference = real.reference(name)
    for breaks, tolerance in (("day", 1e-4), ("month", 5e-3), ("year", 2e-2)):
        worst = rows = 0
        for (by, level, method), part in reference.filter(
            (pl.col("breaks") == breaks) & pl.col("rs").is_not_null() & (pl.col("Tstop") < 10.1)
        ).group_by("by", "level", "relsurv.method", maintain_order=True):
            named = {"1": "male", "2": "female"}.get(level, level) if by == "sex" else level
            cases = real.members(by, named)
            own = {"e2": "ederer2", "pp": "pohar-perme"}[method]
            at = [year * D for year in part["Tstop"]]
            table = net_survival(cases, real.slopop, at_days=at, method=own, **COHORT).table
            known = table["estimate"].is_not_null().to_numpy()
            ours, theirs = table["estimate"].to_numpy()[known], part["rs"].to_numpy()[known]
            worst, rows = max(worst, away(ours, theirs)), rows + int(known.sum())
        yield Check(name, f"the exact estimator beside {breaks} breaks", rows, worst, tolerance,
                    "its weights lag half an interval the wrong way; hazards are constant within "
                    "its intervals; groups of 246 cases and more", "net_survival(...)")  # fmt: skip


def invented_cases(real):
    """The 3 000 invented cases of the repository, beside relsurv and popEpi."""
    del real
    folder = ROOT / "tests" / "cohort"
    cases, _ = exclude(read_cases(folder / "cases.csv", days_per_year=D), ExclusionRules())
    lives = LifeTable.read(folder / "lifetable.csv")
    spaced = {"day": pl.String, "at_time": pl.String, "n_risk": pl.String, "Tstop": pl.String}
    name = "relsurv_rs.surv.csv"
    reference = pl.read_csv(folder / name, comment_prefix="#", schema_overrides=spaced)
    reference = reference.with_columns(pl.col("at_time").str.strip_chars().cast(pl.Float64))
    for method, tolerance in (
        ("pohar-perme", 4e-9), ("ederer2", 1e-4), ("ederer1", 5e-5), ("hakulinen", 2e-4)
    ):  # fmt: skip
        worst = rows = 0
        for (group,), part in reference.filter(method=method).group_by(
            "group", maintain_order=True
        ):
            own = cases
            if group != "all":
                own = cases.filter((pl.col("sex") == group) | (pl.col("region") == group))
            table = net_survival(
                own, lives, at_days=part["at_time"].to_list(), method=method, form="product",
                closing_date=date(2010, 12, 31), days_per_year=D,
            ).table  # fmt: skip
            worst, rows = max(worst, away(table["estimate"], part["surv"])), rows + part.height
        yield Check(f"cohort: {name}", method, rows, worst, tolerance,
                    "the trapezium of its day integral" if method == "pohar-perme" else
                    "one factor per distinct time; " + SPLIT,
                    f"net_survival(..., method={method!r}, form='product')")  # fmt: skip
    name = "popEpi_survtab.csv"
    reference = pl.read_csv(folder / name, comment_prefix="#", schema_overrides=spaced)
    reference = reference.with_columns(pl.col("Tstop").str.strip_chars().cast(pl.Float64))
    timed = cases.with_columns(
        time_years=_fractional_after("follow_up_days") - _fractional_after(None),
        diagnosis_year=_fractional_after(None),
        age_years=pl.col("age_days") / D,
    )
    worst = {"r.e2": 0.0, "r.pp": 0.0}
    for (sex,), part in reference.group_by("sex", maintain_order=True):
        table = interval_survival(
            timed.filter(sex=sex), lives, breaks="0(1/12)10", convention="popepi", form="hazard",
            method=("ederer2", "pohar-perme"),
        ).table.with_columns(pl.col("end").round(6))  # fmt: skip
        for column, method in (("r.e2", "ederer2"), ("r.pp", "pohar-perme")):
            joined = part.with_columns(pl.col("Tstop").round(6)).join(
                table.filter(method=method), left_on="Tstop", right_on="end", how="left"
            )
            worst[column] = max(worst[column], away(joined["estimate"], joined[column]))
    yield Check(f"cohort: {name}", "Ederer II, monthly", reference.height, worst["r.e2"], 1e-9,
                "rounding", "interval_survival(..., convention='popepi')")  # fmt: skip
    yield Check(f"cohort: {name}", "Pohar Perme, monthly", reference.height, worst["r.pp"], 2e-3,
                "popEpi 0.5.0 has the sign of the half interval in its weights wrong",
                "interval_survival(..., convention='popepi')")  # fmt: skip


def _fractional_after(days):
    """The date of incidence, or so many days later, as a calendar year with a fraction."""
    day = pl.col("incidence_date").cast(pl.Date)
    if days:
        day += pl.duration(days=pl.col(days))
    return day.dt.year() + (day.dt.ordinal_day() - 1) / 365.242199


REAL = (
    exact_pohar_perme, exact_others, exact_standardised, relsurv_daily, relsurv_groups,
    relsurv_other, strs, popepi_overall,
    relsurv_crude, relsurv_nessie, relsurv_test, relsurv_years, survexp, popepi_standardised,
    popepi_groups, popepi_causes, popepi_means,
)  # fmt: skip
"""Checks that need the real data."""

CHECKS = (invented_cases, *REAL)
