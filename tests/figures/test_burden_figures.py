"""Figures of the burden: age curves, trends, Lexis maps, prevalence, projections, maps."""

import itertools
import json
import math
import re
import xml.etree.ElementTree as ET

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecare import Population, read_cases
from rarecare.errors import CodeError, ColumnError, UsageError
from rarecare.figures import (
    SYNTHETIC,
    age_curve_figure,
    country_map,
    fan,
    lexis_figure,
    prevalence_bars,
    trend_figure,
)
from rarecare.figures.country_map import _Frame, clipped, projected
from rarecare.figures.lexis import SEQUENTIAL, classes, colour_of, hatching
from rarecare.figures.look import text_width
from rarecare.figures.trend import said_change
from rarecare.prevalent.prevalence import prevalence
from rarecare.projection.project import project
from rarecare.rates.estimate import incidence
from rarecare.rates.trend import trend
from rarecare.results import OWN_WITHHELD

SVG = "{http://www.w3.org/2000/svg}"
LABEL = "New cases per 100 000 person-years"
TYPES = {
    **dict.fromkeys(("estimate", "lower", "upper", "level", "fitted"), pl.Float64),
    "reason": pl.String,
}


def frame(rows):
    known = {name: kind for name, kind in TYPES.items() if name in rows[0]}
    return pl.DataFrame(rows, schema_overrides=known)


def row(estimate, *, lower=None, upper=None, status="ok", reason=None, **more):
    """A row of a public table: limits 20 % to either side unless told."""
    ok = estimate is not None
    return {
        **more, "estimate": estimate, "lower": 0.8 * estimate if ok and lower is None else lower,
        "upper": 1.2 * estimate if ok and upper is None else upper, "level": 0.95,
        "status": status, "reason": reason,
    }  # fmt: skip


def withheld(**more):
    return row(None, status="withheld", reason="fewer than 5 cases", **more)


def marks(figure, kind, part=None):
    """All rows of one kind of mark, each with the look of its mark."""
    found = []
    part = {"vconcat": figure.spec["vconcat"]} if part is None else part
    for layer in (*part.get("vconcat", ()), *part.get("hconcat", ()), *part.get("layer", ())):
        found += marks(figure, kind, layer)
    mark = part.get("mark")
    if mark and mark["type"] == kind:
        found += [{**mark, **own} for own in part["data"]["values"]]
    return found


def texts(figure):
    return [own["text"] for own in marks(figure, "text")]


def said(figure):
    """All that is written in the drawing, as one text."""
    return " ".join(texts(figure)).replace("\n", " ")


def scale(a, b):
    """The straight line through two known places, as (value, px)."""
    (v, p), (w, q) = a, b
    return lambda value: p + (value - v) * (q - p) / (w - v)


# ---------------------------------------------------------------- tables


def ages(*rates, sex="male", start=0):
    return [
        withheld(sex=sex, age_group=group)
        if rate is None
        else row(rate, sex=sex, age_group=group, n=10)
        for group, rate in zip(
            [f"{a}-{a + 4}" for a in range(start, start + 5 * len(rates), 5)], rates, strict=True
        )
    ]


AGES = frame([*ages(1.0, 2.0, 4.0, 8.0), *ages(2.0, None, 2.0, 2.0, sex="female")])


def draw_ages(table=AGES, **more):
    return age_curve_figure(table, **{"by": ["sex"], "value_label": LABEL, "title": "T"} | more)


RATES = frame([row(4.0 + 0.5 * k, year=2000 + k) for k in range(9)])
FITTED = frame([{"year": 2000 + k, "fitted": 4.0 + 0.5 * k} for k in range(9)])
CHANGES = frame(
    [row(4.21, lower=3.94, upper=4.5, first=2000, last=2003),
     row(-0.52, lower=-1.26, upper=0.23, first=2003, last=2008)]
)  # fmt: skip


def draw_trend(table=RATES, *, fitted=FITTED, changes=CHANGES, by=(), **more):
    choices = {"value_label": LABEL, "title": "T"} | more
    return trend_figure(table, fitted=fitted, changes=changes, by=list(by), **choices)


def cells():
    """Three ages in two periods, rates 1 to 5, and one cell without person-years."""
    rates = {("0-9", "2000-2004"): 1.0, ("10-19", "2000-2004"): 2.0, ("20+", "2000-2004"): 3.0,
             ("0-9", "2005-2014"): 4.0, ("10-19", "2005-2014"): 5.0}  # fmt: skip
    rows = [row(rate, age_group=a, period=p, person_years=1e5) for (a, p), rate in rates.items()]
    none = row(None, status="not estimable", reason="no person-years", age_group="20+",
               period="2005-2014", person_years=0.0)  # fmt: skip
    return [*rows, none]


def draw_lexis(rows=None, **more):
    table = frame(cells() if rows is None else rows)
    return lexis_figure(table, **{"value_label": LABEL, "title": "T"} | more)


def windows(stratum="male", **estimates):
    names = {"one": "0-1", "three": "0-3", "five": "0-5", "ten": "0-10", "complete": "complete"}
    return [
        withheld(sex=stratum, window=names[name])
        if value is None
        else row(value, sex=stratum, window=names[name])
        for name, value in estimates.items()
    ]


ALIVE = "Persons alive on 1 January 2017"
BOTH = frame(
    [*windows(one=400.0, three=1000.0, five=1600.0, ten=2800.0, complete=6000.0),
     *windows("female", one=300.0, three=900.0, five=1500.0, ten=2500.0, complete=None)]
)  # fmt: skip


def draw_bars(table=BOTH, **more):
    return prevalence_bars(table, **{"by": ["sex"], "value_label": ALIVE, "title": "T"} | more)


def periods(*values, first=1990, **more):
    return [
        withheld(period=f"{a}-{a + 4}", first=a, last=a + 4, **more)
        if value is None
        else row(value, period=f"{a}-{a + 4}", first=a, last=a + 4, **more)
        for a, value in zip(range(first, first + 5 * len(values), 5), values, strict=True)
    ]


def projection(*values, first=2005, reason="", **more):
    """Bands of 10, 20 and 40 % to either side at the levels 50, 80 and 95 %."""
    rows = []
    for level, share in ((0.95, 0.4), (0.8, 0.2), (0.5, 0.1)):
        for own in periods(*values, first=first, **more):
            value = own["estimate"]
            limits = {"lower": value * (1 - share), "upper": value * (1 + share)}
            rows.append(own | limits | {"level": level, "reason": reason})
    return rows


OBSERVED, AHEAD = frame(periods(100.0, 120.0, 110.0)), frame(projection(130.0, 140.0, reason="few"))


def draw_fan(table=AHEAD, observed=OBSERVED, **more):
    choices = {"value_label": "New cases per year", "title": "T"} | more
    return fan(table, observed, **choices)


RAW = frame(
    [row(2.0, area="IE"), row(8.0, area="PT"), row(5.0, area="ES"), row(5.5, area="FRA"),
     withheld(area="LU"), row(None, status="not estimable", reason="no rate", area="FI")]
)  # fmt: skip
SHRUNKEN = RAW.with_columns(pl.col("estimate", "lower", "upper") / 2 + 2.5)


def draw_map(table=RAW, **more):
    return country_map(table, **{"value_label": LABEL, "title": "T"} | more)


FIGURES = {
    "ages": draw_ages,
    "ages, log": lambda **more: draw_ages(log=True, **more),
    "trend": draw_trend,
    "Lexis": draw_lexis,
    "prevalence": draw_bars,
    "windows": lambda **more: draw_bars(
        BOTH.filter(pl.col("window").is_in(["0-3", "0-1"])), **more
    ),
    "fan": draw_fan,
    "map": draw_map,
    "maps": lambda **more: draw_map(beside=SHRUNKEN, **more),
}
every_figure = pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)


# ---------------------------------------------------------------- all of them


@every_figure
@pytest.mark.parametrize("width", [340, 600])
def test_the_drawing_is_as_wide_as_asked_and_its_text_12_px(draw, width):
    root = ET.fromstring(draw(width=width, synthetic=True, note="A source. " * 12).to_svg())
    assert float(root.get("width")) == width
    for node in root.iter(f"{SVG}text"):
        assert float(node.get("font-size").removesuffix("px")) >= 12


@every_figure
def test_what_is_written_around_the_drawing(draw):
    figure = draw(synthetic=True, subtitle="Europe, 2010", note="Source: a registry")
    assert {SYNTHETIC, "Europe, 2010", "Source: a registry", "T"} <= set(texts(figure))
    assert figure.description.startswith(SYNTHETIC)
    assert SYNTHETIC not in said(draw())


@every_figure
def test_nothing_is_fetched_and_the_same_rows_give_the_same_bytes(draw):
    spec = json.dumps(draw().spec)
    assert "url" not in spec
    assert "http" not in spec.replace(draw().spec["$schema"], "")
    assert draw().to_svg() == draw().to_svg()


@every_figure
@pytest.mark.parametrize("width", [340, 600])
def test_no_text_lies_on_another(draw, width):
    for part in draw(width=width, synthetic=True).spec["vconcat"]:
        boxes = []
        for own in marks(None, "text", {"layer": [part]}):
            if not {"x", "y"} <= own.keys():
                continue
            wide = 0.85 * text_width(own["text"])  # it is on the wide side
            x = own["x"] - {"left": 0, "center": 0.5, "right": 1}[own["align"]] * wide
            boxes.append((x, own["y"] - 9, x + wide, own["y"] + 1, own["text"]))
        for a, b in itertools.combinations(boxes, 2):
            beside = a[2] <= b[0] or b[2] <= a[0]
            assert beside or a[3] <= b[1] or b[3] <= a[1], (a, b)


@every_figure
def test_too_narrow_is_refused(draw):
    with pytest.raises(UsageError, match="too narrow to read"):
        draw(width=200)


@pytest.mark.parametrize(
    ("draw", "table", "column"),
    [
        (draw_ages, AGES, "age_group"), (draw_ages, AGES, "lower"), (draw_trend, RATES, "year"),
        (draw_bars, BOTH, "window"), (draw_fan, AHEAD, "first"), (draw_map, RAW, "area"),
        (draw_map, RAW, "status"),
    ],
)  # fmt: skip
def test_a_missing_column_is_named_and_an_empty_table_refused(draw, table, column):
    with pytest.raises(ColumnError, match=f"got '{column}'"):
        draw(table.drop(column))
    with pytest.raises(UsageError, match="nothing to draw"):
        draw(table.clear())


@pytest.mark.parametrize(
    ("draw", "table"),
    [(draw_ages, AGES), (draw_trend, RATES), (draw_bars, BOTH), (draw_fan, AHEAD), (draw_map, RAW)],
)
def test_two_rows_on_one_place_are_refused(draw, table):
    with pytest.raises(UsageError, match="several rows of the table fall on one place"):
        draw(pl.concat([table, table]))


@pytest.mark.parametrize(
    ("draw", "table"),
    [(draw_ages, AGES), (draw_trend, RATES), (draw_bars, BOTH), (draw_map, RAW)],
)
def test_nothing_but_withheld_is_refused(draw, table):
    with pytest.raises(UsageError, match=r"allowed: (one or more|status ok)"):
        draw(table.with_columns(status=pl.lit("withheld")))


# ---------------------------------------------------------------- ages


@pytest.mark.parametrize("width", [340, 600])
def test_rates_stand_in_the_middle_of_their_ages(width):
    line = [p for p in marks(draw_ages(width=width), "line") if p["stratum"] == "Male"]
    assert [(p["x"], p["y"]) for p in line] == [(2.5, 1), (7.5, 2), (12.5, 4), (17.5, 8)]


def test_withheld_ages_break_the_line_and_are_said():
    figure = draw_ages()
    line = [p for p in marks(figure, "line") if p["stratum"] == "Female"]
    assert {p["x"]: p["run"] for p in line} == {2.5: 0, 12.5: 1, 17.5: 1}
    words = "Not shown: Female, ages 5-9, withheld: fewer than 5 cases."
    assert words in texts(figure)
    assert words in figure.description
    assert "Male: highest at ages 15-19, 8.00 (6.40 to 9.60); lowest at ages 0-4, 1.00" in (
        figure.description
    )


def test_ages_that_have_no_row_break_the_line():
    figure = draw_ages(frame([*ages(1.0, 2.0), *ages(3.0, 4.0, start=15)]))
    assert [p["run"] for p in marks(figure, "line")] == [0, 0, 1, 1]


def test_a_log_axis_has_equal_steps_for_equal_ratios_and_says_rates_of_0():
    figure = draw_ages(frame([*ages(1.0, 0.0, 10.0, 100.0)]), log=True)
    y = {p["x"]: p["y"] for p in marks(figure, "point") if "stratum" in p}
    assert y[17.5] - y[12.5] == pytest.approx(y[12.5] - y[2.5])
    assert "Not shown: Male, ages 5-9, rate 0, which a log axis does not have." in texts(figure)
    axis = figure.spec["vconcat"][1]["layer"][0]["layer"][0]["encoding"]["y"]
    low, high = axis["scale"]["domain"]
    # labels are 10 to the power of a thousandth
    ticks = [10 ** (tick / 1000) for tick in axis["axis"]["values"]]
    assert ticks == pytest.approx([1, 2, 5, 10, 20, 50, 100], rel=1e-3)  # ticks have 3 digits
    assert low < y[2.5] < y[17.5] < high
    assert {"1", "20", "100"} <= set(ET.fromstring(figure.to_svg()).itertext())


def test_a_band_is_cut_at_the_foot_of_a_log_axis():
    rows = ages(1.0, 2.0, 4.0)
    rows[0] |= {"lower": 0.0}
    figure = draw_ages(frame(rows), log=True)
    low = figure.spec["vconcat"][1]["layer"][0]["layer"][0]["encoding"]["y"]["scale"]["domain"][0]
    band = {p["x"]: p["lower"] for p in marks(figure, "area")}
    assert band[2.5] == pytest.approx(low, abs=1e-4)
    assert band[12.5] == pytest.approx(1000 * math.log10(3.2), abs=1e-4)


def test_the_open_group_is_as_wide_as_the_one_before():
    rows = [*ages(1.0, 2.0), row(3.0, sex="male", age_group="10+")]
    assert max(p["x"] for p in marks(draw_ages(frame(rows)), "line")) == 12.5


def test_ages_that_are_none_are_refused():
    with pytest.raises(UsageError, match=r"no age group: got 'all'.*single age groups only"):
        draw_ages(frame([*ages(1.0), row(2.0, sex="male", age_group="all")]))


# ---------------------------------------------------------------- trend


def test_the_annual_change_in_words():
    rows = CHANGES.to_dicts()
    assert said_change(rows[0]) == ["+4.2% a year", "(3.9 to 4.5)", "2000-2003"]
    assert said_change(rows[1]) == ["\u22120.5% a year", "(\u22121.3 to 0.2)", "2003-2008"]
    none = rows[0] | {"estimate": -0.04, "lower": None}
    assert said_change(none) == ["0.0% a year", "2000-2003"]


@pytest.mark.parametrize("width", [340, 600])
def test_dots_whiskers_line_and_joinpoint_lie_on_one_scale(width):
    figure = draw_trend(width=width)
    dots = sorted(
        (p for p in marks(figure, "point") if p["shape"] == "circle"), key=lambda p: p["x"]
    )
    across = scale((2000, dots[0]["x"]), (2008, dots[8]["x"]))
    up = scale((4.0, dots[0]["y"]), (8.0, dots[8]["y"]))
    for k, dot in enumerate(dots):
        assert dot["x"] == pytest.approx(across(2000 + k), abs=0.1)
        assert dot["y"] == pytest.approx(up(4 + 0.5 * k), abs=0.1)
    [joint] = [p for p in marks(figure, "point") if p["shape"] == "diamond"]
    assert (joint["x"], joint["y"]) == pytest.approx((across(2003), up(5.5)), abs=0.1)
    line = marks(figure, "line")
    assert [p["y"] for p in line] == pytest.approx([up(4 + 0.5 * k) for k in range(9)], abs=0.1)
    whisker = min((p for p in marks(figure, "rule") if "x2" not in p), key=lambda p: p["x"])
    assert sorted((whisker["y"], whisker["y2"])) == pytest.approx([up(4.8), up(3.2)], abs=0.2)


def test_changes_stand_above_their_years():
    figure = draw_trend()
    where = {p["text"]: p["x"] for p in marks(figure, "text")}
    dots = sorted(p["x"] for p in marks(figure, "point") if p["shape"] == "circle")
    # halfway between 2000 and 2003, and between 2003 and 2008
    assert where["+4.2% a year"] == pytest.approx((dots[0] + dots[3]) / 2, abs=0.2)
    assert where["\u22120.5% a year"] == pytest.approx((dots[3] + dots[8]) / 2, abs=0.2)
    assert where["2000-2003"] == where["(3.9 to 4.5)"] == where["+4.2% a year"]


def test_changes_that_do_not_fit_are_numbered():
    four = frame([row(1.0 + k, first=2000 + 2 * k, last=2002 + 2 * k) for k in range(4)])
    figure = draw_trend(changes=four, width=340)
    assert {"1", "2", "3", "4", "2: +2.0% a year (1.6 to 2.4), 2002-2004"} <= set(texts(figure))
    assert len([p for p in marks(figure, "point") if p["shape"] == "diamond"]) == 3


def test_a_single_segment_has_one_sentence_and_no_joinpoint():
    figure = draw_trend(changes=CHANGES[:1])
    assert "+4.2% a year (3.9 to 4.5), 2000-2003" in texts(figure)
    assert not [p for p in marks(figure, "point") if p["shape"] == "diamond"]
    assert "joinpoint" not in said(figure)


def test_the_description_says_whether_it_may_be_no_change():
    text = draw_trend().description
    assert "All: +4.2% a year (3.9 to 4.5), 2000-2003." in text
    assert "(\u22121.3 to 0.2), 2003-2008; it may be no change." in text
    assert "4.00 (3.20 to 4.80) in 2000 and 8.00 (6.40 to 9.60) in 2008" in text


def test_years_that_are_withheld_have_no_dot():
    rows = RATES.to_dicts()
    rows[4] = withheld(year=2004)
    figure = draw_trend(frame(rows))
    assert len([p for p in marks(figure, "point") if p["shape"] == "circle"]) == 8
    assert "Not shown: 2004, withheld: fewer than 5 cases." in texts(figure)


def test_strata_without_a_line_say_so_and_far_levels_have_axes_of_their_own():
    both = pl.concat([RATES.with_columns(sex=pl.lit("male")),
                      RATES.with_columns(pl.col("estimate", "lower", "upper") * 10,
                                         sex=pl.lit("female"))])  # fmt: skip
    male = pl.lit("male")
    figure = draw_trend(both, fitted=FITTED.with_columns(sex=male),
                        changes=CHANGES.with_columns(sex=male), by=["sex"])  # fmt: skip
    assert {"Male", "Female", "Female: no line was fitted."} <= set(texts(figure))
    assert "each panel has its own axis" in said(figure)
    tops = [
        min(p["y"] for p in marks(figure, "point") if p["shape"] == "circle" and near(p["x"]))
        for near in (lambda x: x < 286, lambda x: x > 286)
    ]
    assert tops[0] == pytest.approx(tops[1], abs=0.1)
    alike = both.with_columns(pl.when(pl.col("sex") == "female").then(pl.col("estimate") / 5)
                              .otherwise("estimate").alias("estimate"))  # fmt: skip
    alike = alike.with_columns(lower="estimate", upper="estimate")
    shared = draw_trend(alike, fitted=FITTED.clear(), changes=CHANGES.clear(), by=["sex"])
    assert "its own axis" not in said(shared)


def test_an_interval_beyond_the_axis_is_said():
    rows = RATES.to_dicts()
    rows[0]["upper"] = 100.0
    assert "Intervals are cut where they go past the axis." in texts(draw_trend(frame(rows)))
    assert "Intervals are cut" not in said(draw_trend())


def test_too_many_strata_are_refused():
    many = pl.concat([RATES.with_columns(area=pl.lit(str(k))) for k in range(13)])
    with pytest.raises(UsageError, match="too many strata for one figure: got 13"):
        draw_trend(many, fitted=FITTED.clear(), changes=CHANGES.clear(), by=["area"])


# ---------------------------------------------------------------- Lexis


def test_classes_by_hand():
    assert classes([1, 2, 3, 4, 5]) == [2, 3, 5]  # factor 5: sixths at 1, 2, 3, 4, 5, rounded
    assert classes([40, 41, 52, 64]) == [45, 50, 55, 60]
    assert classes([3.0, 3.0]) == []
    assert colour_of(1.9, [2, 3, 5]) == SEQUENTIAL[0]
    assert colour_of(2.0, [2, 3, 5]) == SEQUENTIAL[2]  # four classes: 0, 5/3, 10/3, 5 of 5
    assert colour_of(9.0, [2, 3, 5]) == SEQUENTIAL[5]


@given(st.lists(st.floats(0, 1e6).filter(lambda v: v == 0 or v > 1e-6), min_size=2, max_size=60))
def test_classes_are_few_and_divide_the_values(values):
    limits = classes(values)
    assert len(limits) <= 5
    assert limits == sorted(set(limits))
    low, high = min(values), max(values)
    assert all(low < limit <= high * (1 + 1e-9) for limit in limits)
    assert {colour_of(v, limits) for v in values} <= set(SEQUENTIAL)
    if high > 1.5 * low:
        assert limits


def boxes(figure):
    return {(p["age"], p["period"]): p for p in marks(figure, "rect") if "period" in p}


@pytest.mark.parametrize("width", [340, 600])
def test_cells_are_as_long_as_their_years(width):
    figure = draw_lexis(width=width)
    own = boxes(figure)
    assert len(own) == 5
    first, second = own["0-9", "2000-2004"], own["0-9", "2005-2014"]
    # 5 and 10 years, less half a px on all sides
    assert (second["x2"] - second["x"] + 1) == pytest.approx(
        2 * (first["x2"] - first["x"] + 1), abs=0.4
    )
    up = scale((0, first["y2"] + 0.5), (10, first["y"] - 0.5))
    assert own["20+", "2000-2004"]["y2"] + 0.5 == pytest.approx(up(20), abs=0.2)
    assert own["20+", "2000-2004"]["y"] - 0.5 == pytest.approx(up(30), abs=0.2)


def test_cells_have_the_colour_of_their_class():
    colours = {key: p["fill"] for key, p in boxes(draw_lexis()).items()}
    # limits 2, 3, 5: four classes, the colours 0, 2, 3 and 5
    assert colours == {
        ("0-9", "2000-2004"): SEQUENTIAL[0], ("10-19", "2000-2004"): SEQUENTIAL[2],
        ("20+", "2000-2004"): SEQUENTIAL[3], ("0-9", "2005-2014"): SEQUENTIAL[3],
        ("10-19", "2005-2014"): SEQUENTIAL[5],
    }  # fmt: skip
    assert {"2", "3", "5", LABEL} <= set(texts(draw_lexis()))


def test_a_birth_cohort_is_where_age_is_the_year_less_that_of_birth():
    figure = draw_lexis()
    own = boxes(figure)
    first, second = own["0-9", "2000-2004"], own["0-9", "2005-2014"]
    across = scale((2000, first["x"] - 0.5), (2015, second["x2"] + 0.5))
    up = scale((0, first["y2"] + 0.5), (10, first["y"] - 0.5))
    lines = {p["born"]: p for p in marks(figure, "rule") if "born" in p}
    assert set(lines) == {1980, 1990, 2000, 2010}
    for born, line in lines.items():
        begin, end = max(2000, born), min(2015, born + 30)
        assert (line["x"], line["x2"]) == pytest.approx((across(begin), across(end)), abs=0.2)
        assert line["y"] == pytest.approx(up(begin - born), abs=0.2)
        assert line["y2"] == pytest.approx(up(end - born), abs=0.2)
    where = {p["text"]: p for p in marks(figure, "text")}
    assert where["1990"]["y"] == pytest.approx(up(25) + 4.5, abs=0.2)
    assert where["1990"]["x"] > across(2015)


def test_cells_without_a_value_are_apart_and_said():
    rows = cells()
    rows[0] = withheld(age_group="0-9", period="2000-2004", person_years=1e5)
    rows[1] = row(None, status="not estimable", reason="a reason", age_group="10-19",
                  period="2000-2004", person_years=1e5)  # fmt: skip
    figure = draw_lexis(rows[:2] + rows[3:])
    assert len(boxes(figure)) == 2
    assert {"Withheld", "Not estimable", "No person-years", "No data"} <= set(texts(figure))
    for words in ("Withheld: fewer than 5 cases: ages 0-9 in 2000-2004.",
                  "Not estimable: a reason: ages 10-19 in 2000-2004.",
                  "Not estimable: no person-years: ages 20+ in 2005-2014.",
                  "No data: ages 20+ in 2000-2004."):  # fmt: skip
        assert words in texts(figure)
        assert words in figure.description
    assert "Withheld" not in said(draw_lexis())
    assert "No data" not in said(draw_lexis())


def test_periods_that_follow_one_another_are_said_as_one():
    rows = [withheld(age_group="0-4", year=2000 + k) for k in (0, 1, 3)]
    rows += [row(1.0 + k, age_group="5-9", year=2000 + k) for k in range(4)]
    rows.append(row(1.0, age_group="0-4", year=2002))
    figure = draw_lexis(rows)
    assert "Withheld: fewer than 5 cases: ages 0-4 in 2000-2001 and 2003." in texts(figure)
    assert "Highest: 4.00 at ages 5-9 in 2003." in figure.description


def test_a_map_of_one_value_names_it():
    rows = [row(3.0, age_group="0-4", year=2000), row(3.0, age_group="5-9", year=2000)]
    assert "all 3" in texts(draw_lexis(rows))


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"period": "lately"}, UsageError, "no period: got 'lately'"),
        ({"period": "2010-2005"}, UsageError, "no period"),
        ({"age_group": "5-14"}, UsageError, "age groups overlap: got '0-9 and 5-14'"),
        ({"period": "2003-2007"}, UsageError, "periods overlap: got '2000-2004 and 2003-2007'"),
        ({"age_group": "10-19"}, UsageError, "several rows"),
    ],
)
def test_lexis_refuses(change, error, words):
    rows = cells()
    rows[0] = rows[0] | change
    with pytest.raises(error, match=words):
        draw_lexis([*cells()[:1], *rows] if "age_group" not in change else rows + cells()[:1])


def test_lexis_needs_periods_and_a_value():
    with pytest.raises(ColumnError, match=r"got 'period'.*named year"):
        lexis_figure(frame(cells()).drop("period"), value_label=LABEL, title="T")
    with pytest.raises(ColumnError, match="got 'rate'"):
        draw_lexis(value="rate")
    none = [own | {"status": "withheld"} for own in cells()]
    with pytest.raises(UsageError, match="no cell has a value"):
        draw_lexis(none)


# ---------------------------------------------------------------- prevalence


def bar_parts(figure):
    """Left and right ends of the boxes as high as a bar, by their top."""
    rows = {}
    for p in marks(figure, "rect"):
        if p["y2"] - p["y"] == pytest.approx(22):
            rows.setdefault(p["y"], []).append(p)
    return [rows[y] for y in sorted(rows)]


@pytest.mark.parametrize("width", [340, 600])
def test_durations_stand_on_one_another(width):
    male, female = bar_parts(draw_bars(width=width))
    unit = (male[-1]["x2"] - male[0]["x"]) / 6000
    # up to 1: 400; 1 to 5: 1600 - 400; 5 to 10: 2800 - 1600; over 10: 6000 - 2800
    for part, wide in zip(male, (400, 1200, 1200, 3200), strict=True):
        assert part["x2"] - part["x"] == pytest.approx(wide * unit, abs=0.2)
    for part, wide in zip(female, (300, 1200, 1000), strict=True):
        assert part["x2"] - part["x"] == pytest.approx(wide * unit, abs=0.2)
    assert [part["x"] for part in male[1:]] == [part["x2"] for part in male[:-1]]
    assert "strokeDash" in male[3]  # what is estimated
    assert not any("strokeDash" in part for part in (*male[:3], *female))


def test_the_interval_is_that_of_all_durations():
    figure = draw_bars()
    male = bar_parts(figure)[0]
    unit = (male[-1]["x2"] - male[0]["x"]) / 6000
    [line] = [p for p in marks(figure, "rule") if p["y"] == p["y2"] == male[0]["y"] + 11]
    ends = [male[0]["x"] + unit * value for value in (4800, 7200)]
    assert (line["x"], line["x2"]) == pytest.approx(ends, abs=0.3)
    assert "6\u00a0000 (4\u00a0800–7\u00a0200)" in texts(figure)
    assert "2\u00a0500 (2\u00a0000–3\u00a0000)" in texts(figure)


def test_durations_are_named_and_what_is_withheld_is_said():
    figure = draw_bars()
    names = {"Up to 1 year", "1 to 5 years", "5 to 10 years", "Over 10 years, estimated"}
    assert names <= set(texts(figure))
    words = "Not shown: Female, over 10 years, estimated, withheld: fewer than 5 cases."
    assert words in said(figure)
    assert words in figure.description
    assert (
        "Male: 6\u00a0000 (4\u00a0800 to 7\u00a0200); by time since diagnosis 400 up to 1 year, "
        "1\u00a0200 1 to 5 years, 1\u00a0200 5 to 10 years and 3\u00a0200 over 10 years, estimated"
    ) in figure.description


def test_a_window_beside_the_durations_is_said_where_it_is_withheld():
    figure = draw_bars(frame(windows(one=400.0, three=None, five=1600.0)))
    assert [len(parts) for parts in bar_parts(figure)] == [2]
    assert "Not shown: Male, up to 3 years, withheld: fewer than 5 cases." in texts(figure)
    assert "3 years" not in said(draw_bars())


def test_a_stratum_without_any_duration_has_words_in_its_place():
    none = frame(windows("other", one=None, three=None, five=None, ten=None, complete=None))
    figure = draw_bars(pl.concat([BOTH, none]))
    assert "Other" in texts(figure)
    assert "withheld: fewer than 5 cases" in texts(figure)
    assert len(bar_parts(figure)) == 2
    assert "Not shown: Other, withheld: fewer than 5 cases." in figure.description


@pytest.mark.parametrize(
    "table",
    [
        BOTH.filter(pl.col("window").is_in(["0-3", "0-1"])),  # no second duration
        frame(windows(one=400.0, five=300.0)),  # it would be below 0
        frame(windows(one=None, five=300.0)),  # the first is not known
        pl.concat([BOTH, frame(windows("other", one=400.0, five=500.0))]),  # not all have all
    ],
)
def test_windows_that_are_no_durations_are_bars_of_their_own(table):
    figure = draw_bars(table)
    known = table.filter(status="ok")
    assert len(bar_parts(figure)) == known.height
    assert all(len(parts) == 1 for parts in bar_parts(figure))
    longest = max(parts[0]["x2"] - parts[0]["x"] for parts in bar_parts(figure))
    shortest = min(parts[0]["x2"] - parts[0]["x"] for parts in bar_parts(figure))
    ratio = known["estimate"].min() / known["estimate"].max()
    assert shortest / longest == pytest.approx(ratio, abs=0.005)
    assert "Time since diagnosis" not in texts(figure)
    assert "Male, up to 1 year" in said(figure)


# ---------------------------------------------------------------- projections


@pytest.mark.parametrize("width", [340, 600])
def test_observed_projected_and_bands_lie_on_one_scale(width):
    figure = draw_fan(width=width)
    points = sorted(marks(figure, "point"), key=lambda p: p["x"])
    assert len(points) == 5
    across = scale((1992, points[0]["x"]), (2012, points[4]["x"]))
    up = scale((100, points[0]["y"]), (140, points[4]["y"]))
    values = zip((1992, 1997, 2002, 2007, 2012), (100, 120, 110, 130, 140), strict=True)
    for point, (year, value) in zip(points, values, strict=True):
        assert (point["x"], point["y"]) == pytest.approx((across(year), up(value)), abs=0.1)
    bands = {(p["x"], p["opacity"]): (p["y"], p["y2"]) for p in marks(figure, "area")}
    at = [limits for (x, _), limits in bands.items() if x == points[4]["x"]]
    expected = [(up(84), up(196)), (up(112), up(168)), (up(126), up(154))]
    assert at == [pytest.approx(limits, abs=0.2) for limits in expected]
    [rule] = [p for p in marks(figure, "rule") if p.get("strokeDash") == [2, 3]]
    assert rule["x"] == rule["x2"] == pytest.approx(across(2004.5), abs=0.1)


def test_the_projection_is_dashed_and_labelled():
    figure = draw_fan()
    lines = marks(figure, "line")
    assert len([p for p in lines if "strokeDash" not in p]) == 3
    assert len([p for p in lines if "strokeDash" in p]) == 3  # from the last observed on
    assert {"Observed", "Projected", "50%", "80%", "95%", "140", "Few."} <= set(texts(figure))
    assert "Bands: 50%, 80% and 95% prediction intervals" in texts(figure)
    assert "All: observed 100 in 1990-1994 and 110 in 2000-2004." in figure.description
    assert "130 (78 to 182) in 2005-2009 and 140 (84 to 196) in 2010-2014" in figure.description


def test_a_single_period_has_a_band_of_some_width():
    figure = draw_fan(frame(projection(130.0)))
    xs = sorted({p["x"] for p in marks(figure, "area")})
    assert len(xs) == 2
    point = max(p["x"] for p in marks(figure, "point"))
    assert (xs[0] + xs[1]) / 2 == pytest.approx(point, abs=0.1)
    assert xs[1] > xs[0] + 5


def test_periods_that_are_withheld_break_the_line():
    figure = draw_fan(observed=frame(periods(100.0, 120.0, None, 110.0, 90.0, first=1980)))
    solid = [p for p in marks(figure, "line") if "strokeDash" not in p]
    assert sorted(p["place"] for p in solid) == [0, 0, 1, 1]
    assert "Not shown: 1990-1994, withheld: fewer than 5 cases." in texts(figure)


def test_strata_are_panels_and_one_without_a_projection_says_so():
    observed = frame([*periods(100.0, 120.0, entity="a"), *periods(9.0, 10.0, entity="b")])
    none = row(None, status="not estimable", reason="too few", entity="b", period="2005-2009",
               first=2005, last=2009)  # fmt: skip
    table = frame([*projection(130.0, 140.0, entity="a"), none])
    figure = draw_fan(table, observed)
    assert {"A", "B", "Not projected", "Projected"} <= set(texts(figure))
    assert "Not shown: B, 2005-2009, not estimable: too few." in texts(figure)
    assert "each panel has its own axis" in said(figure)
    assert "B: projected" not in figure.description
    assert len(marks(figure, "area")) == 6


def test_fan_refuses():
    with pytest.raises(ColumnError, match="got 'entity'"):
        draw_fan(frame(projection(130.0, entity="a")), OBSERVED)
    gone = pl.lit("withheld")
    with pytest.raises(UsageError, match="nothing can be drawn"):
        draw_fan(AHEAD.with_columns(status=gone), OBSERVED.with_columns(status=gone))


# ---------------------------------------------------------------- maps


def area_of(ring):
    """Twice the area of a ring that is not closed."""
    ends = zip(ring, [*ring[1:], ring[0]], strict=True)
    return abs(sum(x * v - u * y for (x, y), (u, v) in ends))


@given(st.floats(-24, 49), st.floats(35, 71))
def test_the_projection_keeps_areas_and_the_distance_from_its_centre(longitude, latitude):
    # Snyder 1987, p. 182: rho = 2 sin(c / 2), c the angle from the centre
    x, y = projected(longitude, latitude)
    centre, up, along = (math.radians(v) for v in (52.0, latitude, longitude - 11.0))
    cosine = math.sin(centre) * math.sin(up) + math.cos(centre) * math.cos(up) * math.cos(along)
    assert math.hypot(x, y) == pytest.approx(math.sqrt(max(2 - 2 * cosine, 0)), abs=1e-7)
    step = 1e-4  # degrees; a cell on the sphere is cos(latitude) times both its sides
    east, north = projected(longitude + step, latitude), projected(longitude, latitude + step)
    drawn = abs((east[0] - x) * (north[1] - y) - (east[1] - y) * (north[0] - x))
    own = math.cos(up) * math.radians(step) ** 2
    assert drawn == pytest.approx(own, rel=1e-4)  # the step is not nothing


def test_a_ring_is_cut_at_the_frame():
    frame_ = _Frame(0, 0, 100)
    cut = clipped([(-50.0, 10.0), (50.0, 10.0), (50.0, 20.0), (-50.0, 20.0)], frame_)
    assert sorted(cut) == [(0, 10), (0, 20), (50, 10), (50, 20)]
    assert clipped([(-5.0, 1.0), (-2.0, 1.0), (-2.0, 3.0)], frame_) == []


points = st.tuples(st.integers(0, 200), st.integers(0, 200))


@given(st.lists(points, min_size=3, max_size=3), st.sampled_from([0.0, math.pi / 4, 1.0]))
def test_hatching_covers_a_triangle_and_stays_in_it(corners, turn):
    ring = [(float(x), float(y)) for x, y in corners]
    apart = 0.5
    lines = hatching([[[*ring, ring[0]]]], apart=apart, turn=turn)
    covered = sum(math.dist(a, b) for a, b in lines) * apart
    around = sum(math.dist(a, b) for a, b in zip(ring, [*ring[1:], ring[0]], strict=True))
    # each end of the stack of lines is off by less than a line
    assert covered == pytest.approx(area_of(ring) / 2, abs=apart * around + 1e-6)
    for x, y in (end for line in lines for end in line):
        parts = [area_of([(x, y), ring[k], ring[k - 1]]) for k in range(3)]
        assert sum(parts) == pytest.approx(area_of(ring), abs=1e-4)


def test_hatching_leaves_holes_free():
    def square(low, high):
        return [(low, low), (high, low), (high, high), (low, high), (low, low)]

    lines = hatching([[square(0.0, 10.0), square(4.0, 6.0)]], apart=5, turn=0.0)
    assert lines == [((0, 0), (10, 0)), ((0, 5), (4, 5)), ((6, 5), (10, 5))]


def features(figure):
    """Colours of the areas drawn, by country and map, in the order drawn."""
    found = {}
    for p in marks(figure, "geoshape"):
        if p["area"]:
            found.setdefault(p["area"], []).append(p)
    return found


def test_countries_have_the_colour_of_their_class():
    found = features(draw_map())
    # 2 to 8, a factor of 4: equal steps of 2, the limits 4, 6, 8, four classes
    colours = {code: found[code][0]["fill"] for code in ("IE", "ES", "FR", "PT")}
    assert colours == {
        "IE": SEQUENTIAL[0], "ES": SEQUENTIAL[2], "FR": SEQUENTIAL[2], "PT": SEQUENTIAL[5]
    }  # fmt: skip
    assert {"4", "6", "8", LABEL} <= set(texts(draw_map()))


def test_what_has_no_value_is_drawn_and_told_apart():
    figure = draw_map()
    found = features(figure)
    assert len(found) >= 40  # countries without data do not vanish
    assert all(p["invalid"] is None for own in found.values() for p in own)
    assert found["IT"][0]["strokeDash"] == [2, 2]
    assert "strokeDash" not in found["FI"][0]
    assert found["IT"][0]["fill"] not in SEQUENTIAL
    assert {"Withheld", "Not estimable", "No data"} <= set(texts(figure))
    assert "Withheld: fewer than 5 cases: Luxembourg." in texts(figure)
    assert "Not estimable: no rate: Finland." in figure.description
    assert "Luxembourg 0" not in figure.description


def test_a_small_country_is_a_circle_and_is_hatched_within_it():
    figure = draw_map()
    circle = features(figure)["LU"][-1]["geometry"]["coordinates"][0][0]
    xs, ys = [x for x, _ in circle], [y for _, y in circle]
    assert max(xs) - min(xs) == pytest.approx(9, abs=0.3)
    lines = [p for p in marks(figure, "rule") if "x2" in p and p["color"] == "#6f7a75"]
    inside = [p for p in lines if min(xs) <= p["x"] <= max(xs) and min(ys) <= p["y"] <= max(ys)]
    assert len(inside) >= 2
    for p in inside:
        assert math.dist((p["x"], p["y"]), (sum(xs[1:]) / 20, sum(ys[1:]) / 20)) <= 4.7


@pytest.mark.parametrize(("width", "across"), [(600, True), (340, False)])
def test_raw_stands_beside_shrunken_on_one_scale(width, across):
    figure = draw_map(beside=SHRUNKEN, width=width)
    where = {p["text"]: p for p in marks(figure, "text")}
    a, b = where["Observed"], where["Shrunken towards the mean"]
    assert (a["y"] == b["y"]) is across
    assert (a["x"] == b["x"]) is not across
    ireland = [p["fill"] for p in features(figure)["IE"]]
    # 2 and 3.5 lie below 4, 8 and 6.5 in the last two classes
    assert ireland == [SEQUENTIAL[0], SEQUENTIAL[0]]
    assert [p["fill"] for p in features(figure)["PT"]] == [SEQUENTIAL[5], SEQUENTIAL[3]]
    assert "Observed: highest Portugal, lowest Ireland. Portugal 8.00 (6.40 to 9.60)" in (
        figure.description
    )
    assert "Shrunken towards the mean: highest Portugal" in figure.description
    assert "Ireland 3.50 (3.30 to 3.70)" in figure.description


def test_maps_that_lack_different_countries_say_which():
    figure = draw_map(beside=SHRUNKEN.filter(pl.col("area") != "LU"))
    assert "Observed: Withheld: fewer than 5 cases: Luxembourg." in texts(figure)
    assert "Shrunken towards the mean: Not estimable: no rate: Finland." in said(figure)


def test_a_foretold_rate_is_hatched_over_its_colour():
    own = pl.col("area") == "PT"
    table = RAW.with_columns(
        method=pl.when(own).then(pl.lit(OWN_WITHHELD)).otherwise(pl.lit("hierarchical"))
    )
    hatched = [p for p in marks(draw_map(table), "rule") if "x2" in p]
    plain = [p for p in marks(draw_map(RAW), "rule") if "x2" in p]
    assert len(hatched) > len(plain) + 4
    figure = draw_map(table)
    assert [p["fill"] for p in features(figure)["PT"]] == [
        p["fill"] for p in features(draw_map(RAW))["PT"]
    ]
    assert "Foretold, count withheld" in texts(figure)
    assert "Foretold, count withheld: Portugal." in texts(figure)
    assert "Foretold, count withheld: Portugal." in figure.description
    assert "Portugal 8.00 (6.40 to 9.60)" in figure.description
    assert "Foretold, count withheld" not in texts(draw_map(RAW))


def test_countries_go_by_several_codes():
    figure = draw_map(frame([row(1.0, area="EL"), row(2.0, area="GBR"), row(3.0, area="XK")]))
    found = features(figure)
    assert all("strokeDash" not in found[code][0] for code in ("GR", "GB", "XK"))
    with pytest.raises(CodeError, match=r"no such country.*got 'all'.*countries only"):
        draw_map(frame([row(1.0, area="all")]))
    with pytest.raises(UsageError, match="several rows"):
        draw_map(frame([row(1.0, area="UK"), row(1.0, area="GB")]))


# ---------------------------------------------------------------- results draw themselves


@pytest.fixture(scope="module")
def testis(shared_data):
    """Testis cancer in Denmark, 1943 to 1996: cases and person-years by year and age."""
    rows = pl.read_csv(shared_data / "Epi_testisDK.csv")
    people = Population.read(rows.select(age="A", year="P", person_years="Y"))
    cases = rows.select(
        pl.col("A").cast(pl.Int64).alias("age"), incidence_date=pl.date("P", 7, 1),
        n=pl.col("D").cast(pl.Int64),
    )  # fmt: skip
    return cases.select(pl.exclude("n").repeat_by("n").explode()), people


def test_a_trend_draws_itself(testis):
    cases, people = testis
    result = trend(cases.filter(pl.col("incidence_date").dt.year() >= 1966), people)
    figure = result.plot(width=600)
    segments = result.table.filter(measure="annual percentage change of a segment")
    assert segments.height > 1
    for own in segments.iter_rows(named=True):
        assert f"{own['estimate']:+.1f}% a year".replace("-", "\u2212") in said(figure)
        assert f"{own['first']}-{own['last']}" in said(figure)
    dots = [p for p in marks(figure, "point") if p["shape"] == "circle"]
    assert len(dots) == 31
    diamonds = [p for p in marks(figure, "point") if p["shape"] == "diamond"]
    assert len(diamonds) == segments.height - 1


def test_a_projection_draws_itself(testis):
    cases, people = testis
    early = cases.filter(pl.col("incidence_date").dt.year() <= 1982)
    result = project(early, people, last_year=1982, draws=500)
    figure = result.plot(width=340, synthetic=True)
    ahead = result.table.filter(measure="new cases per year", level=0.95)
    for own in ahead.iter_rows(named=True):
        period = f"{own['first']}-{own['last']}"
        assert re.search(rf"{own['estimate']:.0f} \(\d+ to \d+\) in {period}", figure.description)
    assert len(marks(figure, "area")) == 3 * ahead.height


def test_age_specific_rates_draw_as_a_curve_and_as_a_lexis_map(testis):
    table = incidence(*testis).table.filter(measure="age-specific rate")
    figure = age_curve_figure(table, value_label=LABEL, title="T")
    peak = table.sort("estimate").row(-1, named=True)
    assert f"highest at ages {peak['age_group']}" in figure.description
    yearly = incidence(*testis, by=["year"]).table.filter(measure="age-specific rate")
    drawn = boxes(lexis_figure(yearly, value_label=LABEL, title="T"))
    assert len(drawn) == yearly.filter(status="ok").height == 54 * 18


@pytest.mark.parametrize(("day", "known"), [("2005-12-31", 3), ("2002-12-31", 2)])
def test_prevalence_draws_as_bars(cohort, day, known):
    cases = read_cases(cohort / "cases.csv")
    result = prevalence(cases, index_date=day, windows=[1, 5, 10], by=["sex"])
    table = result.table.filter(measure="prevalent persons", age_group="all")
    figure = draw_bars(table, width=340)
    bars = bar_parts(figure)
    assert [len(parts) for parts in bars] == [known, known]
    ends = table.filter(window="0-10" if known == 3 else "0-5")["estimate"]
    wide = [parts[-1]["x2"] - parts[0]["x"] for parts in bars]
    assert wide[0] / wide[1] == pytest.approx(ends[0] / ends[1], rel=0.005)
    # registration begins in 1995: ten years before 2002 cannot be counted
    words = "5 to 10 years, not estimable: registration begins on 1995-01-04"
    assert (f"Male, {words}" in said(figure)) is (known == 2)
