"""Files of indicators: those of the package, and what is wrong with others."""

import copy
import tomllib
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecare.care.definitions import (
    CANCERS,
    Definitions,
    definitions_of,
    packaged,
    project_columns,
    read_definitions,
)
from rarecare.errors import FileError, RarecareError, UsageError

SET = {
    "id": "own", "version": "1", "title": "Own",
    "base": [{"when": "behaviour != 3", "reason": "not malignant"}],
    "terms": {"operated": "exists(surgery)"},
    "columns": {"asa": "number"},
    "indicators": [
        {"id": "A", "version": "1", "pillar": "treatment", "cancer": "all", "title": "A",
         "kind": "proportion", "numerator": "operated and asa < 3", "sureness": "D",
         "source": "test", "direction": "higher", "threshold": {"value": 90, "unit": "percent"},
         "exclusions": [{"when": "stage == 'distant'", "reason": "distant"}],
         "comparators": [{"value": 5, "unit": "percent", "population": "p", "source": "s"}]},
        {"id": "B", "version": "1", "pillar": "treatment", "cancer": "all", "title": "B",
         "kind": "time", "value": "days(diagnosis, treatment)", "sureness": "D",
         "source": "test", "window": {"value": 9, "unit": "days"}},
    ],
}  # fmt: skip


def changed(**paths):
    """The set with values put at places: ``indicators__0__kind``; None takes the key away."""
    made = copy.deepcopy(SET)
    for path, value in paths.items():
        *parents, last = [int(p) if p.isdigit() else p for p in path.split("__")]
        at = made
        for part in parents:
            at = at[part]
        if value is None:
            del at[last]
        else:
            at[last] = value
    return made


def test_a_whole_set_is_read():
    own = definitions_of(SET)
    assert isinstance(own, Definitions)
    assert own.indicators[0].words == {"window_days": None, "threshold": 90.0}
    assert own.vocabulary["asa"] == "number"


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        ({"indicators__0__numerater": "x"}, r"unknown key indicators.1.numerater \(indicator A\)"),
        ({"indicators__0__numerater": "x"}, "Did you mean 'numerator'"),
        ({"indicators__0__threshold": {"value": 30}}, r"lack indicators.1.threshold.unit"),
        ({"indicators__0__threshold": {"value": 30, "unit": "days"}}, "is in percent, not in days"),
        ({"indicators__0__threshold": {"value": 30, "unit": "weeks"}}, "threshold.unit"),
        ({"indicators__0__direction": None}, "a threshold needs a direction"),
        ({"indicators__0__numerator": "operated and stge < 3"}, r"A.numerator: .*'stage'\?$"),
        ({"indicators__0__numerator": "operated and"}, "own: A.numerator: a value should stand"),
        ({"indicators__0__numerator": None}, "a proportion needs a numerator"),
        ({"indicators__0__value": "asa"}, "has a numerator, not a value"),
        ({"indicators__0__censored": "operated"}, "only a time can be censored"),
        ({"indicators__1__value": "operated"}, "this is true or false.*allowed: a number"),
        ({"indicators__1__id": "A"}, "two indicators have the id 'A'"),
        ({"indicators__1__window": {"value": 9, "unit": "percent"}}, "a window is a number"),
        ({"indicators__0__kind": "share"}, "indicators.1.kind"),
        ({"indicators__0__sureness": "Z"}, "sureness"),
        ({"indicators__0__source": None}, "lack indicators.1.source"),
        ({"indicators__0__exclusions__0__reason": None}, "exclusions.1.reason"),
        ({"indicators__0__exclusions__0__when": "stge == 'a'"}, "A.exclusions.1.when: .*'stage'"),
        ({"indicators__0__comparators__0__unit": "people"}, "comparators.1.unit"),
        ({"indicators__0__comparators__0__populaton": "x"}, "Did you mean 'population'"),
        ({"indicators__0__id": "a b"}, "indicators.1.id"),
        ({"base__0__when": "behavior != 3"}, "base.1.when: .*Did you mean 'behaviour'"),
        ({"terms": {"stage": "true"}}, "a term has the name of a column"),
        ({"terms": {"operated": "operated"}}, "no such column, event or name given"),
        ({"cases": "topography"}, "own: cases: this is a text"),
        ({"columns": {"asa": "integer"}}, "columns.asa"),
        ({"indicators": []}, "indicators"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_place(paths, words):
    with pytest.raises(UsageError, match=words):
        definitions_of(changed(**paths), file="own")


def test_files(tmp_path):
    path = tmp_path / "own.toml"
    for text, words in (
        ("a = = 1", "is not TOML"),
        ("\xff", "is not text"),
        (None, "no such file"),
    ):
        if text is not None:
            path.write_bytes(text.encode("latin1"))
        name = path if text is not None else "cor"
        with pytest.raises(FileError, match=words):
            read_definitions(name)
    with pytest.raises(FileError, match="Did you mean 'core'"):
        read_definitions("cor")


@pytest.mark.parametrize("name", packaged())
def test_sets_of_the_package_name_their_sources(name):
    own = read_definitions(name)
    assert own.id == name
    for one in own.indicators:
        assert one.source, one.id
        assert one.cancer == ("all" if name == "core" else name)
        assert (one.not_computed is None) or not one.expressions()[1:]
        if one.threshold is not None:
            assert one.threshold.source, one.id
    base = [each.reason for each in own.base]
    assert base[0] == "death certificate only"


def test_all_poster_indicators_are_there():
    core = {one.id for one in read_definitions("core").indicators}
    wanted = {"D1", "D2a", "D2b", "D3a", "D3b", "D3c", "D4", "T1a", "T2a", "T2b", "T3", "F1", "F2",
              "F3a"}  # fmt: skip
    assert wanted <= core
    for name, ids in {
        "sarcoma": {"STS-D1a", "STS-D3a"}, "testis": {"TT-D1a", "TT-D3a"},
        "head_neck": {"HN-D1", "HN-6"}, "gep_net": {"NET-D1", "NET-D3a"},
    }.items():  # fmt: skip
        assert ids <= {one.id for one in read_definitions(name).indicators}, name
    groups = {one.group[:1] for one in read_definitions("head_neck").indicators if one.group}
    assert groups == set("123456")
    assert set(CANCERS) == {"sarcoma", "testis", "head_neck", "gep_net"}


# INDICATORS.md section 2: every value there, by set
PUBLISHED = {
    "head_neck": {82.5, 47.6, 80.5, 78.4, 32, 82.6, 77.7, 77.1, 90.6, 82.7, 41.0, 66, 10, 54, 62.7},
    "sarcoma": {89, 24, 20, 50.1, 5.1, 22.3, 26.1, 57, 58, 83, 87, 67, 71, 42.2, 85.9, 48.1, 86.8,
                56.5, 57.6, 20.2, 60, 41},
    "testis": {98, 73, 100, 95, 58, 84, 54, 77, 21, 6},
    "gep_net": {87, 9, 3},
    "core": {1.3},
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_values_are_those_of_the_sources(name):
    own = read_definitions(name).indicators
    values = {each.value for one in own for each in one.comparators}
    said_in_words = {50.0, 33.3} if name == "sarcoma" else set()  # almost half, about a third
    assert values - said_in_words == PUBLISHED[name]
    for one in own:
        for each in one.comparators:
            assert each.sureness == "X"
            assert each.source
            if each.value in said_in_words:
                assert "a" in each.measure.split()[0]


def test_no_threshold_but_the_two_defaults():
    found = {
        one.id: (one.threshold.value, one.threshold.sureness)
        for name in packaged() for one in read_definitions(name).indicators if one.threshold
    }  # fmt: skip
    assert found == {"D4": (30, "D"), "HN-3a": (30, "M"), "HN-3c": (56, "D")}


def test_columns_of_the_kits_are_known():
    columns = project_columns()
    assert (columns["margins"], columns["ki67"], columns["mdt"]) == ("text", "number", "truth")
    assert columns["date_path_confirm"] == columns["incidence_date"] == "date"


leaves = st.one_of(st.none(), st.booleans(), st.integers(-3, 400), st.text(max_size=8),
                   st.sampled_from(["days", "percent", "time", "age >= 3", "true"]))  # fmt: skip


@given(st.data())
@settings(max_examples=200)
def test_a_spoilt_file_is_read_or_refused(data):
    given_ = copy.deepcopy(SET)
    at = given_
    while isinstance(at, dict | list) and len(at):
        key = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
        if not isinstance(at[key], dict | list) or not at[key] or data.draw(st.booleans()):
            at[key] = data.draw(leaves)
            break
        at = at[key]
    with suppress(RarecareError):
        assert definitions_of(given_).indicators


@given(st.text(max_size=80))
@settings(max_examples=100)
def test_random_toml_is_read_or_refused(text):
    try:
        given_ = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    with pytest.raises(RarecareError):
        definitions_of(given_)
