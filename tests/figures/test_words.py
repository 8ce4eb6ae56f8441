"""Figures in another language, and figures to explore."""

import json

import polars as pl
import pytest

from rarecare.figures import rates_figure
from rarecare.figures.explore import exploring
from rarecare.figures.words import Tongue, say, spoken


@pytest.fixture
def table():
    return pl.DataFrame({
        "country": ["Italy", "Malta"], "estimate": [0.24, None], "lower": [0.2, None],
        "upper": [0.3, None], "level": [0.95, 0.95], "status": ["ok", "withheld"],
        "reason": [None, "fewer than 5 cases"],
    })  # fmt: skip


def figure(table):
    return rates_figure(table, by=["country"], value_label="Neue Fälle", title="T", synthetic=True)


WORDS = {
    "Line: %(level)s interval": "Linie: %(level)s-Intervall",
    "Synthetic data: not an estimate of anything": "Synthetische Daten",
    "withheld": "zurückgehalten",
}
GERMAN = Tongue(lambda text: WORDS.get(text, text), ",")


def test_a_figure_speaks_the_language_it_is_drawn_in(table):
    with spoken(GERMAN):
        made = figure(table)
    svg = made.to_svg()
    assert "Linie: 95%-Intervall" in svg
    assert "Synthetische Daten" in svg
    assert "0,24 (0,20–0,30)" in svg
    assert "zurückgehalten" in svg
    assert "fewer than 5" not in svg  # reasons are English: a drawing of another language has none
    assert "0,1" in svg  # the axis too
    assert "Line: 95% interval" in figure(table).to_svg()


def test_a_language_ends_with_its_block(table):
    before = figure(table).spec
    with spoken(GERMAN):
        assert say("withheld") == "zurückgehalten"
    assert say("withheld") == "withheld"
    assert figure(table).spec == before


def test_only_a_figure_to_explore_answers(table):
    still = json.dumps(figure(table).spec)
    with exploring():
        answering = json.dumps(figure(table).spec, ensure_ascii=False)
    assert "tooltip" not in still
    assert '"tip": "Italy: 0.24 (0.20 to 0.30)"' in answering


def test_the_height_of_a_drawing_is_known_before_it_is_drawn(table):
    made = figure(table)
    assert f'height="{made.height:g}"' in made.to_svg().split(">")[0]
