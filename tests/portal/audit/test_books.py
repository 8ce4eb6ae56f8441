"""Histories in the database: chained, added to, and never changed by anyone."""

import datetime as dt

import pytest
from django.db import DatabaseError, connection, transaction

from rarecare.care.history import History
from rarecare.errors import DisagreementError, UsageError
from rarecare.portal.audit.books import ACTS, add, extend, read, record
from rarecare.portal.audit.models import Entry

DAY = dt.date(2026, 3, 2)


def test_what_is_added_is_read_as_care_would_have_written_it(db):
    add("a", "one", {"x": 1.5, "name": "Škofja"}, on=DAY)
    add("a", "two", {"y": [1, 2]}, on=DAY)
    add("b", "other", {}, on=DAY)
    twin = (
        History().add("one", {"x": 1.5, "name": "Škofja"}, on=DAY).add("two", {"y": [1, 2]}, on=DAY)
    )
    assert read("a") == twin
    assert read("a").to_bytes() == twin.to_bytes()


def test_a_day_before_the_last_becomes_that_of_the_last(db):
    add("a", "one", {}, on=DAY)
    add("a", "two", {}, on=DAY - dt.timedelta(days=3))
    assert [one.day for one in read("a").entries] == [DAY, DAY]


def test_a_history_is_extended_once(db):
    first = History().add("one", {}, on=DAY)
    extend("a", first)
    extend("a", first.add("two", {}, on=DAY))
    assert len(read("a").entries) == 2
    with pytest.raises(DisagreementError, match="in the meantime"):
        extend("a", first.add("another second", {}, on=DAY))


def test_python_refuses_to_change(db):
    add("a", "one", {}, on=DAY)
    entry = Entry.objects.get(book="a")
    entry.kind = "another"
    for change in (entry.save, entry.delete, Entry.objects.all().delete,
                   lambda: Entry.objects.update(kind="another")):  # fmt: skip
        with pytest.raises(UsageError, match="neither changed nor removed"):
            change()


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_entry SET kind = 'another'", "DELETE FROM audit_entry"]
)
def test_the_database_refuses_to_change(db, statement):
    add("a", "one", {}, on=DAY)
    refusal = pytest.raises(DatabaseError, match="neither changed nor removed")
    with refusal, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert len(read("a").entries) == 1


def test_an_edit_by_other_means_is_found(db):
    add("a", "one", {"decision": "no"}, on=DAY)
    edited = Entry.objects.get(book="a")
    Entry.objects.create(
        book="forged", number=1, day=edited.day, kind=edited.kind, previous=edited.previous,
        content='{"decision":"yes"}', hash=edited.hash,
    )  # fmt: skip
    with pytest.raises(DisagreementError, match="contents do not have its hash"):
        read("forged")


def test_an_act_of_no_one_says_so(db):
    record(None, "failed to sign in", "an account")
    assert read(ACTS).entries[-1].content["actor"] == "nobody"
