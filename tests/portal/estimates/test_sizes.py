"""The place that pages keep for drawings is the size of the drawing that comes."""

import re

import pytest

from rarecare.portal.estimates import sizes
from rarecare.portal.estimates.drawings import BY_NAME

ENTITIES = ("08", "08.02.01")


def attributes(svg):
    head = svg.split(">")[0]
    return tuple(float(re.search(rf' {name}="([0-9.]+)"', head)[1]) for name in ("width", "height"))


@pytest.mark.parametrize("entity_id", ENTITIES)
def test_the_place_is_the_size_of_the_drawing(visitor, opened, entity_id):
    met = 0
    for name in BY_NAME:
        for kind, narrow in (("wide", False), ("narrow", True)):
            size = sizes.size(opened, entity_id, name, narrow=narrow)
            answer = visitor.get(f"/en/cancers/{entity_id}-x/figures/{name}-{kind}.svg")
            assert (answer.status_code == 200) == (size is not None)
            if size is None:
                continue
            met += 1
            svg = answer.content.decode()
            assert attributes(svg) == size
            box = re.search(r'viewBox="0 0 ([0-9.]+) ([0-9.]+)"', svg)
            assert float(box[2]) == pytest.approx(size[1], abs=1)  # no letter is shrunk
            assert float(box[1]) == pytest.approx(size[0], rel=0.03)
    assert met > 2


def test_another_language_comes_in_the_same_place(visitor, opened):
    size = sizes.size(opened, "08", "incidence-by-country", narrow=True)
    for language in ("de", "bg", "fr"):
        answer = visitor.get(f"/{language}/cancers/08-x/figures/incidence-by-country-narrow.svg")
        assert attributes(answer.content.decode()) == size


def test_pages_say_the_sizes(visitor, opened):
    html = visitor.get("/en/cancers/08-x/?for=gp").content.decode()
    width, height = sizes.size(opened, "08", "survival", narrow=False)
    assert f'width="{width}" height="{height}" alt=' in html


def test_sizes_are_measured_once_and_kept(opened, tmp_path, settings_of, monkeypatch):
    settings_of(DATA=tmp_path, DEBUG=False)
    opened.made.clear()
    monkeypatch.setattr(opened, "entities", {"08": opened.entities["08"]})
    sizes.measure(opened)
    kept = sizes.folder(opened) / "sizes.json"
    assert kept.is_file()
    expected = sizes.size(opened, "08", "survival", narrow=False)
    opened.made.clear()

    def never(*_arguments, **_options):
        raise AssertionError

    monkeypatch.setattr(sizes, "_size", never)
    assert sizes.size(opened, "08", "survival", narrow=False) == expected
    opened.made.clear()
