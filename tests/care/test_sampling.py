"""Samples of cases: by hand, beside R's survey, the slow twin, laws, recovery, bad calls."""

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecare.care.sample_estimates import means, proportions, quantiles, totals
from rarecare.care.sampling import Sample, collected, draw_sample, post_stratify, proportional
from rarecare.errors import CaseError, ColumnError, UsageError
from rarecare.files import Source
from tests.reference import sampling_twin as twin

HERE = Path(__file__).parent / "survey"
SOURCE = Source("cases.csv", "0", 0)


def population(country, **columns):
    n = len(country)
    ids = {"registry": country, "patient_id": [str(i) for i in range(n)], "tumour_id": ["1"] * n}
    return pl.DataFrame(ids | {"country": country} | columns)


def made(table, strata, by=("country",)):
    return Sample(table, strata, by, "by stratum, as told", 1, SOURCE)


def by_hand():
    # stratum 1: 4 cases, 2 drawn, weight 2; stratum 2: 6 cases, 2 drawn, weight 3
    table = pl.DataFrame(
        {
            "country": ["IT", "IT", "SI", "SI"], "stratum": [1, 1, 2, 2],
            "weight": [2.0, 2.0, 3.0, 3.0], "inclusion_probability": [1 / 2, 1 / 2, 1 / 3, 1 / 3],
            "free": [True, False, True, True], "days": [10, 30, 20, 40],
        }
    )  # fmt: skip
    strata = pl.DataFrame(
        {"country": ["IT", "SI"], "stratum": [1, 2], "population": [4, 6], "drawn": [2, 2],
         "collected": [2, 2]}
    )  # fmt: skip
    return made(table, strata)


def test_a_proportion_by_hand():
    row = proportions(by_hand(), "free").table.filter(value="true").row(0, named=True)
    # (2·1 + 3 + 3)/10; u = w(y - p)/10: 0.04, -0.16 | 0.06, 0.06
    assert row["estimate"] == pytest.approx(0.8, rel=1e-12)
    # stratum 1: (1 - 2/4)·2·(0.1² + 0.1²) = 0.02; stratum 2 has no spread
    assert row["se"] == pytest.approx(math.sqrt(0.02), rel=1e-12)
    # 0.8·0.2/0.02 = 8, above a simple random sample's 4/(1 - 4/10)
    assert row["effective_n"] == pytest.approx(4 / 0.6, rel=1e-12)
    z, n, p = 1.959963984540054, 4 / 0.6, 0.8
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert row["lower"] == pytest.approx(middle - half, rel=1e-9)
    assert row["upper"] == pytest.approx(middle + half, rel=1e-9)
    assert (row["n"], row["unknown"], row["population"]) == (4, 0, 10.0)


def test_a_total_and_a_mean_by_hand():
    # N²(1 - f)s²/n: 16·½·½/2 = 2, stratum 2 has none
    row = totals(by_hand(), "free").table.row(0, named=True)
    assert (row["estimate"], row["se"]) == pytest.approx((8.0, math.sqrt(2)), rel=1e-12)
    # (2·40 + 3·60)/10 = 26; s² = 200 in both: 16·½·200/2 + 36·⅔·200/2 = 800 + 2400, over 100
    row = means(by_hand(), "days").table.row(0, named=True)
    assert (row["estimate"], row["se"]) == pytest.approx((26.0, math.sqrt(32)), rel=1e-12)
    # t of 4 - 2 degrees of freedom is 4.3027
    assert row["upper"] - row["estimate"] == pytest.approx(4.302652729911275 * math.sqrt(32))


def test_a_quantile_by_hand():
    # weights 2 3 2 3 at 10 20 30 40: reached 0.2, 0.5, 0.7, 1
    table = quantiles(by_hand(), "days", at=(0.2, 0.21, 0.5, 0.75)).table
    assert table["estimate"].to_list() == [10.0, 20.0, 20.0, 40.0]
    assert table["value"].to_list() == ["0.2", "0.21", "0.5", "0.75"]
    assert (table["lower"] <= table["estimate"]).all()
    assert (table["estimate"] <= table["upper"]).all()


@pytest.fixture(scope="module")
def surveyed():
    table = pl.read_csv(HERE / "sample.csv").with_columns(pl.col("patient_id").cast(pl.String))
    counts = table.group_by("country", "stratum", "population").len("drawn").sort("stratum")
    strata = counts.with_columns(collected="drawn").cast({"drawn": pl.Int64, "collected": pl.Int64})
    plain = made(table.drop("population"), strata)
    return {"plain": plain, "post": post_stratify(plain, HERE / "sex.csv", by=["sex"])}


def test_estimates_are_those_of_r(surveyed):
    # survey.R; the same formulas in double precision: rounding alone
    reference = pl.read_csv(HERE / "survey.csv", schema_overrides={"value": pl.String})
    assert reference.height == 26
    for row in reference.iter_rows(named=True):
        sample = surveyed[row["design"]]
        if row["measure"] == "quantile":
            share = float(row["value"])
            found = quantiles(sample, row["variable"], at=[share]).table.row(0, named=True)
            assert found["estimate"] == row["estimate"]
            continue
        estimator = totals if row["measure"] == "total" else means
        part = [] if row["part"] == "all" else ["sex"]
        table = estimator(sample, row["variable"], by=part).table
        table = table.filter(sex=row["part"]) if part else table
        column = row["measure"] if row["measure"] in ("lower", "upper") else "estimate"
        assert table[column][0] == pytest.approx(row["estimate"], rel=1e-11)
        if row["se"] is not None:
            assert table["se"][0] == pytest.approx(row["se"], rel=1e-11)


def test_true_and_false_as_codes_are_the_mean_of_numbers(surveyed):
    share = proportions(surveyed["plain"], "free").table.filter(value="1").row(0, named=True)
    mean = means(surveyed["plain"], "free").table.row(0, named=True)
    assert (share["estimate"], share["se"]) == pytest.approx((mean["estimate"], mean["se"]))


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(2, 5), st.booleans())
def test_estimates_are_those_of_the_twin(seed, n_strata, lonely):
    rng = np.random.default_rng(seed)
    country = rng.choice([f"C{k}" for k in range(n_strata)], 60).tolist()
    days = [None if rng.random() < 0.2 else float(rng.integers(0, 90)) for _ in country]
    frame = population(country, days=days, free=[d is not None and d < 30 for d in days])
    drawn = draw_sample(frame, by=["country"], each=1 if lonely else 4, seed=seed)
    sizes = {r[0]: (r[1], r[2]) for r in drawn.strata["stratum", "population", "drawn"].rows()}
    w, s = drawn.table["weight"].to_list(), drawn.table["stratum"].to_list()
    y = drawn.table["days"].to_list()
    if all(v is None for v in y):
        assert means(drawn, "days").table["status"][0] == "not estimable"
        return
    point, variance = twin.mean(w, s, y, sizes)
    found = means(drawn, "days").table.row(0, named=True)
    assert found["estimate"] == pytest.approx(point, rel=1e-9)
    if found["se"] is not None:
        assert found["se"] == pytest.approx(math.sqrt(variance), rel=1e-7, abs=1e-9)
    for share in (0.25, 0.5, 0.9):
        table = quantiles(drawn, "days", at=[share]).table
        assert table["estimate"][0] == twin.quantile(w, y, share)
    free = [float(v) for v in drawn.table["free"].to_list()]
    p, variance = twin.mean(w, s, free, sizes)
    row = proportions(drawn, "free").table.filter(value="true")
    if row.height:
        assert row["estimate"][0] == pytest.approx(p, rel=1e-9)
        assert row["se"][0] == pytest.approx(math.sqrt(variance), rel=1e-7, abs=1e-9)


def test_numbers_in_proportion_by_hand():
    # 10 of 90, 9, 1: shares 9, 0.9, 0.1; the small ones get 2 and 1, the large one the rest
    assert proportional(np.array([90, 9, 1]), 10, np.array([2, 2, 1])).tolist() == [7, 2, 1]
    # 7 of 3, 3, 4: 2.1, 2.1, 2.8: the largest remainder is rounded up
    assert proportional(np.array([3, 3, 4]), 7, np.array([1, 1, 1])).tolist() == [2, 2, 3]


@given(st.lists(st.integers(1, 200), min_size=1, max_size=8), st.data())
def test_numbers_in_proportion_add_up(sizes, data):
    n = np.array(sizes)
    fewest = np.minimum(2, n)
    size = data.draw(st.integers(int(fewest.sum()), int(n.sum())))
    found = proportional(n, size, fewest)
    assert found.sum() == size
    assert (found >= fewest).all()
    assert (found <= n).all()


def test_a_draw_keeps_weights_and_does_not_mind_the_order():
    country = ["IT"] * 50 + ["SI"] * 8 + [None] * 3
    frame = population(country).with_columns(registry=pl.lit("R"))
    drawn = draw_sample(frame, by=["country"], size=20)
    # 20·3/61 is below 2; then 18 of 58: 15.52 and 2.48
    assert drawn.strata["drawn"].to_list() == [16, 2, 2]
    assert drawn.strata["country"].to_list() == ["IT", "SI", None]
    assert drawn.table["weight"].sum() == pytest.approx(61)
    assert drawn.table.group_by("stratum").agg(pl.col("weight").sum()).sort("stratum")[
        "weight"
    ].to_list() == pytest.approx([50, 8, 3])
    again = draw_sample(frame.sample(fraction=1, shuffle=True, seed=3), by=["country"], size=20)
    assert again.table.equals(drawn.table)
    other = draw_sample(frame, by=["country"], size=20, seed=7)
    assert not other.table["patient_id"].equals(drawn.table["patient_id"])
    assert drawn.table.select("patient_id").is_duplicated().sum() == 0


def test_so_many_of_each_stratum():
    frame = population(["IT"] * 9 + ["SI"] * 2)
    drawn = draw_sample(frame, by=["country"], each={"IT": 3, "SI": 5})
    assert drawn.strata["drawn"].to_list() == [3, 2]
    assert drawn.table["inclusion_probability"].to_list() == [1 / 3] * 3 + [1.0] * 2
    assert draw_sample(frame, each=4).strata.columns[:2] == ["stratum", "population"]
    assert draw_sample(frame, fraction=1).table.height == 11


def test_all_cases_give_the_population_itself():
    frame = population(["IT"] * 30 + ["SI"] * 10, days=[float(i) for i in range(40)])
    whole = draw_sample(frame, by=["country"], fraction=1)
    row = means(whole, "days").table.row(0, named=True)
    assert (row["estimate"], row["se"], row["lower"]) == (19.5, 0.0, 19.5)
    share = proportions(whole, "country").table
    assert share["lower"].to_list() == share["upper"].to_list() == [0.75, 0.25]
    assert share["effective_n"].to_list() == [None, None]


@settings(max_examples=40)
@given(st.integers(0, 10**6))
def test_parts_add_up(seed):
    rng = np.random.default_rng(seed)
    frame = population(
        rng.choice(["IT", "SI", "NL"], 80).tolist(), sex=rng.choice(["f", "m"], 80).tolist(),
        days=rng.integers(0, 50, 80).tolist(), grade=rng.choice(["1", "2", "3"], 80).tolist(),
    )  # fmt: skip
    drawn = draw_sample(frame, by=["country"], size=25, seed=seed)
    whole = totals(drawn, "days").table["estimate"][0]
    assert totals(drawn, "days", by=["sex"]).table["estimate"].sum() == pytest.approx(whole)
    shares = proportions(drawn, "grade", by=["sex"]).table.group_by("sex").agg(
        pl.col("estimate").sum()
    )  # fmt: skip
    assert shares["estimate"].to_list() == pytest.approx([1.0] * shares.height)
    counts = frame.group_by("country", "sex").len("population")
    if drawn.table.select("country", "sex").unique().height == counts.height:
        post = post_stratify(drawn, counts, by=["country", "sex"])
        known = frame.group_by("sex").len().sort("sex")["len"].to_list()
        found = proportions(post, "sex").table.sort("value")
        assert found["estimate"].to_list() == pytest.approx([k / 80 for k in known])
        # what is known of the population is not uncertain
        assert found["se"].to_list() == pytest.approx([0.0] * found.height, abs=1e-9)


def simulate(draws, seed):
    """Coverage of 95 % limits and bias over so many samples of one population."""
    rng = np.random.default_rng(seed)
    n = 3000
    country = rng.choice(["IT", "NL", "SI", "DE"], n, p=[0.5, 0.25, 0.1, 0.15])
    odds = {"IT": 0.7, "NL": 0.5, "SI": 0.2, "DE": 0.85}
    free = rng.random(n) < np.array([odds[c] for c in country])
    days = np.round(rng.gamma(2, 20, n)) + 20 * (country == "SI")
    frame = population(country.tolist(), free=free.tolist(), days=days.tolist())
    truth = {"share": free.mean(), "mean": days.mean(), "median": np.quantile(
        days, 0.5, method="inverted_cdf")}  # fmt: skip
    covered, sums = dict.fromkeys(truth, 0), dict.fromkeys(truth, 0.0)
    for k in range(draws):
        drawn = draw_sample(frame, by=["country"], each=40, seed=1000 + k)
        for name, result in (
            ("share", proportions(drawn, "free").table.filter(value="true")),
            ("mean", means(drawn, "days").table),
            ("median", quantiles(drawn, "days", at=[0.5]).table),
        ):
            row = result.row(0, named=True)
            covered[name] += row["lower"] <= truth[name] <= row["upper"]
            sums[name] += row["estimate"]
    return (
        truth,
        {k: v / draws for k, v in covered.items()},
        {k: v / draws for k, v in sums.items()},
    )


def test_samples_recover_the_population():
    # 100 draws: coverage of 95 % within 3.5 standard errors (0.022), the mean of draws within 4 %
    truth, coverage, mean = simulate(100, 11)
    for name, value in truth.items():
        assert 0.87 <= coverage[name] <= 1
        assert mean[name] == pytest.approx(value, rel=0.04)


@pytest.mark.slow
def test_limits_hold_their_level():
    # 1 500 draws: standard error of a coverage of 95 % is 0.0056; shares and medians may hold more
    truth, coverage, mean = simulate(1500, 12)
    for name, value in truth.items():
        assert 0.93 <= coverage[name] <= 0.985
        assert mean[name] == pytest.approx(value, rel=0.01)


def test_what_was_not_collected_is_weighted_for():
    frame = population(["IT"] * 20 + ["SI"] * 10)
    drawn = draw_sample(frame, by=["country"], each=5)
    got = drawn.table.group_by("country", maintain_order=True).head(2).select(
        "registry", "patient_id", "tumour_id", margins=pl.lit("R0")
    )  # fmt: skip
    back = collected(drawn, got)
    assert back.table["weight"].to_list() == [10.0, 10.0, 5.0, 5.0]
    assert back.strata["collected"].to_list() == [2, 2]
    assert back.table["inclusion_probability"].to_list() == [0.25, 0.25, 0.5, 0.5]
    assert "6 of 10 cases drawn were not collected" in back.notes[0]
    result = proportions(back, "margins", by=["country"])
    assert result.table["population"].to_list() == [20.0, 10.0]
    assert back.notes[0] in result.provenance.notes
    part = collected(drawn, got.filter(registry="IT"))
    assert "1 strata with 10 cases have no data" in part.notes[-1]
    assert totals(part.__class__(part.table.with_columns(one=pl.lit(1)), part.strata, part.by,
        part.allocation, part.seed, part.source), "one").table["estimate"][0] == 20.0  # fmt: skip


def test_unknown_values_are_left_out_and_counted():
    sample = by_hand()
    table = sample.table.with_columns(days=pl.Series([10, None, 20, None]))
    sample = made(table, sample.strata)
    row = means(sample, "days").table.row(0, named=True)
    assert row["estimate"] == pytest.approx((2 * 10 + 3 * 20) / 5)
    assert (row["n"], row["unknown"], row["population"]) == (2, 2, 5.0)
    result = totals(sample, "days")
    assert result.table["estimate"][0] == 80.0
    assert "unknown days count as nothing" in result.provenance.notes[-1]
    assert result.provenance.exclusions.row(0) == ("days unknown", 2)


def test_where_nothing_is_known_nothing_is_estimated():
    sample = by_hand()
    sample = made(sample.table.with_columns(days=pl.lit(None, pl.Float64)), sample.strata)
    for result in (means(sample, "days"), quantiles(sample, "days"), proportions(sample, "days")):
        assert set(result.table["status"]) == {"not estimable"}
        assert result.table["estimate"].null_count() == result.table.height
        assert set(result.table["reason"]) == {"no one with a known value"}


def test_a_share_of_none_and_of_all_has_limits():
    sample = by_hand()
    sample = made(sample.table.with_columns(free=pl.lit(value=True)), sample.strata)
    row = proportions(sample, "free").table.row(0, named=True)
    assert (row["estimate"], row["upper"], row["se"]) == (1.0, 1.0, 0.0)
    # Kish: 10²/(4 + 4 + 9 + 9), over the share not drawn
    n = 100 / 26 / 0.6
    assert row["effective_n"] == pytest.approx(n)
    assert row["lower"] == pytest.approx(1 / (1 + 1.959963984540054**2 / n), rel=1e-9)


CASES = population(["IT"] * 6 + ["SI"] * 4, days=list(range(10)))


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: draw_sample(CASES), UsageError, "one of size, fraction, each"),
        (lambda: draw_sample(CASES, size=3, each=1), UsageError, "one of size, fraction, each"),
        (lambda: draw_sample(CASES, size=11), UsageError, "allowed: 2 to 10"),
        (lambda: draw_sample(CASES, by=["country"], size=3), UsageError, "allowed: 4 to 10"),
        (lambda: draw_sample(CASES, size=3, least=0), UsageError, "so many cases cannot be drawn"),
        (lambda: draw_sample(CASES, fraction=0.0), UsageError, "this is no share"),
        (lambda: draw_sample(CASES, fraction=1.5), UsageError, "this is no share"),
        (lambda: draw_sample(CASES, each=0), UsageError, "cannot be weighted back"),
        (
            lambda: draw_sample(CASES, by=["country"], each={"IT": 1, "SL": 1}),
            UsageError, "a stratum is not among the cases: got 'SL'; allowed: IT, SI",
        ),
        (
            lambda: draw_sample(CASES, by=["country"], each={"IT": 1}),
            UsageError, "a stratum has no number: got 'SI'",
        ),
        (lambda: draw_sample(CASES, by=["contry"], size=5), ColumnError, "Did you mean 'country'"),
        (lambda: draw_sample(pl.concat([CASES, CASES]), size=5), CaseError, "stands twice"),
        (
            lambda: draw_sample(CASES.with_columns(weight=1.0), size=5),
            ColumnError, "a sample makes itself",
        ),
        (lambda: collected(draw_sample(CASES, size=5), CASES), CaseError, "not of the sample"),
        (
            lambda: collected(draw_sample(CASES, size=10), pl.concat([CASES, CASES])),
            CaseError, "a record stands twice",
        ),
        (
            lambda: collected(draw_sample(CASES, size=5), pl.DataFrame({"registry": ["IT"]})),
            ColumnError, "no column patient_id",
        ),
        (lambda: means(by_hand(), "country"), UsageError, "country is no number"),
        (lambda: means(by_hand(), "dais"), ColumnError, "Did you mean 'days'"),
        (lambda: means(by_hand(), "days", level=2), UsageError, "level"),
        (lambda: quantiles(by_hand(), "days", at=[1.0]), UsageError, "above 0, below 1"),
        (lambda: proportions(by_hand(), "free", by=["weigth"]), ColumnError, "weight"),
        (
            lambda: proportions(
                made(by_hand().table.with_columns(n=pl.lit(1)), by_hand().strata), "free", by=["n"]
            ),
            UsageError, "a name of the result",
        ),
        (
            lambda: post_stratify(by_hand(), pl.DataFrame({"country": ["IT"], "population": [4]}),
                                  by=["country"]),
            UsageError, "a group of the sample has no total: got 'country SI'",
        ),
        (
            lambda: post_stratify(
                by_hand(), pl.DataFrame({"country": ["IT", "SI", "NL"], "population": [4, 6, 2]}),
                by=["country"],
            ),
            UsageError, "no one in the sample: got 'country NL'",
        ),
        (
            lambda: post_stratify(
                by_hand(), pl.DataFrame({"country": ["IT", "IT"], "population": [4, 6]}),
                by=["country"],
            ),
            UsageError, "stands twice",
        ),
        (lambda: post_stratify(by_hand(), pl.DataFrame(), by=[]), UsageError, "need a column"),
        (
            lambda: post_stratify(by_hand(), pl.DataFrame({"country": ["IT"]}), by=["country"]),
            ColumnError, "the totals have no column population",
        ),
    ],
)  # fmt: skip
def test_bad_calls_say_what_is_amiss(call, error, said):
    with pytest.raises(error, match=said):
        call()
