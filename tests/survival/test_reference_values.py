"""Survival of colorectal cancer (relsurv's colrec) against exact values and relsurv's own.

The ``exact_*`` files come from a plain loop over cases and days; the daily file of R relsurv
2.3-2 has every day in ``add.times``, where its running mean has no gap to run over.
"""

from datetime import date

import numpy as np
import polars as pl
import pytest

from rarecare.survival import Standard, net_survival, observed_survival

D = 365.241
PRINTED = 1e-11  # the exact files print 12 significant digits
ICSS1 = Standard(
    name="icss1, ages 0-44 first",
    age_lower=(0, 45, 55, 65, 75),
    weights=(0.07, 0.12, 0.23, 0.29, 0.29),
)


def read(folder, name):
    return pl.read_csv(
        folder / f"{name}.csv", comment_prefix="#", schema_overrides={"level": pl.String}
    )


def survival_of(colrec, slopop, rows, **choices):
    """Ours for the groups and days of ``rows``, in their order."""
    parts = []
    days = rows["day"].unique().to_list()
    for group in rows["group"].unique(maintain_order=True):
        by = [] if group == "overall" else [group]
        result = net_survival(
            colrec, slopop, by=by, at_days=days, days_per_year=D, allow_outside=0, **choices
        )
        parts.append(
            result.table.rename({by[0] if by else "group": "level"}).select(
                pl.lit(group).alias("group"),
                "level",
                "method",
                pl.col("time_days").cast(pl.Int64).alias("day"),
                pl.col("at_risk").alias("n_risk"),
                pl.col("events").alias("deaths"),
                *("estimate", "se", "lower", "upper", "status"),
            )
        )
    found = rows.join(
        pl.concat(parts), on=["group", "level", "day"], how="left", maintain_order="left"
    )
    assert found["estimate"].null_count() == 0
    return found


def apart(frame, ours, theirs):
    """The largest absolute difference of two columns."""
    return float((frame[ours] - frame[theirs]).abs().max())


def test_one_five_and_ten_years(colrec, slopop):
    table = net_survival(colrec, slopop, at_days=[365, 1826, 3652], days_per_year=D).table
    # the values of exact_pohar_perme_colrec.csv to seven digits
    assert table["estimate"].to_list() == pytest.approx([0.6820701, 0.4415708, 0.4215719], abs=5e-8)
    se_log = table["se"] / table["estimate"]
    assert se_log.to_list() == pytest.approx([0.0094047, 0.0179162, 0.0290576], abs=5e-8)
    assert table["at_risk"].to_list() == [3920, 2165, 1585]


def test_the_product_form_equals_relsurv_on_every_day(colrec, slopop, shared_reference):
    days = range(1, 3653)
    ours = net_survival(colrec, slopop, at_days=days, form="product", days_per_year=D).table
    theirs = read(shared_reference, "relsurv_rs.surv_colrec_daily_pohar-perme")
    both = ours.with_columns(time=pl.col("time_days").cast(pl.Int64)).join(
        theirs, on="time", suffix="_r"
    )
    assert both.height == 3652
    # its integral over a day is a trapezium: 3e-9 after ten years
    assert apart(both, "estimate", "surv") < 4e-9
    assert apart(both, "lower", "lower_r") < 4e-9
    assert apart(both, "upper", "upper_r") < 6e-9
    assert np.abs(both["se"] / both["estimate"] - both["std.err"]).max() < 1e-11
    assert both["at_risk"].equals(both["n.risk"], check_names=False)
    assert both["events"].equals(both["n.event"].cum_sum(), check_names=False)


@pytest.mark.parametrize(
    ("file", "window", "n_rows"),
    [
        ("exact_pohar_perme_colrec", None, 70),
        (
            "exact_pohar_perme_colrec_period_1997_2000",
            (date(1997, 1, 1), date(2000, 12, 31)),
            40,
        ),
    ],
    ids=["cohort", "period"],
)
def test_pohar_perme_in_every_group(colrec, slopop, shared_reference, file, window, n_rows):
    exact = read(shared_reference, file)
    assert exact.height == n_rows
    ours = survival_of(colrec, slopop, exact, window=window)
    assert ours["n_risk"].equals(ours["at_risk"], check_names=False)
    assert ours["deaths"].equals(ours["events"], check_names=False)
    assert apart(ours, "estimate", "surv") < PRINTED
    assert np.abs(ours["se"] / ours["estimate"] - ours["se_log"]).max() < PRINTED
    assert apart(ours, "lower", "lower_log") < PRINTED
    assert apart(ours, "upper", "upper_log") < PRINTED
    log_log = survival_of(colrec, slopop, exact, window=window, interval="log-log")
    assert apart(log_log, "lower", "lower_loglog") < PRINTED
    assert apart(log_log, "upper", "upper_loglog") < PRINTED
    product = survival_of(colrec, slopop, exact, window=window, form="product")
    assert apart(product, "estimate", "surv_product") < PRINTED


@pytest.mark.parametrize(
    ("method", "form", "column"),
    [
        ("observed", "exponential", "S_O"),
        ("ederer2", "exponential", "ederer2_exp"),
        ("ederer2", "product", "ederer2_product"),
        ("ederer1", "exponential", "ederer1"),
        ("hakulinen", "exponential", "hakulinen"),
    ],
)
def test_the_other_methods_in_every_group(colrec, slopop, shared_reference, method, form, column):
    exact = read(shared_reference, "exact_ederer_hakulinen_colrec")
    assert exact.height == 21
    ours = survival_of(colrec, slopop, exact, method=method, form=form)
    assert apart(ours, "estimate", column) < PRINTED
    if method != "observed":
        assert np.abs(ours["se"] / ours["estimate"] - ours["se_log"]).max() < PRINTED


def test_tsiatis_standard_errors_of_observed_survival(colrec, shared_reference):
    exact = read(shared_reference, "exact_ederer_hakulinen_colrec").filter(group="overall")
    ours = observed_survival(colrec, at_days=exact["day"].to_list(), variance="tsiatis").table
    assert np.abs(ours["se"] / ours["estimate"] - exact["se_log"]).max() < PRINTED
    greenwood = observed_survival(colrec, at_days=exact["day"].to_list()).table
    assert (greenwood["se"] > ours["se"]).all()


@pytest.mark.parametrize(
    ("standardisation", "column"), [("classes", "classes"), ("individual", "preweighted")]
)
def test_age_standardised(colrec, slopop, shared_reference, standardisation, column):
    exact = read(shared_reference, "exact_age_standardised_colrec")
    ours = net_survival(
        colrec,
        slopop,
        at_days=exact["day"].to_list(),
        standard=ICSS1,
        standardisation=standardisation,
        days_per_year=D,
    ).table
    assert np.abs(ours["estimate"] - exact[f"surv_{column}"]).max() < PRINTED
    assert np.abs(ours["se"] - exact[f"se_{column}"]).max() < PRINTED
    assert ours["standard"].unique().to_list() == [ICSS1.name]


def test_a_standard_by_age_classes_is_the_sum_of_the_classes_tables(colrec, slopop):
    at = {"at_days": [365, 1826], "days_per_year": D}
    whole = net_survival(colrec, slopop, standard=ICSS1, **at).table
    classes = net_survival(colrec, slopop, by=["agegr"], **at).table.sort("time_days", "agegr")
    share = np.array(ICSS1.weights)
    for day, part in zip([365, 1826], classes.partition_by("time_days"), strict=True):
        row = whole.filter(time_days=day).row(0, named=True)
        assert row["estimate"] == pytest.approx(share @ part["estimate"].to_numpy(), abs=1e-14)
        assert row["se"] == pytest.approx(
            np.sqrt(share**2 @ part["se"].to_numpy() ** 2), abs=1e-14
        )
        assert row["events"] == part["events"].sum()
