"""Figures of models: decomposition, funnel, model beside life table."""

import math

import polars as pl
import pytest

from rarecare.errors import ColumnError, UsageError
from rarecare.figures import decomposition_figure, funnel_figure, goodness_figure
from rarecare.figures.plane import Plane, round_ticks


def marks(figure, kind):
    """All rows of one kind of mark, in the drawing."""
    found = []

    def walk(part):
        for layer in part.get("layer", []):
            walk(layer)
        mark = part.get("mark")
        if mark and (mark if isinstance(mark, str) else mark["type"]) == kind:
            look = mark if isinstance(mark, dict) else {}
            found.extend({**look, **row} for row in part["data"]["values"])

    for view in figure.spec["vconcat"]:
        walk(view)
    return found


def texts(figure):
    return [row["text"] for row in marks(figure, "text")]


def dots(figure, shape="circle"):
    return [row for row in marks(figure, "point") if row["shape"] == shape]


STEPS = {"as observed": (0.4, 0.6), "age and sex": (0.45, 0.6), "stage": (0.5, 0.52)}
UNITS = pl.DataFrame(
    [
        {"step": step, "country": country, "time_years": 5.0, "n": 100, "estimate": value,
         "se": 0.02, "lower": value - 0.04, "upper": value + 0.04, "level": 0.95, "status": "ok",
         "reason": None}
        for step, values in STEPS.items()
        for country, value in zip(("Bulgaria", "Finland"), values, strict=True)
    ],
    schema_overrides={"reason": pl.String},
)  # fmt: skip


@pytest.mark.parametrize("width", [600, 340])
def test_decomposition_has_a_panel_per_step_and_a_dot_per_country(width):
    figure = decomposition_figure(UNITS, unit="country", title="T", width=width)
    own = texts(figure)
    for words in ("As observed", "+ age and sex", "+ stage", "spread 20.0 points",
                  "spread 15.0 points", "spread 2.0 points"):  # fmt: skip
        assert words in own
    assert len(dots(figure)) == 6
    assert own.index("Finland") < own.index("Bulgaria")  # the highest first
    assert "Finland 60.0 (56.0 to 64.0)" in figure.description
    if width == 600:  # one row of panels: the same country at one height
        assert len({row["y"] for row in dots(figure)}) == 2
    else:
        assert len({row["y"] for row in dots(figure)}) == 6


def test_decomposition_says_what_is_withheld():
    table = UNITS.with_columns(
        status=pl.when((pl.col("step") == "stage") & (pl.col("country") == "Finland"))
        .then(pl.lit("withheld")).otherwise("status"),
        reason=pl.lit("fewer than 5 cases"),
    )  # fmt: skip
    figure = decomposition_figure(table, unit="country", title="T")
    assert len(dots(figure)) == 5
    assert "Finland: withheld: fewer than 5 cases" in figure.description
    assert "spread not known" in texts(figure)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"unit": "hospital"}, ColumnError, "hospital"),
        ({"time_years": 3}, UsageError, "no rows at this time"),
        ({"width": 200}, UsageError, "too narrow"),
    ],
)
def test_decomposition_refuses(change, error, words):
    with pytest.raises(error, match=words):
        decomposition_figure(UNITS, **({"unit": "country", "title": "T"} | change))


def hospital(name, information, estimate, verdict="within", **more):
    return {
        "hospital": name, "information": information, "time_years": 5.0, "estimate": estimate,
        "lower": estimate - 0.1, "upper": estimate + 0.1, "shrunken": (estimate + 0.5) / 2,
        "centre": 0.5, "verdict": verdict, "level": 0.95, "status": "ok", "reason": None, **more,
    }  # fmt: skip


HOSPITALS = pl.DataFrame(
    [hospital("North", 40.0, 0.45), hospital("South", 160.0, 0.55),
     hospital("West", 160.0, 0.1, "beyond 99.8 %")],
    schema_overrides={"reason": pl.String},
)  # fmt: skip


def test_funnel_limits_by_hand():
    figure = funnel_figure(HOSPITALS, unit="hospital", title="T")
    points = [row for row in marks(figure, "line") if row["strokeDash"] == [6, 4]]
    # North stands where the limits begin; 95 %: 0.5 ** exp(±1.96 / √40)
    lower, upper = (0.5 ** math.exp(sign * 1.959964 / 40**0.5) for sign in (1, -1))
    first = sorted((row for row in points if row["place"] == 0), key=lambda row: row["y"])
    solid = {round(row["y"], 1) for row in dots(figure)}
    # px of two known values give the scale
    high, low = min(solid), max(solid)  # 0.55 and 0.1
    scale = (low - high) / 0.45
    for row, value in zip(first, (upper, lower), strict=True):
        assert row["y"] == pytest.approx(high + (0.55 - value) * scale, abs=0.2)
    assert len(dots(figure)) == 3
    assert len(dots(figure, "diamond")) == 3


def test_funnel_names_those_beyond_and_tells_all():
    figure = funnel_figure(HOSPITALS, unit="hospital", title="T", synthetic=True, width=340)
    own = texts(figure)
    assert "West" in own
    assert "North" not in own
    assert "North 45.0 (35.0 to 55.0), shrunken 47.5, within" in figure.description
    assert "Beyond the limits: West" in figure.description
    assert any("ynthetic" in words for words in own)


def test_funnel_says_who_cannot_be_drawn_and_refuses_when_none_can():
    missing = hospital("East", 9.0, 0.5, status="not estimable", reason="no ratio")
    table = pl.concat([HOSPITALS, pl.DataFrame([missing])])
    figure = funnel_figure(table, unit="hospital", title="T")
    assert "East: not estimable: no ratio" in texts(figure)
    assert len(dots(figure)) == 3
    with pytest.raises(UsageError, match="no unit can be drawn"):
        funnel_figure(pl.DataFrame([missing]), unit="hospital", title="T")


FIT = pl.DataFrame(
    [
        {"stage": stage, "time_years": t, "n": 50, "estimate": s, "lower": s - 0.05,
         "upper": s + 0.05, "model": s - gap, "residual": gap, "standardised": gap / 0.03,
         "level": 0.95, "status": "ok", "reason": None}
        for stage, gap in (("early", 0.01), ("late", -0.04))
        for t, s in ((1.0, 0.8), (5.0, 0.5))
    ],
    schema_overrides={"reason": pl.String},
)  # fmt: skip


@pytest.mark.parametrize("width", [600, 340])
def test_goodness_has_a_panel_per_stratum_and_says_the_largest_gap(width):
    figure = goodness_figure(FIT, by=["stage"], title="T", width=width)
    assert {"Early", "Late"} <= set(texts(figure))
    assert "Late: largest gap 4.0 points, at 1 year" in figure.description
    assert len(dots(figure)) == 4
    tops = {row["y"] for row in dots(figure)}
    assert len(tops) == (2 if width == 600 else 4)
    lines = [row for row in marks(figure, "line") if row["place"] == 0]
    assert len(lines) == 2  # each begins at 100 % at diagnosis


def test_goodness_refuses_too_many():
    many = pl.concat([FIT.with_columns(stage=pl.lit(str(k))).head(1) for k in range(13)])
    with pytest.raises(UsageError, match="too many strata"):
        goodness_figure(many, by=["stage"], title="T")


def test_the_plane_keeps_within_its_edges():
    plane = Plane(None, 10, 20, 100, 50, (0.0, 2.0))
    assert (plane.at_x(1), plane.at_x(5), plane.at_y(0), plane.at_y(1)) == (60, 110, 70, 20)
    assert round_ticks(0.15, 0.55, 5) == [0.2, 0.3, 0.4, 0.5]


def test_drawings_are_whole_and_the_same_each_time(tmp_path):
    for name, figure in (
        ("a", decomposition_figure(UNITS, unit="country", title="T")),
        ("b", funnel_figure(HOSPITALS, unit="hospital", title="T")),
        ("c", goodness_figure(FIT, by=["stage"], title="T")),
    ):
        one = figure.save(tmp_path / f"{name}.svg").read_bytes()
        assert one == figure.save(tmp_path / f"{name}2.svg").read_bytes()
        assert b"<title" in one
        height = figure.spec["vconcat"][-1]["height"]
        assert 0 < height < 40  # nothing empty below
