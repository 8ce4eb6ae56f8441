"""What is made once and shown again is what would be made anew: nothing leaks between pages."""

import random
from itertools import product

import pytest
from django.core.cache import caches
from django.template import engines
from django.template.autoreload import reset_loaders
from django.test import Client
from django.utils.translation import override

from rarecare.portal import kept, numbers
from rarecare.portal.languages import CODES
from rarecare.portal.opened import OpenedRelease, once
from rarecare.portal.readers import BY_CODE
from rarecare.portal.releases import store

LANGUAGES = ("en", "de", "bg")
WRITERS = (numbers.count, numbers.rate, numbers.percent, numbers.proportion, numbers.people)
VALUES = (0.0, 0.004, 0.3, 9.96, 12.5, 1234.5, 1_234_567.0, -2.5)


def forget():
    """Throw away all that was made before."""
    kept.shelf.clear()
    caches["template_fragments"].clear()
    store().current().made.clear()
    reset_loaders()


def read(address):
    response = Client().get(address)
    assert response.status_code == 200
    return response.content.decode(), response.headers["ETag"]


def test_a_sheet_is_the_same_after_any_others(portal):
    name = portal.current().name
    pages = [
        f"/{language}/{place}cancers/{cancer}-x/?for={reader}{survival}"
        for language, place, cancer, (reader, survival) in product(
            LANGUAGES, ("", f"r/{name}/"), ("08", "08.02.01"),
            [*((one, "") for one in BY_CODE), ("patient", "&survival=show")],
        )
    ]  # fmt: skip
    random.Random(1).shuffle(pages)
    forget()
    after_others = {page: read(page) for page in pages}
    for page in pages[::5]:
        forget()
        assert read(page) == after_others[page]


def test_two_releases_share_nothing(tmp_path, portal, copied, settings_of):
    page = "/en/cancers/08-x/?for=researcher"
    before, _tag = read(page)
    manifest = copied / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"Rare cancers', '"Other cancers', 1))
    pointer = tmp_path / "current"
    pointer.write_text(str(copied))
    old, new = portal.current().name, OpenedRelease.open(copied).name
    settings_of(RELEASE=str(pointer))
    store.cache_clear()
    after, _tag = read(page)
    assert old in before
    assert new in after
    assert old not in after
    assert "Other cancers" in after


def test_rows_are_those_of_the_table(opened):
    for entity_id in ("08", "all"):
        found = opened.rows(entity_id)
        assert [row for own in found.values() for row in own] == sorted(
            opened.frame(entity_id).to_dicts(), key=lambda row: list(found).index(row["measure"])
        )
        assert opened.rows(entity_id) is found


def test_once_is_for_each_release_and_entity(release_folder):
    calls = []

    @once
    def made(release, entity):
        calls.append(entity.entity_id)
        return release, entity.entity_id

    first, second = (OpenedRelease.open(release_folder) for _ in range(2))
    for release, entity_id in product((first, second), ("08", "08.02", "08")):
        assert made(release, release.entities[entity_id]) == (release, entity_id)
    assert calls == ["08", "08.02"] * 2


@pytest.mark.parametrize("language", CODES)
def test_a_number_of_a_table_is_written_as_any_other(language):
    with override(language):
        for write in WRITERS:
            own = write.here()
            assert [own(value) for value in VALUES] == [write(value) for value in VALUES]
    assert numbers.number(1234.5, decimals=1) == numbers.rate(1234.5)


@pytest.mark.parametrize("text", [
    '{% translate "Survival" %}', '{% translate "Survival" as said %}{{ said|upper }}',
    '{% url "directory:list" %}', '{% url "directory:list" as there %}{{ there }}',
])  # fmt: skip
def test_a_part_that_depends_on_the_language_alone_follows_it(text):
    ours = engines["django"].from_string(text)
    plain = engines["django"].from_string("{% load i18n %}" + text)
    shown = {}
    for language in (*CODES, *reversed(CODES)):
        with override(language):
            shown.setdefault(language, set()).add(ours.render())
            if "translate" in text:  # Django's own, which is loaded over ours
                assert ours.render() == plain.render()
    assert all(len(texts) == 1 for texts in shown.values())
    assert len(set.union(*shown.values())) == len(CODES)
    if "url" in text:
        assert shown["sl"] == {"/sl/centres/"}
