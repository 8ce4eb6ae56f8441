"""Figures of pathways: flows between steps, and where patients are over time."""

from itertools import pairwise

import polars as pl
import pytest

from rarecare.errors import ColumnError, UsageError
from rarecare.figures.occupancy import occupancy_figure
from rarecare.figures.page import Canvas
from rarecare.figures.sankey import sankey_figure
from rarecare.figures.states import TOGETHER, states_figure


def layers(figure, kind):
    found = []

    def walk(part):
        for layer in part.get("layer", []):
            walk(layer)
        mark = part.get("mark")
        if mark and (mark if isinstance(mark, str) else mark["type"]) == kind:
            found.append((mark, part["data"]["values"]))

    for view in figure.spec["vconcat"]:
        walk(view)
    return found


def texts(figure):
    return [row["text"] for _, rows in layers(figure, "text") for row in rows]


def heights(rows):
    return {round(row["y2"] - row["y"], 1) for row in rows}


def flow(place, from_step, step, from_n, step_n, n, status="ok", **more):
    return {"place": place, "from_step": from_step, "step": step, "from_n": from_n,
            "step_n": step_n, "n": n, "denominator": 100, "status": status,
            "reason": None if status == "ok" else "fewer than 5 patients", **more}  # fmt: skip


FLOWS = pl.DataFrame(
    [
        flow(1, "diagnosis", "surgery", 100, 60, 60),
        flow(1, "diagnosis", "radiotherapy", 100, 30, 30),
        flow(1, "diagnosis", "no further step", 100, 10, 10),
        flow(2, "surgery", "systemic", 60, 40, 25),
        flow(2, "surgery", "no further step", 60, 60, 35),
        flow(2, "radiotherapy", "systemic", 30, 40, 15),
        flow(2, "radiotherapy", "no further step", 30, 60, 15),
    ],
    schema_overrides={"reason": pl.String},
)


@pytest.mark.parametrize("width", [600, 340])
def test_bands_are_as_high_as_their_patients(width):
    figure = sankey_figure(FLOWS, title="T", width=width)
    bands = [heights(rows) for mark, rows in layers(figure, "area")]
    # 260 px for 100 patients
    expected = [2.6 * n for n in (60, 30, 10, 25, 35, 15, 15)]
    assert len(bands) == 7
    for found, tall in zip(bands, expected, strict=True):
        assert all(height == pytest.approx(tall, abs=0.11) for height in found)
    bars = [rows[0] for mark, rows in layers(figure, "rect") if mark.get("opacity") != 0]
    tall = sorted(round(row["y2"] - row["y"]) for row in bars if row["x2"] - row["x"] == 9)
    # of those that end third, 50 had a second step: the 10 before are not drawn again
    assert tall == sorted(round(2.6 * n) for n in (100, 60, 30, 10, 40, 50))
    words = " ".join(texts(figure))
    for said in ("diagnosis", "surgery 60%", "systemic 40%", "First step", "Third step"):
        assert said in words
    assert "Second step of 100 patients: surgery 60 (60%)" in figure.description


def test_withheld_flows_are_hatched_and_named():
    hidden = pl.col("step") == "systemic"
    table = FLOWS.with_columns(
        pl.when(~hidden).then("n").alias("n"),
        pl.when(hidden).then(pl.lit("withheld")).otherwise("status").alias("status"),
    )
    figure = sankey_figure(table, title="T", synthetic=True)
    assert len(layers(figure, "area")) == 5
    lines = [row for mark, rows in layers(figure, "rule") for row in rows
             if isinstance(mark, dict) and mark.get("color") == "#6f7a75"]  # fmt: skip
    assert len(lines) > 6
    assert "Withheld, hatched: surgery to systemic (second)" in figure.description
    assert "radiotherapy to systemic (second)" in figure.description
    assert any("ynthetic" in words for words in texts(figure))
    # what was withheld cannot be measured: no band, no number
    assert "systemic 25" not in figure.description


def test_narrow_figures_say_what_is_not_drawn():
    more = [flow(k, "systemic", "systemic", 40, 40, 40) for k in (3, 4)]
    table = pl.concat([FLOWS, pl.DataFrame(more, schema_overrides={"reason": pl.String})])
    assert "Fifth step" in texts(sankey_figure(table, title="T"))
    narrow = sankey_figure(table, title="T", width=340)
    assert "Fifth step" not in texts(narrow)
    assert "Steps after the third are not drawn" in narrow.description


def test_those_without_a_step_are_told_and_not_drawn():
    none = flow(1, "no step recorded", "no further step", 20, 30, 20)
    table = pl.concat(
        [FLOWS.filter(place=1), pl.DataFrame([none], schema_overrides={"reason": pl.String})]
    ).with_columns(
        denominator=pl.lit(120),
        step_n=pl.when(pl.col("step") == "no further step").then(30).otherwise("step_n"),
    )  # fmt: skip
    figure = sankey_figure(table, title="T")
    assert "No step recorded, not drawn: 20 (17%)" in figure.description
    assert len(layers(figure, "area")) == 3
    assert "no further step 10 (8%)" in figure.description


def test_strata_stand_below_one_another():
    table = pl.concat([FLOWS.with_columns(country=pl.lit(name)) for name in ("Italy", "Malta")])
    malta = pl.col("country") == "Malta"
    gone = table.filter(malta).head(1).with_columns(
        pl.lit(None, dtype=pl.Int64).alias(name) for name in ("place", "n", "denominator")
    ).with_columns(status=pl.lit("withheld"), reason=pl.lit("fewer than 5 patients"))  # fmt: skip
    both = sankey_figure(table, by=["country"], title="T")
    assert len(layers(both, "area")) == 14
    one = sankey_figure(pl.concat([table.filter(~malta), gone]), by=["country"], title="T")
    assert len(layers(one, "area")) == 7
    assert "Malta: withheld: fewer than 5 patients" in one.description
    with pytest.raises(UsageError, match="nothing can be drawn"):
        sankey_figure(gone, by=["country"], title="T")
    many = pl.concat([FLOWS.with_columns(country=pl.lit(str(k))) for k in range(7)])
    with pytest.raises(UsageError, match="too many strata"):
        sankey_figure(many, by=["country"], title="T")


def occupied(times, shares, **more):
    return pl.DataFrame(
        [
            {"time_days": day, "state": state, "n": 80, "estimate": share, "status": "ok",
             "reason": None, **more}
            for day, row in zip(times, shares, strict=True)
            for state, share in zip(("waiting", "surgery", "recurrence", "dead"), row, strict=True)
        ],
        schema_overrides={"reason": pl.String},
    )  # fmt: skip


AREAS = occupied([0, 90, 180], [(1.0, 0.0, 0.0, 0.0), (0.4, 0.3, 0.2, 0.1), (0.2, 0.1, 0.3, 0.4)])


@pytest.mark.parametrize("width", [600, 340])
def test_areas_lie_on_one_another_and_fill_the_plane(width):
    figure = occupancy_figure(AREAS, title="T", width=width)
    areas = [rows for _, rows in layers(figure, "area")]
    assert len(areas) == 4
    tall = 280 if width == 600 else 220
    for k, whole in enumerate(([1, 0, 0, 0], [0.4, 0.3, 0.2, 0.1], [0.2, 0.1, 0.3, 0.4])):
        for rows, expected in zip(areas, whole, strict=True):
            assert rows[k]["y2"] - rows[k]["y"] == pytest.approx(tall * expected, abs=0.11)
    for upper, lower in pairwise(areas):
        assert [row["y2"] for row in upper] == [row["y"] for row in lower]
    words = texts(figure)
    for said in ("waiting 20%", "surgery 10%", "recurrence 30%", "dead 40%"):
        assert said in words
    assert "Day 180 of 80 patients: waiting 20%, surgery 10%" in figure.description


def test_labels_never_lie_on_one_another():
    shares = [(1.0, 0.0, 0.0, 0.0), (0.97, 0.01, 0.01, 0.01)]
    figure = occupancy_figure(occupied([0, 30], shares), title="T")
    own = [row["y"] for _, rows in layers(figure, "text") for row in rows
           if row["text"].endswith("%")]  # fmt: skip
    own.sort()
    assert len(own) == 4
    assert all(b - a >= 17.9 for a, b in pairwise(own))
    view = figure.spec["vconcat"][1]
    assert own[-1] < view["height"]


def test_what_is_not_known_ends_the_areas():
    late = pl.col("time_days") == 180
    cut = AREAS.with_columns(
        status=pl.when(late).then(pl.lit("not estimable")).otherwise("status"),
        reason=pl.when(late).then(pl.lit("nobody is followed so long")),
    )  # fmt: skip
    figure = occupancy_figure(cut, title="T")
    assert len(layers(figure, "area")[0][1]) == 2
    assert "Not shown from day 180, not estimable: nobody is followed" in figure.description
    with pytest.raises(UsageError, match="nothing can be drawn"):
        occupancy_figure(cut.filter(pl.col("time_days") != 90), title="T")


def at_times(*rows):
    """Rows of three states; a share that is not given is withheld."""
    return pl.DataFrame(
        [
            {"time_years": time, "state": state, "n": 80, "estimate": share,
             "status": "withheld" if share is None else "ok",
             "reason": "fewer than 5" if share is None else None}
            for time, *shares in rows
            for state, share in zip(("waiting", "surgery", "dead"), shares, strict=True)
        ],
        schema_overrides={"reason": pl.String, "estimate": pl.Float64},
    )  # fmt: skip


BARS = at_times((0.25, 0.5, 0.3, 0.2), (1, None, None, 0.9), (5, 0.0, 0.0, 1.0))


@pytest.mark.parametrize("width", [600, 340])
def test_parts_of_a_bar_are_as_wide_as_their_shares(width):
    figure = states_figure(BARS, title="T", width=width)
    whole = width - 2 * (14 if width == 600 else 8)
    boxes = [row for mark, rows in layers(figure, "rect") if mark.get("opacity") != 0
             for row in rows if row["y2"] - row["y"] == 24]  # fmt: skip
    wide = [row["x2"] - row["x"] for row in boxes]
    expected = [0.5, 0.3, 0.2, 0.9, 0.1, 1.0]
    assert wide == pytest.approx([whole * share for share in expected], abs=0.2)
    # those of one time begin where the one before ends, and fill the bar
    first = boxes[:3]
    assert [a["x2"] for a in first[:2]] == [b["x"] for b in first[1:]]
    words = texts(figure)
    for said in ("3 months", "1 year", "5 years", "50%", "90%", "100%", TOGETHER):
        assert said in words
    assert "After 1 year: dead 90%, withheld, together 10%." in figure.description
    assert "After 5 years: dead 100%." in figure.description


def test_times_without_a_number_are_named_below():
    gone = states_figure(at_times((1, 0.5, 0.3, 0.2), (5, None, None, None)), title="T")
    assert "5 years: withheld: fewer than 5" in texts(gone)
    assert "After 5 years" not in gone.description
    assert TOGETHER not in texts(gone)
    with pytest.raises(UsageError, match="nothing can be drawn"):
        states_figure(at_times((5, None, None, None)), title="T")


@pytest.mark.parametrize("draw", [sankey_figure, occupancy_figure, states_figure])
def test_figures_refuse(draw):
    table = {sankey_figure: FLOWS, occupancy_figure: AREAS, states_figure: BARS}[draw]
    with pytest.raises(ColumnError, match="status"):
        draw(table.drop("status"), title="T")
    with pytest.raises(UsageError, match="too narrow"):
        draw(table, title="T", width=200)
    with pytest.raises(UsageError, match="one place of the figure"):
        draw(pl.concat([table, table]), title="T")


def test_drawings_are_whole_and_the_same_each_time(tmp_path):
    for name, figure in (
        ("flows", sankey_figure(FLOWS, title="T")),
        ("areas", occupancy_figure(AREAS, title="T")),
        ("bars", states_figure(BARS, title="T")),
    ):
        one = figure.save(tmp_path / f"{name}.svg").read_bytes()
        assert one == figure.save(tmp_path / f"{name}2.svg").read_bytes()
        assert b"<title" in one
        width = Canvas(600 - 2 * 14).width
        for _, rows in layers(figure, "area"):
            assert all(0 <= row["x"] <= width for row in rows)
