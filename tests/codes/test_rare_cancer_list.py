"""The rare-cancer list over the whole code space, and what a list must be to be loaded."""

from importlib.resources import files

import numpy as np
import polars as pl
import pytest

from rarecare.codes import RareCancerList, chosen_list, default_list, diff, morphologies
from rarecare.codes.icdo3 import behaviour_numbers, histology_numbers, site_numbers
from rarecare.errors import ClassificationError, ColumnError, FileError
from tests.codes.conftest import ENTITIES, RULES, TOML
from tests.reference import classify_twin

FOLDER = files("rarecare.codes") / "tables" / "rare_cancers"
SPACE = (
    pl.DataFrame({"topography": list(site_numbers())})
    .join(morphologies().select("morphology", "behaviour"), how="cross")
    .join(pl.DataFrame({"sex": ["male", "female", None]}), how="cross")
)
ANSWERS = (
    "entity_tier1",
    "entity_tier2",
    "rare",
    "classification_rule",
    "classification_reason",
)


@pytest.fixture(scope="module")
def twin():
    return classify_twin.Twin(FOLDER)


@pytest.fixture(scope="module")
def space():
    """Every site with every listed morphology and either sex or none, classified."""
    return default_list().classify(SPACE)


@pytest.mark.parametrize("step", [11, pytest.param(1, marks=pytest.mark.slow)])
def test_every_code_of_the_space_agrees_with_the_slow_twin(space, twin, step):
    """Every eleventh code by default, all of them among the slow tests."""
    codes, answers = SPACE.drop("sex")[::3].rows(), space.select(ANSWERS).rows()
    for place in range(0, len(codes), step):
        expected = list(twin.by_sex(*codes[place]).values())
        assert answers[3 * place : 3 * place + 3] == expected, codes[place]


def test_behaviours_that_icdo3_does_not_list_agree_too(twin):
    histologies = list(histology_numbers())[::7]
    rest = (
        pl.DataFrame({"topography": ["C40.2", "C50.9", "C71.0", "C18.1", "C42.0", "C80.9"]})
        .join(pl.DataFrame({"morphology": histologies}), how="cross")
        .join(pl.DataFrame({"behaviour": list(behaviour_numbers())}), how="cross")
        .with_columns(sex=pl.lit("female"))
    )
    expected = [twin.classify(*row) for row in rest.iter_rows()]
    assert default_list().classify(rest).select(ANSWERS).rows() == expected


@pytest.mark.parametrize("tier", ["1", "2"])
def test_no_two_rules_of_a_tier_take_one_code(twin, tier):
    # the rule for men is decided first, so it stands apart
    claims = {}
    for rule in twin.rules:
        if rule.entity["tier"] != tier or rule.sex:
            continue
        sites = [site for site in site_numbers() if rule.takes("topography", site)]
        for histology in histology_numbers():
            if rule.takes("morphology", histology):
                for behaviour, _ in rule.ranges["behaviour"]:
                    for site in sites:
                        other = claims.setdefault((site, histology, behaviour), rule)
                        assert other is rule, (other.line, rule.line, site, histology)
    assert len(claims) > 10_000


def test_each_tier_2_lies_within_its_tier_1(space):
    second = space.drop_nulls("entity_tier2")
    parents = dict(default_list().entities.select("entity_id", "parent_id").rows())
    assert second.height > 1000
    assert second["entity_tier2"].replace(parents).equals(second["entity_tier1"], null_equal=True)


def test_every_entity_is_reachable(space):
    reached = {*space["entity_tier1"].drop_nulls(), *space["entity_tier2"].drop_nulls()}
    assert reached == set(default_list().entities["entity_id"])
    assert len(reached) == 271


def test_every_code_written_in_a_rule_is_in_icdo3(twin):
    sites, histologies = set(site_numbers()), {str(code) for code in histology_numbers()}
    listed = sorted(histologies)
    for rule in twin.rules:
        for first, last in rule.ranges["topography"]:
            assert {first, last} <= sites
        for first, last in rule.ranges["morphology"]:
            # an end of a range may be unlisted (9414), if the range holds listed codes
            assert any(first <= code <= last for code in listed)
            assert first != last or first in histologies
        assert {b for pair in rule.ranges["behaviour"] for b in pair} <= set("012369")


def test_every_case_has_an_entity_or_a_reason(space):
    unexplained = space.filter(
        pl.col("entity_tier2").is_null() & pl.col("classification_reason").is_null()
    )
    assert unexplained.is_empty()
    whole = space.drop_nulls("entity_tier2")
    assert whole["classification_reason"].null_count() == whole.height
    assert (
        whole.select("family", "rare", "classification_confidence").null_count().sum_horizontal()[0]
        == 0
    )


def test_the_list_says_that_it_is_derived_and_unofficial():
    text = str(default_list())
    assert "rarecarenet-derived-2017.1: 56 tier-1 and 215 tier-2 entities, 295 rules" in text
    assert "Unofficial" in text
    assert set(default_list().entities["codes_confidence"]) == {"derived", "uncertain"}


def test_a_replacement_loads_from_a_folder(write_list):
    folder = write_list()
    small = chosen_list(folder)
    case = pl.DataFrame({"topography": ["C40.2"], "morphology": [9180], "behaviour": [3]})
    assert small.version == "small-1"
    assert small.classify(case)["entity_tier2"].to_list() == ["01.1"]
    assert chosen_list(None) is default_list()


def test_the_hash_is_of_the_content_alone(write_list):
    one = RareCancerList.load(write_list())
    same = write_list(folder="same", rules=RULES.replace("\n", "\r\n"))
    other = write_list(folder="other", toml=TOML.replace("small-1", "small-2"))
    assert RareCancerList.load(same).hash == one.hash
    assert RareCancerList.load(other).hash != one.hash


def test_an_overlap_is_refused_and_names_the_two_rows(write_list):
    folder = write_list(rules=RULES.replace("9220-9240,3", "9195-9240,3"))
    with pytest.raises(
        ClassificationError,
        match=r"lines 3 \(01.1\) and 4 \(01.2\) take the same code \(rules.csv\): "
        r"got 'C40.0 9195/3'",
    ):
        RareCancerList.load(folder)


def test_rules_for_two_sexes_do_not_overlap(write_list):
    rules = RULES + "01.2,C40.0,9180,3,male\n"
    found = RareCancerList.load(write_list(rules=rules)).classify(
        pl.DataFrame(
            {
                "topography": ["C40.0"] * 3,
                "morphology": [9180] * 3,
                "behaviour": [3] * 3,
                "sex": ["male", "female", None],
            }
        )
    )
    assert found["entity_tier2"].to_list() == ["01.2", "01.1", None]
    assert found["classification_reason"].to_list() == [None, None, "sex missing"]
    assert found["rare"].to_list() == [True, True, True]
    twice = rules + "01.1,C40.0,9180-9181,3,male\n"
    with pytest.raises(ClassificationError, match=r"lines 5 \(01.2\) and 6 \(01.1\)"):
        RareCancerList.load(write_list(rules=twice))


def test_a_tier_2_outside_its_tier_1_is_refused(write_list):
    folder = write_list(rules=RULES.replace("01.2,C40.0-C40.9", "01.2,C40.0-C41.0"))
    with pytest.raises(ClassificationError, match=r"tier 1 \(01\) \(rules.csv, line 4\).*C41.0 92"):
        RareCancerList.load(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rules": RULES.replace("9180-9195", "9179")}, "morphology is not in ICD-O-3.*line 3"),
        ({"rules": RULES.replace("01.2,C40.0-C40.9", "01.2,C99.0")}, "not in ICD-O-3.*line 4"),
        ({"rules": RULES.replace("9180-9195", "osteo")}, "written as codes and ranges.*'osteo'"),
        ({"rules": RULES.replace("9180-9195,3", "9180-9195,5")}, "behaviour is not in ICD-O-3"),
        ({"rules": RULES.replace("9195,3,", "9195,3,man")}, "sex is not a known one.*'man'"),
        ({"rules": RULES.replace("01.2,", "01.3,")}, "entity is not in the list.*Did you mean"),
        ({"rules": RULES.rsplit("01.2", 1)[0]}, "entity has no rule.*'01.2'"),
        ({"entities": ENTITIES.replace("01.2,01,", "01.2,02,")}, "parent is not a tier 1.*line 4"),
        ({"entities": ENTITIES.replace("01.2,01", "01.1,01")}, "entity occurs twice.*line 4"),
        ({"entities": ENTITIES.replace("true", "yes")}, "rare is not a known one.*'yes'"),
        ({"entities": ENTITIES.replace("uncertain", "sure")}, "codes_confidence.*uncertain"),
        ({"toml": 'statement = "x"'}, "does not say its version"),
    ],
)
def test_a_faulty_list_is_refused(write_list, changes, message):
    with pytest.raises(ClassificationError, match=message):
        RareCancerList.load(write_list(**changes))


def test_a_missing_column_or_file_is_named(write_list):
    folder = write_list(rules=RULES.replace("morphology", "morfology"))
    with pytest.raises(ColumnError, match=r"lacks the column morphology \(rules.csv\)"):
        RareCancerList.load(folder)
    (folder / "list.toml").unlink()
    with pytest.raises(FileError, match=r"'list.toml'.*entities.csv, rules.csv and list.toml"):
        RareCancerList.load(folder)


def test_a_diff_says_what_changed(write_list):
    old = RareCancerList.load(write_list())
    entities = ENTITIES.replace("Chondrosarcoma,true", "Chondrosarcoma,false")
    entities += "02,,Skin,1,Kaposi sarcoma,true,derived\n"
    rules = RULES.replace("9220-9240,3", "9221-9240,3") + "02,C44.0-C44.9,9140,3,\n"
    new = RareCancerList.load(write_list(folder="new", entities=entities, rules=rules))
    assert diff(old, new).rows() == [
        ("01.2", "rare", "true", "false"),
        ("01.2", "rule", "C40.0-C40.9 | 9220-9240 | 3 | ", None),
        ("01.2", "rule", None, "C40.0-C40.9 | 9221-9240 | 3 | "),
        ("02", "entity", None, "Kaposi sarcoma"),
        ("02", "rule", None, "C44.0-C44.9 | 9140 | 3 | "),
    ]
    assert diff(old, old).is_empty()
    assert np.array_equal(diff(old, new)["entity_id"], diff(new, old)["entity_id"])
