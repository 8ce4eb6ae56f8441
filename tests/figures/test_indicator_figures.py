"""Figures of indicators: what is drawn and said, at both widths, and wrong tables."""

import re

import polars as pl
import pytest

from rarecare.care.comparison import funnel_curve, indicator_funnel
from rarecare.errors import ColumnError, UsageError
from rarecare.figures.indicator_funnel import indicator_funnel_figure
from rarecare.figures.indicators import indicator_figure
from rarecare.figures.ranks import ranks_figure
from tests.figures.test_model_figures import dots, marks


def texts(figure):
    """All texts drawn, those of marked lines too."""
    own = [row["text"] for row in marks(figure, "text") if "text" in row]
    return own + re.findall(r"'text': \{'value': '([^']*)'\}", str(figure.spec))


def row(country, estimate, **more):
    shown = estimate is not None
    return {
        "country": country, "indicator": "D4", "title": "Confirmation to treatment",
        "measure": "median", "category": None, "denominator": 50 if shown else 0, "unknown": 5,
        "estimate": estimate, "lower": estimate - 4 if shown else None,
        "upper": estimate + 4 if shown else None, "level": 0.95, "unit": "days",
        "threshold": 30.0, "direction": "lower", "sureness": "P", "source": "the poster",
        "threshold_source": "D: own default", "status": "ok" if shown else "not estimable",
        "reason": None if shown else "no case is concerned",
    } | more  # fmt: skip


TABLE = pl.DataFrame([row("IT", 28.5), row("NL", 41.0), row("SI", None)])
PUBLISHED = pl.DataFrame(
    {"indicator": ["D4", "X"], "measure": ["median", ""], "value": [32.0, 5.0],
     "unit": ["days", "percent"], "lower": [19.0, None], "upper": [46.0, None],
     "limits": ["quartiles", ""], "population": ["Belgium 2009-14", "p"], "source": ["doi", "s"],
     "sureness": "X"}
)  # fmt: skip
SHARES = TABLE.with_columns(
    measure=pl.lit("share"), unit=pl.lit("share"), threshold=pl.lit(0.8),
    estimate=pl.col("estimate") / 100, lower=pl.col("lower") / 100, upper=pl.col("upper") / 100,
)  # fmt: skip
UNITS = pl.DataFrame({"hospital": [f"H{k}" for k in range(20)] + ["empty"],
                      "numerator": [10] * 18 + [0, 20, 0],
                      "denominator": [20] * 20 + [0]})  # fmt: skip


def drawn(table=TABLE, **choices):
    return indicator_figure(table, **({"indicator": "D4", "by": ["country"]} | choices))


@pytest.mark.parametrize("width", [600, 340])
def test_a_dot_for_each_country_the_threshold_and_what_is_published(width):
    figure = drawn(comparators=PUBLISHED, width=width)
    own = texts(figure)
    joined = " ".join(own)
    assert "Threshold 30 days" in own
    assert "28.5 (24.5–32.5)" in own
    assert "Belgium 2009-14" in joined.replace("\n", " ")
    assert "41 (37 to 45)" in figure.description
    assert "SI: not estimable: no case is concerned" in figure.description
    assert "Published: 32 days (quartiles 19–46); median, Belgium 2009-14; doi." in (
        figure.description
    )
    assert "lower is better" in figure.description
    assert "own default" in figure.description
    assert "5 %" not in figure.description.split("Answer")[0]  # the other indicator's value
    assert "Answer not known, left out: IT 9 %, NL 9 %, SI 100 %." in figure.description


def test_shares_are_in_percent():
    figure = drawn(SHARES)
    assert "Threshold 80 %" in texts(figure)
    assert "41 (37 to 45)" in figure.description
    assert "Share (%)" in texts(figure)


def test_one_category_of_a_distribution():
    table = pl.concat([SHARES.with_columns(category=pl.lit(name)) for name in ("R0", "R1")])
    assert "Share R1 (%)" in texts(drawn(table, category="R1"))
    with pytest.raises(UsageError, match=r"one category at a time.*allowed: R0, R1"):
        drawn(table)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"indicator": "D5"}, UsageError, "there is no such indicator"),
        ({"measure": "mean"}, UsageError, "no such measure"),
        ({"table": TABLE.drop("source")}, ColumnError, "source"),
        ({"table": pl.concat([TABLE, TABLE])}, UsageError, "several rows"),
        ({"table": TABLE[:0]}, UsageError, "nothing to draw"),
        ({"width": 100}, UsageError, "too narrow"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_named(change, error, words):
    change = dict(change)
    with pytest.raises(error, match=words):
        drawn(change.pop("table", TABLE), **change)


def funnel(width=600, **choices):
    found = indicator_funnel(UNITS, unit="hospital", **choices)
    return indicator_funnel_figure(found.table, unit="hospital", curve=funnel_curve(found.table),
                                   title="T", width=width)  # fmt: skip


@pytest.mark.parametrize("width", [600, 340])
def test_a_dot_for_each_hospital_and_names_of_those_beyond(width):
    figure = funnel(width)
    own = texts(figure)
    assert len(dots(figure)) == 20
    assert {"H18", "H19", "All"} <= set(own)
    assert "H3" not in own
    assert "Beyond the limits: H18, H19." in figure.description
    assert "empty: not estimable: no case in the denominator" in " ".join(own)
    assert len(marks(figure, "line")) > 0


def test_the_middle_is_called_what_it_is():
    assert "Target" in texts(funnel(target=0.6))
    assert "All" not in texts(funnel(target=0.6))


def test_the_result_draws_its_own_funnel():
    for dispersion in ("none", "multiplicative", "additive"):
        found = indicator_funnel(UNITS, unit="hospital", dispersion=dispersion)
        assert "over-dispersion" in " ".join(texts(found.plot(title="T"))) or dispersion == "none"


def test_wrong_funnels_are_named():
    found = indicator_funnel(UNITS, unit="hospital").table
    curve = funnel_curve(found)
    with pytest.raises(ColumnError, match="upper_998"):
        indicator_funnel_figure(found, unit="hospital", curve=curve.drop("upper_998"), title="T")
    none = found.with_columns(status=pl.lit("withheld"))
    with pytest.raises(UsageError, match="no unit can be drawn"):
        indicator_funnel_figure(none, unit="hospital", curve=curve, title="T")


RANKS = pl.DataFrame(
    {"hospital": ["B", "A", "D", "C"], "n": [30, 20, 9, 40], "rank": [2, 1, 4, 3],
     "rank_lower": [1, 1, 2, 2], "rank_upper": [3, 1, 4, 4], "level": 0.95, "status": "ok"}
)  # fmt: skip


@pytest.mark.parametrize("width", [600, 340])
def test_ranks_stand_in_their_order_each_with_its_interval(width):
    figure = ranks_figure(RANKS, unit="hospital", title="T", width=width)
    own = texts(figure)
    assert [words for words in own if words in set("ABCD")] == ["A", "B", "C", "D"]
    for said in ("1 (1–1)", "2 (1–3)", "3 (2–4)", "4 (2–4)", "Rank among 4"):
        assert said in own
    found = {row["stratum"]: row for row in marks(figure, "point")}
    for row in RANKS.iter_rows(named=True):
        drawn_row = found[row["hospital"]]
        assert drawn_row["estimate"] == row["rank"]
        assert (drawn_row["lower"], drawn_row["upper"]) == (row["rank_lower"], row["rank_upper"])
    assert "B: 2 (1 to 3)." in figure.description
    # A is surely first; the last of the others may be second
    assert "first or the last quarter with the whole interval: 1 of 4" in " ".join(own)


def test_ranks_refuse():
    with pytest.raises(ColumnError, match="rank_lower"):
        ranks_figure(RANKS.drop("rank_lower"), unit="hospital", title="T")
    with pytest.raises(UsageError, match="one place of the figure"):
        ranks_figure(pl.concat([RANKS, RANKS]), unit="hospital", title="T")
    with pytest.raises(UsageError, match="too narrow"):
        ranks_figure(RANKS, unit="hospital", title="T", width=200)
