"""Figures of volumes: what is drawn, what is said, what is refused."""

import xml.etree.ElementTree as ET

import polars as pl
import pytest

from rarecare.care.scenario import concentrate
from rarecare.care.thresholds import Threshold
from rarecare.care.volumes import hospital_volumes
from rarecare.errors import ColumnError, UsageError
from rarecare.figures import SYNTHETIC
from rarecare.figures.hospital_volumes import _BELOW, hospital_volumes_figure
from rarecare.figures.look import SERIES
from rarecare.figures.trade_off import log_ticks, trade_off_figure
from tests.care.test_centralisation import units_with
from tests.care.test_scenario import AREAS, FLOWS, LINE
from tests.figures.test_burden_figures import marks, said, texts

TITLE = "Hospitals"


@pytest.fixture(scope="module")
def volumes():
    table = hospital_volumes(units_with({"A": 50, "B": 30, "C": 15, "D": 5})).table
    return table.filter(treatment="surgery")


@pytest.fixture(scope="module")
def scenario():
    return concentrate(FLOWS, LINE, AREAS, years=2)


def columns(figure):
    return [row for row in marks(figure, "rect") if "fill" in row]


def test_a_column_per_hospital_the_largest_first(volumes):
    figure = hospital_volumes_figure(volumes.sample(fraction=1, shuffle=True, seed=1), title=TITLE,
                                     threshold=30)  # fmt: skip
    drawn = sorted(columns(figure), key=lambda row: row["x"])
    heights = [row["y2"] - row["y"] for row in drawn]
    # in proportion to 50, 30, 15, 5, to the rounding of px
    assert [h / heights[0] for h in heights] == pytest.approx([1, 0.6, 0.3, 0.1], abs=0.002)
    assert [row["fill"] for row in drawn] == [SERIES[0], SERIES[0], _BELOW, _BELOW]
    assert "Threshold 30" in texts(figure)


@pytest.mark.parametrize("width", [340, 600])
def test_brackets_name_the_hospitals_that_cover(volumes, width):
    figure = hospital_volumes_figure(volumes, title=TITLE, width=width)
    for words in ("50% of patients: 1 hospital", "75% of patients: 2 hospitals",
                  "90% of patients: 3 hospitals"):  # fmt: skip
        assert words in texts(figure)
    assert "75% of patients are treated in 2 of 4 hospitals." in figure.description
    ET.fromstring(figure.to_svg())


def test_hidden_hospitals_leave_no_coverage_and_are_counted(volumes):
    hidden = volumes.with_columns(
        pl.when(hospital_id="D").then(pl.lit("withheld")).otherwise("status").alias("status")
    )
    figure = hospital_volumes_figure(hidden, title=TITLE)
    assert len(columns(figure)) == 3
    assert not any("% of patients" in words for words in texts(figure))
    assert "Hospitals withheld or not estimable: 1" in said(figure)


def test_the_unknown_and_those_abroad_are_told(volumes):
    more = volumes[:1].with_columns(hospital_id=pl.lit(None, pl.String), place=pl.lit("unknown"),
                                    n=pl.lit(7, pl.Int64))  # fmt: skip
    abroad = volumes[:1].with_columns(hospital_id=pl.lit("Z"), place=pl.lit("abroad"),
                                      status=pl.lit("withheld"))  # fmt: skip
    figure = hospital_volumes_figure(
        pl.concat([volumes, more, abroad]), title=TITLE, synthetic=True
    )
    assert len(columns(figure)) == 4
    assert "Patients whose hospital is unknown: 7" in said(figure)
    assert "Patients treated abroad: withheld" in said(figure)
    assert SYNTHETIC in said(figure)


def test_volumes_that_cannot_be_drawn_are_refused(volumes):
    with pytest.raises(UsageError, match="several rows"):
        hospital_volumes_figure(pl.concat([volumes, volumes]), title=TITLE)
    with pytest.raises(UsageError, match="no hospital can be drawn"):
        hospital_volumes_figure(volumes.with_columns(status=pl.lit("withheld")), title=TITLE)
    with pytest.raises(ColumnError, match="'place'"):
        hospital_volumes_figure(volumes.drop("place"), title=TITLE)
    with pytest.raises(UsageError, match="too narrow"):
        hospital_volumes_figure(volumes, title=TITLE, width=200)


@pytest.mark.parametrize("width", [340, 600])
def test_the_trade_off_has_a_point_per_number_of_hospitals_and_today(scenario, width):
    figure = scenario.result.plot(width=width, threshold=4)
    dots = [row for row in marks(figure, "point") if row["shape"] == "circle"]
    rings = [row for row in marks(figure, "point") if row["shape"] == "diamond"]
    assert (len(dots), len(rings)) == (3, 1)
    # one hospital is highest; three are as today, where the ring stands
    assert min(dots, key=lambda row: row["y"])["y"] == dots[0]["y"]
    assert (dots[2]["x"], dots[2]["y"]) == (rings[0]["x"], rings[0]["y"])
    assert "Today: 3" in texts(figure)
    assert "In 1 hospital: 20 patients per year" in figure.description
    ET.fromstring(figure.to_svg())


def test_equal_ratios_are_equal_steps(scenario):
    table = scenario.result.table
    own = table.filter(pl.col("method") != "today").with_columns(
        pl.when(measure="smallest volume")
        .then(pl.col("hospitals").replace_strict({1: 40.0, 2: 20.0, 3: 10.0}, return_dtype=float))
        .otherwise("estimate").alias("estimate")
    )  # fmt: skip
    y = [row["y"] for row in marks(trade_off_figure(own, title=TITLE), "point")]
    assert y[1] - y[0] == pytest.approx(y[2] - y[1], abs=0.2)


def test_what_is_withheld_is_not_drawn(scenario):
    table = scenario.result.table.with_columns(
        pl.when(hospitals=2).then(pl.lit("withheld")).otherwise("status").alias("status")
    )
    figure = trade_off_figure(table, title=TITLE)
    dots = [row for row in marks(figure, "point") if row["shape"] == "circle"]
    assert len(dots) == 2
    assert "Not drawn, withheld or not estimable: 1" in said(figure)


def test_trade_offs_that_cannot_be_drawn_are_refused(scenario):
    table = scenario.result.table
    with pytest.raises(UsageError, match="no such measure: got 'best volume'"):
        trade_off_figure(table, title=TITLE, volume="best volume")
    with pytest.raises(UsageError, match="nothing can be drawn"):
        trade_off_figure(table.with_columns(status=pl.lit("withheld")), title=TITLE)
    with pytest.raises(UsageError, match="several rows"):
        trade_off_figure(pl.concat([table, table]), title=TITLE)
    with pytest.raises(ColumnError, match="'method'"):
        trade_off_figure(table.drop("method"), title=TITLE)


def test_ticks_of_the_logarithmic_axis():
    assert log_ticks(0.5, 2.4) == [5, 10, 20, 50, 100, 200]
    assert log_ticks(-1.2, 3.1) == [0.1, 1, 10, 100, 1000]


def test_a_threshold_of_the_scenario_is_in_its_table():
    made = concentrate(FLOWS, LINE, AREAS, years=2, threshold=Threshold(4, "patients per year"))
    figure = made.result.plot(volume="share treated at or above the threshold")
    assert "Share treated at or above the threshold" in said(figure)
