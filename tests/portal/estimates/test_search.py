"""Search: names, everyday names, codes, families; typing errors forgiven."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecare.portal.estimates.search import LONGEST, SearchIndex, folded_words


@pytest.fixture(scope="module")
def index(opened):
    return SearchIndex(opened)


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("Osteogenic sarcoma", "08.02.01"),
        ("osteosarcoma", "08.02.01"),
        ("osteosarkom", "08.02.01"),  # German
        ("Остеосарком", "08.02.01"),  # Bulgarian
        ("ostoesarcoma", "08.02.01"),  # letters changed over
        ("cordoma", "08.02.03"),
        ("GIST", "08.03"),
        ("Wilms", "13.01.02"),
        ("leiomyosarcoma uterus", "08.01.07"),
        ("merkle cell", "09.01.06"),
        ("head and neck", "01"),
        ("Sarcomas", "08"),
        ("08.02", "08.02"),
        ("C40.2 9180/3", "08.02.01"),
        ("9180/3 c402", "08.02.01"),
        ("c40.2, 91803", "08.02.01"),
        ("9180", "08.02.01"),
    ],
)
def test_what_is_asked_comes_first(index, asked, first):
    answer = index.search(asked)
    assert answer.hits[0].entity.entity_id == first
    assert answer.found


def test_a_pair_of_codes_is_explained(index):
    answer = index.search("C40.2 9180/3")
    assert answer.explanation.tier2.entity_id == "08.02.01"
    assert [hit.entity.entity_id for hit in answer.hits][:2] == ["08.02.01", "08.02"]


def test_a_site_leads_to_the_entities_that_hold_it(index):
    found = {hit.entity.entity_id for hit in index.search("C40").hits}
    assert {"08.02", "08.02.01", "08.02.05"} <= found


def test_an_unknown_code_is_named(index):
    answer = index.search("C99.9 9180/3")
    assert not answer.hits
    assert "C99.9" in answer.problem


def test_two_sites_are_too_many(index):
    assert "One site and one histology" in index.search("C40.2 C41.0").problem


def test_nonsense_finds_nothing(index):
    assert index.search("qqqqxxxxzzzz").hits == ()
    assert index.search("").hits == ()
    assert index.search("   ").hits == ()


def test_a_near_name_is_not_called_found(index):
    answer = index.search("lymphangitis")
    assert not answer.found
    assert answer.hits


def test_a_question_without_end_is_cut(index):
    answer = index.search("sarcoma " * 10_000)
    assert len(answer.asked) <= LONGEST


@given(st.text(max_size=300))
def test_any_text_is_answered(asked):
    words = folded_words(asked)
    assert all(word and word.isascii() for word in words)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("tumour", "tumor"),
        ("leukaemia", "leukemia"),
        ("oesophagus", "esophagus"),
        ("Sarkom", "sarcom"),
        ("haemangioma", "hemangioma"),
        ("melanómã", "melanoma"),
    ],
)
def test_spellings_of_one_word_are_one(one, other):
    assert folded_words(one) == folded_words(other)


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_every_entity_is_found_by_its_own_name(index, opened, step):
    for entity in list(opened.entities.values())[::step]:
        hits = [hit.entity.name for hit in index.search(entity.name).hits[:3]]
        assert entity.name in hits, entity.name
