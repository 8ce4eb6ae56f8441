"""Survival of colorectal cancer (relsurv's colrec): limits, counts and their exact files.

The ``exact_*`` files come from a plain loop over cases and days and print twelve digits.
"""

from datetime import date

import numpy as np
import polars as pl
import pytest

from rarecare.survival import Standard, net_survival, observed_survival

D = 365.241
PRINTED = 1e-11
PERIOD = (date(1997, 1, 1), date(2000, 12, 31))
ICSS1 = Standard(
    name="icss1, ages 0-44 first",
    age_lower=(0, 45, 55, 65, 75),
    weights=(0.07, 0.12, 0.23, 0.29, 0.29),
)


def read(folder, name):
    return pl.read_csv(
        folder / f"{name}.csv", comment_prefix="#", schema_overrides={"level": pl.String}
    )


def beside(colrec, slopop, rows, **choices):
    """The rows with ours beside them, one call for each kind of group."""
    parts = []
    for group in rows["group"].unique(maintain_order=True):
        own = [] if group == "overall" else [group]
        table = net_survival(
            colrec, slopop, by=own, at_days=rows["day"].unique(), days_per_year=D, **choices
        ).table
        names = ["n", "at_risk", "events", "estimate", "se", "lower", "upper"]
        parts.append(
            table.select(
                pl.lit(group).alias("group"),
                pl.col(own[0] if own else "group").alias("level"),
                pl.col("time_days").cast(pl.Int64).alias("day"),
                *(pl.col(name).alias(f"our_{name}") for name in names),
            )
        )
    both = rows.join(pl.concat(parts), on=["group", "level", "day"], how="inner")
    assert both.height == rows.height
    return both


def apart(frame, one, other):
    """The largest absolute difference of two columns; a missing value counts as infinite."""
    return float((frame[one] - frame[other]).abs().fill_null(np.inf).max())


@pytest.mark.parametrize(
    ("file", "window", "n_rows"),
    [
        ("exact_pohar_perme_colrec", None, 70),
        ("exact_pohar_perme_colrec_period_1997_2000", PERIOD, 40),
    ],
    ids=["cohort", "period"],
)
@pytest.mark.parametrize("interval", ["log", "log-log"])
def test_pohar_perme_in_every_group(
    colrec, slopop, shared_reference, *, file, window, n_rows, interval
):
    exact = read(shared_reference, file)
    assert exact.height == n_rows
    both = beside(colrec, slopop, exact, window=window, interval=interval)
    assert both["our_at_risk"].equals(both["at_risk"], check_names=False)
    assert both["our_events"].equals(both["events"], check_names=False)
    assert apart(both, "our_estimate", "surv") < PRINTED
    assert np.abs(both["our_se"] / both["our_estimate"] - both["se_log"]).max() < PRINTED
    scale = interval.replace("-", "")
    assert apart(both, "our_lower", f"lower_{scale}") < PRINTED
    assert apart(both, "our_upper", f"upper_{scale}") < PRINTED


def test_limits_and_deaths_equal_relsurv_on_every_day(colrec, slopop, shared_reference):
    theirs = read(shared_reference, "relsurv_rs.surv_colrec_daily_pohar-perme").head(3652)
    ours = net_survival(
        colrec, slopop, at_days=theirs["time"].to_list(), form="product", days_per_year=D
    ).table
    # relsurv's integral over a day is a trapezium: 3e-9 after ten years
    for name, other in [("estimate", "surv"), ("lower", "lower"), ("upper", "upper")]:
        assert np.abs(ours[name] - theirs[other]).max() < 5e-9
    assert np.abs(ours["se"] / ours["estimate"] - theirs["std.err"]).max() < PRINTED
    assert ours["events"].equals(theirs["n.event"].cum_sum(), check_names=False)


def test_standard_errors_of_observed_survival(colrec, shared_reference):
    exact = read(shared_reference, "exact_ederer_hakulinen_colrec").filter(group="overall")
    days = exact["day"].to_list()
    tsiatis = observed_survival(colrec, at_days=days, variance="tsiatis").table
    assert np.abs(tsiatis["estimate"] - exact["S_O"]).max() < PRINTED
    assert np.abs(tsiatis["se"] / tsiatis["estimate"] - exact["se_log"]).max() < PRINTED
    greenwood = observed_survival(colrec, at_days=days).table
    assert (greenwood["se"] > tsiatis["se"]).all()


def test_a_standard_is_the_weighted_sum_of_the_classes_tables(colrec, slopop):
    at = {"at_days": [365, 1826], "days_per_year": D}
    whole = net_survival(colrec, slopop, standard=ICSS1, **at).table
    classes = net_survival(colrec, slopop, by=["agegr"], **at).table.sort("time_days", "agegr")
    share = np.array(ICSS1.weights)
    for row, part in zip(
        whole.iter_rows(named=True), classes.partition_by("time_days"), strict=True
    ):
        assert row["estimate"] == pytest.approx(share @ part["estimate"].to_numpy(), abs=1e-14)
        squares = share**2 @ part["se"].to_numpy() ** 2
        assert row["se"] == pytest.approx(np.sqrt(squares), abs=1e-14)
        assert (row["n"], row["events"]) == (part["n"].sum(), part["events"].sum())
