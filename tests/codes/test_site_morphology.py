"""Sites and morphologies: cases by hand, the twin row by row, and laws."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecare.codes.icdo3 import histology_numbers, site_numbers
from rarecare.codes.packaged import packaged_table
from rarecare.codes.rare_cancer_rules import check_entities, read_rules
from rarecare.codes.site_morphology import site_families, unlikely_morphology
from tests.reference.site_morphology_twin import is_unlikely

SITES, HISTOLOGIES = list(site_numbers()), list(histology_numbers())


def unlikely(site, morphology):
    number = int(site[1:3] + site[4])
    frame = pl.DataFrame({"site": [number], "morphology": [morphology]})
    return frame.select(unlikely_morphology(pl.col("site"), pl.col("morphology"))).item()


@pytest.mark.parametrize(
    ("site", "morphology", "answer"),
    [
        ("C22.0", 8170, False),  # hepatocellular carcinoma of the liver
        ("C34.1", 8170, True),  # and of the lung
        ("C80.9", 8170, None),  # primary site unknown: it cannot be told
        ("C76.0", 8170, None),  # ill-defined
        ("C50.4", 8520, False),
        ("C50.4", 9861, True),  # a leukaemia is of the marrow
        ("C42.1", 9861, False),
        ("C77.9", 8140, True),  # a carcinoma in a lymph node is no primary
        ("C41.2", 8140, True),
        ("C40.2", 9180, False),
        ("C49.2", 9180, False),  # osteosarcoma outside bone exists
        ("C49.2", 9192, True),  # parosteal osteosarcoma does not
        ("C41.2", 9734, True),  # extramedullary, in bone
        ("C11.9", 9734, False),
        ("C45.0", 9050, None),  # no such site
        ("C71.0", 8000, False),  # in no family: anywhere
    ],
)
def test_by_hand(site, morphology, answer):
    assert unlikely(site, morphology) is answer


def test_unknown_is_cannot_tell():
    frame = pl.DataFrame(
        {"site": [None, 220], "morphology": [8170, None]},
        schema={"site": pl.Int16, "morphology": pl.Int32},
    )
    told = frame.select(unlikely_morphology(pl.col("site"), pl.col("morphology"))).to_series()
    assert told.to_list() == [None, None]


@given(st.sampled_from(SITES), st.sampled_from(HISTOLOGIES))
def test_as_the_twin(site, morphology):
    assert unlikely(site, morphology) is is_unlikely(site, morphology)


def test_every_morphology_has_a_likely_site():
    for morphology in HISTOLOGIES:
        assert any(is_unlikely(site, morphology) is False for site in SITES), morphology


def test_every_rare_cancer_has_a_likely_code():
    """The list of rare cancers and this table were made apart; they must not contradict."""
    entities = check_entities(packaged_table("tables/rare_cancers/entities.csv"), file="entities")
    rules = read_rules(packaged_table("tables/rare_cancers/rules.csv"), entities, file="rules")
    likely = {
        rule.entity_id
        for rule in rules
        if any(
            is_unlikely(SITES[site], HISTOLOGIES[histology]) is not True
            for histology in rule.histologies
            for site in rule.sites
        )
    }
    assert likely == {rule.entity_id for rule in rules}


def test_the_rows_say_how_sure_they_are():
    families = site_families()
    assert set(families["sureness"]) <= {"C", "D"}
    assert families["source"].null_count() == 0
    assert set(families["rule"]) == {"only", "never"}
