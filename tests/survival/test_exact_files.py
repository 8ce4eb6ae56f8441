"""Relative and age-standardised survival against slow exact loops."""

from datetime import date

import polars as pl
import pytest

from rarecare import net_survival
from rarecare.survival import (
    Standard,
    conditional_survival,
    crude_mortality,
    net_survival_test,
)

D = 365.241
EXACT = 1e-9  # the references are printed to twelve digits
ICSS1 = Standard(
    name="icss1", age_lower=(0, 45, 55, 65, 75), weights=(0.07, 0.12, 0.23, 0.29, 0.29)
)


def read(path):
    return pl.read_csv(path, comment_prefix="#", infer_schema_length=None)


def estimates(cases, life_table, reference, *, group, **choices):
    """Our rows beside those of the reference, by level and day."""
    by = [] if group == "overall" else [group]
    wanted = reference.filter(group=group).with_columns(pl.col("level").cast(pl.String))
    days = wanted["day"].unique().sort().to_list()
    table = net_survival(cases, life_table, by=by, at_days=days, days_per_year=D, **choices).table
    level = pl.col(by[0]).cast(pl.String) if by else pl.lit("all")
    ours = table.with_columns(level=level, conf=pl.col("level"), day=pl.col("time_days").cast(int))
    joined = wanted.join(ours, on=["level", "day"], how="left", suffix="_ours")
    assert joined["estimate"].null_count() == 0
    return joined


def largest(joined, ours, theirs):
    return (joined[ours] - joined[theirs]).abs().max()


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
def test_exact_ederer_and_hakulinen(colrec, slopop, shared_reference, method, form, column):
    reference = read(shared_reference / "exact_ederer_hakulinen_colrec.csv")
    closing = date(1970, 1, 1).toordinal() + int(
        (colrec["incidence_date"].to_physical() + colrec["follow_up_days"]).max()
    )
    for group in reference["group"].unique():
        joined = estimates(
            colrec, slopop, reference, group=group, method=method, form=form,
            closing_date=date.fromordinal(closing),
        )  # fmt: skip
        assert largest(joined, "estimate", column) < EXACT
        if method != "observed":
            se = joined["se"] / joined["estimate"]
            assert (se - joined["se_log"]).abs().max() < EXACT


@pytest.mark.parametrize(
    ("how", "survival", "se"),
    [
        ("classes", "surv_classes", "se_classes"),
        ("individual", "surv_preweighted", "se_preweighted"),
    ],
)
def test_exact_age_standardised(colrec, slopop, shared_reference, how, survival, se):
    reference = read(shared_reference / "exact_age_standardised_colrec.csv")
    table = net_survival(
        colrec, slopop, at_days=reference["day"].to_list(), days_per_year=D,
        standard=ICSS1, standardisation=how,
    ).table  # fmt: skip
    assert (table["estimate"] - reference[survival]).abs().max() < EXACT
    assert (table["se"] - reference[se]).abs().max() < EXACT


def test_the_figures_of_the_project(colrec, slopop):
    """Whole group, exponential form: the numbers the project is held to."""
    table = net_survival(colrec, slopop, at_days=[365, 1826, 3652], days_per_year=D).table
    assert table["estimate"].to_list() == pytest.approx([0.6820701, 0.4415708, 0.4215719], abs=1e-6)
    se = (table["se"] / table["estimate"]).to_list()
    assert se == pytest.approx([0.0094047, 0.0179162, 0.0290576], abs=1e-6)


def test_exact_crude_probabilities(colrec, slopop, shared_reference):
    reference = read(shared_reference / "exact_crude_probability_colrec.csv").with_columns(
        level=pl.col("level").cast(pl.String), time_days=pl.col("day").cast(pl.Float64)
    )
    days = reference["day"].unique().sort().to_list()
    seen = 0
    for group in reference["group"].unique():
        by = [] if group == "overall" else [group]
        table = crude_mortality(colrec, slopop, by=by, at_days=days, days_per_year=D).table
        label = pl.col(by[0]).cast(pl.String) if by else pl.lit("all")
        for method, value, se in (("cancer", "F_E", "se_F_E"), ("other", "F_P", "se_F_P")):
            ours = table.filter(method=f"crude-{method}").with_columns(level=label)
            joined = reference.filter(group=group).join(ours, on=["level", "time_days"])
            assert largest(joined, "estimate", value) < EXACT
            assert largest(joined, "se", se) < EXACT
            seen += joined.height
    assert seen == 2 * reference.height


def test_exact_conditional_survival(colrec, slopop, shared_reference):
    reference = read(shared_reference / "exact_conditional_colrec.csv").with_columns(
        level=pl.col("level").cast(pl.String)
    )
    seen = 0
    for (group, s, t), part in reference.group_by("group", "day_s", "day_t"):
        by = [] if group == "overall" else [group]
        table = conditional_survival(
            colrec, slopop, by=by, given=[s / D], ahead=[(t - s) / D], days_per_year=D
        ).table
        label = pl.col(by[0]).cast(pl.String) if by else pl.lit("all")
        joined = part.join(
            table.with_columns(level=label, se_of_log=pl.col("se") / pl.col("estimate")), on="level"
        )
        for ours, theirs in (
            ("estimate", "cond_surv"), ("se_of_log", "se_log"), ("lower", "lower_log"),
            ("upper", "upper_log"),
        ):  # fmt: skip
            assert largest(joined, ours, theirs) < EXACT
        seen += joined.height
    assert seen == reference.height


def test_exact_test_of_net_survival(colrec, slopop, shared_reference):
    reference = read(shared_reference / "exact_net_survival_test_colrec.csv")
    for row in reference.iter_rows(named=True):
        table = net_survival_test(
            colrec, slopop, groups=row["groups"], strata=row["strata"] or (),
            horizon=row["horizon_day"] / D, days_per_year=D,
        ).table  # fmt: skip
        assert table["statistic"][0] == pytest.approx(row["chisq"], rel=1e-8)
        assert table["df"][0] == row["df"]
