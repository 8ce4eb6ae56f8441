"""``study.toml``: what is taken and what is refused."""

import copy
from datetime import date

import pytest

from rarecare.errors import FileError, UsageError
from rarecare.study.config import read_study, study_of

STUDY = {
    "study": {"name": "one", "title": "One", "period": ["2000-01-01", "2004-12-31"]},
    "registries": [
        {
            "id": "A",
            "country": "SI",
            "cases": {"path": "cases.csv"},
            "population": {"path": "people.csv"},
            "life_table": {"path": "lives.csv"},
        }
    ],
}


def changed(**parts):
    """The study with ``part__key`` set; registries are those of the first."""
    given = copy.deepcopy(STUDY)
    for place, value in parts.items():
        *path, last = place.split("__")
        part = given
        for name in path:
            part = part.setdefault(name, {}) if isinstance(part, dict) else part
            part = part[0] if isinstance(part, list) else part
        if value is None:
            del part[last]
        else:
            part[last] = value
    return given


def test_what_is_not_said_has_its_default():
    study = study_of(STUDY)
    assert study.study.period == (date(2000, 1, 1), date(2004, 12, 31))
    assert study.study.measures == ("incidence", "net survival")
    assert study.survival.at == (1, 3, 5, 10)
    assert study.disclosure.threshold == 5
    assert study.wanted_entities == ()


def test_files_of_one_cancer_limit_the_entities():
    study = study_of(changed(registries__cases__entity="06.02"))
    assert study.wanted_entities == ("06.02",)
    asked = changed(registries__cases__entity="06.02", study__entities=["06"])
    assert study_of(asked).wanted_entities == ("06",)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"study__titel": "x"}, r"unknown key study.titel.*Did you mean 'title'"),
        ({"registries__cases__colums": {}}, r"registries.1.cases.colums.*Did you mean 'columns'"),
        ({"survivall": {}}, r"unknown key survivall.*Did you mean 'survival'"),
        ({"study__name": None}, r"lacks study.name"),
        ({"study__name": "a b"}, r"study.name"),
        ({"study__measures": ["mortality"]}, r"study.measures.1.*'prevalence' or 'trend'"),
        ({"study__period": ["2004-01-01", "2000-01-01"]}, "ends before it begins"),
        ({"registries__country": "Slovenia"}, r"registries.1.country"),
        ({"registries__life_table": None}, "no registry has a life_table"),
        ({"registries__population": None}, "no registry has a population"),
        ({"registries": []}, "registries"),
        ({"disclosure__threshold": 0}, r"disclosure.threshold"),
        ({"disclosure": {"mode": "rounding", "threshold": 4}}, "threshold of 5 or more"),
        ({"disclosure": {"mode": "noise"}}, "disclosure.mode"),
        ({"survival__form": "exponentiel"}, r"'exponential' or 'product'.*'exponentiel'"),
        ({"level": 95}, "level"),
    ],
)
def test_what_cannot_be_a_study_is_refused(change, words):
    with pytest.raises(UsageError, match=words):
        study_of(changed(**change), file="study.toml")


def test_two_registries_with_one_id_are_refused():
    given = copy.deepcopy(STUDY)
    given["registries"].append(given["registries"][0])
    with pytest.raises(UsageError, match="two registries have the id 'A'"):
        study_of(given)


def test_paths_are_taken_from_the_studys_folder(tmp_path):
    (tmp_path / "study.toml").write_text(
        '[study]\nname = "a"\ntitle = "A"\nperiod = ["2000-01-01", "2000-12-31"]\n'
        'measures = ["incidence"]\n[[registries]]\nid = "X"\ncountry = "SI"\n'
        'cases = { path = "sub/cases.csv" }\npopulation = { path = "people.csv" }\n'
    )
    study, digest = read_study(tmp_path / "study.toml")
    assert study.registries[0].cases.path == tmp_path / "sub" / "cases.csv"
    assert len(digest) == 64


def test_files_that_are_no_study(tmp_path):
    with pytest.raises(FileError, match="no such study"):
        read_study(tmp_path / "study.toml")
    (tmp_path / "study.toml").write_text("[study\n")
    with pytest.raises(FileError, match="not TOML"):
        read_study(tmp_path / "study.toml")
