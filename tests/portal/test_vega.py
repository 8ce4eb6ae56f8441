"""The script that draws figures to explore, and what it draws."""

import gzip
import json

import pytest
import vl_convert

from rarecare.portal import vega


@pytest.fixture
def made(settings_of, tmp_path, monkeypatch):
    """The number of times that the script is made; a short one, in an empty folder."""
    calls = []
    settings_of(DATA=tmp_path)
    monkeypatch.setattr(
        vl_convert, "javascript_bundle", lambda *_, **__: calls.append(1) or "window.vegaEmbed = 1;"
    )
    return calls


def test_the_script_is_made_once_and_kept(visitor, made, tmp_path):
    for _ in range(3):
        answer = visitor.get("/vega.js", headers={"accept-encoding": "gzip"})
        assert gzip.decompress(answer.content) == b"window.vegaEmbed = 1;"
        assert answer["content-encoding"] == "gzip"
        assert answer["content-type"].startswith("text/javascript")
    assert len(made) == 1
    assert len(list((tmp_path / "scripts").iterdir())) == 1


def test_who_has_the_script_is_told_so_and_who_reads_no_gzip_gets_it_plain(visitor, made):
    plain = visitor.get("/vega.js")
    assert plain.content == b"window.vegaEmbed = 1;"
    assert "Accept-Encoding" in plain["vary"]
    again = visitor.get("/vega.js", headers={"if-none-match": plain["etag"]})
    assert again.status_code == 304
    assert again.content == b""


def test_a_folder_that_cannot_be_written_costs_time_only(visitor, made, settings_of, tmp_path):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    settings_of(DATA=tmp_path / "file")
    assert vega.packed() == vega.packed()
    assert len(made) == 2


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("cancers/08-x/figures/survival-wide.json", "Jahren"),
        ("cancers/08-x/figures/incidence-by-country-narrow.json", "Italien: "),
        ("cancers/08-x/figures/age.json", "Alter "),
        ("compare/08-x/incidence/map-observed-wide.json", "Italien: "),
        ("countries/it/incidence/cancers-wide.json", "Sarkome: "),
    ],
)
def test_a_figure_is_given_as_a_specification_whose_values_answer(visitor, address, says):
    answer = visitor.get(f"/de/{address}")
    assert answer["content-type"] == "application/json"
    spec = json.loads(answer.content)
    assert spec["$schema"].startswith("https://vega.github.io/schema/vega-lite/")
    assert tips_of(spec)
    assert any(says in tip for tip in tips_of(spec))
    assert "Synthetische Daten" in answer.content.decode()


def tips_of(part):
    """Every text that a value of a specification answers with."""
    if isinstance(part, dict):
        own = [part["tip"]] if isinstance(part.get("tip"), str) else []
        return own + [tip for one in part.values() for tip in tips_of(one)]
    if isinstance(part, list):
        return [tip for one in part for tip in tips_of(one)]
    return []


@pytest.mark.parametrize(
    "address",
    ["cancers/08-x/figures/people.json", "cancers/08-x/figures/nothing.json",
     "compare/08-x/incidence/nothing.json"],
)  # fmt: skip
def test_what_cannot_be_explored_is_not_there(visitor, address):
    assert visitor.get(f"/en/{address}").status_code == 404
