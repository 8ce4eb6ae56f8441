"""Names of cancers in other languages: a table a language, nothing guessed."""

import pytest

from rarecare.codes.entity_names import entity_name, language_of, languages, names_of
from rarecare.codes.packaged import packaged_table

LANGUAGES = ("bg", "de", "es", "fr", "it", "nl", "sl")


@pytest.fixture(scope="module")
def listed():
    rows = packaged_table("tables/rare_cancers/entities.csv").iter_rows(named=True)
    return {row["entity_id"]: row for row in rows}


def test_there_is_a_table_for_each_language():
    assert languages() == LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_table_names_every_family_and_first_tier_group_by_its_name_in_the_list(language, listed):
    table = packaged_table(f"names/{language}.csv")
    assert table.columns == ["entity_id", "english", "name", "status"]
    rows = [row for row in table.iter_rows(named=True) if row["entity_id"] not in ("all", "rare")]
    groups = {number for number, row in listed.items() if row["tier"] == "1"}
    families = {number.partition(".")[0] for number in listed}
    assert {row["entity_id"] for row in rows} >= groups | families
    for row in rows:
        if row["entity_id"] in listed:
            assert row["english"] == listed[row["entity_id"]]["name"]
        assert row["name"].strip() == row["name"] != ""
    assert set(table["status"]) == {"translated"}  # none has been read by the field


@pytest.mark.parametrize("language", LANGUAGES)
def test_two_cancers_have_one_name_only_where_the_list_gives_them_one(language):
    table = packaged_table(f"names/{language}.csv")
    assert table["name"].n_unique() == table["english"].n_unique() == table.height - 1
    # "Neuroendocrine tumours" is a family and its one group.


def test_a_name_is_known_by_its_language():
    for language in LANGUAGES:
        for name in packaged_table(f"names/{language}.csv")["name"]:
            assert language_of(name, prefer=language) == language
    assert language_of("Kostni sarkom", prefer="de") == "sl"
    assert language_of("Bone sarcoma", prefer="de") is None


def test_what_no_table_holds_has_no_name():
    assert entity_name("Osteogenic sarcoma", "sl") is None
    assert entity_name("Bone sarcoma", "en") is None
    assert entity_name("Bone sarcoma", "xx") is None
    assert names_of("Osteogenic sarcoma") == ()
    assert [name.language for name in names_of("Bone sarcoma")] == list(LANGUAGES)
