"""Unknown stage: Rubin's rules by hand, draws that keep what is known, a known truth."""

import numpy as np
import polars as pl
import pytest

from rarecare.errors import ModelError, UsageError
from rarecare.models import explain_differences, impute, rubin
from rarecare.models.imputation import cumulative_hazard
from tests.models.test_decomposition import CHOICES, LEVEL, invented


def test_rubins_rules_by_hand():
    """Estimates 1, 2, 3, variance 0.25 each: B = 1, T = 0.25 + 4/3, df = 2 (T / (4/3))²."""
    pooled = rubin([1.0, 2.0, 3.0], [0.25] * 3)
    total = 0.25 + 4 / 3
    assert pooled.estimate == pytest.approx(2)
    assert pooled.se == pytest.approx(total**0.5)
    assert pooled.df == pytest.approx(2 * (total / (4 / 3)) ** 2)
    assert pooled.missing_information == pytest.approx((4 / 3) / total)
    # t of 2.82 degrees of freedom, by R: qt(0.975, 2.8203125) = 3.30028418
    assert pooled.upper == pytest.approx(2 + 3.30028418 * total**0.5, abs=1e-7)


def test_imputations_that_agree_leave_the_variance_as_it_is():
    pooled = rubin([0.5, 0.5], [0.04, 0.04])
    assert (pooled.se, pooled.missing_information) == (pytest.approx(0.2), 0)


def test_the_cumulative_hazard_by_hand():
    """Three cases: dead on day 1, alive at 2, dead on 3: 1/3, 1/3, 1/3 + 1."""
    cases = pl.DataFrame({"follow_up_days": [1, 2, 3], "died": [True, False, True]})
    assert cumulative_hazard(cases) == pytest.approx([1 / 3, 1 / 3, 4 / 3])


def hidden(cases, seed):
    """Stage unknown more often among the dead, and in country A."""
    rng = np.random.default_rng(seed)
    odds = 0.15 + 0.3 * cases["died"].to_numpy() + 0.2 * (cases["country"] == "A").to_numpy()
    gone = rng.random(cases.height) < odds
    return cases.with_columns(stage=pl.when(pl.Series(~gone)).then("stage"))


def test_what_is_known_stays_and_what_is_unknown_is_drawn():
    cases = hidden(invented(4_000, 1), 2)
    made = impute(cases, "stage", given=["country", "sex"], times=3, seed=1)
    known = cases["stage"].is_not_null()
    for frame in made:
        assert frame["stage"].null_count() == 0
        assert frame.filter(known)["stage"].equals(cases.filter(known)["stage"])
        assert frame.columns == cases.columns
    assert not made[0]["stage"].equals(made[1]["stage"])
    again = impute(cases, "stage", given=["country", "sex"], times=3, seed=1)
    assert all(a.equals(b) for a, b in zip(made, again, strict=True))


def test_imputed_shares_are_the_true_ones_where_complete_cases_are_not():
    """The dead are more often of late stage: to leave out the unknown is to lose late stage."""
    cases = invented(20_000, 3)
    made = impute(hidden(cases, 4), "stage", given=["country", "sex"], times=5)
    for country in "ABCD":
        own = pl.col("country") == country
        truth = (cases.filter(own)["stage"] == "late").mean()
        imputed = np.mean([(frame.filter(own)["stage"] == "late").mean() for frame in made])
        complete = (hidden(cases, 4).filter(own)["stage"].drop_nulls() == "late").mean()
        assert abs(imputed - truth) < 0.02
        assert abs(complete - truth) > 0.02


def test_imputed_and_complete_cases_stand_beside_one_another():
    cases = invented(8_000, 5)
    asked = {"unit": "country", "determinants": {"sex": ["sex"], "stage": ["stage"]},
             "imputations": 4, "bootstrap": 8, **CHOICES}  # fmt: skip
    truth = explain_differences(cases, LEVEL, **asked)
    made = explain_differences(hidden(cases, 6), LEVEL, **asked)
    assert truth.complete_cases is None
    assert (truth.decomposition.imputations, made.decomposition.imputations) == (1, 4)
    assert made.unknown.filter(column="stage")["records"][0] > 1_000
    assert any("stage is unknown for" in note for note in made.provenance.notes)

    def survival(answer, country="D"):
        rows = answer.units.filter(step="stage", country=country, time_years=5)
        return rows["estimate"][0], rows["se"][0]

    known, se = survival(truth.decomposition)
    imputed, wider = survival(made.decomposition)
    assert abs(imputed - known) < 3 * wider
    assert wider > se
    assert abs(survival(made.complete_cases)[0] - known) > abs(imputed - known)


def test_treatment_takes_its_landmark_by_itself():
    cases = invented(3_000, 7).with_columns(treatment="stage")
    made = explain_differences(
        cases, LEVEL, unit="country", determinants={"treatment": ["treatment"]}, bootstrap=0,
        **CHOICES,
    )  # fmt: skip
    assert made.decomposition.landmark == 90
    assert made.provenance.plan["landmark"] == 90


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"given": ["region"]}, UsageError, "no such column"),
        ({"times": 1}, UsageError, "two imputations"),
        ({"given": ["holes"]}, ModelError, "unknown for some cases: got 'holes'"),
        ({"column": "one"}, UsageError, "two levels"),
    ],
)
def test_refusals(change, error, words):
    cases = invented(200, 8).with_columns(
        one=pl.lit("x"), holes=pl.when(pl.col("sex") == "male").then(pl.lit("x"))
    )
    asked = {"column": "stage", "given": ["sex"], "times": 2} | change
    with pytest.raises(error, match=words):
        impute(cases, asked.pop("column"), **asked)


def test_two_unknown_columns_are_refused():
    cases = invented(500, 9).with_columns(
        grade=pl.when(pl.int_range(pl.len()) > 5).then("sex"),
        stage=pl.when(pl.int_range(pl.len()) > 9).then("stage"),
    )
    with pytest.raises(UsageError, match=r"two determinants are unknown.*grade, stage"):
        explain_differences(
            cases, LEVEL, unit="country", determinants={"a": ["grade"], "b": ["stage"]}, **CHOICES
        )
